/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tenants' frames that came by the wire, to this host's adapters. The sender's host has decided; it is checked once
 * more here (row I21): the destination's lookup record in that very virtual subnet has to lead to an adapter of this
 * host and has to have the MAC address that the frame bears. What is not for an adapter here is hnv_stray's: it goes back
 * to the wire only after a guest that has moved. Frames that are no tenant's are left to l2_forward.
 */
#include <rte_ether.h>

#include "core/runtime/offload.h"
#include "modules/hnv/datapath/hnv_lookup.h"
#include "modules/hnv/datapath/hnv_replicate.h"
#include "modules/hnv/datapath/hnv_stray.h"
#include "modules/hnv/datapath/routes.h"
#include "modules/hnv/probe.h"
#include "modules/hnv/tunnel.h"

DROP(hnv, record_mac, "record-mac",
     "came through a tunnel with another MAC address than the destination's lookup record has; the sender's record is wrong")
DROP(hnv, came_not_ip, "tunnelled-not-ip",
     "came through a tunnel and is neither IPv4, IPv6 nor ARP, or ends in its header")

/* What a frame asks; 0: no record decides, it is a group's or a neighbour's unicast ARP. */
static inline uint64_t key_of(const uint8_t *data, uint32_t len, uint32_t vsid, uint8_t *byte)
{
	uint16_t type = bytes_raw16(data + HNV_TYPE);
	if (unlikely((data[0] | data[6]) & 1)) /* a group, or a probe */
		return 0;
	if (likely(type == RTE_BE16(RTE_ETHER_TYPE_IPV4) && len >= HNV_IP4_END))
		return hnv_ask4(vsid, bytes_raw32(data + HNV_IP4_TO));
	if (type != RTE_BE16(RTE_ETHER_TYPE_IPV6) || len < HNV_IP6_END)
		return 0;
	memcpy(byte, data + HNV_IP6_TO, 16);
	return hnv_ask6(vsid);
}

/* Tenant frames to take[], with their questions; the others stay. Returns how many are taken. */
static uint16_t sort_out(const struct hnv_network *net, struct frame **frames, uint16_t n, struct frame **take,
			 struct hnv_asks *q, uint16_t *ret_kept)
{
	uint16_t taken = 0, kept = 0;
	q->n = 0;
	for (uint16_t i = 0; i < n; i++) {
		struct frame *f = frames[i];
		if (unlikely(!(f->m.ol_flags & FRAME_TENANT))) {
			frames[kept++] = f;
			continue;
		}
		uint64_t key = key_of(frame_data(f), frame_head_len(f), f->tenant.vsid, hnv_asks_next(q)->byte);
		hnv_asks_add(q, net, taken, key);
		take[taken++] = f;
	}
	*ret_kept = kept;
	return taken;
}

/* The adapter of this host that a record leads to, or NULL. */
static const struct dp_adapter *local_of(const struct pipe *p, const struct hnv_answer *answer)
{
	const struct hnv_next *next = answer->next ? hnv_next_at(answer->next) : NULL;
	return next && next->kind == HNV_LOCAL ? hnv_adapter(p, next->adapter) : NULL;
}

/*
 * The destination has no record of its own: it is outside and the frame is for a gateway (a gateway-wildcard record, or
 * the next hop of the domain's route), or it is a neighbour's that is found by MAC address. Fills *ret_answer.
 */
static const struct dp_adapter *unrecorded(const struct pipe *p, const struct hnv_network *net,
					   const struct hnv_subnet *s, const struct frame *f,
					   const struct hnv_ask *ask, struct hnv_answer *ret_answer)
{
	const uint8_t *mac = rte_pktmbuf_mtod(&f->m, const uint8_t *);
	*ret_answer = hnv_wildcard(net, s->vsid, hnv_ask_family(ask));
	const struct dp_adapter *to = local_of(p, ret_answer);
	if (to)
		return to;
	struct ip address = hnv_ask_address(ask);
	const struct hnv_routes *routes = atomic_load_explicit(&s->domain->routes, memory_order_acquire);
	const struct hnv_route *route = hnv_routes_lookup(routes, &address);
	if (route && route->vsid == s->vsid && route->next_hop.family) {
		*ret_answer = hnv_records_find(net, s->vsid, &route->next_hop);
		return local_of(p, ret_answer);
	}
	if (!s->l2only && !(address.family == AF_INET6 && hnv_is_link_local(address.byte)))
		return NULL;
	memcpy(ret_answer->mac.byte, mac, 6);
	to = hnv_local_by_mac(p, s, mac);
	return to && hnv_moved(to) ? NULL : to;
}

/* What a question's answer says of all its frames: the adapter, if it is one that may have them. */
static inline const struct dp_adapter *judge_answer(const struct pipe *p, const struct dp_adapter *a,
						    const struct hnv_ask *ask, const struct hnv_answer *answer)
{
	const struct dp_adapter *to = local_of(p, answer);
	return to && to->vsid == hnv_ask_vsid(ask) && to->sw == a->sw ? to : NULL;
}

/* Where f goes, or NULL and why it does not. */
static const struct dp_adapter *judge(struct pipe *p, const struct dp_adapter *a, const struct hnv_network *net,
				      const struct frame *f, const struct hnv_ask *ask, struct hnv_answer answer,
				      const struct drop_reason **ret_reason)
{
	const struct dp_adapter *to = local_of(p, &answer);
	if (unlikely(answer.next == HNV_NEXT_NONE)) {
		const struct hnv_subnet *s = hnv_subnet_of(net, hnv_ask_vsid(ask));
		to = s ? unrecorded(p, net, s, f, ask, &answer) : NULL;
	}
	*ret_reason = &drop_not_here;
	if (unlikely(!to || to->vsid != hnv_ask_vsid(ask) || to->sw != a->sw))
		return NULL;
	*ret_reason = &drop_record_mac;
	if (unlikely(memcmp(answer.mac.byte, rte_pktmbuf_mtod(&f->m, const uint8_t *), 6) != 0))
		return NULL;
	PIPE_TRACE(p, a, "forward", "the lookup record of virtual subnet %u leads to adapter %s", hnv_ask_vsid(ask),
		   to->name);
	return to;
}

/* ARP between two guests (row I7: the answer is the guest's own). Takes f. */
static void deliver_arp(struct pipe *p, const struct dp_adapter *a, const struct hnv_network *net,
			const struct hnv_subnet *s, struct frame *f)
{
	const uint8_t *data = frame_data(f);
	const struct dp_adapter *to = hnv_local_by_mac(p, s, data);
	if (to && !hnv_moved(to)) {
		pipe_output(p, a, to, f);
		return;
	}
	const struct hnv_ask ask = {.key = hnv_ask4(s->vsid, bytes_raw32(data + HNV_ARP_TO))};
	hnv_stray(p, a, net, f, &ask, &drop_not_here);
}

/* What no record decides about: a group's, or unicast ARP. Takes f. */
static void deliver_by_mac(struct pipe *p, const struct dp_adapter *a, const struct hnv_network *net, struct frame *f)
{
	const uint8_t *data = frame_data(f);
	const struct hnv_subnet *s = hnv_subnet_of(net, f->tenant.vsid);
	uint16_t type = bytes_raw16(data + HNV_TYPE);
	uint32_t len = frame_head_len(f);
	bool arp = type == RTE_BE16(RTE_ETHER_TYPE_ARP) && len >= HNV_ARP_END;
	bool ip = (type == RTE_BE16(RTE_ETHER_TYPE_IPV4) && len >= HNV_IP4_END) ||
		  (type == RTE_BE16(RTE_ETHER_TYPE_IPV6) && len >= HNV_IP6_END);
	if (ip && hnv_probe_is(data))
		hnv_probe(p, a, f);
	else if (!ip && !arp)
		pipe_drop(p, a, f, &drop_came_not_ip);
	else if (!s)
		pipe_drop(p, a, f, &drop_not_here);
	else if (data[0] & 1)
		hnv_replicate(p, a, s, f, NULL);
	else
		deliver_arp(p, a, net, s, f);
}

/* TCP segments that came one by one are handed on as one to whoever takes them so; those joined end here. */
static void deliver_run(struct pipe *p, const struct dp_adapter *a, const struct dp_adapter *to,
			struct frame **frames, uint16_t n)
{
	if (to->port->capabilities & PORT_CAN_TSO4 && !p->trace) {
		uint16_t left = offload_join(frames, n);
		pipe_row(p, a)->consumed += n - left;
		n = left;
	}
	pipe_output_burst(p, a, to, frames, n);
}

/* Neighbours that go to one adapter are handed on together. */
static void deliver(struct pipe *p, const struct dp_adapter *a, const struct hnv_network *net, struct frame **frames,
		    const struct hnv_asks *q, uint16_t n)
{
	const struct dp_adapter *run_to = NULL, *found = NULL;
	struct hnv_answer answer = {0};
	unsigned answered = PORT_BURST; /* the question; none yet */
	uint16_t run = 0;
	for (uint16_t i = 0; i < n; i++) {
		const struct hnv_ask *ask = &q->ask[q->of[i]];
		const struct drop_reason *reason = NULL;
		const struct dp_adapter *to = NULL;
		if (likely(ask->key)) {
			if (q->of[i] != answered) {
				answer = hnv_ask_end(net, ask);
				found = p->trace ? NULL : judge_answer(p, a, ask, &answer);
			}
			answered = q->of[i];
			if (likely(found && !memcmp(answer.mac.byte, frame_data(frames[i]), 6)))
				to = found;
			else
				to = judge(p, a, net, frames[i], ask, answer, &reason);
		}
		if (to != run_to && run) {
			deliver_run(p, a, run_to, frames + i - run, run);
			run = 0;
		}
		run_to = to;
		run += to != NULL;
		if (likely(to != NULL))
			continue;
		if (reason)
			hnv_stray(p, a, net, frames[i], ask, reason);
		else
			deliver_by_mac(p, a, net, frames[i]);
	}
	if (run)
		deliver_run(p, a, run_to, frames + n - run, run);
}

static uint16_t hnv_deliver(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	const struct hnv_network *net = hnv_port_of(a)->net;
	struct frame *take[PORT_BURST];
	struct hnv_asks q;
	uint16_t kept, taken = sort_out(net, frames, n, take, &q, &kept);
	deliver(p, a, net, take, &q, taken);
	return kept;
}

static bool wanted(const struct dp_adapter *a) { return a->role == PORT_UPLINK && hnv_port_of(a); }
NODE(hnv_deliver, FORWARD, hnv_deliver, wanted)
