/* SPDX-License-Identifier: Apache-2.0 */
/* Which flow a frame belongs to, for choosing a queue or a path: the same number for all its frames in one direction. */
#include <netinet/in.h>
#include <string.h>

#include <rte_hash_crc.h>

#include "base/bytes.h"
#include "core/runtime/frame.h"

static inline uint32_t hash_ip4(const uint8_t *ip, uint8_t protocol)
{
	return rte_hash_crc_8byte(bytes_raw64(ip + 12), protocol);
}

static inline uint32_t hash_ip6(const uint8_t *ip, uint32_t hash)
{
	for (unsigned i = 0; i < 4; i++)
		hash = rte_hash_crc_8byte(bytes_raw64(ip + 8 + 8 * i), hash);
	return hash;
}

static inline uint32_t hash_ports(const uint8_t *l4, uint32_t hash)
{
	return rte_hash_crc_4byte(bytes_raw32(l4), hash);
}

/* TCP or UDP in an IPv4 packet that is whole, untagged and has no options: most frames, found without parsing. */
static inline bool is_plain(const uint8_t *data, uint32_t head)
{
	if (head < 14 + 20 + 20 || bytes_raw16(data + 12) != RTE_BE16(0x0800) || data[14] != 0x45 ||
	    bytes_raw16(data + 20) & RTE_BE16(0x3fff))
		return false;
	uint16_t len = bytes_be16(data + 16);
	return (data[23] == IPPROTO_TCP && len >= 40) || (data[23] == IPPROTO_UDP && len >= 28);
}

uint32_t frame_flow_hash(struct frame *f)
{
	const uint8_t *data = frame_data(f);
	uint32_t head = frame_head_len(f);
	if (likely(is_plain(data, head)))
		return hash_ports(data + 34, hash_ip4(data + 14, data[23]));
	if (head < 14)
		return 0;
	frame_parse(f);
	const struct frame_headers *h = &f->headers;
	uint32_t hash;
	if (h->ether_type == 0x0800 && head >= h->l3_off + 20u)
		hash = hash_ip4(data + h->l3_off, h->l4_proto);
	else if (h->ether_type == 0x86dd && head >= h->l3_off + 40u)
		hash = hash_ip6(data + h->l3_off, h->l4_proto);
	else
		return rte_hash_crc_4byte(bytes_raw32(data + 8),
					  rte_hash_crc_8byte(bytes_raw64(data), 0)); /* the MAC addresses */
	/* Only the first fragment has ports to show, and it is to stay with the others. */
	bool ports = h->l4_off && !h->fragmented && (h->l4_proto == IPPROTO_TCP || h->l4_proto == IPPROTO_UDP);
	return ports && head >= h->l4_off + 4u ? hash_ports(data + h->l4_off, hash) : hash;
}
