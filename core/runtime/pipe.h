/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a node is given to work with: counters, output, drops, time, trace. A worker has one; `explain` has one
 * of its own on the control thread, with the trace on and no way out to a port, so both run the same nodes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>

#include "core/runtime/counter.h"
#include "core/runtime/dataplane.h"
#include "core/runtime/drop.h"
#include "core/runtime/frame.h"

struct trace;
struct capture_set;

#define PIPE_OUT_MAX 64 /* frames for one adapter before it is flushed */

struct pipe_out {
	uint16_t n;
	bool listed;
	struct frame *frame[PIPE_OUT_MAX];
};

struct pipe {
	const struct dataplane *dp;
	struct counter_row **rows; /* by adapter id; the rows themselves never move */
	struct pipe_out **outs; /* by adapter id */
	uint16_t *listed; /* adapters with something in outs */
	uint16_t n_listed;
	uint32_t flooded; /* copies that floods made in this round */
	bool leaving; /* egress is under way: drops count against the adapter that receives */
	uint64_t now_ms; /* coarse monotonic time, refreshed each round */
	const struct frame_pools *pools;
	struct trace *trace; /* NULL but for explain: then learn nothing, send nothing */
	struct capture_set *capture; /* NULL when nobody captures */
	struct worker *worker; /* NULL for explain */
	struct counter_node nodes[NODES_MAX]; /* by struct node's index */
};

static inline struct counter_row *pipe_row(struct pipe *p, const struct dp_adapter *a) { return p->rows[a->id]; }

/* Runs frames that a's port received through ingress and forward. */
void pipe_input(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n);
/* The same for one that was received and punted before: it counts as originated. */
void pipe_resume(struct pipe *p, const struct dp_adapter *a, struct frame *f);

/* f goes to adapter `to`; counted as forwarded from `a`. */
void pipe_output(struct pipe *p, const struct dp_adapter *a, const struct dp_adapter *to, struct frame *f);
/* The same for n frames that all go to one adapter. */
void pipe_output_burst(struct pipe *p, const struct dp_adapter *a, const struct dp_adapter *to, struct frame **frames,
		       uint16_t n);
/* f goes to each of to[0..n) but `a` itself; copies are counted; n may be 0 (then it is dropped under reason). */
void pipe_flood(struct pipe *p, const struct dp_adapter *a, struct dp_adapter *const *to, uint16_t n, struct frame *f,
		const struct drop_reason *nobody);

/* Ends f under a name, against adapter a. */
void pipe_drop(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct drop_reason *reason);
/* Ends f: the switch itself was its receiver. */
void pipe_consume(struct pipe *p, const struct dp_adapter *a, struct frame *f);

/* f, received from a, was turned into the answer to itself: it goes back to a; counted as consumed and originated. */
void pipe_answer(struct pipe *p, const struct dp_adapter *a, struct frame *f);
/* f was made by a node on a's behalf and goes to adapter `to`. */
void pipe_originate(struct pipe *p, const struct dp_adapter *a, const struct dp_adapter *to, struct frame *f);
/* f stays a's: one of several that came of one frame (fragments, replicas). Before it is output or dropped. */
static inline void pipe_copied(struct pipe *p, const struct dp_adapter *a, unsigned copies)
{
	pipe_row(p, a)->ingress_copies += copies;
}

/* Everything in outs through egress and out of the ports. */
void pipe_flush(struct pipe *p);
/* Egress nodes, fit and the port for frames to one adapter (pipe_flush and the hand-over between workers). */
void pipe_egress(struct pipe *p, const struct dp_adapter *to, struct frame **frames, uint16_t n);

/* For an egress node that makes more frames than it was given: what is ready goes on behind the node `from` before
 * the node returns. At most PIPE_OUT_MAX. */
void pipe_egress_rest(struct pipe *p, const struct dp_adapter *to, const struct node *from, struct frame **frames,
		      uint16_t n);

/* The end of the way: out of the port, or into the trace. Frames fit the adapter; bytes: frames_bytes. Called by fit. */
void pipe_transmit(struct pipe *p, const struct dp_adapter *to, struct frame **frames, uint16_t n, uint64_t bytes);

extern struct drop_reason drop_no_memory; /* "no-memory": the pool was empty */
extern struct drop_reason drop_handover_full, drop_adapter_gone; /* on the way to another worker */

/* What explain prints: the object and field that decided, and why. Costs nothing when off. */
void trace_note(struct pipe *p, const struct dp_adapter *a, const char *verdict, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
#define PIPE_TRACE(p, a, verdict, ...)                                                                               \
	do {                                                                                                         \
		if (unlikely((p)->trace != NULL))                                                                    \
			trace_note((p), (a), (verdict), __VA_ARGS__);                                                \
	} while (0)
void trace_enter(struct pipe *p, const struct node *node); /* notes that follow are this node's; NULL: core's */
void trace_node(struct pipe *p, const struct dp_adapter *a, const struct node *node); /* passed this node */
void trace_deliver(struct pipe *p, const struct dp_adapter *to, struct frame **frames,
		   uint16_t n); /* and frees them */
