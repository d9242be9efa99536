/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's records lead elsewhere, and its adapter goes. What comes to a host is in edit_prepare.c. */
#include "modules/move/control/edit_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "api/schema.h"
#include "base/err.h"
#include "base/str.h"

void move_edit_clear(struct move_edit *m)
{
	json_decref(m->document);
	json_decref(m->added);
	free(m->vsids);
	*m = (struct move_edit){0};
}

bool move_is_in(const struct api_adapter *ad, uint32_t vsid)
{
	bool is = vsid == api_adapter_untagged(ad);
	for (size_t m = 0; m < ad->n_routing_domain_mappings && ad->isolation.multi_tenant_stack && !is; m++)
		for (size_t n = 0; n < ad->routing_domain_mappings[m].n_isolation_ids && !is; n++)
			is = ad->routing_domain_mappings[m].isolation_ids[n].id == vsid;
	return is;
}

const char *move_network_of(const struct api_document *doc, const char *switch_name)
{
	for (size_t i = 0; i < doc->n_provider_addresses; i++)
		if (str_equal(doc->provider_addresses[i].switch_name, switch_name))
			return doc->provider_addresses[i].provider_network;
	return NULL;
}

/* How well the address suits a guest of that virtual subnet, whose records lead to one of that family now. */
static unsigned suits(const struct api_provider_address *a, uint32_t vsid, uint8_t family)
{
	bool own = false;
	for (size_t i = 0; i < a->n_virtual_subnet_ids; i++)
		own |= a->virtual_subnet_ids[i] == vsid;
	return 1 + own + 2 * (a->address.ip.family == family);
}

const struct ip *move_provider_of(const struct api_document *doc, const char *network, uint32_t vsid, uint8_t family)
{
	const struct ip *best = NULL;
	unsigned best_suits = 0;
	for (size_t i = 0; i < doc->n_provider_addresses; i++) {
		const struct api_provider_address *a = &doc->provider_addresses[i];
		if (strcmp(a->provider_network, network) != 0 || suits(a, vsid, family) <= best_suits)
			continue;
		best = &a->address.ip;
		best_suits = suits(a, vsid, family);
	}
	return best;
}

bool move_is_own(const struct api_document *doc, const char *network, const struct ip *provider)
{
	for (size_t i = 0; i < doc->n_provider_addresses; i++)
		if (!strcmp(doc->provider_addresses[i].provider_network, network) &&
		    ip_equal(&doc->provider_addresses[i].address.ip, provider))
			return true;
	return false;
}

/* A subnet's own first and last address are nobody's (but of IPv6, and of two addresses or one). */
static bool is_subnets(const struct api_document *doc, const char *network, const struct ip *provider)
{
	for (size_t i = 0; i < doc->n_provider_addresses; i++) {
		const struct ip_prefix *p = &doc->provider_addresses[i].address;
		uint32_t address, mask = p->len && p->len <= 32 ? UINT32_MAX << (32 - p->len) : 0;
		if (strcmp(doc->provider_addresses[i].provider_network, network) != 0 || p->ip.family != AF_INET ||
		    p->len > 30 || !ip_prefix_contains(p, provider))
			continue;
		memcpy(&address, provider->byte, sizeof(address));
		address = ntohl(address) & ~mask;
		if (address == 0 || address == (UINT32_MAX & ~mask))
			return true;
	}
	return false;
}

int move_provider_check(const struct api_document *doc, const char *network, const struct ip *provider, bool reached,
			struct err *e)
{
	char text[IP_TEXT_SIZE], own[IP_TEXT_SIZE];
	static const uint8_t zero[sizeof(provider->byte)];
	const struct ip *here = move_provider_of(doc, network, 0, provider->family);
	bool group = provider->family == AF_INET6 ? provider->byte[0] == 0xff : provider->byte[0] >= 0xe0;
	if (!here)
		return err_set(e, EINVAL, "provider-network",
			       "this host has no provider address in provider network `%s`", network);
	if (group || !memcmp(provider->byte, zero, sizeof(zero)) || is_subnets(doc, network, provider))
		return err_set(e, EINVAL, "to", "%s is no one host's address; use the provider address of a host",
			       ip_format(provider, text));
	if (!reached)
		return err_set(
			e, EINVAL, "to",
			"%s is no address of provider network `%s`: neither the subnet of this host's own (%s) "
			"nor a provider route has it",
			ip_format(provider, text), network, ip_format(here, own));
	return 0;
}

int move_edit_open(const struct api_document *here, const char *key, json_t **ret_document, json_t **ret_list,
		   struct err *e)
{
	json_t *document = api_document_encode(here);
	json_t *list = document ? json_object_get(document, key) : NULL;
	if (document && !list) {
		list = json_array();
		if (json_object_set_new(document, key, list))
			list = NULL;
	}
	if (!list) {
		json_decref(document);
		return err_set(e, ENOMEM, NULL, "out of memory");
	}
	*ret_document = document;
	*ret_list = list;
	return 0;
}

struct guest {
	const char *network;
	uint32_t vsid;
	const struct api_adapter *adapter; /* NULL: in vsid alone */
	const struct mac *mac;
};

/* Is it one of the guest's, and leads elsewhere than it is to? */
static bool is_to_change(const struct api_lookup_record *r, const struct guest *g, const struct ip *provider)
{
	bool in = g->adapter ? move_is_in(g->adapter, r->virtual_subnet_id) : r->virtual_subnet_id == g->vsid;
	return in && mac_to_u64(&r->mac_address) == mac_to_u64(g->mac) && r->rule != API_RULE_NAT &&
	       !strcmp(r->provider_network, g->network) && !ip_equal(&r->provider_address, provider);
}

int move_edit_activate(const struct api_document *here, const char *network, uint32_t vsid, const char *adapter,
		       const struct mac *mac, const struct ip *provider, json_t **ret_document, struct err *e)
{
	const struct guest g = {network, vsid, adapter ? api_document_adapter(here, adapter) : NULL, mac};
	json_t *document = NULL, *records = NULL;
	char text[IP_TEXT_SIZE];
	int rc = 0;
	for (size_t i = 0; i < here->n_lookup_records && !rc; i++) {
		if (!is_to_change(&here->lookup_records[i], &g, provider))
			continue;
		if (!document)
			rc = move_edit_open(here, "lookup-records", &document, &records, e);
		if (!rc && json_object_set_new(json_array_get(records, i), "provider-address",
					       json_string(ip_format(provider, text))))
			rc = err_set(e, ENOMEM, NULL, "out of memory");
	}
	if (rc)
		json_decref(document);
	else
		*ret_document = document;
	return rc;
}

static bool is_listed(const json_t *strings, const char *text)
{
	size_t i;
	const json_t *item;
	json_array_foreach((json_t *)strings, i, item)
		if (str_equal(json_string_value(item), text))
			return true;
	return false;
}

static int records_remove(json_t *records, const json_t *added)
{
	for (size_t i = json_array_size(records); i-- > 0;) {
		char *identity = schema_identity(&api_schema_lookup_record, json_array_get(records, i));
		if (!identity)
			return -ENOMEM;
		if (is_listed(added, identity))
			json_array_remove(records, i);
		free(identity);
	}
	return 0;
}

int move_edit_remove(const struct api_document *here, const char *name, const json_t *added, json_t **ret_document,
		     struct err *e)
{
	json_t *document, *adapters;
	int rc = move_edit_open(here, "adapters", &document, &adapters, e);
	if (rc)
		return rc;
	const struct api_adapter *adapter = api_document_adapter(here, name);
	if (adapter)
		json_array_remove(adapters, (size_t)(adapter - here->adapters));
	if (adapter && json_array_size(added))
		rc = records_remove(json_object_get(document, "lookup-records"), added);
	if (rc || !adapter) {
		json_decref(document);
		document = NULL;
	}
	if (rc)
		return err_set(e, -rc, NULL, "out of memory");
	*ret_document = document;
	return 0;
}
