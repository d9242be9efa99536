/* SPDX-License-Identifier: Apache-2.0 */
/* Packet tables of virtual subnets: who reaches whom, through which tunnel, and under which name the rest ends. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/err.h"
#include "base/ip.h"
#include "core/runtime/explain.h"
#include "core/runtime/flow_hash.h"
#include "core/runtime/offload.h"
#include "tests/packet/hnv_rig.h"

struct sent {
	const char *about, *from, *to_mac, *from_mac, *from_ip, *to_ip, *tag;
	const char *got, *drop;
	uint32_t vsid; /* in the tunnel, or 0 */
	const char *new_to, *new_from; /* MAC addresses as they arrive; NULL: as sent */
};

static const struct sent sent[] = {
	{"beside, in one subnet: the record's MAC address", "c-web", ROUTER, WEB, "10.0.0.5", "10.0.0.21", NULL,
	 "c-two", NULL, 0, TWO, WEB},
	{"beside, in another subnet: routed", "c-web", ROUTER, WEB, "10.0.0.5", "10.0.1.37", NULL, "c-db", NULL, 0,
	 DB, ROUTER},
	{"the same, IPv6", "c-web", ROUTER, WEB, "fd00:1::5", "fd00:2::25", NULL, "c-db", NULL, 0, DB, ROUTER},
	{"away: contoso", "c-web", AWAY, WEB, "10.0.0.5", "10.0.0.6", NULL, "wire", NULL, 5001, AWAY, WEB},
	{"away: fabrikam, the same bytes", "f-web", AWAY, WEB, "10.0.0.5", "10.0.0.6", NULL, "wire", NULL, 6001, AWAY,
	 WEB},
	{"away, IPv6", "c-web", AWAY, WEB, "fd00:1::5", "fd00:1::6", NULL, "wire", NULL, 5001, AWAY, WEB},
	{"away and routed: the destination's subnet (X16)", "c-web", ROUTER, WEB, "10.0.0.5", "10.0.1.23", NULL,
	 "wire", NULL, 5002, "00:15:5d:00:00:17", ROUTER},
	{"the other tenant's guest", "f-web", TWO, WEB, "10.0.0.5", "10.0.0.21", NULL, "", "no-record", 0, NULL,
	 NULL},
	{"the other tenant's subnet", "f-web", ROUTER, WEB, "10.0.0.5", "10.0.1.37", NULL, "", "no-route", 0, NULL,
	 NULL},
	{"the other tenant's subnet, IPv6", "f-web", ROUTER, WEB, "fd00:1::5", "fd00:2::25", NULL, "", "no-route", 0,
	 NULL, NULL},
	{"the broadcast address of another subnet", "c-web", ROUTER, WEB, "10.0.0.5", "10.0.1.255", NULL, "",
	 "directed-broadcast", 0, NULL, NULL},
	{"a provider address", "c-web", ROUTER, WEB, "10.0.0.5", "198.51.100.12", NULL, "", "no-route", 0, NULL,
	 NULL},
	{"an adapter without a virtual subnet", "c-web", "00:15:5d:00:00:99", WEB, "10.0.0.5", "10.0.0.99", NULL, "",
	 "no-record", 0, NULL, NULL},
	{"its own address", "c-web", ROUTER, WEB, "10.0.0.5", "10.0.0.5", NULL, "", "to-itself", 0, NULL, NULL},
	{"another MAC address as source", "c-web", TWO, TWO, "10.0.0.5", "10.0.0.21", NULL, "", "not-own-mac", 0,
	 NULL, NULL},
	{"a neighbour's address as source", "c-web", AWAY, WEB, "10.0.0.21", "10.0.0.6", NULL, "", "not-own-address",
	 0, NULL, NULL},
	{"the same, IPv6", "c-web", AWAY, WEB, "fd00:1::15", "fd00:1::6", NULL, "", "not-own-address", 0, NULL, NULL},
	{"a priority tag is taken off", "c-web", AWAY, WEB, "10.0.0.5", "10.0.0.6", "8100e000", "wire", NULL, 5001,
	 AWAY, WEB},
	{"the same of the other type", "c-web", AWAY, WEB, "10.0.0.5", "10.0.0.6", "88a80000", "wire", NULL, 5001,
	 AWAY, WEB},
	{"a VLAN tag is taken off", "c-web", AWAY, WEB, "10.0.0.5", "10.0.0.6", "81000005", "wire", NULL, 5001, AWAY,
	 WEB},
	{"a service tag", "c-web", AWAY, WEB, "10.0.0.5", "10.0.0.6", "88a80005", "wire", NULL, 5001, AWAY, WEB},
	{"two tags", "c-web", AWAY, WEB, "10.0.0.5", "10.0.0.6", "88a8000581000006", "wire", NULL, 5001, AWAY, WEB},
	{"a VLAN tag, to a neighbour", "c-web", TWO, WEB, "10.0.0.5", "10.0.0.21", "81000005", "c-two", NULL, 0, TWO,
	 WEB},
	{"three tags", "c-web", AWAY, WEB, "10.0.0.5", "10.0.0.6", "810000058100000681000007", "", "tagged", 0, NULL,
	 NULL},
	{"another protocol", "c-web", AWAY, WEB, "10.0.0.5", "10.0.0.6", "88cc", "", "not-ip", 0, NULL, NULL},
	{"an address of the link that nobody here has", "c-web", AWAY, WEB, "fe80::5", "fe80::6", NULL, "",
	 "no-record", 0, NULL, NULL},
	{"an address of the link, beside: by MAC address", "c-web", TWO, WEB, "fe80::5", "fe80::15", NULL, "c-two",
	 NULL, 0, TWO, WEB},
};

static void check_macs(const struct sent *s, const uint8_t *frame)
{
	uint8_t to[6], from[6];
	rig_hex(s->new_to, to);
	rig_hex(s->new_from, from);
	if (memcmp(frame, to, 6) != 0 || memcmp(frame + 6, from, 6) != 0)
		fail_msg("%s: wrong MAC addresses", s->about);
}

static void check_arrived(const struct sent *s, const uint8_t *frame, size_t len)
{
	struct frame *f = host_got(s->vsid ? WIRE : s->got, 0);
	uint8_t got[256];
	uint32_t off = s->vsid ? OUTER4 : 0, cut = s->tag ? (uint32_t)strlen(s->tag) / 2 : 0;
	assert_int_equal(frame_len(f), len + off - cut);
	assert_true(frame_read(f, 0, got, frame_len(f)));
	check_macs(s, got + off);
	if (s->vsid)
		assert_int_equal(got[38] << 16 | got[39] << 8 | got[40], s->vsid);
	const uint8_t *ip = got + off + 14;
	bool routed = !strcmp(s->new_from, ROUTER);
	assert_int_equal(ip[*ip >> 4 == 4 ? 8 : 7], routed ? 63 : 64);
	if (*ip >> 4 == 4)
		assert_int_equal(offload_sum_fold(offload_sum(ip, 20, 0)), 0xffff);
	assert_memory_equal(ip + 34, frame + 14 + cut + 34, len - 14 - cut - 34);
}

static void test_sent(void **state)
{
	uint8_t frame[256];
	for (unsigned i = 0; i < RTE_DIM(sent); i++) {
		const struct sent *s = &sent[i];
		size_t len = rig_udp(frame, s->to_mac, s->from_mac, s->from_ip, s->to_ip, s->tag, 20);
		rig_expect(s->about, s->from, frame, len, s->got, s->drop);
		if (*s->got)
			check_arrived(s, frame, len);
		host_clear();
	}
}

/* A guest's frame cut off at each byte of its headers. */
static void test_cut_off(void **state)
{
	uint8_t frame[256];
	(void)rig_udp(frame, AWAY, WEB, "10.0.0.5", "10.0.0.6", NULL, 0);
	for (size_t n = 0; n < 34; n++) {
		uint64_t dropped = host_dropped("cut-off");
		host_send("c-web", frame, n);
		assert_int_equal(host_dropped("cut-off"), dropped + 1);
	}
	assert_int_equal(host_got_total(), 0);
	host_check_books();
}

struct came {
	const char *about;
	struct rig_outer outer;
	const char *to_mac, *to_ip, *tag, *got, *drop;
};

static const struct came came[] = {
	{"contoso's", {RIG_PA4, RIG_NVGRE, 5001 << 8}, WEB, "10.0.0.5", NULL, "c-web", NULL},
	{"the same to fabrikam's", {RIG_PA4, RIG_NVGRE, 6001 << 8}, WEB, "10.0.0.5", NULL, "f-web", NULL},
	{"any FlowID", {RIG_PA4, RIG_NVGRE, 5001 << 8 | 0xa5}, WEB, "10.0.0.5", NULL, "c-web", NULL},
	{"over IPv6", {RIG_PA6, RIG_NVGRE, 5001 << 8}, WEB, "10.0.0.5", NULL, "c-web", NULL},
	{"VXLAN", {RIG_PA4, 0, 5001 << 8}, WEB, "10.0.0.5", NULL, "c-web", NULL},
	{"VXLAN over IPv6 without a checksum", {RIG_PA6, 0, 5001 << 8}, WEB, "10.0.0.5", NULL, "c-web", NULL},
	{"VSID 0", {RIG_PA4, RIG_NVGRE, 0}, WEB, "10.0.0.5", NULL, "", "vsid-reserved"},
	{"VSID 0xfff", {RIG_PA4, RIG_NVGRE, 0xfff << 8}, WEB, "10.0.0.5", NULL, "", "vsid-reserved"},
	{"VSID 0xffffff", {RIG_PA4, RIG_NVGRE, 0xffffffff}, WEB, "10.0.0.5", NULL, "", "vsid-reserved"},
	{"VNI 0xffffff", {RIG_PA4, 0, 0xffffff00}, WEB, "10.0.0.5", NULL, "", "vsid-reserved"},
	{"VSID 4096, not here", {RIG_PA4, RIG_NVGRE, 4096 << 8}, WEB, "10.0.0.5", NULL, "", "vsid-unknown"},
	{"VSID 16777214, not here", {RIG_PA4, RIG_NVGRE, 0xfffffe00}, WEB, "10.0.0.5", NULL, "", "vsid-unknown"},
	{"an inner tag", {RIG_PA4, RIG_NVGRE, 5001 << 8}, WEB, "10.0.0.5", "81000005", "", "inner-tag"},
	{"an inner priority tag", {RIG_PA4, RIG_NVGRE, 5001 << 8}, WEB, "10.0.0.5", "81000000", "", "inner-tag"},
	{"an inner service tag", {RIG_PA4, RIG_NVGRE, 5001 << 8}, WEB, "10.0.0.5", "88a80005", "", "inner-tag"},
	{"GRE with a checksum", {RIG_PA4, 0xa0006558, 5001 << 8}, WEB, "10.0.0.5", NULL, "", "nvgre-header"},
	{"GRE with routing", {RIG_PA4, 0x60006558, 5001 << 8}, WEB, "10.0.0.5", NULL, "", "nvgre-header"},
	{"GRE with a sequence number", {RIG_PA4, 0x30006558, 5001 << 8}, WEB, "10.0.0.5", NULL, "", "nvgre-header"},
	{"GRE without a key", {RIG_PA4, 0x00006558, 5001 << 8}, WEB, "10.0.0.5", NULL, "", "nvgre-header"},
	{"GRE version 1", {RIG_PA4, 0x20016558, 5001 << 8}, WEB, "10.0.0.5", NULL, "", "nvgre-header"},
	{"GRE around IPv4", {RIG_PA4, 0x20000800, 5001 << 8}, WEB, "10.0.0.5", NULL, "", "nvgre-header"},
	{"a first fragment",
	 {RIG_PA4, RIG_NVGRE, 5001 << 8, 0, 0x2000},
	 WEB,
	 "10.0.0.5",
	 NULL,
	 "",
	 "tunnel-fragment"},
	{"a later fragment",
	 {RIG_PA4, RIG_NVGRE, 5001 << 8, 0, 0x0004},
	 WEB,
	 "10.0.0.5",
	 NULL,
	 "",
	 "tunnel-fragment"},
	{"longer than it is",
	 {RIG_PA4, RIG_NVGRE, 5001 << 8, 0, 0, 1},
	 WEB,
	 "10.0.0.5",
	 NULL,
	 "",
	 "encapsulation-malformed"},
	{"longer than it is, IPv6",
	 {RIG_PA6, RIG_NVGRE, 5001 << 8, 0, 0, 1},
	 WEB,
	 "10.0.0.5",
	 NULL,
	 "",
	 "encapsulation-malformed"},
	{"VXLAN, UDP and IP at odds", {RIG_PA4, 0, 5001 << 8, 0, 0, -1}, WEB, "10.0.0.5", NULL, "", "vxlan-header"},
	{"another MAC address than the record's",
	 {RIG_PA4, RIG_NVGRE, 5001 << 8},
	 TWO,
	 "10.0.0.5",
	 NULL,
	 "",
	 "record-mac"},
	{"a guest that is away: never back", {RIG_PA4, RIG_NVGRE, 5001 << 8}, AWAY, "10.0.0.6", NULL, "", "not-here"},
	{"a guest of the other subnet", {RIG_PA4, RIG_NVGRE, 5001 << 8}, DB, "10.0.1.37", NULL, "", "not-here"},
	{"nobody's address", {RIG_PA4, RIG_NVGRE, 5001 << 8}, WEB, "10.0.0.77", NULL, "", "not-here"},
	{"another tenant's address", {RIG_PA4, RIG_NVGRE, 6001 << 8}, TWO, "10.0.0.21", NULL, "", "not-here"},
	{"another protocol", {RIG_PA4, RIG_NVGRE, 5001 << 8}, WEB, "10.0.0.5", "88cc", "", "tunnelled-not-ip"},
	{"broadcast: the subnet's guests here, once each",
	 {RIG_PA4, RIG_NVGRE, 5001 << 8},
	 ALL,
	 "255.255.255.255",
	 NULL,
	 "c-web,c-two",
	 NULL},
	{"broadcast where nobody is",
	 {RIG_PA4, RIG_NVGRE, 6002 << 8},
	 ALL,
	 "255.255.255.255",
	 NULL,
	 "",
	 "nobody-in-subnet"},
};

static void test_came(void **state)
{
	uint8_t inner[128], frame[256];
	for (unsigned i = 0; i < RTE_DIM(came); i++) {
		const struct came *c = &came[i];
		size_t inner_len = rig_udp(inner, c->to_mac, AWAY, "10.0.0.6", c->to_ip, c->tag, 20);
		size_t len = rig_wrap(frame, &c->outer, inner, inner_len);
		rig_expect(c->about, WIRE, frame, len, c->got, c->drop);
		for (unsigned k = 0; k < RIG_NAMES; k++) {
			struct frame *f = host_got(rig_names[k], 0);
			uint8_t got[256];
			if (!f)
				continue;
			assert_int_equal(frame_len(f), inner_len);
			assert_true(frame_read(f, 0, got, (uint32_t)inner_len));
			assert_memory_equal(got, inner, inner_len);
			/* Row G14: spread by what is inside. */
			struct frame *bare = host_frame(inner, inner_len);
			assert_int_equal(frame_flow_hash(f), frame_flow_hash(bare));
			frame_free(bare);
		}
		host_clear();
	}
}

/* Cut off at each byte: once as it is, once with an outer header that says so. Nothing of it may arrive but an inner
 * packet that is whole enough to be one; padding is no part of it. */
static void test_came_cut_off(void **state)
{
	static const struct rig_outer outers[] = {{RIG_PA4, RIG_NVGRE, 5001 << 8},
						  {RIG_PA6, RIG_NVGRE, 5001 << 8},
						  {RIG_PA4, 0, 5001 << 8},
						  {RIG_PA6, 0, 5001 << 8}};
	uint8_t inner[128], whole[256], frame[320];
	size_t inner_len = rig_udp(inner, WEB, AWAY, "10.0.0.6", "10.0.0.5", NULL, 20);
	for (unsigned k = 0; k < RTE_DIM(outers); k++) {
		size_t len = rig_wrap(whole, &outers[k], inner, inner_len);
		for (size_t n = 14; n < len; n++) {
			host_send(WIRE, whole, n);
			assert_int_equal(host_got_count("c-web"), 0);
			host_clear(); /* before the IP header ends it is nobody's and flooded */
		}
		for (size_t n = 0; n < inner_len; n++) {
			host_send(WIRE, frame, rig_wrap(frame, &outers[k], inner, n));
			assert_int_equal(host_got_total(), n >= 34);
			host_clear();
		}
		memcpy(frame, whole, len);
		memset(frame + len, 0xee, 32);
		host_send(WIRE, frame, len + 32);
		assert_int_equal(host_got_count("c-web"), 1);
		assert_int_equal(frame_len(host_got("c-web", 0)), inner_len);
		host_clear();
		host_check_books();
	}
}

/* To everybody in the subnet: beside once each, away once each host; not to the other tenant, not to other subnets. */
static void test_replication(void **state)
{
	static const char *const to[][3] = {{"255.255.255.255", "10.0.0.5", ALL},
					    {"10.0.0.255", "10.0.0.5", ALL},
					    {"10.0.0.255", "10.0.0.5", ROUTER},
					    {"224.0.0.251", "10.0.0.5", "01:00:5e:00:00:fb"},
					    {"ff02::fb", "fd00:1::5", "33:33:00:00:00:fb"}};
	uint8_t frame[256], got[256];
	for (unsigned i = 0; i < RTE_DIM(to); i++) {
		uint64_t copies = host_row("c-web")->ingress_copies;
		size_t len = rig_udp(frame, to[i][2], WEB, to[i][1], to[i][0], NULL, 20);
		rig_expect(to[i][0], "c-web", frame, len, "wire,wire,c-two", NULL);
		assert_int_equal(host_row("c-web")->ingress_copies - copies, 2);
		for (unsigned k = 0; k < 2; k++) {
			struct frame *f = host_got(WIRE, k);
			uint32_t off = frame_len(f) - (uint32_t)len;
			assert_true(frame_read(f, 0, got, frame_len(f)));
			assert_memory_equal(got + off, frame, len);
		}
		host_clear();
	}
}

/* Fits to the byte, and does not. What does not is answered, see hnv_answers_test. */
static void test_longest(void **state)
{
	static const struct {
		const char *to, *from;
		uint16_t longest;
	} rows[] = {{"10.0.0.6", "10.0.0.5", 1458},   {"10.0.0.7", "10.0.0.5", 1438},
		    {"10.0.0.8", "10.0.0.5", 1450},   {"10.0.0.9", "10.0.0.5", 1430},
		    {"fd00:1::6", "fd00:1::5", 1458}, {"fd00:1::9", "fd00:1::5", 1430}};
	uint8_t frame[2048];
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		uint16_t payload = (uint16_t)(rows[i].longest - 8 - (i < 4 ? 20 : 40));
		size_t len = rig_udp(frame, AWAY, WEB, rows[i].from, rows[i].to, NULL, payload);
		rig_expect(rows[i].to, "c-web", frame, len, "wire", NULL);
		assert_int_equal(frame_len(host_got(WIRE, 0)), 1514);
		host_clear();
		len = rig_udp(frame, AWAY, WEB, rows[i].from, rows[i].to, NULL, payload + 1);
		if (i < 4) {
			frame[20] = 0x40;
			rig_ip4_sum(frame + 14);
		}
		rig_expect(rows[i].to, "c-web", frame, len, "c-web", "tunnel-too-long");
		host_clear();
	}
}

/* UDP to the router: port unreachable from the address that was asked, whether or not the subnet has a record for all. */
static void test_to_router(void **state)
{
	static const char *const to[][2] = {{"10.0.0.1", "10.0.0.5"},
					    {"10.0.1.1", "10.0.0.5"},
					    {"fd00:1::1", "fd00:1::5"},
					    {"fd00:2::1", "fd00:1::5"},
					    {"fe80::215:5dff:feff:ff01", "fd00:1::5"}};
	uint8_t frame[256], got[256];
	for (unsigned i = 0; i < RTE_DIM(to); i++) {
		bool ip6 = strchr(to[i][0], ':');
		struct ip from;
		assert_int_equal(ip_parse(to[i][0], &from), 0);
		size_t len = rig_udp(frame, ROUTER, WEB, to[i][1], to[i][0], NULL, 20);
		rig_expect(to[i][0], "c-web", frame, len, "c-web", "router-no-service");
		struct frame *f = host_got("c-web", 0);
		assert_true(frame_read(f, 0, got, frame_len(f)));
		const uint8_t *icmp = got + 14 + (ip6 ? 40 : 20);
		assert_memory_equal(got + 14 + (ip6 ? 8 : 12), from.byte, ip6 ? 16 : 4);
		assert_memory_equal(icmp, ((const uint8_t[][2]){{3, 3}, {1, 4}})[ip6], 2);
		host_clear();
	}
	/* The other tenant's gateway is nobody's here. */
	size_t len = rig_udp(frame, ROUTER, WEB, "10.0.0.5", "10.0.2.1", NULL, 20);
	rig_expect("the other tenant's gateway", "c-web", frame, len, "", "no-route");
}

/* A multicast that is too long for two tunnels: those beside get it, and the sender is told once, of the narrower. */
static void test_long_multicast(void **state)
{
	uint8_t frame[2048], got[128];
	uint64_t dropped = host_dropped("tunnel-too-long");
	size_t len = rig_udp(frame, "33:33:00:00:00:fb", WEB, "fd00:1::5", "ff02::fb", NULL, 1500 - 48);
	rig_expect("a long multicast", "c-web", frame, len, "c-web,c-two", NULL);
	assert_int_equal(host_dropped("tunnel-too-long"), dropped + 2);
	assert_true(frame_read(host_got("c-web", 0), 0, got, 62));
	assert_int_equal(got[54], 2);
	assert_in_range(got[60] << 8 | got[61], 1430, 1438);
	host_clear();
}

static void test_ttl(void **state)
{
	uint8_t frame[256];
	size_t len = rig_udp(frame, ROUTER, WEB, "10.0.0.5", "10.0.1.37", NULL, 20);
	frame[22] = 1;
	rig_ip4_sum(frame + 14);
	rig_expect("TTL 1 between subnets", "c-web", frame, len, "c-web", "ttl-expired");
	host_clear();
	len = rig_udp(frame, ROUTER, WEB, "10.0.0.5", "10.0.0.21", NULL, 20);
	frame[22] = 1;
	rig_ip4_sum(frame + 14);
	rig_expect("TTL 1 in a subnet", "c-web", frame, len, "c-two", NULL);
	host_clear();
}

/* Unicast ARP reaches its guest, here, there and from there (row I7). */
static void test_unicast_arp(void **state)
{
	uint8_t arp[64], frame[256], *at = rig_ether(arp, WEB, AWAY, 0x0806);
	at += rig_hex("0001080006040001", at);
	at += rig_hex(AWAY, at);
	at += rig_hex("0a000006000000000000"
		      "0a000005",
		      at);
	size_t len = rig_wrap(frame, &(struct rig_outer){RIG_PA4, RIG_NVGRE, 5001 << 8}, arp, (size_t)(at - arp));
	rig_expect("ARP from there", WIRE, frame, len, "c-web", NULL);
	host_clear();
	at = rig_ether(arp, AWAY, WEB, 0x0806);
	at += rig_hex("0001080006040001", at);
	at += rig_hex(WEB, at);
	at += rig_hex("0a000005000000000000"
		      "0a000006",
		      at);
	rig_expect("ARP to there", "c-web", arp, (size_t)(at - arp), "wire", NULL);
	host_clear();
}

/* A guest that asks, misses and dies on the way ten thousand times at once, and a wire full of bad frames: not one frame of
 * another guest is lost, and what it asks is answered. */
static void test_storm(void **state)
{
	uint8_t miss[128], expired[128], ping[128], bad[256], good[128], arp[64],
		*at = rig_ether(arp, ALL, TWO, 0x0806);
	size_t len = rig_udp(miss, ROUTER, WEB, "10.0.0.5", "10.0.0.77", NULL, 20), arrived = 0;
	(void)rig_udp(expired, ROUTER, WEB, "10.0.0.5", "10.0.1.37", NULL, 20);
	(void)rig_udp(ping, ROUTER, WEB, "10.0.0.5", "10.0.0.1", NULL, 20);
	(void)rig_udp(good, ROUTER, TWO, "10.0.0.21", "10.0.1.37", NULL, 20);
	expired[22] = 1;
	rig_ip4_sum(expired + 14);
	ping[23] = IPPROTO_ICMP;
	ping[34] = 8;
	ping[35] = 0;
	rig_ip4_sum(ping + 14);
	size_t bad_len = rig_wrap(bad, &(struct rig_outer){RIG_PA4, RIG_NVGRE, 0xfff << 8}, miss, len);
	for (unsigned i = 0; i < 10000; i++) {
		host_send("c-web", miss, len);
		host_send("c-web", expired, len);
		host_send("c-web", ping, len);
		host_send(WIRE, bad, bad_len);
		host_send("c-two", good, len);
		arrived += host_got_count("c-db");
		host_clear();
	}
	assert_int_equal(arrived, 10000);
	assert_true(host_dropped("answer-limit") >= 8000);
	at += rig_hex("0001080006040001", at);
	at += rig_hex(TWO, at);
	at += rig_hex("0a0000150000000000000a000005", at);
	rig_expect("the other guest's question", "c-two", arp, (size_t)(at - arp), "c-two", NULL);
	host_clear();
	host_pipe()->now_ms += 2000; /* and the stormer's limits are full again for others */
}

static void test_explain(void **state)
{
	uint8_t inner[128], frame[256];
	struct err e = {0};
	json_t *answer = NULL;
	size_t len = rig_udp(inner, AWAY, WEB, "10.0.0.5", "10.0.1.23", NULL, 20);
	assert_int_equal(explain_run("c-web", inner, len, &answer, &e), 0);
	char *text = json_dumps(answer, 0);
	assert_non_null(strstr(
		text, "record 5002 10.0.1.23: by provider address 198.51.100.12, MAC address 00:15:5d:00:00:17"));
	assert_non_null(strstr(text, "routed from virtual subnet 5001 to 5002"));
	assert_non_null(strstr(text, "nvgre to provider address 198.51.100.12, virtual subnet 5002"));
	assert_non_null(strstr(text, "delivered to wire:fabric"));
	free(text);
	json_decref(answer);
	/* Row I6: beside it in its subnet, sent to any MAC address, by the record all the same. */
	len = rig_udp(inner, ROUTER, WEB, "10.0.0.5", "10.0.0.21", NULL, 20);
	assert_int_equal(explain_run("c-web", inner, len, &answer, &e), 0);
	text = json_dumps(answer, 0);
	assert_non_null(strstr(text, "record 5001 10.0.0.21: at adapter c-two, MAC address " TWO));
	assert_non_null(strstr(text, "delivered to c-two"));
	free(text);
	json_decref(answer);
	len = rig_udp(inner, WEB, AWAY, "10.0.0.6", "10.0.0.5", NULL, 20);
	len = rig_wrap(frame, &(struct rig_outer){RIG_PA4, RIG_NVGRE, 5001 << 8}, inner, len);
	assert_int_equal(explain_run(WIRE, frame, len, &answer, &e), 0);
	text = json_dumps(answer, 0);
	assert_non_null(strstr(text, "nvgre, virtual subnet 5001"));
	assert_non_null(strstr(text, "leads to adapter c-web"));
	free(text);
	json_decref(answer);
}

int main(void)
{
	rig_start();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sent),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_came),
		cmocka_unit_test(test_came_cut_off),
		cmocka_unit_test(test_replication),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_ttl),
		cmocka_unit_test(test_unicast_arp),
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_to_router),
		cmocka_unit_test(test_long_multicast),
		cmocka_unit_test(test_storm),
	};
	return cmocka_run_group_tests_name("hnv packets", tests, NULL, NULL);
}
