/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/vswitch/control/compartments.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/document.h"
#include "core/runtime/dataplane.h"
#include "modules/vswitch/control/snapshot.h"

int vs_compartments_make(struct vs_adapter *a, const struct api_adapter *from)
{
	uint32_t untagged = api_adapter_untagged(from);
	size_t n = untagged != 0;
	for (size_t m = 0; m < from->n_routing_domain_mappings; m++)
		n += from->routing_domain_mappings[m].n_isolation_ids;
	a->compartments = calloc(n + 1, sizeof(*a->compartments));
	if (!a->compartments)
		return -ENOMEM;
	if (untagged)
		a->compartments[a->n_compartments++].vsid = untagged;
	for (size_t m = 0; m < from->n_routing_domain_mappings; m++)
		for (size_t k = 0; k < from->routing_domain_mappings[m].n_isolation_ids; k++) {
			const struct api_isolation_id *id = &from->routing_domain_mappings[m].isolation_ids[k];
			if (id->id != untagged)
				a->compartments[a->n_compartments++] =
					(struct vs_compartment){.vsid = id->id, .vlan = (uint16_t)id->vlan};
		}
	return 0;
}

static const struct vs_compartment *find(const struct vs_adapter *a, uint32_t vsid)
{
	for (size_t i = 0; a && i < a->n_compartments; i++)
		if (a->compartments[i].vsid == vsid)
			return &a->compartments[i];
	return NULL;
}

int vs_compartments_ids_take(struct vs_adapter *a)
{
	for (size_t i = 0; i < a->n_compartments; i++) {
		struct vs_compartment *c = &a->compartments[i];
		const struct vs_compartment *before = find(a->before, c->vsid);
		int id = before ? before->id : vs_id_take();
		if (id < 0)
			return id;
		c->id = (uint16_t)id;
		c->id_taken = !before;
	}
	return 0;
}

void vs_compartments_ids_give_back(struct vs_adapter *a)
{
	for (size_t i = 0; i < a->n_compartments; i++)
		if (a->compartments[i].id_taken)
			vs_id_free(a->compartments[i].id);
	vs_compartments_settle(a);
}

void vs_compartments_ids_retire(const struct vs_adapter *before, const struct vs_adapter *after)
{
	for (size_t i = 0; i < before->n_compartments; i++)
		if (!find(after, before->compartments[i].vsid))
			vs_id_free(before->compartments[i].id);
}

void vs_compartments_settle(struct vs_adapter *a)
{
	for (size_t i = 0; i < a->n_compartments; i++)
		a->compartments[i].id_taken = false;
}

uint16_t vs_compartments_last_id(const struct vs_adapter *a)
{
	uint16_t last = a->pub.id;
	for (size_t i = 0; i < a->n_compartments; i++)
		last = a->compartments[i].id > last ? a->compartments[i].id : last;
	return last;
}

static int fill_one(struct dataplane *dp, struct dp_adapter *a, const struct vs_compartment *c)
{
	struct dp_adapter *one = calloc(1, sizeof(*one));
	if (!one)
		return -ENOMEM;
	*one = (struct dp_adapter){.id = c->id,
				   .role = a->role,
				   .mtu = a->mtu,
				   .port = a->port,
				   .sw = a->sw,
				   .mac = a->mac,
				   .vsid = c->vsid,
				   .is_compartment = true,
				   .tags_are_ids = true,
				   .vlan = c->vlan};
	snprintf(one->name, sizeof(one->name), "%.54s:%u", a->name, c->vsid);
	dp->adapters[c->id] = one;
	a->compartments->adapter[c->vlan] = c->id;
	return 0;
}

int vs_compartments_fill(struct dataplane *dp, struct dp_adapter *a, const struct vs_adapter *from)
{
	a->compartments = malloc(sizeof(*a->compartments));
	if (!a->compartments)
		return -ENOMEM;
	for (size_t vlan = 0; vlan < 4096; vlan++)
		a->compartments->adapter[vlan] = DP_COMPARTMENT_NONE;
	for (size_t i = 0; i < from->n_compartments; i++)
		if (fill_one(dp, a, &from->compartments[i]))
			return -ENOMEM;
	return 0;
}

json_t *vs_compartments_json(const struct vs_adapter *a)
{
	json_t *list = json_array();
	for (size_t i = 0; i < a->n_compartments; i++)
		json_array_append_new(list,
				      json_pack("{s:I, s:i}", "isolation-id", (json_int_t)a->compartments[i].vsid,
						"vlan", (int)a->compartments[i].vlan));
	return list;
}
