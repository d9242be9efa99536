/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets that are too long for the tunnel they are to leave by. No outer packet is ever a fragment (RFC 7637, 4.1),
 * so the inner one fits, is cut, or its sender is told (row I14).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/runtime/pipe.h"

#define HNV_L3_OFF 14u /* bytes in front of the L3 header of a tenant's frame: it is untagged */

/* The cheap question, asked of every frame; mtu: hnv_tunnel's inner_mtu. Always true for a GSO frame that is. */
static inline bool hnv_mtu_exceeded(const struct frame *f, uint16_t mtu) { return frame_len(f) > mtu + HNV_L3_OFF; }

extern struct drop_reason drop_tunnel_too_long; /* "tunnel-too-long" */

/*
 * For a frame of which that was true: f came from a and is as it is to leave by `to` (MAC addresses, TTL and
 * tenant). Outputs it with segments that fit, outputs its fragments, or tells its sender and drops it. Takes f.
 */
void hnv_mtu_output(struct pipe *p, const struct dp_adapter *a, const struct dp_adapter *to, struct frame *f,
		    uint16_t mtu);

/* The same where the sender is told by the caller: false: it cannot be made to fit, and is still the caller's. */
bool hnv_mtu_fit(struct pipe *p, const struct dp_adapter *a, const struct dp_adapter *to, struct frame *f,
		 uint16_t mtu);
