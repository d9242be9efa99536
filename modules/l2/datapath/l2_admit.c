/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is this a frame at all? Runts, impossible source addresses, addresses that no bridge may pass on (IEEE 802.1Q
 * 8.6.3) and tags that an untagged port may not send end here. A priority tag (VLAN 0) is taken off.
 */
#include <rte_ether.h>

#include "core/runtime/pipe.h"
#include "modules/l2/datapath/l2_data.h"

DROP(l2, runt, "runt", "shorter than an Ethernet header")
DROP(l2, bad_source, "bad-source", "the source address is multicast or zero; no station may send from it")
DROP(l2, reserved_address, "reserved-address",
     "addressed to a bridge's own group (01:80:c2:00:00:0x), which is never passed on")
DROP_POLICY(l2, vlan_not_allowed, "vlan-not-allowed",
	    "tagged with a VLAN on an untagged adapter; send untagged frames")
DROP(l2, bad_tag, "bad-tag", "the frame ends inside its VLAN tag, or carries a second tag behind a priority tag")

static inline bool reserved_group(const uint8_t *mac)
{
	uint32_t head;
	memcpy(&head, mac, sizeof(head));
	return head == RTE_BE32(0x0180c200) && mac[4] == 0 && mac[5] < 0x10;
}

/* Takes a priority tag off; a VLAN's stays where somebody waits for it. The frame to go on with, or NULL: dropped. */
static struct frame *untag(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	uint8_t *data = frame_data(f);
	if (frame_head_len(f) < 18 || l2_type_is_tag(*(const unaligned_uint16_t *)(data + 16))) {
		pipe_drop(p, a, f, &drop_bad_tag);
		return NULL;
	}
	uint16_t tci = (uint16_t)(data[14] << 8 | data[15]);
	if (tci & 0xfff && a->takes_tagged && data[12] == 0x81)
		return f;
	if (tci & 0xfff) {
		PIPE_TRACE(p, a, "note", "VLAN %u on adapter %s, whose vlan mode is untagged", tci & 0xfff, a->name);
		pipe_drop(p, a, f, &drop_vlan_not_allowed);
		return NULL;
	}
	/* Nobody else holds a frame that just came in, so it may be changed in place. */
	memmove(data + 4, data, 12);
	rte_pktmbuf_adj(&f->m, 4);
	frame_shifted(f, -4);
	PIPE_TRACE(p, a, "note", "priority tag (VLAN 0) taken off");
	return f;
}

static inline const struct drop_reason *judge(struct frame *f)
{
	if (unlikely(frame_head_len(f) < RTE_ETHER_HDR_LEN))
		return &drop_runt;
	const uint8_t *data = frame_data(f);
	uint64_t from;
	memcpy(&from, data + 6, sizeof(from)); /* the six bytes and the type behind them */
	if (unlikely(from & 1 || !(from << 16)))
		return &drop_bad_source;
	if (unlikely(data[0] == 0x01 && reserved_group(data)))
		return &drop_reserved_address;
	return NULL;
}

static uint16_t l2_admit(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	uint16_t kept = 0;
	for (uint16_t i = 0; i < n; i++) {
		struct frame *f = frames[i];
		const struct drop_reason *reason = judge(f);
		if (unlikely(reason != NULL)) {
			pipe_drop(p, a, f, reason);
			continue;
		}
		if (unlikely(l2_type_is_tag(*(const unaligned_uint16_t *)(frame_data(f) + 12)))) {
			f = untag(p, a, f);
			if (!f)
				continue;
		}
		frames[kept++] = f;
	}
	return kept;
}

NODE(l2_admit, ADMIT, l2_admit, l2_switched)
