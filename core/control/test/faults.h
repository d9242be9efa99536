/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that fail on demand, put between the store and the C library by the linker's --wrap. Calls are
 * counted while armed; the Nth fails, or the Nth and all after it, or a hook looks at the disk before each.
 */
#pragma once

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

static bool fault_armed;
static bool fault_lasting; /* the disk is dead from then on */
static unsigned fault_at; /* 0: none fails */
static unsigned fault_calls;
static void (*fault_before)(void);

static inline void fault_arm(unsigned at, bool lasting)
{
	fault_at = at;
	fault_lasting = lasting;
	fault_calls = 0;
	fault_armed = true;
}

static inline bool fault_now(void)
{
	if (!fault_armed)
		return false;
	if (fault_before) {
		fault_armed = false;
		fault_before();
		fault_armed = true;
	}
	fault_calls++;
	return fault_at && (fault_lasting ? fault_calls >= fault_at : fault_calls == fault_at);
}

#define FAULT_WRAP(name, params, args)                                                                               \
	int __real_##name params;                                                                                    \
	int __wrap_##name params;                                                                                    \
	int __wrap_##name params                                                                                     \
	{                                                                                                            \
		if (!fault_now())                                                                                    \
			return __real_##name args;                                                                   \
		errno = EIO;                                                                                         \
		return -1;                                                                                           \
	}

FAULT_WRAP(mkostemp, (char *path, int flags), (path, flags))
FAULT_WRAP(fsync, (int fd), (fd))
FAULT_WRAP(fchmod, (int fd, mode_t mode), (fd, mode))
FAULT_WRAP(rename, (const char *from, const char *to), (from, to))
FAULT_WRAP(unlink, (const char *path), (path))

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
/* Half of it is written first: that is what a full disk does. */
ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	if (!fault_now())
		return __real_write(fd, data, len);
	if (len > 1 && __real_write(fd, data, len / 2) < 0)
		return -1;
	errno = ENOSPC;
	return -1;
}

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
	bool fails = fault_now();
	int r = __real_close(fd);
	if (!fails)
		return r;
	errno = EIO;
	return -1;
}
