/* SPDX-License-Identifier: Apache-2.0 */
/* This host's adapters in virtual subnets: who is in which, and which addresses each may send from. */
#include "modules/hnv/control/locals.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "core/control/module.h"
#include "core/runtime/dataplane.h"
#include "core/runtime/rcu.h"
#include "modules/hnv/control/away.h"
#include "modules/hnv/control/gone.h"
#include "modules/hnv/control/networks.h"
#include "modules/hnv/control/nexts.h"
#include "modules/hnv/packet.h"
#include "modules/provider/provider.h"
#include "modules/vswitch/vswitch.h"

struct hnvc_locals hnvc_locals[SIDES];

static struct hnvc_local *dirty;

static int compare(const struct hnvc_subnet *s, uint64_t mac, const struct hnvc_local *l)
{
	uint64_t other = mac_to_u64(&l->mac);
	if (s != l->subnet)
		return (uintptr_t)s < (uintptr_t)l->subnet ? -1 : 1;
	return mac < other ? -1 : mac > other;
}

static int local_compare(const void *x, const void *y)
{
	const struct hnvc_local *a = *(struct hnvc_local *const *)x, *b = *(struct hnvc_local *const *)y;
	return compare(a->subnet, mac_to_u64(&a->mac), b);
}

struct hnvc_local *hnvc_local_find(int side, const struct hnvc_subnet *s, const struct mac *mac)
{
	const struct hnvc_locals *l = &hnvc_locals[side];
	uint64_t wanted = mac_to_u64(mac);
	size_t low = 0, high = l->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = compare(s, wanted, l->list[middle]);
		if (c == 0)
			return l->list[middle];
		if (c < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

struct hnvc_local *hnvc_local_by_id(uint16_t adapter)
{
	for (size_t i = 0; i < hnvc_locals[RUNS].n; i++)
		if (hnvc_locals[RUNS].list[i]->id == adapter)
			return hnvc_locals[RUNS].list[i];
	return NULL;
}

struct hnvc_local *hnvc_local_by_name(const char *name)
{
	for (size_t i = 0; i < hnvc_locals[RUNS].n; i++)
		if (!strcmp(hnvc_locals[RUNS].list[i]->name, name))
			return hnvc_locals[RUNS].list[i];
	return NULL;
}

/* Where in the document it stands; n_adapters: nowhere. A compartment's is the adapter whose port it has. */
static size_t document_index(const struct api_document *doc, const struct dp_adapter *a)
{
	size_t i = 0, len = a->is_compartment ? strcspn(a->name, ":") : strlen(a->name);
	while (i < doc->n_adapters &&
	       (strlen(doc->adapters[i].name) != len || memcmp(doc->adapters[i].name, a->name, len) != 0))
		i++;
	return i;
}

static int subnet_of(const struct txn *t, const struct dp_adapter *a, struct hnvc_subnet **ret_subnet, struct err *e)
{
	int index = provider_network_of(a->sw->name);
	struct hnvc_network *net = index < 0 ? NULL : hnvc_network_of(COMES, (uint8_t)index);
	struct hnvc_subnet *s = net ? hnvc_subnet_find(net, a->vsid) : NULL;
	char path[64];
	snprintf(path, sizeof(path), "adapters[%zu].%s", document_index(t->next, a),
		 a->is_compartment ? "routing-domain-mappings" : "virtual-subnet-id");
	if (!net)
		return err_set(e, EINVAL, path,
			       "switch %s carries no provider network; give the host an address on it under "
			       "provider-addresses",
			       a->sw->name);
	if (!s || !s->pub[COMES])
		return err_set(e, EINVAL, path, "no routing domain of provider network `%s` has virtual subnet %u",
			       net->name, a->vsid);
	*ret_subnet = s;
	return 0;
}

static void local_free(struct hnvc_local *l)
{
	if (l->port[COMES] != l->port[RUNS])
		free(l->port[COMES]);
	free(l->port[RUNS]);
	hnv_local_free(l->next);
	free(l->own);
	free(l);
}

static struct hnvc_local *local_create(const struct dp_adapter *a, struct hnvc_subnet *s)
{
	struct hnvc_local *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	snprintf(l->name, sizeof(l->name), "%s", a->name);
	l->id = a->id;
	l->mac = a->mac;
	l->subnet = s;
	l->fresh = true;
	l->was_here = hnvc_away_was(l);
	l->next = hnv_local_create(a->id);
	if (l->next)
		return l;
	free(l);
	return NULL;
}

/* The one that runs, if it is the same adapter in the same place. */
static struct hnvc_local *local_running(const struct dp_adapter *a, const struct hnvc_subnet *s)
{
	struct hnvc_local *l = hnvc_local_find(RUNS, s, &a->mac);
	return l && l->id == a->id ? l : NULL;
}

static int port_prepare(struct hnvc_local *l, uint32_t dynamic_limit)
{
	struct hnv_port *runs = l->port[RUNS];
	const struct hnv_subnet *subnet = l->subnet->pub[COMES];
	if (runs && runs->subnet == subnet && runs->dynamic_limit == dynamic_limit) {
		l->port[COMES] = runs;
		return 0;
	}
	struct hnv_port *port = calloc(1, sizeof(*port));
	if (!port)
		return -ENOMEM;
	port->net = &l->subnet->network->pub;
	port->subnet = subnet;
	port->dynamic_limit = dynamic_limit;
	l->port[COMES] = port;
	return 0;
}

static int local_add(const struct txn *t, struct dp_adapter *a, struct err *e)
{
	struct hnvc_locals *to = &hnvc_locals[COMES];
	struct hnvc_subnet *s = NULL;
	int rc = subnet_of(t, a, &s, e);
	if (rc || !s)
		return rc;
	size_t at = document_index(t->next, a);
	struct hnvc_local **more = realloc(to->list, (to->n + 1) * sizeof(struct hnvc_local *)), *l;
	if (!more)
		return err_set(e, ENOMEM, NULL, "out of memory");
	to->list = more;
	l = local_running(a, s);
	if (l)
		l->kept = true;
	else
		l = local_create(a, s);
	if (!l)
		return err_set(e, ENOMEM, NULL, "out of memory");
	more[to->n++] = l;
	s->rescan |= l->fresh;
	if (port_prepare(l, at < t->next->n_adapters ? t->next->adapters[at].dynamic_ip_address_limit : 0))
		return err_set(e, ENOMEM, NULL, "out of memory");
	a->module_data[hnv_slot] = l->port[COMES];
	return 0;
}

int hnvc_locals_prepare(struct txn *t, struct err *e)
{
	int rc = 0;
	for (uint16_t i = 0; i < t->dp->n_adapters && !rc; i++)
		if (t->dp->adapters[i] && t->dp->adapters[i]->vsid)
			rc = local_add(t, t->dp->adapters[i], e);
	struct hnvc_locals *to = &hnvc_locals[COMES];
	if (to->n)
		qsort(to->list, to->n, sizeof(*to->list), local_compare);
	for (size_t i = 1; i < to->n && !rc; i++)
		if (local_compare(&to->list[i - 1], &to->list[i]) == 0)
			rc = err_set(e, EINVAL, NULL, "adapters %s and %s have one MAC address in virtual subnet %u",
				     to->list[i - 1]->name, to->list[i]->name, to->list[i]->subnet->vsid);
	for (size_t i = 0; i < hnvc_locals[RUNS].n; i++)
		hnvc_locals[RUNS].list[i]->subnet->rescan |= !hnvc_locals[RUNS].list[i]->kept;
	return rc;
}

void hnvc_locals_abort(void)
{
	struct hnvc_locals *l = &hnvc_locals[COMES];
	for (size_t i = 0; i < l->n; i++) {
		struct hnvc_local *local = l->list[i];
		if (local->fresh) {
			local_free(local);
			continue;
		}
		if (local->port[COMES] != local->port[RUNS])
			free(local->port[COMES]);
		local->port[COMES] = NULL;
		local->kept = false;
	}
	free(l->list);
	*l = (struct hnvc_locals){0};
}

static int own_append(struct hnvc_local *l, const struct ip *address)
{
	if (l->n_own == l->cap_own) {
		size_t cap = l->cap_own ? l->cap_own * 2 : 4;
		struct ip *more = realloc(l->own, cap * sizeof(*more));
		if (!more)
			return -ENOMEM;
		l->own = more;
		l->cap_own = cap;
	}
	l->own[l->n_own++] = *address;
	return 0;
}

static void local_dirty(struct hnvc_local *l)
{
	if (l->dirty)
		return;
	l->dirty = true;
	l->next_dirty = dirty;
	dirty = l;
}

/* A group address is nobody's own, and an l2only record names no address. */
static struct hnvc_local *owner_of(const struct hnvc_record *r)
{
	if (r->pub.type == HNV_L2ONLY || hnv_is_group(&r->pub.customer))
		return NULL;
	return hnvc_local_find(RUNS, r->subnet, &r->pub.mac);
}

void hnvc_own_add(const struct hnvc_record *r)
{
	struct hnvc_local *l = owner_of(r);
	if (!l)
		return;
	if (own_append(l, &r->pub.customer))
		log_error(l->name, "out of memory: it may not send from all of its addresses");
	local_dirty(l);
}

void hnvc_own_remove(const struct hnvc_record *r)
{
	struct hnvc_local *l = owner_of(r);
	size_t i = 0;
	while (l && i < l->n_own && !ip_equal(&l->own[i], &r->pub.customer))
		i++;
	if (!l || i == l->n_own)
		return;
	l->own[i] = l->own[--l->n_own];
	local_dirty(l);
}

void hnvc_own_led(const struct hnvc_record *r)
{
	struct hnvc_local *l = owner_of(r);
	if (l)
		local_dirty(l);
}

/* Both ports while there are two: the old snapshot may still be at work. */
static int own_publish(struct hnvc_local *l)
{
	size_t n = l->n_own < UINT16_MAX ? l->n_own : UINT16_MAX;
	struct hnv_addresses *own = malloc(sizeof(*own) + n * sizeof(struct ip));
	if (!own)
		return -ENOMEM;
	own->n = (uint16_t)n;
	if (n)
		memcpy(own->address, l->own, n * sizeof(struct ip));
	void *before = (void *)atomic_exchange_explicit(&l->port[RUNS]->own, own, memory_order_acq_rel);
	if (l->replaced)
		atomic_store_explicit(&l->replaced->own, own, memory_order_release);
	if (before)
		rcu_defer(free, before);
	hnvc_away_judge(l);
	return 0;
}

void hnvc_own_flush(void)
{
	struct hnvc_local *list = dirty;
	dirty = NULL;
	while (list) {
		struct hnvc_local *l = list;
		list = l->next_dirty;
		l->dirty = false;
		if (!own_publish(l))
			continue;
		log_error(l->name, "out of memory: what it may send from is not up to date; it is tried again");
		local_dirty(l);
		break;
	}
	hnvc_away_save(hnvc_locals[RUNS].list, hnvc_locals[RUNS].n);
}

/* What its records say, all of which are held already. */
static void own_collect(struct hnvc_local *l)
{
	l->n_own = 0;
	for (struct hnvc_record *r = l->subnet->records; r; r = r->after)
		if (owner_of(r) == l)
			hnvc_own_add(r);
	local_dirty(l);
}

/* The adapters of a subnet in the list from `at` on; those that are fresh only in the end. */
static size_t locals_publish(size_t at, bool fresh_too)
{
	const struct hnvc_locals *all = &hnvc_locals[RUNS];
	struct hnvc_subnet *s = all->list[at]->subnet;
	size_t end = at;
	while (end < all->n && all->list[end]->subnet == s)
		end++;
	struct hnv_locals *shown = malloc(sizeof(*shown) + (end - at) * sizeof(uint16_t));
	if (shown) {
		shown->n = 0;
		for (size_t i = at; i < end; i++)
			if (fresh_too || !all->list[i]->fresh)
				shown->adapter[shown->n++] = all->list[i]->id;
	} else {
		log_error("host", "out of memory: broadcasts in virtual subnet %u reach no local adapter", s->vsid);
	}
	s->n_locals = (uint32_t)(end - at);
	void *before = (void *)atomic_exchange_explicit(&s->pub[RUNS]->locals, shown, memory_order_acq_rel);
	if (s->replaced)
		atomic_store_explicit(&s->replaced->locals, shown, memory_order_release);
	if (before)
		rcu_defer(free, before);
	return end;
}

static void lists_publish(bool fresh_too)
{
	for (size_t at = 0; at < hnvc_locals[RUNS].n;)
		at = locals_publish(at, fresh_too);
}

/* Nobody is in them any more. */
static void empty_lists_publish(void)
{
	for (struct hnvc_subnet *s = hnvc_subnets(); s; s = s->next) {
		if (s->n_locals || !s->pub[RUNS])
			continue;
		void *before = (void *)atomic_exchange_explicit(&s->pub[RUNS]->locals, NULL, memory_order_acq_rel);
		if (s->replaced)
			atomic_store_explicit(&s->replaced->locals, NULL, memory_order_release);
		if (before)
			rcu_defer(free, before);
	}
}

static struct hnvc_locals leaving; /* what ran before, until retire */

/* Before the lists are without them. */
static void gone_publish(void)
{
	size_t gone = 0;
	for (size_t i = 0; i < leaving.n; i++) {
		if (leaving.list[i]->kept)
			continue;
		hnvc_gone_add(leaving.list[i]);
		gone++;
	}
	if (gone)
		hnvc_gone_publish();
}

/* After the subnets' commit. The lists of those that stay are shown now, fresh ones with the new snapshot. */
void hnvc_locals_commit(void)
{
	leaving = hnvc_locals[RUNS];
	gone_publish();
	hnvc_locals[RUNS] = hnvc_locals[COMES];
	hnvc_locals[COMES] = (struct hnvc_locals){0};
	for (struct hnvc_subnet *s = hnvc_subnets(); s; s = s->next)
		s->n_locals = 0;
	for (size_t i = 0; i < hnvc_locals[RUNS].n; i++) {
		struct hnvc_local *l = hnvc_locals[RUNS].list[i];
		if (l->port[RUNS] != l->port[COMES]) {
			l->replaced = l->port[RUNS];
			if (l->replaced) {
				atomic_store(&l->port[COMES]->own, atomic_load(&l->replaced->own));
				atomic_store(&l->port[COMES]->away, atomic_load(&l->replaced->away));
			}
		}
		l->port[RUNS] = l->port[COMES];
		l->port[COMES] = NULL;
		if (l->fresh)
			hnv_local_show(l->next);
		if (l->fresh)
			own_collect(l);
	}
	lists_publish(false);
	empty_lists_publish();
}

static void leave(struct hnvc_local *l)
{
	struct hnvc_local **at = &dirty;
	while (*at && *at != l)
		at = &(*at)->next_dirty;
	if (*at)
		*at = l->next_dirty;
	hnvc_away_leaves(l);
	rcu_defer(free, (void *)atomic_load(&l->port[RUNS]->own));
	rcu_defer(free, l->port[RUNS]);
	l->port[RUNS] = l->port[COMES] = NULL;
	local_free(l);
}

void hnvc_locals_retire(void)
{
	lists_publish(true);
	for (size_t i = 0; i < hnvc_locals[RUNS].n; i++) {
		struct hnvc_local *l = hnvc_locals[RUNS].list[i];
		if (l->replaced)
			rcu_defer(free, l->replaced);
		l->replaced = NULL;
	}
	for (size_t i = 0; i < leaving.n; i++)
		if (!leaving.list[i]->kept)
			leave(leaving.list[i]);
	for (size_t i = 0; i < hnvc_locals[RUNS].n; i++)
		hnvc_locals[RUNS].list[i]->fresh = hnvc_locals[RUNS].list[i]->kept = false;
	free(leaving.list);
	leaving = (struct hnvc_locals){0};
	hnvc_away_save(hnvc_locals[RUNS].list, hnvc_locals[RUNS].n);
}
