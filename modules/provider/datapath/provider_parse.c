/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/provider/datapath/provider_parse.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>

#include "base/cursor.h"
#include "core/runtime/offload.h"

#define ARP_REQUEST 1
#define ARP_REPLY 2
#define ND_SOLICIT 135
#define ND_ADVERTISE 136
#define ND_SOURCE_OPTION 1
#define ND_TARGET_OPTION 2
#define ND_HOP_LIMIT 255

struct ip provider_ip4_at(const uint8_t *at)
{
	struct ip ip = {.family = AF_INET};
	memcpy(ip.byte, at, 4);
	return ip;
}

struct ip provider_ip6_at(const uint8_t *at)
{
	struct ip ip = {.family = AF_INET6};
	memcpy(ip.byte, at, 16);
	return ip;
}

bool provider_ip6_is_nobody(const struct ip *ip)
{
	static const struct ip nobody = {.family = AF_INET6};
	return ip_equal(ip, &nobody);
}

/* What stations may have: neither a group nor nothing. */
static bool mac_usable(const struct mac *m) { return !mac_is_multicast(m) && !mac_is_zero(m); }

static struct cursor l3_cursor(const struct frame *f)
{
	const uint8_t *data = rte_pktmbuf_mtod(&f->m, const uint8_t *);
	struct cursor c = cursor_over(data, frame_head_len(f));
	cursor_skip(&c, f->headers.l3_off);
	return c;
}

bool provider_parse_arp(const struct frame *f, struct provider_message *ret)
{
	struct cursor c = l3_cursor(f);
	uint8_t sender[4], target[4];
	struct provider_message m = {0};
	bool ethernet = cursor_be16(&c) == 1 && cursor_be16(&c) == RTE_ETHER_TYPE_IPV4 && cursor_u8(&c) == 6 &&
			cursor_u8(&c) == 4;
	uint16_t operation = cursor_be16(&c);
	cursor_copy(&c, m.mac.byte, 6);
	cursor_copy(&c, sender, 4);
	cursor_skip(&c, 6);
	cursor_copy(&c, target, 4);
	if (c.bad || !ethernet || (operation != ARP_REQUEST && operation != ARP_REPLY) || !mac_usable(&m.mac))
		return false;
	m.said = operation == ARP_REQUEST ? PROVIDER_ASKS : PROVIDER_TELLS;
	m.sender = provider_ip4_at(sender);
	m.target = provider_ip4_at(target);
	*ret = m;
	return true;
}

/* Over the pseudo header and the whole message, which is in the head; a checksum left open (by a neighbour on the same
 * machine) or checked by the port is taken as good. */
static bool icmp_sum_good(const struct frame *f, const uint8_t *ip, const uint8_t *message, uint32_t len)
{
	uint64_t sum = 0;
	if (f->m.ol_flags & (FRAME_CSUM_GOOD | FRAME_OFFLOAD))
		return true;
	if (f->headers.ether_type == RTE_ETHER_TYPE_IPV6) {
		uint32_t tail[2] = {rte_cpu_to_be_32(len), rte_cpu_to_be_32(IPPROTO_ICMPV6)};
		sum = offload_sum(tail, sizeof(tail), offload_sum(ip + 8, 32, 0));
	}
	return offload_sum_fold(offload_sum(message, len, sum)) == 0xffff;
}

/* A link-layer address among the options, RFC 4861, 4.6: zero when there is none. false: an option is broken. */
static bool nd_option(struct cursor c, uint8_t wanted, struct mac *ret_mac)
{
	struct mac mac = {0};
	while (cursor_left(&c)) {
		uint8_t type = cursor_u8(&c), words = cursor_u8(&c);
		const uint8_t *value = words ? cursor_take(&c, words * 8u - 2) : NULL;
		if (!value)
			return false;
		if (type == wanted && words == 1)
			memcpy(mac.byte, value, 6);
	}
	*ret_mac = mac;
	return true;
}

/* RFC 4861, 7.1.1 and 7.1.2 */
bool provider_parse_nd(const struct frame *f, struct provider_message *ret)
{
	struct cursor c = l3_cursor(f);
	const uint8_t *ip = cursor_take(&c, 40);
	uint16_t len = ip ? (uint16_t)(ip[4] << 8 | ip[5]) : 0;
	const uint8_t *icmp = c.at;
	struct provider_message m = {0};
	if (!ip || ip[6] != IPPROTO_ICMPV6 || ip[7] != ND_HOP_LIMIT || len < 24 || cursor_left(&c) < len)
		return false;
	c.end = icmp + len;
	uint8_t type = cursor_u8(&c), code = cursor_u8(&c);
	cursor_skip(&c, 6);
	struct ip about = provider_ip6_at(cursor_take(&c, 16));
	struct ip from = provider_ip6_at(ip + 8);
	bool asks = type == ND_SOLICIT, from_nobody = provider_ip6_is_nobody(&from);
	if ((!asks && type != ND_ADVERTISE) || code || about.byte[0] == 0xff || from.byte[0] == 0xff ||
	    !icmp_sum_good(f, ip, icmp, len))
		return false;
	if (!nd_option(c, asks ? ND_SOURCE_OPTION : ND_TARGET_OPTION, &m.mac))
		return false;
	if (!mac_is_zero(&m.mac) && (mac_is_multicast(&m.mac) || (asks && from_nobody)))
		return false;
	if (from_nobody && (!asks || ip[24] != 0xff)) /* a probe goes to the solicited-node group alone */
		return false;
	m.said = asks ? PROVIDER_ASKS : PROVIDER_TELLS;
	m.sender = asks ? from : about;
	m.target = about;
	*ret = m;
	return true;
}

bool provider_parse_neighbour(struct frame *f, struct provider_message *ret)
{
	frame_parse(f);
	if (f->headers.ether_type == RTE_ETHER_TYPE_ARP)
		return provider_parse_arp(f, ret);
	return f->headers.ether_type == RTE_ETHER_TYPE_IPV6 && f->headers.l4_proto == IPPROTO_ICMPV6 &&
	       provider_parse_nd(f, ret);
}

static void icmp_addresses(const uint8_t *ip, bool ip6, struct provider_icmp *ret)
{
	ret->from = ip6 ? provider_ip6_at(ip + 8) : provider_ip4_at(ip + 12);
	ret->to = ip6 ? provider_ip6_at(ip + 24) : provider_ip4_at(ip + 16);
	ret->length = (uint16_t)(ip6 ? 40 + (ip[4] << 8 | ip[5]) : ip[2] << 8 | ip[3]);
}

bool provider_parse_icmp(const struct frame *f, struct provider_icmp *ret)
{
	const struct frame_headers *h = &f->headers;
	bool ip6 = h->ether_type == RTE_ETHER_TYPE_IPV6;
	uint8_t protocol = ip6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	if (!h->l4_off || h->fragmented || h->l4_proto != protocol || (!ip6 && h->ether_type != RTE_ETHER_TYPE_IPV4))
		return false;
	const uint8_t *data = rte_pktmbuf_mtod(&f->m, const uint8_t *), *ip = data + h->l3_off;
	struct cursor c = cursor_over(data, frame_head_len(f));
	struct provider_icmp m = {0};
	cursor_skip(&c, h->l4_off);
	icmp_addresses(ip, ip6, &m);
	uint32_t before = (uint32_t)h->l4_off - h->l3_off; /* IP header and extensions */
	if (m.length < before + 8)
		return false;
	uint32_t len = m.length - before; /* bytes of the message */
	if (frame_len(f) < h->l4_off + len)
		return false;
	if (cursor_left(&c) >= len && !icmp_sum_good(f, ip, c.at, len))
		return false;
	m.type = cursor_u8(&c);
	m.code = cursor_u8(&c);
	cursor_skip(&c, 2);
	const uint8_t *rest = cursor_take(&c, 4);
	if (!rest)
		return false;
	m.id = (uint16_t)(rest[0] << 8 | rest[1]);
	m.sequence = (uint16_t)(rest[2] << 8 | rest[3]);
	m.mtu = ip6 ? (uint32_t)m.id << 16 | m.sequence : m.sequence;
	m.body = c.at;
	m.body_len = (uint16_t)RTE_MIN((uint32_t)cursor_left(&c), len - 8);
	*ret = m;
	return true;
}
