/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often a port is answered. One word a bucket, without a lock: the moment at which the bucket will be full
 * again (GCRA, ITU-T I.371). Workers that share a port may let a few more pass than said, never fewer.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct hnv_limit {
	_Atomic uint64_t full_us; /* all zero: full now */
};

/* One more at now_ms, of a steady `a_second` with bursts up to `burst`? */
static inline bool hnv_limit_take(struct hnv_limit *l, uint64_t now_ms, uint32_t a_second, uint32_t burst)
{
	uint64_t now = now_ms * 1000, cost = 1000000 / a_second;
	uint64_t full = atomic_load_explicit(&l->full_us, memory_order_relaxed);
	if (full < now)
		full = now;
	if (full + cost > now + cost * burst)
		return false;
	atomic_store_explicit(&l->full_us, full + cost, memory_order_relaxed);
	return true;
}
