/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routing domains, virtual subnets, the adapters in them and the lookup records against each other. Whatever is
 * looked up is sorted first: a document may hold a hundred thousand records.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/schema_pass.h"
#include "api/schema_private.h"
#include "base/err.h"

static int subnet_compare(const void *a, const void *b)
{
	const struct tenant_subnet *x = a, *y = b;

	if (x->subnet->id != y->subnet->id)
		return x->subnet->id < y->subnet->id ? -1 : 1;
	return strcmp(x->domain->provider_network, y->domain->provider_network);
}

static struct subject subnet_subject(const struct tenant_subnet *t)
{
	struct subject s;

	snprintf(s.path, sizeof(s.path), "routing-domains[%zu].virtual-subnets[%zu]", t->domain_index, t->index);
	snprintf(s.label, sizeof(s.label), "%s (%u)", s.path, t->subnet->id);
	return s;
}

const struct tenant_subnet *pass_subnet_find(const struct pass *p, const char *network, uint32_t vsid)
{
	struct api_virtual_subnet subnet = {.id = vsid};
	struct api_routing_domain domain = {.provider_network = (char *)network};
	struct tenant_subnet key = {.domain = &domain, .subnet = &subnet};

	return p->n_subnets ? bsearch(&key, p->subnets, p->n_subnets, sizeof(key), subnet_compare) : NULL;
}

/* A virtual subnet of that number in any provider network; NULL: none. */
static const struct tenant_subnet *subnet_elsewhere(const struct pass *p, uint32_t vsid)
{
	size_t low = 0, high = p->n_subnets;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (p->subnets[middle].subnet->id < vsid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < p->n_subnets && p->subnets[low].subnet->id == vsid ? &p->subnets[low] : NULL;
}

int pass_subnet_get(struct pass *p, const struct subject *s, const char *network, uint32_t vsid,
		    const struct tenant_subnet **ret_subnet)
{
	const struct tenant_subnet *found = pass_subnet_find(p, network, vsid);
	const struct tenant_subnet *other = found ? NULL : subnet_elsewhere(p, vsid);

	if (found) {
		*ret_subnet = found;
		return 0;
	}
	if (!other)
		return pass_refuse(
			p, s, "virtual-subnet-id",
			"no routing domain of provider network %s has virtual subnet %u; add it there or use "
			"another",
			network, vsid);
	struct subject where = subnet_subject(other);
	return pass_refuse(
		p, s, "virtual-subnet-id",
		"no routing domain of provider network %s has virtual subnet %u, only %s of provider network "
		"%s",
		network, vsid, where.label, other->domain->provider_network);
}

/* Counts, or with memory for them fills, the virtual subnets and their prefixes in document order. */
static void subnets_collect(struct pass *p)
{
	p->n_subnets = p->n_prefixes = 0;
	for (size_t d = 0; d < p->doc->n_routing_domains; d++) {
		const struct api_routing_domain *domain = &p->doc->routing_domains[d];
		for (size_t i = 0; i < domain->n_virtual_subnets; i++) {
			const struct api_virtual_subnet *subnet = &domain->virtual_subnets[i];
			if (p->subnets)
				p->subnets[p->n_subnets] = (struct tenant_subnet){domain, subnet, d, i};
			p->n_subnets++;
			p->n_prefixes += subnet->n_prefixes;
		}
	}
}

static int domain_validate(struct pass *p, size_t d)
{
	const struct api_routing_domain *domain = &p->doc->routing_domains[d];
	const char *name = domain->name ? domain->name : domain->id;
	struct subject s = subject_make("routing-domains", d, name);
	const char *holder = "";

	int r = pass_claim(p, &s, &holder, "routing-domain %s", domain->id);
	if (r == -EEXIST)
		return pass_refuse(p, &s, "id", "%s is already that of %s; give each its own", domain->id, holder);
	for (size_t i = 0; i < domain->n_virtual_subnets && r == 0; i++) {
		struct tenant_subnet t = {domain, &domain->virtual_subnets[i], d, i};
		struct subject one = subnet_subject(&t);
		snprintf(one.label, sizeof(one.label), "%s (%.63s)", one.path, name);
		r = pass_claim(p, &one, &holder, "virtual-subnet %s %u", domain->provider_network, t.subnet->id);
		if (r == -EEXIST)
			return pass_refuse(p, &one, "id",
					   "%u of %s is already that of %s; virtual subnets are unique in a provider "
					   "network",
					   t.subnet->id, name, holder);
	}
	return r;
}

static void prefixes_build(struct pass *p)
{
	struct prefix_row *row = p->prefixes;

	for (size_t i = 0; i < p->n_subnets; i++) {
		const struct tenant_subnet *t = &p->subnets[i];
		for (size_t j = 0; j < t->subnet->n_prefixes; j++)
			*row++ = (struct prefix_row){
				.space = t->domain->id, .prefix = t->subnet->prefixes[j], .owner = i};
	}
	prefix_table_build(p->prefixes, p->n_prefixes);
}

static int overlap_refuse(struct pass *p, const struct prefix_row *one, const struct prefix_row *other)
{
	const struct tenant_subnet *a = &p->subnets[one->owner], *b = &p->subnets[other->owner];
	char a_text[IP_PREFIX_TEXT_SIZE], b_text[IP_PREFIX_TEXT_SIZE];

	if (a->index < b->index) /* the later one is to blame */
		return overlap_refuse(p, other, one);
	struct subject s = subnet_subject(a), holder = subnet_subject(b);
	return pass_refuse(
		p, &s, "prefix",
		"%s of virtual subnet %u overlaps %s of %s; the prefixes of routing domain %s must be apart",
		ip_prefix_format(&one->prefix, a_text), a->subnet->id, ip_prefix_format(&other->prefix, b_text),
		holder.label, a->domain->name ? a->domain->name : a->domain->id);
}

int pass_routing_domains(struct pass *p)
{
	int r = 0;

	subnets_collect(p);
	p->subnets = calloc(p->n_subnets + 1, sizeof(*p->subnets));
	p->prefixes = calloc(p->n_prefixes + 1, sizeof(*p->prefixes));
	if (!p->subnets || !p->prefixes)
		return err_set(p->e, ENOMEM, NULL, "out of memory");
	subnets_collect(p);
	for (size_t d = 0; d < p->doc->n_routing_domains && r == 0; d++)
		r = domain_validate(p, d);
	if (r < 0)
		return r;
	qsort(p->subnets, p->n_subnets, sizeof(*p->subnets), subnet_compare);
	prefixes_build(p);
	for (size_t i = 0; i < p->n_prefixes && r == 0; i++)
		if (p->prefixes[i].up >= 0)
			r = overlap_refuse(p, &p->prefixes[i], &p->prefixes[p->prefixes[i].up]);
	return r;
}

/* The isolation ids that a guest is shown are virtual subnets of the routing domain that the mapping names. */
static int mapping_validate(struct pass *p, const struct subject *s, const char *network,
			    const struct api_routing_domain_mapping *mapping, size_t m)
{
	char field[112];

	for (size_t n = 0; n < mapping->n_isolation_ids; n++) {
		uint32_t id = mapping->isolation_ids[n].id;
		const struct tenant_subnet *t = pass_subnet_find(p, network, id);
		snprintf(field, sizeof(field), "routing-domain-mappings[%zu].isolation-ids[%zu].isolation-id", m, n);
		if (!t)
			return pass_refuse(
				p, s, field,
				"no routing domain of provider network %s has virtual subnet %u; add it to %s or "
				"use another",
				network, id, mapping->routing_domain_id);
		if (strcmp(t->domain->id, mapping->routing_domain_id) == 0)
			continue;
		struct subject where = subnet_subject(t);
		return pass_refuse(p, s, field, "virtual subnet %u is not in routing domain %s but %s of %s", id,
				   mapping->routing_domain_id, where.label, t->domain->id);
	}
	return 0;
}

int pass_tenant_adapter(struct pass *p, const struct subject *s, const struct api_adapter *a,
			const struct api_switch *sw)
{
	size_t carrier = p->carriers[sw - p->doc->switches];
	const char *field = a->isolation.mode ? "isolation" : "virtual-subnet-id";
	uint32_t untagged = api_adapter_untagged(a);
	const struct tenant_subnet *subnet;

	if (carrier == 0)
		return pass_refuse(p, s, field,
				   "%u needs a provider address on switch %s and there is none; add one to "
				   "provider-addresses or leave %s out",
				   untagged ? untagged : a->routing_domain_mappings[0].isolation_ids[0].id, sw->name,
				   field);
	const char *network = p->doc->provider_addresses[carrier - 1].provider_network;
	if (untagged && a->isolation.mode && !pass_subnet_find(p, network, untagged))
		return pass_refuse(
			p, s, "isolation.default-isolation-id",
			"no routing domain of provider network %s has virtual subnet %u; add it there or use "
			"another",
			network, untagged);
	int r = untagged ? pass_subnet_get(p, s, network, untagged, &subnet) : 0;
	for (size_t m = 0; m < a->n_routing_domain_mappings && r == 0; m++)
		r = mapping_validate(p, s, network, &a->routing_domain_mappings[m], m);
	return r;
}

static int record_compare(const struct api_lookup_record *x, const struct api_lookup_record *y)
{
	if (x->virtual_subnet_id != y->virtual_subnet_id)
		return x->virtual_subnet_id < y->virtual_subnet_id ? -1 : 1;
	int order = strcmp(x->provider_network, y->provider_network);
	if (order == 0)
		order = x->customer_address.family - y->customer_address.family;
	if (order == 0)
		order = memcmp(x->customer_address.byte, y->customer_address.byte, sizeof(x->customer_address.byte));
	if (order == 0)
		order = (x->type == API_RECORD_L2ONLY) - (y->type == API_RECORD_L2ONLY);
	if (order == 0 && x->type == API_RECORD_L2ONLY)
		order = memcmp(&x->mac_address, &y->mac_address, sizeof(x->mac_address));
	return order;
}

/* Records that are the same keep the document's order. */
static int record_place_compare(const void *a, const void *b)
{
	const struct api_lookup_record *const *x = a, *const *y = b;
	int order = record_compare(*x, *y);

	return order ? order : (*x > *y) - (*x < *y);
}

struct subject pass_record_subject(const struct pass *p, const struct api_lookup_record *record)
{
	char text[IP_TEXT_SIZE], name[IP_TEXT_SIZE + 16];

	snprintf(name, sizeof(name), "%u %s", record->virtual_subnet_id, ip_format(&record->customer_address, text));
	return subject_make("lookup-records", (size_t)(record - p->doc->lookup_records), name);
}

const struct api_lookup_record *pass_record_find(const struct pass *p, const char *network, uint32_t vsid,
						 const struct ip *customer)
{
	const struct api_lookup_record wanted = {
		.provider_network = (char *)network, .virtual_subnet_id = vsid, .customer_address = *customer};
	size_t low = 0, high = p->doc->n_lookup_records;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = record_compare(p->records[middle], &wanted);
		if (order == 0)
			return p->records[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* A provider address that nat made a customer's belongs to nobody else. */
static int rewrite_validate(struct pass *p, const struct api_lookup_record *record)
{
	bool nat = record->rule == API_RULE_NAT;
	struct subject s = pass_record_subject(p, record);
	char text[IP_TEXT_SIZE];
	const char *holder = "";

	if (!record->provider_address.family)
		return 0;
	ip_format(&record->provider_address, text);
	int r = pass_claim(p, &s, &holder, "%s %s %s", nat ? "nat" : "encap", record->provider_network, text);
	if (r == -EEXIST && nat)
		return pass_refuse(
			p, &s, "provider-address",
			"%s is already that of %s; nat needs one provider address for each customer address", text,
			holder);
	if (r < 0 && r != -EEXIST)
		return r;
	holder = pass_holder(p, "%s %s %s", nat ? "encap" : "nat", record->provider_network, text);
	if (!holder)
		return 0;
	return pass_refuse(
		p, &s, "provider-address",
		"%s of %s (%s) is already that of %s (%s); nat needs one provider address for each customer "
		"address",
		text, s.label, nat ? "nat" : "encap", holder, nat ? "encap" : "nat");
}

static int record_validate(struct pass *p, const struct api_lookup_record *record)
{
	const struct tenant_subnet *t = pass_subnet_find(p, record->provider_network, record->virtual_subnet_id);

	if (!t) {
		struct subject s = pass_record_subject(p, record);
		return pass_subnet_get(p, &s, record->provider_network, record->virtual_subnet_id, &t);
	}
	int r = api_lookup_record_check(record, t->subnet, p->e);
	if (r < 0)
		err_prefix(p->e, "lookup-records[%zu]", (size_t)(record - p->doc->lookup_records));
	return r;
}

static int twice_refuse(struct pass *p, const struct api_lookup_record *first, const struct api_lookup_record *second)
{
	struct subject s = pass_record_subject(p, second), holder = pass_record_subject(p, first);
	bool by_mac = second->type == API_RECORD_L2ONLY;
	char text[IP_TEXT_SIZE];

	if (by_mac)
		mac_format(&second->mac_address, text);
	else
		ip_format(&second->customer_address, text);
	return pass_refuse(p, &s, by_mac ? "mac-address" : "customer-address",
			   "%s in virtual subnet %u has a record already, %s; leave one of them out", text,
			   second->virtual_subnet_id, holder.label);
}

int pass_lookup_records(struct pass *p)
{
	size_t n = p->doc->n_lookup_records;
	bool any_nat = false;
	int r = 0;

	p->records = calloc(n + 1, sizeof(*p->records));
	if (!p->records)
		return err_set(p->e, ENOMEM, NULL, "out of memory");
	for (size_t i = 0; i < n && r == 0; i++) {
		p->records[i] = &p->doc->lookup_records[i];
		any_nat = any_nat || p->records[i]->rule == API_RULE_NAT;
		r = record_validate(p, p->records[i]);
	}
	for (size_t i = 0; i < n && r == 0 && any_nat; i++)
		r = rewrite_validate(p, p->records[i]);
	if (r < 0)
		return r;
	qsort(p->records, n, sizeof(struct api_lookup_record *), record_place_compare);
	for (size_t i = 1; i < n && r == 0; i++)
		if (record_compare(p->records[i - 1], p->records[i]) == 0)
			r = twice_refuse(p, p->records[i - 1], p->records[i]);
	return r;
}
