/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/rewrite/datapath/rewrite_packet.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>

#include "base/cursor.h"
#include "core/runtime/offload.h"

#define IP4_SUM 10
#define IP4_ADDRESSES 12
#define IP6_ADDRESSES 8
#define ICMP_SUM 2
#define ICMP_HEADER 8 /* of an error: the quote follows */
#define UDP_SUM 6

enum { ICMP_UNREACHABLE = 3, ICMP_QUENCH = 4, ICMP_REDIRECT_4 = 5, ICMP_EXPIRED = 11, ICMP_PARAMETER = 12 };
enum { ICMP6_ERROR_LAST = 127, ND_FIRST = 133, ND_LAST = 137 };

/* Where in its header a protocol has the checksum that covers a pseudo-header of IP addresses; 0: nowhere. */
static unsigned sum_offset(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return 16;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
		return UDP_SUM;
	case IPPROTO_ICMPV6:
		return ICMP_SUM;
	default:
		return 0;
	}
}

static bool is_extension(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_DSTOPTS:
	case IPPROTO_AH:
	case IPPROTO_MH:
	case 139: /* HIP, RFC 7401 */
	case 140: /* Shim6, RFC 5533 */
		return true;
	default:
		return false;
	}
}

static enum rewrite_kind icmp4_kind(uint8_t type)
{
	switch (type) {
	case ICMP_UNREACHABLE:
	case ICMP_QUENCH:
	case ICMP_EXPIRED:
	case ICMP_PARAMETER:
		return REWRITE_ERROR;
	case ICMP_REDIRECT_4:
		return REWRITE_NEVER;
	default:
		return REWRITE_PLAIN;
	}
}

enum rewrite_kind rewrite_kind_of(struct frame *f)
{
	frame_parse(f);
	const struct frame_headers *h = &f->headers;
	const uint8_t *data = frame_data(f);
	bool ip4 = h->ether_type == RTE_ETHER_TYPE_IPV4, ip6 = h->ether_type == RTE_ETHER_TYPE_IPV6;
	if (!ip4 && !ip6)
		return REWRITE_NEVER;
	if (frame_head_len(f) < h->l3_off + (ip4 ? 20u : 40u) || data[h->l3_off] >> 4 != (ip4 ? 4 : 6))
		return REWRITE_MALFORMED;
	if (h->fragment)
		return REWRITE_PLAIN;
	unsigned sum = sum_offset(h->l4_proto);
	bool icmp = h->l4_proto == (ip4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	if (!h->l4_off)
		return sum || icmp || is_extension(h->l4_proto) ? REWRITE_MALFORMED : REWRITE_PLAIN;
	if (sum && h->l4_off + sum + 2 > frame_head_len(f))
		return REWRITE_MALFORMED;
	if (!icmp)
		return REWRITE_PLAIN;
	uint8_t type = data[h->l4_off];
	if (ip4)
		return icmp4_kind(type);
	return type <= ICMP6_ERROR_LAST		     ? REWRITE_ERROR
	       : type >= ND_FIRST && type <= ND_LAST ? REWRITE_NEVER
						     : REWRITE_PLAIN;
}

/* At `at`, 8 or 32 bytes. */
static void addresses_read(const uint8_t *at, uint8_t family, struct ip *ret_source, struct ip *ret_destination)
{
	size_t n = family == AF_INET ? 4 : 16;
	*ret_source = *ret_destination = (struct ip){.family = family};
	memcpy(ret_source->byte, at, n);
	memcpy(ret_destination->byte, at + n, n);
}

static void addresses_write(uint8_t *at, const struct ip *source, const struct ip *destination)
{
	size_t n = source->family == AF_INET ? 4 : 16;
	memcpy(at, source->byte, n);
	memcpy(at + n, destination->byte, n);
}

void rewrite_addresses_of(const struct frame *f, struct ip *ret_source, struct ip *ret_destination)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(&f->m, const uint8_t *, f->headers.l3_off);
	bool ip4 = f->headers.ether_type == RTE_ETHER_TYPE_IPV4;
	addresses_read(ip + (ip4 ? IP4_ADDRESSES : IP6_ADDRESSES), ip4 ? AF_INET : AF_INET6, ret_source,
		       ret_destination);
}

/* RFC 1624, equation 3: of bytes whose sum was `before` and is `after` now. */
static void sum_adjust(uint8_t *field, uint64_t before, uint64_t after)
{
	uint16_t sum;
	memcpy(&sum, field, sizeof(sum));
	sum = (uint16_t)~offload_sum_fold((uint64_t)(uint16_t)~sum + (uint16_t)~offload_sum_fold(before) +
					  offload_sum_fold(after));
	memcpy(field, &sum, sizeof(sum));
}

/* As sum_adjust, of L4: UDP says "none" by 0 (RFC 768), which stays and does not come about. */
static void l4_sum_adjust(uint8_t *field, uint8_t protocol, uint64_t before, uint64_t after)
{
	static const uint8_t none[2];
	bool udp = protocol == IPPROTO_UDP;
	if (udp && !memcmp(field, none, 2))
		return;
	sum_adjust(field, before, after);
	if (udp && !memcmp(field, none, 2))
		memset(field, 0xff, 2);
}

/* Did the sender leave this checksum to be filled in? Then the field has the pseudo-header's sum as it is. */
static bool is_open(const struct frame *f, unsigned offset)
{
	const struct frame_offload *o = &f->offload;
	return f->m.ol_flags & FRAME_OFFLOAD && o->csum && o->csum_start == f->headers.l4_off &&
	       o->csum_offset == offset;
}

static void seed_adjust(uint8_t *field, uint64_t before, uint64_t after)
{
	uint16_t seed;
	memcpy(&seed, field, sizeof(seed));
	seed = offload_sum_fold((uint64_t)seed + (uint16_t)~offload_sum_fold(before) + offload_sum_fold(after));
	memcpy(field, &seed, sizeof(seed));
}

void rewrite_addresses(struct frame *f, const struct ip *source, const struct ip *destination)
{
	const struct frame_headers *h = &f->headers;
	bool ip4 = source->family == AF_INET;
	uint8_t *ip = frame_data(f) + h->l3_off, *at = ip + (ip4 ? IP4_ADDRESSES : IP6_ADDRESSES);
	uint32_t n = ip4 ? 8 : 32;
	uint64_t before = offload_sum(at, n, 0);
	addresses_write(at, source, destination);
	uint64_t after = offload_sum(at, n, 0);
	if (ip4)
		sum_adjust(ip + IP4_SUM, before, after);
	unsigned offset = h->l4_off ? sum_offset(h->l4_proto) : 0;
	uint8_t *field = frame_data(f) + h->l4_off + offset;
	if (!offset)
		return;
	if (is_open(f, offset))
		seed_adjust(field, before, after);
	else
		l4_sum_adjust(field, h->l4_proto, before, after);
}

/* c stands behind the fixed header of a quoted IPv6 packet: walks to its L4 header, as far as it is quoted. */
static bool quote_walk6(struct cursor *c, uint8_t *protocol)
{
	while (is_extension(*protocol)) {
		const uint8_t *ext = cursor_take(c, 8);
		if (!ext || *protocol == IPPROTO_AH)
			return false;
		if (*protocol == IPPROTO_FRAGMENT && (ext[2] << 8 | ext[3]) >> 3)
			return false;
		if (*protocol != IPPROTO_FRAGMENT)
			cursor_skip(c, ext[1] * 8u);
		*protocol = ext[0];
	}
	return !c->bad;
}

/* Where the quote's L4 header is, or NULL: it has none, or it is not quoted. */
static const uint8_t *quote_l4(struct cursor *c, const uint8_t *ip, bool ip4, uint8_t *ret_protocol)
{
	*ret_protocol = ip4 ? ip[9] : ip[6];
	if (!ip4)
		return quote_walk6(c, ret_protocol) ? c->at : NULL;
	unsigned header = (ip[0] & 0xfu) * 4;
	bool fragment = (ip[6] << 8 | ip[7]) & 0x1fff;
	if (header < 20 || fragment)
		return NULL;
	cursor_skip(c, header - 20);
	return c->bad ? NULL : c->at;
}

bool rewrite_quote_find(struct frame *f, struct rewrite_quote *ret)
{
	const struct frame_headers *h = &f->headers;
	const uint8_t *data = frame_data(f), *outer = data + h->l3_off;
	bool ip4 = h->ether_type == RTE_ETHER_TYPE_IPV4;
	uint32_t length = ip4 ? (uint32_t)(outer[2] << 8 | outer[3]) : 40u + (uint32_t)(outer[4] << 8 | outer[5]);
	uint32_t end = RTE_MIN(h->l3_off + length, frame_head_len(f));
	struct cursor c = cursor_over(data, end);
	cursor_skip(&c, h->l4_off + (size_t)ICMP_HEADER);
	const uint8_t *ip = cursor_take(&c, ip4 ? 20 : 40);
	if (!ip || ip[0] >> 4 != (ip4 ? 4 : 6))
		return false;
	struct rewrite_quote q = {.ip = (uint16_t)(ip - data), .end = (uint16_t)(c.at - data)};
	addresses_read(ip + (ip4 ? IP4_ADDRESSES : IP6_ADDRESSES), ip4 ? AF_INET : AF_INET6, &q.source,
		       &q.destination);
	const uint8_t *l4 = quote_l4(&c, ip, ip4, &q.protocol);
	unsigned offset = l4 ? sum_offset(q.protocol) : 0;
	if (offset && cursor_left(&c) >= offset + 2) {
		q.sum = (uint16_t)(l4 - data + offset);
		q.end = (uint16_t)(q.sum + 2);
	}
	*ret = q;
	return true;
}

void rewrite_quote(struct frame *f, const struct rewrite_quote *q, const struct ip *source,
		   const struct ip *destination)
{
	bool ip4 = source->family == AF_INET;
	uint8_t *data = frame_data(f), *ip = data + q->ip, *at = ip + (ip4 ? IP4_ADDRESSES : IP6_ADDRESSES);
	uint32_t n = ip4 ? 8 : 32, whole = (uint32_t)(q->end - q->ip);
	uint64_t quoted = offload_sum(ip, whole, 0), before = offload_sum(at, n, 0);
	addresses_write(at, source, destination);
	uint64_t after = offload_sum(at, n, 0);
	if (ip4)
		sum_adjust(ip + IP4_SUM, before, after);
	if (q->sum)
		l4_sum_adjust(data + q->sum, q->protocol, before, after);
	if (!is_open(f, ICMP_SUM))
		sum_adjust(data + f->headers.l4_off + ICMP_SUM, quoted, offload_sum(ip, whole, 0));
}
