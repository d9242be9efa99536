/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lookup records of a whole burst: asked for all at once, so that their cache misses overlap, then found. Frames
 * that ask the same as the one before share its question, so that bursts of one flow are looked up once.
 */
#pragma once

#include <netinet/in.h>
#include <string.h>

#include "base/bytes.h"
#include "core/runtime/pipe.h"
#include "modules/hnv/datapath/records.h"
#include "modules/hnv/packet.h"

/* One question. A key is written and read whole: a load that spans two younger stores waits for both. */
struct hnv_ask {
	uint64_t hash;
	uint64_t key; /* family, VSID << 32, IPv4 address as on the wire; 0: nothing is asked, no record decides */
	uint8_t byte[16]; /* IPv6 */
};
#define HNV_ASK4 (1ULL << 62)
#define HNV_ASK6 (1ULL << 61)

static inline uint64_t hnv_ask4(uint32_t vsid, uint32_t be_address)
{
	return HNV_ASK4 | (uint64_t)vsid << 32 | be_address;
}
static inline uint64_t hnv_ask6(uint32_t vsid) { return HNV_ASK6 | (uint64_t)vsid << 32; }

static inline uint8_t hnv_ask_family(const struct hnv_ask *ask)
{
	return ask->key & HNV_ASK4 ? AF_INET : ask->key ? AF_INET6 : 0;
}

static inline uint32_t hnv_ask_vsid(const struct hnv_ask *ask) { return ask->key >> 32 & 0xffffff; }

/* What is asked for, in one type for both families. */
static inline struct ip hnv_ask_address(const struct hnv_ask *ask)
{
	struct ip ip = {.family = hnv_ask_family(ask)};
	uint32_t v4 = (uint32_t)ask->key;
	if (ip.family == AF_INET)
		memcpy(ip.byte, &v4, sizeof(v4));
	else
		memcpy(ip.byte, ask->byte, sizeof(ask->byte));
	return ip;
}

static inline void hnv_ask_begin(const struct hnv_network *net, struct hnv_ask *ask)
{
	if (likely(ask->key & HNV_ASK4)) {
		ask->hash = hnv_records4_hash(net->records4, hnv_ask_vsid(ask), (uint32_t)ask->key);
		hnv_records4_prefetch(net->records4, ask->hash);
	} else {
		ask->hash = hnv_records6_hash(net->records6, hnv_ask_vsid(ask), ask->byte);
		hnv_records6_prefetch(net->records6, ask->hash);
	}
}

static inline struct hnv_answer hnv_ask_end(const struct hnv_network *net, const struct hnv_ask *ask)
{
	if (likely(ask->key & HNV_ASK4))
		return hnv_records4_find(net->records4, ask->hash, hnv_ask_vsid(ask), (uint32_t)ask->key);
	return hnv_records6_find(net->records6, ask->hash, hnv_ask_vsid(ask), ask->byte);
}

/* The questions of a burst. */
struct hnv_asks {
	struct hnv_ask ask[PORT_BURST];
	uint16_t n;
	uint8_t of[PORT_BURST]; /* by frame: its question */
};

/* Room for the next question; it counts only when it is asked. */
static inline struct hnv_ask *hnv_asks_next(struct hnv_asks *q) { return &q->ask[q->n]; }

/* Asks the next question for frame i, unless it is the last one over again. */
static inline void hnv_asks_add(struct hnv_asks *q, const struct hnv_network *net, uint16_t i, uint64_t key)
{
	struct hnv_ask *ask = &q->ask[q->n];
	bool same = q->n && ask[-1].key == key && (!(key & HNV_ASK6) || !memcmp(ask[-1].byte, ask->byte, 16));
	if (same) {
		q->of[i] = (uint8_t)(q->n - 1);
		return;
	}
	ask->key = key;
	if (likely(key))
		hnv_ask_begin(net, ask);
	q->of[i] = (uint8_t)q->n++;
}

/* A gateway-wildcard record of the subnet and family: of whoever takes what no other record has. */
static inline struct hnv_answer hnv_wildcard(const struct hnv_network *net, uint32_t vsid, uint8_t family)
{
	const struct ip any = {.family = family};
	return hnv_records_find(net, vsid, &any);
}
