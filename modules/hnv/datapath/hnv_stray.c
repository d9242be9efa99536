/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came by the wire and is not for an adapter of this host. If its guest's adapter is here and the lookup record leads
 * to another host, the guest has moved (or is about to come), and who sent the frame does not know yet: it goes on to where
 * the record leads, so that a move loses nothing (MS-NVGREE 3.1.5; rows I20, I26), and so it does for a while after its
 * adapter left (hnv_gone.h). All else ends here. Either way its sender is told (hnv_control.h).
 */
#include "modules/hnv/datapath/hnv_stray.h"

#include <rte_ether.h>

#include "modules/hnv/datapath/hnv_control.h"
#include "modules/hnv/datapath/hnv_gone.h"
#include "modules/hnv/datapath/hnv_replicate.h"
#include "modules/hnv/datapath/routes.h"
#include "modules/hnv/tunnel.h"

DROP(hnv, not_here, "not-here",
     "came through a tunnel for a customer address that is not on this host; the sender's lookup record is out of date")
DROP(hnv, moved_back, "moved-back",
     "came through a tunnel for a guest that has moved, from the very host that its lookup record leads to; one of the two "
     "hosts' records is out of date")
DROP(hnv, moved_too_far, "moved-too-far",
     "went from host to host after a guest that has moved until its hop limit ended; the hosts' records lead in a circle")

const struct hnv_next *hnv_moved(const struct dp_adapter *a)
{
	const struct hnv_port *port = hnv_port_of(a);
	const struct hnv_addresses *own = port ? atomic_load_explicit(&port->own, memory_order_acquire) : NULL;
	const struct hnv_next *away = NULL;
	for (uint16_t i = 0; own && i < own->n; i++) {
		struct hnv_answer answer = hnv_records_find(port->net, a->vsid, &own->address[i]);
		const struct hnv_next *next = answer.next ? hnv_next_at(answer.next) : NULL;
		if (!next || memcmp(answer.mac.byte, a->mac.byte, sizeof(answer.mac.byte)) != 0)
			continue;
		if (next->kind == HNV_LOCAL)
			return NULL;
		if (next->kind == HNV_TUNNEL && !away)
			away = next;
	}
	return away;
}

struct hnv_answer hnv_stray_answer(const struct hnv_network *net, const struct hnv_subnet *s,
				   const struct ip *address)
{
	struct hnv_answer answer = hnv_records_find(net, s->vsid, address);
	if (answer.next || (address->family == AF_INET6 && hnv_is_link_local(address->byte)))
		return answer;
	const struct hnv_route *route =
		hnv_routes_lookup(atomic_load_explicit(&s->domain->routes, memory_order_acquire), address);
	if (route && route->vsid == s->vsid && route->next_hop.family)
		answer = hnv_records_find(net, s->vsid, &route->next_hop);
	return answer.next ? answer : hnv_wildcard(net, s->vsid, address->family);
}

/* Where f's guest is, or NULL: nobody knows. ARP, and what no record can decide about, is its MAC address's. */
static const struct hnv_next *whereabouts(const struct hnv_network *net, const struct hnv_subnet *s,
					  const uint8_t *frame, const struct hnv_ask *ask,
					  const struct dp_adapter *here)
{
	struct ip address = hnv_ask_address(ask);
	struct hnv_answer answer = hnv_stray_answer(net, s, &address);
	if (answer.next && !memcmp(answer.mac.byte, frame, sizeof(answer.mac.byte)))
		return hnv_next_at(answer.next);
	bool found_by_mac = s->l2only || (address.family == AF_INET6 && hnv_is_link_local(address.byte));
	if (bytes_raw16(frame + HNV_TYPE) != RTE_BE16(RTE_ETHER_TYPE_ARP) && (answer.next || !found_by_mac))
		return NULL;
	return here ? hnv_moved(here) : NULL;
}

/* After the guest, into the tunnel. Takes f. */
static void go_on(struct pipe *p, const struct dp_adapter *a, const struct hnv_next *next, const struct hnv_outer *o,
		  struct frame *f)
{
	const struct hnv_tunnel *t = hnv_next_tunnel(next);
	const struct dp_adapter *uplink = t ? hnv_tunnel_uplink(p, t) : NULL;
	char text[IP_TEXT_SIZE];
	if (!uplink) {
		pipe_drop(p, a, f, &drop_no_provider_path);
		return;
	}
	if (o->hops <= 1) {
		pipe_drop(p, a, f, &drop_moved_too_far);
		return;
	}
	PIPE_TRACE(p, a, "forward", "its guest has moved: on to provider address %s",
		   ip_format(&t->way->remote, text));
	hnv_tenant_set(f, f->tenant.vsid, next);
	f->hops = (uint8_t)(o->hops - 1);
	f->m.ol_flags |= FRAME_HOPS;
	pipe_output(p, a, uplink, f);
}

void hnv_stray(struct pipe *p, const struct dp_adapter *a, const struct hnv_network *net, struct frame *f,
	       const struct hnv_ask *ask, const struct drop_reason *reason)
{
	struct hnv_outer o;
	bool outer = hnv_outer_read(f, &o);
	if (outer && hnv_control_take(p, a, f, &o))
		return;
	const uint8_t *mac = frame_data(f);
	const struct hnv_subnet *s = hnv_subnet_of(net, hnv_ask_vsid(ask));
	const struct dp_adapter *here = s ? hnv_local_by_mac(p, s, mac) : NULL;
	const struct hnv_next *next = s ? whereabouts(net, s, mac, ask, here) : NULL;
	if (outer && reason == &drop_not_here)
		hnv_control_tell(p, a, f, &o);
	bool was_here = here || hnv_is_gone(net, hnv_ask_vsid(ask), mac);
	if (!next || next->kind != HNV_TUNNEL || !was_here || !outer)
		pipe_drop(p, a, f, reason);
	else if (ip_equal(&next->path->remote, &o.from))
		pipe_drop(p, a, f, &drop_moved_back);
	else
		go_on(p, a, next, &o, f);
}
