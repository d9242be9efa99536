/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runtime/rcu.h"

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_rcu_qsbr.h>

#include "core/runtime/worker.h"

struct deferred {
	void (*fn)(void *arg);
	void *arg;
	uint64_t token; /* of the grace period that ends before it */
	struct deferred *next;
};

static struct deferred *first, **end = &first;

struct rte_rcu_qsbr *rcu_variable(void)
{
	static struct rte_rcu_qsbr *v;
	if (!v) {
		size_t size = rte_rcu_qsbr_get_memsize(WORKERS_MAX);
		v = aligned_alloc(RTE_CACHE_LINE_SIZE,
				  (size + RTE_CACHE_LINE_SIZE - 1) & ~(size_t)(RTE_CACHE_LINE_SIZE - 1));
		if (!v || rte_rcu_qsbr_init(v, WORKERS_MAX))
			abort();
	}
	return v;
}

/* Workers answer within microseconds where each has its core. Where this thread shares one with a busy worker, spinning would
 * keep that from answering for a whole time slice. */
static void grace_wait(uint64_t token)
{
	for (unsigned looks = 0; rte_rcu_qsbr_check(rcu_variable(), token, false) != 1; looks++)
		if (looks > 200)
			usleep(20);
}

void rcu_wait(void) { grace_wait(rte_rcu_qsbr_start(rcu_variable())); }

static void reclaim(bool wait)
{
	while (first) {
		if (wait)
			grace_wait(first->token);
		else if (rte_rcu_qsbr_check(rcu_variable(), first->token, false) != 1)
			return;
		struct deferred *d = first;
		first = d->next;
		if (!first)
			end = &first;
		d->fn(d->arg);
		free(d);
	}
}

void rcu_reclaim(void) { reclaim(false); }

void rcu_drain(void) { reclaim(true); }

void rcu_defer(void (*fn)(void *arg), void *arg)
{
	struct deferred *d = malloc(sizeof(*d));
	if (!d) { /* then it is waited for after all */
		rcu_drain(); /* what came before goes before */
		rcu_wait();
		fn(arg);
		return;
	}
	*d = (struct deferred){.fn = fn, .arg = arg, .token = rte_rcu_qsbr_start(rcu_variable())};
	*end = d;
	end = &d->next;
	rcu_reclaim();
}
