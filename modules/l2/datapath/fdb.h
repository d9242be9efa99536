/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forwarding table of one switch: (VLAN, MAC) -> adapter. Shared by all workers without a lock: a slot is
 * claimed by compare-and-swap on its key, filled, and shown by storing the key.
 *
 * Buckets of five slots fill one cache line; a key lives in one of two buckets, chosen by a seeded
 * hash that a guest cannot foresee. The number of learned addresses is bounded for each adapter, and
 * a full bucket is cleared at the cost of the adapter that has most of it, so a flooder evicts itself.
 *
 * The buckets are as many as the addresses in use ask for, not as many as could come: random look-ups in few
 * lines stay in the cache. The control thread resizes beside working workers, who learn nothing for the moment
 * that the entries take to be copied.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE4_1__
#include <smmintrin.h>
#endif

#include "base/hash.h"
#include "base/mac.h"
#include "core/runtime/frame.h"

#define FDB_BUCKET_SLOTS 5
#define FDB_AGE_S_DEFAULT 300 /* IEEE 802.1D's */
#define FDB_NONE UINT16_MAX

/* A value: seconds last seen (their lower 16 bits) << 16 | FDB_STATIC | adapter. */
#define FDB_STATIC (1u << 15) /* the adapter's own address: neither aged nor moved nor evicted */
#define FDB_ADAPTER (FDB_STATIC - 1)

struct fdb_bucket {
	_Atomic uint64_t key[FDB_BUCKET_SLOTS]; /* 0: free, 1: being changed, else MAC bytes << 16 | 0x8000 | VLAN */
	_Atomic uint32_t value[FDB_BUCKET_SLOTS];
} __attribute__((aligned(64)));

/* Where an entry is. */
struct fdb_slot {
	_Atomic uint64_t *key; /* NULL: nowhere */
	_Atomic uint32_t *value;
};

struct fdb_buckets {
	uint64_t mask; /* buckets - 1 */
	struct fdb_bucket *bucket;
	size_t bytes; /* of them */
};

struct fdb {
	uint64_t multiplier; /* odd, random */
	struct fdb_buckets *_Atomic buckets;
	_Atomic bool frozen; /* being copied: nothing is learned */
	_Atomic bool crowded; /* an fdb_resize is asked for */
	int crowded_fd; /* an eventfd told of it, or -1 */
	_Atomic uint64_t buckets_max;
	_Atomic uint64_t used; /* slots */
	uint32_t *limit; /* by adapter id: learned addresses at most */
	_Atomic uint32_t *learned; /* by adapter id */
	_Atomic uint64_t refused; /* not learned because of a limit */
	_Atomic uint64_t evicted, moved;
};

struct fdb_entry {
	struct mac mac;
	uint16_t vlan, adapter;
	bool is_static;
	int16_t age_s;
};

/* For up to about `addresses` entries. Writes to crowded_fd (-1: nowhere) when it wants an fdb_resize. NULL: no memory. */
struct fdb *fdb_create(uint64_t addresses, uint64_t seed, int crowded_fd);
void fdb_free(struct fdb *t); /* NULL ok */

static inline uint64_t fdb_key(const uint8_t *mac, uint16_t vlan)
{
	uint32_t low;
	uint16_t high;
	memcpy(&low, mac, 4);
	memcpy(&high, mac + 4, 2);
	return ((uint64_t)high << 32 | low) << 16 | 0x8000 | vlan;
}

/* Group addresses have the lowest bit of their first byte set. */
static inline bool fdb_key_is_group(uint64_t key) { return key >> 16 & 1; }

static inline uint64_t fdb_hash(const struct fdb *t, uint64_t key) { return hash_u64(key, t->multiplier); }

static inline struct fdb_buckets *fdb_buckets(const struct fdb *t)
{
	return atomic_load_explicit(&t->buckets, memory_order_acquire);
}

static inline struct fdb_bucket *fdb_first(struct fdb_buckets *b, uint64_t hash)
{
	return &b->bucket[hash & b->mask];
}

static inline struct fdb_bucket *fdb_second(struct fdb_buckets *b, uint64_t hash)
{
	return &b->bucket[hash_second(hash) & b->mask];
}

/* Do all n frames have the same six bytes at `offset` (0: destination, 6: source)? Then one look-up does. */
static inline bool fdb_same_key(struct frame *const *frames, uint16_t n, unsigned offset)
{
	uint64_t first = fdb_key(frame_data(frames[0]) + offset, 0);
	uint64_t differs = first ^ fdb_key(frame_data(frames[n - 1]) + offset, 0);
	if (differs)
		return false; /* mixed bursts nearly always show here */
	for (uint16_t i = 1; i < n; i++)
		differs |= fdb_key(frame_data(frames[i]) + offset, 0) ^ first;
	return !differs;
}

static inline uint32_t fdb_value(uint16_t adapter, uint32_t now_s) { return now_s << 16 | adapter; }

/* Which slots have the key, a bit each. Without a jump: where in a bucket a key lies cannot be predicted. */
static inline unsigned fdb_bucket_match(const struct fdb_bucket *b, uint64_t key)
{
#ifdef __SSE4_1__
	/* x86 reads each aligned word whole, and in order: what is read next finds what was stored before the key. */
	const __m128i *keys = (const __m128i *)b->key, wanted = _mm_set1_epi64x((long long)key);
	__m128i low = _mm_cmpeq_epi64(_mm_load_si128(keys), wanted);
	__m128i high = _mm_cmpeq_epi64(_mm_load_si128(keys + 1), wanted);
	unsigned last = atomic_load_explicit(&b->key[4], memory_order_relaxed) == key;
	return (unsigned)_mm_movemask_ps(_mm_castsi128_ps(_mm_packs_epi32(low, high))) | last << 4;
#else
	unsigned found = 0;
	for (unsigned i = 0; i < FDB_BUCKET_SLOTS; i++)
		found |= (unsigned)(atomic_load_explicit(&b->key[i], memory_order_acquire) == key) << i;
	return found;
#endif
}

static inline struct fdb_slot fdb_slot_at(struct fdb_bucket *b, unsigned i)
{
	return (struct fdb_slot){&b->key[i], &b->value[i]};
}

static inline struct fdb_slot fdb_bucket_find(struct fdb_bucket *b, uint64_t key)
{
	unsigned found = fdb_bucket_match(b, key);
	return likely(found) ? fdb_slot_at(b, (unsigned)__builtin_ctz(found)) : (struct fdb_slot){0};
}

static inline struct fdb_slot fdb_find(const struct fdb *t, uint64_t key, uint64_t hash)
{
	struct fdb_buckets *b = fdb_buckets(t);
	struct fdb_slot s = fdb_bucket_find(fdb_first(b, hash), key);
	return s.key ? s : fdb_bucket_find(fdb_second(b, hash), key);
}

/* The adapter that has the address, or FDB_NONE. */
static inline uint16_t fdb_lookup(const struct fdb *t, uint64_t key, uint64_t hash)
{
	struct fdb_slot s = fdb_find(t, key, hash);
	if (!s.key)
		return FDB_NONE;
	uint32_t value = atomic_load_explicit(s.value, memory_order_acquire);
	if (atomic_load_explicit(s.key, memory_order_relaxed) != key)
		return FDB_NONE; /* taken away between the two reads */
	return value & FDB_ADAPTER;
}

enum fdb_verdict { FDB_KNOWN, FDB_LEARNED, FDB_MOVED, FDB_REFUSED, FDB_OWNED_BY_OTHER };

/* Notes that `adapter` sent from key, now_s seconds on the workers' clock. Any worker. */
enum fdb_verdict fdb_learn(struct fdb *t, uint64_t key, uint64_t hash, uint16_t adapter, uint32_t now_s);
/* Is it noted already, in this very second? Then fdb_learn has nothing to do. */
static inline bool fdb_noted(const struct fdb *t, uint64_t key, uint64_t hash, uint16_t adapter, uint32_t now_s)
{
	struct fdb_slot s = fdb_bucket_find(fdb_first(fdb_buckets(t), hash), key);
	return s.key && atomic_load_explicit(s.value, memory_order_relaxed) == fdb_value(adapter, now_s);
}

/* What fdb_learn would say, without doing it (explain). */
enum fdb_verdict fdb_would_learn(const struct fdb *t, uint64_t key, uint64_t hash, uint16_t adapter);

/* Control thread, beside working workers. */
bool fdb_add_static(struct fdb *t, const struct mac *mac, uint16_t vlan, uint16_t adapter);
void fdb_forget(struct fdb *t, const struct mac *mac, uint16_t vlan); /* learned or static */
/* Removes learned entries of the part-th of `parts` parts not seen for age_s; returns how many. To be done at least every
 * few hours: then the ages wrap. */
uint32_t fdb_age(struct fdb *t, unsigned part, unsigned parts, uint32_t now_s, int16_t age_s);
/* Copies the entries into *ret_entries (the caller frees), at most max; the count or -ENOMEM. */
long fdb_list(const struct fdb *t, uint32_t now_s, size_t max, struct fdb_entry **ret_entries);
/*
 * Makes the buckets as many as the entries want, `coming` ones counted in, but for `addresses` entries at most.
 * wait() returns when no worker is in a call that began before it. 0 also when they already are; -ENOMEM: all is
 * as before.
 */
int fdb_resize(struct fdb *t, uint64_t addresses, uint64_t coming, void (*wait)(void));
