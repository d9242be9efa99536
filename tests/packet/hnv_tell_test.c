/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who sent a frame here for a guest that is elsewhere is told, byte for byte as scapy has it (golden/generate_control.py); and
 * who is not, or not so often.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "modules/hnv/control/message.h"
#include "tests/packet/golden.h"
#include "tests/packet/hnv_rig.h"

/* Is it what came out of the wire last? */
static void check_told(unsigned pair, const uint8_t *want, uint32_t len)
{
	uint8_t got[1024] = {0};
	struct frame *f = host_got(WIRE, host_got_count(WIRE) - 1);
	assert_non_null(f);
	assert_true(frame_len(f) <= sizeof(got) && frame_read(f, 0, got, frame_len(f)));
	for (uint32_t i = 0; i < len && i < frame_len(f); i++)
		if (got[i] != want[i])
			fail_msg("pair %u, byte %u: %02x instead of %02x", pair, i, got[i], want[i]);
	if (frame_len(f) != len)
		fail_msg("pair %u: %u bytes instead of %u", pair, frame_len(f), len);
}

#define OTHER_FAMILY 13 /* pairs; from here on the target is not of the family that the message goes by */

static void test_told(void **state)
{
	uint8_t given[1024], want[1024];
	struct pcap *file = golden_open("control-out");
	uint32_t len;
	unsigned pair = 0;
	while ((len = golden_next(file, given, sizeof(given)))) {
		uint32_t want_len = golden_next(file, want, sizeof(want));
		bool ip6 = (given[12] == 0x86) != (pair >= OTHER_FAMILY);
		rig_wait_a_second();
		rig_move("10.0.0.5", ip6 ? THIRD6 : THIRD4);
		rig_move("fd00:1::5", ip6 ? THIRD6 : THIRD4);
		uint64_t sent = hnvc_messages_sent[0] + hnvc_messages_sent[1];
		host_send(WIRE, given, len);
		host_turn();
		assert_int_equal(hnvc_messages_sent[0] + hnvc_messages_sent[1], sent + 1);
		check_told(pair++, want, want_len);
		host_clear();
		host_check_books();
	}
	assert_int_equal(pair, OTHER_FAMILY + 2);
	golden_close(file);
}

static unsigned told_by(const struct rig_outer *o, const char *to_mac, const char *to, unsigned n)
{
	uint8_t inner[128], frame[256];
	uint64_t sent = hnvc_messages_sent[0] + hnvc_messages_sent[1];
	size_t len = rig_udp(inner, to_mac, AWAY, "10.0.0.6", to, NULL, 20);
	len = rig_wrap(frame, o, inner, len);
	while (n--) {
		host_send(WIRE, frame, len);
		host_turn();
	}
	host_clear();
	host_check_books();
	return (unsigned)(hnvc_messages_sent[0] + hnvc_messages_sent[1] - sent);
}

/* Of n guests that nobody knows. */
static unsigned told_of_many(const struct rig_outer *o, unsigned n)
{
	char mac[24], to[24];
	unsigned told = 0;
	for (unsigned i = 0; i < n; i++) {
		snprintf(mac, sizeof(mac), "00:15:5d:01:%02x:%02x", i >> 8, i & 255);
		snprintf(to, sizeof(to), "10.0.0.%u", 100 + i % 100);
		told += told_by(o, mac, to, 1);
	}
	return told;
}

/* Not told: who is no peer, who is where the guest is, about what is nobody's; and nobody too often. */
static void test_not_told(void **state)
{
	struct rig_outer o = {RIG_PA4, RIG_NVGRE, 5001 << 8};
	rig_move("10.0.0.5", THIRD4);
	rig_wait_a_second();
	assert_int_equal(told_by(&o, WEB, "10.0.0.5", 1), 1);
	assert_int_equal(told_by(&o, TWO, "10.0.0.21", 1), 0); /* it is here */
	assert_int_equal(told_by(&o, TWO, "10.0.0.5", 1), 0); /* another's MAC address */
	assert_int_equal(told_by(&o, ALL, "10.0.0.255", 1), 0);
	o.from = THIRD4;
	assert_int_equal(told_by(&o, WEB, "10.0.0.5", 1), 0);
	o.from = "198.51.100.99";
	assert_int_equal(told_by(&o, WEB, "10.0.0.5", 1), 0);
	o.from = "198.51.100.12";
	rig_wait_a_second();
	assert_int_equal(told_by(&o, WEB, "10.0.0.5", 300), 3); /* of one guest */
	assert_in_range(told_of_many(&o, 300), 45, 47); /* of all */
	o.from = THIRD4; /* one that storms takes nothing from the others */
	assert_int_equal(told_by(&o, WEB, "10.0.0.77", 1), 1);
	host_pass(500);
	host_clear();
	o.from = "198.51.100.12";
	assert_int_equal(told_by(&o, WEB, "10.0.0.5", 300), 3);
	assert_in_range(told_of_many(&o, 300), 45, 47);
}

/* As `control-message-vsid` says. */
static void test_reserved_vsid(void **state)
{
	static char text[8192];
	uint8_t inner[128], frame[256], got[256];
	struct rig_outer o = {RIG_PA4, RIG_NVGRE, 5001 << 8};
	rig_wait_a_second();
	snprintf(text, sizeof(text), "%snetwork-virtualization: {control-message-vsid: reserved}\n",
		 rig_moved_document("10.0.0.5", THIRD4));
	host_apply(text);
	rig_answer_neighbours();
	size_t len = rig_udp(inner, WEB, AWAY, "10.0.0.6", "10.0.0.5", NULL, 20);
	host_send(WIRE, frame, rig_wrap(frame, &o, inner, len));
	host_turn();
	assert_true(frame_read(host_got(WIRE, host_got_count(WIRE) - 1), 0, got, 42));
	assert_memory_equal(got + 34, "\x20\x00\x65\x58\xff\xff\xff\x00", 8);
	host_clear();
	rig_move("10.0.0.5", THIRD4);
}

int main(void)
{
	rig_start();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_not_told),
		cmocka_unit_test(test_reserved_vsid),
	};
	return cmocka_run_group_tests_name("hnv control messages told", tests, NULL, NULL);
}
