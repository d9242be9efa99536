/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library takes the first buffers of a burst in bulk and chains more, one by one, for as long as the
 * guest's descriptors go on: a guest could have it copy gigabytes. So it is given a pool that holds nothing
 * itself. First buffers come from the small pool, so that short frames stay in few cache lines and pages; what
 * goes on behind them comes from the big one, so that a 64 KiB segment is two pieces; and a burst gets no more
 * than that many frames of the longest kind need. All through the mempool library's own driver interface.
 */
#include <errno.h>

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "modules/port-vhost/datapath/vhost.h"

static __thread struct {
	uint16_t big; /* pieces still to be had from the big pool */
	uint16_t small; /* and from the small one while the big one is empty */
	bool begun; /* the burst has its first buffers */
	bool starved;
} budget;

static struct rte_mempool *facade;

static int take_rest(void **table)
{
	const struct frame_pools *pools = port_pools();
	if (!budget.big)
		return -ENOBUFS;
	if (likely(rte_mempool_get(pools->big, table) == 0)) {
		budget.big--;
		return 0;
	}
	budget.starved = true;
	if (!budget.small || rte_mempool_get(pools->small, table))
		return -ENOBUFS;
	budget.small--;
	return 0;
}

static int budget_dequeue(struct rte_mempool *mp, void **table, unsigned n)
{
	if (budget.begun && n == 1)
		return take_rest(table);
	int r = rte_mempool_get_bulk(port_pools()->small, table, n);
	budget.begun = true;
	budget.starved |= r != 0;
	return r;
}

/* Buffers bear the name of the pool that they come from and go back there; nothing comes back here. */
static int budget_enqueue(struct rte_mempool *mp, void *const *table, unsigned n) { return -ENOTSUP; }

static int budget_alloc(struct rte_mempool *mp) { return 0; }

static void budget_free(struct rte_mempool *mp) {}

static unsigned budget_count(const struct rte_mempool *mp) { return 0; }

static const struct rte_mempool_ops budget_ops = {
	.name = "weft_vhost_budget",
	.alloc = budget_alloc,
	.free = budget_free,
	.enqueue = budget_enqueue,
	.dequeue = budget_dequeue,
	.get_count = budget_count,
};
RTE_MEMPOOL_REGISTER_OPS(budget_ops)

int vhost_budget_init(void)
{
	if (facade)
		return 0;
	struct rte_mempool *mp = rte_mempool_create_empty("vhost_budget", 1, sizeof(struct frame), 0,
							  sizeof(struct rte_pktmbuf_pool_private), SOCKET_ID_ANY, 0);
	if (!mp)
		return -rte_errno;
	int r = rte_mempool_set_ops_byname(mp, budget_ops.name, NULL);
	if (r) {
		rte_mempool_free(mp);
		return r;
	}
	facade = mp;
	return 0;
}

struct rte_mempool *vhost_budget(uint16_t frames)
{
	budget.big = frames;
	budget.small = FRAME_IOV_MAX - 1;
	budget.begun = false;
	budget.starved = false;
	return facade;
}

bool vhost_budget_starved(void) { return budget.starved; }
