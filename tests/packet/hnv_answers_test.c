/* SPDX-License-Identifier: Apache-2.0 */
/* What the switch answers a guest in a virtual subnet, to the byte, against frames that scapy made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>

#include "modules/hnv-answers/datapath/hnv_asked.h"
#include "modules/hnv-answers/datapath/hnv_nd.h"
#include "modules/hnv/reply.h"
#include "tests/packet/hnv_guest.h"
#include "tests/packet/hnv_packets.h"

struct row {
	const char *about, *asked, *heard, *drop, *to, *mode;
};

static const struct row rows[] = {
#include "tests/packet/hnv_answers_frames.def"
};

static unsigned adapter_named(const char *name)
{
	return !strcmp(name, "vm") ? GUEST_VM : !strcmp(name, "beside") ? GUEST_BESIDE : GUEST_OUT;
}

static void table(void **state)
{
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		const struct row *r = &rows[i];
		uint8_t asked[2048], heard[2048];
		guest_mode(r->mode);
		uint64_t before = r->drop ? guest_dropped(r->drop) : 0;
		guest_send(asked, packet_hex(r->asked, asked));
		if (r->drop && guest_dropped(r->drop) != before + 1)
			fail_msg("%s: not dropped as %s", r->about, r->drop);
		if (guest_got_total() != (r->heard != NULL))
			fail_msg("%s: %u frames came out", r->about, guest_got_total());
		struct frame *f = r->heard ? guest_got(adapter_named(r->to), 0) : NULL;
		if (r->heard && !f)
			fail_msg("%s: nothing for %s", r->about, r->to);
		if (f)
			packet_check(r->about, f, heard, packet_hex(r->heard, heard));
		guest_clear();
		assert_true(guest_books_balance());
	}
}

/* A frame whose bytes lie in two pieces, the second in a buffer of exactly its size. */
static void send_pieces(const uint8_t *bytes, size_t len, size_t head)
{
	struct frame *f = frame_alloc(guest_pools.small);
	struct rte_mbuf *rest = rte_pktmbuf_alloc(guest_pools.small);
	assert_true(f && rest);
	memcpy(rte_pktmbuf_append(&f->m, (uint16_t)head), bytes, head);
	memcpy(rte_pktmbuf_append(rest, (uint16_t)(len - head)), bytes + head, len - head);
	assert_int_equal(rte_pktmbuf_chain(&f->m, rest), 0);
	guest_send_frame(f);
}

/* Cut off anywhere, a frame is dropped, passed or answered, and never read or written beyond its end; split anywhere, it
 * is what it was or dropped. */
static void truncated_and_split(void **state)
{
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		uint8_t bytes[2048];
		size_t len = packet_hex(rows[i].asked, bytes);
		for (size_t n = 0; n <= len; n++) {
			if (n % 64 == 0)
				guest_mode(rows[i].mode);
			if (n)
				guest_send(bytes, n);
			if (n && n < len)
				send_pieces(bytes, len, n);
			assert_true(guest_got_total() <= 4);
			guest_clear();
		}
		guest_turn();
		guest_clear();
	}
	assert_true(guest_books_balance());
	assert_int_equal(rte_mempool_in_use_count(guest_pools.small), 0);
}

static void check_error(struct frame *f, uint8_t type, uint8_t code)
{
	uint8_t icmp[2] = {0};
	assert_true(f && frame_read(f, HNV_ETHER + HNV_IP4, icmp, 2));
	assert_int_equal(icmp[0], type);
	assert_int_equal(icmp[1], code);
}

static void storms(void **state)
{
	uint8_t bytes[2048];
	guest_mode("");
	size_t n = packet_hex(rows[0].asked, bytes);
	uint64_t before = guest_dropped("answer-limit");
	for (unsigned i = 0; i < HNV_ANSWERS_BURST + 500; i++) {
		guest_send(bytes, n);
		guest_clear();
	}
	assert_int_equal(guest_dropped("answer-limit") - before, 500);
	/* Path MTU discovery goes on, and after half a second so do the answers. */
	n = packet_datagram4(bytes, 1500, true, NULL, 0);
	guest_send(bytes, n);
	check_error(guest_got(GUEST_VM, 0), 3, 4);
	guest_clear();
	guest_pipe.now_ms += 500;
	guest_send(bytes, packet_hex(rows[0].asked, bytes));
	assert_int_equal(guest_got_total(), 1);
	guest_clear();
}

/* From 10.0.0.x: learned from data and from ARP alike, and nothing of what taught it is lost. */
static void send_from(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	uint8_t bytes[2048];
	size_t n = packet_datagram4(bytes, 100, false, NULL, 0);
	memcpy(bytes + HNV_ETHER + 12, (uint8_t[]){a, b, c, d}, 4);
	guest_send(bytes, n);
	guest_turn();
}

static void learning(void **state)
{
	struct ip want;
	uint8_t bytes[2048];
	assert_int_equal(ip_parse("10.0.0.50", &want), 0);
	guest_mode("learn");
	send_from(10, 0, 0, 50);
	assert_true(ip_equal(&guest_learned, &want));
	assert_non_null(guest_got(GUEST_OUT, 0));
	guest_clear();
	guest_learned.family = 0;
	send_from(10, 0, 0, 50);
	assert_int_equal(guest_learned.family, 0);
	assert_non_null(guest_got(GUEST_OUT, 0));
	guest_clear();

	guest_mode("learn");
	size_t n = packet_hex(rows[0].asked, bytes);
	bytes[31] = 50;
	guest_send(bytes, n); /* who has 10.0.0.6, tell 10.0.0.50 */
	guest_turn();
	assert_true(ip_equal(&guest_learned, &want));
	assert_non_null(guest_got(GUEST_VM, 0));
	guest_clear();
	assert_true(guest_books_balance());
}

static void not_learned(void **state)
{
	uint64_t outside, spoofed;
	guest_mode("learn");
	outside = guest_dropped("address-outside-subnet");
	send_from(10, 9, 0, 50);
	assert_int_equal(guest_dropped("address-outside-subnet"), outside + 1);
	spoofed = guest_dropped("not-own-address");
	send_from(10, 0, 0, 1); /* the gateway's */
	assert_int_equal(guest_dropped("not-own-address"), spoofed + 1);
	assert_int_equal(guest_learned.family, 0);
	guest_learn_answer = -EEXIST;
	send_from(10, 0, 0, 6); /* another's: reported, for the event */
	assert_int_equal(guest_learned.family, AF_INET);
	for (unsigned i = 0; i < 20; i++)
		send_from(10, 0, 0, 6);
	assert_true(guest_dropped("not-own-address") >= spoofed + 1 + 15);
	assert_int_equal(guest_got_total(), 0);
	guest_mode("");
	guest_learned.family = 0;
	send_from(10, 0, 0, 50);
	assert_int_equal(guest_learned.family, 0);
	assert_true(guest_books_balance());
}

/* Unsolicited: at once, and every ten minutes, to all nodes. */
static void beacons(void **state)
{
	static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};
	static const struct {
		uint64_t at_s;
		unsigned sent;
	} turns[] = {{1000, 1}, {1001, 0}, {1599, 0}, {1600, 1}, {1601, 0}};
	uint8_t got[HNV_RA_MAX];
	guest_mode("");
	guest_port.beacon_ms = 0;
	hnv_ra_beacon(1000);
	guest_turn();
	assert_int_equal(guest_got_total(), 0); /* the document says no */
	guest_mode("dhcp");
	guest_port.beacon_ms = 0;
	for (size_t i = 0; i < RTE_DIM(turns); i++) {
		hnv_ra_beacon(turns[i].at_s * 1000);
		guest_turn();
		assert_int_equal(guest_got_total(), turns[i].sent);
		struct frame *f = guest_got(GUEST_VM, 0);
		if (f) {
			assert_true(frame_read(f, 0, got, frame_len(f)));
			assert_memory_equal(got + HNV_ETHER + 24, all_nodes, 16);
			assert_int_equal(got[HNV_ETHER + HNV_IP6], 134);
		}
		guest_clear();
	}
	assert_true(guest_books_balance());
}

/* Clamped towards the guest too, in a copy of its own when others hold the frame. */
static void mss_to_guest(void **state)
{
	uint8_t bytes[2048], want[2048];
	guest_mode("clamp");
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		if (!rows[i].heard || strcmp(rows[i].mode, "clamp") != 0)
			continue;
		size_t n = packet_hex(rows[i].asked, bytes);
		struct frame *f = frame_alloc(guest_pools.small);
		assert_non_null(f);
		memcpy(rte_pktmbuf_append(&f->m, (uint16_t)n), bytes, n);
		frame_hold(f);
		pipe_originate(&guest_pipe, guest_pipe.dp->adapters[GUEST_OUT], guest_pipe.dp->adapters[GUEST_VM], f);
		pipe_flush(&guest_pipe);
		packet_check(rows[i].about, guest_got(GUEST_VM, 0), want, packet_hex(rows[i].heard, want));
		packet_check(rows[i].about, f, bytes, n);
		guest_clear();
		frame_free(f);
	}
	assert_true(guest_books_balance());
}

static int start(void **state)
{
	guest_start();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),	cmocka_unit_test(truncated_and_split), cmocka_unit_test(storms),
		cmocka_unit_test(learning),	cmocka_unit_test(not_learned),	       cmocka_unit_test(beacons),
		cmocka_unit_test(mss_to_guest),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
