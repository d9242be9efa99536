/* SPDX-License-Identifier: Apache-2.0 */
/* Which flow a frame belongs to, for choosing a queue or a path: the same number for all its frames in one direction. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_hash_crc.h>

#include "base/bytes.h"
#include "core/runtime/frame.h"

/* Of the addresses and the protocol of an IPv4 header; of the ports at l4, onto that. */
static inline uint32_t flow_hash_ip4(const uint8_t *ip, uint8_t protocol)
{
	return rte_hash_crc_8byte(bytes_raw64(ip + 12), protocol);
}

static inline uint32_t flow_hash_ports(const uint8_t *l4, uint32_t hash)
{
	return rte_hash_crc_4byte(bytes_raw32(l4), hash);
}

/* TCP or UDP in an IPv4 packet that is whole, untagged and has no options: most frames, found without parsing. */
static inline bool flow_is_plain(const uint8_t *data, uint32_t head)
{
	if (head < 14 + 20 + 20 || bytes_raw16(data + 12) != RTE_BE16(0x0800) || data[14] != 0x45 ||
	    bytes_raw16(data + 20) & RTE_BE16(0x3fff))
		return false;
	uint16_t len = bytes_be16(data + 16);
	return (data[23] == IPPROTO_TCP && len >= 40) || (data[23] == IPPROTO_UDP && len >= 28);
}

uint32_t flow_hash_parsed(struct frame *f); /* frame_flow_hash of all others */

/* IP addresses, protocol and ports; MAC addresses of what is not IP. All fragments of a packet have the same. */
static inline uint32_t frame_flow_hash(struct frame *f)
{
	const uint8_t *data = frame_data(f);
	if (likely(flow_is_plain(data, frame_head_len(f))))
		return flow_hash_ports(data + 34, flow_hash_ip4(data + 14, data[23]));
	return flow_hash_parsed(f);
}
