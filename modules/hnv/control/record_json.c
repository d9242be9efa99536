/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/hnv/control/record_json.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "api/schema.h"
#include "base/err.h"
#include "base/str.h"
#include "modules/hnv/control/detours.h"

static const char *const encapsulation_names[] = {
	[API_ENCAPSULATION_NVGRE] = "nvgre", [API_ENCAPSULATION_VXLAN] = "vxlan"};
static_assert((int)API_RECORD_GATEWAY_WILDCARD == (int)HNV_GATEWAY_WILDCARD && (int)API_RULE_NAT == (int)HNV_NAT,
	      "the document's words and ours are in one order");

int hnvc_record_from_api(const struct api_lookup_record *from, uint8_t network, struct hnv_record *ret, struct err *e)
{
	const char *name = encapsulation_names[from->encapsulation];
	const struct hnv_encapsulation *encapsulation = hnv_encapsulation_find(name);
	if (!encapsulation)
		return err_set(e, EINVAL, "encapsulation", "%s is not built in", name);
	*ret = (struct hnv_record){.network = network,
				   .vsid = from->virtual_subnet_id,
				   .customer = from->customer_address,
				   .mac = from->mac_address,
				   .provider = from->provider_address,
				   .type = (enum hnv_record_type)from->type,
				   .rule = (enum hnv_rule)from->rule,
				   .encapsulation = encapsulation,
				   .use_vm_mac_address = from->use_vm_mac_address};
	return 0;
}

static void labels_split(const char *labels, struct api_lookup_record *ret)
{
	char **const at[] = {&ret->vm_name, &ret->customer_id, &ret->context};
	for (unsigned i = 0; labels && i < 3; i++, labels += strlen(labels) + 1)
		*at[i] = *labels ? (char *)labels : NULL;
}

struct api_lookup_record hnvc_record_view(const struct hnv_record *r, const char *network, const char *labels)
{
	struct api_lookup_record a = {.virtual_subnet_id = r->vsid,
				      .customer_address = r->customer,
				      .mac_address = r->mac,
				      .provider_address = r->provider,
				      .rule = (enum api_record_rule)r->rule,
				      .type = (enum api_record_type)r->type,
				      .use_vm_mac_address = r->use_vm_mac_address,
				      .provider_network = (char *)network};
	if (r->encapsulation && str_equal(r->encapsulation->name, encapsulation_names[API_ENCAPSULATION_VXLAN]))
		a.encapsulation = API_ENCAPSULATION_VXLAN;
	labels_split(labels, &a);
	return a;
}

static const char *leads_to(const struct hnvc_record *r)
{
	const struct hnv_next *next = atomic_load(&hnv_nexts[r->next]);
	if (!r->subnet->pub[RUNS])
		return "nothing: no routing domain has the virtual subnet";
	switch (next ? next->kind : HNV_NOWHERE) {
	case HNV_LOCAL:
		return "adapter";
	case HNV_TUNNEL:
		return "tunnel";
	case HNV_REWRITE:
		return "rewrite";
	default:
		return "nothing";
	}
}

json_t *hnvc_record_json(const struct hnvc_record *r)
{
	static const char *const origins[] = {[OWNER_DOCUMENT] = "document",
					      [OWNER_API] = "api",
					      [OWNER_LEARNED] = "learned",
					      [OWNER_RESOLVED] = "resolver"};
	struct api_lookup_record view = hnvc_record_view(&r->pub, r->subnet->network->name, r->labels);
	char to[IP_TEXT_SIZE];
	json_t *json = schema_encode(&api_schema_lookup_record, &view);
	if (json &&
	    (json_object_set_new(json, "origin", json_string(origins[r->owner])) ||
	     json_object_set_new(json, "leads-to", json_string(leads_to(r))) ||
	     (hnvc_redirected_to(r) &&
	      json_object_set_new(json, "redirected-to", json_string(ip_format(hnvc_redirected_to(r), to)))) ||
	     (r->pub.unusable && json_object_set_new(json, "unusable", json_true())))) {
		json_decref(json);
		return NULL;
	}
	return json;
}

bool hnvc_record_same(const struct hnv_record *a, const struct hnv_record *b)
{
	return a->vsid == b->vsid && ip_equal(&a->customer, &b->customer) &&
	       mac_to_u64(&a->mac) == mac_to_u64(&b->mac) && ip_equal(&a->provider, &b->provider) &&
	       a->type == b->type && a->rule == b->rule && a->encapsulation == b->encapsulation &&
	       a->use_vm_mac_address == b->use_vm_mac_address && a->unusable == b->unusable;
}

int hnvc_labels_make(const char *vm_name, const char *customer_id, const char *context, char **ret_labels)
{
	const char *const all[] = {vm_name, customer_id, context};
	struct str s = {0};
	*ret_labels = NULL;
	if (!vm_name && !customer_id && !context)
		return 0;
	for (unsigned i = 0; i < 3; i++)
		str_add_bytes(&s, all[i] ? all[i] : "", all[i] ? strlen(all[i]) + 1 : 1);
	*ret_labels = str_take(&s);
	return *ret_labels ? 0 : -ENOMEM;
}

size_t hnvc_labels_size(const char *labels)
{
	size_t size = 0;
	for (unsigned i = 0; labels && i < 3; i++)
		size += strlen(labels + size) + 1;
	return size;
}

bool hnvc_labels_same(const char *a, const char *b)
{
	size_t size = hnvc_labels_size(a);
	return size == hnvc_labels_size(b) && (!size || !memcmp(a, b, size));
}
