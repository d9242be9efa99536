/* SPDX-License-Identifier: Apache-2.0 */
/* Folders copied and removed by this process: tests of the store do it a thousand times, too often to start a shell. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define TREE_FILE_MAX (1 << 20)

static const char *tree_from, *tree_to;

static inline int tree_remove_one(const char *path, const struct stat *s, int type, struct FTW *at)
{
	return at->level == 0 ? 0 : remove(path);
}

static inline int tree_copy_one(const char *path, const struct stat *s, int type, struct FTW *at)
{
	char to[512], *data;
	size_t len;
	snprintf(to, sizeof(to), "%s%s", tree_to, path + strlen(tree_from));
	if (type == FTW_D)
		return mkdir(to, s->st_mode & 07777);
	assert_int_equal(file_read(path, TREE_FILE_MAX, &data, &len), 0);
	int fd = open(to, O_WRONLY | O_CREAT | O_EXCL, s->st_mode & 07777);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
	free(data);
	return 0;
}

/* What is in a folder; the folder stays. */
static inline void tree_empty(const char *path)
{
	assert_int_equal(nftw(path, tree_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static inline void tree_remove(const char *path)
{
	tree_empty(path);
	assert_int_equal(rmdir(path), 0);
}

static inline void tree_copy(const char *from, const char *to)
{
	tree_from = from;
	tree_to = to;
	assert_int_equal(nftw(from, tree_copy_one, 8, FTW_PHYS), 0);
	tree_from = tree_to = NULL;
}
