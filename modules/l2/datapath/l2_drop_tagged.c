/* SPDX-License-Identifier: Apache-2.0 */
/* Where VLAN tags are let in for a module (provider addresses with a VLAN), what it left ends before l2_forward. */
#include "core/runtime/pipe.h"
#include "modules/l2/datapath/l2_data.h"

static uint16_t l2_drop_tagged(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	uint16_t kept = 0;
	for (uint16_t i = 0; i < n; i++) {
		if (unlikely(l2_is_tagged(frames[i])))
			pipe_drop(p, a, frames[i], &drop_vlan_not_allowed);
		else
			frames[kept++] = frames[i];
	}
	return kept;
}

static bool wanted(const struct dp_adapter *a) { return l2_switched(a) && a->takes_tagged; }

NODE(l2_drop_tagged, FORWARD, l2_drop_tagged, wanted)
