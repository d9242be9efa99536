/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Router advertisements (RFC 4861, 6.2; MTU, prefixes, RFC 8106 resolvers) of the distributed router: in answer to
 * solicitations, and from hnv_ra_beacon.c now and then.
 */
#include <netinet/in.h>

#include <rte_ether.h>

#include "modules/hnv-answers/datapath/hnv_asked.h"
#include "modules/hnv-answers/datapath/hnv_nd.h"
#include "modules/hnv/reply.h"

#define ROUTER_LIFETIME 9000 /* s, the longest of RFC 4861, 6.2.1: the gateway is wherever the guest is */
#define PREFIX_VALID 2592000 /* s: RFC 4861's default */
#define PREFIX_PREFERRED 604800
enum { RA_TYPE = 134, RA_MANAGED = 0x80, RA_OTHER = 0x40 };
enum { OPTION_SLLA = 1, OPTION_PREFIX = 3, OPTION_MTU = 5, OPTION_RDNSS = 25 };
enum { PREFIX_ON_LINK = 0x80, PREFIX_AUTONOMOUS = 0x40 };

/* Guests may make addresses of their own (SLAAC) only where they would be learned: any other is dropped. */
static void write_prefixes(struct hnv_writer *w, const struct hnv_port *port)
{
	const struct hnv_subnet *s = port->subnet;
	for (uint8_t i = 0; i < s->n_prefixes; i++) {
		const struct ip_prefix *prefix = &s->prefix[i];
		if (prefix->ip.family != AF_INET6)
			continue;
		bool autonomous = port->dynamic_limit && prefix->len == 64;
		uint8_t network[16] = {0};
		memcpy(network, prefix->ip.byte, prefix->len / 8);
		if (prefix->len % 8)
			network[prefix->len / 8] =
				(uint8_t)(prefix->ip.byte[prefix->len / 8] & 0xff00 >> prefix->len % 8);
		hnv_write_u8(w, OPTION_PREFIX);
		hnv_write_u8(w, 4);
		hnv_write_u8(w, prefix->len);
		hnv_write_u8(w, (uint8_t)(PREFIX_ON_LINK | (autonomous ? PREFIX_AUTONOMOUS : 0)));
		hnv_write_be32(w, PREFIX_VALID);
		hnv_write_be32(w, PREFIX_PREFERRED);
		hnv_write_be32(w, 0);
		hnv_write(w, network, 16);
	}
}

static void write_resolvers(struct hnv_writer *w, const struct hnv_subnet *s)
{
	uint8_t n = 0;
	for (uint8_t i = 0; i < s->n_dns; i++)
		n += s->dns[i].family == AF_INET6;
	if (!n)
		return;
	hnv_write_u8(w, OPTION_RDNSS);
	hnv_write_u8(w, (uint8_t)(1 + 2 * n));
	hnv_write_be16(w, 0);
	hnv_write_be32(w, ROUTER_LIFETIME);
	for (uint8_t i = 0; i < s->n_dns; i++)
		if (s->dns[i].family == AF_INET6)
			hnv_write(w, s->dns[i].byte, 16);
}

static bool has_ip6(const struct hnv_subnet *s)
{
	for (uint8_t i = 0; i < s->n_prefixes; i++)
		if (s->prefix[i].ip.family == AF_INET6)
			return true;
	return false;
}

static void write_body(struct hnv_writer *w, const struct dp_adapter *a)
{
	const struct hnv_port *port = hnv_port_of(a);
	const struct hnv_subnet *s = port->subnet;
	uint16_t mtu = atomic_load_explicit(&port->net->inner_mtu, memory_order_relaxed);
	hnv_write_u8(w, RA_TYPE);
	hnv_write_zero(w, 3);
	hnv_write_u8(w, 64); /* hop limit */
	hnv_write_u8(w, RA_MANAGED | RA_OTHER);
	hnv_write_be16(w, ROUTER_LIFETIME);
	hnv_write_zero(w, 8); /* reachable and retransmission time: unspecified */
	hnv_write_u8(w, OPTION_SLLA);
	hnv_write_u8(w, 1);
	hnv_write(w, HNV_ROUTER_MAC.byte, 6);
	if (mtu >= 1280 && a->mtu >= 1280) { /* RFC 8200, 5: no link has less */
		hnv_write_u8(w, OPTION_MTU);
		hnv_write_u8(w, 1);
		hnv_write_be16(w, 0);
		hnv_write_be32(w, RTE_MIN((uint32_t)mtu, a->mtu));
	}
	write_prefixes(w, port);
	write_resolvers(w, s);
}

uint16_t hnv_ra_write(const struct dp_adapter *a, const uint8_t *to_ip6, uint8_t frame[static HNV_RA_MAX])
{
	static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};
	/* Like DHCP it is part of telling guests their addresses (row I25). */
	if (!hnv_port_of(a)->subnet->dhcp || !has_ip6(hnv_port_of(a)->subnet))
		return 0;
	uint8_t *ip = frame + HNV_ETHER, *icmp = ip + HNV_IP6;
	struct hnv_writer w = hnv_writer_over(icmp, HNV_RA_MAX - HNV_ETHER - HNV_IP6);
	write_body(&w, a);
	if (w.full)
		return 0;
	uint16_t len = (uint16_t)(w.at - icmp);
	hnv_put_ether(frame, to_ip6 ? a->mac.byte : (const uint8_t[]){0x33, 0x33, 0, 0, 0, 1}, RTE_ETHER_TYPE_IPV6);
	hnv_put_ip6(ip, hnv_router_ip6, to_ip6 ? to_ip6 : all_nodes, IPPROTO_ICMPV6, len, 255);
	uint16_t sum = hnv_sum6(ip, IPPROTO_ICMPV6, icmp, len);
	memcpy(icmp + 2, &sum, 2);
	return (uint16_t)(HNV_ETHER + HNV_IP6 + len);
}

bool hnv_ra_answer(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct hnv_nd *m)
{
	static const uint8_t unspecified[16];
	uint8_t answer[HNV_RA_MAX];
	uint16_t len = hnv_ra_write(a, memcmp(m->source.byte, unspecified, 16) ? m->source.byte : NULL, answer);
	if (!has_ip6(hnv_port_of(a)->subnet)) {
		PIPE_TRACE(p, a, "note", "virtual subnet %u has no IPv6 prefix to advertise", a->vsid);
		return true; /* a guest may be the router */
	}
	if (!len) { /* this is the router, and nobody else need be asked */
		PIPE_TRACE(p, a, "consume", "virtual subnet %u has no dhcp, so no router advertisement", a->vsid);
		pipe_consume(p, a, f);
		return false;
	}
	if (!hnv_answer_may(p, a, f))
		return false;
	uint8_t *at = hnv_reply_room(p, a, f, len);
	if (!at)
		return false;
	PIPE_TRACE(p, a, "answer", "router advertisement of virtual subnet %u", a->vsid);
	memcpy(at, answer, len);
	pipe_answer(p, a, f);
	return false;
}
