/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What outer headers have in common: once one has been taken apart and judged field by field, those that differ from
 * it only where they may are known to be the same kind by a few words of comparison. Lengths and the IPv4 checksum are
 * each packet's own and still looked at.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "modules/hnv/tunnel.h"

#define HNV_ALIKE_WORDS 10 /* of 8 bytes: Ethernet, a tag, IPv6, UDP and VXLAN */
#define HNV_ALIKE_USUAL 6 /* untagged NVGRE by IPv4: a number that the compiler knows */
#define HNV_INNER_HEADERS 192u /* bytes that later nodes may want to see in one piece */

struct hnv_alike {
	const struct hnv_encapsulation *encapsulation; /* NULL: nothing known yet */
	uint64_t bits[HNV_ALIKE_WORDS], mask[HNV_ALIKE_WORDS]; /* of the header; those that must be the same */
	uint8_t words, l3_off, l4_off;
	uint8_t vsid_off; /* of its 24 bits */
	uint8_t bytes; /* to the inner Ethernet header */
	bool ip6;
};

/* Of an IPv4 header without options. */
static inline bool hnv_ip4_sum_good(const uint8_t *ip, unsigned len)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < len; i += 4)
		sum += bytes_raw32(ip + i);
	sum = (sum & UINT16_MAX) + (sum >> 16 & UINT16_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return sum == UINT16_MAX;
}

static inline bool hnv_alike_lengths_good(const struct hnv_alike *o, const uint8_t *data, uint32_t len)
{
	const uint8_t *ip = data + o->l3_off, *l4 = data + o->l4_off;
	if (unlikely(o->ip6 ? 40u + bytes_be16(ip + 4) != len - o->l3_off
			    : bytes_be16(ip + 2) != len - o->l3_off || !hnv_ip4_sum_good(ip, 20)))
		return false;
	return !o->encapsulation->udp_port || bytes_be16(l4 + 4) == len - o->l4_off;
}

static inline uint64_t hnv_alike_differs(const struct hnv_alike *o, const uint8_t *data, unsigned words)
{
	uint64_t differs = 0;
	for (unsigned i = 0; i < words; i++)
		differs |= (bytes_raw64(data + i * 8) ^ o->bits[i]) & o->mask[i];
	return differs;
}

/* Is f of the kind that o knows, whole, unhurt and as long as it says? Otherwise it has to be taken apart. */
static inline bool hnv_alike_is(const struct hnv_alike *o, struct frame *f)
{
	const uint8_t *data = frame_data(f);
	uint32_t head = frame_head_len(f), len = frame_len(f);
	if (unlikely(!o->encapsulation || head < o->words * 8u || (head < HNV_INNER_HEADERS && head < len) ||
		     f->m.ol_flags & FRAME_OFFLOAD))
		return false;
	uint64_t differs = likely(o->words == HNV_ALIKE_USUAL) ? hnv_alike_differs(o, data, HNV_ALIKE_USUAL)
							       : hnv_alike_differs(o, data, o->words);
	return likely(!differs) && hnv_alike_lengths_good(o, data, len);
}

static inline uint32_t hnv_alike_vsid(const struct hnv_alike *o, const uint8_t *data)
{
	return bytes_be32(data + o->vsid_off) >> 8;
}

/* From now on o knows f's kind: e's, judged and found good, parsed. Or no kind, where frames of it cannot be told so. */
void hnv_alike_learn(struct hnv_alike *o, struct frame *f, const struct hnv_encapsulation *e);
