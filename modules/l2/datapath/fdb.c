/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/l2/datapath/fdb.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "base/pages.h"
#include "core/runtime/dataplane.h"

#define KEY_BUSY 1
#define BUCKETS_MIN 256

static uint64_t value_make(uint16_t adapter, bool is_static, uint32_t now_s)
{
	return (uint64_t)now_s << 32 | (is_static ? FDB_STATIC : 0) | adapter;
}

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
static bool slot_clear(struct fdb *t, struct fdb_slot *s, uint64_t key)
{
	if (!atomic_compare_exchange_strong(&s->key, &key, KEY_BUSY))
		return false;
	uint64_t value = atomic_exchange(&s->value, 0);
	if (!(value & FDB_STATIC))
		atomic_fetch_sub(&t->learned[(uint16_t)value], 1);
	atomic_fetch_sub(&t->used, 1);
	atomic_store_explicit(&s->key, 0, memory_order_release);
	return true;
}

static bool bucket_insert(struct fdb *t, struct fdb_bucket *b, uint64_t key, uint64_t value)
{
	for (int i = 0; i < FDB_BUCKET_SLOTS; i++) {
		uint64_t free_key = 0;
		if (!atomic_compare_exchange_strong(&b->slot[i].key, &free_key, KEY_BUSY))
			continue;
		atomic_store_explicit(&b->slot[i].value, value, memory_order_relaxed);
		atomic_store_explicit(&b->slot[i].key, key, memory_order_release);
		atomic_fetch_add(&t->used, 1);
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

/* Makes room by moving one entry to its other bucket. For a moment it stands in both, which says the same. */
static bool bucket_relocate(struct fdb *t, struct fdb_buckets *in, struct fdb_bucket *b)
{
	for (int i = 0; i < FDB_BUCKET_SLOTS; i++) {
		uint64_t key = atomic_load(&b->slot[i].key), hash = fdb_hash(t, key);
		struct fdb_bucket *other = fdb_first(in, hash) == b ? fdb_second(in, hash) : fdb_first(in, hash);
		uint64_t value = atomic_load(&b->slot[i].value);
		if (key <= KEY_BUSY || other == b || atomic_load(&b->slot[i].key) != key)
			continue;
		/* Two entries while it stands in both; whoever clears the first one takes that off again. */
		uint32_t counted = !(value & FDB_STATIC);
		atomic_fetch_add(&t->learned[(uint16_t)value], counted);
		if (!bucket_insert(t, other, key, value))
			atomic_fetch_sub(&t->learned[(uint16_t)value], counted);
		else if (slot_clear(t, &b->slot[i], key))
			return true;
	}
	return false;
}

/* Into the first bucket while it has room, so that a look-up rarely needs the second line. */
static bool insert(struct fdb *t, struct fdb_buckets *in, uint64_t key, uint64_t hash, uint64_t value)
{
	struct fdb_bucket *a = fdb_first(in, hash), *b = fdb_second(in, hash);
	return bucket_insert(t, a, key, value) || bucket_insert(t, b, key, value) ||
	       (bucket_relocate(t, in, a) && bucket_insert(t, a, key, value)) ||
	       (bucket_relocate(t, in, b) && bucket_insert(t, b, key, value)) ||
	       (bucket_evict(t, a) && bucket_insert(t, a, key, value));
}

/* Over five eighths full, buckets begin to overflow. */
static void tell_when_crowded(struct fdb *t, const struct fdb_buckets *in)
{
	if (atomic_load(&t->used) * 8 < slots_of(in) * 5 || in->mask + 1 >= atomic_load(&t->buckets_max) ||
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

static enum fdb_verdict learn_known(struct fdb *t, struct fdb_slot *s, uint16_t adapter, uint32_t now_s)
{
	uint64_t value = atomic_load_explicit(&s->value, memory_order_acquire);
	bool frozen = atomic_load_explicit(&t->frozen, memory_order_relaxed);
	if (likely((uint16_t)value == adapter)) {
		if (!frozen && !(value & FDB_STATIC) && value >> 32 != now_s)
			atomic_compare_exchange_strong(&s->value, &value, value_make(adapter, false, now_s));
		return FDB_KNOWN;
	}
	if (value & FDB_STATIC)
		return FDB_OWNED_BY_OTHER;
	if (frozen || !count_take(t, adapter))
		return FDB_REFUSED;
	uint16_t before = (uint16_t)value;
	if (!atomic_compare_exchange_strong(&s->value, &value, value_make(adapter, false, now_s))) {
		atomic_fetch_sub(&t->learned[adapter], 1);
		return FDB_KNOWN;
	}
	atomic_fetch_sub(&t->learned[before], 1);
	atomic_fetch_add(&t->moved, 1);
	return FDB_MOVED;
}

enum fdb_verdict fdb_learn(struct fdb *t, uint64_t key, uint64_t hash, uint16_t adapter, uint32_t now_s)
{
	struct fdb_slot *s = fdb_find(t, key, hash);
	if (likely(s != NULL))
		return learn_known(t, s, adapter, now_s);
	if (atomic_load_explicit(&t->frozen, memory_order_relaxed) || !count_take(t, adapter))
		return FDB_REFUSED;
	struct fdb_buckets *in = fdb_buckets(t);
	tell_when_crowded(t, in);
	if (insert(t, in, key, hash, value_make(adapter, false, now_s)))
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
	struct fdb_buckets *in = fdb_buckets(t);
	tell_when_crowded(t, in);
	return insert(t, in, key, hash, value_make(adapter, true, 0));
}

void fdb_forget(struct fdb *t, const struct mac *mac, uint16_t vlan)
{
	uint64_t key = fdb_key(mac->byte, vlan);
	struct fdb_slot *s = fdb_find(t, key, fdb_hash(t, key));
	if (s)
		slot_clear(t, s, key);
}

uint32_t fdb_age(struct fdb *t, unsigned part, unsigned parts, uint64_t now_ms, uint32_t age_ms)
{
	struct fdb_buckets *b = fdb_buckets(t);
	uint64_t count = (b->mask + 1) / parts;
	uint32_t removed = 0;
	for (uint64_t i = part * count; i < (part + 1) * count; i++) {
		for (int k = 0; k < FDB_BUCKET_SLOTS; k++) {
			struct fdb_slot *s = &b->bucket[i].slot[k];
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
	const struct fdb_buckets *b = fdb_buckets(t);
	struct fdb_entry *list = NULL;
	size_t n = 0, cap = 0;
	for (uint64_t i = 0; i <= b->mask && n < max; i++) {
		for (int k = 0; k < FDB_BUCKET_SLOTS && n < max; k++) {
			uint64_t key = atomic_load(&b->bucket[i].slot[k].key);
			uint64_t value = atomic_load(&b->bucket[i].slot[k].value);
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

/* Into buckets that nobody else sees yet; the counts are of the table, not of the buckets. */
static void copy_entries(struct fdb *t, const struct fdb_buckets *from, struct fdb_buckets *to)
{
	uint64_t used = atomic_load(&t->used);
	for (uint64_t i = 0; i <= from->mask; i++) {
		for (int k = 0; k < FDB_BUCKET_SLOTS; k++) {
			uint64_t key = atomic_load(&from->bucket[i].slot[k].key);
			uint64_t value = atomic_load(&from->bucket[i].slot[k].value);
			if (key <= KEY_BUSY)
				continue;
			if (!insert(t, to, key, fdb_hash(t, key), value) && !(value & FDB_STATIC))
				atomic_fetch_sub(&t->learned[(uint16_t)value], 1);
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
	bool crowded = used * 8 >= slots * 5, roomy = used * 16 < slots;
	n = buckets_for(used * 2); /* a half to a quarter full */
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
