/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joined frames, cut again by offload_segment (which has an oracle of its own), are the frames that were put in,
 * byte for byte, each flow's in order. Flows are mixed, some frames are damaged, of another kind, or not next.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "core/runtime/offload.h"
#include "core/runtime/test/frame_fixture.h"

#define FLOWS 3
#define BURST 32

struct flow {
	bool ip6;
	uint32_t sequence;
	uint16_t id;
	unsigned n; /* frames put in */
	uint8_t bytes[BURST][2000];
	uint32_t len[BURST];
};

static struct flow flows[FLOWS];

static uint32_t pseudo(const struct flow *fl, const uint8_t *ip, uint32_t l4_len)
{
	uint8_t tail[8] = {0};
	fixture_put(tail, 4, l4_len);
	tail[7] = IPPROTO_TCP;
	return fixture_sum(tail, 8, fl->ip6 ? fixture_sum(ip + 8, 32, 0) : fixture_sum(ip + 12, 8, 0));
}

/* The flow's next segment of `payload` bytes, with timestamps as options, at the flow's next record. */
static struct frame *segment(unsigned which, uint32_t payload, uint8_t flags)
{
	struct flow *fl = &flows[which];
	uint8_t *b = fl->bytes[fl->n], *ip = b + 14;
	unsigned l3_len = fl->ip6 ? 40 : 20;
	uint8_t *tcp = ip + l3_len;
	uint32_t l4_len = 32 + payload;
	memset(b, 0, 14 + l3_len + 32);
	b[5] = 6;
	b[11] = (uint8_t)which;
	fixture_put(b + 12, 2, fl->ip6 ? 0x86dd : 0x0800);
	ip[0] = fl->ip6 ? 0x60 : 0x45;
	ip[fl->ip6 ? 6 : 9] = IPPROTO_TCP;
	ip[fl->ip6 ? 7 : 8] = 64;
	ip[fl->ip6 ? 20 : 15] = (uint8_t)which;
	fixture_put(ip + (fl->ip6 ? 4 : 2), 2, fl->ip6 ? l4_len : l4_len + 20);
	if (!fl->ip6) {
		fixture_put(ip + 4, 2, fl->id++);
		ip[6] = 0x40;
		fixture_put(ip + 10, 2, (uint16_t)~fixture_sum(ip, 20, 0));
	}
	fixture_put(tcp, 4, 0x12345678);
	fixture_put(tcp + 4, 4, fl->sequence);
	fixture_put(tcp + 8, 4, 4711);
	tcp[12] = 32 << 2;
	tcp[13] = flags;
	fixture_put(tcp + 14, 2, 500);
	fixture_put(tcp + 20, 4, 0x0101080a);
	fixture_put(tcp + 24, 4, 99);
	random_fill(tcp + 32, payload);
	uint16_t sum = (uint16_t)~fixture_sum(tcp, l4_len, pseudo(fl, ip, l4_len));
	fixture_put(tcp + 16, 2, sum ? sum : 0xffff); /* the two zeros of ones' complement are one */
	fl->sequence += payload;
	fl->len[fl->n] = 14 + l3_len + l4_len;
	struct frame *f = frame_alloc(pools.small);
	assert_non_null(f);
	memcpy(rte_pktmbuf_append(&f->m, (uint16_t)fl->len[fl->n]), b, fl->len[fl->n]);
	fl->n++;
	return f;
}

static void flows_reset(void)
{
	for (unsigned i = 0; i < FLOWS; i++) {
		flows[i].ip6 = i == 2;
		flows[i].n = 0;
		flows[i].sequence = random_below(2) ? random_u32() : 0xfffffc00;
		flows[i].id = (uint16_t)random_u32();
	}
}

/* What comes out, cut again, against what went in. Frees. Returns how many frames were joined ones. */
static unsigned assert_same(struct frame **frames, uint16_t n)
{
	unsigned at[FLOWS] = {0}, joined = 0;
	for (uint16_t i = 0; i < n; i++) {
		struct frame *f = frames[i], *cut[OFFLOAD_SEGMENTS_MAX] = {f};
		int pieces = 1;
		rte_mbuf_sanity_check(&f->m, 1);
		if (f->m.ol_flags & FRAME_OFFLOAD) {
			joined++;
			pieces = offload_segment(f, &pools, cut, OFFLOAD_SEGMENTS_MAX);
			assert_true(pieces > 1);
		}
		for (int k = 0; k < pieces; k++) {
			static uint8_t got[4000];
			assert_true(frame_read(cut[k], 0, got, frame_len(cut[k])));
			struct flow *fl = &flows[got[11]];
			assert_int_equal(frame_len(cut[k]), fl->len[at[got[11]]]);
			assert_memory_equal(got, fl->bytes[at[got[11]]], frame_len(cut[k]));
			at[got[11]]++;
			if (cut[k] != f)
				frame_free(cut[k]);
		}
		frame_free(f);
	}
	for (unsigned i = 0; i < FLOWS; i++)
		assert_int_equal(at[i], flows[i].n);
	return joined;
}

static void test_one_flow_is_one_frame(void **state)
{
	for (unsigned which = 0; which < FLOWS; which += 2) {
		struct frame *frames[BURST];
		flows_reset();
		for (unsigned i = 0; i < BURST; i++)
			frames[i] = segment(which, i == BURST - 1 ? 77 : 1400, i == BURST - 1 ? 0x18 : 0x10);
		uint16_t n = offload_join(frames, BURST);
		assert_int_equal(n, 1);
		assert_int_equal(frames[0]->offload.gso_size, 1400);
		assert_int_equal(assert_same(frames, n), 1);
	}
}

static void test_mixed_flows(void **state)
{
	unsigned joined = 0;
	for (int round = 0; round < 3000; round++) {
		struct frame *frames[BURST];
		flows_reset();
		for (unsigned i = 0; i < BURST; i++) {
			unsigned which = random_below(FLOWS);
			uint32_t size = random_below(6) ? 500 : 1 + random_below(900);
			uint8_t flags = random_below(12) ? 0x10 : (uint8_t)(0x10 | random_below(16));
			frames[i] = segment(which, size, flags);
			if (!random_below(10))
				flows[which].sequence += random_below(3000); /* one was lost */
		}
		joined += assert_same(frames, offload_join(frames, BURST));
	}
	assert_true(joined > 3000);
}

/* A frame with a wrong checksum stays alone, and as wrong as it was. */
static void test_damaged_stay(void **state)
{
	struct frame *frames[3];
	flows_reset();
	for (unsigned i = 0; i < 3; i++)
		frames[i] = segment(0, 800, 0x10);
	frame_data(frames[1])[200] ^= 1;
	flows[0].bytes[1][200] ^= 1;
	uint16_t n = offload_join(frames, 3);
	assert_int_equal(n, 3);
	assert_int_equal(assert_same(frames, n), 0);
}

/* A sum that is still open (the sender's kernel left it) is as good as a right one. */
static void test_open_checksums_join(void **state)
{
	struct frame *frames[2];
	flows_reset();
	for (unsigned i = 0; i < 2; i++) {
		frames[i] = segment(0, 800, 0x10);
		frame_data(frames[i])[50] ^= 0xff;
		frames[i]->offload = (struct frame_offload){.csum = true, .csum_start = 34, .csum_offset = 16};
		frames[i]->m.ol_flags |= FRAME_OFFLOAD;
	}
	assert_int_equal(offload_join(frames, 2), 1);
	assert_same(frames, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_flow_is_one_frame),
		cmocka_unit_test(test_mixed_flows),
		cmocka_unit_test(test_damaged_stay),
		cmocka_unit_test(test_open_checksums_join),
	};
	return cmocka_run_group_tests_name("join", tests, fixture_setup, fixture_teardown);
}
