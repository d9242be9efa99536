/* SPDX-License-Identifier: Apache-2.0 */
/* Network namespaces by name, entered only by short-lived threads. */
#include "core/control/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#define NETNS_DIR "/run/netns"

static int netns_path(const char *name, char *path, size_t size)
{
	const char *format = strchr(name, '/') ? "%s" : NETNS_DIR "/%s";
	int n = snprintf(path, size, format, name);
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int netns_open(const char *name, int *ret_fd, struct netns_id *ret_id)
{
	char path[PATH_MAX];
	int rc = netns_path(name, path, sizeof(path));
	if (rc)
		return rc;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;

	/* `ip netns add` makes the file first and mounts the namespace on it a moment later. */
	struct statfs fs;
	struct stat st;
	if (fstatfs(fd, &fs) || fstat(fd, &st)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	if (fs.f_type != NSFS_MAGIC) {
		close(fd);
		return -ENOENT;
	}
	if (ret_id)
		*ret_id = (struct netns_id){.dev = st.st_dev, .ino = st.st_ino};
	*ret_fd = fd;
	return 0;
}

bool netns_is(const char *name, const struct netns_id *id)
{
	char path[PATH_MAX];
	struct stat st;
	return !netns_path(name, path, sizeof(path)) && !stat(path, &st) && st.st_dev == id->dev &&
	       st.st_ino == id->ino;
}

struct netns_call {
	int fd;
	int (*fn)(void *arg);
	void *arg;
	int result;
};

static void *netns_thread(void *arg)
{
	struct netns_call *call = arg;
	call->result = setns(call->fd, CLONE_NEWNET) ? -errno : call->fn(call->arg);
	return NULL;
}

int netns_run(int fd, int (*fn)(void *arg), void *arg)
{
	if (fd < 0)
		return fn(arg);
	struct netns_call call = {.fd = fd, .fn = fn, .arg = arg};
	pthread_t thread;
	int rc = pthread_create(&thread, NULL, netns_thread, &call);
	if (rc)
		return -rc;
	pthread_join(thread, NULL);
	return call.result;
}
