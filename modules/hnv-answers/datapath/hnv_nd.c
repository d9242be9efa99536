/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Neighbour discovery in a virtual subnet (RFC 4861, 4862; row I7): multicast solicitations are answered from the
 * lookup records, unicast ones reach their guest (so that NUD works), and nobody advertises what is not its own (row
 * B16). Redirects are the router's, and this router sends none.
 */
#include <netinet/in.h>

#include <rte_ether.h>

#include "base/cursor.h"
#include "modules/hnv-answers/datapath/hnv_answer.h"
#include "modules/hnv-answers/datapath/hnv_asked.h"
#include "modules/hnv-answers/datapath/hnv_nd.h"
#include "modules/hnv/guest.h"
#include "modules/hnv/reply.h"

DROP(hnv_answers, nd_malformed, "nd-malformed",
     "neighbour discovery that RFC 4861 has receivers discard: hop limit, checksum, lengths, fragments")
DROP_POLICY(
	hnv_answers, nd_spoofed, "nd-spoofed",
	"neighbour discovery for an address or link-layer address that is not the adapter's own; give the adapter a lookup "
	"record for the address, or a dynamic-ip-address-limit")

#define ND_BYTES_MAX 512 /* of one message; Linux and Windows send under 100 */
#define NA_LEN 32 /* with the target's link-layer address */
enum { RS = 133, RA = 134, NS = 135, NA = 136, REDIRECT = 137 };
enum { NA_ROUTER = 0x80, NA_SOLICITED = 0x40, NA_OVERRIDE = 0x20 };
enum { OPTION_SLLA = 1, OPTION_TLLA = 2 };

static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};
static const uint8_t unspecified[16];

static bool is_link_local(const uint8_t *address) { return address[0] == 0xfe && (address[1] & 0xc0) == 0x80; }

/* RFC 4861, 6.1 and 7.1. Sets m->option_mac when there is a link-layer address of the wanted kind. */
static bool options_read(struct cursor *c, uint8_t wanted, struct hnv_nd *m)
{
	while (cursor_left(c) && !c->bad) {
		uint8_t type = cursor_u8(c), len = cursor_u8(c);
		if (!len)
			return false;
		if (type == wanted && len == 1 && cursor_left(c) >= 6) {
			cursor_copy(c, m->option_mac.byte, 6);
			m->has_option = true;
		} else {
			cursor_skip(c, len * 8u - 2);
		}
	}
	return !c->bad;
}

static bool checksum_good(const struct frame *f, const uint8_t *ip, const uint8_t *icmp, uint16_t len)
{
	uint8_t copy[ND_BYTES_MAX];
	if (f->m.ol_flags & (FRAME_CSUM_GOOD | FRAME_OFFLOAD))
		return true;
	memcpy(copy, icmp, len);
	memset(copy + 2, 0, 2);
	uint16_t sum = hnv_sum6(ip, IPPROTO_ICMPV6, copy, len);
	return memcmp(&sum, icmp + 2, 2) == 0 || (sum == 0xffff && !icmp[2] && !icmp[3]);
}

static bool message_read(struct cursor *c, struct hnv_nd *m)
{
	cursor_skip(c, 3); /* code and checksum */
	cursor_skip(c, 4); /* flags, reserved, or a router's fields */
	bool about_target = m->type == NS || m->type == NA || m->type == REDIRECT;
	if (m->type == RA || m->type == REDIRECT)
		return true; /* judged by its sender alone */
	if (about_target) {
		m->target.family = AF_INET6;
		cursor_copy(c, m->target.byte, 16);
		if (m->target.byte[0] == 0xff)
			return false;
	}
	if (!options_read(c, m->type == NA ? OPTION_TLLA : OPTION_SLLA, m))
		return false;
	bool nameless = !memcmp(m->source.byte, unspecified, 16);
	return !nameless || (m->type != NA && !m->has_option);
}

static bool nd_read(struct frame *f, struct hnv_nd *ret_nd)
{
	uint8_t bytes[ND_BYTES_MAX + HNV_ETHER + HNV_IP6];
	const struct frame_headers *h = &f->headers;
	uint32_t have = RTE_MIN(frame_len(f), (uint32_t)sizeof(bytes));
	if (h->fragmented || have < HNV_ETHER + HNV_IP6 || !frame_read(f, 0, bytes, have))
		return false;
	const uint8_t *ip = bytes + HNV_ETHER;
	uint32_t end = HNV_ETHER + HNV_IP6 + (uint32_t)(ip[4] << 8 | ip[5]);
	if (end > have || h->l4_off + 8u > end || ip[7] != 255 || bytes[h->l4_off + 1])
		return false;
	struct hnv_nd m = {.type = bytes[h->l4_off], .source.family = AF_INET6};
	memcpy(m.source.byte, ip + 8, 16);
	memcpy(m.to, ip + 24, 16);
	struct cursor c = cursor_over(bytes + h->l4_off, end - h->l4_off);
	if (end - h->l4_off > ND_BYTES_MAX || !checksum_good(f, ip, c.at, (uint16_t)cursor_left(&c)))
		return false;
	cursor_skip(&c, 1);
	if (!message_read(&c, &m) || c.bad)
		return false;
	*ret_nd = m;
	return true;
}

/* The solicitation becomes the advertisement (RFC 4861, 4.4; to one who has no address yet, 7.2.4). */
static void advertise(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct hnv_nd *m,
		      const struct mac *is, bool router)
{
	uint8_t *at = hnv_reply_room(p, a, f, HNV_ETHER + HNV_IP6 + NA_LEN);
	if (!at)
		return;
	bool nameless = !memcmp(m->source.byte, unspecified, 16);
	hnv_put_ether(at, nameless ? (const uint8_t[]){0x33, 0x33, 0, 0, 0, 1} : a->mac.byte, RTE_ETHER_TYPE_IPV6);
	memcpy(at + 6, is->byte, 6);
	uint8_t *ip = at + HNV_ETHER, *icmp = ip + HNV_IP6;
	hnv_put_ip6(ip, m->target.byte, nameless ? all_nodes : m->source.byte, IPPROTO_ICMPV6, NA_LEN, 255);
	memset(icmp, 0, NA_LEN);
	icmp[0] = NA;
	icmp[4] = (uint8_t)(NA_OVERRIDE | (router ? NA_ROUTER : 0) | (nameless ? 0 : NA_SOLICITED));
	memcpy(icmp + 8, m->target.byte, 16);
	icmp[24] = OPTION_TLLA;
	icmp[25] = 1;
	memcpy(icmp + 26, is->byte, 6);
	uint16_t sum = hnv_sum6(ip, IPPROTO_ICMPV6, icmp, NA_LEN);
	memcpy(icmp + 2, &sum, 2);
	pipe_answer(p, a, f);
}

static bool solicitation(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct hnv_nd *m)
{
	char text[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE];
	struct mac is = HNV_ROUTER_MAC;
	bool router_local = !memcmp(m->target.byte, hnv_router_ip6, 16);
	enum hnv_known known = router_local ? HNV_KNOWN_ROUTER : hnv_whose(hnv_port_of(a), &m->target, &is);
	switch (known) {
	case HNV_KNOWN_OWN:
		PIPE_TRACE(p, a, "consume", "%s is the adapter's own: nobody else answers",
			   ip_format(&m->target, text));
		pipe_consume(p, a, f);
		return false;
	case HNV_KNOWN_ROUTER:
	case HNV_KNOWN_RECORD:
		if (!hnv_answer_may(p, a, f))
			return false;
		PIPE_TRACE(p, a, "answer", "%s is at %s", ip_format(&m->target, text), mac_format(&is, mac));
		advertise(p, a, f, m, &is, known == HNV_KNOWN_ROUTER);
		return false;
	case HNV_KNOWN_BESIDE:
		PIPE_TRACE(p, a, "note", "%s is on this host and answers itself (2012)", ip_format(&m->target, text));
		hnv_to_locals(p, a, f);
		return false;
	case HNV_KNOWN_NOT:
		break;
	}
	return hnv_unanswered(p, a, f, &m->target);
}

/* A guest's link-local address is its own affair as long as no record and no router has it. */
static bool may_claim(const struct hnv_port *port, const struct ip *address)
{
	struct mac mac;
	if (hnv_may_claim(port, address))
		return true;
	return is_link_local(address->byte) && memcmp(address->byte, hnv_router_ip6, 16) != 0 &&
	       hnv_whose(port, address, &mac) == HNV_KNOWN_NOT;
}

/* The address that the message claims for its sender and that is not the sender's; NULL: none. */
static const struct ip *claimed(const struct hnv_port *port, const struct hnv_nd *m)
{
	if (memcmp(m->source.byte, unspecified, 16) != 0 && !may_claim(port, &m->source))
		return &m->source;
	if (m->type == NA && !may_claim(port, &m->target))
		return &m->target;
	return NULL;
}

bool hnv_nd(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	const struct hnv_port *port = hnv_port_of(a);
	struct hnv_nd m;
	if (hnv_control_forged(p, a, f))
		return false;
	if (!nd_read(f, &m)) {
		pipe_drop(p, a, f, &drop_nd_malformed);
		return false;
	}
	if (m.type == REDIRECT || (m.has_option && mac_to_u64(&m.option_mac) != mac_to_u64(&a->mac))) {
		pipe_drop(p, a, f, &drop_nd_spoofed);
		return false;
	}
	const struct ip *claim = claimed(port, &m);
	if (claim) {
		hnv_learn(p, a, f, claim, &drop_nd_spoofed);
		return false;
	}
	if (m.type == RS)
		return hnv_ra_answer(p, a, f, &m);
	const uint8_t *to = frame_data(f);
	bool to_router = !memcmp(to, HNV_ROUTER_MAC.byte, 6);
	bool unicast = !(to[0] & 1) && !to_router;
	if ((unicast && (m.type != NS || !hnv_is_rewritten(port, &m.target))) || m.type == RA)
		return true;
	if (m.type == NS)
		return solicitation(p, a, f, &m);
	if (to_router)
		pipe_consume(p, a, f);
	else if (atomic_load_explicit(&port->subnet->l2only, memory_order_relaxed))
		return true;
	else
		hnv_to_locals(p, a, f);
	return false;
}
