/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces that others still think are theirs: network managers that were told to let go and do so in their own time
 * and way (NetworkManager sets the link down and turns IPv6 on), ifup in the middle of its work, an address by hand.
 */
#pragma once

#include <stdint.h>

struct netlink;
struct takeover;

/* Tells managers to leave it alone; if that was news to one, or this weftd never did, it is contested for a while. */
void contest_keep_off(struct netlink *nl, struct takeover *t);
/* A link changed: contested interfaces are up and silent again. */
void contest_hold(struct netlink *nl);
/* Each tick: the same, and DHCP clients end that nobody waits for any more. */
void contest_settle(struct netlink *nl);
/* An address came onto an interface; if it is a taken one it goes again, and an event says who it may have been. */
void contest_clean(struct netlink *nl, uint32_t ifindex);
