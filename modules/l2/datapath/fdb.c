/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/l2/datapath/fdb.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "base/pages.h"
#include "core/runtime/dataplane.h"

#define KEY_BUSY 1
#define BUCKETS_MIN 256

static_assert(sizeof(struct fdb_bucket) == 64 && DP_ADAPTERS_MAX <= FDB_STATIC, "a bucket is one cache line");

static uint16_t adapter_of(uint32_t value) { return value & FDB_ADAPTER; }
/* How long it has not been seen; below zero: a worker's clock was ahead. */
static int16_t age_of(uint32_t value, uint32_t now_s) { return (int16_t)(now_s - (value >> 16)); }

/* A power of two with `slots` slots at least. */
static uint64_t buckets_for(uint64_t slots)
{
	uint64_t buckets = BUCKETS_MIN;
	while (buckets * FDB_BUCKET_SLOTS < slots)
		buckets *= 2;
	return buckets;
}

static uint64_t slots_of(const struct fdb_buckets *b) { return (b->mask + 1) * FDB_BUCKET_SLOTS; }

static void buckets_free(struct fdb_buckets *b)
{
	if (!b)
		return;
	if (b->bucket)
		pages_unmap(b->bucket, b->bytes);
	free(b);
}

static struct fdb_buckets *buckets_create(uint64_t n)
{
	struct fdb_buckets *b = malloc(sizeof(*b));
	if (!b)
		return NULL;
	*b = (struct fdb_buckets){.mask = n - 1, .bytes = n * sizeof(struct fdb_bucket)};
	b->bucket = pages_map(&b->bytes);
	if (b->bucket)
		return b;
	buckets_free(b);
	return NULL;
}

struct fdb *fdb_create(uint64_t addresses, uint64_t seed, int crowded_fd)
{
	struct fdb *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->multiplier = (seed * 0x9e3779b97f4a7c15ULL) | 1;
	atomic_store(&t->buckets_max, buckets_for(addresses * 2));
	t->crowded_fd = crowded_fd;
	t->limit = calloc(DP_ADAPTERS_MAX, sizeof(*t->limit));
	t->learned = calloc(DP_ADAPTERS_MAX, sizeof(*t->learned));
	atomic_store(&t->buckets, buckets_create(BUCKETS_MIN));
	if (!fdb_buckets(t) || !t->limit || !t->learned) {
		fdb_free(t);
		return NULL;
	}
	return t;
}

void fdb_free(struct fdb *t)
{
	if (!t)
		return;
	buckets_free(fdb_buckets(t));
	free(t->limit);
	free(t->learned);
	free(t);
}

/* Empties a slot that held key; false if somebody else changed it first. */
static bool slot_clear(struct fdb *t, struct fdb_slot s, uint64_t key)
{
	if (!atomic_compare_exchange_strong(s.key, &key, KEY_BUSY))
		return false;
	uint32_t value = atomic_exchange(s.value, 0);
	if (!(value & FDB_STATIC))
		atomic_fetch_sub(&t->learned[adapter_of(value)], 1);
	atomic_fetch_sub(&t->used, 1);
	atomic_store_explicit(s.key, 0, memory_order_release);
	return true;
}

static bool bucket_insert(struct fdb *t, struct fdb_bucket *b, uint64_t key, uint32_t value)
{
	for (int i = 0; i < FDB_BUCKET_SLOTS; i++) {
		uint64_t free_key = 0;
		if (!atomic_compare_exchange_strong(&b->key[i], &free_key, KEY_BUSY))
			continue;
		atomic_store_explicit(&b->value[i], value, memory_order_relaxed);
		atomic_store_explicit(&b->key[i], key, memory_order_release);
		atomic_fetch_add(&t->used, 1);
		return true;
	}
	return false;
}

/* Makes room at the cost of the adapter that holds most of the bucket; among its entries, the oldest goes. */
static bool bucket_evict(struct fdb *t, struct fdb_bucket *b)
{
	int worst = -1, worst_share = 0;
	uint32_t worst_value = 0;
	for (int i = 0; i < FDB_BUCKET_SLOTS; i++) {
		uint32_t value = atomic_load(&b->value[i]);
		int share = 0;
		if (value & FDB_STATIC)
			continue;
		for (int k = 0; k < FDB_BUCKET_SLOTS; k++)
			share += adapter_of(atomic_load(&b->value[k])) == adapter_of(value);
		if (share > worst_share || (share == worst_share && age_of(value, worst_value >> 16) > 0)) {
			worst = i;
			worst_share = share;
			worst_value = value;
		}
	}
	if (worst < 0)
		return false;
	uint64_t key = atomic_load(&b->key[worst]);
	if (key <= KEY_BUSY || !slot_clear(t, fdb_slot_at(b, (unsigned)worst), key))
		return false;
	atomic_fetch_add(&t->evicted, 1);
	return true;
}

/* The other bucket of a key that is in b; b itself where there is none. */
static struct fdb_bucket *other_bucket(const struct fdb *t, struct fdb_buckets *in, struct fdb_bucket *b,
				       uint64_t key)
{
	uint64_t hash = fdb_hash(t, key);
	return fdb_first(in, hash) == b ? fdb_second(in, hash) : fdb_first(in, hash);
}

/* Moves what is in slot i of b to `other`, its other bucket. For a moment it stands in both, which says the same. */
static bool slot_relocate(struct fdb *t, struct fdb_bucket *b, int i, struct fdb_bucket *other, uint64_t key)
{
	uint32_t value = atomic_load(&b->value[i]);
	if (key <= KEY_BUSY || atomic_load(&b->key[i]) != key)
		return false;
	/* Two entries while it stands in both; whoever clears the first one takes that off again. */
	uint32_t counted = !(value & FDB_STATIC);
	atomic_fetch_add(&t->learned[adapter_of(value)], counted);
	if (bucket_insert(t, other, key, value))
		return slot_clear(t, fdb_slot_at(b, (unsigned)i), key);
	atomic_fetch_sub(&t->learned[adapter_of(value)], counted);
	return false;
}

/* Makes room by moving one entry to its other bucket. */
static bool bucket_relocate(struct fdb *t, struct fdb_buckets *in, struct fdb_bucket *b)
{
	for (int i = 0; i < FDB_BUCKET_SLOTS; i++) {
		uint64_t key = atomic_load(&b->key[i]);
		struct fdb_bucket *other = other_bucket(t, in, b, key);
		if (other != b && slot_relocate(t, b, i, other, key))
			return true;
	}
	return false;
}

/* Where those are full as well, by moving one of theirs first: up to nine tenths full, that is enough. */
static bool bucket_relocate_twice(struct fdb *t, struct fdb_buckets *in, struct fdb_bucket *b)
{
	for (int i = 0; i < FDB_BUCKET_SLOTS; i++) {
		uint64_t key = atomic_load(&b->key[i]);
		struct fdb_bucket *other = other_bucket(t, in, b, key);
		if (other != b && bucket_relocate(t, in, other) && slot_relocate(t, b, i, other, key))
			return true;
	}
	return false;
}

/* Into the first bucket while it has room, so that a look-up rarely needs the second line. */
static bool insert(struct fdb *t, struct fdb_buckets *in, uint64_t key, uint64_t hash, uint32_t value)
{
	struct fdb_bucket *a = fdb_first(in, hash), *b = fdb_second(in, hash);
	return bucket_insert(t, a, key, value) || bucket_insert(t, b, key, value) ||
	       (bucket_relocate(t, in, a) && bucket_insert(t, a, key, value)) ||
	       (bucket_relocate(t, in, b) && bucket_insert(t, b, key, value)) ||
	       (bucket_relocate_twice(t, in, a) && bucket_insert(t, a, key, value)) ||
	       (bucket_relocate_twice(t, in, b) && bucket_insert(t, b, key, value)) ||
	       (bucket_evict(t, a) && bucket_insert(t, a, key, value));
}

/* From here on one frame in twenty would need the second bucket, and soon more. */
static bool is_crowded(uint64_t used, uint64_t slots) { return used * 3 >= slots * 2; }

static void tell_when_crowded(struct fdb *t, const struct fdb_buckets *in)
{
	if (!is_crowded(atomic_load(&t->used), slots_of(in)) || in->mask + 1 >= atomic_load(&t->buckets_max) ||
	    atomic_exchange(&t->crowded, true))
		return;
	/* The one system call on this path: once a resize. */
	if (t->crowded_fd >= 0 && eventfd_write(t->crowded_fd, 1))
		atomic_store(&t->crowded, false);
}

static bool count_take(struct fdb *t, uint16_t adapter)
{
	if (atomic_fetch_add(&t->learned[adapter], 1) < t->limit[adapter])
		return true;
	atomic_fetch_sub(&t->learned[adapter], 1);
	atomic_fetch_add(&t->refused, 1);
	return false;
}

static enum fdb_verdict learn_known(struct fdb *t, struct fdb_slot s, uint16_t adapter, uint32_t now_s)
{
	uint32_t value = atomic_load_explicit(s.value, memory_order_acquire);
	bool frozen = atomic_load_explicit(&t->frozen, memory_order_relaxed);
	if (likely(adapter_of(value) == adapter)) {
		if (!frozen && !(value & FDB_STATIC) && value != fdb_value(adapter, now_s))
			atomic_compare_exchange_strong(s.value, &value, fdb_value(adapter, now_s));
		return FDB_KNOWN;
	}
	if (value & FDB_STATIC)
		return FDB_OWNED_BY_OTHER;
	if (frozen || !count_take(t, adapter))
		return FDB_REFUSED;
	uint16_t before = adapter_of(value);
	if (!atomic_compare_exchange_strong(s.value, &value, fdb_value(adapter, now_s))) {
		atomic_fetch_sub(&t->learned[adapter], 1);
		return FDB_KNOWN;
	}
	atomic_fetch_sub(&t->learned[before], 1);
	atomic_fetch_add(&t->moved, 1);
	return FDB_MOVED;
}

enum fdb_verdict fdb_learn(struct fdb *t, uint64_t key, uint64_t hash, uint16_t adapter, uint32_t now_s)
{
	struct fdb_slot s = fdb_find(t, key, hash);
	if (likely(s.key != NULL))
		return learn_known(t, s, adapter, now_s);
	if (atomic_load_explicit(&t->frozen, memory_order_relaxed) || !count_take(t, adapter))
		return FDB_REFUSED;
	struct fdb_buckets *in = fdb_buckets(t);
	tell_when_crowded(t, in);
	if (insert(t, in, key, hash, fdb_value(adapter, now_s)))
		return FDB_LEARNED;
	atomic_fetch_sub(&t->learned[adapter], 1);
	atomic_fetch_add(&t->refused, 1);
	return FDB_REFUSED;
}

enum fdb_verdict fdb_would_learn(const struct fdb *t, uint64_t key, uint64_t hash, uint16_t adapter)
{
	struct fdb_slot s = fdb_find(t, key, hash);
	if (!s.key)
		return atomic_load(&t->learned[adapter]) < t->limit[adapter] ? FDB_LEARNED : FDB_REFUSED;
	uint32_t value = atomic_load(s.value);
	if (adapter_of(value) == adapter)
		return FDB_KNOWN;
	return value & FDB_STATIC ? FDB_OWNED_BY_OTHER : FDB_MOVED;
}

bool fdb_add_static(struct fdb *t, const struct mac *mac, uint16_t vlan, uint16_t adapter)
{
	uint64_t key = fdb_key(mac->byte, vlan), hash = fdb_hash(t, key);
	struct fdb_slot s = fdb_find(t, key, hash);
	if (s.key && atomic_load(s.value) == (FDB_STATIC | adapter))
		return true;
	if (s.key)
		slot_clear(t, s, key);
	struct fdb_buckets *in = fdb_buckets(t);
	tell_when_crowded(t, in);
	return insert(t, in, key, hash, FDB_STATIC | adapter);
}

void fdb_forget(struct fdb *t, const struct mac *mac, uint16_t vlan)
{
	uint64_t key = fdb_key(mac->byte, vlan);
	struct fdb_slot s = fdb_find(t, key, fdb_hash(t, key));
	if (s.key)
		slot_clear(t, s, key);
}

uint32_t fdb_age(struct fdb *t, unsigned part, unsigned parts, uint32_t now_s, int16_t age_s)
{
	struct fdb_buckets *b = fdb_buckets(t);
	uint64_t count = (b->mask + 1) / parts;
	uint32_t removed = 0;
	for (uint64_t i = part * count; i < (part + 1) * count; i++) {
		for (int k = 0; k < FDB_BUCKET_SLOTS; k++) {
			struct fdb_slot s = fdb_slot_at(&b->bucket[i], k);
			uint64_t key = atomic_load_explicit(s.key, memory_order_relaxed);
			if (key <= KEY_BUSY)
				continue;
			uint32_t value = atomic_load(s.value);
			if (!(value & FDB_STATIC) && age_of(value, now_s) > age_s)
				removed += slot_clear(t, s, key);
		}
	}
	return removed;
}

long fdb_list(const struct fdb *t, uint32_t now_s, size_t max, struct fdb_entry **ret_entries)
{
	const struct fdb_buckets *b = fdb_buckets(t);
	struct fdb_entry *list = NULL;
	size_t n = 0, cap = 0;
	for (uint64_t i = 0; i <= b->mask && n < max; i++) {
		for (int k = 0; k < FDB_BUCKET_SLOTS && n < max; k++) {
			uint64_t key = atomic_load(&b->bucket[i].key[k]);
			uint32_t value = atomic_load(&b->bucket[i].value[k]);
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
			e->adapter = adapter_of(value);
			e->is_static = value & FDB_STATIC;
			int16_t age_s = age_of(value, now_s);
			e->age_s = e->is_static || age_s < 0 ? 0 : age_s;
		}
	}
	*ret_entries = list;
	return (long)n;
}

/* Into buckets that nobody else sees yet; the counts are of the table, not of the buckets. */
static void copy_entries(struct fdb *t, const struct fdb_buckets *from, struct fdb_buckets *to)
{
	uint64_t used = atomic_load(&t->used);
	for (uint64_t i = 0; i <= from->mask; i++) {
		for (int k = 0; k < FDB_BUCKET_SLOTS; k++) {
			uint64_t key = atomic_load(&from->bucket[i].key[k]);
			uint32_t value = atomic_load(&from->bucket[i].value[k]);
			if (key <= KEY_BUSY)
				continue;
			if (!insert(t, to, key, fdb_hash(t, key), value) && !(value & FDB_STATIC))
				atomic_fetch_sub(&t->learned[adapter_of(value)], 1);
		}
	}
	atomic_fetch_sub(&t->used, used); /* each was counted once more by insert */
}

int fdb_resize(struct fdb *t, uint64_t addresses, uint64_t coming, void (*wait)(void))
{
	struct fdb_buckets *before = fdb_buckets(t), *after;
	uint64_t used = atomic_load(&t->used) + coming, slots = slots_of(before), n,
		 most = buckets_for(addresses * 2);
	atomic_store(&t->buckets_max, most);
	atomic_store(&t->crowded, false);
	bool crowded = is_crowded(used, slots), roomy = used * 16 < slots;
	n = buckets_for(used * 2); /* a quarter to a half full */
	n = n < most ? n : most;
	if ((!crowded && !roomy) || n == before->mask + 1)
		return 0;
	after = buckets_create(n);
	if (!after)
		return -ENOMEM;
	atomic_store(&t->frozen, true);
	wait();
	copy_entries(t, before, after);
	atomic_store_explicit(&t->buckets, after, memory_order_release);
	wait(); /* nobody holds a slot of `before` any more */
	atomic_store(&t->frozen, false);
	buckets_free(before);
	return 0;
}
