/* SPDX-License-Identifier: Apache-2.0 */
/* Zeroed memory for large tables. Random look-ups on 4 KiB pages cost a page walk each: huge pages where they can be. */
#pragma once

#include <stddef.h>

/* At least *bytes, which becomes how many they are. NULL: no memory. */
void *pages_map(size_t *bytes);
void pages_unmap(void *pages, size_t bytes);
