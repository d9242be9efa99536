/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routing domains, their subnets as workers see them, their routes. What stays as it is in the next document is
 * the same memory, so nothing that runs is touched.
 */
#include "modules/hnv/control/domains.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "core/control/module.h"
#include "core/runtime/rcu.h"
#include "modules/hnv/control/networks.h"
#include "modules/hnv/datapath/routes.h"
#include "modules/hnv/packet.h"

struct hnvc_domain *hnvc_domains[SIDES];

static struct hnvc_domain *domain_running(const char *id)
{
	struct hnvc_domain *d = hnvc_domains[RUNS];
	while (d && strcmp(d->pub->id, id) != 0)
		d = d->next;
	return d;
}

static bool domain_shared(const struct hnvc_domain *d)
{
	const struct hnvc_domain *runs = domain_running(d->pub->id);
	return runs && runs->pub == d->pub;
}

static struct hnv_domain *pub_make(const struct api_routing_domain *from, uint8_t network)
{
	struct hnvc_domain *runs = domain_running(from->id);
	struct hnv_domain *pub = calloc(1, sizeof(*pub));
	if (!pub)
		return NULL;
	snprintf(pub->id, sizeof(pub->id), "%s", from->id);
	snprintf(pub->name, sizeof(pub->name), "%s", from->name ? from->name : "");
	pub->network = network;
	if (!runs || strcmp(runs->pub->name, pub->name) != 0 || runs->pub->network != network)
		return pub;
	free(pub);
	return runs->pub;
}

static struct hnv_subnet *subnet_pub(const struct api_virtual_subnet *from, const struct hnv_domain *domain)
{
	struct hnv_subnet *pub = calloc(1, sizeof(*pub));
	if (!pub)
		return NULL;
	pub->vsid = from->id;
	pub->domain = domain;
	for (size_t i = 0; i < from->n_prefixes && i < HNV_PREFIXES_MAX; i++) {
		pub->prefix[i] = from->prefixes[i];
		pub->gateway[i] = api_virtual_subnet_gateway(&from->prefixes[i]);
		pub->n_prefixes++;
	}
	pub->mss_clamp = from->mss_clamp;
	pub->dhcp = from->dhcp;
	for (size_t i = 0; i < from->n_dns && i < HNV_DNS_MAX; i++)
		pub->dns[pub->n_dns++] = from->dns[i];
	return pub;
}

static bool subnet_same(const struct hnv_subnet *a, const struct hnv_subnet *b)
{
	bool same = a->domain == b->domain && a->n_prefixes == b->n_prefixes && a->mss_clamp == b->mss_clamp &&
		    a->dhcp == b->dhcp && a->n_dns == b->n_dns;
	for (unsigned i = 0; same && i < a->n_prefixes; i++)
		same = a->prefix[i].len == b->prefix[i].len && ip_equal(&a->prefix[i].ip, &b->prefix[i].ip);
	for (unsigned i = 0; same && i < a->n_dns; i++)
		same = ip_equal(&a->dns[i], &b->dns[i]);
	return same;
}

static int entry_add(struct hnvc_domain *d, const struct ip_prefix *prefix, const struct hnv_route *route)
{
	struct hnv_route_entry *more = realloc(d->entries, (d->n_entries + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	d->entries = more;
	memset(&more[d->n_entries], 0, sizeof(*more)); /* padding, too: entries are compared as memory */
	more[d->n_entries].prefix.ip.family = prefix->ip.family;
	memcpy(more[d->n_entries].prefix.ip.byte, prefix->ip.byte, sizeof(prefix->ip.byte));
	more[d->n_entries].prefix.len = prefix->len;
	more[d->n_entries].route.vsid = route->vsid;
	more[d->n_entries].route.metric = route->metric;
	more[d->n_entries].route.next_hop.family = route->next_hop.family;
	memcpy(more[d->n_entries].route.next_hop.byte, route->next_hop.byte, sizeof(route->next_hop.byte));
	d->n_entries++;
	return 0;
}

static int subnet_add(struct hnvc_domain *d, struct hnvc_network *net, const struct api_virtual_subnet *from)
{
	struct hnvc_subnet *s = hnvc_subnet_make(net, from->id);
	struct hnv_subnet *pub = s ? subnet_pub(from, d->pub) : NULL;
	if (!pub)
		return -ENOMEM;
	d->n_subnets++;
	if (s->pub[RUNS] && subnet_same(s->pub[RUNS], pub)) {
		free(pub);
		pub = s->pub[RUNS];
	}
	s->pub[COMES] = pub;
	s->rescan |= !s->pub[RUNS];
	struct hnv_route on_link = {.vsid = from->id};
	int rc = 0;
	for (unsigned i = 0; i < pub->n_prefixes && !rc; i++)
		rc = entry_add(d, &pub->prefix[i], &on_link);
	return rc;
}

static int domain_add(const struct api_document *doc, size_t index, struct err *e)
{
	const struct api_routing_domain *from = &doc->routing_domains[index];
	struct hnvc_network *net = hnvc_network_find(from->provider_network);
	char path[64];
	snprintf(path, sizeof(path), "routing-domains[%zu].provider-network", index);
	if (!net || !net->side[COMES].there)
		return err_set(
			e, EINVAL, path,
			"this host has no address in provider network `%s`; give it one under provider-addresses",
			from->provider_network);
	struct hnvc_domain *d = calloc(1, sizeof(*d));
	if (!d)
		return err_set(e, ENOMEM, NULL, "out of memory");
	d->pub = pub_make(from, net->side[COMES].index);
	if (!d->pub) {
		free(d);
		return err_set(e, ENOMEM, NULL, "out of memory");
	}
	d->next = hnvc_domains[COMES];
	hnvc_domains[COMES] = d;
	for (size_t i = 0; i < from->n_virtual_subnets; i++)
		if (subnet_add(d, net, &from->virtual_subnets[i]))
			return err_set(e, ENOMEM, NULL, "out of memory");
	return 0;
}

static struct hnvc_domain *domain_coming(const struct hnv_domain *pub)
{
	struct hnvc_domain *d = hnvc_domains[COMES];
	while (d && d->pub != pub)
		d = d->next;
	return d;
}

static int route_add(const struct api_document *doc, size_t index, struct err *e)
{
	const struct api_customer_route *from = &doc->customer_routes[index];
	struct hnvc_network *net = hnvc_network_find(from->provider_network);
	struct hnvc_subnet *s = net ? hnvc_subnet_find(net, from->virtual_subnet_id) : NULL;
	char path[64];
	snprintf(path, sizeof(path), "customer-routes[%zu].virtual-subnet-id", index);
	if (!s || !s->pub[COMES])
		return err_set(e, EINVAL, path, "no routing domain of provider network `%s` has virtual subnet %u",
			       from->provider_network, from->virtual_subnet_id);
	struct hnv_route route = {.vsid = from->virtual_subnet_id, .metric = from->metric};
	if (!hnv_is_unspecified(&from->next_hop))
		route.next_hop = from->next_hop;
	if (entry_add(domain_coming(s->pub[COMES]->domain), &from->prefix, &route))
		return err_set(e, ENOMEM, NULL, "out of memory");
	return 0;
}

static int routes_make(struct hnvc_domain *d)
{
	const struct hnvc_domain *runs = domain_shared(d) ? domain_running(d->pub->id) : NULL;
	if (runs && runs->n_entries == d->n_entries &&
	    (!d->n_entries || !memcmp(runs->entries, d->entries, d->n_entries * sizeof(*d->entries))))
		return 0;
	d->routes = hnv_routes_create(d->entries, d->n_entries);
	return d->routes ? 0 : -ENOMEM;
}

int hnvc_domains_prepare(struct txn *t, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < t->next->n_routing_domains && !rc; i++)
		rc = domain_add(t->next, i, e);
	for (size_t i = 0; i < t->next->n_customer_routes && !rc; i++)
		rc = route_add(t->next, i, e);
	for (struct hnvc_domain *d = hnvc_domains[COMES]; d && !rc; d = d->next)
		if (routes_make(d))
			rc = err_set(e, ENOMEM, NULL, "out of memory");
	for (struct hnvc_subnet *s = hnvc_subnets(); s && !rc; s = s->next)
		s->rescan |= !s->pub[RUNS] != !s->pub[COMES];
	return rc;
}

static void domains_free(struct hnvc_domain *d)
{
	while (d) {
		struct hnvc_domain *next = d->next;
		hnv_routes_free(d->routes);
		free(d->entries);
		free(d);
		d = next;
	}
}

void hnvc_domains_abort(void)
{
	for (struct hnvc_subnet *s = hnvc_subnets(); s; s = s->next) {
		if (s->pub[COMES] != s->pub[RUNS])
			free(s->pub[COMES]);
		s->pub[COMES] = NULL;
	}
	for (struct hnvc_domain *d = hnvc_domains[COMES]; d; d = d->next)
		if (!domain_shared(d))
			free(d->pub);
	domains_free(hnvc_domains[COMES]);
	hnvc_domains[COMES] = NULL;
}

static void subnet_show(struct hnvc_subnet *s, struct hnv_subnet *pub)
{
	struct hnv_subnet *_Atomic *page = atomic_load(&s->network->pub.subnets[s->vsid >> 12]);
	atomic_store_explicit(&page[s->vsid & 0xfff], pub, memory_order_release);
}

/* What is new is shown; what goes stays to be found until the old snapshot is gone. */
static void subnet_commit(struct hnvc_subnet *s)
{
	struct hnv_subnet *before = s->pub[RUNS], *after = s->pub[COMES];
	s->pub[COMES] = NULL;
	s->pub[RUNS] = after;
	if (before == after)
		return;
	s->replaced = before;
	if (!after)
		return;
	if (before) {
		atomic_store(&after->replicas, atomic_load(&before->replicas));
		atomic_store(&after->locals, atomic_load(&before->locals));
	}
	atomic_store(&after->l2only, s->n_l2only > 0);
	subnet_show(s, after);
}

void hnvc_domains_commit(void)
{
	for (struct hnvc_domain *d = hnvc_domains[COMES]; d; d = d->next) {
		if (!d->routes)
			continue;
		void *before = (void *)atomic_exchange_explicit(&d->pub->routes, d->routes, memory_order_acq_rel);
		if (before)
			rcu_defer(free, before);
		d->routes = NULL;
	}
	for (struct hnvc_subnet *s = hnvc_subnets(); s; s = s->next)
		subnet_commit(s);
}

static void subnet_retire(struct hnvc_subnet *s)
{
	struct hnv_subnet *before = s->replaced;
	s->replaced = NULL;
	if (!before)
		return;
	if (!s->pub[RUNS]) {
		void *replicas = (void *)atomic_load(&before->replicas),
		     *locals = (void *)atomic_load(&before->locals);
		subnet_show(s, NULL);
		rcu_defer(free, replicas);
		rcu_defer(free, locals);
	}
	rcu_defer(free, before);
}

void hnvc_domains_retire(void)
{
	for (struct hnvc_subnet *s = hnvc_subnets(); s; s = s->next)
		subnet_retire(s);
	for (struct hnvc_domain *d = hnvc_domains[RUNS]; d; d = d->next) {
		if (domain_coming(d->pub))
			continue;
		rcu_defer(free, (void *)atomic_load(&d->pub->routes));
		rcu_defer(free, d->pub);
	}
	domains_free(hnvc_domains[RUNS]);
	hnvc_domains[RUNS] = hnvc_domains[COMES];
	hnvc_domains[COMES] = NULL;
}
