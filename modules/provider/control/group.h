/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Multicast groups that somebody joined: switches that snoop (RFC 4541) learn of them by IGMPv2 and MLDv1 reports,
 * sent when a group comes, once a minute, and when a querier asks.
 */
#pragma once

#include "modules/provider/control/network.h"

struct group {
	struct ip ip;
	unsigned users;
	uint64_t due_ms; /* of the next report */
	LIST_ENTRY(group) link;
};

struct mac group_mac(const struct ip *group); /* RFC 1112, 6.4; RFC 2464, 7 */
bool group_is(const struct ip *ip); /* a multicast address */
/* Reports that are due go out. */
void group_tick(struct network *net, uint64_t now_ms);
/* A querier asked for one group, or (family 0) for all: reports are due at once. */
void group_asked(struct network *net, const struct ip *group);
