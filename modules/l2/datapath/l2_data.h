/* SPDX-License-Identifier: Apache-2.0 */
/* Where the nodes find what the control side of l2 made. */
#pragma once

#include "core/runtime/dataplane.h"

extern unsigned l2_slot; /* in dp_switch.module_data */

static inline struct fdb *l2_table(const struct dp_switch *sw) { return sw->module_data[l2_slot]; }

/* True for adapters of switches that forward by MAC address. */
static inline bool l2_switched(const struct dp_adapter *a) { return a->sw && l2_table(a->sw); }
