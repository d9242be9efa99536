/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows is a strong host, Linux is not: with two adapters on one subnet Linux answers ARP for either on both
 * and sends everything through the first. As soon as the host has two adapters with addresses, each answers
 * for its own addresses only (arp_ignore, arp_announce, rp_filter) and what is sent from an address leaves by its
 * own adapter, by three rules an address:
 *
 *   30566  from ADDRESS lookup TABLE suppress_prefixlength 0      the adapter's own subnets
 *   30567  from ADDRESS lookup main suppress_prefixlength 0       every other route that is not a default route
 *   30568  from ADDRESS lookup TABLE                              the adapter's own gateway, if it has one
 *
 * TABLE is 0x77660000 + the adapter's interface index.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modules/hostnet/control/route.h"

#define STRONG_TABLE(ifindex) (0x77660000u + (ifindex))
#define STRONG_PREFERENCE 30566u

struct strong_adapter {
	uint32_t ifindex;
	const char *ifname;
};

/* Makes the host a strong one for these adapters as they are now; with one that has addresses, or none, what an
 * earlier call set is taken back. `half` as for address_sync. First failure, after trying all. */
int strong_host_sync(struct netlink *nl, const struct strong_adapter *adapters, size_t n, enum sync_half half);

/* Takes back all that strong_host_sync set for these. */
int strong_host_clear(struct netlink *nl, const struct strong_adapter *adapters, size_t n);

/* Pure: what an adapter's table holds, from what the main table and the interface have. Routes to
 * routes[addresses->n + main_routes->n], sources to sources[addresses->n]. */
void strong_host_table(uint32_t ifindex, const struct records *addresses, const struct records *main_routes,
		       struct route *routes, size_t *ret_n_routes, struct ip *sources, size_t *ret_n_sources);
