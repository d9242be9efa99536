/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Down: frames of the control thread travel in the inbox of the worker that owns the adapter, marked, so that all
 * books are written where they belong. What finds the inbox full was never any worker's: it is counted with what
 * departed.
 */
#include <stdatomic.h>
#include <string.h>

#include "core/runtime/inject.h"
#include "core/runtime/punt.h"
#include "core/runtime/worker.h"

/* No worker will see them. */
static void lose(struct frame **frames, unsigned n, const struct drop_reason *reason)
{
	static struct counter_row row;
	row.originated = row.drop_in[reason->id] = n;
	counter_depart(&row);
	row.drop_in[reason->id] = 0;
	for (unsigned i = 0; i < n; i++)
		frame_free(frames[i]);
}

static void send(uint16_t adapter, struct frame **frames, uint16_t n, uint64_t mark)
{
	const struct dataplane *dp = dataplane_current();
	const struct dp_adapter *a = dp && adapter < dp->n_adapters ? dp->adapters[adapter] : NULL;
	if (!a) {
		lose(frames, n, &drop_adapter_gone);
		return;
	}
	unsigned workers = worker_count(); /* none in tests, which empty the first one's inbox themselves */
	struct worker *w = worker_get(workers ? worker_of_queue(a->port, 0, workers) : 0);
	for (uint16_t i = 0; i < n; i++) {
		frames[i]->m.port = adapter;
		frames[i]->m.ol_flags |= mark;
	}
	unsigned sent = rte_ring_mp_enqueue_burst(w->inbox, (void **)frames, n, NULL);
	if (sent < n)
		lose(frames + sent, n - sent, &drop_handover_full);
	/* The other side of worker_sleep: it says that it sleeps and then looks into its inbox. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&w->sleeping, memory_order_relaxed))
		worker_wake(w);
}

void inject(uint16_t to, struct frame **frames, uint16_t n) { send(to, frames, n, FRAME_INJECTED); }

void inject_resume(uint16_t from, struct frame **frames, uint16_t n)
{
	send(from, frames, n, FRAME_INJECTED | FRAME_RESUMED);
}

void inject_enter(struct pipe *p, struct frame *f)
{
	uint16_t id = f->m.port;
	const struct dp_adapter *a = id < p->dp->n_adapters ? p->dp->adapters[id] : NULL;
	bool resumed = f->m.ol_flags & FRAME_RESUMED;
	f->m.ol_flags &= ~(FRAME_INJECTED | FRAME_RESUMED);
	if (!a) {
		p->rows[id]->originated++;
		p->rows[id]->drop_in[drop_adapter_gone.id]++;
		frame_free(f);
	} else if (resumed) {
		pipe_resume(p, a, f);
	} else {
		pipe_originate(p, a, a, f);
	}
}
