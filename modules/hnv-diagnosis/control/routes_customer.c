/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/customer-routes (row H11, Get-CustomerRoute): the routes that workers go by, the virtual subnets' own included. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/http/server.h"
#include "modules/hnv/view.h"
#include "modules/provider/provider.h"

static json_t *route_json(const struct hnv_domain *d, const struct hnv_route_entry *entry)
{
	const struct hnv_route *r = &entry->route;
	char prefix[IP_PREFIX_TEXT_SIZE], hop[IP_TEXT_SIZE];
	struct ip none = {.family = entry->prefix.ip.family};
	json_t *o = json_pack("{s:s}", "routing-domain", d->id);
	if (*d->name)
		json_object_set_new(o, "name", http_text(d->name));
	json_object_set_new(o, "provider-network", http_text(provider_network_name(d->network)));
	json_object_set_new(o, "prefix", json_string(ip_prefix_format(&entry->prefix, prefix)));
	json_object_set_new(o, "virtual-subnet-id", json_integer(r->vsid));
	json_object_set_new(o, "next-hop", json_string(ip_format(r->next_hop.family ? &r->next_hop : &none, hop)));
	json_object_set_new(o, "metric", json_integer(r->metric));
	return o;
}

static int compare(const void *a, const void *b)
{
	const struct hnv_route_entry *x = a, *y = b;
	if (x->prefix.ip.family != y->prefix.ip.family)
		return x->prefix.ip.family < y->prefix.ip.family ? -1 : 1;
	int order = memcmp(x->prefix.ip.byte, y->prefix.ip.byte, sizeof(x->prefix.ip.byte));
	if (order)
		return order;
	if (x->prefix.len != y->prefix.len)
		return x->prefix.len < y->prefix.len ? -1 : 1;
	return x->route.metric < y->route.metric ? -1 : x->route.metric > y->route.metric;
}

/* In order of address, whatever order the document has. -1: no memory. */
static int domain_add(const struct hnv_domain_view *d, void *list)
{
	struct hnv_route_entry *entries = calloc(d->n_routes + 1, sizeof(*entries));
	if (!entries)
		return -1;
	if (d->n_routes)
		memcpy(entries, d->routes, d->n_routes * sizeof(*entries));
	qsort(entries, d->n_routes, sizeof(*entries), compare);
	for (size_t i = 0; i < d->n_routes; i++)
		json_array_append_new(list, route_json(d->domain, &entries[i]));
	free(entries);
	return 0;
}

static void customer_routes_get(const struct http_request *r, struct http_response *ret)
{
	json_t *list = json_array();
	if (list && !hnv_domains_each(domain_add, list))
		ret->json = json_pack("{s:O}", "routes", list);
	json_decref(list);
}

ROUTE(customer_routes, "GET", "/v1/customer-routes", customer_routes_get,
      "The routes of every routing domain as the workers have them: its virtual subnets and its customer routes.",
      NULL)
