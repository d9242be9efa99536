/* SPDX-License-Identifier: Apache-2.0 */
/* Tenants' frames that came by the wire and are for no adapter of this host, as far as their records say. */
#pragma once

#include "core/runtime/pipe.h"
#include "modules/hnv/datapath/hnv_lookup.h"

extern struct drop_reason drop_not_here; /* "not-here" */

/*
 * f, in virtual subnet and address of `ask`, is not for an adapter here: it goes on after a guest that has moved (row
 * I26), or ends under `reason` or a name of its own. Takes f. a: the uplink.
 */
void hnv_stray(struct pipe *p, const struct dp_adapter *a, const struct hnv_network *net, struct frame *f,
	       const struct hnv_ask *ask, const struct drop_reason *reason);

/* The record of an address in a subnet as the sender found it: its own, that of its route's next hop, that of what is
 * outside. next HNV_NEXT_NONE: none. */
struct hnv_answer hnv_stray_answer(const struct hnv_network *net, const struct hnv_subnet *s,
				   const struct ip *address);

/* A guest's adapter whose lookup records all lead to another host, because it has moved there or is about to come from
 * there: the way to that host. NULL: the guest is here, or has no records. */
const struct hnv_next *hnv_moved(const struct dp_adapter *a);
