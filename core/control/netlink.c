/* SPDX-License-Identifier: Apache-2.0 */
/* rtnetlink requests, and links. See netlink.h. */
#include "core/control/netlink.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"
#include "core/control/netns.h"

#define NETLINK_RECEIVE_SIZE 32768 /* the kernel never makes longer dump messages */

struct netlink {
	struct mnl_socket *socket;
	uint32_t sequence;
	char error[256];
	uint8_t buffer[NETLINK_RECEIVE_SIZE];
};

static int open_socket(void *arg)
{
	struct mnl_socket **ret = arg;
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!s)
		return -errno;
	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0) {
		int rc = -errno;
		mnl_socket_close(s);
		return rc;
	}
	int on = 1;
	mnl_socket_setsockopt(s, NETLINK_CAP_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(s, NETLINK_EXT_ACK, &on, sizeof(on));
	*ret = s;
	return 0;
}

int netlink_open(int netns_fd, struct netlink **ret_nl)
{
	struct netlink *nl = calloc(1, sizeof(*nl));
	if (!nl)
		return -ENOMEM;
	int rc = netns_run(netns_fd, open_socket, &nl->socket);
	if (rc) {
		free(nl);
		return rc;
	}
	*ret_nl = nl;
	return 0;
}

void netlink_close(struct netlink *nl)
{
	if (!nl)
		return;
	mnl_socket_close(nl->socket);
	free(nl);
}

const char *netlink_error(const struct netlink *nl) { return nl->error; }

struct nlmsghdr *netlink_message(void *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	return nlh;
}

/* The errno of an error or acknowledgement; the kernel's words, if it gave any, go to nl->error. */
static int read_verdict(struct netlink *nl, const struct nlmsghdr *nlh)
{
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nlmsgerr))
		return -EBADMSG;
	const struct nlmsgerr *verdict = mnl_nlmsg_get_payload(nlh);
	if (!verdict->error || !(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return verdict->error;
	size_t skip = sizeof(*verdict);
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += MNL_ALIGN(verdict->msg.nlmsg_len) - sizeof(verdict->msg);
	if (skip > mnl_nlmsg_get_payload_len(nlh))
		return verdict->error;
	const struct nlattr *attr;
	mnl_attr_for_each(attr, nlh, skip)
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG && !mnl_attr_validate(attr, MNL_TYPE_NUL_STRING))
			snprintf(nl->error, sizeof(nl->error), "%s", mnl_attr_get_str(attr));
	return verdict->error;
}

/* One datagram of the answer. 1: it was the last. */
static int read_answer(struct netlink *nl, int len, netlink_reply_fn *fn, void *arg, int *verdict)
{
	const struct nlmsghdr *nlh = (const void *)nl->buffer;
	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		if (nlh->nlmsg_seq != nl->sequence)
			continue; /* the end of an answer that was given up */
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			*verdict = -EINTR;
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			int rc = read_verdict(nl, nlh);
			*verdict = rc ? rc : *verdict;
			return 1;
		}
		if (nlh->nlmsg_type == NLMSG_DONE)
			return 1;
		if (nlh->nlmsg_type < NLMSG_MIN_TYPE || !fn)
			continue;
		int rc = fn(nlh, arg);
		*verdict = *verdict ? *verdict : rc;
	}
	return 0;
}

int netlink_request(struct netlink *nl, struct nlmsghdr *request, netlink_reply_fn *fn, void *arg)
{
	bool dump = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP &&
		    (request->nlmsg_type & 3) == 2; /* RTM_GET*: elsewhere these bits mean REPLACE and EXCL */
	if (!dump)
		request->nlmsg_flags |= NLM_F_ACK;
	request->nlmsg_seq = ++nl->sequence;
	nl->error[0] = '\0';
	if (mnl_socket_sendto(nl->socket, request, request->nlmsg_len) < 0)
		return -errno;

	int verdict = 0;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(nl->socket, nl->buffer, sizeof(nl->buffer));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (read_answer(nl, (int)n, fn, arg, &verdict))
			return verdict;
	}
}

static void copy_text(char *to, size_t size, const struct nlattr *attr)
{
	size_t len = strnlen(mnl_attr_get_str(attr), mnl_attr_get_payload_len(attr));
	if (len >= size)
		len = size - 1;
	memcpy(to, mnl_attr_get_str(attr), len);
	to[len] = '\0';
}

static uint32_t get_number(const struct nlattr *attr) /* 0 if it is none */
{
	switch (mnl_attr_get_payload_len(attr)) {
	case 1:
		return mnl_attr_get_u8(attr);
	case 4:
		return mnl_attr_get_u32(attr);
	default:
		return 0;
	}
}

static void read_kind(const struct nlattr *info, struct netlink_link *link)
{
	const struct nlattr *attr, *detail, *data = NULL;
	mnl_attr_for_each_nested(attr, info) {
		if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
			copy_text(link->kind, sizeof(link->kind), attr);
		else if (mnl_attr_get_type(attr) == IFLA_INFO_DATA)
			data = attr;
	}
	if (!data || !str_equal(link->kind, "tun"))
		return;
	mnl_attr_for_each_nested(detail, data) {
		if (mnl_attr_get_type(detail) == IFLA_TUN_MULTI_QUEUE)
			link->tun_multi_queue = get_number(detail);
		else if (mnl_attr_get_type(detail) == IFLA_TUN_NUM_QUEUES)
			link->tun_queues = get_number(detail);
	}
}

static int read_link(const struct nlmsghdr *nlh, void *arg)
{
	struct netlink_link *link = arg;
	if (nlh->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(nlh) < sizeof(struct ifinfomsg))
		return 0;
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	*link = (struct netlink_link){.index = info->ifi_index, .flags = info->ifi_flags, .hardware = info->ifi_type};
	const struct nlattr *attr;
	mnl_attr_for_each(attr, nlh, sizeof(*info)) {
		switch (mnl_attr_get_type(attr)) {
		case IFLA_IFNAME:
			copy_text(link->name, sizeof(link->name), attr);
			break;
		case IFLA_IFALIAS:
			copy_text(link->alias, sizeof(link->alias), attr);
			break;
		case IFLA_ADDRESS:
			if (mnl_attr_get_payload_len(attr) == sizeof(link->mac))
				memcpy(&link->mac, mnl_attr_get_payload(attr), sizeof(link->mac));
			break;
		case IFLA_MTU:
			link->mtu = get_number(attr);
			break;
		case IFLA_CARRIER:
			link->carrier = get_number(attr);
			break;
		case IFLA_GROUP:
			link->group = get_number(attr);
			break;
		case IFLA_MASTER:
			link->controller = (int)get_number(attr);
			break;
		case IFLA_LINKINFO:
			read_kind(attr, link);
			break;
		}
	}
	return 0;
}

static struct nlmsghdr *link_message(void *buf, uint16_t type, int index)
{
	struct nlmsghdr *nlh = netlink_message(buf, type, 0);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	info->ifi_index = index;
	return nlh;
}

static int get_link(struct netlink *nl, struct nlmsghdr *request, struct netlink_link *ret_link)
{
	struct netlink_link link = {0};
	mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	int rc = netlink_request(nl, request, read_link, &link);
	if (rc)
		return rc;
	if (!link.index)
		return -ENODEV;
	*ret_link = link;
	return 0;
}

int netlink_link_get(struct netlink *nl, const char *name, struct netlink_link *ret_link)
{
	uint8_t buf[NETLINK_MESSAGE_SIZE];
	if (!*name || strlen(name) >= IFNAMSIZ)
		return -ENODEV;
	struct nlmsghdr *request = link_message(buf, RTM_GETLINK, 0);
	mnl_attr_put_strz(request, IFLA_IFNAME, name);
	return get_link(nl, request, ret_link);
}

int netlink_link_by_index(struct netlink *nl, int index, struct netlink_link *ret_link)
{
	uint8_t buf[NETLINK_MESSAGE_SIZE];
	return get_link(nl, link_message(buf, RTM_GETLINK, index), ret_link);
}

int netlink_link_change(struct netlink *nl, int index, const struct netlink_link_change *c)
{
	uint8_t buf[NETLINK_MESSAGE_SIZE];
	if (c->alias && strlen(c->alias) >= NETLINK_ALIAS_SIZE)
		return -ENAMETOOLONG;
	if (c->name && strlen(c->name) >= IFNAMSIZ)
		return -ENAMETOOLONG;
	struct nlmsghdr *request = link_message(buf, RTM_NEWLINK, index);
	struct ifinfomsg *info = mnl_nlmsg_get_payload(request);
	info->ifi_flags = c->flags;
	info->ifi_change = c->flags_mask;
	if (c->name)
		mnl_attr_put_strz(request, IFLA_IFNAME, c->name);
	if (c->mac)
		mnl_attr_put(request, IFLA_ADDRESS, sizeof(c->mac->byte), c->mac->byte);
	if (c->mtu)
		mnl_attr_put_u32(request, IFLA_MTU, c->mtu);
	if (c->alias)
		mnl_attr_put_str(request, IFLA_IFALIAS, c->alias);
	if (c->group)
		mnl_attr_put_u32(request, IFLA_GROUP, c->group);
	return netlink_request(nl, request, NULL, NULL);
}

int netlink_link_delete(struct netlink *nl, int index)
{
	uint8_t buf[NETLINK_MESSAGE_SIZE];
	return netlink_request(nl, link_message(buf, RTM_DELLINK, index), NULL, NULL);
}

struct group_search {
	uint32_t group;
	bool found;
};

static int search_group(const struct nlmsghdr *nlh, void *arg)
{
	struct group_search *search = arg;
	struct netlink_link link = {0};
	read_link(nlh, &link);
	search->found |= link.group == search->group;
	return 0;
}

int netlink_group_used(struct netlink *nl, uint32_t group)
{
	uint8_t buf[NETLINK_MESSAGE_SIZE];
	struct group_search search = {.group = group};
	struct nlmsghdr *request = link_message(buf, RTM_GETLINK, 0);
	request->nlmsg_flags |= NLM_F_DUMP;
	mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	int rc = netlink_request(nl, request, search_group, &search);
	return rc ? rc : search.found;
}

int netlink_group_delete(struct netlink *nl, uint32_t group)
{
	uint8_t buf[NETLINK_MESSAGE_SIZE];
	struct nlmsghdr *request = link_message(buf, RTM_DELLINK, 0);
	mnl_attr_put_u32(request, IFLA_GROUP, group);
	return netlink_request(nl, request, NULL, NULL);
}
