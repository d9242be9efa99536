/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that are answered for on guests' behalf (rule nat). Private to modules/provider/control. */
#pragma once

#include "modules/provider/control/network.h"

struct lent {
	struct ip ip;
	struct mac mac; /* zero: that of the PA beside it */
	unsigned users;
	struct mac said; /* the last announced */
	uint16_t said_vlan;
	struct mac claimed; /* who says that it is his, too, and since when */
	uint64_t claimed_ms;
	bool told; /* and an event said so */
	LIST_ENTRY(lent) link;
};

/* As a PA of the network: MAC address, VLAN, subnet. false: the network has no PA of its family, or has it itself. */
bool lent_address(const struct network *net, const struct lent *l, struct network_address *ret);
struct lent *lent_find(const struct network *net, const struct ip *ip); /* NULL: not lent */
/* A message from `mac` says that the address is his. A guest that moves is announced by its next host before this one
 * lets go, so it becomes an event only if it is still lent here some seconds later. */
void lent_claimed(const struct network *net, struct lent *l, const struct mac *mac, uint64_t now_ms);
uint32_t lent_count(const struct network *net);
uint32_t lent_fill(const struct network *net, struct provider_local *list); /* returns how many */
/* Those that changed are announced, once frames may be sent. */
void lent_tick(struct network *net);
