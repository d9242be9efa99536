/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runtime/rcu.h"

#include <stdbool.h>
#include <stdlib.h>

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

static void reclaim(bool wait)
{
	while (first && rte_rcu_qsbr_check(rcu_variable(), first->token, wait) == 1) {
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
		dataplane_synchronize();
		fn(arg);
		return;
	}
	*d = (struct deferred){.fn = fn, .arg = arg, .token = rte_rcu_qsbr_start(rcu_variable())};
	*end = d;
	end = &d->next;
	rcu_reclaim();
}
