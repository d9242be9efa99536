/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outer headers of a tenant's frame that came by the wire. hnv_decapsulate checked them and leaves them in front of
 * the frame, so that who asks for them afterwards, which is rare, finds them there, and nobody else pays for it.
 */
#pragma once

#include <netinet/in.h>
#include <string.h>

#include <rte_branch_prediction.h>

#include "base/ip.h"
#include "core/runtime/frame.h"

struct hnv_outer {
	struct ip from, to; /* provider addresses */
	uint8_t hops; /* TTL or hop limit, as received */
	uint8_t l3_off; /* of `at` */
	const uint8_t *at; /* the outer Ethernet header; tenant.generation bytes to the inner one */
};

/* The frame without its `bytes` of outer headers; what was left to be done or known about them goes with them. */
static inline void hnv_outer_off(struct frame *f, unsigned bytes, uint32_t vsid)
{
	f->m.data_off = (uint16_t)(f->m.data_off + bytes);
	f->m.data_len = (uint16_t)(f->m.data_len - bytes);
	f->m.pkt_len -= bytes;
	if (unlikely(f->m.ol_flags & FRAME_OFFLOAD && f->offload.csum_start < bytes + 14))
		f->m.ol_flags &= ~FRAME_OFFLOAD;
	f->m.ol_flags &= ~FRAME_CSUM_GOOD;
	frame_shifted(f, -(int)bytes);
	f->tenant = (struct frame_tenant){.vsid = vsid, .generation = (uint16_t)bytes}; /* hnv_outer_read */
	f->m.ol_flags |= FRAME_TENANT;
}

/* Until f is forwarded. False: it did not come by the wire. */
static inline bool hnv_outer_read(struct frame *f, struct hnv_outer *ret)
{
	uint16_t bytes = f->tenant.generation;
	if (!(f->m.ol_flags & FRAME_TENANT) || f->tenant.next || bytes < 14 + 20 || bytes > f->m.data_off)
		return false;
	struct hnv_outer o = {.at = frame_data(f) - bytes, .l3_off = 14};
	while (o.l3_off < 22 && (o.at[o.l3_off - 2] == 0x81 || o.at[o.l3_off - 2] == 0x88) &&
	       (o.at[o.l3_off - 1] == 0x00 || o.at[o.l3_off - 1] == 0xa8))
		o.l3_off = (uint8_t)(o.l3_off + 4);
	const uint8_t *ip = o.at + o.l3_off;
	bool ip6 = bytes > o.l3_off && *ip >> 4 == 6;
	if (bytes < o.l3_off + (ip6 ? 40u : 20u))
		return false;
	o.from.family = o.to.family = ip6 ? AF_INET6 : AF_INET;
	memcpy(o.from.byte, ip + (ip6 ? 8 : 12), ip6 ? 16 : 4);
	memcpy(o.to.byte, ip + (ip6 ? 24 : 16), ip6 ? 16 : 4);
	o.hops = ip[ip6 ? 7 : 8];
	*ret = o;
	return true;
}
