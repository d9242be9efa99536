/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds among a guest's frames those that the switch answers itself: ARP, neighbour and router discovery, echo
 * requests to the gateway, DHCP. Everything else costs a look at its type and protocol.
 */
#include "modules/hnv-answers/datapath/hnv_answer.h"

#include <netinet/in.h>

#include <rte_ether.h>

#include "base/bytes.h"

#define ETHER 14
#define TYPE_OFF 12
#define IP4_PROTOCOL_OFF (ETHER + 9)
#define IP6_NEXT_OFF (ETHER + 6)
#define UDP4_OFF (ETHER + 20)
#define UDP6_OFF (ETHER + 40)
#define UDP4_LOOK (UDP4_OFF + 4u) /* bytes that are looked at */
#define UDP6_LOOK (UDP6_OFF + 4u)

#define DHCP4_SERVER 67 /* and the client's is the next */
#define DHCP6_CLIENT 546 /* and the server's is the next */

enum { ND_FIRST = 133, ND_LAST = 137 };

/* udp: the header. To a server, or to a client: no guest is a server where we are. */
static inline bool is_dhcp(const uint8_t *udp, uint16_t first) { return (uint16_t)(bytes_be16(udp + 2) - first) < 2; }

/* TCP, or UDP that is not DHCP, where the first look finds the headers: nothing here is for us. */
static inline bool is_plain(struct frame *f)
{
	const uint8_t *data = frame_data(f);
	uint32_t len = frame_head_len(f);
	uint16_t type = len >= UDP4_LOOK ? bytes_be16(data + TYPE_OFF) : 0;
	if (likely(type == RTE_ETHER_TYPE_IPV4)) {
		uint8_t protocol = data[IP4_PROTOCOL_OFF];
		return likely(protocol == IPPROTO_TCP) ||
		       (protocol == IPPROTO_UDP && data[ETHER] == 0x45 && !is_dhcp(data + UDP4_OFF, DHCP4_SERVER));
	}
	if (type != RTE_ETHER_TYPE_IPV6 || len < UDP6_LOOK)
		return false;
	uint8_t next = data[IP6_NEXT_OFF];
	return next == IPPROTO_TCP || (next == IPPROTO_UDP && !is_dhcp(data + UDP6_OFF, DHCP6_CLIENT));
}

static bool dispatch4(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	const struct frame_headers *h = &f->headers;
	if (h->l4_proto == IPPROTO_ICMP)
		return hnv_ping4(p, a, f);
	if (h->l4_proto == IPPROTO_UDP && h->l4_off && hnv_port_of(a)->subnet->dhcp &&
	    is_dhcp(frame_data(f) + h->l4_off, DHCP4_SERVER))
		return hnv_dhcp4(p, a, f);
	return true;
}

static bool dispatch6(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	const struct frame_headers *h = &f->headers;
	if (h->l4_proto == IPPROTO_ICMPV6) {
		uint8_t type = h->l4_off ? frame_data(f)[h->l4_off] : 0;
		return type >= ND_FIRST && type <= ND_LAST ? hnv_nd(p, a, f) : hnv_ping6(p, a, f);
	}
	if (h->l4_proto == IPPROTO_UDP && h->l4_off && hnv_port_of(a)->subnet->dhcp &&
	    is_dhcp(frame_data(f) + h->l4_off, DHCP6_CLIENT))
		return hnv_dhcp6(p, a, f);
	return true;
}

static bool dispatch(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	frame_parse(f);
	switch (f->headers.l3_off == ETHER ? f->headers.ether_type : 0) {
	case RTE_ETHER_TYPE_ARP:
		return hnv_arp(p, a, f);
	case RTE_ETHER_TYPE_IPV4:
		return dispatch4(p, a, f);
	case RTE_ETHER_TYPE_IPV6:
		return dispatch6(p, a, f);
	default:
		return true;
	}
}

static uint16_t hnv_answer(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	uint16_t plain = 0;
	while (plain < n && likely(is_plain(frames[plain])))
		plain++;
	uint16_t kept = plain;
	for (uint16_t i = plain; i < n; i++)
		if (is_plain(frames[i]) || dispatch(p, a, frames[i]))
			frames[kept++] = frames[i];
	return kept;
}

static bool wanted(const struct dp_adapter *a)
{
	const struct hnv_port *port = hnv_port_of(a);
	return a->vsid && port && port->subnet;
}

NODE(hnv_answer, INGRESS_POLICY, hnv_answer, wanted)
