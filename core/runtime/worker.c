/* SPDX-License-Identifier: Apache-2.0 */
/* The poll loop, and the workers' life. */
#include "core/runtime/worker.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_lcore.h>
#include <rte_rcu_qsbr.h>

#include "base/err.h"
#include "core/runtime/capture.h"
#include "core/runtime/inject.h"
#include "core/runtime/rcu.h"

/* Without work, before a worker sleeps: rings in memory are dear to be woken for (a kick leaves the guest); who
 * writes to a tap or packet socket is in the kernel anyway, and may want this very core. */
#define SPIN_POLLED_US 40
#define SPIN_GATED_US 5
#define ROUND_COPIES 4096 /* made by floods in one round; a burst is never broken off */
#define LOOK_US 4 /* between two looks at gated descriptors while others are busy */

DROP(core, adapter_gone, "adapter-gone", "the receiving adapter was removed while the frame was on its way")

static struct worker workers[WORKERS_MAX];
static unsigned n_workers;
static uint64_t tsc_per_ms, spin_polled_tsc, spin_gated_tsc, look_tsc;

unsigned worker_count(void) { return n_workers; }

struct worker *worker_get(unsigned id) { return &workers[id]; }

void worker_wake(struct worker *w)
{
	uint64_t one = 1;
	if (w->wake_fd >= 0 && write(w->wake_fd, &one, sizeof(one)) < 0)
		return; /* the counter is full: it is awake */
}

static unsigned queue_poll(struct worker *w, unsigned i)
{
	const struct worker_plan *plan = w->seen;
	struct frame *frames[PORT_BURST];
	struct port_queue *q = plan->queues[i];
	uint16_t n = q->port->ops->rx(q, frames, PORT_BURST);
	if (!n)
		return 0;
	w->count.packets += n;
	pipe_input(&w->pipe, plan->queue_adapters[i], frames, n);
	/* Out while they are still in the first-level cache; small bursts wait for company. */
	if (n == PORT_BURST)
		pipe_flush(&w->pipe);
	return n;
}

/* One frame may be thousands of copies. Then other queues wait for the next round, and whoever waits for a quiescent
 * state waits for one burst's flood beyond this at most. */
static bool round_is_full(const struct worker *w) { return w->pipe.flooded > ROUND_COPIES; }

static unsigned polled_poll(struct worker *w)
{
	unsigned n = w->seen->n_polled, work = 0;
	for (unsigned k = 0; k < n && !round_is_full(w); k++) {
		work += queue_poll(w, w->polled_at);
		w->polled_at = w->polled_at + 1 < n ? w->polled_at + 1 : 0;
	}
	return work;
}

/* Gated queues that were readable are read until they are dry. The word in which a round begins comes twice: its upper
 * bits first, the others last. */
static unsigned gated_poll(struct worker *w)
{
	const struct worker_plan *plan = w->seen;
	unsigned words = (plan->n_queues - plan->n_polled) / 64 + 1, at = w->gated_at, work = 0;
	uint64_t upper = ~0ULL << (at & 63);
	for (unsigned step = 0; step <= words; step++) {
		unsigned word = (at / 64 + step) % words;
		uint64_t bits = w->hot[word] & (step == 0 ? upper : step == words ? ~upper : ~0ULL);
		while (bits) {
			unsigned k = word * 64 + (unsigned)__builtin_ctzll(bits);
			bits &= bits - 1;
			unsigned n = queue_poll(w, plan->n_polled + k);
			work += n;
			if (n < PORT_BURST)
				w->hot[word] &= ~(1ULL << (k & 63));
			if (unlikely(round_is_full(w))) {
				w->gated_at = k + 1;
				return work;
			}
		}
	}
	return work;
}

/* First in a round, while nothing is in the pipe: whoever handed these frames over may have copied its rows for a
 * reading of the books before, and then this worker's copy must be made before they count as taken. The ring orders
 * it: with the frame comes all that its sender had seen, the reading's epoch included. */
static unsigned inbox_poll(struct worker *w)
{
	struct frame *frames[PORT_BURST];
	unsigned n = rte_ring_sc_dequeue_burst(w->inbox, (void **)frames, PORT_BURST, NULL);
	if (n && worker_copy_due(w))
		counter_serve(w);
	const struct dataplane *dp = w->seen->dp;
	for (unsigned i = 0; i < n;) {
		if (unlikely(frames[i]->m.ol_flags & FRAME_INJECTED)) {
			inject_enter(&w->pipe, frames[i++]);
			continue;
		}
		unsigned id = frames[i]->m.port, k = i + 1;
		while (k < n && frames[k]->m.port == id && !(frames[k]->m.ol_flags & FRAME_INJECTED))
			k++;
		w->pipe.rows[id]->taken += k - i;
		if (id < dp->n_adapters && dp->adapters[id])
			pipe_egress(&w->pipe, dp->adapters[id], frames + i, (uint16_t)(k - i));
		else
			for (unsigned f = i; f < k; f++) {
				w->pipe.rows[id]->drop_out[drop_adapter_gone.id]++;
				frame_free(frames[f]);
			}
		i = k;
	}
	return n;
}

static void plan_take_up(struct worker *w)
{
	struct worker_plan *plan = atomic_load_explicit(&w->plan, memory_order_acquire);
	bool rescan = atomic_load_explicit(&w->rescan, memory_order_relaxed) &&
		      atomic_exchange_explicit(&w->rescan, false, memory_order_acq_rel);
	if (plan == w->seen && !rescan)
		return;
	w->seen = plan;
	w->pipe.dp = plan->dp;
	w->polled_at = w->gated_at = 0;
	worker_watch(w);
	atomic_store_explicit(&w->taken_up, plan, memory_order_release);
}

static unsigned round_run(struct worker *w)
{
	const struct worker_plan *plan = w->seen;
	unsigned work = inbox_poll(w); /* also what the control thread made */
	w->pipe.flooded = 0;
	work += polled_poll(w);
	if (plan->n_polled < plan->n_queues)
		work += gated_poll(w);
	pipe_flush(&w->pipe);
	return work;
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct rte_rcu_qsbr *rcu = rcu_variable();
	/* Without a place among the lcores the pools have no cache for it: still correct, slower. */
	bool registered = rte_thread_register() == 0;
	rte_rcu_qsbr_thread_register(rcu, w->id);
	rte_rcu_qsbr_thread_online(rcu, w->id);
	uint64_t begin = rte_rdtsc();
	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		rte_rcu_qsbr_quiescent(rcu, w->id);
		plan_take_up(w);
		w->pipe.now_ms = begin / tsc_per_ms;
		w->pipe.capture = capture_current();
		bool gated = w->seen->n_polled < w->seen->n_queues;
		if (gated && begin - w->last_look_tsc > look_tsc) {
			worker_look(w);
			w->last_look_tsc = begin;
		}
		unsigned work = round_run(w);
		w->count.rounds++;
		if (worker_copy_due(w))
			counter_serve(w);
		uint64_t end = rte_rdtsc();
		if (work) {
			w->count.busy_cycles += end - begin;
			w->last_work_tsc = end;
		} else {
			w->count.idle_cycles += end - begin;
			if (end - w->last_work_tsc > (w->seen->n_polled ? spin_polled_tsc : spin_gated_tsc)) {
				worker_sleep(w);
				w->count.idle_cycles += rte_rdtsc() - end;
				end = rte_rdtsc();
			}
		}
		begin = end;
	}
	rte_rcu_qsbr_thread_offline(rcu, w->id);
	rte_rcu_qsbr_thread_unregister(rcu, w->id);
	if (registered)
		rte_thread_unregister();
	return NULL;
}

static void worker_clear(struct worker *w)
{
	if (w->inbox)
		rte_ring_free(w->inbox);
	if (w->epoll_fd > 0)
		close(w->epoll_fd);
	if (w->wake_fd > 0)
		close(w->wake_fd);
	for (unsigned i = 0; w->pipe.rows && w->pipe.outs && i < DP_ADAPTERS_MAX; i++) {
		free(w->pipe.rows[i]);
		free(w->pipe.outs[i]);
	}
	free(w->pipe.rows);
	free(w->pipe.outs);
	free(w->pipe.listed);
	free(w->hot);
	worker_plan_free(atomic_load(&w->plan));
	memset(w, 0, sizeof(*w));
}

static int worker_prepare(struct worker *w, unsigned id, int core)
{
	static const struct dataplane nothing;
	char name[RTE_RING_NAMESIZE];
	memset(w, 0, sizeof(*w));
	w->id = id;
	w->core = core;
	w->epoch = atomic_load(&counter_epoch);
	struct worker_plan *idle = calloc(1, sizeof(*idle));
	if (!idle)
		return -ENOMEM;
	idle->dp = &nothing;
	atomic_store(&w->plan, idle);
	w->seen = idle;
	w->pipe.worker = w;
	w->pipe.dp = &nothing;
	w->pipe.pools = port_pools();
	w->pipe.rows = calloc(DP_ADAPTERS_MAX, sizeof(struct counter_row *));
	w->pipe.outs = calloc(DP_ADAPTERS_MAX, sizeof(struct pipe_out *));
	w->pipe.listed = calloc(DP_ADAPTERS_MAX, sizeof(uint16_t));
	w->hot = calloc(1, sizeof(uint64_t));
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	snprintf(name, sizeof(name), "inbox%u", id);
	w->inbox = rte_ring_create(name, WORKER_INBOX, SOCKET_ID_ANY, RING_F_SC_DEQ);
	if (!w->pipe.rows || !w->pipe.outs || !w->pipe.listed || !w->hot || w->epoll_fd < 0 || w->wake_fd < 0 ||
	    !w->inbox)
		return -ENOMEM;
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = UINT64_MAX};
	return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->wake_fd, &ev) ? -errno : 0;
}

static int worker_launch(struct worker *w)
{
	int rc = pthread_create(&w->thread, NULL, worker_main, w);
	if (rc)
		return -rc;
	w->started = true;
	char name[16];
	snprintf(name, sizeof(name), "weft-worker%u", w->id % 1000);
	pthread_setname_np(w->thread, name);
	if (w->core < 0)
		return 0;
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET((unsigned)w->core, &set);
	return -pthread_setaffinity_np(w->thread, sizeof(set), &set);
}

int worker_start_all(const unsigned *cores, unsigned n, struct err *e)
{
	unsigned want = cores && n ? n : 1;
	if (want > WORKERS_MAX)
		return err_set(e, EINVAL, "worker-cores", "%u cores given; at most %d workers", want, WORKERS_MAX);
	tsc_per_ms = rte_get_tsc_hz() / 1000;
	spin_polled_tsc = tsc_per_ms * SPIN_POLLED_US / 1000;
	spin_gated_tsc = tsc_per_ms * SPIN_GATED_US / 1000;
	look_tsc = tsc_per_ms * LOOK_US / 1000;
	for (unsigned i = 0; i < want; i++) {
		int core = cores && n ? (int)cores[i] : -1;
		int rc = worker_prepare(&workers[i], i, core);
		n_workers = i + 1;
		if (!rc)
			rc = worker_launch(&workers[i]);
		if (rc) {
			worker_stop_all();
			return err_set(e, -rc, "worker-cores", "worker %u on core %d cannot start: %s", i, core,
				       strerror(-rc));
		}
	}
	return 0;
}

void worker_stop_all(void)
{
	for (unsigned i = 0; i < n_workers; i++) {
		struct worker *w = &workers[i];
		atomic_store(&w->stop, true);
		worker_wake(w);
		if (w->started)
			pthread_join(w->thread, NULL);
		w->started = false;
	}
	for (unsigned i = 0; i < n_workers; i++)
		worker_clear(&workers[i]);
	n_workers = 0;
}

int worker_rows_add(uint16_t adapter)
{
	for (unsigned i = 0; i < n_workers; i++) {
		struct pipe *p = &workers[i].pipe;
		p->rows[adapter] = calloc(1, sizeof(struct counter_row));
		p->outs[adapter] = calloc(1, sizeof(struct pipe_out));
		if (!p->rows[adapter] || !p->outs[adapter]) {
			worker_rows_remove(adapter);
			return -ENOMEM;
		}
	}
	return 0;
}

void worker_rows_remove(uint16_t adapter)
{
	for (unsigned i = 0; i < n_workers; i++) {
		struct pipe *p = &workers[i].pipe;
		if (p->rows[adapter])
			counter_depart(p->rows[adapter]);
		free(p->rows[adapter]);
		free(p->outs[adapter]);
		p->rows[adapter] = NULL;
		p->outs[adapter] = NULL;
	}
}

static void plans_settle(void)
{
	for (unsigned i = 0; i < n_workers; i++) {
		struct worker *w = &workers[i];
		while (w->started &&
		       atomic_load_explicit(&w->taken_up, memory_order_acquire) != atomic_load(&w->plan))
			usleep(20);
	}
}

static void inboxes_settle(void)
{
	uint32_t end[WORKERS_MAX];
	for (unsigned i = 0; i < n_workers; i++)
		end[i] = workers[i].inbox->prod.tail;
	for (unsigned i = 0; i < n_workers; i++)
		while (workers[i].started &&
		       (int32_t)(__atomic_load_n(&workers[i].inbox->cons.tail, __ATOMIC_ACQUIRE) - end[i]) < 0)
			usleep(20);
	dataplane_synchronize(); /* and what was taken out last is through */
}

void worker_settle(void)
{
	plans_settle();
	if (n_workers > 1)
		inboxes_settle();
}
