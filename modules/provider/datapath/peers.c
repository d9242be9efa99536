/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains in a table that doubles. An entry has two links, so that it can stand in the old table and in the new one
 * while readers change over; the next doubling waits until the old table is gone.
 */
#include "modules/provider/datapath/peers.h"

#include <stdlib.h>
#include <string.h>

#include "core/runtime/rcu.h"

#define BUCKETS_MIN 64u

struct table {
	struct peers *of;
	uint32_t mask;
	uint8_t link; /* which `next` its chains go by */
	struct peer *_Atomic bucket[];
};

struct peers {
	struct table *_Atomic table;
	uint32_t n;
	bool moving; /* a reader may still be in the table before */
};

uint32_t peers_hash(const struct ip *ip)
{
	uint64_t a, b;
	memcpy(&a, ip->byte, 8);
	memcpy(&b, ip->byte + 8, 8);
	a = (a ^ ip->family) * 0x9e3779b97f4a7c15ULL;
	b = (b ^ a >> 29) * 0xbf58476d1ce4e5b9ULL;
	return (uint32_t)((a ^ b) >> 32);
}

static struct table *table_create(struct peers *p, uint32_t buckets, uint8_t link)
{
	struct table *t = calloc(1, sizeof(*t) + buckets * sizeof(t->bucket[0]));
	if (!t)
		return NULL;
	t->of = p;
	t->mask = buckets - 1;
	t->link = link;
	return t;
}

struct peers *peers_create(void)
{
	struct peers *p = calloc(1, sizeof(*p));
	struct table *t = p ? table_create(p, BUCKETS_MIN, 0) : NULL;
	if (!t) {
		free(p);
		return NULL;
	}
	atomic_store(&p->table, t);
	return p;
}

void peers_free(struct peers *p)
{
	if (!p)
		return;
	rcu_drain(); /* a table on its way out knows us */
	struct table *t = atomic_load(&p->table);
	for (uint32_t i = 0; i <= t->mask; i++) {
		struct peer *at = atomic_load(&t->bucket[i]);
		while (at) {
			struct peer *next = atomic_load(&at->next[t->link]);
			free(at);
			at = next;
		}
	}
	free(t);
	free(p);
}

struct peer *peers_find(const struct peers *p, const struct ip *ip)
{
	const struct table *t = atomic_load_explicit(&p->table, memory_order_acquire);
	struct peer *at = atomic_load_explicit(&t->bucket[peers_hash(ip) & t->mask], memory_order_acquire);
	while (at && !ip_equal(&at->ip, ip))
		at = atomic_load_explicit(&at->next[t->link], memory_order_acquire);
	return at;
}

static void link_in(struct table *t, struct peer *peer)
{
	struct peer *_Atomic *bucket = &t->bucket[peers_hash(&peer->ip) & t->mask];
	atomic_store_explicit(&peer->next[t->link], atomic_load(bucket), memory_order_relaxed);
	atomic_store_explicit(bucket, peer, memory_order_release);
}

static void table_gone(void *arg)
{
	struct table *t = arg;
	t->of->moving = false;
	free(t);
}

/* No memory: longer chains, that is all. */
static void grow(struct peers *p)
{
	struct table *old = atomic_load(&p->table), *t = table_create(p, (old->mask + 1) * 2, !old->link);
	if (!t)
		return;
	for (uint32_t i = 0; i <= old->mask; i++)
		for (struct peer *at = atomic_load(&old->bucket[i]); at; at = atomic_load(&at->next[old->link]))
			link_in(t, at);
	atomic_store_explicit(&p->table, t, memory_order_release);
	p->moving = true;
	rcu_defer(table_gone, old);
}

struct peer *peers_get(struct peers *p, const struct ip *ip)
{
	struct peer *peer = peers_find(p, ip);
	if (peer)
		return peer;
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return NULL;
	peer->ip = *ip;
	if (p->n > atomic_load(&p->table)->mask && !p->moving)
		grow(p);
	link_in(atomic_load(&p->table), peer);
	p->n++;
	return peer;
}

void peers_put(struct peers *p, struct peer *peer)
{
	atomic_store_explicit(&peer->has_path, peer->path != NULL, memory_order_relaxed);
	atomic_store_explicit(&peer->is_neighbour, peer->neighbour != NULL, memory_order_relaxed);
	if (peer->path || peer->neighbour)
		return;
	struct table *t = atomic_load(&p->table);
	struct peer *_Atomic *at = &t->bucket[peers_hash(&peer->ip) & t->mask];
	while (atomic_load(at) != peer)
		at = &atomic_load(at)->next[t->link];
	atomic_store_explicit(at, atomic_load(&peer->next[t->link]), memory_order_release);
	p->n--;
	rcu_defer(free, peer);
}
