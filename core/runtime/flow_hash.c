/* SPDX-License-Identifier: Apache-2.0 */
/* Which flow a frame belongs to, for choosing a queue: the same number for all its frames in one direction. */
#include <netinet/in.h>
#include <string.h>

#include <rte_hash_crc.h>

#include "core/runtime/frame.h"

uint32_t frame_flow_hash(struct frame *f)
{
	const uint8_t *data = frame_data(f);
	uint32_t head = frame_head_len(f);
	if (head < 14)
		return 0;
	frame_parse(f);
	const struct frame_headers *h = &f->headers;
	uint32_t hash = rte_hash_crc(data, 12, 0);
	if (h->ether_type == 0x0800 && head >= h->l3_off + 20u)
		hash = rte_hash_crc(data + h->l3_off + 12, 8, h->l4_proto);
	else if (h->ether_type == 0x86dd && head >= h->l3_off + 40u)
		hash = rte_hash_crc(data + h->l3_off + 8, 32, h->l4_proto);
	else
		return hash;
	bool ports = h->l4_off && (h->l4_proto == IPPROTO_TCP || h->l4_proto == IPPROTO_UDP);
	if (ports && head >= h->l4_off + 4u)
		hash = rte_hash_crc_4byte(*(const unaligned_uint32_t *)(data + h->l4_off), hash);
	return hash;
}
