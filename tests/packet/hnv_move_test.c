/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest has moved to another host, or is about to come from there: its adapter is here, its lookup record leads away.
 * What still comes for it by the wire goes on after it, never back and never in circles.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/err.h"
#include "base/ip.h"
#include "core/runtime/explain.h"
#include "core/runtime/offload.h"
#include "modules/hnv/hnv.h"
#include "tests/packet/hnv_rig.h"

static struct rig_outer outer4(uint32_t key) { return (struct rig_outer){RIG_PA4, RIG_NVGRE, key << 8}; }

struct stray {
	const char *about;
	const char *to4, *to6; /* where the guest's records lead now */
	bool ip6, outer6, vxlan;
	uint32_t from_third; /* it came from there, not from 198.51.100.12 */
	uint8_t ttl;
	const char *got, *drop;
};

static const struct stray strays[] = {
	{"it is here", "198.51.100.11", "198.51.100.11", false, false, false, 0, 64, "c-web", NULL},
	{"it has moved", THIRD4, THIRD4, false, false, false, 0, 64, "wire", NULL},
	{"it has moved, IPv6", THIRD4, THIRD4, true, false, false, 0, 64, "wire", NULL},
	{"it has moved, over VXLAN", THIRD4, THIRD4, false, false, true, 0, 64, "wire", NULL},
	{"it has moved, came over IPv6", THIRD4, THIRD4, false, true, false, 0, 64, "wire", NULL},
	{"it has moved to an IPv6 provider address", THIRD6, THIRD6, false, false, false, 0, 64, "wire", NULL},
	{"the hop limit goes on", THIRD4, THIRD4, false, false, false, 0, 2, "wire", NULL},
	{"the hop limit goes on, IPv6", THIRD6, THIRD6, true, true, false, 0, 7, "wire", NULL},
	{"the hop limit ends", THIRD4, THIRD4, false, false, false, 0, 1, "", "moved-too-far"},
	{"the hop limit ended", THIRD4, THIRD4, false, false, false, 0, 0, "", "moved-too-far"},
	{"never back", THIRD4, THIRD4, false, false, false, 1, 64, "", "moved-back"},
	{"of two addresses the other has moved", THIRD4, "198.51.100.11", true, false, false, 0, 64, "c-web", NULL},
};

/* Where a frame that went on went to. */
static void check_on(const struct stray *s, const uint8_t *inner, size_t len)
{
	uint8_t got[512];
	struct ip to;
	struct frame *f = host_got(WIRE, 0);
	const char *there = s->ip6 ? s->to6 : s->to4;
	bool ip6 = strchr(there, ':');
	unsigned off = ip6 ? 62 : 42;
	assert_int_equal(ip_parse(there, &to), 0);
	assert_int_equal(frame_len(f), off + len);
	assert_true(frame_read(f, 0, got, frame_len(f)));
	assert_memory_equal(got + off, inner, len);
	assert_memory_equal(got + (ip6 ? 38 : 30), to.byte, ip6 ? 16 : 4);
	assert_int_equal(got[ip6 ? 21 : 22], s->ttl - 1);
	assert_int_equal(got[off - 4] << 16 | got[off - 3] << 8 | got[off - 2], 5001);
	if (!ip6)
		assert_int_equal(offload_sum_fold(offload_sum(got + 14, 20, 0)), 0xffff);
}

static void test_strays(void **state)
{
	uint8_t inner[128], frame[256];
	for (unsigned i = 0; i < RTE_DIM(strays); i++) {
		const struct stray *s = &strays[i];
		struct rig_outer o = outer4(5001), o6 = {RIG_PA6, RIG_NVGRE, 5001 << 8};
		rig_move("10.0.0.5", s->to4);
		rig_move("fd00:1::5", s->to6);
		if (s->outer6)
			o = o6;
		if (s->vxlan)
			o.gre = 0;
		if (s->from_third)
			o.from = THIRD4;
		size_t len = rig_udp(inner, WEB, AWAY, s->ip6 ? "fd00:1::6" : "10.0.0.6",
				     s->ip6 ? "fd00:1::5" : "10.0.0.5", NULL, 20);
		size_t n = rig_wrap(frame, &o, inner, len);
		frame[s->outer6 ? 21 : 22] = s->ttl;
		if (!s->outer6)
			rig_ip4_sum(frame + 14);
		rig_expect(s->about, WIRE, frame, n, s->got, s->drop);
		if (!strcmp(s->got, "wire"))
			check_on(s, inner, len);
		host_clear();
	}
}

/* Frames that are found by MAC address. Broadcasts are not sent on: the new host has its own copy. */
static void test_by_mac(void **state)
{
	uint8_t inner[128], frame[256];
	const struct stray s = {.to4 = THIRD4, .ttl = 64};
	struct rig_outer o = outer4(5001);
	rig_move("10.0.0.5", THIRD4);
	rig_move("fd00:1::5", THIRD4);
	uint8_t *at = rig_ether(inner, WEB, AWAY, 0x0806);
	at += rig_hex("0001080006040001", at);
	at += rig_hex(AWAY, at);
	at += rig_hex("0a000006000000000000"
		      "0a000005",
		      at);
	size_t len = (size_t)(at - inner);
	rig_expect("unicast ARP", WIRE, frame, rig_wrap(frame, &o, inner, len), "wire", NULL);
	check_on(&s, inner, len);
	host_clear();
	len = rig_udp(inner, WEB, AWAY, "fe80::6", "fe80::5", NULL, 20);
	rig_expect("link-local", WIRE, frame, rig_wrap(frame, &o, inner, len), "wire", NULL);
	check_on(&s, inner, len);
	host_clear();
	len = rig_udp(inner, ALL, AWAY, "10.0.0.6", "255.255.255.255", NULL, 20);
	rig_expect("broadcast", WIRE, frame, rig_wrap(frame, &o, inner, len), "c-web,c-two", NULL);
	host_clear();
	len = rig_udp(inner, TWO, AWAY, "10.0.0.6", "10.0.0.5", NULL, 20);
	rig_expect("another MAC address", WIRE, frame, rig_wrap(frame, &o, inner, len), "", "not-here");
	len = rig_udp(inner, WEB, AWAY, "10.0.0.6", "10.0.0.5", NULL, 20);
	o.key = 6001 << 8;
	rig_expect("the other tenant's has not moved", WIRE, frame, rig_wrap(frame, &o, inner, len), "f-web", NULL);
	host_clear();
	o = outer4(5002);
	len = rig_udp(inner, DB, AWAY, "10.0.0.6", "10.0.1.23", NULL, 20);
	rig_expect("another guest's record", WIRE, frame, rig_wrap(frame, &o, inner, len), "", "not-here");
}

/* A path that is not there, one that is too narrow, a port that fills in checksums behind outer headers. */
static void test_ways(void **state)
{
	uint8_t inner[2048], frame[2048];
	struct rig_outer o = outer4(5001);
	host_apply(rig_moved_document("10.0.0.5", "192.0.2.99"));
	host_pass(2000); /* until then it is sent where it was before */
	host_clear();
	size_t len = rig_udp(inner, WEB, AWAY, "10.0.0.6", "10.0.0.5", NULL, 20);
	rig_expect("no path", WIRE, frame, rig_wrap(frame, &o, inner, len), "", "no-provider-path");
	rig_move("10.0.0.5", THIRD6);
	len = rig_udp(inner, WEB, AWAY, "10.0.0.6", "10.0.0.5", NULL, 1458 - 28);
	rig_expect("too long", WIRE, frame, rig_wrap(frame, &o, inner, len), "", "path-narrowed");
	len = rig_udp(inner, WEB, AWAY, "10.0.0.6", "10.0.0.5", NULL, 1438 - 28);
	rig_expect("as long as can be", WIRE, frame, rig_wrap(frame, &o, inner, len), "wire", NULL);
	host_clear();
}

/* A gateway takes what is outside, and moves as any guest does (row J11). */
static void test_gateway(void **state)
{
	static char text[10000];
	uint8_t inner[128], frame[256];
	struct rig_outer o = outer4(5001);
	const struct stray s = {.to4 = THIRD4, .ttl = 64};
	snprintf(
		text, sizeof(text),
		"%s  - {virtual-subnet-id: 5001, customer-address: 0.0.0.0, type: gateway-wildcard, mac-address: '" TWO
		"', provider-address: " THIRD4 "}\n",
		rig_moved_document(NULL, NULL));
	host_apply(text);
	rig_answer_neighbours();
	size_t len = rig_udp(inner, TWO, AWAY, "10.0.0.6", "192.0.2.1", NULL, 20);
	rig_expect("what is outside", WIRE, frame, rig_wrap(frame, &o, inner, len), "wire", NULL);
	check_on(&s, inner, len);
	host_clear();
	len = rig_udp(inner, TWO, AWAY, "10.0.0.6", "10.0.0.21", NULL, 20);
	rig_expect("what is its own", WIRE, frame, rig_wrap(frame, &o, inner, len), "c-two", NULL);
	host_clear();
	len = rig_udp(inner, WEB, AWAY, "10.0.0.6", "192.0.2.1", NULL, 20);
	rig_expect("by another's MAC address", WIRE, frame, rig_wrap(frame, &o, inner, len), "", "not-here");
	host_apply(rig_moved_document(NULL, NULL));
	rig_answer_neighbours();
}

/* Its adapter has left, too: for a while what is on its way goes on, and not what is for another. */
static void test_retired(void **state)
{
	uint8_t inner[128], frame[256];
	const struct stray s = {.to4 = THIRD4, .ttl = 64};
	struct rig_outer o = outer4(5001);
	char text[8192];
	rig_move("10.0.0.5", THIRD4);
	snprintf(text, sizeof(text), "%s", rig_moved_document("10.0.0.5", THIRD4));
	char *mac = strstr(text, "name: c-web, switch: fabric, mac-address: '00:15:5d:00:00:05'");
	assert_non_null(mac);
	mac = strstr(mac, ":05'");
	mac[1] = mac[2] = '7'; /* the adapter is another guest's from now on */
	host_apply(text);
	size_t len = rig_udp(inner, WEB, AWAY, "10.0.0.6", "10.0.0.5", NULL, 20);
	host_clear();
	rig_expect("on its way", WIRE, frame, rig_wrap(frame, &o, inner, len), "wire", NULL);
	check_on(&s, inner, len);
	host_clear();
	o.key = 6001 << 8;
	rig_expect("the other tenant's is here", WIRE, frame, rig_wrap(frame, &o, inner, len), "f-web", NULL);
	host_clear();
	host_pass(31000);
	host_clear();
	o.key = 5001 << 8;
	rig_expect("too late", WIRE, frame, rig_wrap(frame, &o, inner, len), "", "not-here");
}

/* What the adapter itself still sends, when its guest is at another host: that one speaks for it now. */
static void test_sends_no_more(void **state)
{
	uint8_t four[128], six[128], arp[128];
	size_t len4 = rig_udp(four, AWAY, WEB, "10.0.0.5", "10.0.0.6", NULL, 20);
	size_t len6 = rig_udp(six, AWAY, WEB, "fd00:1::5", "fd00:1::6", NULL, 20);
	uint8_t *at = rig_ether(arp, ALL, WEB, 0x0806);
	at += rig_hex("0001080006040001", at);
	at += rig_hex(WEB, at);
	at += rig_hex("0a000005000000000000"
		      "0a000006",
		      at);
	size_t len_arp = (size_t)(at - arp);
	host_apply(rig_moved_document(NULL, NULL));
	rig_wait_a_second();
	rig_expect("it is here", "c-web", four, len4, "wire", NULL);
	host_clear();
	rig_move("10.0.0.5", THIRD4);
	rig_expect("one of its addresses is", "c-web", four, len4, "wire", NULL);
	host_clear();
	rig_move("fd00:1::5", THIRD4);
	rig_expect("IPv4", "c-web", four, len4, "", "moved-away");
	rig_expect("IPv6", "c-web", six, len6, "", "moved-away");
	rig_expect("ARP", "c-web", arp, len_arp, "", "moved-away");
	rig_expect("the other tenant's guest is here", "f-web", four, len4, "wire", NULL);
	host_clear();
	hnv_guest_expect("c-web");
	rig_expect("it comes back", "c-web", four, len4, "wire", NULL);
	host_clear();
	rig_move("10.0.0.5", "198.51.100.11");
	rig_expect("it came back", "c-web", six, len6, "wire", NULL);
	host_clear();
	rig_move("10.0.0.5", THIRD4);
	rig_expect("it left again", "c-web", six, len6, "", "moved-away");
	host_check_books();
}

static void test_explained(void **state)
{
	uint8_t inner[128], frame[256];
	struct rig_outer o = outer4(5001);
	struct err e = {0};
	json_t *answer = NULL;
	rig_move("10.0.0.5", THIRD4);
	size_t len = rig_udp(inner, WEB, AWAY, "10.0.0.6", "10.0.0.5", NULL, 20);
	assert_int_equal(explain_run(WIRE, frame, rig_wrap(frame, &o, inner, len), &answer, &e), 0);
	char *text = json_dumps(answer, 0);
	assert_non_null(strstr(text, "its guest has moved: on to provider address " THIRD4));
	assert_non_null(strstr(text, "nvgre to provider address " THIRD4 ", virtual subnet 5001"));
	free(text);
	json_decref(answer);
	host_check_books();
}

int main(void)
{
	rig_start();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strays),	      cmocka_unit_test(test_by_mac),
		cmocka_unit_test(test_ways),	      cmocka_unit_test(test_gateway),
		cmocka_unit_test(test_explained),     cmocka_unit_test(test_retired),
		cmocka_unit_test(test_sends_no_more),
	};
	return cmocka_run_group_tests_name("hnv moves", tests, NULL, NULL);
}
