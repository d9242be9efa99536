/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests whose adapters left this host a moment ago. What is still on its way to one that has moved goes on after it as
 * if its adapter were here (row I26: tombstone), since a host that was told late or a busy one sends for a while yet.
 */
#pragma once

#include <string.h>

#include "modules/hnv/tables.h"

struct hnv_gone_guest {
	const struct hnv_network *net; /* stays once it was made */
	uint32_t vsid;
	struct mac mac;
};
struct hnv_gone { /* immutable */
	size_t n;
	struct hnv_gone_guest guest[];
};
extern const struct hnv_gone *_Atomic hnv_gone; /* NULL: none; control/gone.c */

/* Of what ends otherwise: few, and seldom asked for. */
static inline bool hnv_is_gone(const struct hnv_network *net, uint32_t vsid, const uint8_t *mac)
{
	const struct hnv_gone *gone = atomic_load_explicit(&hnv_gone, memory_order_acquire);
	for (size_t i = 0; gone && i < gone->n; i++) {
		const struct hnv_gone_guest *g = &gone->guest[i];
		if (g->net == net && g->vsid == vsid && !memcmp(g->mac.byte, mac, sizeof(g->mac.byte)))
			return true;
	}
	return false;
}
