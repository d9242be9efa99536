/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest asks of its virtual subnet and is answered by the switch itself. Each function looks at one kind of
 * question: true: f goes on to be forwarded; false: it ended (answered, consumed, dropped or punted).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/runtime/pipe.h"
#include "modules/hnv/tables.h"

bool hnv_arp(struct pipe *p, const struct dp_adapter *a, struct frame *f);
/* ICMPv6 133-137: router and neighbour discovery; parsed, not a fragment. */
bool hnv_nd(struct pipe *p, const struct dp_adapter *a, struct frame *f);
/* ICMP and ICMPv6 of any other kind. */
bool hnv_ping4(struct pipe *p, const struct dp_adapter *a, struct frame *f);
bool hnv_ping6(struct pipe *p, const struct dp_adapter *a, struct frame *f);
/* What no record decides about. Packets to the router itself end here; UDP gets port unreachable. */
bool hnv_to_router(struct pipe *p, const struct dp_adapter *a, struct frame *f);
/* UDP from or to a DHCP port, in a subnet with dhcp. */
bool hnv_dhcp4(struct pipe *p, const struct dp_adapter *a, struct frame *f);
bool hnv_dhcp6(struct pipe *p, const struct dp_adapter *a, struct frame *f);

#define HNV_ANSWERS_A_SECOND 2000 /* for each port */
#define HNV_ANSWERS_BURST 1000 /* a guest that comes up asks for all its neighbours at once */

/* May this port have one more answer? Else f ended as "answer-limit". */
bool hnv_answer_may(struct pipe *p, const struct dp_adapter *a, struct frame *f);

extern struct drop_reason drop_no_answer; /* "no-answer" */

/* Whose an address is that was asked for. */
enum hnv_known {
	HNV_KNOWN_NOT, /* no record */
	HNV_KNOWN_OWN, /* the asking adapter's */
	HNV_KNOWN_ROUTER, /* a gateway address of the subnet */
	HNV_KNOWN_RECORD, /* that of a record, with its MAC address */
	HNV_KNOWN_BESIDE, /* the same, on this host in the 2012 model: it answers itself */
};
enum hnv_known hnv_whose(const struct hnv_port *port, const struct ip *asked, struct mac *ret_mac);

/* Is this one of the adapter's customer addresses? */
bool hnv_is_own(const struct hnv_port *port, const struct ip *address);
/* Does its record have rule nat and lead to another host? Nothing but IP goes there, so unicast ARP and ND end here. */
bool hnv_is_rewritten(const struct hnv_port *port, const struct ip *address);
/* May the adapter speak for it in ARP and ND? Its own, and for a gateway (whose own are all) what nobody else has. */
bool hnv_may_claim(const struct hnv_port *port, const struct ip *address);
/* The subnet's gateway address of the prefix that `address` is in, else the first of its family; NULL: none. */
const struct ip *hnv_gateway_for(const struct hnv_subnet *s, const struct ip *address);

/* What nobody here answers: to the guests of this host that are in the subnet (2012), to all of the subnet (true: it
 * has guests that only flooding finds), held for the resolver, or nowhere, as "no-answer". */
bool hnv_unanswered(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct ip *asked);
/* To the other guests of the subnet on this host; consumed when there are none. */
void hnv_to_locals(struct pipe *p, const struct dp_adapter *a, struct frame *f);
