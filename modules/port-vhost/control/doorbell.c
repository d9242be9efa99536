/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library's thread sleeps up to a second before it notices that there is one more socket to listen on; a
 * message on a connection wakes it at once. So it is given one connection whose other end is ours. It answers
 * if asked to, and is then past whatever it was at before.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_vhost.h>

#include "modules/port-vhost/control/control.h"
#include "modules/port-vhost/control/guard.h"

#define ANSWER (offsetof(struct vhost_message, u64) + sizeof(uint64_t))
#define PATIENCE_S 1

static int bell = -1;
static unsigned owed; /* answers that have not come yet */

static const struct rte_vhost_device_ops no_callbacks;

/* The library can only connect to a path; it is gone again when this returns. */
static int connect_by(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	int fd = -1, listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0)
		return -errno;
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) || listen(listener, 1))
		goto out;
	if (rte_vhost_driver_register(path, RTE_VHOST_USER_CLIENT | RTE_VHOST_USER_NO_RECONNECT))
		goto out;
	rte_vhost_driver_callback_register(path, &no_callbacks);
	if (rte_vhost_driver_start(path) == 0)
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	else
		rte_vhost_driver_unregister(path);
out:
	close(listener);
	unlink(path);
	return fd;
}

void vhost_doorbell_hang(void)
{
	char folder[] = "/tmp/weft-XXXXXX", path[sizeof(folder) + 8];
	if (bell >= 0 || !mkdtemp(folder))
		return;
	snprintf(path, sizeof(path), "%s/bell", folder);
	bell = connect_by(path);
	rmdir(folder);
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	if (bell >= 0)
		setsockopt(bell, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

/* A message without meaning. */
static bool ring(uint32_t flags)
{
	struct vhost_message m = {.request = VU_SET_OWNER, .flags = 1 | flags};
	size_t len = offsetof(struct vhost_message, u64);
	return bell >= 0 && send(bell, &m, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len;
}

void vhost_doorbell_ring(void) { ring(0); /* if that cannot be, it is a second until the socket is served */ }

bool vhost_doorbell_wait(void)
{
	uint8_t answer[ANSWER];
	bool rung = ring(VHOST_NEED_REPLY);
	for (owed += rung; owed; owed--) {
		ssize_t n;
		do
			n = recv(bell, answer, sizeof(answer), MSG_WAITALL);
		while (n < 0 && errno == EINTR);
		if (n != sizeof(answer))
			return false; /* what is owed is waited for by the next */
	}
	return rung;
}
