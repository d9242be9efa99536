/* SPDX-License-Identifier: Apache-2.0 */
/* What fuzz targets have in common: a way to say what must hold, and frames in heap blocks that ASan watches. */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(truth)                                                                                                 \
	do {                                                                                                         \
		if (!(truth))                                                                                        \
			abort();                                                                                     \
	} while (0)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
