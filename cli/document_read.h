/* SPDX-License-Identifier: Apache-2.0 */
/* A document as commands are given one: the name of a file, or '-' for standard input. */
#pragma once

#include <stddef.h>

#include "cli/command.h"

/* Its text; the caller frees. CLI_OK, or CLI_REFUSED after saying what is wrong with the file. */
int document_read(struct cli *c, const char *path, char **ret_text, size_t *ret_len);
