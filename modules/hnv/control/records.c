/* SPDX-License-Identifier: Apache-2.0 */
/* Single records, while packets pass: set, removed, found. In force when the call returns. */
#include "modules/hnv/control/records.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/schema.h"
#include "base/err.h"
#include "modules/hnv/control/detours.h"
#include "modules/hnv/control/held.h"
#include "modules/hnv/control/inforce.h"
#include "modules/hnv/control/locals.h"
#include "modules/hnv/control/networks.h"
#include "modules/hnv/control/nexts.h"
#include "modules/hnv/control/record_json.h"
#include "modules/hnv/control/record_log.h"
#include "modules/hnv/control/rewrites.h"
#include "modules/hnv/datapath/hnv_learn.h"

/* By the same rules as the document's. */
static int record_check(const struct hnvc_subnet *s, const struct hnv_record *r, struct err *e)
{
	struct hnv_subnet *pub = s->pub[RUNS];
	struct api_virtual_subnet subnet = {.id = s->vsid, .prefixes = pub->prefix, .n_prefixes = pub->n_prefixes};
	struct api_lookup_record view = hnvc_record_view(r, s->network->name, NULL);
	if (!r->encapsulation)
		return err_set(e, EINVAL, "encapsulation", "missing");
	int rc = api_schema_lookup_record.check(&view, e);
	return rc ? rc : api_lookup_record_check(&view, &subnet, e);
}

/* A provider address that nat made a customer's belongs to nobody else. */
static int rewrite_check(const struct hnvc_subnet *s, const struct hnv_record *r, const struct hnvc_record *held,
			 struct err *e)
{
	char text[IP_TEXT_SIZE];
	if (!hnv_peer_taken(s->network->pub.index, &r->provider, r->rule == HNV_NAT, held ? held->next : 0))
		return hnvc_rewrite_check(s, r, e);
	return err_set(e, EEXIST, "provider-address",
		       "%s is another record's; nat needs one provider address for each customer address",
		       ip_format(&r->provider, text));
}

static int owner_check(const struct hnvc_record *held, enum hnvc_owner owner, struct err *e)
{
	char text[IP_TEXT_SIZE];
	if (held->owner == OWNER_DOCUMENT && owner != OWNER_DOCUMENT)
		return err_set(e, EEXIST, "customer-address",
			       "the document has the record of %s in virtual subnet %u; change it there",
			       ip_format(&held->pub.customer, text), held->pub.vsid);
	return 0;
}

/* New values in a record that is held. */
static int record_change(struct hnvc_record *held, const struct hnv_record *r, char *labels, enum hnvc_owner owner,
			 const struct hnvc_target *target)
{
	struct hnv_record before = held->pub;
	hnvc_own_remove(held);
	held->pub = *r;
	int rc = hnvc_record_lead(held, target);
	if (rc)
		held->pub = before;
	hnvc_own_add(held);
	if (rc)
		return rc;
	free(held->labels);
	held->labels = labels;
	hnvc_owned[held->owner]--;
	hnvc_owned[owner]++;
	held->owner = (uint8_t)owner;
	return 0;
}

static int record_add(struct hnvc_subnet *s, const struct hnv_record *r, char *labels, enum hnvc_owner owner,
		      const struct hnvc_target *target, struct hnvc_record **ret_held)
{
	struct hnvc_record *held = hnvc_held_alloc();
	if (!held)
		return -ENOMEM;
	held->pub = *r;
	held->subnet = s;
	held->owner = (uint8_t)owner;
	hnvc_record_enter(held);
	int rc = hnvc_record_lead(held, target);
	if (rc) {
		hnvc_record_leave(held);
		return rc;
	}
	held->labels = labels;
	*ret_held = held;
	return 0;
}

/* labels are taken over on success. */
static int record_put(struct hnvc_subnet *s, const struct hnv_record *r, char *labels, enum hnvc_owner owner,
		      struct err *e)
{
	const struct mac *mac = r->type == HNV_L2ONLY ? &r->mac : NULL;
	struct hnvc_record *held = hnvc_held_find(s, &r->customer, mac);
	struct hnvc_target target;
	if (held && owner_check(held, owner, e))
		return -EEXIST;
	bool was_api = held && held->owner == OWNER_API;
	int rc = rewrite_check(s, r, held, e);
	if (!rc)
		rc = hnvc_target_find(RUNS, s, r, &target, e);
	if (rc)
		return rc;
	rc = held ? record_change(held, r, labels, owner, &target) : record_add(s, r, labels, owner, &target, &held);
	if (rc) {
		hnvc_target_release(&target);
		return err_set(e, -rc, NULL, "out of memory");
	}
	if (owner == OWNER_API)
		hnvc_log_set(held);
	else if (was_api)
		hnvc_log_remove(held);
	return 0;
}

int hnvc_record_set(struct hnvc_network *net, const struct hnv_record *r, const char *labels, enum hnvc_owner owner,
		    struct err *e)
{
	struct hnvc_subnet *s = hnvc_subnet_find(net, r->vsid);
	char *copy = NULL;
	if (!s || !s->pub[RUNS])
		return err_set(e, ENOENT, "virtual-subnet-id",
			       "no routing domain of provider network `%s` has virtual subnet %u", net->name,
			       r->vsid);
	int rc = record_check(s, r, e);
	if (rc)
		return rc;
	size_t size = hnvc_labels_size(labels);
	if (labels && size) {
		copy = malloc(size);
		if (!copy)
			return err_set(e, ENOMEM, NULL, "out of memory");
		memcpy(copy, labels, size);
	}
	rc = record_put(s, r, copy, owner, e);
	if (rc)
		free(copy);
	return rc;
}

int hnvc_record_remove(struct hnvc_record *r, enum hnvc_owner owner, struct err *e)
{
	int rc = owner_check(r, owner, e);
	if (rc)
		return rc;
	if (r->owner == OWNER_API)
		hnvc_log_remove(r);
	hnvc_record_leave(r);
	return 0;
}

void hnvc_records_let_go(void)
{
	for (struct hnvc_subnet *s = hnvc_subnets(); s; s = s->next)
		while (s->records)
			hnvc_record_leave(s->records);
}

int hnvc_records_settle(struct err *e)
{
	hnvc_flush();
	int rc = hnvc_log_flush();
	return rc ? err_set(e, -rc, NULL, "it is in force, but cannot be kept on disk: %s", strerror(-rc)) : 0;
}

int hnv_record_set(const struct hnv_record *r, struct err *e)
{
	struct hnvc_network *net = hnvc_network_of(RUNS, r->network);
	if (!net)
		return err_set(e, ENOENT, "provider-network", "this host has no address in it");
	int rc = hnvc_record_set(net, r, NULL, OWNER_API, e);
	return rc ? rc : hnvc_records_settle(e);
}

struct hnvc_record *hnvc_record_find(uint8_t network, uint32_t vsid, const struct ip *customer)
{
	const struct hnvc_network *net = hnvc_network_of(RUNS, network);
	const struct hnvc_subnet *s = net ? hnvc_subnet_find(net, vsid) : NULL;
	return s ? hnvc_held_find(s, customer, NULL) : NULL;
}

int hnv_record_remove(uint8_t network, uint32_t vsid, const struct ip *customer)
{
	struct hnvc_record *r = hnvc_record_find(network, vsid, customer);
	int rc = r ? hnvc_record_remove(r, OWNER_API, NULL) : -ENOENT;
	return rc ? rc : hnvc_records_settle(NULL);
}

const struct hnv_record *hnv_record_find(uint8_t network, uint32_t vsid, const struct ip *customer)
{
	const struct hnvc_record *r = hnvc_record_find(network, vsid, customer);
	return r ? &r->pub : NULL;
}

enum hnv_origin hnv_record_origin(const struct hnv_record *r)
{
	return (enum hnv_origin)container_of(r, struct hnvc_record, pub)->owner;
}

int hnv_record_each(int (*fn)(const struct hnv_record *r, void *arg), void *arg)
{
	for (const struct hnvc_subnet *s = hnvc_subnets(); s; s = s->next) {
		for (struct hnvc_record *r = s->network->side[RUNS].there ? s->records : NULL, *after; r; r = after) {
			after = r->after; /* fn may remove it */
			int rc = fn(&r->pub, arg);
			if (rc)
				return rc;
		}
	}
	return 0;
}

static const struct ip *own_provider(const struct hnvc_network *net, uint8_t family)
{
	const struct hnvc_presence *p = &net->side[RUNS];
	for (size_t i = 0; i < p->n_own; i++)
		if (p->own[i].family == family)
			return &p->own[i];
	return p->n_own ? &p->own[0] : NULL;
}

static unsigned learned_of(const struct hnvc_local *l)
{
	unsigned n = 0;
	for (size_t i = 0; i < l->n_own; i++) {
		const struct hnvc_record *r = hnvc_held_find(l->subnet, &l->own[i], NULL);
		n += r && r->owner == OWNER_LEARNED;
	}
	return n;
}

static bool in_subnet(const struct hnv_subnet *s, const struct ip *address)
{
	bool in = false;
	for (unsigned i = 0; i < s->n_prefixes && !in; i++)
		in = ip_prefix_contains(&s->prefix[i], address);
	return in;
}

static int dynamic_check(const struct hnvc_local *l, const struct ip *address, struct err *e)
{
	char text[IP_TEXT_SIZE];
	const struct hnvc_record *held = hnvc_held_find(l->subnet, address, NULL);
	if (held)
		return err_set(e, EEXIST, NULL, "adapter %s claims %s, which is another's in virtual subnet %u",
			       l->name, ip_format(address, text), l->subnet->vsid);
	if (!in_subnet(l->subnet->pub[RUNS], address))
		return err_set(e, ERANGE, NULL, "adapter %s claims %s, which is not in virtual subnet %u", l->name,
			       ip_format(address, text), l->subnet->vsid);
	if (learned_of(l) >= l->port[RUNS]->dynamic_limit)
		return err_set(e, ENOSPC, NULL, "adapter %s claims %s, but has its dynamic-ip-address-limit of %u",
			       l->name, ip_format(address, text), l->port[RUNS]->dynamic_limit);
	return 0;
}

int hnv_dynamic_add(uint16_t adapter, const struct ip *address, struct err *e)
{
	struct hnvc_local *l = hnvc_local_by_id(adapter);
	if (!l)
		return err_set(e, ENOENT, NULL, "the adapter is gone");
	const struct hnvc_record *held = hnvc_held_find(l->subnet, address, NULL);
	if (held && mac_to_u64(&held->pub.mac) == mac_to_u64(&l->mac))
		return 0;
	int rc = dynamic_check(l, address, e);
	const struct ip *provider = own_provider(l->subnet->network, address->family);
	if (rc || !provider)
		return rc ? rc : err_set(e, ENOENT, NULL, "the host has no provider address");
	struct hnv_record r = {.network = l->subnet->network->pub.index,
			       .vsid = l->subnet->vsid,
			       .customer = *address,
			       .mac = l->mac,
			       .provider = *provider,
			       .type = HNV_DYNAMIC,
			       .encapsulation = hnv_encapsulation_list()};
	rc = hnvc_record_set(l->subnet->network, &r, NULL, OWNER_LEARNED, e);
	hnvc_flush();
	return rc;
}
