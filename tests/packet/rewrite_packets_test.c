/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rule nat through the whole graph: what guests send and what the wire sees of it, both ways, as scapy says it has to
 * be (rewrite_frames.py); offloads; and frames that end anywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ether.h>

#include "core/runtime/offload.h"
#include "tests/packet/hnv_rig.h"

#define NAT(vsid, address, mac, provider, more)                                                                      \
	"  - {virtual-subnet-id: " #vsid ", customer-address: '" address "', mac-address: '00:15:5d:00:00:" mac      \
	"', provider-address: '" provider "', rule: nat" more "}\n"
#define P4 "198.51.100."
#define P6 "2001:db8:ee::"

static const char document[] =
	"host: {name: node1}\n"
	"switches: [{name: fabric, type: external, uplink: eth1, allow-management-os: false, mtu: 1500}]\n"
	"provider-addresses:\n"
	"  - {switch: fabric, address: " P4 "11/24, mac-address: '02:00:00:00:aa:04'}\n"
	"  - {switch: fabric, address: '" P6 "11/64', mac-address: '02:00:00:00:aa:06'}\n"
	"routing-domains:\n"
	"  - id: '{11111111-2222-3333-4444-000000005001}'\n"
	"    virtual-subnets:\n"
	"      - {id: 5001, prefix: [10.0.0.0/24, 'fd00:1::/64']}\n"
	"      - {id: 5002, prefix: [10.0.1.0/24, 'fd00:2::/64']}\n"
	"  - id: '{11111111-2222-3333-4444-000000006001}'\n"
	"    virtual-subnets: [{id: 6001, prefix: 10.0.0.0/24}]\n"
	"customer-routes: [{virtual-subnet-id: 5002, prefix: 192.0.2.0/24, next-hop: 10.0.1.23}]\n"
	"adapters:\n"
	"  - {name: c-web, switch: fabric, mac-address: '00:15:5d:00:00:05', attach: {tap: t1}, virtual-subnet-id: 5001}\n"
	"  - {name: c-mac, switch: fabric, mac-address: '00:15:5d:00:00:15', attach: {tap: t2}, virtual-subnet-id: 5001}\n"
	"  - {name: c-enc, switch: fabric, mac-address: '00:15:5d:00:00:25', attach: {tap: t3}, virtual-subnet-id: 5001}\n"
	"  - {name: f-web, switch: fabric, mac-address: '00:15:5d:00:00:05', attach: {tap: t4}, virtual-subnet-id: 6001}\n"
	"lookup-records:\n"
	/* here */
	NAT(5001, "10.0.0.5", "05", P4 "105", "") NAT(5001, "fd00:1::5", "05", P6 "105", "") NAT(
		5001, "10.0.0.21", "15", P4 "121",
		", use-vm-mac-address: true") NAT(5001, "fd00:1::15", "15", P6 "121", ", use-vm-mac-address: true")
		NAT(6001, "10.0.0.5", "05", P4 "155",
		    "") "  - {virtual-subnet-id: 5001, customer-address: 10.0.0.37, mac-address: '00:15:5d:00:00:25', provider-address: " P4
			"11}\n"
	/* away */
	NAT(5001, "10.0.0.6", "06", P4 "106", "") NAT(5001, "fd00:1::6", "06", P6 "106", "") NAT(
		5002, "10.0.1.23", "17", P4 "123", "") NAT(5002, "fd00:2::17", "17", P6 "123", "")
		NAT(6001, "10.0.0.6", "06", P4 "156",
		    "") "  - {virtual-subnet-id: 5001, customer-address: 10.0.0.8, mac-address: '00:15:5d:00:00:08', provider-address: " P4
			"12}\n";

static const struct row {
	const char *about, *at, *frame, *out, *expect, *drop;
} rows[] = {
#include "tests/packet/rewrite_frames.h"
};

static const struct row *row_named(const char *about)
{
	size_t i = 0;
	while (i < RTE_DIM(rows) && strcmp(rows[i].about, about) != 0)
		i++;
	assert_true(i < RTE_DIM(rows));
	return &rows[i];
}

static uint64_t row_drops(const struct row *r) { return r->drop ? host_dropped(r->drop) : 0; }

static void check(const struct row *r)
{
	uint8_t frame[2048], expect[2048], got[2048];
	size_t n = rig_hex(r->frame, frame);
	uint64_t drops = row_drops(r);
	host_clear();
	host_send(r->at, frame, n);
	if (r->drop && (row_drops(r) != drops + 1 || host_got_total()))
		fail_msg("%s: is not dropped as %s", r->about, r->drop);
	if (r->drop)
		return;
	size_t wanted = rig_hex(r->expect, expect);
	struct frame *f = host_got(r->out, 0);
	if (!f || host_got_total() != 1 || frame_len(f) != wanted)
		fail_msg("%s: %u frames came out, not one of %zu bytes by %s", r->about, host_got_total(), wanted,
			 r->out);
	frame_read(f, 0, got, (uint32_t)wanted);
	for (size_t i = 0; i < wanted; i++)
		if (got[i] != expect[i])
			fail_msg("%s: byte %zu is %02x, not %02x", r->about, i, got[i], expect[i]);
}

static void test_table(void **unused)
{
	for (size_t i = 0; i < RTE_DIM(rows); i++)
		check(&rows[i]);
	host_clear();
	host_check_books();
}

/* Every frame of the table, ending anywhere: nothing but the whole one comes through to the other side. */
static void test_cut_off_everywhere(void **unused)
{
	uint8_t frame[2048];
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		size_t whole = rig_hex(rows[i].frame, frame);
		for (size_t n = 0; n < whole; n++) {
			host_clear();
			host_send(rows[i].at, frame, n);
			struct frame *f = host_got("c-web", 0);
			if (!strcmp(rows[i].at, WIRE) && f && frame_len(f) > 64)
				fail_msg("%s: comes through with %zu of %zu bytes", rows[i].about, n, whole);
			host_pass(20); /* those that are answered are not to run into the limit */
		}
	}
	host_clear();
	host_check_books();
}

static struct frame *tcp_made(uint32_t payload)
{
	struct frame *f = frame_alloc(host_pipe()->pools->big);
	uint8_t data[54];
	assert_non_null(f);
	uint8_t *at = rig_ether(data, "00:15:5d:00:00:06", "00:15:5d:00:00:05", RTE_ETHER_TYPE_IPV4);
	at = rig_ip(at, "10.0.0.5", "10.0.0.6", 6, 0, (uint16_t)(20 + payload));
	memset(at, 0, 20);
	at[12] = 0x50;
	uint8_t *to = (uint8_t *)rte_pktmbuf_append(&f->m, (uint16_t)(54 + payload));
	memcpy(to, data, 54);
	memset(to + 54, 0xa5, payload);
	uint32_t tail[2] = {rte_cpu_to_be_32(6), rte_cpu_to_be_32(20 + payload)};
	uint16_t seed = offload_sum_fold(offload_sum(tail, 8, offload_sum(to + 26, 8, 0)));
	memcpy(to + 34 + 16, &seed, 2);
	f->offload = (struct frame_offload){.csum = true, .csum_start = 34, .csum_offset = 16};
	f->m.ol_flags |= FRAME_OFFLOAD;
	return f;
}

static void assert_whole(const struct frame *f)
{
	uint8_t ip[20];
	assert_true(frame_read(f, 14, ip, 20));
	uint32_t len = frame_len(f) - 34, tail[2] = {rte_cpu_to_be_32(6), rte_cpu_to_be_32(len)};
	uint64_t sum = offload_sum(tail, 8, offload_sum(ip + 12, 8, 0));
	assert_int_equal(offload_sum_fold(sum + offload_frame_sum(f, 34)), 0xffff);
	assert_int_equal(offload_sum_fold(offload_sum(ip, 20, 0)), 0xffff);
}

/* A checksum that is open stays open, and is right when it is filled in. */
static void test_open_checksum(void **unused)
{
	host_send_frame("c-web", tcp_made(1000));
	struct frame *f = host_got(WIRE, 0);
	assert_non_null(f);
	assert_true(f->m.ol_flags & FRAME_OFFLOAD);
	assert_int_equal(f->offload.csum_start, 34);
	assert_int_equal(offload_checksum(f), 0);
	assert_whole(f);
	host_clear();
}

/* A segment goes out as long as it came; a port that cannot cut it gets it cut. */
static void test_segments(void **unused)
{
	struct port *wire = host_port(WIRE);
	uint32_t capabilities = wire->capabilities;
	for (unsigned able = 0; able < 2; able++) {
		struct frame *f = tcp_made(30000);
		f->offload.gso = FRAME_GSO_TCP4;
		f->offload.gso_size = 1460;
		f->offload.header_len = 54;
		wire->capabilities = able ? capabilities : 0;
		host_send_frame("c-web", f);
		assert_int_equal(host_got_count(WIRE), able ? 1 : 21);
		for (unsigned i = 0; !able && i < 21; i++)
			assert_whole(host_got(WIRE, i));
		if (able)
			assert_int_equal(host_got(WIRE, 0)->offload.gso_size, 1460);
		host_clear();
	}
	host_check_books();
}

static void test_refusals(void **unused)
{
	static const struct {
		const char *from, *to, *words;
	} wrong[] = {
		{P4 "106", P6 "106", "use one of its own family"},
		{P4 "123", P4 "106", "one provider address for each"},
		{P6 "106", P6 "11", "is this host's own"},
	};
	char text[sizeof(document) + 64];
	for (unsigned i = 0; i < RTE_DIM(wrong); i++) {
		const char *at = strstr(document, wrong[i].from);
		assert_non_null(at);
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - document), document, wrong[i].to,
			 at + strlen(wrong[i].from));
		const char *said = host_apply_refused(text);
		if (!said || !strstr(said, "provider-address") || !strstr(said, wrong[i].words))
			fail_msg("%s instead of %s: %s", wrong[i].to, wrong[i].from, said ? said : "accepted");
	}
	check(&rows[0]);
	host_clear();
}

/* Two guests change addresses in one document; then all are gone. */
static void test_changes(void **unused)
{
	char text[sizeof(document)];
	memcpy(text, document, sizeof(text));
	char *first = strstr(text, P4 "105") + strlen(P4), *second = strstr(text, P4 "121") + strlen(P4);
	first[1] = '2'; /* 105 becomes 121, and 121 becomes 105 */
	first[2] = '1';
	second[1] = '0';
	second[2] = '5';
	host_apply(text);
	rig_answer_neighbours();
	uint8_t frame[2048], got[34];
	size_t n = rig_hex(rows[0].frame, frame);
	host_send("c-web", frame, n);
	assert_non_null(host_got(WIRE, 0));
	frame_read(host_got(WIRE, 0), 0, got, sizeof(got));
	assert_int_equal(got[29], 121);
	host_clear();
	host_apply(document);
	rig_answer_neighbours();
	check(&rows[0]);
	check(&rows[1]);
	host_clear();
	char *end = strstr(memcpy(text, document, sizeof(text)), "lookup-records:");
	*end = '\0';
	host_apply(text);
	uint64_t drops = host_dropped("provider-unexpected");
	n = rig_hex(rows[1].frame, frame);
	host_send(WIRE, frame, n);
	assert_int_equal(host_dropped("provider-unexpected"), drops + 1);
	const struct row *asked = row_named("ARP for a guest's provider address");
	host_clear();
	host_send(WIRE, frame, rig_hex(asked->frame, frame));
	assert_int_equal(host_got_total(), 0);
	host_check_books();
	host_apply(document);
	rig_answer_neighbours();
	check(&rows[0]);
}

static int setup(void **unused)
{
	host_start();
	host_apply(document);
	rig_answer_neighbours();
	return 0;
}

/* Records are reachable from tables that LeakSanitizer does not look into. */
static int teardown(void **unused)
{
	char text[sizeof(document)];
	memcpy(text, document, sizeof(text));
	*strstr(text, "lookup-records:") = '\0';
	host_apply(text);
	host_turn();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),	 cmocka_unit_test(test_open_checksum),
		cmocka_unit_test(test_segments), cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_changes),	 cmocka_unit_test(test_cut_off_everywhere),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
