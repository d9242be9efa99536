/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runtime/flow_hash.h"

static inline uint32_t hash_ip6(const uint8_t *ip, uint32_t hash)
{
	for (unsigned i = 0; i < 4; i++)
		hash = rte_hash_crc_8byte(bytes_raw64(ip + 8 + 8 * i), hash);
	return hash;
}

uint32_t flow_hash_parsed(struct frame *f)
{
	const uint8_t *data = frame_data(f);
	uint32_t head = frame_head_len(f);
	if (head < 14)
		return 0;
	frame_parse(f);
	const struct frame_headers *h = &f->headers;
	uint32_t hash;
	if (h->ether_type == 0x0800 && head >= h->l3_off + 20u)
		hash = flow_hash_ip4(data + h->l3_off, h->l4_proto);
	else if (h->ether_type == 0x86dd && head >= h->l3_off + 40u)
		hash = hash_ip6(data + h->l3_off, h->l4_proto);
	else
		return rte_hash_crc_4byte(bytes_raw32(data + 8),
					  rte_hash_crc_8byte(bytes_raw64(data), 0)); /* the MAC addresses */
	/* Only the first fragment has ports to show, and it is to stay with the others. */
	bool ports = h->l4_off && !h->fragmented && (h->l4_proto == IPPROTO_TCP || h->l4_proto == IPPROTO_UDP);
	return ports && head >= h->l4_off + 4u ? flow_hash_ports(data + h->l4_off, hash) : hash;
}
