/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network namespaces by name. Nothing here moves the calling thread: work inside a namespace is done by a
 * thread of its own, so that no failure can leave the daemon in the wrong one.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

/* Which namespace a name stood for when it was opened. */
struct netns_id {
	dev_t dev;
	ino_t ino;
};

/* Opens the namespace `name` as `ip netns add` makes them (/run/netns/NAME), or a path if it has a slash.
 * -ENOENT: there is none. The caller closes *ret_fd, which keeps the namespace alive meanwhile. */
int netns_open(const char *name, int *ret_fd, struct netns_id *ret_id /* NULL ok */);

static inline bool netns_id_equal(const struct netns_id *a, const struct netns_id *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

/* Does the name still stand for that namespace? */
bool netns_is(const char *name, const struct netns_id *id);

/* Runs fn(arg) inside the namespace (fd -1: just calls it) and returns what it returned; -errno if it could
 * not get there. Sockets and tun descriptors that fn opens stay in that namespace and keep it alive. */
int netns_run(int fd, int (*fn)(void *arg), void *arg);
