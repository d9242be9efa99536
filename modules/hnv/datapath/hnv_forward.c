/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The distributed router: where a guest's frame goes is decided by its destination IP address alone (row I6), within
 * the sender's routing domain alone (row I21): address -> route -> lookup record -> adapter or tunnel. Between virtual
 * subnets it routes (TTL, MAC addresses of router and receiver); inside one the sender's MAC address and TTL stay.
 */
#include <rte_ether.h>

#include "modules/hnv/datapath/hnv_error.h"
#include "modules/hnv/datapath/hnv_lookup.h"
#include "modules/hnv/datapath/hnv_mtu.h"
#include "modules/hnv/datapath/hnv_unrecorded.h"
#include "modules/hnv/datapath/routes.h"
#include "modules/hnv/guest.h"
#include "modules/hnv/probe.h"
#include "modules/hnv/tunnel.h"

DROP(hnv, record_nowhere, "record-nowhere",
     "the destination's lookup record leads nowhere at the moment: its adapter or provider network is not on this host, or "
     "it is marked unusable")
DROP(hnv, to_itself, "to-itself", "the destination is a customer address of the sender itself")

/* Where the frames of a run go; most of a burst's go one way. */
struct way_out {
	uint16_t index; /* of the next that this is about; HNV_NEXT_NONE: not yet known */
	const struct hnv_next *next; /* NULL: a local adapter, or none */
	const struct provider_way *way; /* of next; NULL: there is none at the moment */
	const struct dp_adapter *to; /* NULL: see reason */
	uint32_t longest; /* bytes of a frame that fits */
	const struct drop_reason *reason; /* NULL: it leads to many, which is no guest's address */
};

static void way_out_find(struct pipe *p, const struct dp_adapter *a, uint16_t index, struct way_out *w)
{
	const struct hnv_next *next = hnv_next_at(index);
	*w = (struct way_out){.index = index, .reason = &drop_record_nowhere};
	if (next && next->kind == HNV_LOCAL) {
		w->to = hnv_adapter(p, next->adapter);
		w->longest = UINT32_MAX;
		if (w->to == a) {
			w->to = NULL;
			w->reason = &drop_to_itself;
		}
	} else if (next && next->kind == HNV_TUNNEL && next->group) {
		w->reason = NULL;
	} else if (next && next->kind == HNV_TUNNEL) {
		const struct hnv_tunnel *t = hnv_next_tunnel(next);
		w->next = next;
		w->way = t ? t->way : NULL;
		w->to = t ? hnv_way_uplink(p, t->way) : NULL;
		w->longest = t ? t->inner_mtu + HNV_ETHER : 0;
		w->reason = &drop_no_provider_path;
	} else if (next && next->kind == HNV_REWRITE) {
		w->next = next;
		w->way = atomic_load_explicit(&next->path->way, memory_order_acquire);
		w->to = w->way ? hnv_way_uplink(p, w->way) : NULL;
		w->longest = w->way ? w->way->mtu + HNV_ETHER : 0; /* nothing is added */
		w->reason = &drop_no_provider_path;
	}
}

/* Also which MAC address it will be sent to, whichever the guest wrote (row I6). */
static void explain(struct pipe *p, const struct dp_adapter *a, const struct hnv_ask *ask,
		    const struct hnv_answer *answer, const struct way_out *w)
{
	char text[IP_TEXT_SIZE], remote[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE];
	struct ip address = hnv_ask_address(ask);
	ip_format(&address, text);
	if (!w->to)
		PIPE_TRACE(p, a, "forward", "record %u %s leads %s", hnv_ask_vsid(ask), text,
			   w->reason ? "nowhere" : "to many");
	else if (!w->next)
		PIPE_TRACE(p, a, "forward", "record %u %s: at adapter %s, MAC address %s", hnv_ask_vsid(ask), text,
			   w->to->name, mac_format(&answer->mac, mac));
	else
		PIPE_TRACE(p, a, "forward", "record %u %s: by provider address %s, MAC address %s", hnv_ask_vsid(ask),
			   text, ip_format(&w->way->remote, remote), mac_format(&answer->mac, mac));
}

/* Is the TTL used up by a router? Else it is counted down (RFC 1812, 5.3.1; RFC 1624, equation 3). */
static inline bool ttl_ends(uint8_t *data)
{
	if (bytes_raw16(data + HNV_TYPE) == RTE_BE16(RTE_ETHER_TYPE_IPV6))
		return data[HNV_IP6_HOPS] <= 1 || !--data[HNV_IP6_HOPS];
	if (data[HNV_IP4_TTL] <= 1)
		return true;
	data[HNV_IP4_TTL]--;
	uint32_t sum = (uint32_t)bytes_raw16(data + HNV_IP4_SUM) + RTE_BE16(0x0100);
	uint16_t folded = (uint16_t)(sum + (sum >> 16));
	memcpy(data + HNV_IP4_SUM, &folded, sizeof(folded));
	return false;
}

/* Makes f one that w takes as it is; false: it is on its way, or ended, already. */
static inline bool rewrite(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct hnv_ask *ask,
			   const struct hnv_answer *answer, const struct way_out *w, const struct hnv_port *port)
{
	uint8_t *data = frame_data(f);
	if (unlikely(!w->to)) {
		if (w->reason)
			pipe_drop(p, a, f, w->reason);
		else
			hnv_broadcast(p, a, f, ask);
		return false;
	}
	if (hnv_ask_vsid(ask) != port->subnet->vsid) {
		if (unlikely(ttl_ends(data))) {
			hnv_ttl_expired(p, a, f);
			return false;
		}
		PIPE_TRACE(p, a, "note", "routed from virtual subnet %u to %u", port->subnet->vsid,
			   hnv_ask_vsid(ask));
		memcpy(data + 6, HNV_ROUTER_MAC.byte, 6);
	}
	memcpy(data, answer->mac.byte, 6);
	hnv_tenant_set(f, hnv_ask_vsid(ask), w->next);
	if (likely(frame_len(f) <= w->longest))
		return true;
	hnv_mtu_output(p, a, w->to, f, (uint16_t)(w->longest - HNV_ETHER));
	return false;
}

/* Between subnets by an external router or the next hop of a customer route, else straight to the destination. Puts an
 * IPv6 address into byte[]; returns the question's key. */
static uint64_t ask_via(const struct hnv_port *port, const struct hnv_route *route, struct ip to, uint8_t *byte)
{
	uint32_t vsid = port->subnet->vsid, v4;
	const struct ip *via = &route->next_hop;
	if (port->net->external_router && route->vsid != vsid)
		via = hnv_gateway_for(port->subnet, &to); /* row I19: a host of the sender's subnet, outside */
	else
		vsid = route->vsid;
	if (via && via->family)
		to = *via;
	memcpy(&v4, to.byte, sizeof(v4));
	memcpy(byte, to.byte, 16);
	return to.family == AF_INET ? hnv_ask4(vsid, v4) : hnv_ask6(vsid);
}

static inline bool is_direct(const struct hnv_port *port, const struct hnv_route *route)
{
	return likely(!route->next_hop.family && !port->net->external_router);
}

static inline uint64_t ask4(const struct hnv_port *port, const struct hnv_routes *routes, uint32_t v4, uint8_t *byte)
{
	const struct hnv_route *route = hnv_routes_lookup4(routes, v4);
	if (unlikely(!route))
		return hnv_ask4(0, v4); /* nobody's */
	if (is_direct(port, route))
		return hnv_ask4(route->vsid, v4);
	struct ip to = {.family = AF_INET};
	memcpy(to.byte, &v4, sizeof(v4));
	return ask_via(port, route, to, byte);
}

static uint64_t ask6(const struct hnv_port *port, const struct hnv_routes *routes, const uint8_t *v6, uint8_t *byte)
{
	memcpy(byte, v6, 16);
	if (unlikely(hnv_is_link_local(v6)))
		return hnv_ask6(port->subnet->vsid);
	const struct hnv_route *route = hnv_routes_lookup6(routes, v6);
	if (unlikely(!route))
		return hnv_ask6(0);
	if (is_direct(port, route))
		return hnv_ask6(route->vsid);
	struct ip to = {.family = AF_INET6};
	memcpy(to.byte, v6, 16);
	return ask_via(port, route, to, byte);
}

/* What decides about a frame that is no unicast IPv4. */
static uint64_t ask_other(const struct hnv_port *port, const struct hnv_routes *routes, const uint8_t *data,
			  uint8_t *byte)
{
	uint16_t type = bytes_raw16(data + HNV_TYPE);
	if (hnv_probe_is(data))
		return 0;
	if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6) && !hnv_is_group6(data + HNV_IP6_TO))
		return ask6(port, routes, data + HNV_IP6_TO, byte);
	/* 0.0.0.0 is what the answer to a probe is for (RFC 5227, 2.1.1); the record of that address is a gateway's. */
	if (type == RTE_BE16(RTE_ETHER_TYPE_ARP) && !(data[0] & 1) && bytes_raw32(data + HNV_ARP_TO))
		return hnv_ask4(port->subnet->vsid, bytes_raw32(data + HNV_ARP_TO));
	return 0;
}

/* The questions that decide about the frames. IPv4 to one address is asked about once, its route too. */
static void ask_all(const struct hnv_port *port, struct frame *const *frames, uint16_t n, struct hnv_asks *q)
{
	const struct hnv_routes *routes = atomic_load_explicit(&port->subnet->domain->routes, memory_order_acquire);
	uint32_t last = 0; /* 0.0.0.0 is looked up each time */
	q->n = 0;
	for (uint16_t i = 0; i < n; i++) {
		const uint8_t *data = frame_data(frames[i]);
		uint8_t *byte = hnv_asks_next(q)->byte;
		if (unlikely(bytes_raw16(data + HNV_TYPE) != RTE_BE16(RTE_ETHER_TYPE_IPV4) ||
			     hnv_is_group4(data + HNV_IP4_TO) ||
			     ((data[0] | data[6]) & 1 &&
			      (hnv_probe_is(data) || hnv_is_broadcast(port->subnet, data + HNV_IP4_TO))))) {
			hnv_asks_add(q, port->net, i, ask_other(port, routes, data, byte));
			last = 0;
			continue;
		}
		uint32_t to = bytes_raw32(data + HNV_IP4_TO);
		if (to == last && to)
			q->of[i] = q->of[i - 1];
		else
			hnv_asks_add(q, port->net, i, ask4(port, routes, to, byte));
		last = to;
	}
}

/* f is not decided by a record that was found. Takes f. */
static void forward_slowly(struct pipe *p, const struct dp_adapter *a, const struct hnv_port *port, struct frame *f,
			   const struct hnv_ask *ask)
{
	uint16_t type = bytes_raw16(frame_data(f) + HNV_TYPE);
	bool group = frame_data(f)[0] & 1;
	if (hnv_probe_is(frame_data(f))) {
		hnv_probe(p, a, f);
	} else if (ask->key) {
		bool on_link =
			type == RTE_BE16(RTE_ETHER_TYPE_ARP) ||
			(type == RTE_BE16(RTE_ETHER_TYPE_IPV6) && hnv_is_link_local(frame_data(f) + HNV_IP6_TO));
		struct hnv_answer answer = {0};
		struct way_out w;
		if (hnv_is_directed(port->net, f, ask)) {
			hnv_broadcast(p, a, f, ask);
			return;
		}
		if (!hnv_to_router(p, a, f))
			return;
		if (hnv_ask_vsid(ask) && !on_link)
			answer = hnv_wildcard(port->net, hnv_ask_vsid(ask), hnv_ask_family(ask));
		if (answer.next == HNV_NEXT_NONE) {
			hnv_unrecorded(p, a, f, ask);
			return;
		}
		way_out_find(p, a, answer.next, &w);
		if (rewrite(p, a, f, ask, &answer, &w, port))
			pipe_output(p, a, w.to, f);
	} else if (type == RTE_BE16(RTE_ETHER_TYPE_IPV4) || type == RTE_BE16(RTE_ETHER_TYPE_IPV6) ||
		   (group && type == RTE_BE16(RTE_ETHER_TYPE_ARP))) {
		hnv_to_group(p, a, f);
	} else if (type == RTE_BE16(RTE_ETHER_TYPE_ARP)) {
		hnv_unrecorded(p, a, f, &(struct hnv_ask){.key = hnv_ask4(port->subnet->vsid, 0)});
	} else {
		pipe_drop(p, a, f, &drop_no_record);
	}
}

/* Frames for one way, until another comes. */
struct run {
	struct way_out w;
	uint16_t n;
	struct frame *frames[PORT_BURST];
};

static inline void run_end(struct pipe *p, const struct dp_adapter *a, struct run *r)
{
	if (r->n)
		pipe_output_burst(p, a, r->w.to, r->frames, r->n);
	r->n = 0;
}

static void forward(struct pipe *p, const struct dp_adapter *a, const struct hnv_port *port, struct frame **frames,
		    uint16_t n)
{
	struct hnv_asks q;
	struct hnv_answer answer = {0};
	unsigned answered = PORT_BURST; /* the question; none yet */
	struct run r;
	r.w.index = HNV_NEXT_NONE;
	r.n = 0;
	ask_all(port, frames, n, &q);
	for (uint16_t i = 0; i < n; i++) {
		const struct hnv_ask *ask = &q.ask[q.of[i]];
		if (q.of[i] != answered) {
			answered = q.of[i];
			answer = likely(ask->key) ? hnv_ask_end(port->net, ask) : (struct hnv_answer){0};
		}
		if (unlikely(answer.next == HNV_NEXT_NONE)) {
			run_end(p, a, &r);
			forward_slowly(p, a, port, frames[i], ask);
			continue;
		}
		if (answer.next != r.w.index) {
			run_end(p, a, &r);
			way_out_find(p, a, answer.next, &r.w);
		}
		if (unlikely(p->trace != NULL))
			explain(p, a, ask, &answer, &r.w);
		if (unlikely(frame_len(frames[i]) > r.w.longest))
			run_end(p, a, &r); /* what is cut stays behind what came before it */
		if (likely(rewrite(p, a, frames[i], ask, &answer, &r.w, port)))
			r.frames[r.n++] = frames[i];
	}
	run_end(p, a, &r);
}

static uint16_t hnv_forward(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	const struct hnv_port *port = hnv_port_of(a);
	uint16_t left = n;
	if (unlikely(port->net->forwarding == HNV_FORWARDING_2012)) {
		left = 0;
		for (uint16_t i = 0; i < n; i++)
			if (hnv_probe_is(frame_data(frames[i])) || !hnv_beside(p, a, frames[i]))
				frames[left++] = frames[i];
	}
	forward(p, a, port, frames, left);
	return 0;
}

static bool wanted(const struct dp_adapter *a)
{
	const struct hnv_port *port = hnv_port_of(a);
	return a->vsid && port && port->subnet;
}

NODE(hnv_forward, FORWARD, hnv_forward, wanted)
