/* SPDX-License-Identifier: Apache-2.0 */
/* Packet tables of a plain switch: what goes in where, who gets it, and under which name the rest ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/packet/host.h"

static const char document[] =
	"host: {name: h}\n"
	"switches:\n"
	"  - {name: sw, type: external, uplink: eth1, allow-management-os: false}\n"
	"  - {name: alone, type: private}\n"
	"adapters:\n"
	"  - {name: vm1, switch: sw, mac-address: '02:00:00:00:00:01', attach: {tap: t1}}\n"
	"  - {name: vm2, switch: sw, mac-address: '02:00:00:00:00:02', attach: {tap: t2}}\n"
	"  - {name: vm3, switch: sw, mac-address: '02:00:00:00:00:03', attach: {tap: t3}, mac-address-limit: 4}\n"
	"  - {name: solo, switch: alone, mac-address: '02:00:00:00:00:04', attach: {tap: t4}}\n";

#define ALL "ff:ff:ff:ff:ff:ff"
#define M1 "02:00:00:00:00:01"
#define M2 "02:00:00:00:00:02"
#define M3 "02:00:00:00:00:03"
#define OUT "02:00:00:00:aa:01" /* a station behind the uplink */

/* One row: a frame of `len` bytes; `tag` is inserted behind the addresses. */
struct row {
	const char *about, *from, *to_mac, *from_mac, *tag; /* tag: bytes in hex, or NULL */
	unsigned len;
	const char *got; /* adapters that get it, in document order, comma-separated; "" none */
	const char *drop; /* or the reason; NULL: none */
	unsigned got_len; /* 0: as sent */
};

static const struct row rows[] = {
	{"own addresses are known from the start", "vm1", M2, M1, NULL, 60, "vm2", NULL, 0},
	{"unknown unicast goes to all, as by a hub", "vm1", OUT, M1, NULL, 60, "wire:sw,vm2,vm3", NULL, 0},
	{"broadcast from the wire", "wire:sw", ALL, OUT, NULL, 60, "vm1,vm2,vm3", NULL, 0},
	{"and now the station behind the wire is known", "vm1", OUT, M1, NULL, 60, "wire:sw", NULL, 0},
	{"a guest's second address is learned", "vm2", M1, "02:00:00:00:bb:02", NULL, 60, "vm1", NULL, 0},
	{"and reached", "vm1", "02:00:00:00:bb:02", M1, NULL, 60, "vm2", NULL, 0},
	{"to an address behind the sender itself", "vm2", "02:00:00:00:bb:02", M2, NULL, 60, "", "same-port", 0},
	{"another adapter's own address as source", "vm1", M2, M3, NULL, 60, "", "source-owned", 0},
	{"the wire sends a guest's own address back", "wire:sw", M2, M1, NULL, 60, "", "source-owned", 0},
	{"multicast source", "vm1", M2, "03:00:00:00:00:01", NULL, 60, "", "bad-source", 0},
	{"zero source", "vm1", M2, "00:00:00:00:00:00", NULL, 60, "", "bad-source", 0},
	{"a BPDU ends here", "vm1", "01:80:c2:00:00:00", M1, NULL, 60, "", "reserved-address", 0},
	{"other multicast is passed on", "vm1", "01:80:c2:00:00:10", M1, NULL, 60, "wire:sw,vm2,vm3", NULL, 0},
	{"runt", "vm1", M2, M1, NULL, 13, "", "runt", 0},
	{"shortest frame", "vm1", M2, M1, NULL, 14, "vm2", NULL, 0},
	{"priority tag is taken off", "vm1", M2, M1, "8100a000", 64, "vm2", NULL, 60},
	{"VLAN tag on an untagged adapter", "vm1", M2, M1, "81000005", 64, "", "vlan-not-allowed", 0},
	{"VLAN 4095", "vm1", M2, M1, "81000fff", 64, "", "vlan-not-allowed", 0},
	{"service tag", "vm1", M2, M1, "88a80005", 64, "", "vlan-not-allowed", 0},
	{"tag cut off", "vm1", M2, M1, "8100", 16, "", "bad-tag", 0},
	{"two tags behind a priority tag", "vm1", M2, M1, "8100000081000005", 68, "", "bad-tag", 0},
	{"longest frame for the MTU", "vm1", M2, M1, NULL, 1514, "vm2", NULL, 0},
	{"one byte more", "vm1", M2, M1, NULL, 1515, "", "too-big", 0},
	{"giant", "vm1", M2, M1, NULL, 65000, "", "too-big", 0},
	{"nobody else on a private switch", "solo", ALL, "02:00:00:00:00:04", NULL, 60, "", "nobody-else", 0},
};

static size_t hex(const char *text, uint8_t *to)
{
	size_t n = 0;
	unsigned byte;
	for (; *text && sscanf(text, *text == ':' ? ":%2x" : "%2x", &byte) == 1; text += *text == ':' ? 3 : 2)
		to[n++] = (uint8_t)byte;
	return n;
}

static size_t frame_build(const struct row *r, uint8_t *to)
{
	size_t at = hex(r->to_mac, to);
	at += hex(r->from_mac, to + at);
	if (r->tag)
		at += hex(r->tag, to + at);
	to[at++] = 0x08;
	to[at++] = 0x00;
	for (; at < r->len; at++)
		to[at] = (uint8_t)(at * 7);
	return r->len;
}

static void check_row(const struct row *r)
{
	static const char *const names[] = {"wire:sw", "vm1", "vm2", "vm3", "solo"};
	static uint8_t frame[FRAME_BIG_ROOM];
	char got[128] = "";
	uint64_t dropped = r->drop ? host_dropped(r->drop) : 0;
	host_send(r->from, frame, frame_build(r, frame));
	for (unsigned i = 0; i < 5; i++) {
		struct frame *f = host_got(names[i], 0);
		if (!f)
			continue;
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", *got ? "," : "", names[i]);
		assert_int_equal(frame_len(f), r->got_len ? r->got_len : r->len);
	}
	if (strcmp(got, r->got) != 0)
		fail_msg("%s: got \"%s\", expected \"%s\"", r->about, got, r->got);
	if (r->drop && host_dropped(r->drop) != dropped + 1)
		fail_msg("%s: not dropped as %s", r->about, r->drop);
	host_clear();
	host_check_books();
}

static void test_table(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i]);
}

/* A flooder fills its own share and nobody else's. */
static void test_mac_limit(void **state)
{
	struct row r = {.from = "vm3", .to_mac = M1, .len = 60};
	char mac[18];
	uint8_t frame[64];
	for (unsigned i = 0; i < 100; i++) {
		snprintf(mac, sizeof(mac), "02:00:00:01:00:%02x", i);
		r.from_mac = mac;
		host_send("vm3", frame, frame_build(&r, frame));
	}
	host_clear();
	unsigned known = 0;
	for (unsigned i = 0; i < 100; i++) {
		snprintf(mac, sizeof(mac), "02:00:00:01:00:%02x", i);
		struct row back = {.from = "vm1", .to_mac = mac, .from_mac = M1, .len = 60};
		host_send("vm1", frame, frame_build(&back, frame));
		known += host_got_total() == 1;
		host_clear();
	}
	assert_int_equal(known, 4);
	host_check_books();
}

/* Private becomes internal becomes external: the adapters and what was learned stay. */
static void test_conversion(void **state)
{
	struct row r = {.from = "vm1", .to_mac = M2, .from_mac = M1, .len = 60};
	uint8_t frame[64];
	size_t len = frame_build(&r, frame);
	static const char *const types[] = {"private", "internal",
					    "external, uplink: eth9, allow-management-os: false"};
	char text[400];
	for (unsigned i = 0; i < 6; i++) {
		snprintf(text, sizeof(text),
			 "host: {name: h}\nswitches: [{name: sw, type: %s}]\nadapters:\n"
			 "  - {name: vm1, switch: sw, mac-address: '" M1 "', attach: {tap: t1}}\n"
			 "  - {name: vm2, switch: sw, mac-address: '" M2 "', attach: {tap: t2}}\n",
			 types[i % 3]);
		struct port *before = host_port("vm1");
		host_apply(text);
		assert_ptr_equal(host_port("vm1"), before);
		host_send("vm1", frame, len);
		assert_int_equal(host_got_count("vm2"), 1);
		host_clear();
	}
	host_apply(document);
}

int main(void)
{
	host_start();
	host_apply(document);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_mac_limit),
		cmocka_unit_test(test_conversion),
	};
	return cmocka_run_group_tests_name("l2 packets", tests, NULL, NULL);
}
