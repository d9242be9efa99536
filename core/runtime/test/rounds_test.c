/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A storm: every port floods without end, polled ones and gated ones, and there are more of them than a round has room
 * for. Everybody is served all the same, in turn, and a change of the snapshot does not wait for the storm to end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "core/runtime/worker.h"
#include "core/runtime/test/plane_fixture.h"
#include "core/runtime/test/test_eal.h"

#define POLLED 40
#define ADAPTERS 300 /* the rest is gated; a word of the hot bits is not whole */
#define ROUNDS_WANTED 600

static struct frame_pools pools;
static struct port ports[ADAPTERS];
static _Atomic unsigned asked[ADAPTERS];
static _Atomic uint64_t longest, sent_in_round;
static atomic_bool storm;

DROP(test, unwanted, "test-unwanted", "nobody else")

static uint16_t storm_rx(struct port_queue *q, struct frame **frames, uint16_t n)
{
	uint16_t made = 0;
	if (!atomic_load_explicit(&storm, memory_order_relaxed))
		return 0;
	atomic_fetch_add_explicit(&asked[q->adapter], 1, memory_order_relaxed);
	for (; made < n && (frames[made] = frame_alloc(pools.small)); made++)
		memset(rte_pktmbuf_append(&frames[made]->m, 60), 0xff, 60);
	return made;
}

static uint16_t sink_tx(struct port_queue *q, struct frame **frames, uint16_t n)
{
	static uint64_t round;
	uint64_t now = worker_get(0)->count.rounds;
	if (now != round)
		atomic_store_explicit(&sent_in_round, 0, memory_order_relaxed);
	round = now;
	uint64_t count = atomic_fetch_add_explicit(&sent_in_round, n, memory_order_relaxed) + n;
	if (count > atomic_load_explicit(&longest, memory_order_relaxed))
		atomic_store_explicit(&longest, count, memory_order_relaxed);
	for (uint16_t i = 0; i < n; i++)
		frame_free(frames[i]);
	return n;
}

static bool never_work(struct port_queue *q) { return false; }

static const struct port_ops ops = {.kind = "made-up", .rx = storm_rx, .tx = sink_tx, .arm = never_work};

static uint16_t flood_all(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		pipe_flood(p, a, a->sw->members, a->sw->n_members, frames[i], &drop_unwanted);
	return 0;
}
NODE(test_flood_all, FORWARD, flood_all, NULL)

static void everybody_gets_a_turn(void **state)
{
	dataplane_free(dataplane_publish(plane_make(ports, ADAPTERS)));
	atomic_store(&storm, true);
	for (int i = 0; i < 1000 && worker_get(0)->count.rounds < ROUNDS_WANTED; i++)
		usleep(10000);
	/* The snapshot can be changed in the midst of it. */
	dataplane_free(dataplane_publish(plane_make(ports, ADAPTERS)));
	atomic_store(&storm, false);
	dataplane_synchronize();
	for (unsigned i = 0; i < ADAPTERS; i++)
		if (!atomic_load(&asked[i]))
			fail_msg("port %u was never asked in %lu rounds", i, worker_get(0)->count.rounds);
}

static void no_round_is_longer_than_its_bound(void **state)
{
	/* The bound, and one burst more, of either kind. */
	assert_true(longest > 0);
	assert_true(longest <= 4096 + 2 * PORT_BURST * ADAPTERS);
}

static int start(void **state)
{
	struct err e = {0};
	if (!test_eal_start(96, false) || frame_init() || frame_pools_create(&pools, 8191, 8))
		return -1;
	port_pools_set(&pools);
	drop_init();
	if (worker_start_all(NULL, 0, &e))
		return -1;
	for (uint16_t i = 0; i < ADAPTERS; i++) {
		struct port_spec spec = {.name = "p", .queues = 1, .mtu = 1500};
		if (port_init(&ports[i], &ops, &spec) || worker_rows_add(i))
			return -1;
		ports[i].queue[0].fd_gates_rx = i >= POLLED;
		ports[i].queue[0].fd = i >= POLLED ? eventfd(1, EFD_CLOEXEC) : -1;
	}
	return 0;
}

static int stop(void **state)
{
	worker_stop_all();
	dataplane_free((struct dataplane *)dataplane_current());
	for (uint16_t i = 0; i < ADAPTERS; i++) {
		if (ports[i].queue[0].fd >= 0)
			close(ports[i].queue[0].fd);
		port_fini(&ports[i]);
	}
	frame_pools_free(&pools);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everybody_gets_a_turn),
		cmocka_unit_test(no_round_is_longer_than_its_bound),
	};
	return cmocka_run_group_tests_name("rounds", tests, start, stop);
}
