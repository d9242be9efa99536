/* SPDX-License-Identifier: Apache-2.0 */
/* The system's clocks, or a monotonic clock that stands where a test put it. */
#include "base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

static atomic_bool test_stopped;
static _Atomic uint64_t test_now_ns;

static struct timespec now(clockid_t id)
{
	struct timespec ts = {0};
	clock_gettime(id, &ts); /* cannot fail for the two clocks asked for here */
	return ts;
}

uint64_t clock_now_ns(void)
{
	if (atomic_load_explicit(&test_stopped, memory_order_acquire))
		return atomic_load_explicit(&test_now_ns, memory_order_relaxed);
	struct timespec ts = now(CLOCK_MONOTONIC);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t clock_wall_ms(void)
{
	struct timespec ts = now(CLOCK_REALTIME);
	return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

void clock_test_set(uint64_t now_ns)
{
	atomic_store_explicit(&test_now_ns, now_ns, memory_order_relaxed);
	atomic_store_explicit(&test_stopped, true, memory_order_release);
}

void clock_test_advance(uint64_t delta_ns)
{
	atomic_fetch_add_explicit(&test_now_ns, delta_ns, memory_order_relaxed);
}

void clock_test_release(void) { atomic_store_explicit(&test_stopped, false, memory_order_release); }
