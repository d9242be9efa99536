/* SPDX-License-Identifier: Apache-2.0 */
/* Where guests are, by their records: what is prepared, active, and moved away. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "api/document.h"
#include "base/str.h"
#include "core/control/engine.h"
#include "core/http/server.h"
#include "modules/move/control/moves.h"
#include "modules/move/control/prepared.h"

static const char *const words[] = {[MOVE_NO_RECORDS] = "no-records",
				    [MOVE_PREPARED] = "prepared",
				    [MOVE_ACTIVE] = "active",
				    [MOVE_PARTLY] = "partly-here",
				    [MOVE_AWAY] = "moved-away"};

struct tally {
	size_t here, away, nat;
	bool several; /* virtual subnets, where it may have one address */
	json_t *addresses, *leads_to; /* NULL: only counted */
};

static bool has(const json_t *list, const char *text)
{
	size_t i;
	const json_t *item;
	json_array_foreach((json_t *)list, i, item)
		if (!strcmp(json_string_value(item), text))
			return true;
	return false;
}

/* A record of rule nat leads to its guest, wherever that is. */
static int count(const struct hnv_guest_record *r, void *arg)
{
	struct tally *t = arg;
	char text[IP_TEXT_SIZE];
	bool nat = r->record->rule == HNV_NAT;
	t->nat += nat;
	t->here += !nat && r->here;
	t->away += !nat && !r->here;
	if (!t->addresses)
		return 0;
	const char *address = r->record->type == HNV_L2ONLY ? "any" : ip_format(&r->record->customer, text);
	if (!t->several || !has(t->addresses, address))
		json_array_append_new(t->addresses, json_string(address));
	ip_format(&r->record->provider, text);
	if (!nat && !has(t->leads_to, text))
		json_array_append_new(t->leads_to, json_string(text));
	return 0;
}

static enum move_state judge(const char *adapter, const struct tally *t)
{
	if (t->here && t->away)
		return MOVE_PARTLY;
	if (t->away)
		return adapter && move_prepared_get(adapter) ? MOVE_PREPARED : MOVE_AWAY;
	return t->here || t->nat ? MOVE_ACTIVE : MOVE_NO_RECORDS;
}

enum move_state move_state_of(const char *adapter, const struct hnv_guest *g)
{
	struct tally t = {0};
	(void)hnv_guest_records(g, count, &t);
	return judge(adapter, &t);
}

/* Of an adapter that is in several. */
static json_t *subnets_of(const char *adapter)
{
	const struct api_adapter *ad = api_document_adapter(engine_document(), adapter);
	json_t *list = json_array();
	uint32_t untagged = ad ? api_adapter_untagged(ad) : 0;
	if (untagged)
		json_array_append_new(list, json_integer(untagged));
	for (size_t m = 0; ad && m < ad->n_routing_domain_mappings; m++)
		for (size_t n = 0; n < ad->routing_domain_mappings[m].n_isolation_ids; n++)
			if (ad->routing_domain_mappings[m].isolation_ids[n].id != untagged)
				json_array_append_new(
					list, json_integer(ad->routing_domain_mappings[m].isolation_ids[n].id));
	return list;
}

void move_state_add(json_t *answer, const char *adapter, const struct hnv_guest *g)
{
	struct tally t = {.addresses = json_array(), .leads_to = json_array(), .several = g->adapter};
	char mac[MAC_TEXT_SIZE];
	(void)hnv_guest_records(g, count, &t);
	if (adapter)
		json_object_set_new(answer, "adapter", http_text(adapter));
	json_object_set_new(answer, "provider-network", http_text(g->network));
	if (g->adapter)
		json_object_set_new(answer, "virtual-subnet-ids", subnets_of(g->adapter));
	else
		json_object_set_new(answer, "virtual-subnet-id", json_integer(g->vsid));
	json_object_set_new(answer, "mac-address", json_string(mac_format(&g->mac, mac)));
	if (hnv_guest_is_here(g))
		json_object_set_new(answer, "state", json_string(words[judge(adapter, &t)]));
	json_object_set_new(answer, "customer-addresses", t.addresses);
	json_object_set_new(answer, "leads-to", t.leads_to);
}

json_t *move_state_list(void)
{
	const struct api_document *doc = engine_document();
	json_t *list = json_array();
	for (size_t i = 0; doc && i < doc->n_adapters; i++) {
		struct hnv_guest g;
		json_t *object = hnv_guest_find(doc->adapters[i].name, &g) ? NULL : json_object();
		if (!object)
			continue;
		move_state_add(object, doc->adapters[i].name, &g);
		json_array_append_new(list, object);
	}
	return json_pack("{s:o}", "adapters", list);
}

char *move_leads_to(const struct hnv_guest *g)
{
	struct tally t = {.addresses = json_array(), .leads_to = json_array()};
	struct str s = {0};
	size_t i;
	json_t *item;
	(void)hnv_guest_records(g, count, &t);
	json_array_foreach(t.leads_to, i, item)
		str_add(&s, "%s%s", i ? ", " : "", json_string_value(item));
	json_decref(t.addresses);
	json_decref(t.leads_to);
	return str_take(&s);
}

void move_status_adapter(const struct api_adapter *ad, json_t *object)
{
	static const char *const said[] = {[MOVE_PREPARED] = "prepared; its records lead to",
					   [MOVE_PARTLY] = "partly here; its records lead to",
					   [MOVE_AWAY] = "moved away to"};
	struct hnv_guest g;
	bool in_any = api_adapter_untagged(ad) || ad->isolation.multi_tenant_stack;
	if (!in_any || hnv_guest_find(ad->name, &g))
		return;
	enum move_state state = move_state_of(ad->name, &g);
	if (state == MOVE_ACTIVE || state == MOVE_NO_RECORDS)
		return;
	char *where = move_leads_to(&g);
	if (where)
		json_object_set_new(object, "move", json_sprintf("%s %s", said[state], where));
	free(where);
}

static int still(const struct hnv_guest_record *r, void *arg)
{
	char ca[IP_TEXT_SIZE], pa[IP_TEXT_SIZE];
	if (!r->here || r->record->rule == HNV_NAT)
		return 0;
	snprintf(arg, MOVE_STILL_SIZE, "%s is still here (%s)",
		 r->record->type == HNV_L2ONLY ? "the guest" : ip_format(&r->record->customer, ca),
		 ip_format(&r->record->provider, pa));
	return 1;
}

bool move_still_here(const struct hnv_guest *g, char buf[static MOVE_STILL_SIZE])
{
	return hnv_guest_records(g, still, buf) > 0;
}
