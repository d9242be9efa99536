/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers move frames: each polls its queues, runs every burst to completion and sleeps on events when there
 * is nothing to do. They share the snapshot (read only, RCU) and, where one's frame leaves by another's
 * queue, a ring for each worker; nothing else.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_ring.h>

#include "core/runtime/pipe.h"

#define WORKERS_MAX 32
#define WORKER_INBOX 4096 /* frames that others may have waiting for one worker */

struct err;

/* What one worker does under one snapshot; built by the control thread, never changed. */
struct worker_plan {
	const struct dataplane *dp;
	struct port_queue **queues; /* every queue it polls, gated ones last */
	const struct dp_adapter **queue_adapters; /* parallel: whose frames they are */
	unsigned n_queues, n_polled; /* queues[0..n_polled) are polled each round, the rest when readable */
};

void worker_plan_free(struct worker_plan *plan); /* NULL ok */

struct worker {
	struct pipe pipe;
	unsigned id;
	int core; /* pinned to; -1: wherever */
	pthread_t thread;
	bool started;
	int epoll_fd, wake_fd;
	struct rte_ring *inbox; /* frames for its queues, and of the control thread; m.port is the adapter */
	struct worker_plan *_Atomic plan; /* set by the control thread */
	struct worker_plan *seen; /* the plan in use */
	struct worker_plan *_Atomic taken_up; /* the same, told to the control thread */
	unsigned epoch; /* of its last copy of its rows */
	atomic_bool sleeping, rescan, stop; /* rescan: some port's descriptors changed */
	uint64_t *hot; /* bit per gated queue: readable at the last look and not yet dry */
	unsigned polled_at, gated_at; /* where the next round begins: behind the queue that filled the last one */
	uint64_t last_work_tsc, last_look_tsc;
	struct counter_worker count;
};

/* cores NULL or n 0: one worker that runs wherever the scheduler puts it. After EAL and frame pools. */
int worker_start_all(const unsigned *cores, unsigned n, struct err *e);
void worker_stop_all(void);
unsigned worker_count(void);
struct worker *worker_get(unsigned id);
void worker_wake(struct worker *w); /* any thread */

/* Which worker owns queue q of a port. */
static inline unsigned worker_of_queue(const struct port *p, unsigned q, unsigned n_workers)
{
	return (p->home + q) % n_workers;
}

/* Counter rows and output slots for a new adapter, on every worker, before a snapshot names it. -ENOMEM. */
int worker_rows_add(uint16_t adapter);
/* After no snapshot names it: its counts go to the departed. */
void worker_rows_remove(uint16_t adapter);

/* Returns when each worker goes by the plan that was set last, and no frame that was handed over under an older one is
 * on its way any more. Nobody holds on to the older ones then. Control thread. */
void worker_settle(void);

/* Does this worker owe the control thread a copy of its rows? */
static inline bool worker_copy_due(const struct worker *w)
{
	return unlikely(atomic_load_explicit(&counter_epoch, memory_order_acquire) != w->epoch);
}

/* sleep.c: blocks until there may be work; returns at once if there is. */
void worker_sleep(struct worker *w);
/* Marks readable gated queues hot without blocking. */
void worker_look(struct worker *w);
/* Registers the descriptors of the plan in use. */
void worker_watch(struct worker *w);
