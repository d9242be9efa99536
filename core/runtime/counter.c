/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the books: a consistent cut (Chandy and Lamport 1985). A reading is a new epoch; each worker adds its rows
 * to it once, at a moment of its own when it has nothing in its pipe, and goes on. Nobody waits for another worker.
 *
 * A frame handed over after the sender's copy must not be in the receiver's. No marker has to travel with it: the
 * sender had seen the epoch, so who takes the frame out of the ring sees it as well, and copies before it counts
 * (worker.c, inbox_poll). A frame handed over before and taken after is on its way in the cut: `held`.
 */
#include "core/runtime/counter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/runtime/worker.h"

#define COUNTER_WORDS_BEFORE_DROPS (offsetof(struct counter_row, drop_in) / sizeof(uint64_t))

/* What the workers copy into. Written by the control thread while no worker owes a copy. */
static struct {
	struct counter_row *rows;
	uint16_t first, count;
	atomic_uint missing; /* workers that have not copied yet */
} reading;

atomic_uint counter_epoch;

static struct counter_row departed;

void counter_row_add(struct counter_row *to, const struct counter_row *from)
{
	uint64_t *t = (uint64_t *)to;
	const uint64_t *f = (const uint64_t *)from;
	for (size_t i = 0; i < COUNTER_WORDS_BEFORE_DROPS; i++)
		t[i] += f[i];
	for (uint16_t i = 0; i < drop_count(); i++) {
		to->drop_in[i] += from->drop_in[i];
		to->drop_out[i] += from->drop_out[i];
	}
}

/* Several workers may be copying at once. */
static void words_add(uint64_t *to, const uint64_t *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (from[i])
			__atomic_fetch_add(&to[i], from[i], __ATOMIC_RELAXED);
}

void counter_serve(struct worker *w)
{
	w->epoch = atomic_load_explicit(&counter_epoch, memory_order_acquire);
	for (uint16_t i = 0; i < reading.count; i++) {
		const struct counter_row *row = w->pipe.rows[reading.first + i];
		struct counter_row *to = &reading.rows[i];
		if (!row)
			continue;
		words_add((uint64_t *)to, (const uint64_t *)row, COUNTER_WORDS_BEFORE_DROPS);
		words_add(to->drop_in, row->drop_in, drop_count());
		words_add(to->drop_out, row->drop_out, drop_count());
	}
	atomic_fetch_sub_explicit(&reading.missing, 1, memory_order_release);
}

static void read_range(struct counter_row *rows, uint16_t first, uint16_t n)
{
	memset(rows, 0, n * sizeof(*rows));
	reading.rows = rows;
	reading.first = first;
	reading.count = n;
	atomic_store_explicit(&reading.missing, worker_count(), memory_order_relaxed);
	atomic_fetch_add_explicit(&counter_epoch, 1, memory_order_release);
	for (unsigned i = 0; i < worker_count(); i++) {
		struct worker *w = worker_get(i);
		if (w->started)
			worker_wake(w);
		else
			counter_serve(w);
	}
	for (unsigned spins = 0; atomic_load_explicit(&reading.missing, memory_order_acquire); spins++)
		if (spins > 2000)
			usleep(20);
}

void counter_read(uint16_t adapter, struct counter_row *ret_row) { read_range(ret_row, adapter, 1); }

void counter_read_all(struct counter_row *rows, uint16_t n)
{
	if (n)
		read_range(rows, 0, n);
}

const struct counter_row *counter_departed(void) { return &departed; }

void counter_depart(const struct counter_row *row) { counter_row_add(&departed, row); }

void counter_node_read(uint16_t node, struct counter_node *ret)
{
	struct counter_node sum = {0};
	for (unsigned i = 0; i < worker_count(); i++) {
		sum.frames += worker_get(i)->pipe.nodes[node].frames;
		sum.kept += worker_get(i)->pipe.nodes[node].kept;
	}
	*ret = sum;
}

void counter_worker_read(unsigned worker, struct counter_worker *ret) { *ret = worker_get(worker)->count; }
