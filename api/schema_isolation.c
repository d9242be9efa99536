/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How one adapter is in several virtual subnets: the tables of `isolation` and `routing-domain-mappings`, and the rules
 * between them. A guest tells its isolation ids apart by VLAN tags.
 */
#include <errno.h>
#include <string.h>

#include "api/schema_private.h"
#include "base/err.h"

#define VSID .min = 4096, .max = 16777214, .reserved = 16777215 /* RFC 7637, clause 3.2 */

enum { NAME_MAX_SHARED = 54 }; /* of an adapter whose compartments are named NAME:VSID, in 63 characters */

static const char *const mode_names[] = {"none", "native-virtual-subnet", "external-virtual-subnet", "vlan", NULL};
static const char *const switch_names[] = {"off", "on", NULL};

static const struct field isolation_fields[] = {
	{"isolation-mode", FIELD_ENUM, offsetof(struct api_isolation, mode),
	 "What isolation ids are: `native-virtual-subnet` VSIDs, `none`: there are none. `external-virtual-subnet` and "
	 "`vlan` are refused: no forwarding extension and no VLAN module is there to obey them.",
	 .fallback = API_ISOLATION_NONE, .names = mode_names},
	{"allow-untagged-traffic", FIELD_BOOL, offsetof(struct api_isolation, allow_untagged_traffic),
	 "Whether untagged frames are in the default isolation id; else they are dropped."},
	{"default-isolation-id", FIELD_UINT, offsetof(struct api_isolation, default_isolation_id),
	 "The VSID of untagged frames, with `allow-untagged-traffic: true`. Default: 0, none.", VSID},
	{"multi-tenant-stack", FIELD_ENUM, offsetof(struct api_isolation, multi_tenant_stack),
	 "`on`: the guest sees the isolation ids of `routing-domain-mappings`, each by its VLAN tag; `off`: it sees none.",
	 .fallback = 0, .names = switch_names},
	{0},
};

const struct schema schema_isolation = {
	.kind = "isolation",
	.help = "How the adapter's traffic is isolated where `virtual-subnet-id`, one virtual subnet, is not enough.",
	.size = sizeof(struct api_isolation),
	.fields = isolation_fields,
};

static void isolation_id_identify(const json_t *object, struct str *s)
{
	schema_identity_add(object, "isolation-id", s);
}

static const struct field isolation_id_fields[] = {
	{"isolation-id", FIELD_UINT, offsetof(struct api_isolation_id, id),
	 "The VSID, in the mapping's routing domain.", .required = true, VSID},
	{"isolation-name", FIELD_STRING, offsetof(struct api_isolation_id, name),
	 "What it is called, for people and lists. Default: none.", .max = 63},
	{"vlan", FIELD_UINT, offsetof(struct api_isolation_id, vlan),
	 "The VLAN tag that its frames bear between the guest and the switch; nowhere else. Needed unless it is the default "
	 "isolation id, whose frames bear none.",
	 .min = 1, .max = 4094},
	{0},
};

const struct schema schema_isolation_id = {
	.kind = "isolation-id",
	.plural = "isolation-ids",
	.help = "A virtual subnet that the adapter is in.",
	.size = sizeof(struct api_isolation_id),
	.fields = isolation_id_fields,
	.identify = isolation_id_identify,
};

static void mapping_identify(const json_t *object, struct str *s)
{
	schema_identity_add(object, "routing-domain-id", s);
}

static const struct field mapping_fields[] = {
	{"routing-domain-id", FIELD_GUID, offsetof(struct api_routing_domain_mapping, routing_domain_id),
	 "The routing domain (RDID).", .required = true},
	{"routing-domain-name", FIELD_STRING, offsetof(struct api_routing_domain_mapping, name),
	 "What it is called, for people and lists. Default: none.", .max = 63},
	{"isolation-ids", FIELD_LIST, offsetof(struct api_routing_domain_mapping, isolation_ids),
	 "The virtual subnets of the routing domain that the adapter is in.", .required = true,
	 .element = FIELD_OBJECT, .object = &schema_isolation_id,
	 .count_offset = offsetof(struct api_routing_domain_mapping, n_isolation_ids)},
	{0},
};

const struct schema schema_routing_domain_mapping = {
	.kind = "routing-domain-mapping",
	.plural = "routing-domain-mappings",
	.help = "A routing domain that the adapter serves. What comes by one isolation id never leaves by another unless the guest "
		"sends it there.",
	.size = sizeof(struct api_routing_domain_mapping),
	.fields = mapping_fields,
	.identify = mapping_identify,
};

static int unused_check(const struct api_adapter *a, struct err *e)
{
	const struct api_isolation *i = &a->isolation;
	const char *field = a->n_routing_domain_mappings ? "routing-domain-mappings"
			    : i->allow_untagged_traffic	 ? "isolation.allow-untagged-traffic"
			    : i->default_isolation_id	 ? "isolation.default-isolation-id"
			    : i->multi_tenant_stack	 ? "isolation.multi-tenant-stack"
							 : NULL;

	if (!field)
		return 0;
	return err_set(e, EINVAL, field,
		       "needs `isolation-mode: native-virtual-subnet`; the adapter has no isolation ids");
}

static int mode_check(const struct api_adapter *a, struct err *e)
{
	const struct api_isolation *i = &a->isolation;

	if (i->mode == API_ISOLATION_VLAN || i->mode == API_ISOLATION_EXTERNAL)
		return err_set(
			e, EINVAL, "isolation.isolation-mode",
			"%s cannot be obeyed: this weftd has no %s; use native-virtual-subnet", mode_names[i->mode],
			i->mode == API_ISOLATION_VLAN ? "VLAN modes" : "forwarding extension of a third party");
	if (a->owner == API_OWNER_HOST)
		return err_set(e, EINVAL, "isolation",
			       "only for adapters with `owner: vm`; the host is in no tenant's network");
	if (a->virtual_subnet_id)
		return err_set(
			e, EINVAL, "virtual-subnet-id",
			"stands beside isolation-mode native-virtual-subnet; give %u as default-isolation-id, or leave "
			"isolation out",
			a->virtual_subnet_id);
	if (i->default_isolation_id && !i->allow_untagged_traffic)
		return err_set(e, EINVAL, "isolation.default-isolation-id",
			       "%u is for untagged frames only; give `allow-untagged-traffic: true`, too",
			       i->default_isolation_id);
	if (i->allow_untagged_traffic && !i->default_isolation_id)
		return err_set(e, EINVAL, "isolation.default-isolation-id",
			       "missing; allow-untagged-traffic wants to know where untagged frames are");
	if (!i->multi_tenant_stack && !i->default_isolation_id)
		return err_set(
			e, EINVAL, "isolation.multi-tenant-stack",
			"off, and there is no default-isolation-id: the adapter would be nowhere; use `on`, or give "
			"untagged frames a place");
	if (i->multi_tenant_stack && !a->n_routing_domain_mappings)
		return err_set(
			e, EINVAL, "routing-domain-mappings",
			"missing; `multi-tenant-stack: on` shows the guest the isolation ids that stand there");
	if (strlen(a->name) > NAME_MAX_SHARED)
		return err_set(
			e, EINVAL, "name",
			"%zu characters; with isolation ids at most %d, for what is counted of each is named NAME:ID",
			strlen(a->name), NAME_MAX_SHARED);
	return 0;
}

/* Whether an earlier isolation id of the adapter has the same id or tag. */
static int id_check(const struct api_adapter *a, size_t m, size_t n, struct err *e)
{
	const struct api_isolation_id *id = &a->routing_domain_mappings[m].isolation_ids[n];
	bool is_default = id->id == a->isolation.default_isolation_id;

	if (is_default && id->vlan)
		return err_set(e, EINVAL, "vlan",
			       "%u is the default isolation id, whose frames bear no tag; leave it out", id->id);
	if (!is_default && !id->vlan && a->isolation.multi_tenant_stack)
		return err_set(e, EINVAL, "vlan", "missing; say by which VLAN tag the guest knows isolation id %u",
			       id->id);
	for (size_t i = 0; i <= m; i++)
		for (size_t k = 0; k < (i < m ? a->routing_domain_mappings[i].n_isolation_ids : n); k++) {
			const struct api_isolation_id *other = &a->routing_domain_mappings[i].isolation_ids[k];
			if (other->id == id->id)
				return err_set(
					e, EINVAL, "isolation-id",
					"%u is already routing-domain-mappings[%zu].isolation-ids[%zu]; leave one out",
					id->id, i, k);
			if (id->vlan && other->vlan == id->vlan)
				return err_set(e, EINVAL, "vlan",
					       "%u is already the tag of isolation id %u; give each its own",
					       id->vlan, other->id);
		}
	return 0;
}

int schema_isolation_check(const struct api_adapter *a, struct err *e)
{
	int r = a->isolation.mode == API_ISOLATION_NONE ? unused_check(a, e) : mode_check(a, e);

	for (size_t m = 0; m < a->n_routing_domain_mappings && r == 0; m++) {
		if (!a->routing_domain_mappings[m].n_isolation_ids) {
			r = err_set(e, EINVAL, "isolation-ids",
				    "empty; name a virtual subnet, or leave the mapping out");
			err_prefix(e, "routing-domain-mappings[%zu]", m);
		}
		for (size_t n = 0; n < a->routing_domain_mappings[m].n_isolation_ids && r == 0; n++) {
			r = id_check(a, m, n, e);
			if (r < 0)
				err_prefix(e, "routing-domain-mappings[%zu].isolation-ids[%zu]", m, n);
		}
	}
	return r;
}

uint32_t api_adapter_untagged(const struct api_adapter *a)
{
	return a->isolation.mode == API_ISOLATION_NONE ? a->virtual_subnet_id : a->isolation.default_isolation_id;
}
