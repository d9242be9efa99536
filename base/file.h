/* SPDX-License-Identifier: Apache-2.0 */
/* Whole small files: read with a bound, replace atomically. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Reads all of path. -EFBIG over max bytes. *ret_data is NUL-terminated beyond len; the caller frees. */
int file_read(const char *path, size_t max, char **ret_data, size_t *ret_len);
/* Writes beside, fsyncs, renames over path, fsyncs the folder: after a crash it is the old or the new, whole. */
int file_replace(const char *path, const void *data, size_t len, mode_t mode);
/* Writes to an existing file such as a sysctl. */
int file_write(const char *path, const char *text);
