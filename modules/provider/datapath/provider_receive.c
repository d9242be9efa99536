/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes from the wire for a provider address and is no tunnel's: questions for the address and pings are
 * answered in place, answers and errors go up, and all else to its MAC address ends here. What is not for a PA
 * goes on to the switch.
 */
#include <netinet/in.h>

#include <rte_ether.h>

#include "core/runtime/offload.h"
#include "core/runtime/pipe.h"
#include "core/runtime/punt.h"
#include "modules/provider/datapath/provider_answer.h"
#include "modules/provider/datapath/provider_data.h"
#include "modules/provider/datapath/provider_punt.h"

DROP(provider, provider_unexpected, "provider-unexpected",
     "sent to a provider address, which takes tunnelled packets, ARP, ND and ICMP only; look at the sender")
DROP(provider, provider_malformed, "provider-malformed",
     "an ARP, ND, IP or ICMP header to a provider address is cut off or wrong; look at its sender")
DROP(provider, provider_fragment, "provider-fragment",
     "a fragment to a provider address; tunnels never fragment, so lower the sender's MTU")
DROP(provider, provider_limit, "provider-limit",
     "more questions and messages to provider addresses than are answered (2000 a second); look at who sends them")

PUNT(provider_neighbour, provider_on_neighbour);
PUNT(provider_icmp, provider_on_icmp);
PUNT(provider_query, provider_on_query);

#define IGMP_QUERY 0x11
#define MLD_QUERY 130

/* What the frames of one burst have in common. */
struct receiver {
	struct pipe *p;
	const struct dp_adapter *a;
	struct provider_switch *s;
	const struct provider_locals *locals;
};

static bool within(struct receiver *r, struct provider_bucket *b)
{
	return r->p->trace || provider_bucket_take(b, r->p->now_ms);
}

static void up(struct receiver *r, struct frame *f, const struct punt_kind *kind)
{
	if (within(r, &r->s->punts))
		punt(r->p, r->a, f, kind);
	else
		pipe_drop(r->p, r->a, f, &drop_provider_limit);
}

/* A copy goes up; f goes on. Nothing is said when there is no memory: it was a courtesy. */
static void up_copy(struct receiver *r, struct frame *f, const struct punt_kind *kind)
{
	PIPE_TRACE(r->p, r->a, "note", "a copy goes to the control thread: %s", kind->name);
	if (r->p->trace || !within(r, &r->s->punts))
		return;
	struct frame *copy = frame_copy(f, r->p->pools, UINT32_MAX);
	if (!copy)
		return;
	pipe_copied(r->p, r->a, 1);
	punt(r->p, r->a, copy, kind);
}

/* The PA that a frame of this VLAN may mean by the address. */
static const struct provider_local *pa_find(const struct receiver *r, const struct ip *ip, uint16_t vlan)
{
	const struct provider_local *l = provider_locals_find(r->locals, ip);
	return l && !l->group && l->vlan == vlan ? l : NULL;
}

/* Does it say something of a neighbour that is not known yet, or claim a PA for itself? */
static bool is_news(const struct receiver *r, const struct provider_message *m, uint16_t vlan)
{
	const struct provider_local *pa = pa_find(r, &m->sender, vlan);
	if (pa)
		return mac_to_u64(&pa->mac) != mac_to_u64(&m->mac);
	const struct peer *peer = peers_find(r->s->peers, &m->sender);
	return peer && atomic_load_explicit(&peer->is_neighbour, memory_order_relaxed) && !mac_is_zero(&m->mac) &&
	       atomic_load_explicit(&peer->mac, memory_order_relaxed) != mac_to_u64(&m->mac);
}

static void answer(struct receiver *r, struct frame *f, const struct provider_message *m,
		   const struct provider_local *pa)
{
	char text[IP_TEXT_SIZE];
	if (!within(r, &r->s->answers)) {
		pipe_drop(r->p, r->a, f, &drop_provider_limit);
		return;
	}
	if (m->target.family == AF_INET) {
		provider_answer_arp(f, pa);
	} else if (!provider_answer_nd(f, m, pa)) {
		pipe_drop(r->p, r->a, f, &drop_provider_malformed);
		return;
	}
	PIPE_TRACE(r->p, r->a, "answer", "provider address %s is asked for", ip_format(&pa->ip, text));
	pipe_answer(r->p, r->a, f);
}

/* ARP or ND to a PA's own MAC address. */
static void neighbour_to_us(struct receiver *r, struct frame *f, uint16_t vlan)
{
	struct provider_message m;
	if (!provider_parse_neighbour(f, &m)) {
		pipe_drop(r->p, r->a, f, &drop_provider_malformed);
		return;
	}
	const struct provider_local *pa = m.said == PROVIDER_ASKS ? pa_find(r, &m.target, vlan) : NULL;
	if (pa) {
		if (is_news(r, &m, vlan))
			up_copy(r, f, &punt_provider_neighbour);
		answer(r, f, &m, pa);
		return;
	}
	const struct peer *peer = peers_find(r->s->peers, &m.sender);
	bool awaited = peer && atomic_load_explicit(&peer->is_neighbour, memory_order_relaxed);
	if (m.said == PROVIDER_TELLS && (awaited || is_news(r, &m, vlan)))
		up(r, f, &punt_provider_neighbour);
	else
		pipe_drop(r->p, r->a, f, &drop_provider_unexpected);
}

static bool ip4_header_good(const struct frame *f)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(&f->m, const uint8_t *, f->headers.l3_off);
	uint32_t room = frame_head_len(f) - f->headers.l3_off, header = room ? (ip[0] & 0xfu) * 4 : 0;
	uint32_t total = room >= 20 ? (uint32_t)(ip[2] << 8 | ip[3]) : 0;
	return room >= 20 && ip[0] >> 4 == 4 && header >= 20 && header <= room && total >= header &&
	       total <= frame_len(f) - f->headers.l3_off && offload_sum_fold(offload_sum(ip, header, 0)) == 0xffff;
}

static bool ip6_header_good(const struct frame *f)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(&f->m, const uint8_t *, f->headers.l3_off);
	uint32_t room = frame_head_len(f) - f->headers.l3_off;
	return room >= 40 && ip[0] >> 4 == 6 && 40u + (ip[4] << 8 | ip[5]) <= frame_len(f) - f->headers.l3_off;
}

/* One station, and not us: whom an answer may go to. */
static bool source_usable(const struct receiver *r, const struct ip *ip)
{
	static const struct ip nobody;
	if (!memcmp(ip->byte, nobody.byte, sizeof(nobody.byte)) || provider_locals_find(r->locals, ip))
		return false;
	return ip->family == AF_INET ? ip->byte[0] < 224 && ip->byte[0] != 127 : ip->byte[0] != 0xff;
}

static void icmp_to_us(struct receiver *r, struct frame *f, uint16_t vlan)
{
	struct provider_icmp m;
	char text[IP_TEXT_SIZE];
	if (!provider_parse_icmp(f, &m)) {
		pipe_drop(r->p, r->a, f, &drop_provider_malformed);
		return;
	}
	const struct provider_local *pa = pa_find(r, &m.to, vlan);
	bool ip6 = m.to.family == AF_INET6;
	if (!pa || !source_usable(r, &m.from)) {
		pipe_drop(r->p, r->a, f, &drop_provider_unexpected);
	} else if (m.type == (ip6 ? 128 : 8) && m.code == 0) {
		if (!within(r, &r->s->answers)) {
			pipe_drop(r->p, r->a, f, &drop_provider_limit);
			return;
		}
		provider_answer_echo(f, pa);
		PIPE_TRACE(r->p, r->a, "answer", "provider address %s is pinged", ip_format(&pa->ip, text));
		pipe_answer(r->p, r->a, f);
	} else if (ip6 ? m.type == 129 || m.type < 128 : m.type == 0 || m.type == 3 || m.type == 11 || m.type == 12) {
		up(r, f, &punt_provider_icmp);
	} else {
		pipe_drop(r->p, r->a, f, &drop_provider_unexpected);
	}
}

static void to_us(struct receiver *r, struct frame *f, uint16_t vlan)
{
	const struct frame_headers *h = &f->headers;
	frame_parse(f);
	bool ip4 = h->ether_type == RTE_ETHER_TYPE_IPV4, ip6 = h->ether_type == RTE_ETHER_TYPE_IPV6;
	if ((ip4 && !ip4_header_good(f)) || (ip6 && !ip6_header_good(f)))
		pipe_drop(r->p, r->a, f, &drop_provider_malformed);
	else if (h->fragmented)
		pipe_drop(r->p, r->a, f, &drop_provider_fragment);
	else if (h->ether_type == RTE_ETHER_TYPE_ARP)
		neighbour_to_us(r, f, vlan);
	else if (ip6 && h->l4_proto == IPPROTO_ICMPV6 && h->l4_off && frame_data(f)[h->l4_off] >= 133 &&
		 frame_data(f)[h->l4_off] <= 137)
		neighbour_to_us(r, f, vlan);
	else if ((ip4 && h->l4_proto == IPPROTO_ICMP) || (ip6 && h->l4_proto == IPPROTO_ICMPV6))
		icmp_to_us(r, f, vlan);
	else
		pipe_drop(r->p, r->a, f, &drop_provider_unexpected);
}

/* A querier wants to know who is in which group; others on the switch may be, so the frame goes on. */
static bool is_group_query(const struct frame *f)
{
	const struct frame_headers *h = &f->headers;
	const uint8_t *data = rte_pktmbuf_mtod(&f->m, const uint8_t *);
	if (!h->l4_off || frame_head_len(f) < h->l4_off + 8u)
		return false;
	return (h->ether_type == RTE_ETHER_TYPE_IPV4 && h->l4_proto == IPPROTO_IGMP &&
		data[h->l4_off] == IGMP_QUERY) ||
	       (h->ether_type == RTE_ETHER_TYPE_IPV6 && h->l4_proto == IPPROTO_ICMPV6 &&
		data[h->l4_off] == MLD_QUERY);
}

/* Broadcast and multicast. True: f ended here; else the switch goes on with it. */
static bool to_all(struct receiver *r, struct frame *f, uint16_t vlan)
{
	struct provider_message m;
	frame_parse(f);
	if (provider_parse_neighbour(f, &m)) {
		const struct provider_local *pa = m.said == PROVIDER_ASKS ? pa_find(r, &m.target, vlan) : NULL;
		if (is_news(r, &m, vlan))
			up_copy(r, f, &punt_provider_neighbour);
		if (pa && !pa_find(r, &m.sender, vlan)) {
			answer(r, f, &m, pa);
			return true;
		}
	} else if (r->locals->n_groups && is_group_query(f)) {
		up_copy(r, f, &punt_provider_query);
	}
	return false;
}

static uint16_t provider_receive(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	struct receiver r = {.p = p, .a = a, .s = provider_switch_of(a->sw)};
	uint16_t kept = 0;
	while (kept < n && frames[kept]->m.ol_flags & FRAME_TENANT)
		kept++; /* under tenants' load this is all */
	r.locals = provider_locals_of(r.s);
	for (uint16_t i = kept; i < n; i++) {
		struct frame *f = frames[i];
		int vlan = f->m.ol_flags & FRAME_TENANT ? -1 : provider_vlan_of(f);
		const uint8_t *to = frame_data(f);
		if (vlan < 0)
			frames[kept++] = f;
		else if (unlikely(to[0] & 1)) {
			if (!to_all(&r, f, (uint16_t)vlan))
				frames[kept++] = f;
		} else if (provider_locals_station(r.locals, to, (uint16_t)vlan))
			to_us(&r, f, (uint16_t)vlan);
		else
			frames[kept++] = f;
	}
	return kept;
}

static bool wanted(const struct dp_adapter *a)
{
	return a->role == PORT_UPLINK && a->sw && provider_switch_of(a->sw);
}

NODE(provider_receive, DECAPSULATE, provider_receive, wanted)
