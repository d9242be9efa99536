/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Congestion marks across a tunnel, RFC 6040 in normal mode: the outer packet starts with the inner one's mark (4.1)
 * and what the provider's routers made of it is carried over when the packet comes out (4.2). The DSCP is not
 * copied: a tenant's choice of class means nothing in the provider's network (RFC 2983, the pipe model).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/runtime/offload.h"

enum hnv_ecn { HNV_ECN_NOT, HNV_ECN_ECT1, HNV_ECN_ECT0, HNV_ECN_CE }; /* as on the wire */
#define HNV_ECN_DROP 0xff

/* The mark of the IP packet that follows an untagged Ethernet header; of others none. At least 16 bytes. */
static inline uint8_t hnv_ecn_of(const uint8_t *ether)
{
	uint16_t type;
	memcpy(&type, ether + 12, sizeof(type));
	if (likely(type == RTE_BE16(0x0800)))
		return ether[15] & 3;
	return type == RTE_BE16(0x86dd) ? ether[15] >> 4 & 3 : 0;
}

/* What the inner packet's mark becomes; HNV_ECN_DROP: congestion was signalled to one that cannot carry it on
 * (RFC 6040, figure 4). */
static inline uint8_t hnv_ecn_out(uint8_t inner, uint8_t outer)
{
	static const uint8_t out[4][4] = {
		/* outer:       Not-ECT       ECT(1)        ECT(0)        CE */
		[HNV_ECN_NOT] = {HNV_ECN_NOT, HNV_ECN_NOT, HNV_ECN_NOT, HNV_ECN_DROP},
		[HNV_ECN_ECT1] = {HNV_ECN_ECT1, HNV_ECN_ECT1, HNV_ECN_ECT1, HNV_ECN_CE},
		[HNV_ECN_ECT0] = {HNV_ECN_ECT0, HNV_ECN_ECT1, HNV_ECN_ECT0, HNV_ECN_CE},
		[HNV_ECN_CE] = {HNV_ECN_CE, HNV_ECN_CE, HNV_ECN_CE, HNV_ECN_CE},
	};
	return out[inner][outer];
}

/* Marks the IP packet behind an untagged Ethernet header, its whole fixed header there. */
static inline void hnv_ecn_set(uint8_t *ether, uint8_t mark)
{
	if (ether[12] == 0x86) {
		ether[15] = (uint8_t)((ether[15] & ~0x30) | mark << 4);
		return;
	}
	uint16_t before, after, sum;
	memcpy(&before, ether + 14, 2);
	ether[15] = (uint8_t)((ether[15] & ~3) | mark);
	memcpy(&after, ether + 14, 2);
	memcpy(&sum, ether + 24, 2);
	/* RFC 1624, equation 3 */
	sum = (uint16_t)~offload_sum_fold((uint64_t)(uint16_t)~sum + (uint16_t)~before + after);
	memcpy(ether + 24, &sum, 2);
}
