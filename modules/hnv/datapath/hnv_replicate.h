/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that go to more than one: broadcast, multicast and, in subnets with l2only records, unknown unicast (row I8). */
#pragma once

#include "core/runtime/pipe.h"
#include "modules/hnv/tables.h"

/*
 * f, from a of this host or from the wire (a is the uplink), goes to every other adapter of s on this host, and, if it
 * is from this host, to each remote provider address of the subnet: through `group` alone if that is a tunnel, else a
 * copy through each of the subnet's replicas. Copies are counted. Takes f.
 */
void hnv_replicate(struct pipe *p, const struct dp_adapter *a, const struct hnv_subnet *s, struct frame *f,
		   const struct hnv_next *group);

/* The adapter of this host in s with that MAC address, or NULL. */
const struct dp_adapter *hnv_local_by_mac(const struct pipe *p, const struct hnv_subnet *s, const uint8_t *mac);

extern struct drop_reason drop_nobody_in_subnet; /* "nobody-in-subnet" */
