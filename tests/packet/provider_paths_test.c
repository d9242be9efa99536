/* SPDX-License-Identifier: Apache-2.0 */
/* Paths to other hosts: neighbours that are asked for, come, move and go; path MTUs; announcements; groups. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/runtime/offload.h"
#include "modules/provider/provider.h"
#include "tests/packet/asked.h"
#include "tests/packet/provider_wire.h"

static struct provider_path *hold(const char *remote)
{
	struct ip ip;
	ip_parse(remote, &ip);
	struct provider_path *p = provider_path_hold((uint8_t)provider_network_find("default"), &ip);
	assert_non_null(p);
	return p;
}

static const struct provider_way *way(const struct provider_path *p) { return atomic_load(&p->way); }

/* How many of what came out by the wire ask by ARP for the address. */
static unsigned arp_questions(const char *target, bool to_all)
{
	struct ip ip;
	struct frame *f;
	unsigned n = 0;
	ip_parse(target, &ip);
	for (unsigned i = 0; (f = host_got("wire:sw", i)); i++) {
		const uint8_t *d = frame_data(f);
		n += d[12] == 8 && d[13] == 6 && d[21] == 1 && !memcmp(d + 38, ip.byte, 4) &&
		     (d[0] == 0xff) == to_all;
	}
	return n;
}

static void test_path(void **state)
{
	struct provider_path *far = hold("192.0.2.9"), *near = hold("198.51.100.1"), *six = hold("2001:db8::1");
	assert_null(way(far));
	assert_non_null(strstr(far->waiting, "198.51.100.1 has not answered ARP yet"));
	assert_ptr_equal(hold("192.0.2.9"), far);
	provider_path_release(far);
	host_turn();
	assert_int_equal(arp_questions("198.51.100.1", true), 1);
	ended();
	arp(mac4, -1, 2, peer2, "198.51.100.1", PA4);
	arrive();
	host_turn();
	advertise(peer2, "2001:db8::1");
	arrive();
	host_turn();
	assert_non_null(way(far));
	assert_non_null(way(near));
	assert_non_null(way(six));
	assert_null(far->waiting);
	assert_int_equal(way(far)->mtu, 1500);
	assert_int_equal(way(far)->header_len, 34);
	assert_memory_equal(way(far)->header, peer2, 6);
	assert_memory_equal(way(far)->header + 6, mac4, 6);
	assert_int_equal(offload_sum_fold(way(far)->sum),
			 offload_sum_fold(offload_sum(way(far)->header + 14, 20, 0)));
	assert_int_equal(way(six)->header_len, 54);
	ended();

	/* A document that changes nothing of it leaves the very same way. */
	const struct provider_way *before = way(far);
	host_apply(BASE "  - {switch: sw, address: 198.51.100.12/24}\n");
	host_turn();
	assert_ptr_equal(way(far), before);
	ended();

	/* It moves: an announcement to all is enough. */
	arp(all, -1, 1, peer, "198.51.100.1", "198.51.100.1");
	arrive();
	assert_int_equal(host_got_count("vm1"), 1);
	host_turn();
	assert_memory_equal(way(far)->header, peer, 6);
	ended();

	/* Its questions are answered and tell nothing new. Silent for long, it is asked for; at last it is gone. */
	host_pass(30000);
	assert_true(arp_questions("198.51.100.1", false) >= 1);
	host_pass(5000);
	assert_null(way(far));
	assert_non_null(strstr(near->waiting, "does not answer ARP any more"));
	assert_true(arp_questions("198.51.100.1", true) >= 1);
	ended();
	provider_path_release(far);
	provider_path_release(near);
	provider_path_release(six);
	host_clear();
	host_pass(60000);
	assert_int_equal(arp_questions("198.51.100.1", true), 0);
	ended();
	host_apply(BASE);
	host_turn();
	ended();
}

/* Released, a path stays for a minute: who holds it again has its way at once. */
static void test_kept(void **state)
{
	struct provider_path *p = hold("198.51.100.7"), *lost = hold("198.51.100.8");
	struct ip ip;
	const struct dp_switch *sw = dataplane_current()->switches[0];
	ip_parse("198.51.100.7", &ip);
	host_turn();
	assert_int_equal(arp_questions("198.51.100.7", true), 1);
	arp(mac4, -1, 2, peer, "198.51.100.7", PA4);
	arrive();
	host_turn();
	const struct provider_way *before = way(p);
	assert_non_null(before);
	provider_path_release(p);
	provider_path_release(lost);
	host_pass(25000);
	assert_true(provider_is_peer(sw, &ip));
	assert_int_equal(arp_questions("198.51.100.8", true), 1); /* nobody asks for it again */
	assert_ptr_equal(hold("198.51.100.7"), p);
	assert_ptr_equal(way(p), before);
	provider_path_release(p);
	for (unsigned s = 0; s < 59; s++) {
		host_pass(1000);
		arp(mac4, -1, 2, peer, "198.51.100.7", PA4);
		arrive();
		host_turn();
	}
	assert_true(provider_is_peer(sw, &ip));
	host_pass(2000);
	assert_false(provider_is_peer(sw, &ip));
	ended();

	/* Who is not there is asked for every five seconds at least. */
	p = hold("198.51.100.7");
	host_turn();
	host_clear();
	host_pass(60000);
	assert_in_range(arp_questions("198.51.100.7", true), 12, 15);
	provider_path_release(p);
	host_pass(1000);
	host_clear();
	ended();
}

/* No more than a thousand are kept, the latest. */
static void test_kept_bounded(void **state)
{
	struct ip ip;
	host_apply(BASE "  - {switch: sw, address: 10.0.0.1/8}\n");
	host_turn();
	const struct dp_switch *sw = dataplane_current()->switches[0];
	for (unsigned i = 0; i < 1100; i++) {
		char text[32];
		snprintf(text, sizeof(text), "10.1.%u.%u", i >> 8, i & 255);
		struct provider_path *p = hold(text);
		host_turn();
		arp(mac4, -1, 2, peer, text, "10.0.0.1");
		arrive();
		host_turn();
		host_clear();
		provider_path_release(p);
	}
	host_pass(1000);
	ip_parse("10.1.0.75", &ip);
	assert_false(provider_is_peer(sw, &ip));
	ip_parse("10.1.0.76", &ip);
	assert_true(provider_is_peer(sw, &ip));
	host_apply(BASE); /* no route any more: what nobody holds goes at once */
	assert_false(provider_is_peer(dataplane_current()->switches[0], &ip));
	host_turn();
	host_clear();
}

static bool is_key_gre(uint8_t network, uint8_t protocol, const uint8_t *bytes, uint32_t bytes_len)
{
	return protocol == 47 && bytes_len >= 8 && bytes[0] == 0x20;
}

static void quote(uint32_t mtu, const char *from, const char *to)
{
	uint8_t body[28] = {0x45, 0, 0x05, 0xdc, 0, 0, 0x40, 0, 64, 47, [20] = 0x20, 0, 0x65, 0x58};
	struct ip a, b;
	ip_parse(from, &a);
	ip_parse(to, &b);
	memcpy(body + 12, a.byte, 4);
	memcpy(body + 16, b.byte, 4);
	ip4(mac4, -1, 1, "198.51.100.1", PA4, 36, 0);
	icmp4(3, 4, mtu, body, 28);
	arrive();
	host_turn();
}

/* The echo that came out of the wire last, turned into its answer. */
static uint16_t echo_size(void)
{
	struct frame *f, *last = NULL;
	for (unsigned i = 0; (f = host_got("wire:sw", i)); i++)
		if (frame_data(f)[12] == 8 && frame_data(f)[13] == 0 && frame_data(f)[34] == 8)
			last = f;
	if (!last)
		return 0;
	len = 0;
	add(frame_data(last), frame_len(last));
	memcpy(frame, mac4, 6);
	memcpy(frame + 6, peer, 6);
	uint8_t to[4];
	memcpy(to, frame + 26, 4);
	memcpy(frame + 26, frame + 30, 4);
	memcpy(frame + 30, to, 4);
	frame[34] = 0;
	sum_at(36, 34, len - 34, 0);
	return (uint16_t)(len - 14);
}

static void test_mtu(void **state)
{
	struct provider_path *p = hold("198.51.100.1");
	arp(mac4, -1, 2, peer, "198.51.100.1", PA4);
	arrive();
	host_turn();
	quote(1400, PA4, "198.51.100.9");
	quote(1400, "198.51.100.9", "198.51.100.1");
	assert_int_equal(way(p)->mtu, 1500);
	quote(1400, PA4, "198.51.100.1"); /* nobody has said what tunnels send */
	assert_int_equal(way(p)->mtu, 1500);
	provider_quoted_by(is_key_gre);
	quote(1400, PA4, "198.51.100.1");
	assert_int_equal(way(p)->mtu, 1400);
	quote(1450, PA4, "198.51.100.1");
	assert_int_equal(way(p)->mtu, 1400);
	quote(0, PA4, "198.51.100.1"); /* an old router: the next plateau below the 1500 of the quoted packet */
	assert_int_equal(way(p)->mtu, 1400);
	struct ip remote;
	ip_parse("198.51.100.1", &remote);
	provider_path_narrow((uint8_t)provider_network_find("default"), &remote, 1000);
	assert_int_equal(way(p)->mtu, 1000);
	ended();
	provider_path_release(p);
	host_pass(62000); /* forgotten, and its path MTU with it */
	host_clear();

	/* Long packets vanish without a word: found by echoes. */
	p = hold("198.51.100.1");
	arp(mac4, -1, 2, peer, "198.51.100.1", PA4);
	arrive();
	host_turn();
	unsigned short_ones = 0;
	for (unsigned s = 0; s < 40; s++) {
		host_clear();
		host_pass(1000);
		for (uint16_t size; (size = echo_size()) && size <= 1300; short_ones++) {
			host_clear();
			arrive();
			host_turn();
		}
		arp(mac4, -1, 2, peer, "198.51.100.1", PA4);
		arrive();
		host_turn();
	}
	assert_true(short_ones > 2);
	assert_in_range(way(p)->mtu, 1296, 1300);
	ended();
	provider_path_release(p);
	host_turn();
	ended();
}

static void test_announce(void **state)
{
	static const char more[] =
		BASE "  - {switch: sw, address: 198.51.100.12/24, mac-address: '02:00:00:00:aa:09'}\n"
		     "  - {switch: sw, address: '2001:db8::12/64'}\n";
	host_apply(more);
	host_turn();
	assert_int_equal(host_got_count("wire:sw"), 4); /* a probe and an announcement of each */
	assert_int_equal(arp_questions("198.51.100.12", true), 2);
	ended();
	host_apply(more);
	host_turn();
	assert_int_equal(host_got_total(), 0);
	assert_non_null(strstr(host_apply_refused(BASE "  - {switch: sw, address: 198.51.100.12/24, mac-address: "
						       "'02:00:00:00:00:01'}\n"),
			       "02:00:00:00:00:01"));
	host_apply(BASE);
	arp(all, -1, 1, peer, "198.51.100.1", "198.51.100.12");
	passed("a PA that went");
}

static void test_groups(void **state)
{
	struct ip group, group6;
	uint8_t network = (uint8_t)provider_network_find("default");
	ip_parse("239.1.2.3", &group);
	ip_parse("ff15::99", &group6);
	host_turn();
	host_clear();
	assert_int_equal(provider_group_join(network, &group), 0);
	assert_int_equal(provider_group_join(network, &group6), 0);
	host_turn();
	assert_int_equal(host_got_count("wire:sw"), 2);
	assert_true(provider_is_local(host_port("wire:sw") ? dataplane_current()->switches[0] : NULL, &group));
	ended();
	ip4((const uint8_t[]){1, 0, 0x5e, 0, 0, 1}, -1, 2, "198.51.100.1", "224.0.0.1", 8, 0);
	add("\x11\x64\xee\x9b\0\0\0\0", 8);
	arrive();
	assert_int_equal(host_got_count("vm1"), 1); /* guests may be members as well */
	host_clear();
	host_turn();
	assert_int_equal(host_got_count("wire:sw"), 2);
	ended();
	host_pass(61000);
	assert_true(host_got_count("wire:sw") >= 2);
	host_clear();
	provider_group_leave(network, &group);
	provider_group_leave(network, &group6);
	host_turn();
	assert_int_equal(host_got_count("wire:sw"), 2);
	ended();
}
static int start(void **state)
{
	host_start();
	host_apply(BASE);
	host_turn();
	host_clear();
	return 0;
}

/* Timers alone, no module's tick. */
static void wait_ms(unsigned ms)
{
	clock_test_advance(ms * 1000000ULL);
	host_turn();
}

static void test_ping(void **state)
{
	host_clear();
	assert_null(ask("/v1/ping-provider?address=198.51.100.1&count=3&interval=1&timeout=200&size=100"));
	host_turn();
	assert_int_equal(arp_questions("198.51.100.1", true), 1);
	host_clear();
	arp(mac4, -1, 2, peer2, "198.51.100.1", PA4);
	arrive();
	wait_ms(40);
	assert_int_equal(echo_size(), 128);
	host_clear();
	frame[42] ^= 1; /* not the nonce */
	sum_at(36, 34, len - 34, 0);
	arrive();
	host_turn();
	asked_read();
	assert_string_equal(asked_text, "");
	frame[42] ^= 1;
	frame[36] = frame[37] = 0;
	sum_at(36, 34, len - 34, 0);
	arrive();
	host_turn();
	asked_says("{\"sequence\":1,\"bytes\":128,\"from\":\"198.51.100.1\",\"rtt-us\":");
	wait_ms(20);
	assert_int_equal(echo_size(), 128);
	host_clear();
	wait_ms(220);
	asked_says("{\"sequence\":2,\"error\":\"no answer within 200 ms\"}");
	wait_ms(20);
	assert_int_equal(echo_size(), 128);
	uint8_t quoted[36];
	assert_true(frame_read(host_got("wire:sw", host_got_count("wire:sw") - 1), 14, quoted, sizeof(quoted)));
	host_clear();
	ip4(mac4, -1, 1, "198.51.100.9", PA4, 44, 0);
	icmp4(3, 1, 0, quoted, sizeof(quoted));
	arrive();
	host_turn();
	asked_says("{\"sequence\":3,\"error\":\"198.51.100.9 says unreachable (ICMP type 3 code 1)\"}");
	asked_says("{\"summary\":{\"address\":\"198.51.100.1\",\"sent\":3,\"received\":1,\"loss-percent\":66.");
	assert_true(asked_ended);
	asked_end();
	host_pass(1000);
	ended();
}

static void test_ping_refused(void **state)
{
	static const char *const rows[][2] = {
		{"address=198.51.100.11", "address: 198.51.100.11 is this host's own"},
		{"address=x", "address: x is no IP address"},
		{"address=198.51.100.1&from=198.51.100.2",
		 "from: 198.51.100.2 is no IPv4 provider address of this host"},
		{"address=198.51.100.1&from=2001:db8::11",
		 "from: 2001:db8::11 is no IPv4 provider address of this host"},
		{"address=198.51.100.1&size=1473",
		 "size: 1473 and 28 of headers are more than the uplink takes (1500)"},
		{"address=198.51.100.1&size=4", "size: 4 is too small"},
		{"address=198.51.100.1&count=0", "count: 0 is too small"},
		{"address=198.51.100.1&provider-network=x",
		 "provider-network: this host has no provider address on x"},
	};
	char target[128];
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		snprintf(target, sizeof(target), "/v1/ping-provider?%s", rows[i][0]);
		const char *refused = ask(target);
		if (!refused || strncmp(refused, rows[i][1], strlen(rows[i][1])) != 0)
			fail_msg("%s: %s", rows[i][0], refused ? refused : "accepted");
	}
	asked_end();
}

/* From another address of this host's, and the client that leaves ends it. */
static void test_ping_from(void **state)
{
	uint8_t from[4];
	host_apply(BASE "  - {switch: sw, address: 198.51.100.12/24, mac-address: '02:00:00:00:aa:09'}\n");
	host_turn();
	host_clear();
	assert_null(ask("/v1/ping-provider?address=198.51.100.1&from=198.51.100.12&interval=1"));
	host_turn();
	arp(mac4, -1, 2, peer2, "198.51.100.1", PA4);
	arrive();
	wait_ms(40);
	assert_int_equal(echo_size(), 84);
	memcpy(from, frame + 30, 4); /* of its answer the destination */
	assert_memory_equal(from, ((uint8_t[]){198, 51, 100, 12}), 4);
	asked_end();
	host_clear();
	wait_ms(30);
	assert_int_equal(echo_size(), 0);
	host_apply(BASE);
	host_turn();
	ended();
}

static char warned[256];
static unsigned warnings;

static void remember(enum log_level level, const char *object, const char *text)
{
	if (level != LOG_LEVEL_WARNING)
		return;
	snprintf(warned, sizeof(warned), "%s: %s", object, text);
	warnings++;
}

/* An address of a guest's own that another host has as well: an event, unless the guest was only on its way there. */
static void test_lent_claimed(void **state)
{
	uint8_t network = (uint8_t)provider_network_find("default");
	static const struct mac none;
	struct ip ip;
	ip_parse("198.51.100.77", &ip);
	log_set_sink(remember);
	for (int moved = 1; moved >= 0; moved--) {
		assert_int_equal(provider_address_lend(network, &ip, &none), 0);
		provider_address_flush();
		host_turn();
		arp(all, -1, 1, peer2, "198.51.100.77", "198.51.100.77");
		arrive();
		host_turn();
		host_pass(2000);
		assert_int_equal(warnings, 0);
		if (moved) {
			provider_address_return(network, &ip);
			provider_address_flush();
		}
		host_pass(3000);
		assert_int_equal(warnings, !moved);
	}
	arp(all, -1, 1, peer2, "198.51.100.77", "198.51.100.77");
	arrive();
	host_turn();
	host_pass(5000);
	assert_int_equal(warnings, 1);
	assert_non_null(strstr(warned, "provider address 198.51.100.77"));
	assert_non_null(strstr(warned, "has it as well"));
	log_set_sink(NULL);
	provider_address_return(network, &ip);
	provider_address_flush();
	host_turn();
	ended();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path),	     cmocka_unit_test(test_kept),
		cmocka_unit_test(test_kept_bounded), cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_announce),     cmocka_unit_test(test_groups),
		cmocka_unit_test(test_ping),	     cmocka_unit_test(test_ping_refused),
		cmocka_unit_test(test_ping_from),    cmocka_unit_test(test_lent_claimed),
	};
	return cmocka_run_group_tests_name("provider-paths", tests, start, NULL);
}
