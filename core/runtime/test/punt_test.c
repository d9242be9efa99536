/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Up to the control thread and down again, with real workers: nobody's room is taken by another's storm, and the books
 * balance. Two made-up ports on two workers; what they receive is punted, or after a resumption forwarded.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "core/control/loop.h"
#include "core/runtime/punt.h"
#include "core/runtime/worker.h"
#include "core/runtime/test/plane_fixture.h"
#include "core/runtime/test/test_eal.h"

enum { STORM, QUIET, ADAPTERS };

static struct frame_pools pools;
static struct port ports[ADAPTERS];
static atomic_uint to_send[ADAPTERS], sent[ADAPTERS], came_out[ADAPTERS];
static unsigned handled[ADAPTERS];
static bool resume; /* what is handled goes on */

static uint16_t source_rx(struct port_queue *q, struct frame **frames, uint16_t n)
{
	uint16_t made = 0;
	while (made < n && atomic_load(&to_send[q->adapter]) && (frames[made] = frame_alloc(pools.small))) {
		memset(rte_pktmbuf_append(&frames[made]->m, 60), 0, 60);
		atomic_fetch_sub(&to_send[q->adapter], 1);
		made++;
	}
	atomic_fetch_add(&sent[q->adapter], made);
	return made;
}

static uint16_t sink_tx(struct port_queue *q, struct frame **frames, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		frame_free(frames[i]);
	atomic_fetch_add(&came_out[q->adapter], n);
	return n;
}

static bool arm(struct port_queue *q) { return atomic_load(&to_send[q->adapter]) > 0; }

static const struct port_ops ops = {.kind = "made-up", .rx = source_rx, .tx = sink_tx, .arm = arm};

static void on_test(uint16_t adapter, struct frame *f)
{
	handled[adapter]++;
	assert_int_equal(rte_mbuf_refcnt_read(&f->m), 1);
	assert_false(f->m.ol_flags & FRAME_LENT);
	if (resume) {
		frame_data(f)[0] = 1;
		inject_resume(adapter, &f, 1);
	} else {
		frame_free(f);
	}
}
PUNT(test_kind, on_test);

/* What was seen above goes to the other adapter. */
static uint16_t decide(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		if (frame_data(frames[i])[0])
			pipe_output(p, a, a->sw->members[!a->id], frames[i]);
		else
			punt(p, a, frames[i], &punt_test_kind);
	}
	return 0;
}
NODE(test_decide, FORWARD, decide, NULL)

/* The sum of both rows, each checked. */
static struct counter_row books_check(void)
{
	static struct counter_row rows[ADAPTERS];
	struct counter_row sum = {0};
	counter_read_all(rows, ADAPTERS);
	for (unsigned i = 0; i < ADAPTERS; i++) {
		const struct counter_row *r = &rows[i];
		uint64_t in = 0, out = 0;
		for (uint16_t d = 0; d < drop_count(); d++) {
			in += r->drop_in[d];
			out += r->drop_out[d];
		}
		assert_int_equal(r->received + r->ingress_copies + r->originated, r->forwarded + r->consumed + in);
		assert_int_equal(r->offered + r->egress_copies, r->delivered + out + r->handed - r->taken);
		counter_row_add(&sum, r);
	}
	assert_int_equal(sum.forwarded, sum.offered);
	return sum;
}

static void send_all(unsigned adapter, unsigned n)
{
	unsigned before = atomic_load(&sent[adapter]);
	atomic_store(&to_send[adapter], n);
	for (unsigned i = 0; i < WORKERS_MAX && i < worker_count(); i++)
		worker_wake(worker_get(i));
	while (atomic_load(&sent[adapter]) != before + n)
		usleep(100);
	struct counter_row row; /* and every worker has finished the round */
	counter_read(adapter, &row);
	dataplane_synchronize();
}

static void turns(void)
{
	for (unsigned i = 0; i < 50; i++) {
		loop_turn();
		usleep(200);
	}
}

static uint64_t refused(uint16_t adapter)
{
	struct counter_row row;
	counter_read(adapter, &row);
	return row.drop_in[drop_by_name("punt-full")->id];
}

static void a_storm_takes_nobody_elses_room(void **state)
{
	memset(handled, 0, sizeof(handled));
	send_all(STORM, 3000);
	send_all(QUIET, 60);
	assert_int_equal(refused(QUIET), 0);
	assert_true(refused(STORM) > 2000);
	turns();
	assert_int_equal(handled[QUIET], 60);
	assert_int_equal(handled[STORM], 3000 - refused(STORM));
	books_check();
	uint64_t before = refused(STORM);
	send_all(STORM, 60); /* and the storm's own room is there again */
	turns();
	assert_int_equal(refused(STORM), before);
	books_check();
}

static void what_goes_up_while_it_is_handled_is_accounted_for(void **state)
{
	memset(handled, 0, sizeof(handled));
	uint64_t before = refused(STORM);
	atomic_store(&to_send[STORM], 20000);
	worker_wake(worker_get(0));
	worker_wake(worker_get(1));
	while (atomic_load(&to_send[STORM]))
		loop_turn();
	dataplane_synchronize();
	turns();
	assert_int_equal(handled[STORM] + refused(STORM) - before, 20000);
	books_check();
}

static void resumed_frames_go_on(void **state)
{
	memset(handled, 0, sizeof(handled));
	unsigned out = atomic_load(&came_out[STORM]);
	uint64_t originated = books_check().originated;
	resume = true;
	send_all(QUIET, 50);
	turns();
	resume = false;
	assert_int_equal(handled[QUIET], 50);
	assert_int_equal(atomic_load(&came_out[STORM]), out + 50);
	assert_int_equal(books_check().originated, originated + 50);
}

static void injected_frames_leave(void **state)
{
	struct frame *frames[40];
	for (unsigned to = 0; to < ADAPTERS; to++) {
		unsigned out = atomic_load(&came_out[to]);
		for (unsigned i = 0; i < 40; i++) {
			frames[i] = frame_alloc(pools.small);
			rte_pktmbuf_append(&frames[i]->m, 60);
		}
		inject(to, frames, 40);
		turns();
		assert_int_equal(atomic_load(&came_out[to]), out + 40);
		books_check();
	}
	/* To nobody: freed, and counted in the whole. */
	struct frame *f = frame_alloc(pools.small);
	inject(ADAPTERS, &f, 1);
	assert_int_equal(counter_departed()->originated, 1);
	assert_int_equal(counter_departed()->drop_in[drop_by_name("adapter-gone")->id], 1);
}

static void nothing_is_lost_of_the_pool(void **state)
{
	worker_stop_all();
	punt_fini();
	assert_int_equal(rte_mempool_in_use_count(pools.small), 0);
}

static int start(void **state)
{
	static char names[ADAPTERS][4] = {"a", "b"};
	struct err e = {0};
	cpu_set_t set;
	unsigned cores[2] = {0, 0}, n = 0;
	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	for (unsigned i = 0; i < CPU_SETSIZE && n < 2; i++)
		if (CPU_ISSET(i, &set))
			cores[n++] = i;
	if (n == 1)
		cores[1] = cores[0];
	if (!test_eal_start(96, false) || frame_init() || frame_pools_create(&pools, 8191, 8))
		return -1;
	port_pools_set(&pools);
	drop_init();
	if (loop_init() || punt_init() || worker_start_all(cores, 2, &e))
		return -1;
	for (unsigned i = 0; i < ADAPTERS; i++) {
		struct port_spec spec = {.name = names[i], .queues = 1, .mtu = 1500};
		if (port_init(&ports[i], &ops, &spec) || worker_rows_add(i))
			return -1;
	}
	dataplane_free(dataplane_publish(plane_make(ports, ADAPTERS)));
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_storm_takes_nobody_elses_room),
		cmocka_unit_test(what_goes_up_while_it_is_handled_is_accounted_for),
		cmocka_unit_test(resumed_frames_go_on),
		cmocka_unit_test(injected_frames_leave),
		cmocka_unit_test(nothing_is_lost_of_the_pool),
	};
	return cmocka_run_group_tests_name("punt", tests, start, NULL);
}
