/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtio headers that lie, and segmentation judged by an oracle that shares no code with it: it knows the
 * headers because it made them, adds up checksums two bytes at a time with the pseudo-header written out,
 * and wants the payload back byte for byte.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "core/runtime/offload.h"
#include "core/runtime/test/frame_fixture.h"

#define TCP_FIN 0x01
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_CWR 0x80

/* A frame that somebody may send, and what it was made of. */
struct sent {
	bool ip6, udp, ecn;
	unsigned tags, l3, l4, header, payload, gso_size;
	uint32_t sequence;
	uint16_t id;
	uint8_t flags;
	uint8_t bytes[FRAME_MAX];
};

static struct sent sent;

static uint32_t be(const uint8_t *at, unsigned n)
{
	uint32_t v = 0;
	while (n--)
		v = v << 8 | *at++;
	return v;
}

static uint32_t pseudo_sum(const uint8_t *frame, uint32_t l4_len)
{
	uint8_t tail[8] = {0};
	fixture_put(tail, 4, l4_len);
	tail[7] = sent.udp ? IPPROTO_UDP : IPPROTO_TCP;
	const uint8_t *ip = frame + sent.l3;
	return fixture_sum(tail, 8, sent.ip6 ? fixture_sum(ip + 8, 32, 0) : fixture_sum(ip + 12, 8, 0));
}

static void make_ip(uint8_t *ip, unsigned ext)
{
	random_fill(ip, 40);
	if (sent.ip6) {
		ip[0] = 0x60;
		fixture_put(ip + 4, 2, (uint16_t)(sent.header - sent.l3 - 40 + sent.payload));
		ip[6] = ext ? IPPROTO_DSTOPTS : sent.udp ? IPPROTO_UDP : IPPROTO_TCP;
		memset(ip + 40, 0, ext);
		if (ext) {
			ip[40] = sent.udp ? IPPROTO_UDP : IPPROTO_TCP;
			ip[41] = (uint8_t)(ext / 8 - 1);
			ip[42] = 1; /* PadN */
			ip[43] = (uint8_t)(ext - 4);
		}
		return;
	}
	ip[0] = (uint8_t)(0x40 | (20 + ext) / 4);
	fixture_put(ip + 2, 2, (uint16_t)(sent.header - sent.l3 + sent.payload));
	fixture_put(ip + 4, 2, sent.id);
	fixture_put(ip + 6, 2, random_below(2) ? 0x4000 : 0);
	ip[9] = sent.udp ? IPPROTO_UDP : IPPROTO_TCP;
	memset(ip + 20, 1, ext);
	fixture_put(ip + 10, 2, 0);
	fixture_put(ip + 10, 2, (uint16_t)~fixture_sum(ip, 20 + ext, 0));
}

static void make_l4(uint8_t *l4, unsigned options)
{
	uint32_t len = sent.header - sent.l4 + sent.payload;
	random_fill(l4, 4);
	if (sent.udp) {
		fixture_put(l4 + 4, 2, (uint16_t)len);
		fixture_put(l4 + 6, 2, pseudo_sum(sent.bytes, len));
		return;
	}
	fixture_put(l4 + 4, 4, sent.sequence);
	random_fill(l4 + 8, 8);
	l4[12] = (uint8_t)((20 + options) << 2);
	l4[13] = sent.flags;
	memset(l4 + 20, 1, options);
	fixture_put(l4 + 18, 2, 0);
	fixture_put(l4 + 16, 2, pseudo_sum(sent.bytes, len));
}

static void make(unsigned payload, unsigned gso_size)
{
	unsigned ext = sent.ip6 ? random_below(3) * 8 : random_below(3) * 4;
	unsigned options = sent.udp ? 0 : random_below(11) * 4;
	sent.tags = random_below(3);
	sent.l3 = 14 + 4 * sent.tags;
	sent.l4 = sent.l3 + (sent.ip6 ? 40 : 20) + ext;
	sent.header = sent.l4 + (sent.udp ? 8 : 20 + options);
	sent.payload = RTE_MIN(payload, 65535 + sent.l3 - sent.header);
	sent.gso_size = gso_size;
	sent.sequence = random_below(2) ? random_u32() : 0xfffff000;
	sent.id = (uint16_t)(random_below(2) ? random_u32() : 0xfff0);
	sent.flags = (uint8_t)(random_u32() | TCP_ACK);

	random_fill(sent.bytes, 12);
	for (unsigned i = 0; i < sent.tags; i++)
		fixture_put(sent.bytes + 12 + 4 * i, 4,
			    (i || sent.tags == 1 ? 0x81000000 : 0x88a80000) | random_below(4096));
	fixture_put(sent.bytes + sent.l3 - 2, 2, sent.ip6 ? 0x86dd : 0x0800);
	make_ip(sent.bytes + sent.l3, ext);
	make_l4(sent.bytes + sent.l4, options);
	random_fill(sent.bytes + sent.header, sent.payload);
}

static struct virtio_net_hdr sent_virtio(void)
{
	uint8_t type = sent.ip6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
	type = sent.udp ? VIRTIO_NET_HDR_GSO_UDP_L4 : type;
	return (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = type | (sent.ecn ? VIRTIO_NET_HDR_GSO_ECN : 0),
		.hdr_len = (uint16_t)random_u32(), /* nobody believes it */
		.gso_size = (uint16_t)sent.gso_size,
		.csum_start = (uint16_t)sent.l4,
		.csum_offset = sent.udp ? 6 : 16,
	};
}

/* One finished packet: sums, lengths, ids, sequence, flags; done payload bytes went before it. */
static void assert_segment(const struct frame *f, unsigned index, uint32_t done)
{
	static uint8_t s[FRAME_MAX];
	uint32_t len = frame_len(f), l4_len = len - sent.l4, payload = len - sent.header;
	bool last = done + payload == sent.payload;
	assert_true(frame_read(f, 0, s, len));
	assert_int_equal(payload, last ? sent.payload - done : sent.gso_size);
	assert_memory_equal(s + sent.header, sent.bytes + sent.header + done, payload);
	assert_memory_equal(s, sent.bytes, sent.l3);

	const uint8_t *ip = s + sent.l3, *l4 = s + sent.l4;
	if (sent.ip6) {
		assert_int_equal(be(ip + 4, 2), len - sent.l3 - 40);
		assert_memory_equal(ip + 6, sent.bytes + sent.l3 + 6, sent.l4 - sent.l3 - 6);
	} else {
		assert_int_equal(be(ip + 2, 2), len - sent.l3);
		assert_int_equal(be(ip + 4, 2), (uint16_t)(sent.id + index));
		assert_int_equal(fixture_sum(ip, sent.l4 - sent.l3, 0), 0xffff);
		assert_memory_equal(ip + 12, sent.bytes + sent.l3 + 12, sent.l4 - sent.l3 - 12);
	}
	assert_int_equal(fixture_sum(l4, l4_len, pseudo_sum(s, l4_len)), 0xffff);
	assert_memory_equal(l4, sent.bytes + sent.l4, 4);
	if (sent.udp) {
		assert_int_equal(be(l4 + 4, 2), l4_len);
		assert_int_not_equal(be(l4 + 6, 2), 0);
		return;
	}
	uint8_t flags = sent.flags;
	if (!last)
		flags = flags & ~(TCP_FIN | TCP_PSH);
	if (index && sent.ecn)
		flags = flags & ~TCP_CWR;
	assert_int_equal(l4[13], flags);
	assert_int_equal(be(l4 + 4, 4), sent.sequence + done);
	assert_memory_equal(l4 + 18, sent.bytes + sent.l4 + 18, sent.header - sent.l4 - 18);
}

static void assert_cut_well(struct frame *f)
{
	struct frame *segment[OFFLOAD_SEGMENTS_MAX];
	unsigned want = (sent.payload + sent.gso_size - 1) / sent.gso_size;
	int n = offload_segment(f, &pools, segment, OFFLOAD_SEGMENTS_MAX);
	assert_int_equal(n, want);
	uint32_t done = 0;
	for (int i = 0; i < n; i++) {
		struct frame *s = segment[i];
		rte_mbuf_sanity_check(&s->m, 1);
		assert_ptr_equal(s->m.pool, pools.small);
		assert_int_equal(s->m.ol_flags & FRAME_FLAGS, FRAME_PARSED);
		assert_segment(s, (unsigned)i, done);
		done += frame_len(s) - sent.header;
		frame_free(s);
	}
	assert_int_equal(done, sent.payload);
}

static void test_sum(void **state)
{
	static uint8_t bytes[3000];
	random_fill(bytes, sizeof(bytes));
	for (int i = 0; i < 2000; i++) {
		uint32_t off = random_below(16), len = random_below(i % 2 ? 80 : 2900);
		uint16_t want = htobe16((uint16_t)fixture_sum(bytes + off, len, 0));
		assert_int_equal(offload_sum_fold(offload_sum(bytes + off, len, 0)), want);
		uint32_t half = random_below(len / 2 + 1) * 2;
		uint64_t sum = offload_sum(bytes + off, half, 0);
		assert_int_equal(offload_sum_fold(offload_sum(bytes + off + half, len - half, sum)), want);
	}
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(offload_sum_fold(offload_sum(bytes, 2900, UINT32_MAX)), 0xffff);
	assert_int_equal(offload_sum_fold(UINT64_MAX), 0xffff);
}

/* Random families, tags, options, sizes and chain shapes. */
static void test_segment(void **state)
{
	for (int round = 0; round < 400; round++) {
		sent.ip6 = random_below(2);
		sent.udp = random_below(3) == 0;
		sent.ecn = !sent.udp && random_below(2);
		unsigned gso_size = 500 + random_below(round % 5 ? 1500 : 9000);
		make(gso_size + 1 + random_below(round % 3 ? 65000 - gso_size : 3 * gso_size), gso_size);

		struct frame *f = fixture_pieces(sent.bytes, sent.header + sent.payload, sent.header);
		struct virtio_net_hdr h = sent_virtio(), back;
		assert_int_equal(offload_from_virtio(f, &h), 0);
		assert_int_equal(f->offload.header_len, sent.header);
		offload_to_virtio(f, &back);
		h.hdr_len = (uint16_t)sent.header;
		assert_memory_equal(&back, &h, sizeof(h));
		assert_cut_well(f);
		frame_free(f);
		assert_int_equal(rte_mempool_in_use_count(pools.small), 0);
		assert_int_equal(loans_out, 0);
	}
}

/* The smallest segment size that a whole 64 KiB is cut into, and the longest segment that IP can say. */
static void test_segment_extremes(void **state)
{
	sent.ip6 = sent.udp = sent.ecn = false;
	make(65535, 500);
	struct frame *f = fixture_pieces(sent.bytes, sent.header + sent.payload, sent.header);
	struct virtio_net_hdr h = sent_virtio();
	assert_int_equal(offload_from_virtio(f, &h), 0);
	assert_cut_well(f);

	struct frame *segment[OFFLOAD_SEGMENTS_MAX];
	unsigned n = (sent.payload + 499) / 500;
	assert_int_equal(offload_segment(f, &pools, segment, n - 1), -E2BIG);
	f->offload.gso_size = 470;
	assert_int_equal(offload_segment(f, &pools, segment, OFFLOAD_SEGMENTS_MAX), -E2BIG);
	h.gso_size = 470;
	assert_int_equal(offload_from_virtio(f, &h), -EINVAL);
	h.gso_size = 65535;
	f->m.ol_flags &= FRAME_LENT;
	assert_int_equal(offload_from_virtio(f, &h), 0);
	assert_int_equal(f->offload.gso, FRAME_GSO_NONE);
	frame_free(f);

	fixture_put(sent.bytes + sent.l3 + 2, 2, 0); /* a packet longer than its length field can say */
	f = fixture_pieces(sent.bytes, sent.header + 66000, sent.header);
	for (unsigned over = 0; over < 2; over++) {
		h.gso_size = (uint16_t)(65535 - (sent.header - sent.l3) + over);
		assert_int_equal(offload_from_virtio(f, &h), over ? -EINVAL : 0);
		f->m.ol_flags &= ~FRAME_OFFLOAD;
	}
	frame_free(f);
}

static void test_segment_no_memory(void **state)
{
	struct frame_pools tiny;
	assert_int_equal(frame_pools_create(&tiny, 24, 1), 0);
	sent.ip6 = sent.udp = sent.ecn = false;
	for (unsigned gso_size = 1000; gso_size <= 4000; gso_size += 3000) {
		make(60000, gso_size); /* 60 frames; then 15 of two pieces */
		struct frame *f = fixture_frame(sent.bytes, sent.header + sent.payload);
		struct virtio_net_hdr h = sent_virtio();
		assert_int_equal(offload_from_virtio(f, &h), 0);
		struct frame *segment[OFFLOAD_SEGMENTS_MAX] = {NULL};
		assert_int_equal(offload_segment(f, &tiny, segment, OFFLOAD_SEGMENTS_MAX), -ENOMEM);
		assert_null(segment[0]);
		assert_int_equal(rte_mempool_in_use_count(tiny.small), 0);
		frame_free(f);
	}
	frame_pools_free(&tiny);
}

/* A node changed the frame after it was believed: not cut wrong, refused. */
static void test_segment_changed(void **state)
{
	sent.ip6 = true;
	sent.udp = sent.ecn = false;
	make(5000, 1000);
	struct frame *f = fixture_frame(sent.bytes, sent.header + sent.payload);
	struct virtio_net_hdr h = sent_virtio();
	assert_int_equal(offload_from_virtio(f, &h), 0);
	struct frame *segment[OFFLOAD_SEGMENTS_MAX];

	rte_pktmbuf_prepend(&f->m, 4);
	memmove(frame_data(f), frame_data(f) + 4, 12);
	fixture_put(frame_data(f) + 12, 4, 0x81000007);
	f->m.ol_flags &= ~FRAME_PARSED;
	assert_int_equal(offload_segment(f, &pools, segment, OFFLOAD_SEGMENTS_MAX), -EINVAL);
	frame_shifted(f, 4);
	int n = offload_segment(f, &pools, segment, OFFLOAD_SEGMENTS_MAX);
	assert_int_equal(n, sent.tags < 2 ? 5 : -EINVAL); /* a third tag hides the packet */
	for (int i = 0; i < n; i++)
		frame_free(segment[i]);
	f->m.ol_flags &= ~FRAME_OFFLOAD;
	assert_int_equal(offload_segment(f, &pools, segment, OFFLOAD_SEGMENTS_MAX), -EINVAL);
	frame_free(f);
}

static void test_checksum(void **state)
{
	for (int round = 0; round < 300; round++) {
		sent.ip6 = random_below(2);
		sent.udp = random_below(2);
		sent.ecn = false;
		make(random_below(round % 2 ? 100 : 9000), 65000);
		struct frame *f = fixture_pieces(sent.bytes, sent.header + sent.payload, sent.header);
		struct virtio_net_hdr h = sent_virtio(), back;
		if (round % 3)
			h.gso_type = VIRTIO_NET_HDR_GSO_NONE; /* or a GSO frame of one segment */
		assert_int_equal(offload_from_virtio(f, &h), 0);
		assert_int_equal(f->offload.gso, FRAME_GSO_NONE);
		offload_to_virtio(f, &back);
		assert_int_equal(back.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
		assert_int_equal(back.gso_type | back.gso_size | back.hdr_len, 0);
		assert_int_equal(offload_checksum(f), 0);
		sent.gso_size = sent.payload;
		assert_segment(f, 0, 0);
		offload_to_virtio(f, &back);
		assert_int_equal(back.flags, 0);
		frame_free(f);
	}
	assert_int_equal(loans_out, 0);
}

/* A sum that comes to 0 is written as 0xffff: in UDP 0 says that there is none. */
static void test_checksum_zero(void **state)
{
	uint8_t bytes[60] = {[12] = 0x08, [34] = 0xff, [35] = 0xff};
	struct frame *f = fixture_frame(bytes, sizeof(bytes));
	struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 6};
	assert_int_equal(offload_from_virtio(f, &h), 0);
	assert_int_equal(offload_checksum(f), 0);
	assert_int_equal(be(frame_data(f) + 40, 2), 0xffff);
	frame_free(f);
}

static void test_data_valid(void **state)
{
	struct frame *f = fixture_frame(sent.bytes, 60);
	struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_DATA_VALID}, back;
	offload_to_virtio(f, &back);
	assert_int_equal(back.flags, 0);
	assert_int_equal(offload_from_virtio(f, &h), 0);
	offload_to_virtio(f, &back);
	assert_int_equal(back.flags, VIRTIO_NET_HDR_F_DATA_VALID);
	frame_free(f);
}

/* ---- lies: each makes one thing of a good header or frame untrue ---- */

static void lie_no_csum(struct virtio_net_hdr *h, uint8_t *b) { h->flags = 0; }
static void lie_size_zero(struct virtio_net_hdr *h, uint8_t *b) { h->gso_size = 0; }
static void lie_size_tiny(struct virtio_net_hdr *h, uint8_t *b) { h->gso_size = 1; }
static void lie_family(struct virtio_net_hdr *h, uint8_t *b) { h->gso_type = VIRTIO_NET_HDR_GSO_TCPV6; }
static void lie_udp(struct virtio_net_hdr *h, uint8_t *b) { h->gso_type = VIRTIO_NET_HDR_GSO_UDP_L4; }
static void lie_ufo(struct virtio_net_hdr *h, uint8_t *b) { h->gso_type = VIRTIO_NET_HDR_GSO_UDP; }
static void lie_type(struct virtio_net_hdr *h, uint8_t *b) { h->gso_type = 0x42; }
static void lie_ecn_alone(struct virtio_net_hdr *h, uint8_t *b) { h->gso_type = VIRTIO_NET_HDR_GSO_ECN; }
static void lie_start(struct virtio_net_hdr *h, uint8_t *b) { h->csum_start -= 2; }
static void lie_start_far(struct virtio_net_hdr *h, uint8_t *b) { h->csum_start = 65535; }
static void lie_start_early(struct virtio_net_hdr *h, uint8_t *b) { h->csum_start = 13; }
static void lie_offset(struct virtio_net_hdr *h, uint8_t *b) { h->csum_offset = 6; }
static void lie_offset_far(struct virtio_net_hdr *h, uint8_t *b) { h->csum_offset = 65535; }
static void lie_fragment(struct virtio_net_hdr *h, uint8_t *b) { b[sent.l3 + 6] |= 0x20; }
static void lie_protocol(struct virtio_net_hdr *h, uint8_t *b) { b[sent.l3 + 9] = IPPROTO_UDP; }
static void lie_ihl(struct virtio_net_hdr *h, uint8_t *b) { b[sent.l3] = 0x4f; }
static void lie_tcp_short(struct virtio_net_hdr *h, uint8_t *b) { b[sent.l4 + 12] = 0x40; }
static void lie_ether_type(struct virtio_net_hdr *h, uint8_t *b) { b[sent.l3 - 1] = 0x06; }

static void test_lies(void **state)
{
	static void (*const lies[])(struct virtio_net_hdr *, uint8_t *) = {
		lie_no_csum,	lie_size_zero, lie_size_tiny, lie_family,    lie_udp,	      lie_ufo,
		lie_type,	lie_ecn_alone, lie_start,     lie_start_far, lie_start_early, lie_offset,
		lie_offset_far, lie_fragment,  lie_protocol,  lie_ihl,	     lie_tcp_short,   lie_ether_type,
	};
	for (unsigned i = 0; i <= RTE_DIM(lies); i++) {
		sent.ip6 = sent.udp = sent.ecn = false;
		make(4000, 1400);
		struct virtio_net_hdr h = sent_virtio();
		if (i < RTE_DIM(lies))
			lies[i](&h, sent.bytes);
		struct frame *f = fixture_frame(sent.bytes, sent.header + sent.payload);
		int r = offload_from_virtio(f, &h);
		if (r != (i < RTE_DIM(lies) ? -EINVAL : 0))
			fail_msg("lie %u: %d", i, r);
		assert_int_equal(!!(f->m.ol_flags & FRAME_OFFLOAD), i == RTE_DIM(lies));
		frame_free(f);
	}
}

/* A plain checksum may lie anywhere behind the Ethernet header, but within the first piece. */
static void test_checksum_places(void **state)
{
	static const struct {
		uint16_t start, offset;
		int result;
	} places[] = {{14, 0, 0},	 {13, 6, -EINVAL}, {34, 64, 0},
		      {34, 65, -EINVAL}, {98, 0, 0},	   {65535, 65535, -EINVAL}};
	for (unsigned i = 0; i < RTE_DIM(places); i++) {
		struct frame *f = fixture_frame(sent.bytes, 100);
		fixture_append(f, sent.bytes + 100, 100);
		struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					   .csum_start = places[i].start,
					   .csum_offset = places[i].offset};
		assert_int_equal(offload_from_virtio(f, &h), places[i].result);
		assert_int_equal(offload_checksum(f), 0);
		frame_free(f);
	}
}

/* A head may be longer than that of a copy: what was believed of the one must hold for the other. */
static void test_checksum_in_a_long_head(void **state)
{
	static const struct {
		uint16_t start;
		int result;
	} places[] = {{FRAME_SMALL_ROOM - 2, 0}, {FRAME_SMALL_ROOM - 1, -EINVAL}, {3000, -EINVAL}};
	static const uint8_t bytes[4000];
	for (unsigned i = 0; i < RTE_DIM(places); i++) {
		struct frame *f = frame_alloc(pools.big);
		memcpy(rte_pktmbuf_append(&f->m, sizeof(bytes)), bytes, sizeof(bytes));
		struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = places[i].start};
		assert_int_equal(offload_from_virtio(f, &h), places[i].result);
		frame_free(f);
	}
}

/* Headers that are not whole in the first piece. */
static void test_split_headers(void **state)
{
	sent.ip6 = sent.udp = sent.ecn = false;
	make(4000, 1400);
	struct virtio_net_hdr h = sent_virtio();
	for (unsigned head = 0; head < sent.header; head++) {
		struct frame *f = fixture_frame(sent.bytes, head);
		fixture_append(f, sent.bytes + head, sent.header + sent.payload - head);
		assert_int_equal(offload_from_virtio(f, &h), -EINVAL);
		frame_free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sum),
		cmocka_unit_test(test_segment),
		cmocka_unit_test(test_segment_extremes),
		cmocka_unit_test(test_segment_no_memory),
		cmocka_unit_test(test_segment_changed),
		cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_checksum_zero),
		cmocka_unit_test(test_data_valid),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_checksum_places),
		cmocka_unit_test(test_checksum_in_a_long_head),
		cmocka_unit_test(test_split_headers),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
