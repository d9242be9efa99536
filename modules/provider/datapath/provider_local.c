/* SPDX-License-Identifier: Apache-2.0 */
/* Is this ours? The host's own provider addresses and their stations, as workers look them up. */
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "modules/provider/datapath/provider_data.h"

struct provider_locals *provider_locals_make(const struct provider_local *list, uint32_t n)
{
	uint32_t slots = rte_align32pow2(n * 2 + 2);
	struct provider_locals *t =
		calloc(1, sizeof(*t) + slots * sizeof(struct provider_local) + slots * sizeof(uint64_t));
	if (!t)
		return NULL;
	t->mask = slots - 1;
	t->station = (uint64_t *)(void *)&t->local[slots];
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = peers_hash(&list[i].ip) & t->mask;
		while (t->local[at].ip.family)
			at = (at + 1) & t->mask;
		t->local[at] = list[i];
		t->n_groups += list[i].group;
		uint64_t station = provider_station(list[i].mac.byte, list[i].vlan);
		*provider_station_slot(t, station) = station;
	}
	return t;
}

void provider_locals_free(void *locals) { free(locals); }

const struct provider_local *provider_locals_find(const struct provider_locals *t, const struct ip *address)
{
	uint32_t at = peers_hash(address) & t->mask;
	while (t->local[at].ip.family) {
		if (ip_equal(&t->local[at].ip, address))
			return &t->local[at];
		at = (at + 1) & t->mask;
	}
	return NULL;
}

bool provider_is_local(const struct dp_switch *sw, const struct ip *address)
{
	const struct provider_switch *s = provider_switch_of(sw);
	const struct provider_local *l = s ? provider_locals_find(provider_locals_of(s), address) : NULL;
	return l && !l->lent;
}

bool provider_frame_is_ours(const struct dp_switch *sw, struct frame *f)
{
	const struct provider_switch *s = provider_switch_of(sw);
	int vlan = provider_vlan_of(f);
	return s && vlan >= 0 && provider_locals_station(provider_locals_of(s), frame_data(f), (uint16_t)vlan);
}

bool provider_is_peer(const struct dp_switch *sw, const struct ip *address)
{
	const struct provider_switch *s = provider_switch_of(sw);
	const struct peer *peer = s ? peers_find(s->peers, address) : NULL;
	return peer && atomic_load_explicit(&peer->has_path, memory_order_relaxed);
}

/* Without a lock: a worker that loses to another tries again with what that one left. */
bool provider_bucket_take(struct provider_bucket *b, uint64_t now_ms)
{
	uint64_t state = atomic_load_explicit(&b->state, memory_order_relaxed), next;
	do {
		uint64_t at = state >> 16, left = state & UINT16_MAX;
		if (now_ms > at) {
			left = RTE_MIN(left + (now_ms - at) * 2, (uint64_t)PROVIDER_BURST);
			at = now_ms;
		}
		if (!left)
			return false;
		next = at << 16 | (left - 1);
	} while (!atomic_compare_exchange_weak_explicit(&b->state, &state, next, memory_order_relaxed,
							memory_order_relaxed));
	return true;
}
