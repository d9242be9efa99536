/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's records, by its virtual subnet and MAC address: what a move from host to host asks and changes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "modules/hnv/control/away.h"
#include "modules/hnv/control/held.h"
#include "modules/hnv/control/locals.h"
#include "modules/hnv/control/networks.h"
#include "modules/hnv/control/records.h"

/* The next adapter from the i-th on that is a compartment of `adapter`, NAME:VSID. NULL: no more. */
static struct hnvc_local *next_compartment(const char *adapter, size_t *i)
{
	size_t len = strlen(adapter);
	while (*i < hnvc_locals[RUNS].n) {
		struct hnvc_local *l = hnvc_locals[RUNS].list[(*i)++];
		if (!strncmp(l->name, adapter, len) && l->name[len] == ':')
			return l;
	}
	return NULL;
}

int hnv_guest_find(const char *adapter, struct hnv_guest *ret_guest)
{
	size_t i = 0;
	const struct hnvc_local *one = hnvc_local_by_name(adapter), *l = one ? one : next_compartment(adapter, &i);
	if (!l)
		return -ENOENT;
	*ret_guest = (struct hnv_guest){.network = l->subnet->network->name,
					.vsid = l->subnet->vsid,
					.mac = l->mac,
					.adapter = one ? NULL : adapter};
	return 0;
}

static struct hnvc_subnet *subnet_of(const struct hnv_guest *g)
{
	const struct hnvc_network *net = hnvc_network_find(g->network);
	return net ? hnvc_subnet_find(net, g->vsid) : NULL;
}

bool hnv_guest_is_here(const struct hnv_guest *g)
{
	size_t i = 0;
	if (g->adapter)
		return next_compartment(g->adapter, &i);
	const struct hnvc_subnet *s = subnet_of(g);
	return s && hnvc_local_find(RUNS, s, &g->mac);
}

void hnv_guest_expect(const char *adapter)
{
	struct hnvc_local *l = hnvc_local_by_name(adapter);
	size_t i = 0;
	for (l = l ? l : next_compartment(adapter, &i); l; l = next_compartment(adapter, &i)) {
		l->was_here = false;
		hnvc_away_judge(l);
	}
	hnvc_away_save(hnvc_locals[RUNS].list, hnvc_locals[RUNS].n);
}

/* An adapter knows the addresses of its own records, so that a host's whole status need not look at a million;
 * l2only ones have no address. */
static int each_in(const struct hnvc_subnet *s, const struct hnv_guest *g,
		   int (*fn)(struct hnvc_record *r, void *arg), void *arg)
{
	const struct hnvc_local *l = s && !s->n_l2only ? hnvc_local_find(RUNS, s, &g->mac) : NULL;
	int rc = 0;
	for (size_t i = 0; l && i < l->n_own && !rc; i++) {
		struct hnvc_record *r = hnvc_held_find(s, &l->own[i], NULL);
		rc = r ? fn(r, arg) : 0;
	}
	for (struct hnvc_record *r = s && !l ? s->records : NULL; r && !rc; r = r->after)
		if (mac_to_u64(&r->pub.mac) == mac_to_u64(&g->mac))
			rc = fn(r, arg);
	return rc;
}

static int each(const struct hnv_guest *g, int (*fn)(struct hnvc_record *r, void *arg), void *arg)
{
	const struct hnvc_local *l;
	size_t i = 0;
	int rc = g->adapter ? 0 : each_in(subnet_of(g), g, fn, arg);
	while (!rc && g->adapter && (l = next_compartment(g->adapter, &i)))
		rc = each_in(l->subnet, g, fn, arg);
	return rc;
}

struct listener {
	int (*fn)(const struct hnv_guest_record *r, void *arg);
	void *arg;
};

static int tell(struct hnvc_record *r, void *arg)
{
	const struct listener *to = arg;
	struct hnv_guest_record told = {.record = &r->pub,
					.origin = (enum hnv_origin)r->owner,
					.here = hnvc_is_own(r->subnet->network, RUNS, &r->pub.provider)};
	return to->fn(&told, to->arg);
}

int hnv_guest_records(const struct hnv_guest *g, int (*fn)(const struct hnv_guest_record *r, void *arg), void *arg)
{
	return each(g, tell, &(struct listener){fn, arg});
}

/* Records that are to change. Collected first: setting one changes what the adapter's own addresses are. */
struct leading {
	const struct ip *provider;
	struct hnvc_record **list;
	size_t n;
};

static int collect(struct hnvc_record *r, void *arg)
{
	struct leading *to = arg;
	if (r->owner == OWNER_DOCUMENT || r->pub.rule == HNV_NAT || ip_equal(&r->pub.provider, to->provider))
		return 0;
	struct hnvc_record **more = realloc(to->list, (to->n + 1) * sizeof(struct hnvc_record *));
	if (!more)
		return -ENOMEM;
	to->list = more;
	to->list[to->n++] = r;
	return 0;
}

int hnv_guest_lead(const struct hnv_guest *g, const struct ip *provider, struct err *e)
{
	struct leading to = {.provider = provider};
	int rc = each(g, collect, &to);
	if (rc)
		err_set(e, -rc, NULL, "out of memory");
	for (size_t i = 0; i < to.n && !rc; i++) {
		const struct hnvc_record *held = to.list[i];
		struct hnv_record r = held->pub;
		r.provider = *provider;
		rc = hnvc_record_set(held->subnet->network, &r, held->labels, held->owner, e);
	}
	free(to.list);
	int kept = to.n ? hnvc_records_settle(rc ? NULL : e) : 0;
	return rc ? rc : kept ? kept : (int)to.n;
}
