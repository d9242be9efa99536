/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ICMP errors of the distributed router. When none may be sent: RFC 1122, 3.2.2; RFC 1812, 4.3.2.7; RFC 4443, 2.4 (e).
 * How much is quoted: RFC 1812, 4.3.2.3 (up to 576 bytes); RFC 4443, 2.4 (c) (up to 1280).
 */
#include "modules/hnv/datapath/hnv_error.h"

#include <netinet/in.h>

#include <rte_ether.h>

#include "core/runtime/offload.h"
#include "modules/hnv/guest.h"
#include "modules/hnv/reply.h"

DROP(hnv, ttl_expired, "ttl-expired",
     "the packet's TTL or hop limit ended at the distributed router; its sender was told")

/* For each port: a hundred would do for path MTU discovery, thousands of flows need more. */
#define ERRORS_A_SECOND 1000
#define ERRORS_BURST 500
#define ICMP 8 /* bytes in front of the quoted packet */
#define WHOLE4_MAX 576u
#define WHOLE6_MAX 1280u

struct error {
	uint8_t type, code;
	uint32_t word; /* the second of the ICMP header */
	bool about_groups; /* RFC 4443, 2.4 (e.3): packet too big, also for a group */
	const struct ip *from; /* NULL: the gateway beside the sender */
};

/* Is this ICMP message an error, or a redirect? RFC 1122, 3.2.2: 3, 4, 5, 11, 12. */
static bool is_error4(uint8_t type) { return (type >= 3 && type <= 5) || type == 11 || type == 12; }

static bool is_error6(uint8_t type) { return type < 128 || type == 137; }

/* One host that can be told: not nothing, this network's or oneself, a group, or all (RFC 1122, 3.2.1.3). */
static bool is_host4(const uint8_t *address) { return address[0] && address[0] != 127 && address[0] < 224; }

static bool is_host6(const uint8_t *address)
{
	static const uint8_t unspecified[16];
	return memcmp(address, unspecified, 16) != 0 && address[0] != 0xff;
}

/* A broadcast address of a prefix of the subnet, not only 255.255.255.255. */
static bool is_broadcast4(const struct hnv_subnet *s, const uint8_t *address)
{
	uint32_t host =
		(uint32_t)address[0] << 24 | (uint32_t)address[1] << 16 | (uint32_t)address[2] << 8 | address[3];
	struct ip ip = {.family = AF_INET};
	memcpy(ip.byte, address, 4);
	for (uint8_t i = 0; i < s->n_prefixes; i++) {
		uint32_t all = s->prefix[i].len < 31 ? UINT32_MAX >> s->prefix[i].len : 0;
		if (all && ip_prefix_contains(&s->prefix[i], &ip) && (host & all) == all)
			return true;
	}
	return false;
}

/* frame: len bytes, at least to the end of the fixed IP header. */
static bool may_tell4(const struct dp_adapter *a, const struct frame_headers *h, const uint8_t *frame, uint32_t len)
{
	const uint8_t *ip = frame + HNV_ETHER;
	if (h->fragment || !is_host4(ip + 12) || ip[16] >= 224 || is_broadcast4(hnv_port_of(a)->subnet, ip + 16))
		return false;
	return h->l4_proto != IPPROTO_ICMP || (h->l4_off && h->l4_off < len && !is_error4(frame[h->l4_off]));
}

static bool may_tell6(const struct frame_headers *h, const struct error *e, const uint8_t *frame, uint32_t len)
{
	const uint8_t *ip = frame + HNV_ETHER;
	if (!is_host6(ip + 8) || (ip[24] == 0xff && !e->about_groups))
		return false;
	if (h->l4_proto != IPPROTO_ICMPV6 || h->fragment)
		return true;
	return h->l4_off && h->l4_off < len && !is_error6(frame[h->l4_off]);
}

static void write_icmp(uint8_t *icmp, const struct error *e)
{
	icmp[0] = e->type;
	icmp[1] = e->code;
	hnv_put_be16(icmp + 2, 0);
	hnv_put_be16(icmp + 4, (uint16_t)(e->word >> 16));
	hnv_put_be16(icmp + 6, (uint16_t)e->word);
}

/* `at` has the quoted packet behind room for an Ethernet, IP and ICMP header. RFC 1812, 4.3.2.5: precedence 6. */
static void complete4(uint8_t *at, const struct dp_adapter *a, const struct ip *gateway, const struct error *e,
		      uint16_t quoted)
{
	uint8_t *ip = at + HNV_ETHER, *icmp = ip + HNV_IP4;
	uint16_t len = (uint16_t)(ICMP + quoted);
	hnv_put_ether(at, a->mac.byte, RTE_ETHER_TYPE_IPV4);
	hnv_put_ip4(ip, gateway->byte, icmp + ICMP + 12, IPPROTO_ICMP, (uint16_t)(HNV_IP4 + len));
	ip[1] = 0xc0;
	offload_ip4_checksum(ip, HNV_IP4);
	write_icmp(icmp, e);
	uint16_t sum = (uint16_t)~offload_sum_fold(offload_sum(icmp, len, 0));
	memcpy(icmp + 2, &sum, 2);
}

static void complete6(uint8_t *at, const struct dp_adapter *a, const struct ip *gateway, const struct error *e,
		      uint16_t quoted)
{
	uint8_t *ip = at + HNV_ETHER, *icmp = ip + HNV_IP6;
	uint16_t len = (uint16_t)(ICMP + quoted);
	hnv_put_ether(at, a->mac.byte, RTE_ETHER_TYPE_IPV6);
	hnv_put_ip6(ip, gateway ? gateway->byte : hnv_router_ip6, icmp + ICMP + 8, IPPROTO_ICMPV6, len, 64);
	write_icmp(icmp, e);
	uint16_t sum = hnv_sum6(ip, IPPROTO_ICMPV6, icmp, len);
	memcpy(icmp + 2, &sum, 2);
}

static void tell(struct pipe *p, const struct dp_adapter *a, const struct frame *f, bool ip4, const struct error *e)
{
	char text[IP_TEXT_SIZE];
	uint32_t header = ip4 ? HNV_IP4 : HNV_IP6, whole = ip4 ? WHOLE4_MAX : WHOLE6_MAX;
	uint32_t packet = frame_len(f) - HNV_ETHER, room = whole - header - ICMP;
	uint32_t quoted = RTE_MIN(packet, room);
	struct hnv_port *port = hnv_port_of(a);
	struct ip sender = {.family = ip4 ? AF_INET : AF_INET6};
	frame_read(f, HNV_ETHER + (ip4 ? 12 : 8), sender.byte, ip4 ? 4 : 16);
	const struct ip *gateway = e->from ? e->from : hnv_gateway_for(port->subnet, &sender);
	if (ip4 && !gateway)
		return;
	if (!p->trace && !hnv_limit_take(&port->errors, p->now_ms, ERRORS_A_SECOND, ERRORS_BURST))
		return;
	struct frame *made = frame_alloc(p->pools->small);
	if (!made)
		return;
	uint8_t *at = (uint8_t *)rte_pktmbuf_append(&made->m, (uint16_t)(HNV_ETHER + header + ICMP + quoted));
	frame_read(f, HNV_ETHER, at + HNV_ETHER + header + ICMP, quoted);
	if (ip4)
		complete4(at, a, gateway, e, (uint16_t)quoted);
	else
		complete6(at, a, gateway, e, (uint16_t)quoted);
	PIPE_TRACE(p, a, "answer", "ICMP%s type %u code %u, %u, to %s", ip4 ? "" : "v6", e->type, e->code, e->word,
		   ip_format(&sender, text));
	pipe_originate(p, a, a, made);
}

/* The error of f's family, if it may be told at all. */
static void consider(struct pipe *p, const struct dp_adapter *a, const struct frame *f, const struct error *e4,
		     const struct error *e6)
{
	const uint8_t *data = rte_pktmbuf_mtod(&f->m, const uint8_t *);
	const struct frame_headers *h = &f->headers;
	uint32_t len = frame_head_len(f);
	if (!(f->m.ol_flags & FRAME_PARSED) || h->l3_off != HNV_ETHER || (data[0] & 1 && !e6->about_groups))
		return;
	if (h->ether_type == RTE_ETHER_TYPE_IPV4 && len >= HNV_ETHER + HNV_IP4 && !(data[0] & 1) &&
	    may_tell4(a, h, data, len))
		tell(p, a, f, true, e4);
	else if (h->ether_type == RTE_ETHER_TYPE_IPV6 && len >= HNV_ETHER + HNV_IP6 && may_tell6(h, e6, data, len))
		tell(p, a, f, false, e6);
}

void hnv_error_too_long(struct pipe *p, const struct dp_adapter *a, struct frame *f, uint16_t mtu)
{
	frame_parse(f);
	consider(p, a, f, &(struct error){.type = 3, .code = 4, .word = mtu},
		 &(struct error){.type = 2, .word = mtu, .about_groups = true});
}

void hnv_error_expired(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	frame_parse(f);
	consider(p, a, f, &(struct error){.type = 11}, &(struct error){.type = 3});
}

void hnv_error_no_port(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct ip *from)
{
	frame_parse(f);
	consider(p, a, f, &(struct error){.type = 3, .code = 3, .from = from},
		 &(struct error){.type = 1, .code = 4, .from = from});
}

void hnv_ttl_expired(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	hnv_error_expired(p, a, f);
	pipe_drop(p, a, f, &drop_ttl_expired);
}
