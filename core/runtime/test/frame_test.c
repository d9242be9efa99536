/* SPDX-License-Identifier: Apache-2.0 */
/* Frames in all shapes against the same bytes in one flat array, loans that come back once, and parse. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <rte_lcore.h>
#include <rte_mbuf_dyn.h>

#include "core/runtime/test/frame_fixture.h"

static uint8_t bytes[FRAME_MAX + 1];

static unsigned frames_out(void)
{
	return rte_mempool_in_use_count(pools.small) + rte_mempool_in_use_count(pools.big);
}

static void assert_frame_is(const struct frame *f, const uint8_t *want, uint32_t len)
{
	static uint8_t got[sizeof(bytes)];
	assert_int_equal(frame_len(f), len);
	assert_true(frame_read(f, 0, got, len));
	assert_memory_equal(got, want, len);

	struct iovec iov[FRAME_IOV_MAX];
	unsigned n = frame_iov(f, iov, FRAME_IOV_MAX);
	uint32_t off = 0;
	for (unsigned i = 0; i < n; off += (uint32_t)iov[i++].iov_len) {
		assert_true(off + iov[i].iov_len <= len && iov[i].iov_len);
		assert_memory_equal(iov[i].iov_base, want + off, iov[i].iov_len);
	}
	assert_int_equal(off, len);
}

static void test_rooms(void **state)
{
	struct frame *small = frame_alloc(pools.small), *big = frame_alloc(pools.big);
	assert_int_equal(rte_pktmbuf_headroom(&small->m), FRAME_HEADROOM);
	assert_int_equal(rte_pktmbuf_tailroom(&small->m), FRAME_SMALL_ROOM);
	assert_int_equal(rte_pktmbuf_headroom(&big->m), FRAME_HEADROOM);
	assert_int_equal(rte_pktmbuf_tailroom(&big->m), FRAME_BIG_ROOM);
	assert_int_equal(rte_pktmbuf_priv_size(pools.small), FRAME_PRIV_SIZE);
	frame_free(small);
	frame_free(big);
	assert_int_equal(frames_out(), 0);

	struct rte_mbuf_dynflag flag;
	assert_int_equal(rte_mbuf_dynflag_lookup("weft_frame_offload", &flag), 40);
	assert_int_equal(rte_mbuf_dynflag_lookup("weft_frame_csum_good", &flag), 37);
	assert_int_equal(frame_init(), 0);
}

static void *worker_thread(void *arg)
{
	unsigned *bad = arg;
	*bad = rte_thread_register() != 0;
	for (int i = 0; i < 1000; i++) {
		struct frame *f = frame_alloc(pools.small);
		*bad += !f;
		frame_free(f);
	}
	rte_mempool_cache_flush(rte_mempool_default_cache(pools.small, rte_lcore_id()), pools.small);
	rte_thread_unregister();
	return NULL;
}

static void test_registered_thread(void **state)
{
	pthread_t thread;
	unsigned bad = 1;
	assert_int_equal(pthread_create(&thread, NULL, worker_thread, &bad), 0);
	pthread_join(thread, NULL);
	assert_int_equal(bad, 0);
	assert_int_equal(frames_out(), 0);
}

static void test_shapes(void **state)
{
	for (int round = 0; round < 400; round++) {
		uint32_t len = random_below(round % 4 ? 4000 : FRAME_MAX - 100);
		struct frame *f = fixture_pieces(bytes, len, random_below(100));
		assert_frame_is(f, bytes, len);

		uint32_t off = random_below(len + 2), n = random_below(len + 2);
		uint8_t part[4000];
		assert_int_equal(frame_read(f, off, part, 0), off <= len);
		if (n <= sizeof(part))
			assert_int_equal(frame_read(f, off, part, n), off + n <= len);

		struct frame *copy = frame_copy(f, &pools, UINT32_MAX);
		assert_frame_is(copy, bytes, len);
		assert_false(copy->m.ol_flags & FRAME_LENT);
		assert_true(len > FRAME_BIG_ROOM || copy->m.nb_segs == 1);
		frame_free(copy);
		copy = frame_copy(f, &pools, n);
		assert_frame_is(copy, bytes, RTE_MIN(n, len));
		frame_free(copy);

		assert_int_equal(frame_own(f, &pools), 0);
		assert_int_equal(loans_out, 0);
		assert_frame_is(f, bytes, len);
		rte_mbuf_sanity_check(&f->m, 1);
		frame_free(f);
		assert_int_equal(frames_out(), 0);
	}
}

static void test_iov_limit(void **state)
{
	struct frame *f = fixture_frame(bytes, 60);
	fixture_append(f, bytes, 0);
	fixture_append(f, bytes, 10);
	fixture_lend(f, bytes, 10);
	struct iovec iov[3];
	assert_int_equal(frame_iov(f, iov, 2), 0);
	assert_int_equal(frame_iov(f, iov, 3), 3);
	frame_free(f);
	assert_int_equal(loans_out, 0);
}

static void test_hold_and_unshare(void **state)
{
	struct frame *f = fixture_frame(bytes, 100);
	fixture_append(f, bytes + 100, 500);
	fixture_lend(f, bytes + 600, 5000);
	f->m.ol_flags |= FRAME_OFFLOAD | FRAME_CSUM_GOOD;
	f->offload = (struct frame_offload){.csum = true, .csum_start = 34, .csum_offset = 16};
	frame_parse(f);
	assert_ptr_equal(frame_unshare(f, &pools), f);

	frame_hold(f);
	frame_hold(f);
	struct frame *own = frame_unshare(f, &pools);
	assert_ptr_not_equal(own, f);
	assert_frame_is(own, bytes, 5600);
	assert_int_equal(own->m.ol_flags, FRAME_OFFLOAD | FRAME_CSUM_GOOD | FRAME_PARSED);
	assert_memory_equal(&own->offload, &f->offload, sizeof(f->offload));
	assert_memory_equal(&own->headers, &f->headers, sizeof(f->headers));
	memset(frame_data(own), 0, 100);

	struct frame *part = frame_copy(f, &pools, 64);
	assert_false(part->m.ol_flags & (FRAME_OFFLOAD | FRAME_PARSED));
	frame_free(part);
	frame_free(own);
	frame_free(f);
	assert_int_equal(loans_out, 1);
	assert_frame_is(f, bytes, 5600);
	frame_free(f);
	assert_int_equal(loans_out, 0);
	assert_int_equal(frames_out(), 0);
}

static void test_no_memory(void **state)
{
	struct frame_pools tiny;
	assert_int_equal(frame_pools_create(&tiny, 4, 1), 0);
	struct frame *f = fixture_frame(bytes, 100);
	fixture_lend(f, bytes + 100, 20000);
	struct frame *big = frame_alloc(tiny.big);
	assert_null(frame_copy(f, &tiny, UINT32_MAX)); /* 11 small pieces would do it, and 4 are there */
	assert_int_equal(frame_own(f, &tiny), -ENOMEM);
	frame_hold(f);
	assert_null(frame_unshare(f, &tiny));
	assert_frame_is(f, bytes, 20100);
	assert_int_equal(rte_mempool_in_use_count(tiny.small), 0);

	struct frame *copy = frame_copy(f, &tiny, 3 * FRAME_SMALL_ROOM);
	assert_int_equal(copy->m.nb_segs, 3);
	assert_frame_is(copy, bytes, 3 * FRAME_SMALL_ROOM);
	frame_free(copy);
	frame_free(f);
	frame_free(f);

	f = fixture_frame(bytes, 100);
	fixture_lend(f, bytes + 100, 2 * FRAME_SMALL_ROOM);
	assert_int_equal(frame_own(f, &tiny), 0);
	assert_int_equal(f->m.nb_segs, 3);
	rte_mbuf_sanity_check(&f->m, 1);
	assert_frame_is(f, bytes, 100 + 2 * FRAME_SMALL_ROOM);
	frame_free(f);
	frame_free(big);
	frame_pools_free(&tiny);
	assert_int_equal(loans_out, 0);
}

static void test_shifted(void **state)
{
	struct frame *f = fixture_frame(bytes, 100);
	f->m.ol_flags |= FRAME_OFFLOAD | FRAME_PARSED;
	f->offload = (struct frame_offload){.gso = FRAME_GSO_TCP4, .csum_start = 34, .header_len = 54};
	frame_shifted(f, 4);
	assert_int_equal(f->offload.csum_start, 38);
	assert_int_equal(f->offload.header_len, 58);
	assert_false(f->m.ol_flags & FRAME_PARSED);
	f->offload = (struct frame_offload){.csum = true, .csum_start = 38};
	frame_shifted(f, -4);
	assert_int_equal(f->offload.csum_start, 34);
	assert_int_equal(f->offload.header_len, 0);
	frame_free(f);
}

/* ---- parse ---- */

/* Behind the addresses; `want` is what a whole frame of them parses to. */
struct parse_case {
	const char *name;
	uint8_t len;
	uint8_t bytes[120];
	struct frame_headers want;
};

/* clang-format off */
#define IP4(ihl, total, frag, proto) \
	(0x40 | (ihl)), 0, 0, (total), 0, 1, (frag) >> 8, (frag) & 255, 64, (proto), 0, 0, 10, 0, 0, 1, 10, 0, 0, 2
#define IP6_ADDRESS(last) 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (last)
#define IP6(payload, next) 0x60, 0, 0, 0, 0, (payload), (next), 64, IP6_ADDRESS(1), IP6_ADDRESS(2)
#define TCP 0x30, 0x39, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x10, 1, 0, 0, 0, 0, 0
#define UDP 0x30, 0x39, 0, 53, 0, 8, 0, 0

static const struct parse_case parse_cases[] = {
	{"arp", 10, {0x08, 0x06, 0, 1}, {.ether_type = 0x0806, .l3_off = 14}},
	{"802.3", 10, {0x00, 0x26, 0x42, 0x42}, {.ether_type = 0x26, .l3_off = 14}},
	{"tcp4", 42, {8, 0, IP4(5, 40, 0, 6), TCP}, {0x0800, 14, 34, 6}},
	{"tcp4, length left open", 42, {8, 0, IP4(5, 0, 0, 6), TCP}, {0x0800, 14, 34, 6}},
	{"tcp4 in padding only", 42, {8, 0, IP4(5, 20, 0, 6), TCP}, {0x0800, 14, 0, 6}},
	{"tcp4, length shorter than its header", 42, {8, 0, IP4(5, 7, 0, 6), TCP}, {0x0800, 14, 0, 6}},
	{"udp4 with options", 38, {8, 0, IP4(7, 36, 0, 17), 1, 1, 1, 1, 1, 1, 1, 1, UDP}, {0x0800, 14, 42, 17}},
	{"ihl 4", 42, {8, 0, IP4(4, 40, 0, 6), TCP}, {0x0800, 14, 0, 6}},
	{"version 6 in IPv4", 42, {8, 0, IP6(0, 6)}, {0x0800, 14, 0, 0}},
	{"tag", 46, {0x81, 0, 0, 5, 8, 0, IP4(5, 40, 0, 6), TCP}, {0x0800, 18, 38, 6}},
	{"two tags", 50, {0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 8, 0, IP4(5, 40, 0, 6), TCP}, {0x0800, 22, 42, 6}},
	{"three tags", 54, {0x81, 0, 0, 5, 0x81, 0, 0, 6, 0x81, 0, 0, 7, 8, 0, IP4(5, 40, 0, 6), TCP}, {0x8100, 22}},
	{"first fragment", 42, {8, 0, IP4(5, 40, 0x2000, 6), TCP}, {0x0800, 14, 34, 6, false, true}},
	{"later fragment", 42, {8, 0, IP4(5, 40, 0x2005, 6), TCP}, {0x0800, 14, 0, 6, true, true}},
	{"last fragment", 42, {8, 0, IP4(5, 40, 5, 17), UDP}, {0x0800, 14, 0, 17, true, true}},
	{"don't fragment", 42, {8, 0, IP4(5, 40, 0x4000, 6), TCP}, {0x0800, 14, 34, 6}},
	{"tcp6", 62, {0x86, 0xdd, IP6(20, 6), TCP}, {0x86dd, 14, 54, 6}},
	{"tcp6 in padding only", 62, {0x86, 0xdd, IP6(19, 6), TCP}, {0x86dd, 14, 0, 6}},
	{"hop-by-hop, destination", 74, {0x86, 0xdd, IP6(32, 0), 60, 0, 1, 4, 0, 0, 0, 0, 17, 1, 1, 12, [65] = 0,
	  UDP},
	 {0x86dd, 14, 78, 17}},
	{"authentication header", 66, {0x86, 0xdd, IP6(24, 51), 17, 2, 0, 0, 0, 0, 0, 1, [57] = 0, UDP},
	 {0x86dd, 14, 70, 17}},
	{"first fragment 6", 58, {0x86, 0xdd, IP6(16, 44), 17, 0, 0, 1, 0, 0, 0, 9, UDP},
	 {0x86dd, 14, 62, 17, false, true}},
	{"later fragment 6", 58, {0x86, 0xdd, IP6(16, 44), 17, 0, 0, 9, 0, 0, 0, 9, UDP},
	 {0x86dd, 14, 0, 17, true, true}},
	{"no next header", 58, {0x86, 0xdd, IP6(16, 59), 17, 0, 0, 9, 0, 0, 0, 9, UDP}, {0x86dd, 14, 0, 59}},
	{"esp", 58, {0x86, 0xdd, IP6(16, 50), 17, 0, 0, 9, 0, 0, 0, 9, UDP}, {0x86dd, 14, 54, 50}},
};
/* clang-format on */

static struct frame *parse_frame(const struct parse_case *pc, uint32_t len)
{
	uint8_t frame[12 + sizeof(pc->bytes)] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	memcpy(frame + 12, pc->bytes, pc->len);
	struct frame *f = fixture_frame(frame, len);
	frame_parse(f);
	return f;
}

static void test_parse(void **state)
{
	for (unsigned i = 0; i < RTE_DIM(parse_cases); i++) {
		const struct parse_case *pc = &parse_cases[i];
		struct frame *f = parse_frame(pc, 12u + pc->len);
		const struct frame_headers *got = &f->headers, *want = &pc->want;
		if (got->ether_type != want->ether_type || got->l3_off != want->l3_off ||
		    got->l4_off != want->l4_off || got->l4_proto != want->l4_proto ||
		    got->fragment != want->fragment || got->fragmented != want->fragmented)
			fail_msg("%s: type %04x l3 %u l4 %u proto %u fragment %d/%d", pc->name, got->ether_type,
				 got->l3_off, got->l4_off, got->l4_proto, got->fragment, got->fragmented);
		assert_true(f->m.ol_flags & FRAME_PARSED);
		frame_free(f);
	}
}

/* Cut short anywhere, the L4 header is found whole or not at all. */
static void test_parse_truncated(void **state)
{
	for (unsigned i = 0; i < RTE_DIM(parse_cases); i++)
		for (uint32_t len = 0; len <= 12u + parse_cases[i].len; len++) {
			struct frame *f = parse_frame(&parse_cases[i], len);
			const struct frame_headers *h = &f->headers;
			uint32_t need = h->l4_proto == IPPROTO_TCP ? 20 : h->l4_proto == IPPROTO_UDP ? 8 : 4;
			assert_true(!h->l4_off || h->l4_off + need <= len);
			assert_true(len >= 14 || h->ether_type == 0);
			frame_free(f);
		}
}

/* Extension headers without end: out of reach, and no loop. */
static void test_parse_long_chain(void **state)
{
	uint8_t frame[1500] = {[12] = 0x86, [13] = 0xdd, [14] = 0x60, [20] = 60};
	for (unsigned at = 54; at < sizeof(frame); at += 8)
		frame[at] = at < 1200 ? 60 : 6;
	struct frame *f = fixture_frame(frame, sizeof(frame));
	frame_parse(f);
	assert_int_equal(f->headers.l4_off, 0);
	assert_int_equal(f->headers.l4_proto, 6);
	frame_free(f);
}

int main(void)
{
	random_fill(bytes, sizeof(bytes));
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rooms),
		cmocka_unit_test(test_registered_thread),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_iov_limit),
		cmocka_unit_test(test_hold_and_unshare),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_shifted),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_truncated),
		cmocka_unit_test(test_parse_long_chain),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
