/* SPDX-License-Identifier: Apache-2.0 */
/* What modules/rewrite asks for: records of rule nat, by customer and by provider address, as workers see them. */
#include "modules/hnv/datapath/records.h"
#include "modules/hnv/datapath/routes.h"
#include "modules/hnv/guest.h"
#include "modules/hnv/tunnel.h"

bool hnv_carries(const struct dp_adapter *a) { return a->role == PORT_UPLINK && hnv_port_of(a); }

bool hnv_rewrites_any(const struct dp_adapter *uplink)
{
	return atomic_load_explicit(&hnv_port_of(uplink)->net->n_rewrites, memory_order_relaxed);
}

static const struct hnv_rewrite *find(const struct hnv_network *net, uint32_t vsid, const struct ip *address)
{
	return (const struct hnv_rewrite *)(uintptr_t)hnv_map_find(&net->rewrites, vsid, address);
}

const struct hnv_rewrite *hnv_rewrite_of_provider(const struct dp_adapter *uplink, const struct ip *provider)
{
	return find(hnv_port_of(uplink)->net, 0, provider);
}

const struct hnv_rewrite *hnv_rewrite_of_customer(const struct dp_adapter *uplink, uint32_t vsid,
						  const struct ip *customer)
{
	const struct hnv_network *net = hnv_port_of(uplink)->net;
	const struct hnv_subnet *s = hnv_subnet_of(net, vsid);
	if (!s)
		return NULL;
	const struct hnv_routes *routes = atomic_load_explicit(&s->domain->routes, memory_order_acquire);
	const struct hnv_route *route = hnv_routes_lookup(routes, customer);
	return route && !route->next_hop.family ? find(net, route->vsid, customer) : NULL;
}

bool hnv_same_domain(const struct dp_adapter *uplink, uint32_t vsid, uint32_t other_vsid)
{
	const struct hnv_network *net = hnv_port_of(uplink)->net;
	const struct hnv_subnet *a = hnv_subnet_of(net, vsid), *b = hnv_subnet_of(net, other_vsid);
	return a && b && a->domain == b->domain;
}

const struct ip *hnv_gateway_beside(const struct dp_adapter *uplink, uint32_t vsid, const struct ip *customer)
{
	const struct hnv_subnet *s = hnv_subnet_of(hnv_port_of(uplink)->net, vsid);
	return s ? hnv_gateway_for(s, customer) : NULL;
}

bool hnv_rewrite_wanted(const struct frame *f, const struct provider_way **ret_way)
{
	const struct hnv_next *next = f->m.ol_flags & FRAME_TENANT ? hnv_next_at(f->tenant.next) : NULL;
	if (!next || next->kind != HNV_REWRITE || next->generation != f->tenant.generation)
		return false;
	*ret_way = atomic_load_explicit(&next->path->way, memory_order_acquire);
	return true;
}
