/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and replacing whole small files. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_READ = 4096 };

/* Reads until the end of the file or until max + 1 bytes are there. The size is not asked for first: files
 * in /proc say 0, and any file may grow meanwhile. */
static int fd_read_all(int fd, size_t max, char **ret_data, size_t *ret_len)
{
	size_t len = 0, cap = 0;
	char *data = NULL;

	for (;;) {
		if (cap - len < 2) {
			size_t next = cap ? cap * 2 : FIRST_READ;
			char *grown = realloc(data, next);
			if (!grown) {
				free(data);
				return -ENOMEM;
			}
			data = grown;
			cap = next;
		}
		ssize_t n = read(fd, data + len, cap - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int r = -errno;
			free(data);
			return r;
		}
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max) {
			free(data);
			return -EFBIG;
		}
	}
	data[len] = '\0';
	*ret_data = data;
	*ret_len = len;
	return 0;
}

int file_read(const char *path, size_t max, char **ret_data, size_t *ret_len)
{
	if (max > SIZE_MAX / 4)
		return -EINVAL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	int r = fd_read_all(fd, max, ret_data, ret_len);
	close(fd);
	return r;
}

static int fd_write_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* A rename is only on the disk once the folder is. */
static int folder_sync(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = !slash ? strdup(".") : slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
	if (!folder)
		return -ENOMEM;

	int r = 0;
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		r = -errno;
	if (fd >= 0)
		close(fd);
	free(folder);
	return r;
}

int file_replace(const char *path, const void *data, size_t len, mode_t mode)
{
	char *beside;
	if (asprintf(&beside, "%s.XXXXXX", path) < 0)
		return -ENOMEM;

	int r = 0;
	int fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0) {
		r = -errno;
		goto out_name;
	}
	r = fd_write_all(fd, data, len);
	if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(beside, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(beside);
	else
		r = folder_sync(path);
out_name:
	free(beside);
	return r;
}

int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;

	/* A sysctl takes the whole text in one write, or refuses. */
	size_t len = strlen(text);
	ssize_t n;
	do
		n = write(fd, text, len);
	while (n < 0 && errno == EINTR);
	int r = n < 0 ? -errno : (size_t)n < len ? -EIO : 0;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}
