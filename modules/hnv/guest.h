/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest may say and whom it may ask about, as nodes at its ingress judge it (hnv's own, modules/hnv-answers). Workers;
 * `port` and `a` are an adapter's in a virtual subnet.
 */
#pragma once

#include "core/runtime/pipe.h"
#include "modules/hnv/tables.h"

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

/* To the other guests of the subnet on this host; consumed when there are none. */
void hnv_to_locals(struct pipe *p, const struct dp_adapter *a, struct frame *f);

/* f ended (false): it was sent to the router itself, which is asked when no record decides; UDP gets port unreachable. */
bool hnv_to_router(struct pipe *p, const struct dp_adapter *a, struct frame *f);
extern struct drop_reason drop_router_no_service; /* "router-no-service" */

/* A guest's ICMP of the kinds of control messages, parsed, to a provider address: dropped, and true. */
bool hnv_control_forged(struct pipe *p, const struct dp_adapter *a, struct frame *f);

/*
 * Worker. f came from a and names `address` as its sender's own, which is not in the port's `own`. Ends f: punted to
 * be learned, or dropped: as `spoofed` where nothing may be learned or the address is another's, else by a name of its
 * own (outside the subnet, too many at once). What is learned goes on where it came from.
 */
void hnv_learn(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct ip *address,
	       const struct drop_reason *spoofed);
