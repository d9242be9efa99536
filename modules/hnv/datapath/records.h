/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lookup records as workers read them: (VSID, customer address) -> MAC address and where it leads. One writer
 * (the control thread), any readers, no lock.
 *
 * Buckets fill one cache line: four IPv4 records or two IPv6 ones. A record lives in one of two buckets, chosen
 * by a seeded hash; the first unless that is full, so that a look-up rarely reads a second line.
 *
 * A changed record is one store of its value. A new one's value is written before its key. What a reader could
 * mistake is a slot that is used again while it looks, and a record that moves to make room (it stands in both
 * buckets for a moment): `moves` counts both, before and after, and a reader that finds it changed looks again.
 *
 * The tables grow and shrink beside their readers, a few buckets with every change, so that none takes long.
 */
#pragma once

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/hash.h"
#include "base/mac.h"
#include "modules/hnv/tables.h"

#define HNV_BUCKET_WORDS 8 /* one cache line */
#define HNV_SLOT_USED (1ULL << 63) /* in a slot's first word, which is stored last */

struct hnv_buckets {
	uint64_t mask; /* buckets - 1 */
	_Atomic uint64_t *word; /* HNV_BUCKET_WORDS of each */
	size_t bytes; /* of them */
};

/* A slot's words: used | VSID << 32 | IPv4 address, value; or used | VSID << 32, IPv6 address (two), value. */
struct hnv_table {
	/* What readers need, in a line that is rarely written: */
	struct hnv_buckets *_Atomic buckets;
	uint64_t seed[2]; /* odd, random */
	_Atomic uint64_t moves; /* slots cleared, twice each */
	/* The writer's own: */
	unsigned words __attribute__((aligned(64))); /* of a slot: 2 or 4 */
	uint64_t used; /* records */
	struct hnv_buckets *next; /* under construction; NULL: none */
	uint64_t copied; /* buckets that are in `next` already */
};

struct hnv_records4 {
	struct hnv_table table;
};
struct hnv_records6 {
	struct hnv_table table;
};

/* Both halves of the product: the low one alone does not depend on the high bits. */
static inline uint64_t hnv_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hnv_records_key(uint32_t vsid, uint32_t be_address)
{
	return HNV_SLOT_USED | (uint64_t)vsid << 32 | be_address;
}

static inline uint64_t hnv_hash4(const struct hnv_table *t, uint64_t key) { return hash_u64(key, t->seed[0]); }

static inline uint64_t hnv_hash6(const struct hnv_table *t, uint64_t key, uint64_t high, uint64_t low)
{
	return hash_u64(hnv_mix(high ^ t->seed[0], low ^ t->seed[1]) ^ key, t->seed[1]);
}

static inline const struct hnv_buckets *hnv_table_buckets(const struct hnv_table *t)
{
	return atomic_load_explicit(&t->buckets, memory_order_acquire);
}

static inline const _Atomic uint64_t *hnv_first_bucket(const struct hnv_buckets *b, uint64_t hash)
{
	return &b->word[(hash & b->mask) * HNV_BUCKET_WORDS];
}

static inline const _Atomic uint64_t *hnv_second_bucket(const struct hnv_buckets *b, uint64_t hash)
{
	return &b->word[(hash_second(hash) & b->mask) * HNV_BUCKET_WORDS];
}

/* In memory: two bytes of `next`, six of the MAC address as on the wire. */
static_assert(sizeof(struct hnv_answer) == sizeof(uint64_t), "a record's value is its answer");

static inline struct hnv_answer hnv_answer_of(uint64_t value)
{
	struct hnv_answer a;
	memcpy(&a, &value, sizeof(a));
	return a;
}

static inline uint64_t hnv_value_of(const struct mac *mac, uint16_t next)
{
	uint64_t value = 0;
	memcpy(&value, mac->byte, sizeof(mac->byte));
	return value << 16 | next;
}

/* Without a jump for each slot: where in a bucket a record lies cannot be predicted. 0: not there. */
static inline uint64_t hnv_bucket_find4(const _Atomic uint64_t *word, uint64_t key)
{
	unsigned found = 0;
#pragma GCC unroll 4
	for (unsigned i = 0; i < 4; i++)
		found |= (unsigned)(atomic_load_explicit(&word[i * 2], memory_order_acquire) == key) << i;
	return found ? atomic_load_explicit(&word[(unsigned)__builtin_ctz(found) * 2 + 1], memory_order_acquire) : 0;
}

static inline uint64_t hnv_bucket_find6(const _Atomic uint64_t *word, uint64_t key, uint64_t high, uint64_t low)
{
	for (unsigned i = 0; i < 2; i++, word += 4)
		if (atomic_load_explicit(&word[0], memory_order_acquire) == key &&
		    atomic_load_explicit(&word[1], memory_order_acquire) == high &&
		    atomic_load_explicit(&word[2], memory_order_acquire) == low)
			return atomic_load_explicit(&word[3], memory_order_acquire);
	return 0;
}

static inline uint64_t hnv_moves(const struct hnv_table *t)
{
	return atomic_load_explicit(&t->moves, memory_order_acquire);
}

/*
 * A look-up in three steps, so that those of a burst overlap: hash all, prefetch all, find all. The hash stays
 * good until the worker's next quiescent state.
 */
static inline uint64_t hnv_records4_hash(const struct hnv_records4 *t, uint32_t vsid, uint32_t be_address)
{
	return hnv_hash4(&t->table, hnv_records_key(vsid, be_address));
}

static inline void hnv_records4_prefetch(const struct hnv_records4 *t, uint64_t hash)
{
	__builtin_prefetch((const void *)hnv_first_bucket(hnv_table_buckets(&t->table), hash));
}

/* The value of a key, 0: not there. What moved or was used again meanwhile is looked for again. */
static inline uint64_t hnv_table_find4(const struct hnv_table *t, uint64_t hash, uint64_t key)
{
	uint64_t value, moves;
	do {
		moves = hnv_moves(t);
		const struct hnv_buckets *b = hnv_table_buckets(t);
		value = hnv_bucket_find4(hnv_first_bucket(b, hash), key);
		if (__builtin_expect(!value, 0))
			value = hnv_bucket_find4(hnv_second_bucket(b, hash), key);
	} while (__builtin_expect(hnv_moves(t) != moves, 0));
	return value;
}

static inline uint64_t hnv_table_find6(const struct hnv_table *t, uint64_t hash, uint64_t key, uint64_t high,
				       uint64_t low)
{
	uint64_t value, moves;
	do {
		moves = hnv_moves(t);
		const struct hnv_buckets *b = hnv_table_buckets(t);
		value = hnv_bucket_find6(hnv_first_bucket(b, hash), key, high, low);
		if (__builtin_expect(!value, 0))
			value = hnv_bucket_find6(hnv_second_bucket(b, hash), key, high, low);
	} while (__builtin_expect(hnv_moves(t) != moves, 0));
	return value;
}

/* next is HNV_NEXT_NONE when there is no such record. A gateway-wildcard record is that of address 0.0.0.0. */
static inline struct hnv_answer hnv_records4_find(const struct hnv_records4 *t, uint64_t hash, uint32_t vsid,
						  uint32_t be_address)
{
	return hnv_answer_of(hnv_table_find4(&t->table, hash, hnv_records_key(vsid, be_address)));
}

static inline void hnv_address_words(const uint8_t address[static 16], uint64_t *ret_high, uint64_t *ret_low)
{
	memcpy(ret_high, address, 8);
	memcpy(ret_low, address + 8, 8);
}

static inline uint64_t hnv_records6_hash(const struct hnv_records6 *t, uint32_t vsid,
					 const uint8_t address[static 16])
{
	uint64_t high, low;
	hnv_address_words(address, &high, &low);
	return hnv_hash6(&t->table, hnv_records_key(vsid, 0), high, low);
}

static inline void hnv_records6_prefetch(const struct hnv_records6 *t, uint64_t hash)
{
	__builtin_prefetch((const void *)hnv_first_bucket(hnv_table_buckets(&t->table), hash));
}

static inline struct hnv_answer hnv_records6_find(const struct hnv_records6 *t, uint64_t hash, uint32_t vsid,
						  const uint8_t address[static 16])
{
	uint64_t high, low;
	hnv_address_words(address, &high, &low);
	return hnv_answer_of(hnv_table_find6(&t->table, hash, hnv_records_key(vsid, 0), high, low));
}

/* The same tables for values of other kinds: any number but 0, by (VSID or 0, address of either family). */
uint64_t hnv_map_find(const struct hnv_map *m, uint32_t vsid, const struct ip *address); /* 0: none */

/* The writer's side: control thread. */

/* Tables of a network, empty. NULL: no memory. */
struct hnv_records4 *hnv_records4_create(void);
struct hnv_records6 *hnv_records6_create(void);
void hnv_records4_free(struct hnv_records4 *t); /* at once: no reader knows it any more; NULL ok */
void hnv_records6_free(struct hnv_records6 *t);

/* Adds or changes; next is not HNV_NEXT_NONE. -ENOMEM: nothing has changed. Unless hnv_records_reserve made room
 * for it, in practice. */
int hnv_records_set(struct hnv_network *net, uint32_t vsid, const struct ip *address, const struct mac *mac,
		    uint16_t next);
void hnv_records_remove(struct hnv_network *net, uint32_t vsid, const struct ip *address);
/* Room for so many more records of each family, so that what follows need not grow. -ENOMEM. */
int hnv_records_reserve(struct hnv_network *net, uint64_t more4, uint64_t more6);
/* Carries on a table's growing or shrinking; about once a second. */
void hnv_records_tend(struct hnv_network *net);
uint64_t hnv_records_bytes(const struct hnv_network *net); /* of both tables' mappings */

int hnv_map_init(struct hnv_map *m); /* -ENOMEM */
void hnv_map_fini(struct hnv_map *m); /* no reader knows it any more */
int hnv_map_set(struct hnv_map *m, uint32_t vsid, const struct ip *address, uint64_t value); /* -ENOMEM: as before */
void hnv_map_remove(struct hnv_map *m, uint32_t vsid, const struct ip *address);
