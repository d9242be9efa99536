/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/hnv/control/message.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>

#include "base/cursor.h"
#include "core/runtime/offload.h"
#include "modules/hnv/hnv.h"
#include "modules/hnv/packet.h"
#include "modules/hnv/reply.h"

#define GRE 8 /* bytes, with the key */
#define ICMP 8
#define PROTOCOL_GRE 47
#define OPTION_REDIRECTED 4 /* RFC 4861, 4.6.3 */
#define OPTION 8 /* bytes in front of what it quotes */
#define REDIRECT6 (ICMP + 32) /* bytes: ICMPv6 header, target and destination (RFC 4861, 4.5) */

static const uint8_t nvgre[4] = {0x20, 0x00, 0x65, 0x58};

/* Type and code, by kind and family. */
static const uint8_t types[2][2][2] = {
	[HNVC_REDIRECT] = {{5, 10}, {137, 1}},
	[HNVC_UNREACHABLE] = {{3, 10}, {1, 1}},
};

/* The quoted frame's outer headers: IP and NVGRE, as m->to sent them to m->from. */
static void write_quote(struct hnv_writer *w, const struct hnvc_message *m, const uint8_t *quote, size_t quote_len)
{
	uint8_t ip[HNV_IP6];
	uint16_t len = (uint16_t)(GRE + quote_len);
	if (m->to.family == AF_INET6) {
		hnv_put_ip6(ip, m->to.byte, m->from.byte, PROTOCOL_GRE, len, 64);
		hnv_write(w, ip, HNV_IP6);
	} else {
		hnv_put_ip4(ip, m->to.byte, m->from.byte, PROTOCOL_GRE, (uint16_t)(HNV_IP4 + len));
		hnv_write(w, ip, HNV_IP4);
	}
	hnv_write(w, nvgre, sizeof(nvgre));
	hnv_write_be32(w, m->vsid << 8);
	hnv_write(w, quote, quote_len);
}

static void write_icmp4(struct hnv_writer *w, const struct hnvc_message *m, const uint8_t *quote, size_t quote_len)
{
	hnv_write(w, types[m->kind][0], 2);
	hnv_write_be16(w, 0);
	if (m->kind == HNVC_REDIRECT)
		hnv_write(w, m->target.byte, 4);
	else
		hnv_write_zero(w, 4);
	write_quote(w, m, quote, quote_len);
}

static void write_icmp6(struct hnv_writer *w, const struct hnvc_message *m, const uint8_t *quote, size_t quote_len)
{
	size_t quoted = (m->to.family == AF_INET6 ? HNV_IP6 : HNV_IP4) + GRE + quote_len, pad = -quoted & 7;
	struct ip target = ip_mapped(&m->target), from = ip_mapped(&m->from);
	hnv_write(w, types[m->kind][1], 2);
	hnv_write_zero(w, 6);
	if (m->kind == HNVC_UNREACHABLE) {
		write_quote(w, m, quote, quote_len);
		return;
	}
	hnv_write(w, target.byte, 16);
	hnv_write(w, from.byte, 16); /* whom it was sent to */
	hnv_write_u8(w, OPTION_REDIRECTED);
	hnv_write_u8(w, (uint8_t)((OPTION + quoted + pad) / 8));
	hnv_write_zero(w, 6);
	write_quote(w, m, quote, quote_len);
	hnv_write_zero(w, pad);
}

size_t hnvc_message_write(uint8_t to[static HNVC_MESSAGE_MAX], const struct hnvc_message *m, const struct mac *to_mac,
			  const struct mac *from_mac, const uint8_t *quote, size_t quote_len)
{
	bool ip6 = m->to.family == AF_INET6 || (m->kind == HNVC_REDIRECT && m->target.family == AF_INET6);
	uint8_t *ip = to + HNV_ETHER, *icmp = ip + (ip6 ? HNV_IP6 : HNV_IP4);
	struct hnv_writer w = hnv_writer_over(icmp, HNVC_MESSAGE_MAX - (size_t)(icmp - to));
	size_t quoted = quote_len < HNVC_MESSAGE_QUOTE ? quote_len : HNVC_MESSAGE_QUOTE;
	hnv_put_ether(to, to_mac->byte, ip6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	memcpy(to + 6, from_mac->byte, sizeof(from_mac->byte));
	if (ip6)
		write_icmp6(&w, m, quote, quoted);
	else
		write_icmp4(&w, m, quote, quoted);
	uint16_t len = (uint16_t)(w.at - icmp), sum;
	if (ip6) {
		struct ip from = ip_mapped(&m->from), told = ip_mapped(&m->to);
		hnv_put_ip6(ip, from.byte, told.byte, IPPROTO_ICMPV6, len, 255);
		sum = hnv_sum6(ip, IPPROTO_ICMPV6, icmp, len);
	} else {
		hnv_put_ip4(ip, m->from.byte, m->to.byte, IPPROTO_ICMP, (uint16_t)(HNV_IP4 + len));
		sum = (uint16_t)~offload_sum_fold(offload_sum(icmp, len, 0));
	}
	memcpy(icmp + 2, &sum, 2);
	return (size_t)(w.at - to);
}

static struct ip ip_take(struct cursor *c, uint8_t family)
{
	struct ip ip = {.family = family};
	cursor_copy(c, ip.byte, family == AF_INET ? 4 : 16);
	return ip;
}

/* An IP header without options or extensions around `protocol`; the cursor goes on behind it. False: another one. */
static bool ip_take_header(struct cursor *c, uint8_t family, uint8_t protocol, struct ip *ret_from, struct ip *ret_to,
			   uint32_t *ret_payload)
{
	const uint8_t *ip = cursor_take(c, family == AF_INET ? 20 : 40);
	if (!ip)
		return false;
	struct cursor at = cursor_over(ip + (family == AF_INET ? 12 : 8), family == AF_INET ? 8 : 32);
	*ret_from = ip_take(&at, family);
	*ret_to = ip_take(&at, family);
	uint32_t says = (uint32_t)(family == AF_INET ? ip[2] << 8 | ip[3] : ip[4] << 8 | ip[5]);
	if (family == AF_INET) {
		*ret_payload = says < 20 ? 0 : says - 20;
		return ip[0] == 0x45 && ip[9] == protocol && !((ip[6] & 0x3f) | ip[7]);
	}
	*ret_payload = says;
	return ip[0] >> 4 == 6 && ip[6] == protocol;
}

/* Source and destination of the quoted frame's packet, ARP included. */
static enum hnvc_message_reason read_inner(struct cursor *c, struct hnvc_message *m)
{
	cursor_copy(c, m->mac.byte, sizeof(m->mac.byte));
	cursor_skip(c, 6);
	uint16_t type = cursor_be16(c);
	uint8_t family = type == RTE_ETHER_TYPE_IPV6 ? AF_INET6 : AF_INET;
	if (type == RTE_ETHER_TYPE_ARP) {
		cursor_skip(c, 14);
		m->sender = ip_take(c, AF_INET);
		cursor_skip(c, 6);
		m->customer = ip_take(c, AF_INET);
		return c->bad ? HNVC_MESSAGE_TRUNCATED : HNVC_MESSAGE_GOOD;
	}
	uint8_t version = cursor_left(c) ? *c->at >> 4 : 0;
	cursor_skip(c, family == AF_INET ? 12 : 8);
	m->sender = ip_take(c, family);
	m->customer = ip_take(c, family);
	if (c->bad)
		return HNVC_MESSAGE_TRUNCATED;
	bool right = type == RTE_ETHER_TYPE_IPV6 ? version == 6 : type == RTE_ETHER_TYPE_IPV4 ? version == 4 : false;
	return right ? HNVC_MESSAGE_GOOD : HNVC_MESSAGE_QUOTE_WRONG;
}

/* What is quoted begins with its outer IP header, or, as others may do it, with GRE. */
static enum hnvc_message_reason read_quote(struct cursor *c, uint32_t vsid, struct hnvc_message *m)
{
	struct ip from, to;
	uint32_t unused;
	if (!cursor_left(c))
		return HNVC_MESSAGE_TRUNCATED;
	uint8_t version = *c->at >> 4;
	if (version == 4 || version == 6) {
		bool tunnel = ip_take_header(c, version == 4 ? AF_INET : AF_INET6, PROTOCOL_GRE, &from, &to, &unused);
		if (!c->bad && (!tunnel || !ip_equal(&from, &m->to) || !ip_equal(&to, &m->from)))
			return HNVC_MESSAGE_QUOTE_WRONG;
	}
	const uint8_t *gre = cursor_take(c, sizeof(nvgre));
	m->vsid = cursor_be32(c) >> 8;
	if (c->bad)
		return HNVC_MESSAGE_TRUNCATED;
	if (memcmp(gre, nvgre, sizeof(nvgre)) != 0 || (vsid != HNV_VSID_CONTROL && vsid != m->vsid))
		return HNVC_MESSAGE_QUOTE_WRONG;
	return read_inner(c, m);
}

/* To where the quoted packet begins. */
static enum hnvc_message_reason read_icmp(struct cursor *c, bool ip6, struct hnvc_message *m)
{
	uint8_t type = cursor_u8(c), code = cursor_u8(c);
	if (type == types[HNVC_REDIRECT][ip6][0] && code == types[HNVC_REDIRECT][ip6][1])
		m->kind = HNVC_REDIRECT;
	else if (type == types[HNVC_UNREACHABLE][ip6][0] && code == types[HNVC_UNREACHABLE][ip6][1])
		m->kind = HNVC_UNREACHABLE;
	else
		return HNVC_MESSAGE_OTHER;
	cursor_skip(c, 2);
	if (!ip6 && m->kind == HNVC_REDIRECT)
		m->target = ip_take(c, AF_INET);
	else
		cursor_skip(c, 4);
	if (ip6 && m->kind == HNVC_REDIRECT) {
		struct ip target = ip_take(c, AF_INET6);
		m->target = ip_unmapped(&target);
		cursor_skip(c, 16);
		if (cursor_left(c) && *c->at == OPTION_REDIRECTED)
			cursor_skip(c, OPTION);
	}
	return c->bad ? HNVC_MESSAGE_TRUNCATED : HNVC_MESSAGE_GOOD;
}

static bool sums_good(const uint8_t *ip, bool ip6, const uint8_t *icmp, uint16_t len)
{
	if (!ip6)
		return offload_sum_fold(offload_sum(ip, HNV_IP4, 0)) == 0xffff &&
		       offload_sum_fold(offload_sum(icmp, len, 0)) == 0xffff;
	const uint8_t tail[4] = {(uint8_t)(len >> 8), (uint8_t)len, 0, IPPROTO_ICMPV6};
	return offload_sum_fold(offload_sum(icmp, len, offload_sum(tail, 4, offload_sum(ip + 8, 32, 0)))) == 0xffff;
}

enum hnvc_message_reason hnvc_message_read(const uint8_t *bytes, size_t len, const struct ip *from,
					   const struct ip *to, uint32_t vsid, struct hnvc_message *ret_m)
{
	struct cursor c = cursor_over(bytes, len);
	struct hnvc_message m = {.from = *from, .to = *to};
	struct ip inner_from, inner_to;
	uint32_t payload;
	cursor_skip(&c, 12);
	uint16_t type = cursor_be16(&c);
	bool ip6 = type == RTE_ETHER_TYPE_IPV6;
	const uint8_t *ip = c.at;
	if (!c.bad && !ip6 && type != RTE_ETHER_TYPE_IPV4)
		return HNVC_MESSAGE_OTHER;
	bool icmp = ip_take_header(&c, ip6 ? AF_INET6 : AF_INET, ip6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, &inner_from,
				   &inner_to, &payload);
	if (c.bad || (icmp && cursor_left(&c) < payload))
		return HNVC_MESSAGE_TRUNCATED;
	if (!icmp || payload < ICMP)
		return HNVC_MESSAGE_OTHER;
	if (!sums_good(ip, ip6, c.at, (uint16_t)payload))
		return HNVC_MESSAGE_CHECKSUM;
	inner_from = ip_unmapped(&inner_from);
	inner_to = ip_unmapped(&inner_to);
	if (!ip_equal(&inner_from, from) || !ip_equal(&inner_to, to))
		return HNVC_MESSAGE_ADDRESSES;
	c = cursor_over(c.at, payload);
	enum hnvc_message_reason reason = read_icmp(&c, ip6, &m);
	if (!reason)
		reason = read_quote(&c, vsid, &m);
	if (!reason)
		*ret_m = m;
	return reason;
}
