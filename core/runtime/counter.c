/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the books. A worker adds its rows to the reader's copy between two rounds, when it holds no frame;
 * what is on its way between two workers is `handed - taken`, and a reading in which that is negative
 * (the receiver's copy was the younger one) is taken again.
 */
#include "core/runtime/counter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/runtime/worker.h"

#define COUNTER_WORDS_BEFORE_DROPS (offsetof(struct counter_row, drop_in) / sizeof(uint64_t))

/* Under steady traffic both ways between two workers no order of reading settles: the books balance all the
 * same, with frames on their way counted as taken before they were handed. */
#define COUNTER_TRIES 8

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

void counter_serve(struct worker *w)
{
	struct worker_request *r = atomic_load_explicit(&w->request, memory_order_acquire);
	for (uint16_t i = 0; i < r->count; i++) {
		const struct counter_row *row = w->pipe.rows[r->first + i];
		if (row)
			counter_row_add(&r->rows[i], row);
	}
	atomic_store_explicit(&w->request, NULL, memory_order_release);
}

static void read_once(struct counter_row *rows, uint16_t first, uint16_t n)
{
	struct worker_request r = {.rows = rows, .first = first, .count = n};
	memset(rows, 0, n * sizeof(*rows));
	for (unsigned i = 0; i < worker_count(); i++) {
		struct worker *w = worker_get(i);
		atomic_store_explicit(&w->request, &r, memory_order_release);
		if (!w->started) {
			counter_serve(w);
			continue;
		}
		worker_wake(w);
		for (unsigned spins = 0; atomic_load_explicit(&w->request, memory_order_acquire); spins++)
			if (spins > 2000)
				usleep(20);
	}
}

static bool settled(const struct counter_row *rows, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		if (rows[i].taken > rows[i].handed)
			return false;
	return true;
}

static void read_range(struct counter_row *rows, uint16_t first, uint16_t n)
{
	for (unsigned tries = 0; tries < COUNTER_TRIES; tries++) {
		read_once(rows, first, n);
		if (settled(rows, n))
			return;
	}
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
