/* SPDX-License-Identifier: Apache-2.0 */
/* The model of rule nat: packets between provider addresses that are guests' own (modules/rewrite/README.md). */
#include <netinet/in.h>

#include "tests/packet/hnv_model_private.h"

/* The guest's own record of rule nat for its address, by the routes of its domain; NULL: it has none. */
static const struct world_record *nat_source(const struct ask *q)
{
	struct route route = model_route_of(q->w, q->w->subnet[q->subnet].domain, &q->p->source);
	const struct world_record *r =
		route.found && !route.next_hop.family ? world_record_at(q->w, route.subnet, &q->p->source) : NULL;
	return r && r->nat && r->provider == 0 ? r : NULL;
}

void model_by_nat(struct ask *q, const struct world_record *r, struct delivery *d)
{
	const struct world_record *from = nat_source(q);
	if (!ip_equal(&r->customer, &q->p->destination) || !from) {
		model_ends(q, "has no place in a rewritten packet, or no provider address");
		q->o->n--;
		return;
	}
	model_ends(q, "rewritten");
	d->nat = true;
	d->packet.source = from->own_provider;
	d->packet.destination = r->own_provider;
	d->packet.from = world_mac_of(r->customer.family == AF_INET6 ? "02:00:00:00:aa:06" : "02:00:00:00:aa:04");
	d->packet.to = world_mac_of(r->customer.family == AF_INET6 ? "02:00:00:00:bb:06" : "02:00:00:00:bb:04");
}

void model_nat(const struct world *w, const struct world_record *from, const struct world_record *to,
	       const struct packet *p, struct outcome *ret)
{
	struct ask q = {.w = w, .adapter = MODEL_WIRE, .subnet = to->subnet, .p = p, .o = ret};
	*ret = (struct outcome){.why = "no provider address of the routing domain, or a guest that is not here"};
	if (!from || w->subnet[from->subnet].domain != w->subnet[to->subnet].domain || to->provider == WORLD_NAT)
		return;
	model_ends(&q, "put back");
	struct delivery *d = model_deliver(&q, model_adapter_of(w, to->subnet, &to->mac));
	d->packet.source = from->customer;
	d->packet.destination = to->customer;
	d->packet.to = to->mac;
	d->packet.from = from->subnet == to->subnet ? from->mac : model_router;
}
