/* SPDX-License-Identifier: Apache-2.0 */
/* The IP addresses of one interface: what is there, what the document wants, and the way from one to the other. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "modules/hostnet/control/record.h"

struct netlink;

/* Addresses, routes and rules that weft set bear this as their protocol; what bears another is not ours to
 * remove. (RTA_PROTOCOL, IFA_PROTO and FRA_PROTOCOL; free in /etc/iproute2/rt_protos.) */
#define HOSTNET_PROTOCOL 77

/* Which half of a change: everything new is made before anything old is broken. */
enum sync_half { SYNC_ADD = 1, SYNC_REMOVE = 2, SYNC_BOTH = 3 };

struct address_change {
	struct ip_prefix prefix;
	bool add;
};

/* What turns `have` into `want`: additions in the order wanted, then removals of ours. Returns how many of
 * changes[n_want + have->n] it filled in. */
size_t address_diff(const struct ip_prefix *want, size_t n_want, const struct records *have,
		    struct address_change *changes);

int address_dump(struct netlink *nl, uint32_t ifindex, struct records *ret_records);
int address_add(struct netlink *nl, uint32_t ifindex, const struct ip_prefix *p); /* 0 if it is there already */
/* One for valid_s seconds from now (UINT32_MAX: for ever), whether it is there already or not. */
int address_lease(struct netlink *nl, uint32_t ifindex, const struct ip_prefix *p, uint32_t valid_s);
int address_remove(struct netlink *nl, uint32_t ifindex, const struct ip_prefix *p); /* 0 if it is gone already */

/* Told of each change made (rc 0) or failed; arg as given. */
typedef void address_told_fn(const struct address_change *c, int rc, const char *why, void *arg);

/* Makes the interface's addresses those wanted; foreign ones stay. Returns the first failure, after trying all. */
int address_sync(struct netlink *nl, uint32_t ifindex, const struct ip_prefix *want, size_t n_want,
		 enum sync_half half, address_told_fn *told, void *arg);
