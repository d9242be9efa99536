/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Linux interface on its way to become a switch's uplink: what the host has on it, and the moment before its
 * own stack falls silent, when that can still be read. Control thread.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/mac.h"

struct netlink_interface {
	int ifindex;
	struct mac mac;
	uint32_t mtu;
	bool up;
	bool has_address; /* one that the host is reached by: any but a link-local IPv6 address */
};

/* In weftd's own namespace. -ENODEV: there is no such interface. */
int netlink_interface_facts(const char *ifname, struct netlink_interface *ret_facts);

struct err;

/* Whoever silences an interface's stack says so before, and after it speaks again; whoever must note what the
 * interface carries, and put back what silence cost it, listens. One listener. */
struct interface_listener {
	/* -errno: not noted durably, so do not silence it. */
	int (*before_silence)(const char *ifname, struct err *e);
	/* Also when it could not be silenced after all. */
	void (*after_silence)(const char *ifname);
};
void interface_listen(const struct interface_listener *l); /* static; NULL: nobody */
int interface_before_silence(const char *ifname, struct err *e);
void interface_after_silence(const char *ifname);
