/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of the frame type: an EAL without root or hugepages, pools, and frames of given bytes in random
 * pieces, the last of which may be lent from heap memory that address sanitizers watch.
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>

#include "core/runtime/frame.h"
#include "core/runtime/test/test_eal.h"

static struct frame_pools pools;
static unsigned loans_out; /* lent and not given back */
static uint64_t random_state = 0x9e3779b97f4a7c15ull;

/* xorshift64*: the same numbers in every run. */
static inline uint32_t random_u32(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)(random_state * 0x2545f4914f6cdd1dull >> 32);
}

static inline uint32_t random_below(uint32_t n) { return (uint32_t)((uint64_t)random_u32() * n >> 32); }

static inline void random_fill(uint8_t *at, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		at[i] = (uint8_t)random_u32();
}

static inline int fixture_eal(void) { return !test_eal_start(256, false) ? -1 : frame_init(); }

static inline int fixture_setup(void **state)
{
	(void)state;
	return fixture_eal() || frame_pools_create(&pools, 8192, 64);
}

static inline int fixture_teardown(void **state)
{
	(void)state;
	frame_pools_free(&pools);
	return rte_eal_cleanup();
}

static inline void fixture_back(const struct frame_lender *lender, uint64_t cookie)
{
	(void)lender;
	free((void *)(uintptr_t)cookie);
	loans_out--;
}

static const struct frame_lender fixture_lender = {.back = fixture_back};

static inline void fixture_lend(struct frame *f, const uint8_t *bytes, uint32_t len)
{
	uint8_t *own = malloc(len ? len : 1);
	memcpy(own, bytes, len);
	f->loan = (struct frame_loan){
		.lender = &fixture_lender, .base = own, .cookie = (uint64_t)(uintptr_t)own, .len = len};
	f->m.ol_flags |= FRAME_LENT;
	loans_out++;
}

static inline struct frame *fixture_append(struct frame *f, const uint8_t *bytes, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(len > FRAME_SMALL_ROOM ? pools.big : pools.small);
	memcpy(rte_pktmbuf_mtod(m, void *), bytes, len);
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	if (!f)
		return frame_of(m);
	rte_pktmbuf_chain(&f->m, m);
	return f;
}

/* In one piece. */
static inline struct frame *fixture_frame(const uint8_t *bytes, uint32_t len)
{
	return fixture_append(NULL, bytes, len);
}

/* In up to 17 pieces, the first at least `head` bytes (or all there are), the last perhaps lent. */
static inline struct frame *fixture_pieces(const uint8_t *bytes, uint32_t len, uint32_t head)
{
	struct frame *f = NULL;
	uint32_t off = 0;
	unsigned pieces = random_below(16);
	bool lend = random_below(2);
	for (unsigned i = 0; off < len || !f; i++) {
		uint32_t left = len - off, n = left;
		if (i < pieces)
			n = random_below(RTE_MIN(left, random_below(3) ? 700u : 20000u) + 1);
		if (!f && n < head)
			n = RTE_MIN(left, head);
		if (f && lend && i >= pieces) {
			fixture_lend(f, bytes + off, n);
			break;
		}
		n = RTE_MIN(n, (uint32_t)FRAME_BIG_ROOM);
		f = fixture_append(f, bytes + off, n);
		off += n;
	}
	return f;
}

/* The lowest n bytes of v in network byte order. */
static inline void fixture_put(uint8_t *at, unsigned n, uint32_t v)
{
	while (n--) {
		at[n] = (uint8_t)v;
		v >>= 8;
	}
}

/* Plain RFC 1071: 16-bit words, carries added when they come. */
static inline uint32_t fixture_sum(const uint8_t *at, uint32_t len, uint32_t sum)
{
	for (uint32_t i = 0; i < len; i++) {
		sum += i & 1 ? at[i] : (uint32_t)at[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}
