/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Customer routes against virtual subnets, lookup records and each other. A next hop is a guest of the virtual
 * subnet that the route names, and one that leads out of the routing domain is alone there: with guests beside
 * it, what it sends on for them would come back to it (row I17).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "api/schema_pass.h"
#include "api/schema_private.h"
#include "base/err.h"

#define NOWHERE SIZE_MAX

/* Who is in a virtual subnet: two of each kind with different MAC addresses, enough to find one that is not the
 * gateway. */
struct guests {
	const struct api_lookup_record *record[2];
	const struct api_adapter *adapter[2];
};

struct routes {
	const struct api_customer_route *list;
	size_t n;
	const struct tenant_subnet **subnet; /* of each, where the next hop is */
	struct prefix_row *rows; /* the space is the routing domain's id, the owner the route's index */
	size_t *after; /* the route that leads to the next hop; NOWHERE: the next hop is in reach */
	size_t *seen; /* 1 + the route from which it was come to */
	struct guests *guests; /* of each of pass.subnets */
};

static struct subject route_subject(const struct pass *p, size_t i)
{
	char text[IP_PREFIX_TEXT_SIZE];

	return subject_make("customer-routes", i, ip_prefix_format(&p->doc->customer_routes[i].prefix, text));
}

static void record_note(struct pass *p, struct routes *all, const struct api_lookup_record *record)
{
	const struct tenant_subnet *t = pass_subnet_find(p, record->provider_network, record->virtual_subnet_id);
	const struct api_lookup_record **two = all->guests[t - p->subnets].record;

	if (record->type == API_RECORD_GATEWAY_WILDCARD || api_lookup_record_is_group(record, t->subnet))
		return;
	if (!two[0])
		two[0] = record;
	else if (!two[1] && mac_to_u64(&two[0]->mac_address) != mac_to_u64(&record->mac_address))
		two[1] = record;
}

/* An adapter whose MAC address comes from the pool is known by its record only. */
static void adapter_note_in(struct pass *p, struct routes *all, const struct api_adapter *a, uint32_t vsid)
{
	if (!vsid || mac_is_zero(&a->mac_address))
		return;
	const struct api_switch *sw = api_document_switch(p->doc, a->switch_name);
	size_t carrier = p->carriers[sw - p->doc->switches];
	const char *network = p->doc->provider_addresses[carrier - 1].provider_network;
	const struct tenant_subnet *t = pass_subnet_find(p, network, vsid);
	const struct api_adapter **two = all->guests[t - p->subnets].adapter;

	two[two[0] ? 1 : 0] = a;
}

static void adapter_note(struct pass *p, struct routes *all, const struct api_adapter *a)
{
	uint32_t untagged = api_adapter_untagged(a);

	adapter_note_in(p, all, a, untagged);
	for (size_t m = 0; a->isolation.multi_tenant_stack && m < a->n_routing_domain_mappings; m++)
		for (size_t n = 0; n < a->routing_domain_mappings[m].n_isolation_ids; n++)
			if (a->routing_domain_mappings[m].isolation_ids[n].id != untagged)
				adapter_note_in(p, all, a, a->routing_domain_mappings[m].isolation_ids[n].id);
}

static int alone_refuse(struct pass *p, const struct subject *s, const struct api_customer_route *route,
			const struct subject *other)
{
	char text[IP_TEXT_SIZE];

	return pass_refuse(p, s, "next-hop",
			   "%s shares virtual subnet %u with %s; a gateway out of the routing domain needs a virtual "
			   "subnet of its own",
			   ip_format(&route->next_hop, text), route->virtual_subnet_id, other->label);
}

/* The gateway of a route out of the domain has no neighbours but the distributed router. */
static int alone_validate(struct pass *p, const struct routes *all, const struct subject *s, size_t i)
{
	const struct api_customer_route *route = &all->list[i];
	const struct guests *guests = &all->guests[all->subnet[i] - p->subnets];
	const struct api_lookup_record *gateway =
		pass_record_find(p, route->provider_network, route->virtual_subnet_id, &route->next_hop);
	uint64_t mac = gateway ? mac_to_u64(&gateway->mac_address) : 0;

	for (int k = 0; k < 2; k++) {
		if (!guests->record[k] || mac_to_u64(&guests->record[k]->mac_address) == mac)
			continue;
		struct subject other = pass_record_subject(p, guests->record[k]);
		return alone_refuse(p, s, route, &other);
	}
	for (int k = 0; k < 2 && gateway; k++) {
		const struct api_adapter *a = guests->adapter[k];
		if (!a || mac_to_u64(&a->mac_address) == mac)
			continue;
		struct subject other = subject_make("adapters", (size_t)(a - p->doc->adapters), a->name);
		return alone_refuse(p, s, route, &other);
	}
	return 0;
}

/* Inside its virtual subnet, and not the router that is there already. */
static int next_hop_validate(struct pass *p, const struct subject *s, const struct api_customer_route *route,
			     const struct api_virtual_subnet *subnet)
{
	char text[IP_TEXT_SIZE], prefix[IP_PREFIX_TEXT_SIZE];

	ip_format(&route->next_hop, text);
	if (route->next_hop.family != route->prefix.ip.family)
		return pass_refuse(p, s, "next-hop", "%s cannot lead to %s; use a next hop of its own family", text,
				   ip_prefix_format(&route->prefix, prefix));
	if (schema_ip_is_unspecified(&route->next_hop))
		return 0;
	for (size_t i = 0; i < subnet->n_prefixes; i++) {
		struct ip gateway = api_virtual_subnet_gateway(&subnet->prefixes[i]);
		if (!ip_prefix_contains(&subnet->prefixes[i], &route->next_hop))
			continue;
		if (!ip_equal(&gateway, &route->next_hop))
			return 0;
		return pass_refuse(
			p, s, "next-hop",
			"%s is the gateway of virtual subnet %u itself, which knows no more; give a guest's "
			"address",
			text, subnet->id);
	}
	return pass_refuse(p, s, "next-hop", "%s lies outside virtual subnet %u (%s); use an address inside", text,
			   subnet->id, ip_prefix_format(&subnet->prefixes[0], prefix));
}

/* Against what the routing domain reaches by itself: *ret_external if nothing of it. */
static int prefix_validate(struct pass *p, const struct subject *s, const struct api_customer_route *route,
			   const struct tenant_subnet *t, bool *ret_external)
{
	const struct prefix_row *row =
		prefix_table_find(p->prefixes, p->n_prefixes, t->domain->id, &route->prefix.ip);
	char text[IP_PREFIX_TEXT_SIZE];

	*ret_external = !row || row->prefix.len > route->prefix.len;
	if (*ret_external || row->prefix.len < route->prefix.len)
		return 0;
	const struct tenant_subnet *own = &p->subnets[row->owner];
	if (own == t && schema_ip_is_unspecified(&route->next_hop))
		return 0; /* says what is true anyway, as Windows wants it said */
	return pass_refuse(p, s, "prefix",
			   "%s is routing-domains[%zu].virtual-subnets[%zu] (%u) itself and always in reach",
			   ip_prefix_format(&route->prefix, text), own->domain_index, own->index, own->subnet->id);
}

static int route_validate(struct pass *p, struct routes *all, size_t i)
{
	const struct api_customer_route *route = &all->list[i];
	struct subject s = route_subject(p, i);
	char prefix[IP_PREFIX_TEXT_SIZE];
	const char *holder = "";
	bool external = false;

	int r = pass_subnet_get(p, &s, route->provider_network, route->virtual_subnet_id, &all->subnet[i]);
	if (r < 0)
		return r;
	const struct tenant_subnet *t = all->subnet[i];
	all->rows[i] = (struct prefix_row){
		.space = t->domain->id, .prefix = route->prefix, .rank = route->metric, .owner = i};
	r = next_hop_validate(p, &s, route, t->subnet);
	if (r == 0)
		r = prefix_validate(p, &s, route, t, &external);
	if (r == 0 && external && !schema_ip_is_unspecified(&route->next_hop))
		r = alone_validate(p, all, &s, i);
	if (r < 0)
		return r;
	r = pass_claim(p, &s, &holder, "customer-route %s %s %u", t->domain->id,
		       ip_prefix_format(&route->prefix, prefix), route->metric);
	if (r != -EEXIST)
		return r;
	return pass_refuse(p, &s, "metric",
			   "%u is already that of %s in the same routing domain; routes with an equal prefix have "
			   "different ones",
			   route->metric, holder);
}

/* The route that a packet to i's next hop takes: none where the next hop's own virtual subnet is nearer. */
static size_t route_after(const struct pass *p, const struct routes *all, size_t i)
{
	const struct ip *hop = &all->list[i].next_hop;
	const char *domain = all->subnet[i]->domain->id;

	if (schema_ip_is_unspecified(hop))
		return NOWHERE;
	const struct prefix_row *subnet = prefix_table_find(p->prefixes, p->n_prefixes, domain, hop);
	const struct prefix_row *route = prefix_table_find(all->rows, all->n, domain, hop);
	if (!route || route->prefix.len <= subnet->prefix.len ||
	    schema_ip_is_unspecified(&all->list[route->owner].next_hop))
		return NOWHERE;
	return route->owner;
}

/* Each route leads to one other at most, so following them ends nowhere or comes to where it has been. */
static int loops_validate(struct pass *p, struct routes *all)
{
	char text[IP_TEXT_SIZE];

	for (size_t i = 0; i < all->n; i++)
		all->after[i] = route_after(p, all, i);
	for (size_t i = 0; i < all->n; i++) {
		size_t at = i;
		while (at != NOWHERE && all->seen[at] == 0) {
			all->seen[at] = i + 1;
			at = all->after[at];
		}
		if (at == NOWHERE || all->seen[at] != i + 1)
			continue;
		struct subject s = route_subject(p, at), other = route_subject(p, all->after[at]);
		ip_format(&all->list[at].next_hop, text);
		if (all->after[at] == at)
			return pass_refuse(p, &s, "next-hop",
					   "%s lies in the prefix of %s itself, a loop; use a next hop outside", text,
					   s.label);
		return pass_refuse(p, &s, "next-hop",
				   "%s is reached by %s, which leads back to it; break the loop in one of them", text,
				   other.label);
	}
	return 0;
}

int pass_customer_routes(struct pass *p)
{
	struct routes all = {.list = p->doc->customer_routes, .n = p->doc->n_customer_routes};
	int r = 0;

	if (all.n == 0)
		return 0;
	all.subnet = calloc(all.n, sizeof(*all.subnet));
	all.rows = calloc(all.n, sizeof(*all.rows));
	all.after = calloc(all.n, sizeof(*all.after));
	all.seen = calloc(all.n, sizeof(*all.seen));
	all.guests = calloc(p->n_subnets + 1, sizeof(*all.guests));
	if (!all.subnet || !all.rows || !all.after || !all.seen || !all.guests) {
		r = err_set(p->e, ENOMEM, NULL, "out of memory");
		goto out;
	}
	for (size_t i = 0; i < p->doc->n_lookup_records; i++)
		record_note(p, &all, &p->doc->lookup_records[i]);
	for (size_t i = 0; i < p->doc->n_adapters; i++)
		adapter_note(p, &all, &p->doc->adapters[i]);
	for (size_t i = 0; i < all.n && r == 0; i++)
		r = route_validate(p, &all, i);
	if (r == 0) {
		prefix_table_build(all.rows, all.n);
		r = loops_validate(p, &all);
	}
out:
	free(all.guests);
	free(all.seen);
	free(all.after);
	free(all.rows);
	free(all.subnet);
	return r;
}
