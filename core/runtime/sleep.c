/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a worker waits. Gated descriptors (taps, packet sockets) are level-triggered in its epoll set all the
 * time; polled queues (vhost, DPDK) are armed before the worker blocks and looked at once more, so that work
 * that came in between is not slept over.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_rcu_qsbr.h>

#include "core/runtime/rcu.h"
#include "core/runtime/worker.h"

#define EVENTS_MAX 64
#define POLL_ONLY_SLEEP_MS 1 /* a device that cannot interrupt is looked at this often when all is quiet */
#define POLL_ONLY_AWAKE_MS 20 /* and polled without pause this long after its last frame */

static void watch_fd(struct worker *w, unsigned index, int fd, bool edge)
{
	struct epoll_event ev = {.events = EPOLLIN | (edge ? EPOLLET : 0u), .data.u64 = index};
	if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &ev) && errno == EEXIST)
		epoll_ctl(w->epoll_fd, EPOLL_CTL_MOD, fd, &ev);
}

/* A fresh epoll set: descriptors of the old plan may be closed, reused or both. Awake: nothing is armed. */
void worker_watch(struct worker *w)
{
	int fresh = epoll_create1(EPOLL_CLOEXEC);
	const struct worker_plan *plan = w->seen;
	uint64_t *hot = calloc((plan->n_queues - plan->n_polled) / 64 + 1, sizeof(uint64_t));
	if (fresh < 0 || !hot) {
		atomic_store(&w->rescan, true); /* out of descriptors or memory: try again next round */
		if (fresh >= 0)
			close(fresh);
		free(hot);
		return;
	}
	close(w->epoll_fd);
	w->epoll_fd = fresh;
	free(w->hot);
	w->hot = hot;
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = UINT64_MAX};
	epoll_ctl(fresh, EPOLL_CTL_ADD, w->wake_fd, &ev);
	for (unsigned i = 0; i < plan->n_queues; i++) {
		struct port_queue *q = plan->queues[i];
		if (q->fd >= 0)
			watch_fd(w, i, q->fd, q->edge);
		if (i < plan->n_polled && q->port->ops->disarm)
			q->port->ops->disarm(q);
	}
}

static void events_take(struct worker *w, const struct epoll_event *events, int n)
{
	const struct worker_plan *plan = w->seen;
	for (int i = 0; i < n; i++) {
		uint64_t k = events[i].data.u64;
		if (k == UINT64_MAX) {
			uint64_t count;
			if (read(w->wake_fd, &count, sizeof(count)) < 0)
				continue;
		} else if (k >= plan->n_polled && k < plan->n_queues) {
			k -= plan->n_polled;
			w->hot[k / 64] |= 1ULL << (k & 63);
		}
	}
}

void worker_look(struct worker *w)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(w->epoll_fd, events, EVENTS_MAX, 0);
	events_take(w, events, n);
}

/* True when every polled queue will wake us; *ret_work: one of them has work already. */
static bool arm_all(struct worker *w, bool *ret_work, unsigned *ret_armed)
{
	const struct worker_plan *plan = w->seen;
	bool all = true;
	unsigned i = 0;
	for (; i < plan->n_polled && !*ret_work; i++) {
		struct port_queue *q = plan->queues[i];
		if (!q->port->ops->arm)
			all = false;
		else if (q->port->ops->arm(q))
			*ret_work = true;
		else if (q->poll_only)
			all = false;
	}
	*ret_armed = i;
	return all;
}

void worker_sleep(struct worker *w)
{
	const struct worker_plan *plan = w->seen;
	struct epoll_event events[EVENTS_MAX];
	bool work = false;
	unsigned armed;
	bool all = arm_all(w, &work, &armed);
	atomic_store_explicit(&w->sleeping, true, memory_order_seq_cst);
	if (!rte_ring_empty(w->inbox) || worker_copy_due(w) || atomic_load(&w->rescan) || atomic_load(&w->stop) ||
	    atomic_load(&w->plan) != w->seen)
		work = true;
	int timeout = -1;
	if (work)
		timeout = 0;
	else if (!all)
		timeout = rte_rdtsc() - w->last_work_tsc < POLL_ONLY_AWAKE_MS * (rte_get_tsc_hz() / 1000)
				  ? 0
				  : POLL_ONLY_SLEEP_MS;
	w->count.sleeps += timeout != 0;
	rte_rcu_qsbr_thread_offline(rcu_variable(), w->id);
	int n = epoll_wait(w->epoll_fd, events, EVENTS_MAX, timeout);
	rte_rcu_qsbr_thread_online(rcu_variable(), w->id);
	atomic_store_explicit(&w->sleeping, false, memory_order_release);
	if (atomic_load_explicit(&w->plan, memory_order_acquire) != w->seen)
		return; /* the old plan's queues may be gone; taking up the new one disarms what stayed */
	for (unsigned i = 0; i < armed; i++)
		if (plan->queues[i]->port->ops->disarm)
			plan->queues[i]->port->ops->disarm(plan->queues[i]);
	events_take(w, events, n);
}
