/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's side of the record tables; both families are one code, over slots of two or four words. */
#include "modules/hnv/datapath/records.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/random.h>

#include <rte_cycles.h>

#include "base/pages.h"
#include "core/runtime/rcu.h"

#define BUCKETS_MIN 64
#define COPIED_A_CHANGE 16 /* buckets: a table doubles long before it is full, and no change takes long */
#define COPIED_A_TEND 65536
#define ROOM_DEPTH 3 /* records moved one after the other to make room for one */

typedef _Atomic uint64_t word;

struct key {
	uint64_t word[3]; /* as in a slot; the first alone for IPv4 */
};

static unsigned bucket_slots(const struct hnv_table *t) { return HNV_BUCKET_WORDS / t->words; }

static uint64_t slots_of(const struct hnv_table *t, const struct hnv_buckets *b)
{
	return (b->mask + 1) * bucket_slots(t);
}

/* Over five eighths full, too many records stand in their second bucket. */
static bool crowded(const struct hnv_table *t, const struct hnv_buckets *b, uint64_t records)
{
	return records * 8 > slots_of(t, b) * 5;
}

/* The buckets for so many records: a third to two thirds of what `crowded` allows. */
static uint64_t buckets_for(const struct hnv_table *t, uint64_t records)
{
	uint64_t buckets = BUCKETS_MIN;
	while (buckets * bucket_slots(t) * 5 < records * 8)
		buckets *= 2;
	return buckets;
}

static void buckets_free(struct hnv_buckets *b)
{
	if (!b)
		return;
	if (b->word)
		pages_unmap(b->word, b->bytes);
	free(b);
}

static struct hnv_buckets *buckets_create(uint64_t n)
{
	struct hnv_buckets *b = malloc(sizeof(*b));
	if (!b)
		return NULL;
	*b = (struct hnv_buckets){.mask = n - 1, .bytes = n * HNV_BUCKET_WORDS * sizeof(uint64_t)};
	b->word = pages_map(&b->bytes);
	if (b->word)
		return b;
	buckets_free(b);
	return NULL;
}

static void buckets_unread(void *buckets) { buckets_free(buckets); }

static struct hnv_buckets *current(const struct hnv_table *t)
{
	return atomic_load_explicit(&t->buckets, memory_order_relaxed);
}

static uint64_t hash_of(const struct hnv_table *t, const struct key *k)
{
	return t->words == 2 ? hnv_hash4(t, k->word[0]) : hnv_hash6(t, k->word[0], k->word[1], k->word[2]);
}

static word *first_bucket(struct hnv_buckets *b, uint64_t hash) { return (word *)hnv_first_bucket(b, hash); }

static word *second_bucket(struct hnv_buckets *b, uint64_t hash) { return (word *)hnv_second_bucket(b, hash); }

static uint64_t load(const word *w) { return atomic_load_explicit(w, memory_order_relaxed); }

static void slot_key(const struct hnv_table *t, const word *slot, struct key *ret)
{
	*ret = (struct key){{load(&slot[0])}};
	for (unsigned i = 1; i + 1 < t->words; i++)
		ret->word[i] = load(&slot[i]);
}

static bool slot_has(const struct hnv_table *t, const word *slot, const struct key *k)
{
	bool same = load(&slot[0]) == k->word[0];
	for (unsigned i = 1; i + 1 < t->words; i++)
		same &= load(&slot[i]) == k->word[i];
	return same;
}

static word *bucket_find(const struct hnv_table *t, word *bucket, const struct key *k)
{
	for (unsigned i = 0; i < bucket_slots(t); i++, bucket += t->words)
		if (slot_has(t, bucket, k))
			return bucket;
	return NULL;
}

static word *find(const struct hnv_table *t, struct hnv_buckets *b, uint64_t hash, const struct key *k)
{
	word *slot = bucket_find(t, first_bucket(b, hash), k);
	return slot ? slot : bucket_find(t, second_bucket(b, hash), k);
}

static bool bucket_put(const struct hnv_table *t, word *bucket, const struct key *k, uint64_t value)
{
	for (unsigned i = 0; i < bucket_slots(t); i++, bucket += t->words) {
		if (load(&bucket[0]))
			continue;
		for (unsigned w = 1; w + 1 < t->words; w++)
			atomic_store_explicit(&bucket[w], k->word[w], memory_order_release);
		atomic_store_explicit(&bucket[t->words - 1], value, memory_order_release);
		atomic_store_explicit(&bucket[0], k->word[0], memory_order_release);
		return true;
	}
	return false;
}

static void moves_count(struct hnv_table *t)
{
	atomic_store_explicit(&t->moves, load(&t->moves) + 1, memory_order_release);
}

/*
 * A reader that began before the first count and sees the slot empty looks again: the record may have moved to where
 * it looked already. One that began before the second and sees the slot used again looks again, too.
 */
static void slot_clear(struct hnv_table *t, word *slot)
{
	moves_count(t);
	atomic_store_explicit(&slot[0], 0, memory_order_release);
	moves_count(t);
}

/* The other bucket that the slot's record may be in. */
static word *slot_other(struct hnv_table *t, struct hnv_buckets *in, word *bucket, const word *slot, struct key *ret)
{
	slot_key(t, slot, ret);
	uint64_t hash = hash_of(t, ret);
	word *first = first_bucket(in, hash);
	return first == bucket ? second_bucket(in, hash) : first;
}

static void resize_drop(struct hnv_table *t)
{
	buckets_free(t->next);
	t->next = NULL;
}

static bool put(struct hnv_table *t, struct hnv_buckets *in, uint64_t hash, const struct key *k, uint64_t value);

/* Into the buckets under construction, if there are any. false: they have no room for it, and are given up. */
static bool copy(struct hnv_table *t, uint64_t hash, const struct key *k, uint64_t value)
{
	word *slot = t->next ? find(t, t->next, hash, k) : NULL;
	if (slot)
		atomic_store_explicit(&slot[t->words - 1], value, memory_order_relaxed);
	else if (t->next && !put(t, t->next, hash, k, value))
		resize_drop(t);
	return t->next != NULL;
}

/* Makes room in a full bucket: one of its records moves to its other bucket, in which one may have to move, too. */
static bool bucket_relieve(struct hnv_table *t, struct hnv_buckets *in, word *bucket, unsigned depth)
{
	struct key k;
	word *slot = bucket;
	for (unsigned i = 0; i < bucket_slots(t); i++, slot += t->words) {
		uint64_t value = load(&slot[t->words - 1]);
		if (!load(&slot[0]))
			return true; /* a deeper move came by here */
		word *other = slot_other(t, in, bucket, slot, &k);
		if (other == bucket || !bucket_put(t, other, &k, value))
			continue;
		slot_clear(t, slot);
		if (in != t->next)
			(void)copy(t, hash_of(t, &k), &k,
				   value); /* from where they are still copied, perhaps, to where they were */
		return true;
	}
	slot = bucket;
	for (unsigned i = 0; depth && i < bucket_slots(t); i++, slot += t->words) {
		word *other = slot_other(t, in, bucket, slot, &k);
		if (other != bucket && bucket_relieve(t, in, other, depth - 1))
			return bucket_relieve(t, in, bucket, 0);
	}
	return false;
}

static bool put(struct hnv_table *t, struct hnv_buckets *in, uint64_t hash, const struct key *k, uint64_t value)
{
	word *first = first_bucket(in, hash), *second = second_bucket(in, hash);
	if (bucket_put(t, first, k, value) || bucket_put(t, second, k, value))
		return true;
	if (bucket_relieve(t, in, first, ROOM_DEPTH))
		return bucket_put(t, first, k, value);
	return bucket_relieve(t, in, second, ROOM_DEPTH) && bucket_put(t, second, k, value);
}

/* Copies up to n more buckets into `next`. -ENOSPC: it has no room for one. */
static int resize_step(struct hnv_table *t, uint64_t n)
{
	struct hnv_buckets *from = current(t);
	for (; t->next && n && t->copied <= from->mask; n--, t->copied++) {
		word *slot = &from->word[t->copied * HNV_BUCKET_WORDS];
		for (unsigned i = 0; i < bucket_slots(t); i++, slot += t->words) {
			struct key k;
			if (!(load(&slot[0]) & HNV_SLOT_USED))
				continue;
			slot_key(t, slot, &k);
			if (!copy(t, hash_of(t, &k), &k, load(&slot[t->words - 1])))
				return -ENOSPC;
		}
	}
	if (!t->next || t->copied <= from->mask)
		return 0;
	atomic_store_explicit(&t->buckets, t->next, memory_order_release);
	t->next = NULL;
	rcu_defer(buckets_unread, from);
	return 0;
}

static int resize_begin(struct hnv_table *t, uint64_t buckets)
{
	struct hnv_buckets *b = buckets_create(buckets);
	if (!b)
		return -ENOMEM;
	resize_drop(t);
	t->next = b;
	t->copied = 0;
	return 0;
}

/* At once, to `buckets` or, if by ill luck the records do not fit, to more. */
static int resize_to(struct hnv_table *t, uint64_t buckets)
{
	int rc;
	do {
		rc = resize_begin(t, buckets);
		if (rc)
			return rc;
		rc = resize_step(t, UINT64_MAX);
		buckets *= 2;
	} while (rc);
	return 0;
}

/* A little of whatever is under way, and the beginning of what has become due. */
static void resize_tend(struct hnv_table *t, uint64_t n)
{
	const struct hnv_buckets *b = current(t);
	uint64_t wanted = buckets_for(t, t->used * 2);
	if (!t->next && crowded(t, b, t->used))
		(void)resize_begin(t, (b->mask + 1) * 2); /* without memory it is tried again, and no harm yet */
	else if (!t->next && b->mask + 1 > wanted * 8)
		(void)resize_begin(t, wanted);
	(void)resize_step(t, n);
}

/* Into what readers see. */
static int insert(struct hnv_table *t, uint64_t hash, const struct key *k, uint64_t value)
{
	if (put(t, current(t), hash, k, value))
		return 0;
	do {
		int rc = resize_to(t, (current(t)->mask + 1) * 2);
		if (rc)
			return rc;
	} while (!put(t, current(t), hash, k, value));
	return 0;
}

static int set(struct hnv_table *t, const struct key *k, uint64_t value)
{
	uint64_t hash = hash_of(t, k);
	word *slot = find(t, current(t), hash, k);
	if (slot) {
		atomic_store_explicit(&slot[t->words - 1], value, memory_order_release);
	} else {
		int rc = insert(t, hash, k, value);
		if (rc)
			return rc;
		t->used++;
	}
	(void)copy(t, hash, k, value);
	resize_tend(t, COPIED_A_CHANGE);
	return 0;
}

static void unset(struct hnv_table *t, const struct key *k)
{
	uint64_t hash = hash_of(t, k);
	word *slot = find(t, current(t), hash, k);
	if (!slot)
		return;
	slot_clear(t, slot);
	t->used--;
	slot = t->next ? find(t, t->next, hash, k) : NULL;
	if (slot)
		slot_clear(t, slot);
	resize_tend(t, COPIED_A_CHANGE);
}

static int table_init(struct hnv_table *t, unsigned words)
{
	t->words = words;
	if (getrandom(t->seed, sizeof(t->seed), 0) != sizeof(t->seed)) {
		t->seed[0] = rte_rdtsc() * 0x9e3779b97f4a7c15ULL;
		t->seed[1] = (rte_rdtsc() ^ (uintptr_t)t) * 0x9e3779b97f4a7c15ULL;
	}
	t->seed[0] |= 1;
	t->seed[1] |= 1;
	struct hnv_buckets *b = buckets_create(BUCKETS_MIN);
	atomic_store(&t->buckets, b);
	return b ? 0 : -ENOMEM;
}

static void *table_create(unsigned words)
{
	struct hnv_table *t = aligned_alloc(64, sizeof(*t));
	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	if (!table_init(t, words))
		return t;
	free(t);
	return NULL;
}

static void table_free(struct hnv_table *t)
{
	if (!t)
		return;
	resize_drop(t);
	buckets_free(current(t));
	free(t);
}

struct hnv_records4 *hnv_records4_create(void) { return table_create(2); }

struct hnv_records6 *hnv_records6_create(void) { return table_create(4); }

void hnv_records4_free(struct hnv_records4 *t) { table_free(t ? &t->table : NULL); }

void hnv_records6_free(struct hnv_records6 *t) { table_free(t ? &t->table : NULL); }

static struct hnv_table *table_of(struct hnv_records4 *records4, struct hnv_records6 *records6,
				  const struct ip *address)
{
	return address->family == AF_INET ? &records4->table : &records6->table;
}

static struct key key_of(uint32_t vsid, const struct ip *address)
{
	struct key k = {0};
	uint32_t be_address = 0;
	if (address->family == AF_INET)
		memcpy(&be_address, address->byte, sizeof(be_address));
	else
		hnv_address_words(address->byte, &k.word[1], &k.word[2]);
	k.word[0] = hnv_records_key(vsid, be_address);
	return k;
}

int hnv_records_set(struct hnv_network *net, uint32_t vsid, const struct ip *address, const struct mac *mac,
		    uint16_t next)
{
	struct key k = key_of(vsid, address);
	return set(table_of(net->records4, net->records6, address), &k, hnv_value_of(mac, next));
}

void hnv_records_remove(struct hnv_network *net, uint32_t vsid, const struct ip *address)
{
	struct key k = key_of(vsid, address);
	unset(table_of(net->records4, net->records6, address), &k);
}

struct hnv_answer hnv_records_find(const struct hnv_network *net, uint32_t vsid, const struct ip *address)
{
	uint32_t be_address;
	if (address->family != AF_INET)
		return hnv_records6_find(net->records6, hnv_records6_hash(net->records6, vsid, address->byte), vsid,
					 address->byte);
	memcpy(&be_address, address->byte, sizeof(be_address));
	return hnv_records4_find(net->records4, hnv_records4_hash(net->records4, vsid, be_address), vsid, be_address);
}

static int reserve(struct hnv_table *t, uint64_t more)
{
	return crowded(t, current(t), t->used + more) ? resize_to(t, buckets_for(t, t->used + more)) : 0;
}

int hnv_records_reserve(struct hnv_network *net, uint64_t more4, uint64_t more6)
{
	int rc = reserve(&net->records4->table, more4);
	return rc ? rc : reserve(&net->records6->table, more6);
}

void hnv_records_tend(struct hnv_network *net)
{
	resize_tend(&net->records4->table, COPIED_A_TEND);
	resize_tend(&net->records6->table, COPIED_A_TEND);
}

static uint64_t bytes_of(const struct hnv_table *t) { return current(t)->bytes + (t->next ? t->next->bytes : 0); }

uint64_t hnv_records_bytes(const struct hnv_network *net)
{
	return bytes_of(&net->records4->table) + bytes_of(&net->records6->table);
}

int hnv_map_init(struct hnv_map *m)
{
	struct hnv_map made = {hnv_records4_create(), hnv_records6_create()};
	if (!made.records4 || !made.records6) {
		hnv_map_fini(&made);
		return -ENOMEM;
	}
	*m = made;
	return 0;
}

void hnv_map_fini(struct hnv_map *m)
{
	hnv_records4_free(m->records4);
	hnv_records6_free(m->records6);
	*m = (struct hnv_map){0};
}

uint64_t hnv_map_find(const struct hnv_map *m, uint32_t vsid, const struct ip *address)
{
	const struct hnv_table *t = table_of(m->records4, m->records6, address);
	struct key k = key_of(vsid, address);
	uint64_t hash = hash_of(t, &k);
	return t->words == 2 ? hnv_table_find4(t, hash, k.word[0])
			     : hnv_table_find6(t, hash, k.word[0], k.word[1], k.word[2]);
}

int hnv_map_set(struct hnv_map *m, uint32_t vsid, const struct ip *address, uint64_t value)
{
	struct key k = key_of(vsid, address);
	return set(table_of(m->records4, m->records6, address), &k, value);
}

void hnv_map_remove(struct hnv_map *m, uint32_t vsid, const struct ip *address)
{
	struct key k = key_of(vsid, address);
	unset(table_of(m->records4, m->records6, address), &k);
}
