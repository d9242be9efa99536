/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a burst: ingress nodes, forward, then, once all bursts of the round are in, egress nodes and the
 * port of each adapter that got something. Nodes are called directly: one indirect call a node and burst.
 */
#include "core/runtime/pipe.h"

#include <string.h>

#include "core/runtime/capture.h"
#include "core/runtime/compartment.h"
#include "core/runtime/drop_note.h"
#include "core/runtime/fit.h"
#include "core/runtime/flow_hash.h"
#include "core/runtime/worker.h"

DROP(core, no_forwarder, "no-forwarder",
     "no module forwards for this adapter's switch; apply a document whose modules are built in")
DROP(core, handover_full, "handover-full",
     "the worker that owns the adapter's queue is overloaded; give weftd more worker cores")
DROP(core, no_memory, "no-memory", "no frame buffer was free; raise weftd --memory")

/* One node on one burst; under explain, with its name on what it says. */
static inline uint16_t node_run(struct pipe *p, const struct dp_adapter *a, const struct node *node,
				struct frame **frames, uint16_t n)
{
	struct counter_node *count = &p->nodes[node->index];
	count->frames += n;
	if (likely(p->trace == NULL)) {
		n = node->fn(p, a, frames, n);
		count->kept += n;
		return n;
	}
	trace_enter(p, node);
	n = node->fn(p, a, frames, n);
	if (n)
		trace_node(p, a, node);
	trace_enter(p, NULL);
	return n;
}

static void ingress(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	for (uint16_t i = 0; i < a->n_ingress && n; i++)
		n = node_run(p, a, a->ingress[i], frames, n);
	if (!n)
		return;
	if (likely(a->forward != NULL)) {
		node_run(p, a, a->forward, frames, n);
		return;
	}
	for (uint16_t i = 0; i < n; i++)
		pipe_drop(p, a, frames[i], &drop_no_forwarder);
}

void pipe_input(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	if (unlikely(a->compartments != NULL)) {
		compartments_input(p, a, frames, n);
		return;
	}
	struct counter_row *row = pipe_row(p, a);
	row->received += n;
	row->received_bytes += frames_bytes(frames, n);
	if (unlikely(p->capture != NULL))
		capture_tap(p, a, frames, n, CAPTURE_IN, NULL);
	ingress(p, a, frames, n);
}

void pipe_resume(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	pipe_row(p, a)->originated++;
	ingress(p, a, &f, 1);
}

static void out_flush(struct pipe *p, const struct dp_adapter *to);

static inline struct pipe_out *out_of(struct pipe *p, const struct dp_adapter *to)
{
	struct pipe_out *o = p->outs[to->id];
	if (!o->listed) {
		o->listed = true;
		p->listed[p->n_listed++] = to->id;
	}
	return o;
}

static inline void out_add(struct pipe *p, const struct dp_adapter *to, struct frame *f)
{
	struct pipe_out *o = out_of(p, to);
	if (unlikely(o->n == PIPE_OUT_MAX))
		out_flush(p, to);
	o->frame[o->n++] = f;
}

void pipe_output(struct pipe *p, const struct dp_adapter *a, const struct dp_adapter *to, struct frame *f)
{
	pipe_row(p, a)->forwarded++;
	out_add(p, to, f);
}

void pipe_output_burst(struct pipe *p, const struct dp_adapter *a, const struct dp_adapter *to, struct frame **frames,
		       uint16_t n)
{
	struct pipe_out *o = out_of(p, to);
	pipe_row(p, a)->forwarded += n;
	while (n) {
		if (o->n == PIPE_OUT_MAX)
			out_flush(p, to);
		uint16_t room = PIPE_OUT_MAX - o->n;
		uint16_t k = n < room ? n : room;
		memcpy(o->frame + o->n, frames, k * sizeof(*frames));
		o->n += k;
		frames += k;
		n -= k;
	}
}

void pipe_flood(struct pipe *p, const struct dp_adapter *a, struct dp_adapter *const *to, uint16_t n, struct frame *f,
		const struct drop_reason *nobody)
{
	struct counter_row *row = pipe_row(p, a);
	uint16_t sent = 0;
	for (uint16_t i = 0; i < n; i++) {
		if (to[i] == a)
			continue;
		if (sent++)
			frame_hold(f);
		out_add(p, to[i], f);
	}
	if (!sent) {
		pipe_drop(p, a, f, nobody);
		return;
	}
	row->ingress_copies += sent - 1;
	row->forwarded += sent;
	p->flooded += sent;
}

void pipe_drop(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct drop_reason *reason)
{
	struct counter_row *row = pipe_row(p, a);
	(p->leaving ? row->drop_out : row->drop_in)[reason->id]++;
	if (unlikely(reason->policy && !p->trace))
		drop_note(a, reason);
	if (unlikely(p->capture != NULL))
		capture_tap(p, a, &f, 1, p->leaving ? CAPTURE_OUT : CAPTURE_IN, reason);
	PIPE_TRACE(p, a, "drop", "%s: %s", reason->name, reason->help);
	frame_free(f);
}

void pipe_consume(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	pipe_row(p, a)->consumed++;
	frame_free(f);
}

void pipe_answer(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	pipe_row(p, a)->consumed++;
	pipe_originate(p, a, a, f);
}

void pipe_originate(struct pipe *p, const struct dp_adapter *a, const struct dp_adapter *to, struct frame *f)
{
	pipe_row(p, a)->originated++;
	pipe_output(p, a, to, f);
}

static void refuse(struct pipe *p, const struct dp_adapter *to, struct frame **frames, uint16_t n,
		   const struct drop_reason *reason)
{
	for (uint16_t i = 0; i < n; i++)
		pipe_drop(p, to, frames[i], reason);
}

/* Out of one queue; what it does not take is dropped under the reason it gives. */
static void queue_send(struct pipe *p, const struct dp_adapter *to, struct port_queue *q, struct frame **frames,
		       uint16_t n, uint64_t bytes)
{
	struct counter_row *row = pipe_row(p, to);
	if (unlikely(p->capture != NULL))
		capture_tap(p, to, frames, n, CAPTURE_OUT, NULL);
	uint16_t sent = to->port->ops->tx(q, frames, n);
	if (unlikely(sent < n)) {
		bytes -= frames_bytes(frames + sent, n - sent);
		refuse(p, to, frames + sent, n - sent, q->tx_drop);
	}
	row->delivered += sent;
	row->delivered_bytes += bytes;
}

/* A guest with several queues on this worker gets each flow on one of them. */
static void spread_send(struct pipe *p, const struct dp_adapter *to, struct port_queue **queues, unsigned n_queues,
			struct frame **frames, uint16_t n)
{
	struct frame *part[PIPE_OUT_MAX];
	uint32_t hash[PIPE_OUT_MAX];
	for (uint16_t i = 0; i < n; i++)
		hash[i] = frame_flow_hash(frames[i]);
	for (unsigned k = 0; k < n_queues; k++) {
		uint16_t n_part = 0;
		for (uint16_t i = 0; i < n; i++)
			if (hash[i] % n_queues == k)
				part[n_part++] = frames[i];
		if (n_part)
			queue_send(p, to, queues[k], part, n_part, frames_bytes(part, n_part));
	}
}

static void port_send(struct pipe *p, const struct dp_adapter *to, struct frame **frames, uint16_t n, uint64_t bytes)
{
	struct port *port = to->port;
	if (port->n_queues == 1) {
		queue_send(p, to, &port->queue[0], frames, n, bytes);
		return;
	}
	struct port_queue *mine[PORT_QUEUES_MAX] = {&port->queue[0]};
	unsigned n_mine = 0, workers = worker_count();
	for (uint16_t i = 0; i < port->n_queues; i++)
		if (worker_of_queue(port, i, workers) == p->worker->id && (port->queue[i].enabled || i == 0))
			mine[n_mine++] = &port->queue[i];
	if (n_mine <= 1)
		queue_send(p, to, mine[0], frames, n, bytes);
	else
		spread_send(p, to, mine, n_mine, frames, n);
}

/* Does this worker own a queue of `to` that is in use? The first queue always counts as in use. */
static bool owns_queue(const struct pipe *p, const struct dp_adapter *to)
{
	unsigned workers = worker_count();
	if (workers <= 1)
		return true;
	for (uint16_t i = 0; i < to->port->n_queues; i++)
		if (worker_of_queue(to->port, i, workers) == p->worker->id && (i == 0 || to->port->queue[i].enabled))
			return true;
	return false;
}

void pipe_egress(struct pipe *p, const struct dp_adapter *to, struct frame **frames, uint16_t n)
{
	p->leaving = true;
	for (uint16_t i = 0; i < to->n_egress && n; i++)
		n = node_run(p, to, to->egress[i], frames, n);
	if (likely(n))
		fit_and_send(p, to, frames, n);
	p->leaving = false;
}

void pipe_egress_rest(struct pipe *p, const struct dp_adapter *to, const struct node *from, struct frame **frames,
		      uint16_t n)
{
	uint16_t i = 0;
	while (i < to->n_egress && to->egress[i] != from)
		i++;
	p->nodes[from->index].kept += n;
	while (++i < to->n_egress && n)
		n = node_run(p, to, to->egress[i], frames, n);
	if (n)
		fit_and_send(p, to, frames, n);
	if (unlikely(p->trace != NULL))
		trace_enter(p, from);
}

void pipe_transmit(struct pipe *p, const struct dp_adapter *to, struct frame **frames, uint16_t n, uint64_t bytes)
{
	if (unlikely(p->trace != NULL)) {
		trace_deliver(p, to, frames, n);
		return;
	}
	port_send(p, to, frames, n, bytes);
}

/* To the worker that owns the adapter's first queue. */
static void hand_over(struct pipe *p, const struct dp_adapter *to, struct frame **frames, uint16_t n)
{
	struct worker *w = worker_get(worker_of_queue(to->port, 0, worker_count()));
	for (uint16_t i = 0; i < n; i++)
		if (rte_mbuf_refcnt_read(&frames[i]->m) > 1) {
			struct frame *own = frame_unshare(frames[i], p->pools);
			if (!own) {
				p->leaving = true;
				refuse(p, to, &frames[i], 1, &drop_no_memory);
				p->leaving = false;
				frames[i--] = frames[--n];
				continue;
			}
			frames[i] = own;
		}
	for (uint16_t i = 0; i < n; i++)
		frames[i]->m.port = to->id;
	unsigned sent = rte_ring_mp_enqueue_burst(w->inbox, (void **)frames, n, NULL);
	pipe_row(p, to)->handed += sent;
	p->leaving = true;
	refuse(p, to, frames + sent, n - sent, &drop_handover_full);
	p->leaving = false;
	/* The other side of worker_sleep: it says that it sleeps and then looks into its inbox. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&w->sleeping, memory_order_relaxed))
		worker_wake(w);
}

static void out_flush(struct pipe *p, const struct dp_adapter *to)
{
	struct pipe_out *o = p->outs[to->id];
	uint16_t n = o->n;
	o->n = 0;
	pipe_row(p, to)->offered += n;
	if (likely(p->trace != NULL || owns_queue(p, to)))
		pipe_egress(p, to, o->frame, n);
	else
		hand_over(p, to, o->frame, n);
}

void pipe_flush(struct pipe *p)
{
	for (uint16_t i = 0; i < p->n_listed; i++) {
		uint16_t id = p->listed[i];
		p->outs[id]->listed = false;
		if (p->outs[id]->n)
			out_flush(p, p->dp->adapters[id]);
	}
	p->n_listed = 0;
}
