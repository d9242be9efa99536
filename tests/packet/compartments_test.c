/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gateway guest that is in the virtual subnets of a hundred tenants with the same addresses, on one adapter, and knows
 * them by VLAN tags (rows C11, C12): each frame stays its tenant's, and what bears no tag or another ends by name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <netinet/in.h>

#include "base/err.h"
#include "base/str.h"
#include "core/runtime/explain.h"
#include "core/runtime/offload.h"
#include "tests/packet/hnv_rig.h"

enum { TENANTS = 100, VSID = 5000, VLAN = 101, BYTES = 256 };

#define GW "00:15:5d:00:00:fe" /* 10.0.0.254 of each tenant */
#define REMOTE "198.51.100.12"

/* `skip`: a tenant that the gateway does not serve; -1: none. vlan: of the first tenant. */
static char *document(int skip, unsigned vlan, const char *isolation)
{
	struct str s = {0};
	str_add(&s,
		"host: {name: node1}\n"
		"switches: [{name: fabric, type: external, uplink: eth1, allow-management-os: false, mtu: 1500}]\n"
		"provider-addresses: [{switch: fabric, address: 198.51.100.11/24, mac-address: '02:00:00:00:aa:04'}]\n"
		"routing-domains:\n");
	for (unsigned i = 0; i < TENANTS; i++)
		str_add(&s,
			"  - {id: '{11111111-2222-3333-4444-%012u}', virtual-subnets: [{id: %u, prefix: 10.0.0.0/24}]}\n",
			i, VSID + i);
	str_add(&s, "adapters:\n");
	for (unsigned i = 0; i < TENANTS; i++)
		str_add(&s,
			"  - {name: t%u, switch: fabric, attach: {tap: t%u}, mac-address: '" WEB
			"', virtual-subnet-id: %u}\n",
			i, i, VSID + i);
	str_add(&s,
		"  - name: gw\n    switch: fabric\n    attach: {tap: gw}\n    mac-address: '" GW
		"'\n    isolation: {%s}\n"
		"    routing-domain-mappings:\n",
		isolation);
	for (unsigned i = 0; i < TENANTS; i++)
		if ((int)i != skip)
			str_add(&s,
				"      - {routing-domain-id: '{11111111-2222-3333-4444-%012u}', isolation-ids: "
				"[{isolation-id: %u, vlan: %u}]}\n",
				i, VSID + i, vlan + i);
	str_add(&s, "lookup-records:\n");
	for (unsigned i = 0; i < TENANTS; i++)
		str_add(&s,
			"  - {virtual-subnet-id: %u, customer-address: 10.0.0.5, mac-address: '" WEB
			"', provider-address: 198.51.100.11}\n"
			"  - {virtual-subnet-id: %u, customer-address: 10.0.0.254, mac-address: '" GW
			"', provider-address: 198.51.100.11}\n"
			"  - {virtual-subnet-id: %u, customer-address: 10.0.0.6, mac-address: '" AWAY
			"', provider-address: " REMOTE "}\n",
			VSID + i, VSID + i, VSID + i);
	return str_take(&s);
}

#define SHARED "isolation-mode: native-virtual-subnet, multi-tenant-stack: on"

static void apply(int skip, unsigned vlan, const char *isolation)
{
	char *text = document(skip, vlan, isolation);
	assert_non_null(text);
	host_apply(text);
	free(text);
	rig_answer_neighbours();
}

static void send_tagged(unsigned vlan, const char *to_mac, const char *from_mac, const char *to)
{
	uint8_t frame[BYTES];
	char tag[12];
	snprintf(tag, sizeof(tag), "8100%04x", vlan);
	host_send("gw", frame, rig_udp(frame, to_mac, from_mac, "10.0.0.254", to, vlan ? tag : NULL, 20));
}

/* The gateway got one frame, with this tag. */
static void expect_tagged(unsigned vlan)
{
	uint8_t got[BYTES];
	struct frame *f = host_got("gw", 0);
	assert_int_equal(host_got_count("gw"), 1);
	assert_true(frame_read(f, 0, got, 18));
	assert_int_equal(got[12] << 8 | got[13], 0x8100);
	assert_int_equal(got[14] << 8 | got[15], vlan);
}

/* All pairs: what tenant i sends, and what the gateway sends it, is tenant i's alone. */
static void test_hundred_tenants(void **state)
{
	uint8_t frame[BYTES], outer[BYTES];
	char name[8];
	for (unsigned i = 0; i < TENANTS; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		size_t len = rig_udp(frame, GW, WEB, "10.0.0.5", "10.0.0.254", NULL, 20);
		host_send(name, frame, len);
		assert_int_equal(host_got_total(), 1);
		expect_tagged(VLAN + i);
		assert_int_equal(frame_len(host_got("gw", 0)), len + 4);
		host_clear();
		send_tagged(VLAN + i, WEB, GW, "10.0.0.5");
		assert_int_equal(host_got_total(), 1);
		assert_int_equal(host_got_count(name), 1);
		assert_int_equal(frame_len(host_got(name, 0)), len);
		host_clear();
		send_tagged(VLAN + i, AWAY, GW, "10.0.0.6");
		assert_int_equal(host_got_total(), 1);
		assert_true(frame_read(host_got(WIRE, 0), 0, outer, 48));
		assert_int_equal(outer[38] << 16 | outer[39] << 8 | outer[40], VSID + i);
		host_clear();
		len = rig_udp(frame, GW, AWAY, "10.0.0.6", "10.0.0.254", NULL, 20);
		len = rig_wrap(outer, &(struct rig_outer){RIG_PA4, RIG_NVGRE, (VSID + i) << 8}, frame, len);
		host_send(WIRE, outer, len);
		assert_int_equal(host_got_total(), 1);
		expect_tagged(VLAN + i);
		host_clear();
	}
	host_check_books();
	assert_int_equal(host_row("gw:5000")->received, 2);
	assert_int_equal(host_row("gw")->received, 0);
}

static void test_broadcast(void **state)
{
	uint8_t frame[BYTES];
	send_tagged(VLAN + 7, ALL, GW, "255.255.255.255");
	assert_int_equal(host_got_total(), 2);
	assert_int_equal(host_got_count("t7"), 1);
	assert_int_equal(host_got_count(WIRE), 1);
	host_clear();
	host_send("t7", frame, rig_udp(frame, ALL, WEB, "10.0.0.5", "255.255.255.255", NULL, 20));
	assert_int_equal(host_got_total(), 2);
	expect_tagged(VLAN + 7);
	assert_int_equal(host_got_count(WIRE), 1);
	host_clear();
	host_check_books();
}

/* The switch's own answers bear the tag of the question. */
static void test_arp(void **state)
{
	uint8_t arp[64], got[64], *at = arp;
	at += rig_hex(ALL, at);
	at += rig_hex(GW, at);
	at += rig_hex("8100006c08060001080006040001", at);
	at += rig_hex(GW, at);
	at += rig_hex("0a0000fe0000000000000a000005", at);
	host_send("gw", arp, (size_t)(at - arp));
	assert_int_equal(host_got_total(), 1);
	expect_tagged(VLAN + 7);
	assert_true(frame_read(host_got("gw", 0), 0, got, 46));
	assert_int_equal(got[25], 2);
	uint8_t web[6];
	rig_hex(WEB, web);
	assert_memory_equal(got + 26, web, 6);
	host_clear();
}

static void refused(const char *reason, unsigned vlan, const char *from_mac)
{
	uint64_t dropped = host_dropped(reason);
	send_tagged(vlan, WEB, from_mac, "10.0.0.5");
	assert_int_equal(host_got_total(), 0);
	assert_int_equal(host_dropped(reason), dropped + 1);
}

static void test_refused(void **state)
{
	uint8_t frame[BYTES];
	refused("no-isolation-id", 0, GW);
	refused("no-isolation-id", VLAN - 1, GW);
	refused("no-isolation-id", VLAN + TENANTS, GW);
	refused("not-own-mac", VLAN, WEB);
	size_t len = rig_udp(frame, WEB, GW, "10.0.0.254", "10.0.0.5", "8100006581000066", 20);
	uint64_t tagged = host_dropped("tagged"), cut = host_dropped("no-isolation-id");
	host_send("gw", frame, len);
	assert_int_equal(host_dropped("tagged"), tagged + 1);
	for (size_t n = 0; n < 18; n++)
		host_send("gw", frame, n);
	assert_int_equal(host_dropped("no-isolation-id"), cut + 18);
	assert_int_equal(host_got_total(), 0);
	host_check_books();
}

/* What the guest left to be done to a frame moves with the tag, in and out. */
static void test_offload(void **state)
{
	uint8_t frame[BYTES];
	size_t len = rig_udp(frame, GW, WEB, "10.0.0.5", "10.0.0.254", NULL, 20);
	struct frame *f = host_frame(frame, len);
	f->m.ol_flags |= FRAME_OFFLOAD;
	f->offload = (struct frame_offload){.csum = true, .csum_start = 34, .csum_offset = 6};
	host_send_frame("t3", f);
	expect_tagged(VLAN + 3);
	f = host_got("gw", 0);
	assert_true(f->m.ol_flags & FRAME_OFFLOAD && f->offload.csum);
	assert_int_equal(f->offload.csum_start, 38);
	host_clear();
}

static void test_explain(void **state)
{
	uint8_t frame[BYTES];
	struct err e = {0};
	json_t *answer = NULL;
	size_t len = rig_udp(frame, WEB, GW, "10.0.0.254", "10.0.0.5", "81000065", 20);
	assert_int_equal(explain_run("gw", frame, len, &answer, &e), 0);
	char *text = json_dumps(answer, 0);
	assert_non_null(strstr(text, "VLAN 101 (0: untagged) is isolation id 5000, received by gw:5000"));
	assert_non_null(strstr(text, "delivered to t0"));
	free(text);
	json_decref(answer);
}

/* Documents come and go: a tenant less, other tags, untagged traffic, no stack, and back. */
static void test_changes(void **state)
{
	uint8_t frame[BYTES];
	apply(3, VLAN, SHARED);
	refused("no-isolation-id", VLAN + 3, GW);
	host_send("t3", frame, rig_udp(frame, GW, WEB, "10.0.0.5", "10.0.0.254", NULL, 20));
	assert_int_equal(host_got_total(), 0); /* its record leads nowhere now */
	apply(-1, 2001, SHARED);
	refused("no-isolation-id", VLAN, GW);
	send_tagged(2001 + 3, WEB, GW, "10.0.0.5");
	assert_int_equal(host_got_count("t3"), 1);
	host_clear();
	apply(0, VLAN, SHARED ", allow-untagged-traffic: true, default-isolation-id: 5000");
	send_tagged(0, WEB, GW, "10.0.0.5");
	assert_int_equal(host_got_count("t0"), 1);
	host_clear();
	host_send("t0", frame, rig_udp(frame, GW, WEB, "10.0.0.5", "10.0.0.254", NULL, 20));
	assert_int_equal(host_got_count("gw"), 1);
	assert_int_equal(frame_len(host_got("gw", 0)), 14 + 48);
	host_clear();
	/* Off: the guest sees none of them. */
	apply(0, VLAN,
	      "isolation-mode: native-virtual-subnet, allow-untagged-traffic: true, default-isolation-id: 5000");
	send_tagged(0, WEB, GW, "10.0.0.5");
	assert_int_equal(host_got_count("t0"), 1);
	host_clear();
	refused("tagged", VLAN + 1, GW);
	host_send("t1", frame, rig_udp(frame, GW, WEB, "10.0.0.5", "10.0.0.254", NULL, 20));
	assert_int_equal(host_got_total(), 0);
	apply(-1, VLAN, SHARED);
	send_tagged(VLAN + 3, WEB, GW, "10.0.0.5");
	assert_int_equal(host_got_count("t3"), 1);
	host_clear();
	host_check_books();
}

int main(void)
{
	host_start();
	apply(-1, VLAN, SHARED);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hundred_tenants),
		cmocka_unit_test(test_broadcast),
		cmocka_unit_test(test_arp),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_offload),
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_changes),
	};
	return cmocka_run_group_tests_name("compartments", tests, NULL, NULL);
}
