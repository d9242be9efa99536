/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of rule nat, as workers find them by either address; and the provider addresses of this host's guests, which
 * the provider's side answers for as long as their records are in force.
 */
#include "modules/hnv/control/rewrites.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "core/runtime/rcu.h"
#include "modules/hnv/control/held.h"
#include "modules/hnv/control/networks.h"
#include "modules/hnv/datapath/records.h"
#include "modules/hnv/packet.h"
#include "modules/provider/provider.h"

struct rewrite {
	struct hnv_rewrite pub; /* first: what the map has */
	uint8_t network; /* index, where its provider address is answered for */
};

static const struct mac hosts_own; /* zero: of the host's provider address beside it */

static struct rewrite *find(const struct hnvc_network *net, uint32_t vsid, const struct ip *address)
{
	return (struct rewrite *)(uintptr_t)hnv_map_find(&net->pub.rewrites, vsid, address);
}

int hnvc_rewrite_own_check(int side, const struct hnvc_subnet *s, const struct hnv_record *r, struct err *e)
{
	char text[IP_TEXT_SIZE];
	if (r->rule != HNV_NAT || !hnvc_is_own(s->network, side, &r->provider))
		return 0;
	return err_set(e, EINVAL, "provider-address",
		       "%s is this host's own; nat needs a provider address that is the guest's alone",
		       ip_format(&r->provider, text));
}

int hnvc_rewrite_check(const struct hnvc_subnet *s, const struct hnv_record *r, struct err *e)
{
	const struct hnvc_network *net = s->network;
	char text[IP_TEXT_SIZE];
	const struct rewrite *holder = hnv_is_unspecified(&r->provider) ? NULL : find(net, 0, &r->provider);
	if (holder && (holder->pub.vsid != r->vsid || !ip_equal(&holder->pub.customer, &r->customer)))
		return err_set(e, EEXIST, "provider-address",
			       "%s is another record's; nat needs one provider address for each customer address",
			       ip_format(&r->provider, text));
	return hnvc_rewrite_own_check(RUNS, s, r, e);
}

/* What the record makes of itself at the moment; NULL: nothing (*ret_rc 0), or -ENOMEM. */
static struct rewrite *rewrite_of(const struct hnvc_record *r, int *ret_rc)
{
	const struct hnv_next *next = atomic_load_explicit(&hnv_nexts[r->next], memory_order_relaxed);
	bool local = next && next->kind == HNV_LOCAL;
	*ret_rc = 0;
	if (r->pub.rule != HNV_NAT || !r->shown || !(local || (next && next->kind == HNV_REWRITE)))
		return NULL;
	struct rewrite *w = calloc(1, sizeof(*w));
	if (!w) {
		*ret_rc = -ENOMEM;
		return NULL;
	}
	w->pub = (struct hnv_rewrite){.vsid = r->subnet->vsid,
				      .customer = r->pub.customer,
				      .provider = r->pub.provider,
				      .mac = r->pub.mac,
				      .use_vm_mac_address = r->pub.use_vm_mac_address,
				      .local = local};
	w->network = r->subnet->network->pub.index;
	return w;
}

static bool same(const struct rewrite *a, const struct rewrite *b)
{
	return a && b && ip_equal(&a->pub.provider, &b->pub.provider) &&
	       mac_to_u64(&a->pub.mac) == mac_to_u64(&b->pub.mac) && a->pub.local == b->pub.local &&
	       a->pub.use_vm_mac_address == b->pub.use_vm_mac_address && a->network == b->network;
}

/* Workers find it by both addresses, and frames for a guest of this host are taken. */
static int show(struct hnvc_network *net, const struct rewrite *w)
{
	struct hnv_map *map = &net->pub.rewrites;
	int rc = hnv_map_set(map, 0, &w->pub.provider, (uintptr_t)w);
	if (rc)
		return rc;
	rc = hnv_map_set(map, w->pub.vsid, &w->pub.customer, (uintptr_t)w);
	if (!rc && w->pub.local)
		rc = provider_address_lend(w->network, &w->pub.provider,
					   w->pub.use_vm_mac_address ? &w->pub.mac : &hosts_own);
	if (!rc)
		return 0;
	hnv_map_remove(map, 0, &w->pub.provider);
	hnv_map_remove(map, w->pub.vsid, &w->pub.customer);
	return rc;
}

/* `after` (NULL: none) is shown in its place. Two records of one document may have changed places. */
static void hide(struct hnvc_network *net, struct rewrite *before, const struct rewrite *after)
{
	struct hnv_map *map = &net->pub.rewrites;
	if (find(net, 0, &before->pub.provider) == before)
		hnv_map_remove(map, 0, &before->pub.provider);
	if (!after)
		hnv_map_remove(map, before->pub.vsid, &before->pub.customer);
	if (before->pub.local)
		provider_address_return(before->network, &before->pub.provider);
	rcu_defer(free, before);
}

void hnvc_rewrite_follow(const struct hnvc_record *r)
{
	struct hnvc_network *net = r->subnet->network;
	bool any = atomic_load_explicit(&net->pub.n_rewrites, memory_order_relaxed);
	if (r->pub.type == HNV_L2ONLY || (r->pub.rule != HNV_NAT && !any))
		return;
	int rc;
	char text[HNVC_RECORD_TEXT];
	struct rewrite *before = find(net, r->subnet->vsid, &r->pub.customer), *after = rewrite_of(r, &rc);
	if (same(before, after)) {
		free(after);
		return;
	}
	if (after)
		rc = show(net, after);
	if (rc) {
		log_error(hnvc_record_text(r->subnet->vsid, &r->pub.customer, text),
			  "out of memory: its packets are not rewritten");
		free(after);
		after = NULL;
	}
	if (before)
		hide(net, before, after);
	/* The map has it, as a number. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	atomic_fetch_add(&net->pub.n_rewrites, (uint32_t)(!!after - !!before));
}
