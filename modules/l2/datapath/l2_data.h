/* SPDX-License-Identifier: Apache-2.0 */
/* Where the nodes find what the control side of l2 made. */
#pragma once

#include <rte_byteorder.h>

#include "core/runtime/dataplane.h"

extern unsigned l2_slot; /* in dp_switch.module_data */

static inline struct fdb *l2_table(const struct dp_switch *sw) { return sw->module_data[l2_slot]; }

/* True for adapters that are forwarded by MAC address. */
static inline bool l2_switched(const struct dp_adapter *a) { return a->sw && l2_table(a->sw) && !a->vsid; }

extern struct drop_reason drop_vlan_not_allowed;

static inline bool l2_type_is_tag(uint16_t type_be)
{
	return type_be == RTE_BE16(0x8100) || type_be == RTE_BE16(0x88a8) || type_be == RTE_BE16(0x9100);
}

/* Of a frame that l2_admit let in. */
static inline bool l2_is_tagged(struct frame *f)
{
	return l2_type_is_tag(*(const unaligned_uint16_t *)(frame_data(f) + 12));
}
