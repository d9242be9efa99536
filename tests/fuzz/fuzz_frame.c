/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest can send: a virtio header, a frame, and how the frame lies in memory. Parse, the judgement of
 * the header, checksums, segmentation and the whole-frame operations may refuse, and must not read or write
 * beyond a piece, lose a buffer or a loan, or make packets whose lengths do not fit them.
 *
 * Input: struct shape, then the frame's bytes. Each piece is a heap block of exactly its size, for ASan to
 * watch.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_ether.h>

#include "core/runtime/offload.h"
#include "tests/fuzz/pieces.h"

struct shape {
	struct virtio_net_hdr virtio;
	uint16_t head; /* bytes of the first piece */
	uint16_t piece; /* of each following piece, at least a tenth of the frame */
	uint8_t lend; /* odd: the last piece is a loan */
	uint8_t repeat; /* times the frame's last bytes are repeated: small inputs, long frames */
};
static_assert(sizeof(struct shape) == 16, "the corpus counts on it");

static struct frame_pools pools;
static unsigned loans;

static void block_back(const struct frame_lender *lender, uint64_t cookie)
{
	(void)lender;
	free((void *)(uintptr_t)cookie);
	loans--;
}

static const struct frame_lender lender = {.back = block_back};

static void *block_of(const uint8_t *bytes, size_t len)
{
	uint8_t *block = malloc(len ? len : 1);
	CHECK(block);
	return len ? memcpy(block, bytes, len) : block;
}

static struct frame *frame_make(const struct shape *s, const uint8_t *bytes, uint32_t len)
{
	uint32_t off = RTE_MIN(len, s->head), piece = len / 10 + 1;
	piece = RTE_MIN(piece < s->piece ? s->piece : piece, (uint32_t)UINT16_MAX);
	struct frame *f = frame_of(piece_make(pools.small, bytes, (uint16_t)off, 0));
	while (off < len) {
		uint32_t n = RTE_MIN(len - off, piece);
		if (off + n == len && s->lend & 1) {
			void *block = block_of(bytes + off, n);
			f->loan = (struct frame_loan){&lender, block, (uint64_t)(uintptr_t)block, n};
			f->m.ol_flags |= FRAME_LENT;
			loans++;
		} else {
			CHECK(rte_pktmbuf_chain(&f->m, piece_make(pools.small, bytes + off, (uint16_t)n, 0)) == 0);
		}
		off += n;
	}
	return f;
}

static void check_parse(struct frame *f)
{
	frame_parse(f);
	const struct frame_headers *h = &f->headers;
	CHECK(f->m.ol_flags & FRAME_PARSED);
	CHECK(h->l3_off == 14 || h->l3_off == 18 || h->l3_off == 22);
	CHECK(!h->l4_off || (h->l4_off > h->l3_off && h->l4_off + 4u <= frame_head_len(f)));
	CHECK(!h->fragment || (h->fragmented && !h->l4_off));
}

static void check_segment(struct frame *s, const struct frame *of, uint32_t payload)
{
	const struct frame_headers *h = &of->headers;
	const uint8_t *ip = frame_data(s) + h->l3_off;
	uint16_t length;
	rte_mbuf_sanity_check(&s->m, 1);
	CHECK(frame_len(s) == of->offload.header_len + payload);
	CHECK(!(s->m.ol_flags & (FRAME_OFFLOAD | FRAME_LENT)));
	memcpy(&length, ip + (h->ether_type == RTE_ETHER_TYPE_IPV4 ? 2 : 4), 2);
	CHECK(be16toh(length) == frame_len(s) - h->l3_off - (h->ether_type == RTE_ETHER_TYPE_IPV4 ? 0 : 40));
	if (h->ether_type == RTE_ETHER_TYPE_IPV4)
		CHECK(offload_sum_fold(offload_sum(ip, h->l4_off - h->l3_off, 0)) == 0xffff);
}

static void check_segmentation(struct frame *f)
{
	struct frame *segment[OFFLOAD_SEGMENTS_MAX];
	int n = offload_segment(f, &pools, segment, OFFLOAD_SEGMENTS_MAX);
	CHECK(n > 1); /* what was believed can be cut */
	uint32_t left = frame_len(f) - f->offload.header_len;
	for (int i = 0; i < n; i++) {
		uint32_t payload = RTE_MIN(left, f->offload.gso_size);
		check_segment(segment[i], f, payload);
		left -= payload;
		frame_free(segment[i]);
	}
	CHECK(left == 0);
}

static void check_whole_frame(struct frame *f, const uint8_t *bytes, uint32_t len)
{
	static uint8_t got[FRAME_MAX];
	struct frame *copy = frame_copy(f, &pools, UINT32_MAX);
	CHECK(copy && frame_read(copy, 0, got, len) && memcmp(got, bytes, len) == 0);
	frame_free(copy);

	frame_hold(f);
	struct frame *own = frame_unshare(f, &pools);
	CHECK(own && own != f);
	if (own->m.ol_flags & FRAME_OFFLOAD && own->offload.gso == FRAME_GSO_NONE)
		CHECK(offload_checksum(own) == 0);
	CHECK(frame_len(own) == len);
	frame_free(own);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	static char *args[] = {"fuzz", "--no-huge", "--no-shconf", "--no-telemetry", "--no-pci", "-m128", "-l0"};
	CHECK(rte_eal_init(RTE_DIM(args), args) >= 0);
	CHECK(frame_init() == 0);
	CHECK(frame_pools_create(&pools, 4096, 32) == 0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[FRAME_MAX];
	struct shape s;
	if (size < sizeof(s))
		return 0;
	memcpy(&s, data, sizeof(s));
	data += sizeof(s);
	uint32_t len = (uint32_t)RTE_MIN(size - sizeof(s), sizeof(bytes));
	memcpy(bytes, data, len);
	uint32_t last = RTE_MIN(len, 256u);
	for (unsigned i = 0; last && i < s.repeat && len + last <= sizeof(bytes); i++, len += last)
		memcpy(bytes + len, data + (size - sizeof(s)) - last, last);

	struct frame *f = frame_make(&s, bytes, len);
	check_parse(f);
	if (offload_from_virtio(f, &s.virtio) == 0) {
		struct virtio_net_hdr h;
		offload_to_virtio(f, &h);
		check_whole_frame(f, bytes, len);
		if (f->m.ol_flags & FRAME_OFFLOAD && f->offload.gso != FRAME_GSO_NONE)
			check_segmentation(f);
		else
			CHECK(offload_checksum(f) == 0);
	}
	CHECK(frame_own(f, &pools) == 0 && frame_len(f) == len);
	frame_free(f);
	CHECK(loans == 0 && rte_mempool_in_use_count(pools.small) == 0 && rte_mempool_in_use_count(pools.big) == 0);
	return 0;
}
