/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest comes to this host: its adapter and the lookup records that are missing here, out of the document of the host
 * that it leaves. The records still lead there. What can be seen in two documents is refused here, the rest by the
 * modules when they prepare.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "api/schema.h"
#include "base/err.h"
#include "base/str.h"
#include "modules/move/control/edit_private.h"

/* Both encoded, so that a default that is written out is no difference. */
static int adapter_compare(const char *name, const json_t *here, const json_t *there, struct err *e)
{
	for (const struct field *f = api_schema_adapter.fields; f->key; f++) {
		const json_t *a = json_object_get(here, f->key), *b = json_object_get(there, f->key);
		if ((!a && !b) || json_equal((json_t *)a, (json_t *)b))
			continue;
		char *was = a ? json_dumps(a, JSON_ENCODE_ANY | JSON_COMPACT) : NULL,
		     *is = b ? json_dumps(b, JSON_ENCODE_ANY | JSON_COMPACT) : NULL, show[2][STR_SHOW_SIZE];
		int rc = err_set(e, EEXIST, f->key,
				 "%s here, %s in the document that came; this host has another adapter of that name",
				 a ? str_show(was ? was : "?", show[0]) : "the default",
				 b ? str_show(is ? is : "?", show[1]) : "the default");
		free(was);
		free(is);
		err_prefix(e, "adapter %s", name);
		return rc;
	}
	return 0;
}

/* ad as this host's document would have it. */
static int port_put(const struct api_document *here, const struct api_adapter *ad, struct move_edit *ret,
		    struct err *e)
{
	struct move_edit m = {0};
	json_t *adapters, *object = schema_encode(&api_schema_adapter, ad);
	const struct api_adapter *found = api_document_adapter(here, ad->name);
	int rc = move_edit_open(here, "adapters", &m.document, &adapters, e);
	m.added = json_array();
	if (rc)
		goto out;
	m.is_here = found != NULL;
	m.adapter = found ? (size_t)(found - here->adapters) : here->n_adapters;
	m.first_added = here->n_lookup_records;
	if (!object || !m.added)
		rc = err_set(e, ENOMEM, NULL, "out of memory");
	else if (found)
		rc = adapter_compare(ad->name, json_array_get(adapters, m.adapter), object, e);
	else if (json_array_append(adapters, object))
		rc = err_set(e, ENOMEM, NULL, "out of memory");
out:
	json_decref(object);
	if (rc)
		move_edit_clear(&m);
	else
		*ret = m;
	return rc;
}

int move_edit_port(const struct api_document *here, const json_t *adapter, struct move_edit *ret, struct err *e)
{
	struct api_adapter ad = {0};
	int rc = schema_decode(&api_schema_adapter, adapter, &ad, e);
	if (rc)
		return rc;
	rc = port_put(here, &ad, ret, e);
	schema_clear(&api_schema_adapter, &ad);
	return rc;
}

static int list_of(const json_t *there, const char *key, json_t **ret_list, struct err *e)
{
	json_t *list = json_object_get(there, key);
	if (list && !json_is_array(list))
		return err_set(e, EINVAL, key, "is no list");
	*ret_list = list;
	return 0;
}

static int adapter_find(const json_t *there, const char *name, struct api_adapter *ret, struct err *e)
{
	json_t *list = NULL, *object;
	size_t i;
	char show[STR_SHOW_SIZE];
	int rc = json_is_object(there) ? list_of(there, "adapters", &list, e)
				       : err_set(e, EINVAL, NULL, "is no document: it has no keys");
	if (rc)
		return rc;
	json_array_foreach(list, i, object) {
		if (!str_equal(json_string_value(json_object_get(object, "name")), name))
			continue;
		rc = schema_decode(&api_schema_adapter, object, ret, e);
		if (rc)
			err_prefix(e, "adapters[%zu]", i);
		return rc;
	}
	return err_set(e, ENOENT, "adapters", "none is called %s; give the document of the host that it leaves",
		       str_show(name, show));
}

/* Only what lookup records lead can be moved by them. */
static int adapter_check(const struct api_adapter *ad, struct err *e)
{
	int rc = 0;
	if (ad->owner == API_OWNER_HOST)
		rc = err_set(e, EINVAL, "owner", "host; a host's own adapter stays with it");
	else if (!api_adapter_untagged(ad) && !ad->isolation.multi_tenant_stack)
		rc = err_set(
			e, EINVAL, "virtual-subnet-id",
			"missing; a guest outside of virtual subnets is found by what it sends: take its adapter "
			"into this host's document, and out of the other's");
	else if (mac_is_zero(&ad->mac_address))
		rc = err_set(e, EINVAL, "mac-address",
			     "missing; a guest keeps its MAC address when it moves: write the one that it has");
	if (rc)
		err_prefix(e, "adapter %s", ad->name);
	return rc;
}

static const struct api_routing_domain *domain_here(const struct api_document *here, const char *network,
						    uint32_t vsid, const struct api_virtual_subnet **ret_subnet)
{
	for (size_t i = 0; i < here->n_routing_domains; i++) {
		const struct api_routing_domain *d = &here->routing_domains[i];
		for (size_t k = 0; k < d->n_virtual_subnets && !strcmp(d->provider_network, network); k++)
			if (d->virtual_subnets[k].id == vsid) {
				*ret_subnet = &d->virtual_subnets[k];
				return d;
			}
	}
	return NULL;
}

static bool has_prefix(const struct api_virtual_subnet *s, const struct ip_prefix *p)
{
	for (size_t i = 0; i < s->n_prefixes; i++)
		if (s->prefixes[i].len == p->len && ip_equal(&s->prefixes[i].ip, &p->ip))
			return true;
	return false;
}

/* A virtual subnet there, if it is the guest's: the same tenant's here, with the same addresses? */
static int subnet_compare(const struct api_document *here, const struct api_routing_domain *there,
			  const struct api_virtual_subnet *subnet, struct err *e)
{
	const struct api_virtual_subnet *s;
	const struct api_routing_domain *d = domain_here(here, there->provider_network, subnet->id, &s);
	if (!d)
		return 0; /* refused when the adapter is prepared */
	if (strcmp(d->id, there->id) != 0)
		return err_set(e, EINVAL, "id",
			       "virtual subnet %u is in routing domain %s there and in %s here, another tenant's",
			       subnet->id, there->id, d->id);
	bool same = s->n_prefixes == subnet->n_prefixes;
	for (size_t i = 0; i < subnet->n_prefixes && same; i++)
		same = has_prefix(s, &subnet->prefixes[i]);
	return same ? 0
		    : err_set(e, EINVAL, "virtual-subnets", "virtual subnet %u has other prefixes there than here",
			      subnet->id);
}

static int domains_compare(const struct api_document *here, const json_t *there, const char *network,
			   const struct api_adapter *ad, struct err *e)
{
	json_t *list, *object;
	size_t i;
	int rc = list_of(there, "routing-domains", &list, e);
	json_array_foreach(list, i, object) {
		struct api_routing_domain d = {0};
		if (rc)
			break;
		rc = schema_decode(&api_schema_routing_domain, object, &d, e);
		for (size_t k = 0; !rc && k < d.n_virtual_subnets; k++)
			if (move_is_in(ad, d.virtual_subnets[k].id) && !strcmp(d.provider_network, network))
				rc = subnet_compare(here, &d, &d.virtual_subnets[k], e);
		if (rc)
			err_prefix(e, "routing-domains[%zu]", i);
		schema_clear(&api_schema_routing_domain, &d);
	}
	return rc;
}

/* A record that the guest has there. Is it missing here? 1, 0, or refused. */
static int record_judge(const struct api_document *here, const struct api_lookup_record *r, bool is_here,
			move_held_fn *held, struct err *e)
{
	struct move_held h = {.provider = r->provider_address};
	bool found = held(r, &h);
	char ca[IP_TEXT_SIZE], pa[IP_TEXT_SIZE], mine[MAC_TEXT_SIZE], its[MAC_TEXT_SIZE];
	if (found && mac_to_u64(&h.mac) != mac_to_u64(&r->mac_address))
		return err_set(e, EEXIST, "mac-address", "%s has %s there and %s here, where it is another guest's",
			       ip_format(&r->customer_address, ca), mac_format(&r->mac_address, its),
			       mac_format(&h.mac, mine));
	if (!is_here && r->rule == API_RULE_ENCAP && move_is_own(here, r->provider_network, &h.provider))
		return err_set(e, EBUSY, "provider-address",
			       "%s leads to this host (%s) %s, where the guest is not yet; let it lead to the host "
			       "that it leaves",
			       ip_format(&r->customer_address, ca), ip_format(&h.provider, pa),
			       found ? "already" : "in the document that came");
	return !found;
}

static int record_add(struct move_edit *m, const struct api_lookup_record *r)
{
	json_t *object = schema_encode(&api_schema_lookup_record, r),
	       *list = json_object_get(m->document, "lookup-records");
	char *identity = object ? schema_identity(&api_schema_lookup_record, object) : NULL;
	if (!list) {
		list = json_array();
		json_object_set_new(m->document, "lookup-records", list);
	}
	int rc = !identity || json_array_append_new(m->added, json_string(identity)) ||
		 json_array_append(list, object);
	free(identity);
	json_decref(object);
	return rc ? -ENOMEM : 0;
}

static int record_take(const struct api_document *here, const struct api_adapter *ad, const char *network,
		       const struct api_lookup_record *r, move_held_fn *held, struct move_edit *m, struct err *e)
{
	if (!move_is_in(ad, r->virtual_subnet_id) || strcmp(r->provider_network, network) != 0 ||
	    mac_to_u64(&r->mac_address) != mac_to_u64(&ad->mac_address))
		return 0;
	int missing = record_judge(here, r, m->is_here, held, e);
	m->n_records++;
	if (missing <= 0)
		return missing;
	return record_add(m, r) ? err_set(e, ENOMEM, NULL, "out of memory") : 0;
}

static int records_take(const struct api_document *here, const json_t *there, const struct api_adapter *ad,
			move_held_fn *held, struct move_edit *m, struct err *e)
{
	const char *network = move_network_of(here, ad->switch_name);
	json_t *list, *object;
	size_t i;
	if (!network)
		return 0; /* refused when the adapter is prepared */
	snprintf(m->network, sizeof(m->network), "%s", network);
	int rc = domains_compare(here, there, network, ad, e);
	if (!rc)
		rc = list_of(there, "lookup-records", &list, e);
	if (rc)
		return rc;
	json_array_foreach(list, i, object) {
		struct api_lookup_record r = {0};
		rc = schema_decode(&api_schema_lookup_record, object, &r, e);
		if (!rc)
			rc = record_take(here, ad, network, &r, held, m, e);
		schema_clear(&api_schema_lookup_record, &r);
		if (rc) {
			err_prefix(e, "lookup-records[%zu]", i);
			break;
		}
	}
	return rc;
}

/* Where the guest is. */
static int subnets_note(const struct api_adapter *ad, struct move_edit *m, struct err *e)
{
	uint32_t untagged = api_adapter_untagged(ad);
	size_t n = 1;
	for (size_t i = 0; i < ad->n_routing_domain_mappings; i++)
		n += ad->routing_domain_mappings[i].n_isolation_ids;
	m->vsids = calloc(n, sizeof(*m->vsids));
	if (!m->vsids)
		return err_set(e, ENOMEM, NULL, "out of memory");
	if (untagged)
		m->vsids[m->n_vsids++] = untagged;
	for (size_t i = 0; i < ad->n_routing_domain_mappings && ad->isolation.multi_tenant_stack; i++)
		for (size_t k = 0; k < ad->routing_domain_mappings[i].n_isolation_ids; k++)
			m->vsids[m->n_vsids++] = ad->routing_domain_mappings[i].isolation_ids[k].id;
	return 0;
}

int move_edit_prepare(const struct api_document *here, const json_t *there, const char *name, move_held_fn *held,
		      struct move_edit *ret, struct err *e)
{
	struct api_adapter ad = {0};
	struct move_edit m = {0};
	int rc = adapter_find(there, name, &ad, e);
	if (rc)
		return rc;
	rc = adapter_check(&ad, e);
	if (!rc)
		rc = port_put(here, &ad, &m, e);
	if (!rc)
		rc = subnets_note(&ad, &m, e);
	m.mac = ad.mac_address;
	m.learns = ad.dynamic_ip_address_limit > 0;
	if (!rc)
		rc = records_take(here, there, &ad, held, &m, e);
	schema_clear(&api_schema_adapter, &ad);
	if (rc)
		move_edit_clear(&m);
	else
		*ret = m;
	return rc;
}
