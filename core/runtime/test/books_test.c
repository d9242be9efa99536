/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The books while real workers hand each other frames: every reading is a consistent cut. Four made-up ports on two
 * workers give frames as fast as they are asked; each goes to one of the others, to all, or nowhere.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_cycles.h>

#include "base/err.h"
#include "core/runtime/worker.h"
#include "core/runtime/test/plane_fixture.h"
#include "core/runtime/test/test_eal.h"

#define ADAPTERS 4
#define CUTS 300
#define SPARSE_CUTS 2000

DROP(test, unwanted, "test-unwanted", "one in sixteen")
DROP(test, torn, "test-torn", "one in eight on the way out")

static struct frame_pools pools;
static struct port ports[ADAPTERS];
static _Atomic enum { DRY, SPARSE, FLOWING } weather;

/* A shower: some bursts after each pause, so that whoever sleeps wakes into the others' frames. */
static bool shower(uint16_t port)
{
	static struct {
		uint64_t asked;
		unsigned left;
	} of[ADAPTERS]; /* one worker each */
	uint64_t now = rte_rdtsc(), before = of[port].asked;
	of[port].asked = now;
	if (now - before > rte_get_tsc_hz() / 20000)
		of[port].left = 8;
	if (!of[port].left)
		return false;
	of[port].left--;
	return true;
}

static uint16_t source_rx(struct port_queue *q, struct frame **frames, uint16_t n)
{
	uint16_t made = 0;
	int now = atomic_load_explicit(&weather, memory_order_relaxed);
	if (now == DRY || (now == SPARSE && !shower(q->adapter)))
		return 0;
	if (now == SPARSE)
		n /= 2; /* less than a full burst waits for the end of the round */
	for (; made < n && (frames[made] = frame_alloc(pools.small)); made++)
		memset(rte_pktmbuf_append(&frames[made]->m, 60), q->adapter, 60);
	return made;
}

static uint16_t sink_tx(struct port_queue *q, struct frame **frames, uint16_t n)
{
	uint16_t takes = n > 30 ? 30 : n;
	for (uint16_t i = 0; i < takes; i++)
		frame_free(frames[i]);
	q->tx_drop = &drop_torn;
	return takes;
}

static bool never_work(struct port_queue *q) { return false; }

/* Every other worker is slow to get up, as if something else had its processor. */
static void get_up(struct port_queue *q)
{
	if (q->adapter == 1 && atomic_load_explicit(&weather, memory_order_relaxed) == SPARSE)
		usleep(50);
}

static const struct port_ops ops = {
	.kind = "made-up", .rx = source_rx, .tx = sink_tx, .arm = never_work, .disarm = get_up};

/* Gone through in turns, which each worker takes for itself. */
static uint16_t scatter(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	static _Thread_local unsigned turn;
	struct dp_switch *sw = a->sw;
	for (uint16_t i = 0; i < n; i++, turn++) {
		if (turn % 16 == 0)
			pipe_drop(p, a, frames[i], &drop_unwanted);
		else if (turn % 16 == 1)
			pipe_consume(p, a, frames[i]);
		else if (turn % 16 == 2)
			pipe_flood(p, a, sw->members, sw->n_members, frames[i], &drop_unwanted);
		else
			pipe_output(p, a, sw->members[turn % sw->n_members], frames[i]);
	}
	return 0;
}
NODE(test_scatter, FORWARD, scatter, NULL)

static void row_check(const struct counter_row *r)
{
	uint64_t in = 0, out = 0;
	for (uint16_t d = 0; d < drop_count(); d++) {
		in += r->drop_in[d];
		out += r->drop_out[d];
	}
	assert_int_equal(r->received + r->ingress_copies + r->originated, r->forwarded + r->consumed + in);
	assert_true(r->taken <= r->handed);
	assert_int_equal(r->offered + r->egress_copies, r->delivered + out + r->handed - r->taken);
}

/* One reading, by its equations. Returns how many frames were on their way between workers. */
static uint64_t cut_check(uint64_t *ret_received)
{
	static struct counter_row rows[ADAPTERS];
	uint64_t forwarded = 0, offered = 0, held = 0, received = 0;
	counter_read_all(rows, ADAPTERS);
	for (unsigned i = 0; i < ADAPTERS; i++) {
		row_check(&rows[i]);
		forwarded += rows[i].forwarded;
		offered += rows[i].offered;
		received += rows[i].received;
		held += rows[i].handed - rows[i].taken;
	}
	assert_int_equal(forwarded + counter_departed()->forwarded, offered + counter_departed()->offered);
	*ret_received = received;
	return held;
}

static void cuts_check(unsigned n, unsigned pause_us)
{
	uint64_t with_some_on_their_way = 0, received = 0, before;
	for (unsigned i = 0; i < n; i++) {
		before = received;
		with_some_on_their_way += cut_check(&received) > 0;
		assert_true(received >= before);
		if (pause_us)
			usleep(pause_us);
	}
	atomic_store(&weather, DRY);
	assert_true(received > n);
	assert_true(with_some_on_their_way > 0);
}

static void every_cut_balances_under_load(void **state)
{
	dataplane_free(dataplane_publish(plane_make(ports, ADAPTERS)));
	atomic_store(&weather, FLOWING);
	cuts_check(CUTS, 0);
}

/* A reading wakes both; who is up first has copied and handed frames over before the other comes to take them. */
static void every_cut_balances_when_workers_wake_for_it(void **state)
{
	atomic_store(&weather, SPARSE);
	cuts_check(SPARSE_CUTS, 100);
}

/* Frames for the last two adapters lie in inboxes when those go: counted all the same, and nobody trips. */
static void what_waited_for_a_removed_adapter_is_accounted_for(void **state)
{
	uint64_t received;
	atomic_store(&weather, FLOWING);
	for (unsigned i = 0; i < 100; i++) {
		dataplane_free(dataplane_publish(plane_make(ports, ADAPTERS - 2)));
		worker_rows_remove(ADAPTERS - 1);
		worker_rows_remove(ADAPTERS - 2);
		row_check(counter_departed());
		assert_int_equal(counter_departed()->handed, counter_departed()->taken);
		cut_check(&received);
		assert_int_equal(worker_rows_add(ADAPTERS - 2), 0);
		assert_int_equal(worker_rows_add(ADAPTERS - 1), 0);
		dataplane_free(dataplane_publish(plane_make(ports, ADAPTERS)));
		cut_check(&received);
	}
	atomic_store(&weather, DRY);
	assert_true(counter_departed()->drop_out[drop_by_name("adapter-gone")->id] > 0);
}

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void sleepers_answer(void **state)
{
	struct counter_worker was, is;
	uint64_t received, before, begin = now_ns();
	unsigned slept = 0;
	while (cut_check(&before))
		usleep(1000);
	for (unsigned i = 0; i < 100; i++) {
		counter_worker_read(i % 2, &was);
		usleep(1000);
		assert_int_equal(cut_check(&received), 0);
		assert_int_equal(received, before);
		counter_worker_read(i % 2, &is);
		slept += is.sleeps > was.sleeps;
	}
	assert_true(slept > 0);
	assert_true(now_ns() - begin < 20000000000);
}

/* The first two processors that this process may use; the same twice if there is one. */
static void cores_choose(unsigned cores[2])
{
	cpu_set_t set;
	unsigned n = 0;
	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	for (unsigned i = 0; i < CPU_SETSIZE && n < 2; i++)
		if (CPU_ISSET(i, &set))
			cores[n++] = i;
	if (n == 1)
		cores[1] = cores[0];
}

static int start(void **state)
{
	static char names[ADAPTERS][4] = {"a", "b", "c", "d"};
	unsigned cores[2];
	struct err e = {0};
	cores_choose(cores);
	if (!test_eal_start(96, false) || frame_init() || frame_pools_create(&pools, 8191, 8))
		return -1;
	port_pools_set(&pools);
	drop_init();
	if (worker_start_all(cores, 2, &e))
		return -1;
	for (uint16_t i = 0; i < ADAPTERS; i++) {
		struct port_spec spec = {.name = names[i], .queues = 1, .mtu = 1500};
		if (port_init(&ports[i], &ops, &spec) || worker_rows_add(i))
			return -1;
	}
	return 0;
}

static int stop(void **state)
{
	worker_stop_all();
	dataplane_free((struct dataplane *)dataplane_current());
	frame_pools_free(&pools);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_balances_under_load),
		cmocka_unit_test(every_cut_balances_when_workers_wake_for_it),
		cmocka_unit_test(what_waited_for_a_removed_adapter_is_accounted_for),
		cmocka_unit_test(sleepers_answer),
	};
	return cmocka_run_group_tests_name("books", tests, start, stop);
}
