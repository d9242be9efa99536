/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/l2/datapath/fdb.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "core/runtime/dataplane.h"

#define KEY_BUSY 1
#define HUGE_PAGE (2u << 20)

static uint64_t value_make(uint16_t adapter, bool is_static, uint64_t now_ms)
{
	return (now_ms / 1000) << 32 | (is_static ? FDB_STATIC : 0) | adapter;
}

static uint64_t buckets_for(uint64_t addresses)
{
	uint64_t buckets = 64;
	while (buckets * FDB_BUCKET_SLOTS < addresses * 2)
		buckets *= 2;
	return buckets;
}

struct fdb *fdb_create(uint64_t addresses, uint64_t seed)
{
	struct fdb *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	uint64_t buckets = buckets_for(addresses);
	t->mask = buckets - 1;
	t->multiplier = (seed * 0x9e3779b97f4a7c15ULL) | 1;
	t->bytes = buckets * sizeof(struct fdb_bucket);
	t->limit = calloc(DP_ADAPTERS_MAX, sizeof(*t->limit));
	t->learned = calloc(DP_ADAPTERS_MAX, sizeof(*t->learned));
	void *memory = mmap(NULL, t->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || !t->limit || !t->learned) {
		if (memory != MAP_FAILED)
			munmap(memory, t->bytes);
		free(t->limit);
		free(t->learned);
		free(t);
		return NULL;
	}
	/* Random look-ups in a large table cost a page walk each on 4 KiB pages. */
	if (t->bytes >= HUGE_PAGE)
		madvise(memory, t->bytes, MADV_HUGEPAGE);
	t->buckets = memory;
	return t;
}

void fdb_free(struct fdb *t)
{
	if (!t)
		return;
	munmap(t->buckets, t->bytes);
	free(t->limit);
	free(t->learned);
	free(t);
}

/* Empties a slot that held key; false if somebody else changed it first. */
static bool slot_clear(struct fdb *t, struct fdb_slot *s, uint64_t key)
{
	if (!atomic_compare_exchange_strong(&s->key, &key, KEY_BUSY))
		return false;
	uint64_t value = atomic_exchange(&s->value, 0);
	if (!(value & FDB_STATIC))
		atomic_fetch_sub(&t->learned[(uint16_t)value], 1);
	atomic_store_explicit(&s->key, 0, memory_order_release);
	return true;
}

static bool bucket_insert(struct fdb_bucket *b, uint64_t key, uint64_t value)
{
	for (int i = 0; i < FDB_BUCKET_SLOTS; i++) {
		uint64_t free_key = 0;
		if (!atomic_compare_exchange_strong(&b->slot[i].key, &free_key, KEY_BUSY))
			continue;
		atomic_store_explicit(&b->slot[i].value, value, memory_order_relaxed);
		atomic_store_explicit(&b->slot[i].key, key, memory_order_release);
		return true;
	}
	return false;
}

/* Makes room at the cost of the adapter that holds most of the bucket; among its entries, the oldest goes. */
static bool bucket_evict(struct fdb *t, struct fdb_bucket *b)
{
	int worst = -1, worst_share = 0;
	uint64_t worst_value = 0;
	for (int i = 0; i < FDB_BUCKET_SLOTS; i++) {
		uint64_t value = atomic_load(&b->slot[i].value);
		int share = 0;
		if (value & FDB_STATIC)
			continue;
		for (int k = 0; k < FDB_BUCKET_SLOTS; k++)
			share += (uint16_t)atomic_load(&b->slot[k].value) == (uint16_t)value;
		if (share > worst_share || (share == worst_share && value >> 32 < worst_value >> 32)) {
			worst = i;
			worst_share = share;
			worst_value = value;
		}
	}
	if (worst < 0)
		return false;
	uint64_t key = atomic_load(&b->slot[worst].key);
	if (key <= KEY_BUSY || !slot_clear(t, &b->slot[worst], key))
		return false;
	atomic_fetch_add(&t->evicted, 1);
	return true;
}

static int bucket_used(const struct fdb_bucket *b)
{
	int used = 0;
	for (int i = 0; i < FDB_BUCKET_SLOTS; i++)
		used += atomic_load_explicit(&b->slot[i].key, memory_order_relaxed) != 0;
	return used;
}

/* Makes room by moving one entry to its other bucket. For a moment it stands in both, which says the same. */
static bool bucket_relocate(struct fdb *t, struct fdb_bucket *b)
{
	for (int i = 0; i < FDB_BUCKET_SLOTS; i++) {
		uint64_t key = atomic_load(&b->slot[i].key), hash = fdb_hash(t, key);
		struct fdb_bucket *other = fdb_first(t, hash) == b ? fdb_second(t, hash) : fdb_first(t, hash);
		uint64_t value = atomic_load(&b->slot[i].value);
		if (key <= KEY_BUSY || other == b || atomic_load(&b->slot[i].key) != key)
			continue;
		/* Two entries while it stands in both; whoever clears the first one takes that off again. */
		uint32_t counted = !(value & FDB_STATIC);
		atomic_fetch_add(&t->learned[(uint16_t)value], counted);
		if (!bucket_insert(other, key, value))
			atomic_fetch_sub(&t->learned[(uint16_t)value], counted);
		else if (slot_clear(t, &b->slot[i], key))
			return true;
	}
	return false;
}

/* The first bucket while it is half empty, so that a look-up rarely needs the second line; then the emptier one,
 * so that a table made for n addresses holds n. */
static bool insert(struct fdb *t, uint64_t key, uint64_t hash, uint64_t value)
{
	struct fdb_bucket *a = fdb_first(t, hash), *b = fdb_second(t, hash);
	int used = bucket_used(a);
	if (used > FDB_BUCKET_SLOTS / 2 && bucket_used(b) < used) {
		struct fdb_bucket *emptier = b;
		b = a;
		a = emptier;
	}
	return bucket_insert(a, key, value) || bucket_insert(b, key, value) ||
	       (bucket_relocate(t, a) && bucket_insert(a, key, value)) ||
	       (bucket_evict(t, a) && bucket_insert(a, key, value));
}

static bool count_take(struct fdb *t, uint16_t adapter)
{
	if (atomic_fetch_add(&t->learned[adapter], 1) < t->limit[adapter])
		return true;
	atomic_fetch_sub(&t->learned[adapter], 1);
	atomic_fetch_add(&t->refused, 1);
	return false;
}

static enum fdb_verdict learn_known(struct fdb *t, struct fdb_slot *s, uint16_t adapter, uint64_t now_ms)
{
	uint64_t value = atomic_load_explicit(&s->value, memory_order_acquire);
	if (likely((uint16_t)value == adapter)) {
		if (!(value & FDB_STATIC) && value >> 32 != now_ms / 1000)
			atomic_compare_exchange_strong(&s->value, &value, value_make(adapter, false, now_ms));
		return FDB_KNOWN;
	}
	if (value & FDB_STATIC)
		return FDB_OWNED_BY_OTHER;
	if (!count_take(t, adapter))
		return FDB_REFUSED;
	uint16_t before = (uint16_t)value;
	if (!atomic_compare_exchange_strong(&s->value, &value, value_make(adapter, false, now_ms))) {
		atomic_fetch_sub(&t->learned[adapter], 1);
		return FDB_KNOWN;
	}
	atomic_fetch_sub(&t->learned[before], 1);
	atomic_fetch_add(&t->moved, 1);
	return FDB_MOVED;
}

enum fdb_verdict fdb_learn(struct fdb *t, uint64_t key, uint64_t hash, uint16_t adapter, uint64_t now_ms)
{
	struct fdb_slot *s = fdb_find(t, key, hash);
	if (likely(s != NULL))
		return learn_known(t, s, adapter, now_ms);
	if (!count_take(t, adapter))
		return FDB_REFUSED;
	if (insert(t, key, hash, value_make(adapter, false, now_ms)))
		return FDB_LEARNED;
	atomic_fetch_sub(&t->learned[adapter], 1);
	atomic_fetch_add(&t->refused, 1);
	return FDB_REFUSED;
}

enum fdb_verdict fdb_would_learn(const struct fdb *t, uint64_t key, uint64_t hash, uint16_t adapter)
{
	struct fdb_slot *s = fdb_find(t, key, hash);
	if (!s)
		return atomic_load(&t->learned[adapter]) < t->limit[adapter] ? FDB_LEARNED : FDB_REFUSED;
	uint64_t value = atomic_load(&s->value);
	if ((uint16_t)value == adapter)
		return FDB_KNOWN;
	return value & FDB_STATIC ? FDB_OWNED_BY_OTHER : FDB_MOVED;
}

bool fdb_add_static(struct fdb *t, const struct mac *mac, uint16_t vlan, uint16_t adapter)
{
	uint64_t key = fdb_key(mac->byte, vlan), hash = fdb_hash(t, key);
	struct fdb_slot *s = fdb_find(t, key, hash);
	if (s && atomic_load(&s->value) == value_make(adapter, true, 0))
		return true;
	if (s)
		slot_clear(t, s, key);
	return insert(t, key, hash, value_make(adapter, true, 0));
}

void fdb_forget(struct fdb *t, const struct mac *mac, uint16_t vlan)
{
	uint64_t key = fdb_key(mac->byte, vlan);
	struct fdb_slot *s = fdb_find(t, key, fdb_hash(t, key));
	if (s)
		slot_clear(t, s, key);
}

uint32_t fdb_age(struct fdb *t, uint64_t first, uint64_t count, uint64_t now_ms, uint32_t age_ms)
{
	uint32_t removed = 0;
	for (uint64_t i = first; i < first + count && i <= t->mask; i++) {
		for (int k = 0; k < FDB_BUCKET_SLOTS; k++) {
			struct fdb_slot *s = &t->buckets[i].slot[k];
			uint64_t key = atomic_load_explicit(&s->key, memory_order_relaxed);
			if (key <= KEY_BUSY)
				continue;
			uint64_t value = atomic_load(&s->value);
			if (!(value & FDB_STATIC) && (value >> 32) * 1000 + age_ms < now_ms)
				removed += slot_clear(t, s, key);
		}
	}
	return removed;
}

long fdb_list(const struct fdb *t, size_t max, struct fdb_entry **ret_entries)
{
	struct fdb_entry *list = NULL;
	size_t n = 0, cap = 0;
	for (uint64_t i = 0; i <= t->mask && n < max; i++) {
		for (int k = 0; k < FDB_BUCKET_SLOTS && n < max; k++) {
			uint64_t key = atomic_load(&t->buckets[i].slot[k].key);
			uint64_t value = atomic_load(&t->buckets[i].slot[k].value);
			if (key <= KEY_BUSY)
				continue;
			if (n == cap) {
				cap = cap ? cap * 2 : 64;
				struct fdb_entry *more = realloc(list, cap * sizeof(*list));
				if (!more) {
					free(list);
					return -ENOMEM;
				}
				list = more;
			}
			struct fdb_entry *e = &list[n++];
			uint64_t raw = key >> 16;
			memcpy(e->mac.byte, &raw, 6); /* the key holds the bytes as they lie in the frame */
			e->vlan = key & 0xfff;
			e->adapter = (uint16_t)value;
			e->is_static = value & FDB_STATIC;
			e->seen_s = (uint32_t)(value >> 32);
		}
	}
	*ret_entries = list;
	return (long)n;
}

void fdb_copy(struct fdb *t, const struct fdb *from)
{
	struct fdb_entry *list = NULL;
	long n = fdb_list(from, SIZE_MAX, &list);
	for (long i = 0; i < n; i++) {
		if (list[i].is_static)
			continue;
		uint64_t key = fdb_key(list[i].mac.byte, list[i].vlan);
		fdb_learn(t, key, fdb_hash(t, key), list[i].adapter, (uint64_t)list[i].seen_s * 1000);
	}
	free(list);
}
