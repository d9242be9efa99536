/* SPDX-License-Identifier: Apache-2.0 */
/* Frames as mbuf chains with an optional loan behind them: their pools, and whole-frame operations on them. */
#include "core/runtime/frame.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_mbuf_dyn.h>
#include <rte_mbuf_pool_ops.h>

/* What a worker keeps to itself, in frames. A big one weighs 64 KiB: few may lie idle. */
#define SMALL_CACHE 256u
#define BIG_CACHE 16u

static_assert(FRAME_HEADROOM == RTE_PKTMBUF_HEADROOM, "frames start where DPDK lets them start");
static_assert(FRAME_PRIV_SIZE % RTE_MBUF_PRIV_ALIGN == 0, "private area alignment");

static int flag_register(const char *name, uint64_t flag)
{
	struct rte_mbuf_dynflag want = {0};
	snprintf(want.name, sizeof(want.name), "%s", name);
	int bit = rte_bsf64(flag);
	return rte_mbuf_dynflag_register_bitnum(&want, (unsigned)bit) == bit ? 0 : -rte_errno;
}

int frame_init(void)
{
	static const struct {
		const char *name;
		uint64_t flag;
	} flags[] = {
		{"weft_frame_offload", FRAME_OFFLOAD}, {"weft_frame_lent", FRAME_LENT},
		{"weft_frame_parsed", FRAME_PARSED},   {"weft_frame_csum_good", FRAME_CSUM_GOOD},
		{"weft_frame_tenant", FRAME_TENANT},   {"weft_frame_injected", FRAME_INJECTED},
		{"weft_frame_resumed", FRAME_RESUMED}, {"weft_frame_hops", FRAME_HOPS},
	};
	for (unsigned i = 0; i < RTE_DIM(flags); i++) {
		int r = flag_register(flags[i].name, flags[i].flag);
		if (r)
			return r;
	}
	return 0;
}

/* The RTS ring lets other threads go on when one is preempted inside the pool: workers may share a core. */
static struct rte_mempool *pool_create(const char *kind, unsigned n, unsigned cache, uint16_t data_room)
{
	static atomic_uint serial; /* names must differ within the process */
	char name[RTE_MEMPOOL_NAMESIZE];
	snprintf(name, sizeof(name), "frame_%s_%u", kind, atomic_fetch_add(&serial, 1));
	return rte_pktmbuf_pool_create_by_ops(name, n, RTE_MIN(cache, n / 2), FRAME_PRIV_SIZE, data_room,
					      SOCKET_ID_ANY, "ring_mt_rts");
}

int frame_pools_create(struct frame_pools *ret_pools, unsigned n_small, unsigned n_big)
{
	struct frame_pools pools;
	pools.small = pool_create("small", n_small, SMALL_CACHE, FRAME_HEADROOM + FRAME_SMALL_ROOM);
	if (!pools.small)
		return -ENOMEM;
	pools.big = pool_create("big", n_big, BIG_CACHE, FRAME_HEADROOM + FRAME_BIG_ROOM);
	if (!pools.big) {
		rte_mempool_free(pools.small);
		return -ENOMEM;
	}
	*ret_pools = pools;
	return 0;
}

void frame_pools_free(struct frame_pools *pools)
{
	if (!pools)
		return;
	rte_mempool_free(pools->small);
	rte_mempool_free(pools->big);
	*pools = (struct frame_pools){0};
}

struct frame *frame_with(const struct frame_pools *pools, const void *bytes, uint32_t len)
{
	struct frame *f =
		len > FRAME_BIG_ROOM ? NULL : frame_alloc(len <= FRAME_SMALL_ROOM ? pools->small : pools->big);
	if (!f)
		return NULL;
	void *at = rte_pktmbuf_append(&f->m, (uint16_t)len);
	if (bytes)
		memcpy(at, bytes, len);
	else
		memset(at, 0, len);
	return f;
}

void frame_free(struct frame *f)
{
	if (likely(!(f->m.ol_flags & FRAME_LENT))) {
		rte_pktmbuf_free(&f->m);
		return;
	}
	/* The holder that gives up the head last gives the loan back, and reads it before the head is anyone's. */
	struct frame_loan loan = f->loan;
	struct rte_mbuf *rest = f->m.next;
	struct rte_mbuf *head = rte_pktmbuf_prefree_seg(&f->m);
	rte_pktmbuf_free(rest);
	if (head) {
		loan.lender->back(loan.lender, loan.cookie);
		rte_mbuf_raw_free(head);
	}
}

void frame_hold(struct frame *f) { rte_pktmbuf_refcnt_update(&f->m, 1); }

/* A chain with room for len bytes, its lengths set, its bytes not: one piece where the pools allow it. */
static struct frame *chain_alloc(const struct frame_pools *pools, uint32_t len)
{
	struct rte_mbuf *head = NULL, **end = &head;
	uint32_t left = len;
	uint16_t pieces = 0;
	do {
		struct rte_mbuf *m = left > FRAME_SMALL_ROOM ? rte_pktmbuf_alloc(pools->big) : NULL;
		if (!m)
			m = rte_pktmbuf_alloc(pools->small);
		if (!m || pieces == FRAME_IOV_MAX) {
			rte_pktmbuf_free(m);
			rte_pktmbuf_free(head);
			return NULL;
		}
		m->data_len = (uint16_t)RTE_MIN(left, (uint32_t)rte_pktmbuf_tailroom(m));
		left -= m->data_len;
		*end = m;
		end = &m->next;
		pieces++;
	} while (left);
	head->nb_segs = pieces;
	head->pkt_len = len;
	return frame_of(head);
}

struct frame *frame_copy(const struct frame *f, const struct frame_pools *pools, uint32_t max)
{
	uint32_t total = frame_len(f), len = RTE_MIN(total, max);
	struct frame *copy = chain_alloc(pools, len);
	if (!copy)
		return NULL;
	uint32_t off = 0;
	for (struct rte_mbuf *m = &copy->m; m; off += m->data_len, m = m->next)
		frame_read(f, off, rte_pktmbuf_mtod(m, void *), m->data_len);
	copy->m.port = f->m.port;
	copy->m.hash = f->m.hash;
	copy->tenant = f->tenant;
	copy->hops = f->hops;
	if (len < total)
		return copy; /* what was found in the whole or left to be done to it does not hold for a part */
	copy->m.ol_flags |= f->m.ol_flags & (FRAME_FLAGS & ~FRAME_LENT);
	if (f->m.ol_flags & FRAME_OFFLOAD)
		copy->offload = f->offload;
	if (f->m.ol_flags & FRAME_PARSED)
		copy->headers = f->headers;
	return copy;
}

struct frame *frame_unshare(struct frame *f, const struct frame_pools *pools)
{
	if (likely(rte_mbuf_refcnt_read(&f->m) == 1))
		return f;
	struct frame *own = frame_copy(f, pools, UINT32_MAX);
	if (own)
		frame_free(f);
	return own;
}

int frame_own(struct frame *f, const struct frame_pools *pools)
{
	if (!(f->m.ol_flags & FRAME_LENT))
		return 0;
	assert(rte_mbuf_refcnt_read(&f->m) == 1);
	struct frame_loan loan = f->loan;
	struct rte_mbuf *last = rte_pktmbuf_lastseg(&f->m);
	uint32_t owned = f->m.pkt_len;
	if (loan.len <= rte_pktmbuf_tailroom(last)) {
		memcpy(rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len), loan.base, loan.len);
		last->data_len = (uint16_t)(last->data_len + loan.len);
	} else {
		struct frame *tail = chain_alloc(pools, loan.len);
		if (!tail)
			return -ENOMEM;
		uint32_t off = owned;
		for (struct rte_mbuf *m = &tail->m; m; off += m->data_len, m = m->next)
			frame_read(f, off, rte_pktmbuf_mtod(m, void *), m->data_len);
		last->next = &tail->m;
		f->m.nb_segs = (uint16_t)(f->m.nb_segs + tail->m.nb_segs);
	}
	f->m.pkt_len = owned + loan.len;
	f->m.ol_flags &= ~FRAME_LENT;
	f->loan.len = 0;
	loan.lender->back(loan.lender, loan.cookie);
	return 0;
}

unsigned frame_iov(const struct frame *f, struct iovec *iov, unsigned max)
{
	unsigned n = 0;
	const struct rte_mbuf *m = &f->m;
	do {
		if (!m->data_len)
			continue;
		if (n == max)
			return 0;
		iov[n++] = (struct iovec){rte_pktmbuf_mtod(m, void *), m->data_len};
	} while ((m = m->next));
	if (f->m.ol_flags & FRAME_LENT && f->loan.len) {
		if (n == max)
			return 0;
		iov[n++] = (struct iovec){(void *)f->loan.base, f->loan.len};
	}
	return n;
}

bool frame_read(const struct frame *f, uint32_t off, void *to, uint32_t len)
{
	uint32_t total = frame_len(f);
	if (off > total || len > total - off)
		return false;
	uint8_t *at = to;
	for (const struct rte_mbuf *m = &f->m; m && len; m = m->next) {
		if (off >= m->data_len) {
			off -= m->data_len;
			continue;
		}
		uint32_t n = RTE_MIN(len, m->data_len - off);
		memcpy(at, rte_pktmbuf_mtod_offset(m, const uint8_t *, off), n);
		at += n;
		len -= n;
		off = 0;
	}
	if (len)
		memcpy(at, (const uint8_t *)f->loan.base + off, len);
	return true;
}
