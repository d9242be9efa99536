/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All records that this host holds, by (virtual subnet, customer address) and, for l2only ones, MAC address.
 * The hash grows by one bucket with every record (linear hashing), and records never move, so that no insert
 * takes longer than others however many there are.
 */
#include "modules/hnv/control/held.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "modules/hnv/datapath/records.h"

#define CHUNK 1024 /* records allocated at once */
#define SEGMENT 4096 /* buckets allocated at once */
#define SEGMENTS_MAX 65536

static struct hnvc_record **chunks; /* of CHUNK records */
static size_t n_chunks;
static struct hnvc_record *unused;
static uint64_t n_records;

static struct hnvc_record **segments[SEGMENTS_MAX]; /* of SEGMENT buckets */
static uint64_t n_buckets; /* in use: level <= n_buckets < 2 * level */
static uint64_t level = SEGMENT;
static uint64_t seed;

static uint64_t hash_of(const struct hnvc_subnet *s, const struct ip *customer, const struct mac *l2only_mac)
{
	uint64_t high, low, mac = l2only_mac ? mac_to_u64(l2only_mac) | 1ULL << 63 : 0;
	hnv_address_words(customer->byte, &high, &low);
	high ^= customer->family;
	uint64_t key = hnv_mix((uintptr_t)s ^ seed, mac ^ 0x9e3779b97f4a7c15ULL);
	return hnv_mix(hnv_mix(high ^ seed, low ^ 0xbf58476d1ce4e5b9ULL) ^ key, 0x94d049bb133111ebULL);
}

static const struct mac *mac_in_key(const struct hnv_record *r) { return r->type == HNV_L2ONLY ? &r->mac : NULL; }

static uint64_t record_hash(const struct hnvc_record *r)
{
	return hash_of(r->subnet, &r->pub.customer, mac_in_key(&r->pub));
}

static struct hnvc_record **bucket_at(uint64_t i) { return &segments[i / SEGMENT][i % SEGMENT]; }

static struct hnvc_record **bucket_of(uint64_t hash)
{
	uint64_t i = hash & (level * 2 - 1);
	return bucket_at(i < n_buckets ? i : i - level);
}

/* The first segment with the first record. */
static bool buckets_ready(void)
{
	if (segments[0])
		return true;
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = (uintptr_t)&seed;
	segments[0] = calloc(SEGMENT, sizeof(*segments[0]));
	n_buckets = level = SEGMENT;
	return segments[0] != NULL;
}

/* One more bucket: it takes its share of the one that stood for both. Without memory chains grow instead. */
static void bucket_split(void)
{
	uint64_t segment = n_buckets / SEGMENT;
	if (n_records < n_buckets || segment >= SEGMENTS_MAX)
		return;
	if (!segments[segment])
		segments[segment] = calloc(SEGMENT, sizeof(*segments[segment]));
	if (!segments[segment])
		return;
	struct hnvc_record **at = bucket_at(n_buckets - level), **moved = bucket_at(n_buckets);
	*moved = NULL;
	while (*at) {
		struct hnvc_record *r = *at;
		if ((record_hash(r) & (level * 2 - 1)) != n_buckets) {
			at = &r->chain;
			continue;
		}
		*at = r->chain;
		r->chain = *moved;
		*moved = r;
	}
	if (++n_buckets == level * 2)
		level *= 2;
}

struct hnvc_record *hnvc_held_find(const struct hnvc_subnet *s, const struct ip *customer,
				   const struct mac *l2only_mac)
{
	if (!segments[0])
		return NULL;
	struct hnvc_record *r = *bucket_of(hash_of(s, customer, l2only_mac));
	for (; r; r = r->chain) {
		const struct mac *mac = mac_in_key(&r->pub);
		if (r->subnet == s && !mac == !l2only_mac && ip_equal(&r->pub.customer, customer) &&
		    (!mac || mac_to_u64(mac) == mac_to_u64(l2only_mac)))
			return r;
	}
	return NULL;
}

static bool chunk_add(void)
{
	struct hnvc_record **more = realloc(chunks, (n_chunks + 1) * sizeof(*more));
	struct hnvc_record *chunk = more ? calloc(CHUNK, sizeof(*chunk)) : NULL;
	if (more)
		chunks = more;
	if (!chunk)
		return false;
	chunks[n_chunks++] = chunk;
	for (size_t i = CHUNK; i-- > 0;) {
		chunk[i].chain = unused;
		unused = &chunk[i];
	}
	return true;
}

struct hnvc_record *hnvc_held_alloc(void)
{
	if (!buckets_ready() || (!unused && !chunk_add()))
		return NULL;
	struct hnvc_record *r = unused;
	unused = r->chain;
	*r = (struct hnvc_record){0};
	return r;
}

void hnvc_held_free(struct hnvc_record *r)
{
	free(r->labels);
	*r = (struct hnvc_record){.chain = unused};
	unused = r;
}

void hnvc_held_link(struct hnvc_record *r)
{
	struct hnvc_record **bucket = bucket_of(record_hash(r));
	r->chain = *bucket;
	*bucket = r;
	r->before = NULL;
	r->after = r->subnet->records;
	if (r->after)
		r->after->before = r;
	r->subnet->records = r;
	r->subnet->n_records++;
	r->live = true;
	n_records++;
	bucket_split();
}

void hnvc_held_unlink(struct hnvc_record *r)
{
	struct hnvc_record **at = bucket_of(record_hash(r));
	while (*at != r)
		at = &(*at)->chain;
	*at = r->chain;
	if (r->before)
		r->before->after = r->after;
	else
		r->subnet->records = r->after;
	if (r->after)
		r->after->before = r->before;
	r->subnet->n_records--;
	r->live = false;
	n_records--;
}

uint64_t hnvc_held_count(void) { return n_records; }

struct hnvc_record *hnvc_held_at(uint64_t i, bool *ret_end)
{
	*ret_end = i / CHUNK >= n_chunks;
	if (*ret_end)
		return NULL;
	struct hnvc_record *r = &chunks[i / CHUNK][i % CHUNK];
	return r->live ? r : NULL;
}

uint64_t hnvc_held_bytes(void)
{
	uint64_t segments_used = (n_buckets + SEGMENT - 1) / SEGMENT;
	return n_chunks * CHUNK * sizeof(struct hnvc_record) + segments_used * SEGMENT * sizeof(void *);
}

void hnvc_held_fini(void)
{
	for (size_t i = 0; i < n_chunks * CHUNK; i++)
		free(chunks[i / CHUNK][i % CHUNK].labels);
	for (size_t i = 0; i < n_chunks; i++)
		free(chunks[i]);
	free(chunks);
	for (size_t i = 0; i < SEGMENTS_MAX && segments[i]; i++) {
		free(segments[i]);
		segments[i] = NULL;
	}
	chunks = NULL;
	unused = NULL;
	n_chunks = n_buckets = n_records = 0;
	level = SEGMENT;
}

const char *hnvc_record_text(uint32_t vsid, const struct ip *customer, char buf[static HNVC_RECORD_TEXT])
{
	char text[IP_TEXT_SIZE];
	snprintf(buf, HNVC_RECORD_TEXT, "record %u %s", vsid, ip_format(customer, text));
	return buf;
}
