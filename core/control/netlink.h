/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtnetlink: one request and its answers at a time, and what weft does to links. Addresses, routes and rules
 * are hostnet's, queueing disciplines port-wire's; both build their messages with libmnl and send them by
 * netlink_request. Control thread; every call waits for the kernel, which answers at once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>
#include <net/if.h>

#include "base/mac.h"
#include "core/control/interface.h" /* netlink_interface_facts */

#define NETLINK_ALIAS_SIZE 256 /* IFALIASZ */
#define NETLINK_MESSAGE_SIZE 4096 /* room for any request that weft builds */

struct netlink;

/* A socket in the namespace netns_fd (-1: weftd's own). It keeps that namespace alive: close it soon. */
int netlink_open(int netns_fd, struct netlink **ret_nl);
void netlink_close(struct netlink *nl); /* NULL ok */

/* Starts a message in buf (NETLINK_MESSAGE_SIZE bytes). flags: NLM_F_CREATE, NLM_F_DUMP ... */
struct nlmsghdr *netlink_message(void *buf, uint16_t type, uint16_t flags);

/* Called for each message of the answer; anything but 0 is kept and returned once the answer is read whole. */
typedef int netlink_reply_fn(const struct nlmsghdr *nlh, void *arg);

/* Sends a request or a dump, hands its answers to fn (NULL ok) and waits for the end. 0 or the kernel's
 * -errno, explained by netlink_error. A dump that the kernel changed under way is asked for again by -EINTR. */
int netlink_request(struct netlink *nl, struct nlmsghdr *request, netlink_reply_fn *fn, void *arg);
const char *netlink_error(const struct netlink *nl); /* what the kernel said about the last failure, or "" */

struct netlink_link {
	int index;
	char name[IFNAMSIZ];
	char kind[16]; /* "veth", "tun", "bridge"; empty: a real device */
	char alias[NETLINK_ALIAS_SIZE];
	struct mac mac;
	uint16_t hardware; /* ARPHRD_* */
	uint32_t mtu;
	unsigned flags; /* IFF_* */
	bool carrier;
	uint32_t group; /* 0 unless somebody gave it one */
	int controller; /* index of the bridge or bond that it belongs to; 0: none */
	bool tun_multi_queue; /* kind "tun" only, as the next */
	uint32_t tun_queues; /* descriptors attached; the kernel tells it of multi-queue taps only */
};

int netlink_link_get(struct netlink *nl, const char *name, struct netlink_link *ret_link); /* -ENODEV */
int netlink_link_by_index(struct netlink *nl, int index, struct netlink_link *ret_link);

/* What is to change; zero and NULL: stays. All in one request, in the order: name, MAC, MTU, alias, flags. */
struct netlink_link_change {
	const char *name;
	const struct mac *mac;
	uint32_t mtu;
	const char *alias; /* "": none */
	uint32_t group;
	unsigned flags, flags_mask; /* IFF_UP ... */
};

int netlink_link_change(struct netlink *nl, int index, const struct netlink_link_change *c);
int netlink_link_delete(struct netlink *nl, int index);

/* Is any link of the namespace in the group? 1, 0, -errno. */
int netlink_group_used(struct netlink *nl, uint32_t group);
/* Deletes every link of the group, all at the cost of one. */
int netlink_group_delete(struct netlink *nl, uint32_t group);
