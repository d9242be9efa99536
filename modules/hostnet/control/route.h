/* SPDX-License-Identifier: Apache-2.0 */
/* Routes through one interface, static neighbours, and the policy rules that make Linux a strong host. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modules/hostnet/control/address.h"

struct route {
	struct ip_prefix to; /* host bits zero; its ip.family says the family, also of a default route */
	struct ip via; /* family 0: on the link */
	struct ip source; /* family 0: the kernel chooses */
	uint32_t table;
	uint32_t metric; /* never 0 for IPv6, where the kernel would make it 1024 */
};

struct route_change {
	struct route route;
	bool add;
};

/* As address_diff. changes[n_want + have->n]. */
size_t route_diff(const struct route *want, size_t n_want, const struct records *have, struct route_change *changes);

/* Every route through the interface, in every table but `local`, with those that name it beside others
 * (multipath). */
int route_dump(struct netlink *nl, uint32_t ifindex, struct records *ret_records);
int route_add(struct netlink *nl, uint32_t ifindex, const struct route *r); /* 0 if it is there already */
int route_remove(struct netlink *nl, uint32_t ifindex, const struct route *r);

typedef void route_told_fn(const struct route_change *c, int rc, const char *why, void *arg);
/* Makes ours of the interface's routes in that table those wanted. First failure, after trying all. */
int route_sync(struct netlink *nl, uint32_t ifindex, uint32_t table, const struct route *want, size_t n_want,
	       enum sync_half half, route_told_fn *told, void *arg);

int neighbour_dump(struct netlink *nl, uint32_t ifindex, struct records *ret_records);

/* from ADDRESS lookup TABLE [suppress_prefixlength 0] */
struct rule {
	struct ip from;
	uint32_t preference, table;
	bool specific_only; /* its default route does not count */
};

/* Rules that bear HOSTNET_PROTOCOL, for both families; the caller frees *ret_rules. */
int rule_dump(struct netlink *nl, struct rule **ret_rules, size_t *ret_n);
int rule_add(struct netlink *nl, const struct rule *r); /* 0 if it is there already */
int rule_remove(struct netlink *nl, const struct rule *r); /* 0 if it is gone already */

/* "10.0.0.0/8 via 192.0.2.1", "default via 192.0.2.1" */
#define ROUTE_TEXT_SIZE 128
const char *route_format(const struct route *r, char buf[static ROUTE_TEXT_SIZE]);

struct ip_prefix ip_network(const struct ip_prefix *p); /* host bits cleared */
