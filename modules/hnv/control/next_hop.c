/* SPDX-License-Identifier: Apache-2.0 */
/* The tables that workers read, asked by the same functions in the same order as hnv_forward asks them. */
#include "modules/hnv/next_hop.h"

#include "modules/hnv/datapath/hnv_lookup.h"
#include "modules/hnv/datapath/routes.h"
#include "modules/hnv/packet.h"

/* A gateway of the routing domain, whichever subnet's; or the router on the link. */
static bool is_router(const struct hnv_network *net, const struct hnv_subnet *from, const struct ip *to)
{
	static const struct ip on_link = {.family = AF_INET6, .byte = HNV_ROUTER_IP6};
	return ip_equal(to, &on_link) || hnv_is_gateway(net, from, to);
}

/* Fills in where the record is looked for, and of which address. */
static void ask_where(const struct hnv_network *net, const struct hnv_subnet *from, struct hnv_hop *hop)
{
	const struct ip *via = &hop->route->next_hop;
	if (net->external_router && hop->route->vsid != from->vsid)
		via = hnv_gateway_for(from, &hop->asked);
	else
		hop->vsid = hop->route->vsid;
	if (via && via->family)
		hop->asked = *via;
}

struct hnv_hop hnv_next_hop(const struct hnv_network *net, const struct hnv_subnet *from, const struct ip *to)
{
	struct hnv_hop hop = {.vsid = from->vsid, .asked = *to};
	hop.on_link = to->family == AF_INET6 && hnv_is_link_local(to->byte);
	if (!hop.on_link)
		hop.route = hnv_routes_lookup(atomic_load_explicit(&from->domain->routes, memory_order_acquire), to);
	if (hop.route)
		ask_where(net, from, &hop);
	struct hnv_answer answer = {0};
	if (hop.route || hop.on_link)
		answer = hnv_records_find(net, hop.vsid, &hop.asked);
	if (!answer.next)
		hop.router = is_router(net, from, to);
	if (!answer.next && !hop.router && hop.route) {
		const struct ip any = {.family = hop.asked.family};
		answer = hnv_records_find(net, hop.vsid, &any);
		hop.wildcard = answer.next;
	}
	hop.flooded = !answer.next && !hop.router && (hop.route || hop.on_link) && hop.vsid == from->vsid &&
		      atomic_load_explicit(&from->l2only, memory_order_relaxed);
	hop.mac = answer.mac;
	hop.next = answer.next;
	return hop;
}
