/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a held record to what workers find: an adapter of this host, a peer, or nowhere; and with it the peers
 * that a subnet's broadcasts are copied to.
 */
#include "modules/hnv/control/inforce.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "core/runtime/rcu.h"
#include "modules/hnv/control/held.h"
#include "modules/hnv/control/locals.h"
#include "modules/hnv/control/networks.h"
#include "modules/hnv/control/nexts.h"
#include "modules/hnv/control/rewrites.h"
#include "modules/hnv/datapath/records.h"
#include "modules/hnv/packet.h"
#include "modules/provider/provider.h"

uint64_t hnvc_owned[OWNERS];

static struct hnvc_subnet *dirty;

static const struct ip group4 = {.family = AF_INET, .byte = {255, 255, 255, 255}};
static const struct ip group6 = {.family = AF_INET6, .byte = {0xff, 2, [15] = 1}};

static int peer_target(const struct hnvc_presence *p, const struct hnvc_subnet *s, const struct hnv_record *r,
		       struct hnvc_target *ret, struct err *e)
{
	const struct hnv_encapsulation *encapsulation = r->rule == HNV_NAT ? NULL : r->encapsulation;
	const struct ip *from = encapsulation ? hnvc_source(p, s->vsid, r->provider.family) : NULL;
	int next = hnv_peer_hold(p->index, &r->provider, encapsulation, r->use_vm_mac_address, from);
	if (next == -ENOSPC)
		return err_set(e, ENOSPC, "provider-address", "records lead to more than %d hosts and adapters",
			       HNV_NEXT_MAX - 2);
	if (next < 0)
		return err_set(e, -next, NULL, "out of memory");
	ret->next = (uint16_t)next;
	return 0;
}

/* A host's own provider address says so; of rule nat, whose address is the guest's alone, the guest itself. */
static bool is_here(const struct hnvc_subnet *s, int side, const struct hnv_record *r)
{
	return hnvc_is_own(s->network, side, &r->provider) ||
	       (r->rule == HNV_NAT && hnvc_local_find(side, s, &r->mac));
}

int hnvc_target_find(int side, const struct hnvc_subnet *s, const struct hnv_record *r, struct hnvc_target *ret,
		     struct err *e)
{
	const struct hnvc_presence *p = &s->network->side[side];
	struct hnvc_target t = {.next = HNV_NEXT_NOWHERE};
	bool group = hnv_is_group(&r->customer);
	int rc = 0;
	if (s->pub[side] && p->there) {
		bool addressed = !hnv_is_unspecified(&r->provider);
		t.shown = r->type != HNV_L2ONLY && addressed; /* a group's without one goes to each host */
		const struct hnvc_local *l = NULL;
		if (r->unusable || !addressed)
			; /* nowhere */
		else if (r->type != HNV_L2ONLY && !group && is_here(s, side, r))
			l = hnvc_local_find(side, s, &r->mac);
		else if (!hnvc_is_own(s->network, side, &r->provider))
			rc = peer_target(p, s, r, &t, e);
		if (l)
			t.next = l->next->index;
	}
	if (!rc)
		*ret = t;
	return rc;
}

void hnvc_target_release(const struct hnvc_target *t) { hnv_peer_release(t->next); }

static void subnet_dirty(struct hnvc_subnet *s)
{
	if (s->dirty)
		return;
	s->dirty = true;
	s->next_dirty = dirty;
	dirty = s;
}

/* Where `next` is, or belongs. */
static size_t replica_place(const struct hnvc_subnet *s, uint16_t next)
{
	size_t low = 0, high = s->n_replicas;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (s->replicas[middle].next < next)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int replica_count(struct hnvc_subnet *s, uint16_t next)
{
	size_t at = replica_place(s, next);
	if (at < s->n_replicas && s->replicas[at].next == next) {
		s->replicas[at].records++;
		return 0;
	}
	if (s->n_replicas == s->cap_replicas) {
		size_t cap = s->cap_replicas ? s->cap_replicas * 2 : 4;
		struct hnvc_replica *more = realloc(s->replicas, cap * sizeof(*more));
		if (!more)
			return -ENOMEM;
		s->replicas = more;
		s->cap_replicas = cap;
	}
	memmove(&s->replicas[at + 1], &s->replicas[at], (s->n_replicas - at) * sizeof(*s->replicas));
	s->replicas[at] = (struct hnvc_replica){next, 1};
	s->n_replicas++;
	subnet_dirty(s);
	return 0;
}

static void replica_uncount(struct hnvc_subnet *s, uint16_t next)
{
	size_t at = replica_place(s, next);
	if (at == s->n_replicas || s->replicas[at].next != next || --s->replicas[at].records)
		return;
	s->n_replicas--;
	memmove(&s->replicas[at], &s->replicas[at + 1], (s->n_replicas - at) * sizeof(*s->replicas));
	subnet_dirty(s);
}

/* Broadcasts of the whole subnet go where these two lead; other groups have records of their own to be found. */
static int group_kind(const struct ip *customer)
{
	return ip_equal(customer, &group4) ? 0 : ip_equal(customer, &group6) ? 1 : -1;
}

static bool is_tunnel(uint16_t next)
{
	const struct hnv_peer *peer = hnv_peer_of(next);
	return peer && peer->next.kind == HNV_TUNNEL;
}

static int show(struct hnvc_record *r, const struct hnvc_target *t)
{
	struct hnv_network *net = &r->subnet->network->pub;
	if (t->shown)
		return hnv_records_set(net, r->subnet->vsid, &r->pub.customer, &r->pub.mac, t->next);
	if (r->shown)
		hnv_records_remove(net, r->subnet->vsid, &r->pub.customer);
	return 0;
}

/* The subnet's broadcasts follow the record: the new place before the old one. */
int hnvc_record_lead_now(struct hnvc_record *r, const struct hnvc_target *t)
{
	struct hnvc_subnet *s = r->subnet;
	bool copies = !hnv_is_group(&r->pub.customer) && !hnv_is_group(&r->pub.provider),
	     is = copies && is_tunnel(t->next);
	int kind = group_kind(&r->pub.customer), rc = is ? replica_count(s, t->next) : 0;
	if (rc)
		return rc;
	rc = show(r, t);
	if (rc) {
		if (is)
			replica_uncount(s, t->next);
		return rc;
	}
	if (copies && is_tunnel(r->next))
		replica_uncount(s, r->next);
	if (kind >= 0) {
		s->group[kind] = is_tunnel(t->next) ? t->next : 0;
		subnet_dirty(s);
	}
	if (r->next != t->next)
		hnvc_own_led(r);
	hnv_peer_release(r->next);
	r->shown = t->shown;
	r->next = t->next;
	hnvc_rewrite_follow(r);
	return 0;
}

static void l2only_count(struct hnvc_record *r, int by)
{
	struct hnvc_subnet *s = r->subnet;
	if (r->pub.type != HNV_L2ONLY)
		return;
	s->n_l2only += (uint32_t)by;
	if (s->pub[RUNS])
		atomic_store(&s->pub[RUNS]->l2only, s->n_l2only > 0);
	if (s->replaced)
		atomic_store(&s->replaced->l2only, s->n_l2only > 0);
}

void hnvc_record_enter(struct hnvc_record *r)
{
	hnvc_own_add(r);
	r->next = HNV_NEXT_NOWHERE;
	r->shown = false;
	hnvc_held_link(r);
	l2only_count(r, 1);
	hnvc_owned[r->owner]++;
}

void hnvc_record_free(struct hnvc_record *r)
{
	hnvc_own_remove(r);
	l2only_count(r, -1);
	hnvc_owned[r->owner]--;
	hnvc_held_unlink(r);
	hnvc_held_free(r);
}

/* Does an earlier one lead to the same provider address, by another encapsulation? Then they share the path. */
static bool is_repeated(const struct hnvc_subnet *s, size_t i)
{
	const struct hnv_peer *peer = hnv_peer_of(s->replicas[i].next);
	for (size_t k = 0; peer && k < i; k++) {
		const struct hnv_peer *earlier = hnv_peer_of(s->replicas[k].next);
		if (earlier && earlier->path == peer->path)
			return true;
	}
	return false;
}

/* Each provider address once, or the one group for all of them. */
static struct hnv_replicas *replicas_make(const struct hnvc_subnet *s)
{
	uint16_t group = s->group[0] ? s->group[0] : s->group[1];
	struct hnv_replicas *shown = malloc(sizeof(*shown) + (s->n_replicas + 1) * sizeof(uint16_t));
	if (!shown)
		return NULL;
	shown->n = 0;
	if (group)
		shown->next[shown->n++] = group;
	for (size_t i = 0; !group && i < s->n_replicas; i++)
		if (!is_repeated(s, i))
			shown->next[shown->n++] = s->replicas[i].next;
	return shown;
}

static int publish(struct hnvc_subnet *s)
{
	if (!s->pub[RUNS])
		return 0;
	struct hnv_replicas *shown = replicas_make(s);
	if (!shown)
		return -ENOMEM;
	void *before = (void *)atomic_exchange_explicit(&s->pub[RUNS]->replicas, shown, memory_order_acq_rel);
	if (s->replaced)
		atomic_store_explicit(&s->replaced->replicas, shown, memory_order_release);
	if (before)
		rcu_defer(free, before);
	return 0;
}

void hnvc_flush(void)
{
	struct hnvc_subnet *list = dirty;
	dirty = NULL;
	hnvc_own_flush();
	provider_address_flush();
	while (list) {
		struct hnvc_subnet *s = list;
		list = s->next_dirty;
		s->dirty = false;
		if (publish(s)) {
			log_error("host", "out of memory: broadcasts in virtual subnet %u do not reach all", s->vsid);
			subnet_dirty(s);
			continue;
		}
		hnvc_inner_mtu_update(s->network);
		hnvc_subnet_drop(s);
	}
}
