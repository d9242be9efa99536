/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A frame is its headers, in the worker's own memory, and its payload, which may stay with a lender (the
 * sending guest's memory) until the one copy to where it goes.
 *
 * The headers and any owned payload are an mbuf chain; `m` is the first segment. A lent payload follows the
 * chain: `loan` says where. Nodes judge only owned bytes. Whoever needs the payload itself walks it with
 * frame_iov() or takes it over with frame_own(); nobody else reads `loan`.
 *
 * A worker frees, counts and hands on frames only through core/runtime/pipe.h.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <rte_mbuf.h>

struct frame;

/* Who lent a payload. `back` is called exactly once, by the worker that frees the frame. */
struct frame_lender {
	void (*back)(const struct frame_lender *lender, uint64_t cookie);
};

struct frame_loan {
	const struct frame_lender *lender;
	const void *base;
	uint64_t cookie; /* the lender's, e.g. a descriptor id */
	uint32_t len; /* bytes */
};

enum frame_gso { FRAME_GSO_NONE, FRAME_GSO_TCP4, FRAME_GSO_TCP6, FRAME_GSO_UDP };

/* Work that the sender left to be done on the way out. Valid under FRAME_OFFLOAD only. */
struct frame_offload {
	uint8_t gso; /* enum frame_gso */
	bool csum; /* the 16-bit sum over csum_start..end is to be stored at csum_start + csum_offset */
	bool ecn; /* TCP segments: CWR only in the first */
	uint16_t gso_size; /* payload bytes a segment */
	uint16_t header_len; /* bytes repeated in each segment: through the L4 header */
	uint16_t csum_start, csum_offset; /* bytes from the frame's first byte */
};

/* What parse found; offsets from the frame's first byte. Valid under FRAME_PARSED only. */
struct frame_headers {
	uint16_t ether_type; /* of the payload, behind any tags; host order; 0: not even an Ethernet header */
	uint8_t l3_off; /* 14, 18 or 22 */
	uint8_t l4_off; /* 0: none or out of reach; else TCP's first 20 bytes, UDP's 8, others' 4 are there */
	uint8_t l4_proto; /* IPPROTO_*; of a later fragment too */
	bool fragment; /* a later fragment: no L4 header here */
	bool fragmented; /* any fragment, the first included */
};

/* Whose a frame is and where it goes, on a switch that carries virtual subnets. Valid under FRAME_TENANT only. */
struct frame_tenant {
	uint32_t vsid; /* the virtual subnet that it is in (to the wire: that it is sent into) */
	uint16_t next; /* to the wire: the tunnel, an index of the module that forwards; else 0 */
	/* Of that index: one that was given to another meanwhile is not followed. From the wire: how many bytes of outer headers
	 * were taken off, which stand in front of the frame until it is forwarded. */
	uint16_t generation;
};

struct frame {
	union {
		struct rte_mbuf m; /* first, so that a frame is an mbuf to DPDK */
		struct {
			uint8_t in_front[offsetof(struct rte_mbuf, hash)];
			/* Where drivers note a received packet's hash, which nobody reads: on the line that every node touches. */
			struct frame_tenant tenant;
		};
	};
	struct frame_offload offload;
	struct frame_headers headers;
	uint8_t hops; /* the outer hop limit that a tenant's frame goes on with. Valid under FRAME_HOPS only */
	struct frame_loan loan; /* len 0 unless FRAME_LENT */
};

#define FRAME_PRIV_SIZE 64
static_assert(sizeof(struct rte_mbuf) == 128, "mbuf layout");
static_assert(sizeof(struct frame_tenant) <= sizeof(((struct rte_mbuf *)NULL)->hash),
	      "it takes the hash's place alone");
static_assert(sizeof(struct frame) <= 128 + FRAME_PRIV_SIZE, "frame metadata is one cache line");

/* Flags live in m.ol_flags so that a plain L2 frame never touches the metadata line. Registered as
 * dynamic mbuf flags by frame_init(). */
#define FRAME_OFFLOAD (1ULL << 40)
#define FRAME_LENT (1ULL << 39)
#define FRAME_PARSED (1ULL << 38)
#define FRAME_CSUM_GOOD (1ULL << 37) /* the L4 checksum was verified by whoever received it */
#define FRAME_TENANT (1ULL << 36)
#define FRAME_HOPS (1ULL << 33)
/* In a worker's inbox only: the control thread made it (inject.c); and it goes on from where it was punted. */
#define FRAME_INJECTED (1ULL << 35)
#define FRAME_RESUMED (1ULL << 34)
#define FRAME_FLAGS (FRAME_OFFLOAD | FRAME_LENT | FRAME_PARSED | FRAME_CSUM_GOOD | FRAME_TENANT | FRAME_HOPS)

/* Frames of up to FRAME_SMALL_ROOM bytes come from the small pool; a 64 KiB segment whole from the big one. */
#define FRAME_HEADROOM 128 /* bytes in front of the data, for tags and encapsulations */
#define FRAME_SMALL_ROOM 2048
#define FRAME_BIG_ROOM (65535 - FRAME_HEADROOM)
#define FRAME_MAX (FRAME_BIG_ROOM + FRAME_SMALL_ROOM) /* longest frame the switch carries */
#define FRAME_IOV_MAX 40 /* pieces a frame can be in at most; ports drop longer chains */

struct frame_pools {
	struct rte_mempool *small, *big;
};

int frame_init(void); /* after EAL, again does no harm; -errno */
/* Pools for n_small and n_big frames. -ENOMEM. */
int frame_pools_create(struct frame_pools *ret_pools, unsigned n_small, unsigned n_big);
void frame_pools_free(struct frame_pools *pools);

static inline struct frame *frame_of(struct rte_mbuf *m) { return (struct frame *)m; }

/* A fresh frame without data, flags clear; NULL when the pool is empty. */
static inline struct frame *frame_alloc(struct rte_mempool *pool) { return frame_of(rte_pktmbuf_alloc(pool)); }

/* A fresh frame of these bytes, zeroes if NULL, in one piece; NULL: no memory, or longer than FRAME_BIG_ROOM. */
struct frame *frame_with(const struct frame_pools *pools, const void *bytes, uint32_t len);

static inline uint8_t *frame_data(struct frame *f) { return rte_pktmbuf_mtod(&f->m, uint8_t *); }
/* Owned contiguous bytes at frame_data(): what a node may look at. */
static inline uint32_t frame_head_len(const struct frame *f) { return f->m.data_len; }

static inline uint32_t frame_len(const struct frame *f) /* the whole frame, bytes, without FCS */
{
	return f->m.pkt_len + (f->m.ol_flags & FRAME_LENT ? f->loan.len : 0);
}

/* Of several, each whole. A pass that branches for no frame: loans are looked for where there are any. */
static inline uint64_t frames_bytes(struct frame *const *frames, uint16_t n)
{
	uint64_t bytes = 0, flags = 0;
	for (uint16_t i = 0; i < n; i++) {
		bytes += frames[i]->m.pkt_len;
		flags |= frames[i]->m.ol_flags;
	}
	for (uint16_t i = 0; i < n && flags & FRAME_LENT; i++)
		bytes += frame_len(frames[i]) - frames[i]->m.pkt_len;
	return bytes;
}

/* Frees the chain and gives a loan back. Counts nothing. */
void frame_free(struct frame *f);

/* One more holder of the same read-only bytes. Whoever wants to change a shared frame calls frame_unshare. */
void frame_hold(struct frame *f);
/* f itself if it has one holder, else a private copy whose hold on f was given up; NULL: no memory, f is
 * kept. */
struct frame *frame_unshare(struct frame *f, const struct frame_pools *pools);
/* A whole private copy, loan included as owned bytes, at most `max` bytes of it; NULL: no memory. */
struct frame *frame_copy(const struct frame *f, const struct frame_pools *pools, uint32_t max);
/* Takes a lent payload over into owned memory. f has one holder. -ENOMEM leaves f as it was. */
int frame_own(struct frame *f, const struct frame_pools *pools);

/* The whole frame as pieces; the count, or 0 if there would be more than max. */
unsigned frame_iov(const struct frame *f, struct iovec *iov, unsigned max);
/* Copies bytes off..off+len of the whole frame out; false if it is shorter. */
bool frame_read(const struct frame *f, uint32_t off, void *to, uint32_t len);

/* Bytes (a tag, a whole outer header) went in in front of the L3 header, or out (negative): what the sender
 * left to be done moves along, and parse has to look again. */
static inline void frame_shifted(struct frame *f, int bytes)
{
	f->m.ol_flags &= ~FRAME_PARSED;
	if (f->m.ol_flags & FRAME_OFFLOAD) {
		f->offload.csum_start = (uint16_t)(f->offload.csum_start + bytes);
		if (f->offload.gso != FRAME_GSO_NONE)
			f->offload.header_len = (uint16_t)(f->offload.header_len + bytes);
	}
}

/* Fills f->headers from the first bytes and sets FRAME_PARSED; walks up to two tags and IPv6 extension
 * headers, never past frame_head_len. Idempotent. */
void frame_parse(struct frame *f);
