/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runtime/rcu.h"

#include <stdlib.h>

#include <rte_rcu_qsbr.h>

#include "core/runtime/worker.h"

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
