/* SPDX-License-Identifier: Apache-2.0 */
/* Packet tables of provider addresses: what is answered, and under which name the rest ends. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/runtime/offload.h"
#include "modules/provider/provider.h"
#include "tests/packet/provider_wire.h"

static void check_arp(int vlan, const uint8_t *pa_mac, const char *pa, const char *asker)
{
	struct ip pa_ip, asker_ip;
	uint32_t n;
	arrive();
	const uint8_t *got = answer(&n), *a = got + (vlan >= 0 ? 18 : 14);
	ip_parse(pa, &pa_ip);
	ip_parse(asker, &asker_ip);
	assert_int_equal(n, len);
	assert_memory_equal(got, peer, 6);
	assert_memory_equal(got + 6, pa_mac, 6);
	if (vlan >= 0)
		assert_int_equal(got[14] << 8 | got[15], vlan);
	assert_int_equal(a[7], 2);
	assert_memory_equal(a + 8, pa_mac, 6);
	assert_memory_equal(a + 14, pa_ip.byte, 4);
	assert_memory_equal(a + 18, peer, 6);
	assert_memory_equal(a + 24, asker_ip.byte, 4);
	ended();
}

static void test_arp(void **state)
{
	arp(all, -1, 1, peer, "198.51.100.1", PA4);
	check_arp(-1, mac4, PA4, "198.51.100.1");
	arp(mac4, -1, 1, peer, "198.51.100.1", PA4); /* a refresh */
	check_arp(-1, mac4, PA4, "198.51.100.1");
	arp(all, -1, 1, peer, "0.0.0.0", PA4); /* somebody wants our address */
	check_arp(-1, mac4, PA4, "0.0.0.0");
	arp(all, 5, 1, peer, "203.0.113.1", PAV);
	check_arp(5, macv, PAV, "203.0.113.1");
	arp(all, -1, 1, peer, "198.51.100.1", "198.51.100.12");
	passed("a question for somebody else");
	arp(all, -1, 1, peer, "203.0.113.1", PAV);
	passed("a question for a PA without its VLAN tag");
	arp(all, 6, 1, peer, "203.0.113.1", PAV);
	dropped("vlan-not-allowed", "with another VLAN's tag");
	arp(all, 5, 1, peer, "198.51.100.1", PA4);
	dropped("vlan-not-allowed", "with a tag for a PA without one");
	arp(mac4, -1, 2, peer, "198.51.100.77", PA4);
	dropped("provider-unexpected", "an answer that nobody asked for");
	arp(mac4, -1, 1, peer, "198.51.100.1", "198.51.100.12");
	dropped("provider-unexpected", "a question for another, sent to us");
	for (unsigned cut = 14; cut < 42; cut++) {
		arp(mac4, -1, 1, peer, "198.51.100.1", PA4);
		len = cut;
		dropped("provider-malformed", "cut off");
	}
	arp(mac4, -1, 1, peer, "198.51.100.1", PA4);
	frame[18] = 8;
	dropped("provider-malformed", "hardware addresses of eight bytes");
	arp(mac4, -1, 1, peer, "198.51.100.1", PA4);
	frame[22] = 1;
	dropped("provider-malformed", "a group as sender");
}

static void check_nd(const uint8_t *to_mac, const char *to, uint8_t flags)
{
	struct ip pa, dst;
	uint32_t n;
	arrive();
	const uint8_t *got = answer(&n), *ip = got + 14, *icmp = ip + 40;
	uint32_t tail[2] = {htonl(32), htonl(58)};
	ip_parse(PA6, &pa);
	ip_parse(to, &dst);
	assert_int_equal(n, 14 + 40 + 32);
	assert_memory_equal(got, to_mac, 6);
	assert_memory_equal(got + 6, mac6, 6);
	assert_memory_equal(ip + 8, pa.byte, 16);
	assert_memory_equal(ip + 24, dst.byte, 16);
	assert_int_equal(ip[7], 255);
	assert_int_equal(icmp[0], 136);
	assert_int_equal(icmp[4], flags);
	assert_memory_equal(icmp + 8, pa.byte, 16);
	assert_int_equal(icmp[24], 2);
	assert_memory_equal(icmp + 26, mac6, 6);
	assert_int_equal(offload_sum_fold(offload_sum(icmp, 32, offload_sum(tail, 8, offload_sum(ip + 8, 32, 0)))),
			 0xffff);
	ended();
}

static void test_nd(void **state)
{
	static const uint8_t all_nodes[6] = {0x33, 0x33, 0, 0, 0, 1};
	solicit(nodes, -1, "2001:db8::1", "ff02::1:ff00:11", PA6, true);
	check_nd(peer, "2001:db8::1", 0x60);
	solicit(mac6, -1, "fe80::1", PA6, PA6, true);
	check_nd(peer, "fe80::1", 0x60);
	solicit(mac6, -1, "2001:db8::1", PA6, PA6, false);
	check_nd(peer, "2001:db8::1", 0x60);
	solicit(nodes, -1, "::", "ff02::1:ff00:11", PA6, false);
	check_nd(all_nodes, "ff02::1", 0x20);
	solicit(nodes, -1, "2001:db8::1", "ff02::1:ff00:11", "2001:db8::99:11", true);
	passed("for somebody with the same solicited-node group");
	solicit(mac6, -1, "2001:db8::1", PA6, PA6, true);
	frame[14 + 7] = 254;
	dropped("provider-malformed", "came over a router");
	solicit(mac6, -1, "2001:db8::1", PA6, PA6, true);
	frame[14 + 40 + 2] ^= 1;
	dropped("provider-malformed", "wrong checksum");
	for (uint8_t words = 0; words < 4; words += words ? 2 : 3) {
		uint8_t body[24] = {0};
		struct ip ip;
		ip_parse(PA6, &ip);
		memcpy(body, ip.byte, 16);
		body[16] = 1;
		body[17] = words;
		ip6(mac6, -1, 58, 255, "2001:db8::1", PA6, 32);
		icmp6(135, 0, 0, body, 24);
		dropped("provider-malformed", "an option of no length, or longer than the message");
	}
	for (unsigned cut = 54; cut < 86; cut++) {
		solicit(mac6, -1, "2001:db8::1", PA6, PA6, true);
		len = cut;
		dropped("provider-malformed", "cut off");
	}
}

static void ping4(uint16_t body)
{
	static uint8_t zeros[9000];
	ip4(mac4, -1, 1, "198.51.100.1", PA4, 8 + body, 0x4000);
	icmp4(8, 0, 0x12340001, zeros, body);
}

static void test_ping(void **state)
{
	static const uint16_t bodies[] = {0, 1, 56, 1472};
	uint32_t n;
	for (unsigned i = 0; i < 4; i++) {
		ping4(bodies[i]);
		arrive();
		const uint8_t *got = answer(&n);
		assert_int_equal(n, len);
		assert_memory_equal(got, peer, 6);
		assert_int_equal(offload_sum_fold(offload_sum(got + 14, 20, 0)), 0xffff);
		assert_int_equal(offload_sum_fold(offload_sum(got + 34, n - 34, 0)), 0xffff);
		assert_int_equal(got[34], 0);
		assert_memory_equal(got + 38, frame + 38, n - 38);
		assert_memory_equal(got + 26, frame + 30, 4);
		assert_memory_equal(got + 30, frame + 26, 4);
		ended();
	}
	ip6(mac6, -1, 58, 64, "2001:db8:1::9", PA6, 12);
	icmp6(128, 0, 0x12340001, "abcd", 4);
	arrive();
	const uint8_t *got = answer(&n);
	uint32_t tail[2] = {htonl(12), htonl(58)};
	assert_int_equal(got[54], 129);
	assert_int_equal(
		offload_sum_fold(offload_sum(got + 54, 12, offload_sum(tail, 8, offload_sum(got + 22, 32, 0)))),
		0xffff);
	ended();
}

static void test_refused(void **state)
{
	ip4(mac4, -1, 17, "198.51.100.1", PA4, 8, 0x4000);
	add("\0\1\0\2\0\10\0\0", 8);
	dropped("provider-unexpected", "UDP");
	ip4(mac4, -1, 1, "198.51.100.1", PA4, 16, 0x2000);
	add("0123456789abcdef", 16);
	dropped("provider-fragment", "a first fragment");
	ip4(mac4, -1, 47, "198.51.100.1", PA4, 16, 0x0003);
	add("0123456789abcdef", 16);
	dropped("provider-fragment", "a later fragment");
	ip6(mac6, -1, 44, 64, "2001:db8::1", PA6, 16);
	add("\72\0\0\1\0\0\0\1\200\0\0\0\0\0\0\0", 16);
	dropped("provider-fragment", "an IPv6 fragment");
	ping4(0);
	frame[24] ^= 1;
	dropped("provider-malformed", "wrong header checksum");
	ping4(8);
	frame[len - 1] ^= 1;
	dropped("provider-malformed", "wrong ICMP checksum");
	ping4(56);
	len -= 1;
	dropped("provider-malformed", "shorter than it says");
	ip4(mac4, -1, 1, "224.0.0.9", PA4, 8, 0);
	icmp4(8, 0, 1, "", 0);
	dropped("provider-unexpected", "from a group");
	ip4(mac4, -1, 1, "198.51.100.1", "198.51.100.99", 8, 0);
	icmp4(8, 0, 1, "", 0);
	dropped("provider-unexpected", "to an address that is not ours");
	ip4(mac4, -1, 1, "203.0.113.1", PAV, 8, 0);
	icmp4(8, 0, 1, "", 0);
	dropped("provider-unexpected", "to a PA of another VLAN");
	ip4(macv, 5, 1, "203.0.113.1", PAV, 8, 0);
	icmp4(8, 0, 1, "", 0);
	uint32_t n;
	arrive();
	(void)answer(&n);
	ended();
	ip4(macv, -1, 1, "203.0.113.1", PAV, 8, 0);
	icmp4(8, 0, 1, "", 0);
	passed("to the MAC address of a PA, without its tag");
	ether(mac4, peer, -1, 0x88b5);
	add("0123456789", 10);
	dropped("provider-unexpected", "another protocol");
	for (unsigned cut = 15; cut < 42; cut++) {
		ping4(0);
		len = cut;
		dropped("provider-malformed", "cut off");
	}
}

/* Who sends with a tag says nothing of where an address is on the switch. */
static void test_tags_teach_nothing(void **state)
{
	static const uint8_t second[6] = {2, 0, 0, 0, 0xcc, 1};
	ether(peer, second, -1, 0x88b5);
	add("0123456789", 10);
	host_send("vm1", frame, len);
	host_clear();
	ether(peer2, second, 6, 0x88b5);
	dropped("vlan-not-allowed", "another's VLAN");
	ether(second, peer, -1, 0x88b5);
	passed("to the guest's second address");
}

/* Whatever a station sends: it ends somewhere, the books balance, and no answer is longer than its question but for the
 * option that an advertisement has. */
static void test_hostile(void **state)
{
	static uint8_t good[1600];
	uint64_t seed = 7;
	for (unsigned i = 0; i < 40000; i++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		uint32_t dice = (uint32_t)(seed >> 32);
		switch (dice % 5) {
		case 0:
			arp(dice & 32 ? all : mac4, -1, 1 + (dice >> 6 & 1), peer, "198.51.100.1", PA4);
			break;
		case 1:
			solicit(mac6, -1, "2001:db8::1", PA6, PA6, dice & 32);
			break;
		case 2:
			advertise(peer, "2001:db8::1");
			break;
		case 3:
			ping4(dice >> 6 & 255);
			break;
		default:
			ip4(mac4, -1, 1, "198.51.100.1", PA4, 36, 0);
			icmp4(3, 4, 1400, good, 28);
		}
		for (unsigned k = 0; k < (dice >> 14 & 3); k++)
			frame[12 + (seed >> (8 + 11 * k)) % (len - 12)] = (uint8_t)(seed >> (3 + 9 * k));
		if (dice >> 16 & 1)
			len = 14 + (dice >> 17) % (len - 13);
		host_pipe()->now_ms++;
		arrive();
		for (unsigned k = 0; k < host_got_count("wire:sw"); k++)
			assert_true(frame_len(host_got("wire:sw", k)) <= len + 8);
		host_turn();
		host_clear();
	}
	ended();
}

/* 2000 a second, 1000 at once; the counted rest ends. */
static void test_limit(void **state)
{
	uint64_t before = host_dropped("provider-limit");
	host_pass(1000);
	host_clear();
	for (unsigned i = 0; i < 1200; i++) {
		arp(all, -1, 1, peer, "198.51.100.1", PA4);
		arrive();
	}
	assert_int_equal(host_got_count("wire:sw"), 1000);
	assert_int_equal(host_dropped("provider-limit"), before + 200);
	ended();
	host_pass(100);
	host_clear();
	for (unsigned i = 0; i < 300; i++)
		arrive();
	assert_int_equal(host_got_count("wire:sw"), 200);
	ended();
	host_pass(1000);
	host_clear();
}
static int start(void **state)
{
	host_start();
	host_apply(BASE);
	host_turn();
	host_clear();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arp),
		cmocka_unit_test(test_nd),
		cmocka_unit_test(test_ping),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_tags_teach_nothing),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_limit),
	};
	return cmocka_run_group_tests_name("provider-packets", tests, start, NULL);
}
