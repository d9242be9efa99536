/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The books. Each worker has rows of its own, one for each adapter, written by nobody else; a reader gets the sum
 * of copies that the workers make, each between two rounds, so that every reading balances exactly:
 *
 *   received + ingress_copies + originated = forwarded + consumed + ingress drops
 *   offered  + egress_copies               = delivered + egress drops + held
 *   sum of forwarded over all adapters     = sum of offered
 *
 * and no frame is taken before it was handed over: held is never negative.
 *
 * received is what the adapter's owner sent (its `out`), delivered what it got (its `in`).
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "core/runtime/drop.h"

struct counter_row {
	uint64_t received, received_bytes;
	uint64_t ingress_copies; /* made by flooding or mirroring of what it sent */
	uint64_t originated; /* made by the switch on its behalf */
	uint64_t forwarded; /* handed to an adapter's egress */
	uint64_t consumed; /* answered or used up by the switch itself */
	uint64_t offered; /* came to its egress */
	uint64_t egress_copies; /* segments beyond the first */
	uint64_t delivered, delivered_bytes;
	uint64_t handed, taken; /* to and from the worker that owns its queue: held = handed - taken */
	uint64_t drop_in[DROP_MAX], drop_out[DROP_MAX];
};

struct counter_worker {
	uint64_t packets; /* received by this worker's queues */
	uint64_t busy_cycles, idle_cycles; /* TSC: rounds that moved frames or found work, and the others */
	uint64_t rounds, sleeps;
};

/* What passed through a node. */
struct counter_node {
	uint64_t frames, kept; /* that it was given; that it passed on to the next */
};

/* One adapter's row, summed over the workers. Control thread, as the next. */
void counter_read(uint16_t adapter, struct counter_row *ret_row);
/* All rows 0..n-1, by one consistent cut through all workers. */
void counter_read_all(struct counter_row *rows, uint16_t n);
/* What went with adapters that were removed, so that the whole still balances. */
const struct counter_row *counter_departed(void);
void counter_worker_read(unsigned worker, struct counter_worker *ret);
void counter_node_read(uint16_t node, struct counter_node *ret); /* by struct node's index */

/* Between worker.c and counter.c. */
struct worker;
extern atomic_uint counter_epoch; /* of the newest reading; a worker whose copy is older owes one */
void counter_row_add(struct counter_row *to, const struct counter_row *from);
void counter_serve(struct worker *w); /* pays it; the worker itself, with nothing in its pipe */
void counter_depart(const struct counter_row *row);
