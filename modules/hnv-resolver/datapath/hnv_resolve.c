/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/hnv-resolver/datapath/hnv_resolve.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/hash.h"
#include "core/runtime/punt.h"

DROP(hnv_resolver, unresolved, "unresolved",
     "the resolver knows no lookup record of the destination, or did not answer in time; after negative-expiry it is asked "
     "again")
DROP(hnv_resolver, resolve_limit, "resolve-limit",
     "the guest sends to addresses without a lookup record faster than the resolver is asked (200 a second)")
DROP(hnv_resolver, resolve_full, "resolve-full",
     "too many packets of the guest, its virtual subnet or the host wait for the resolver already; is it slow?")

#define MISSES_A_SECOND 200 /* for each port */
#define MISSES_BURST 100
#define HELD_EACH 64 /* of one guest; a few more may be on their way up */
#define HELD_SUBNET 256
#define HELD_ALL 1024

#define SUBNETS 4096u /* those that fall together share a share */
#define NONES 4096u /* addresses that are known to have no record; of two that fall together the later is known */

static void (*_Atomic handler)(uint16_t adapter, struct frame *f);
static atomic_int held_each[DP_ADAPTERS_MAX], held_subnet[SUBNETS], held_all;
static _Atomic uint64_t nones[NONES]; /* 0: free */
/* Odd, random: only their hash tells addresses apart, and no guest may choose one that passes for another tenant's. */
static uint64_t seed[2];

__attribute__((constructor)) static void seed_make(void)
{
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		abort();
	seed[0] |= 1;
	seed[1] |= 1;
}

static atomic_int *subnet_share(uint32_t vsid) { return &held_subnet[(uint32_t)(vsid * 0x9e3779b1u) >> 20]; }

static uint64_t none_key(uint8_t network, uint32_t vsid, const struct ip *address)
{
	uint64_t half[2];
	memcpy(half, address->byte, sizeof(half));
	uint64_t key = (uint64_t)network << 32 | vsid | (uint64_t)address->family << 40;
	key = hash_u64(key ^ half[0], seed[0]);
	key = hash_u64(key ^ half[1], seed[1]);
	return key ? key : 1;
}

static _Atomic uint64_t *none_at(uint64_t key) { return &nones[key & (NONES - 1)]; }

bool hnv_resolve_is_none(uint8_t network, uint32_t vsid, const struct ip *address)
{
	uint64_t key = none_key(network, vsid, address);
	return atomic_load_explicit(none_at(key), memory_order_relaxed) == key;
}

void hnv_resolve_none(uint8_t network, uint32_t vsid, const struct ip *address, bool known)
{
	uint64_t key = none_key(network, vsid, address);
	if (known)
		atomic_store(none_at(key), key);
	else
		atomic_compare_exchange_strong(none_at(key), &(uint64_t){key}, 0);
}

void hnv_resolve_held(uint16_t adapter, uint32_t vsid, int change)
{
	held_each[adapter] += change;
	*subnet_share(vsid) += change;
	held_all += change;
}

void hnv_resolve_set(void (*missed)(uint16_t adapter, struct frame *f)) { handler = missed; }

static void missed(uint16_t adapter, struct frame *f)
{
	void (*take)(uint16_t adapter, struct frame * f) = handler;
	if (take)
		take(adapter, f);
	else
		inject_resume(adapter, &f, 1); /* there is none any more, so it ends as without one */
}

PUNT(hnv_resolve, missed);

static bool is_full(const struct dp_adapter *a, uint32_t vsid)
{
	return atomic_load_explicit(&held_each[a->id], memory_order_relaxed) >= HELD_EACH ||
	       atomic_load_explicit(subnet_share(vsid), memory_order_relaxed) >= HELD_SUBNET ||
	       atomic_load_explicit(&held_all, memory_order_relaxed) >= HELD_ALL;
}

/* What a guest may have: nobody outside the subnet's prefixes has a record. */
static bool is_asked_about(const struct hnv_subnet *s, const struct ip *address)
{
	for (uint8_t i = 0; s && i < s->n_prefixes; i++)
		if (ip_prefix_contains(&s->prefix[i], address))
			return true;
	return false;
}

bool hnv_resolve(struct pipe *p, const struct dp_adapter *a, struct frame *f, uint32_t vsid, const struct ip *address)
{
	struct hnv_port *port = hnv_port_of(a);
	char text[IP_TEXT_SIZE];
	if (likely(!atomic_load_explicit(&handler, memory_order_relaxed)) ||
	    !is_asked_about(hnv_subnet_of(port->net, vsid), address))
		return false;
	if (hnv_resolve_is_none(port->net->index, vsid, address)) {
		PIPE_TRACE(p, a, "note", "a moment ago the resolver knew no record of %s in virtual subnet %u",
			   ip_format(address, text), vsid);
		pipe_drop(p, a, f, &drop_unresolved);
	} else if (!p->trace && is_full(a, vsid)) {
		pipe_drop(p, a, f, &drop_resolve_full);
	} else if (!p->trace && !hnv_limit_take(&port->misses, p->now_ms, MISSES_A_SECOND, MISSES_BURST)) {
		pipe_drop(p, a, f, &drop_resolve_limit);
	} else {
		PIPE_TRACE(p, a, "note",
			   "no record: the resolver is asked for %s in virtual subnet %u, and the packet is held",
			   ip_format(address, text), vsid);
		punt(p, a, f, &punt_hnv_resolve);
	}
	return true;
}
