/* SPDX-License-Identifier: Apache-2.0 */
/* See watch.h. */
#include "modules/hostnet/control/watch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/epoll.h>

#include "core/control/loop.h"

#define BUFFER_SIZE 32768
#define BURST 64 /* datagrams at a time; the rest when the loop comes round */

static struct mnl_socket *sock;
static struct loop_source *source;
static const struct watch_callbacks *callbacks;

static void read_messages(const struct nlmsghdr *nlh, int len)
{
	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		if (nlh->nlmsg_type != RTM_NEWADDR || mnl_nlmsg_get_payload_len(nlh) < sizeof(struct ifaddrmsg))
			continue;
		const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
		callbacks->address(ifa->ifa_index);
	}
}

static void ready(int fd, uint32_t events, void *arg)
{
	static uint8_t buf[BUFFER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool any = false;
	for (int i = 0; i < BURST; i++) {
		ssize_t n = mnl_socket_recvfrom(sock, buf, sizeof(buf));
		if (n < 0 && errno != ENOBUFS) /* lost some: everything is looked at again anyway */
			break;
		any = true;
		if (n > 0)
			read_messages((const void *)buf, (int)n);
		if (!sock)
			return; /* a callback stopped the watch */
	}
	if (any)
		callbacks->changed();
}

int watch_start(const struct watch_callbacks *c)
{
	sock = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!sock)
		return -errno;
	callbacks = c;
	int rc = 0;
	if (mnl_socket_bind(sock, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, MNL_SOCKET_AUTOPID) < 0)
		rc = -errno;
	if (!rc) {
		source = loop_add_fd(mnl_socket_get_fd(sock), EPOLLIN, ready, NULL);
		rc = source ? 0 : -ENOMEM;
	}
	if (rc < 0)
		watch_stop();
	return rc;
}

void watch_stop(void)
{
	loop_remove(source);
	source = NULL;
	if (sock)
		mnl_socket_close(sock);
	sock = NULL;
}
