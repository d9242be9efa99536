/* SPDX-License-Identifier: Apache-2.0 */
/* memif's sockets: sequenced packets of one size, some with a descriptor. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "modules/port-wire/control/memif.h"
#include "modules/port-wire/control/memif_judge.h"

#define WAITING_PEERS 8
#define FDS_MAX 8 /* in one message; all but the first are closed */

/* Abstract names as the driver and libmemif make them: of the name's own length. */
static socklen_t address(struct sockaddr_un *at, const char *path, bool abstract)
{
	*at = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(at->sun_path + abstract, path, strnlen(path, sizeof(at->sun_path) - 1));
	return abstract ? (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(path)) : sizeof(*at);
}

static int socket_new(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 ? -errno : fd;
}

int memif_socket_listen(const char *path, bool abstract)
{
	struct sockaddr_un at;
	socklen_t len = address(&at, path, abstract);
	int fd = socket_new();
	if (fd < 0)
		return fd;
	if (!bind(fd, (struct sockaddr *)&at, len) && !listen(fd, WAITING_PEERS))
		return fd;
	int rc = -errno;
	close(fd);
	return rc;
}

int memif_socket_connect(const char *path, bool abstract)
{
	struct sockaddr_un to;
	socklen_t len = address(&to, path, abstract);
	int fd = socket_new();
	if (fd < 0)
		return fd;
	if (!connect(fd, (struct sockaddr *)&to, len))
		return fd;
	int rc = -errno;
	close(fd);
	return rc;
}

/* The first descriptor, the others closed; -1: there is none. */
static int first_descriptor(struct msghdr *h)
{
	int first = -1, fd;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; CMSG_LEN(at + sizeof(fd)) <= c->cmsg_len; at += sizeof(fd)) {
			memcpy(&fd, CMSG_DATA(c) + at, sizeof(fd));
			if (first < 0)
				first = fd;
			else
				close(fd);
		}
	}
	return first;
}

int memif_socket_receive(int fd, struct memif_message *ret_m, int *ret_fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(FDS_MAX * sizeof(int))];
	struct iovec bytes = {ret_m, sizeof(*ret_m)};
	struct msghdr h = {
		.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	*ret_fd = first_descriptor(&h);
	if (n == sizeof(*ret_m) && !(h.msg_flags & MSG_TRUNC))
		return 1;
	if (*ret_fd >= 0)
		close(*ret_fd);
	return n ? -EBADMSG : -ECONNRESET;
}

bool memif_socket_send(int fd, const struct memif_message *m, int with)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec bytes = {(void *)m, sizeof(*m)};
	struct msghdr h = {.msg_iov = &bytes, .msg_iovlen = 1};
	if (with >= 0) {
		h.msg_control = control;
		h.msg_controllen = sizeof(control);
		struct cmsghdr *c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &with, sizeof(int));
	}
	return sendmsg(fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(*m);
}

void memif_socket_refuse(int fd, const char *why)
{
	struct memif_message m = {.type = MEMIF_DISCONNECT};
	snprintf(m.disconnect.why, sizeof(m.disconnect.why), "%s", why);
	memif_socket_send(fd, &m, -1);
	close(fd);
}
