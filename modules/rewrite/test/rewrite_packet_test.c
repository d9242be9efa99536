/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums corrected by the difference against checksums worked out anew, over random packets of every kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <rte_ether.h>

#include "core/runtime/offload.h"
#include "modules/rewrite/datapath/rewrite_packet.h"

#define ROUNDS 4000

static struct {
	struct frame frame;
	uint8_t room[4096];
} made;
static uint64_t state = 0x9e3779b97f4a7c15ULL;

static uint32_t any(uint32_t below)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(state >> 33) % below;
}

static void fill(uint8_t *at, size_t n)
{
	/* Zeroes and ones are where one's complement is special. */
	uint32_t how = any(4);
	for (size_t i = 0; i < n; i++)
		at[i] = how == 0 ? 0 : how == 1 ? 0xff : (uint8_t)any(256);
}

/* RFC 1071 as it is written, two bytes at a time. */
static uint16_t plain_sum(const uint8_t *at, size_t n, uint32_t sum)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)(at[i] << 8 | at[i + 1]);
	if (n & 1)
		sum += (uint32_t)at[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void put16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static uint16_t pseudo(const uint8_t *ip, uint8_t protocol, size_t len)
{
	bool ip4 = ip[0] >> 4 == 4;
	return plain_sum(ip + (ip4 ? 12 : 8), ip4 ? 8 : 32, (uint32_t)len + protocol);
}

static unsigned sum_at(uint8_t protocol) { return protocol == IPPROTO_TCP ? 16 : protocol == IPPROTO_UDP ? 6 : 2; }

/* The sum over an L4 message and what it covers of its IP header: 0xffff when its checksum is right. */
static uint16_t l4_sum(const uint8_t *ip, uint8_t protocol, const uint8_t *l4, size_t len)
{
	return plain_sum(l4, len, protocol == IPPROTO_ICMP ? 0 : pseudo(ip, protocol, len));
}

static void l4_close(const uint8_t *ip, uint8_t protocol, uint8_t *l4, size_t len)
{
	uint8_t *field = l4 + sum_at(protocol);
	put16(field, 0);
	uint16_t sum = (uint16_t)~l4_sum(ip, protocol, l4, len);
	put16(field, protocol == IPPROTO_UDP && !sum ? 0xffff : sum);
}

/* A packet at `ip` with len bytes of L4 behind it; returns where those begin. */
static uint8_t *ip_make(uint8_t *ip, bool ip4, uint8_t protocol, size_t len)
{
	unsigned options = ip4 ? any(3) * 4 : 0, extension = ip4 ? 0 : any(3) * 8;
	if (ip4) {
		fill(ip, 20 + options);
		ip[0] = (uint8_t)(0x45 + options / 4);
		put16(ip + 2, (uint16_t)(20 + options + len));
		put16(ip + 6, 0x4000);
		ip[9] = protocol;
		put16(ip + 10, 0);
		put16(ip + 10, (uint16_t)~plain_sum(ip, 20 + options, 0));
		return ip + 20 + options;
	}
	fill(ip, 40);
	ip[0] = 0x60;
	put16(ip + 4, (uint16_t)(extension + len));
	ip[6] = extension ? IPPROTO_DSTOPTS : protocol;
	if (extension) {
		memset(ip + 40, 0, extension);
		ip[40] = protocol;
		ip[41] = (uint8_t)(extension / 8 - 1);
	}
	return ip + 40 + extension;
}

static struct frame *frame_begin(bool ip4)
{
	memset(&made, 0, sizeof(made.frame));
	made.frame.m.buf_addr = made.room;
	made.frame.m.data_off = 128;
	made.frame.m.buf_len = sizeof(made.room);
	made.frame.m.nb_segs = 1;
	rte_mbuf_refcnt_set(&made.frame.m, 1);
	uint8_t *data = frame_data(&made.frame);
	memset(data, 2, 12);
	put16(data + 12, ip4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
	return &made.frame;
}

static void frame_end(struct frame *f, const uint8_t *end)
{
	f->m.data_len = (uint16_t)(end - frame_data(f));
	f->m.pkt_len = f->m.data_len;
}

static struct ip any_address(bool ip4)
{
	struct ip ip = {.family = ip4 ? AF_INET : AF_INET6};
	fill(ip.byte, ip4 ? 4 : 16);
	return ip;
}

static void assert_addresses(const uint8_t *ip, const struct ip *from, const struct ip *to)
{
	bool ip4 = from->family == AF_INET;
	size_t n = ip4 ? 4 : 16;
	assert_memory_equal(ip + (ip4 ? 12 : 8), from->byte, n);
	assert_memory_equal(ip + (ip4 ? 16 : 24), to->byte, n);
	if (ip4)
		assert_int_equal(plain_sum(ip, (ip[0] & 0xfu) * 4, 0), 0xffff);
}

static uint8_t any_protocol(bool ip4)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
	uint8_t protocol = protocols[any(3)];
	return protocol == IPPROTO_ICMP && !ip4 ? IPPROTO_ICMPV6 : protocol;
}

static uint8_t *l4_make(uint8_t *l4, uint8_t protocol, size_t len)
{
	fill(l4, len);
	if (protocol == IPPROTO_ICMP)
		l4[0] = 8;
	if (protocol == IPPROTO_ICMPV6)
		l4[0] = 128;
	if (protocol == IPPROTO_TCP)
		l4[12] = 0x50;
	return l4;
}

static void test_whole_packets(void **unused)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		bool ip4 = any(2);
		uint8_t protocol = any_protocol(ip4);
		size_t len = 20 + any(200);
		struct frame *f = frame_begin(ip4);
		uint8_t *ip = frame_data(f) + 14, *l4 = l4_make(ip_make(ip, ip4, protocol, len), protocol, len);
		l4_close(ip, protocol, l4, len);
		frame_end(f, l4 + len);
		struct ip from = any_address(ip4), to = any_address(ip4);
		assert_int_equal(rewrite_kind_of(f), REWRITE_PLAIN);
		rewrite_addresses(f, &from, &to);
		assert_addresses(ip, &from, &to);
		assert_int_equal(l4_sum(ip, protocol, l4, len), 0xffff);
		assert_false(protocol == IPPROTO_UDP && !l4[6] && !l4[7]);
	}
}

static void test_wrong_stays_wrong(void **unused)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		bool ip4 = any(2);
		size_t len = 20 + any(100);
		struct frame *f = frame_begin(ip4);
		uint8_t *ip = frame_data(f) + 14, *l4 = l4_make(ip_make(ip, ip4, IPPROTO_TCP, len), IPPROTO_TCP, len);
		l4_close(ip, IPPROTO_TCP, l4, len);
		l4[4] ^= (uint8_t)(1 + any(254));
		uint16_t error = l4_sum(ip, IPPROTO_TCP, l4, len);
		frame_end(f, l4 + len);
		struct ip from = any_address(ip4), to = any_address(ip4);
		rewrite_kind_of(f);
		rewrite_addresses(f, &from, &to);
		assert_int_equal(l4_sum(ip, IPPROTO_TCP, l4, len), error);
	}
}

static void test_udp_without_a_checksum(void **unused)
{
	for (unsigned ip4 = 0; ip4 < 2; ip4++) {
		struct frame *f = frame_begin(ip4);
		uint8_t *ip = frame_data(f) + 14, *l4 = l4_make(ip_make(ip, ip4, IPPROTO_UDP, 30), IPPROTO_UDP, 30);
		put16(l4 + 6, 0);
		frame_end(f, l4 + 30);
		struct ip from = any_address(ip4), to = any_address(ip4);
		rewrite_kind_of(f);
		rewrite_addresses(f, &from, &to);
		assert_addresses(ip, &from, &to);
		assert_int_equal(l4[6] << 8 | l4[7], 0);
	}
}

/* What the sender left open is right once somebody fills it in. */
static void test_open_checksums(void **unused)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		bool ip4 = any(2);
		uint8_t protocol = any(2) ? IPPROTO_TCP : IPPROTO_UDP;
		size_t len = 20 + any(200);
		struct frame *f = frame_begin(ip4);
		uint8_t *ip = frame_data(f) + 14, *l4 = l4_make(ip_make(ip, ip4, protocol, len), protocol, len);
		put16(l4 + sum_at(protocol), pseudo(ip, protocol, len));
		frame_end(f, l4 + len);
		f->m.ol_flags |= FRAME_OFFLOAD;
		f->offload = (struct frame_offload){.csum = true,
						    .csum_start = (uint16_t)(l4 - frame_data(f)),
						    .csum_offset = (uint16_t)sum_at(protocol)};
		struct ip from = any_address(ip4), to = any_address(ip4);
		rewrite_kind_of(f);
		rewrite_addresses(f, &from, &to);
		assert_int_equal(offload_checksum(f), 0);
		assert_int_equal(l4_sum(ip, protocol, l4, len), 0xffff);
	}
}

static void test_fragments(void **unused)
{
	for (unsigned round = 0; round < 200; round++) {
		size_t len = 40;
		struct frame *f = frame_begin(true);
		uint8_t *ip = frame_data(f) + 14, *l4 = ip_make(ip, true, IPPROTO_UDP, len), before[40];
		fill(l4, len);
		put16(ip + 6, 0x2000 | (uint16_t)(1 + any(100)));
		put16(ip + 10, 0);
		put16(ip + 10, (uint16_t)~plain_sum(ip, (ip[0] & 0xfu) * 4, 0));
		memcpy(before, l4, len);
		frame_end(f, l4 + len);
		struct ip from = any_address(true), to = any_address(true);
		assert_int_equal(rewrite_kind_of(f), REWRITE_PLAIN);
		rewrite_addresses(f, &from, &to);
		assert_addresses(ip, &from, &to);
		assert_memory_equal(before, l4, len);
	}
}

/* An error with as much of a packet as is quoted: all of it, or too little to have its checksum. */
static void test_errors(void **unused)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		bool ip4 = any(2);
		uint8_t protocol = any_protocol(ip4), icmp_protocol = ip4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
		uint8_t quoted[256];
		size_t quoted_len = 20 + any(60);
		uint8_t *quoted_l4 = l4_make(ip_make(quoted, ip4, protocol, quoted_len), protocol, quoted_len);
		l4_close(quoted, protocol, quoted_l4, quoted_len);
		size_t header = (size_t)(quoted_l4 - quoted), quote = header + (any(2) ? quoted_len : 8);
		struct frame *f = frame_begin(ip4);
		uint8_t *ip = frame_data(f) + 14, *icmp = ip_make(ip, ip4, icmp_protocol, 8 + quote);
		memset(icmp, 0, 8);
		icmp[0] = ip4 ? 3 : 1;
		memcpy(icmp + 8, quoted, quote);
		l4_close(ip, icmp_protocol, icmp, 8 + quote);
		frame_end(f, icmp + 8 + quote);
		struct ip from = any_address(ip4), to = any_address(ip4);
		struct rewrite_quote q;
		assert_int_equal(rewrite_kind_of(f), REWRITE_ERROR);
		assert_true(rewrite_quote_find(f, &q));
		rewrite_quote(f, &q, &to, &from);
		rewrite_addresses(f, &from, &to);
		assert_addresses(ip, &from, &to);
		assert_addresses(icmp + 8, &to, &from);
		assert_int_equal(l4_sum(ip, icmp_protocol, icmp, 8 + quote), 0xffff);
		if (quote > header + 8)
			assert_int_equal(l4_sum(icmp + 8, protocol, icmp + 8 + header, quoted_len), 0xffff);
	}
}

/* Wherever a packet ends, nothing outside is read or changed (the room behind it is watched), and nothing is found
 * that is not there. */
static void test_cut_off_everywhere(void **unused)
{
	uint8_t watched[sizeof(made.room)];
	for (unsigned round = 0; round < 200; round++) {
		bool ip4 = any(2);
		uint8_t quoted[256];
		uint8_t *l4 = l4_make(ip_make(quoted, ip4, IPPROTO_TCP, 40), IPPROTO_TCP, 40);
		size_t quote = (size_t)(l4 - quoted) + 40, whole;
		struct frame *f = frame_begin(ip4);
		uint8_t *ip = frame_data(f) + 14;
		uint8_t *icmp = ip_make(ip, ip4, ip4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, 8 + quote);
		memset(icmp, 0, 8);
		icmp[0] = ip4 ? 11 : 3;
		memcpy(icmp + 8, quoted, quote);
		whole = (size_t)(icmp + 8 + quote - frame_data(f));
		memcpy(watched, made.room, sizeof(watched));
		for (size_t n = 14; n < whole; n++) {
			struct ip from = any_address(ip4), to = any_address(ip4);
			struct rewrite_quote q;
			memcpy(made.room, watched, sizeof(watched));
			frame_end(f, frame_data(f) + n);
			f->m.ol_flags = 0;
			enum rewrite_kind kind = rewrite_kind_of(f);
			if (kind == REWRITE_ERROR && rewrite_quote_find(f, &q)) {
				assert_true(q.end <= n && q.sum < n);
				rewrite_quote(f, &q, &from, &to);
			}
			if (kind == REWRITE_PLAIN || kind == REWRITE_ERROR)
				rewrite_addresses(f, &from, &to);
			assert_memory_equal(frame_data(f) + n, watched + 128 + n, whole - n);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_packets),
		cmocka_unit_test(test_wrong_stays_wrong),
		cmocka_unit_test(test_udp_without_a_checksum),
		cmocka_unit_test(test_open_checksums),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_cut_off_everywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
