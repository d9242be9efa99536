/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of frames in heap blocks of exactly their size, for ASan to watch. */
#pragma once

#include "core/runtime/frame.h"
#include "tests/fuzz/fuzz.h"

static inline void piece_free(void *block, void *info)
{
	free(block);
	free(info);
}

/* With `room` bytes behind it, as frames of the pools have. */
static inline struct rte_mbuf *piece_make(struct rte_mempool *pool, const uint8_t *bytes, uint16_t len, uint16_t room)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct rte_mbuf_ext_shared_info *info = malloc(sizeof(*info));
	uint8_t *block = malloc(len + room ? (size_t)len + room : 1);
	CHECK(m && info && block);
	if (len)
		memcpy(block, bytes, len);
	info->free_cb = piece_free;
	info->fcb_opaque = info;
	rte_mbuf_ext_refcnt_set(info, 1);
	rte_pktmbuf_attach_extbuf(m, block, 0, (uint16_t)(len + room), info);
	m->data_off = 0;
	m->data_len = len;
	m->pkt_len = len;
	return m;
}
