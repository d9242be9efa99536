/* SPDX-License-Identifier: Apache-2.0 */
/* Packets too long for a tunnel: cut, shortened or answered, never lost without a word (row I14); and used-up TTLs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <endian.h>
#include <netinet/in.h>

#include "core/runtime/offload.h"
#include "modules/hnv/datapath/hnv_error.h"
#include "modules/hnv/reply.h"
#include "tests/packet/hnv_guest.h"
#include "tests/packet/hnv_packets.h"

/* The options that later fragments are to have (RFC 791, 3.1), of those that these tests send. */
static size_t copied_options(const uint8_t *options, size_t len, uint8_t *to)
{
	size_t n = 0;
	for (size_t i = 0; i < len && options[i]; i += options[i] == 1 ? 1 : options[i + 1])
		if (options[i] & 0x80) {
			memcpy(to + n, options + i, options[i + 1]);
			n += options[i + 1];
		}
	while (n % 4)
		to[n++] = 0;
	return n;
}

/* Puts what came out together as RFC 791, 3.2 has it and compares. */
static void check_fragments(const uint8_t *whole, size_t len, uint32_t mtu)
{
	static uint8_t payload[65536];
	size_t header = (whole[HNV_ETHER] & 0xfu) * 4, total = 0, seen = 0;
	const uint8_t *options = whole + HNV_ETHER + HNV_IP4;
	uint8_t copied[40];
	size_t n_copied = copied_options(options, header - HNV_IP4, copied);
	for (unsigned i = 0; guest_got(GUEST_OUT, i); i++) {
		uint8_t bytes[10000];
		struct frame *f = guest_got(GUEST_OUT, i);
		uint32_t n = frame_len(f);
		assert_true(n <= mtu + HNV_ETHER && frame_read(f, 0, bytes, n));
		const uint8_t *at = bytes + HNV_ETHER;
		size_t own = (at[0] & 0xfu) * 4, off = ((at[6] & 0x1fu) << 8 | at[7]) * 8u;
		size_t has = (size_t)(at[2] << 8 | at[3]) - own;
		assert_int_equal(offload_sum_fold(offload_sum(at, (uint32_t)own, 0)), 0xffff);
		assert_int_equal(HNV_ETHER + own + has, n);
		assert_memory_equal(bytes, whole, HNV_ETHER);
		assert_memory_equal(at + 4, whole + HNV_ETHER + 4, 2);
		assert_memory_equal(at + 12, whole + HNV_ETHER + 12, 8);
		assert_int_equal(own, off ? HNV_IP4 + n_copied : header);
		assert_memory_equal(at + HNV_IP4, off ? copied : options, own - HNV_IP4);
		memcpy(payload + off, at + own, has);
		seen += has;
		if (!(at[6] & 0x20))
			total = off + has;
	}
	assert_int_equal(total, len - HNV_ETHER - header);
	assert_int_equal(seen, total);
	assert_memory_equal(payload, whole + HNV_ETHER + header, total);
}

/* The ICMP error that vm got about `whole`. */
static void check_too_long4(const uint8_t *whole, size_t len, uint16_t mtu)
{
	struct frame *f = guest_got(GUEST_VM, 0);
	assert_non_null(f);
	uint8_t bytes[2048];
	uint32_t n = frame_len(f), quoted = (uint32_t)RTE_MIN(len - HNV_ETHER, 576u - 28);
	assert_true(frame_read(f, 0, bytes, n));
	const uint8_t *at = bytes + HNV_ETHER, *icmp = at + HNV_IP4;
	assert_memory_equal(bytes, packet_vm, 6);
	assert_memory_equal(bytes + 6, HNV_ROUTER_MAC.byte, 6);
	assert_memory_equal(at + 12, ((uint8_t[]){10, 0, 0, 1, 10, 0, 0, 5}), 8);
	assert_int_equal(n, HNV_ETHER + 28 + quoted);
	assert_int_equal(offload_sum_fold(offload_sum(at, HNV_IP4, 0)), 0xffff);
	assert_int_equal(offload_sum_fold(offload_sum(icmp, n - HNV_ETHER - HNV_IP4, 0)), 0xffff);
	assert_memory_equal(icmp, ((uint8_t[]){3, 4}), 2);
	assert_memory_equal(icmp + 4, ((uint8_t[]){0, 0, (uint8_t)(mtu >> 8), (uint8_t)mtu}), 4);
	assert_memory_equal(icmp + 8, whole + HNV_ETHER, quoted);
}

/* Row I14: 1458 passes, 1459 is answered, or cut when it may be. */
static void too_long4(void **state)
{
	uint8_t bytes[10000];
	for (size_t len = 1457; len <= 1500; len++) {
		guest_mode("");
		size_t n = packet_datagram4(bytes, len, true, NULL, 0);
		guest_send(bytes, n);
		assert_int_equal(guest_got_total(), 1);
		if (len <= GUEST_TUNNEL_MTU)
			packet_check("short enough", guest_got(GUEST_OUT, 0), bytes, n);
		else
			check_too_long4(bytes, n, GUEST_TUNNEL_MTU);
		guest_clear();
		n = packet_datagram4(bytes, len, false, NULL, 0);
		guest_send(bytes, n);
		assert_int_equal(guest_got_total(), len <= GUEST_TUNNEL_MTU ? 1 : 2);
		check_fragments(bytes, n, GUEST_TUNNEL_MTU);
		guest_clear();
		assert_true(guest_books_balance());
	}
}

/* Whatever a guest sends is passed, put together again, or answered: no black hole. */
static void random_sizes(void **state)
{
	static uint8_t bytes[70000];
	static const uint8_t options[40] = {0x94, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 1, 0x83, 7, 4, 1, 2, 3, 4, 0};
	static const uint8_t whole[] = {0, 4, 12, 20}; /* bytes of whole options */
	srand(14);
	for (unsigned i = 0; i < 10000; i++) {
		if (i % 100 == 0)
			guest_mode("");
		size_t most = i % 50 ? 9000 : 60000, n_options = whole[rand() % 4];
		size_t len = 28 + n_options + (size_t)rand() % (most - 28 - n_options);
		bool dont_fragment = rand() % 2;
		size_t n = packet_datagram4(bytes, len, dont_fragment, options, n_options);
		guest_send(bytes, n);
		assert_true(guest_got_total() > 0);
		if (dont_fragment && len > GUEST_TUNNEL_MTU)
			check_too_long4(bytes, n, GUEST_TUNNEL_MTU);
		else
			check_fragments(bytes, n, GUEST_TUNNEL_MTU);
		guest_clear();
	}
	assert_true(guest_books_balance());
	assert_int_equal(rte_mempool_in_use_count(guest_pools.small) + rte_mempool_in_use_count(guest_pools.big), 0);
}

/* A fragment is cut as well: offsets count from the whole packet's start, and only the last may be the last. */
static void cut_again(void **state)
{
	static const struct {
		uint16_t field;
		uint16_t want[2];
	} fragments[] = {{0x2000 | 100, {0x2000 | 100, 0x2000 | (100 + 179)}}, {100, {0x2000 | 100, 100 + 179}}};
	uint8_t bytes[2048], got[2];
	for (size_t i = 0; i < RTE_DIM(fragments); i++) {
		guest_mode("");
		size_t n = packet_datagram4(bytes, 1500, false, NULL, 0);
		hnv_put_be16(bytes + HNV_ETHER + 6, fragments[i].field);
		guest_send(bytes, n);
		assert_int_equal(guest_got_total(), 2);
		for (unsigned k = 0; k < 2; k++) {
			assert_true(frame_read(guest_got(GUEST_OUT, k), HNV_ETHER + 6, got, 2));
			assert_int_equal(got[0] << 8 | got[1], fragments[i].want[k]);
		}
		guest_clear();
	}
}

static size_t datagram6(uint8_t *to, uint16_t len, const char *destination, uint8_t next, const uint8_t *l4, size_t n)
{
	struct ip from, dst;
	assert_int_equal(ip_parse("fd00:1::5", &from), 0);
	assert_int_equal(ip_parse(destination, &dst), 0);
	memset(to, 0, HNV_ETHER + len);
	memcpy(to, dst.byte[0] == 0xff ? (const uint8_t[]){0x33, 0x33, 0, 0, 0, 1} : packet_peer, 6);
	memcpy(to + 6, packet_vm, 6);
	hnv_put_be16(to + 12, 0x86dd);
	hnv_put_ip6(to + HNV_ETHER, from.byte, dst.byte, next, (uint16_t)(len - HNV_IP6), 64);
	memcpy(to + HNV_ETHER + HNV_IP6, l4, n);
	return HNV_ETHER + (size_t)len;
}

static void too_long6(void **state)
{
	static const uint8_t udp[8] = {0x10, 0, 0x20, 0, 5, 0x92}, error[8] = {2}, echo[8] = {129};
	static const struct {
		const char *about, *to;
		uint8_t next;
		const uint8_t *l4;
		bool told;
	} table6[] = {
		{"UDP", "fd00:1::6", IPPROTO_UDP, udp, true},
		{"to a group: RFC 4443, 2.4 (e.3)", "ff02::1", IPPROTO_UDP, udp, true},
		{"an echo reply", "fd00:1::6", IPPROTO_ICMPV6, echo, true},
		{"an error: none about errors", "fd00:1::6", IPPROTO_ICMPV6, error, false},
	};
	uint8_t bytes[2048], got[2048];
	for (size_t i = 0; i < RTE_DIM(table6); i++) {
		guest_mode("");
		uint64_t before = guest_dropped("tunnel-too-long");
		size_t n = datagram6(bytes, 1490, table6[i].to, table6[i].next, table6[i].l4, 8);
		guest_send(bytes, n);
		assert_int_equal(guest_dropped("tunnel-too-long"), before + 1);
		struct frame *f = guest_got(GUEST_VM, 0);
		if (guest_got_total() != table6[i].told || !f != !table6[i].told)
			fail_msg("%s: %u", table6[i].about, guest_got_total());
		if (f) {
			uint8_t *at = got + HNV_ETHER, *icmp = at + HNV_IP6;
			assert_int_equal(frame_len(f), HNV_ETHER + 1280);
			assert_true(frame_read(f, 0, got, frame_len(f)));
			assert_memory_equal(icmp, ((uint8_t[]){2, 0}), 2);
			assert_memory_equal(icmp + 4, ((uint8_t[]){0, 0, 0x05, 0xb2}), 4);
			assert_memory_equal(icmp + 8, bytes + HNV_ETHER, 1280 - 48);
			assert_memory_equal(at + 8, guest_subnet.gateway[1].byte, 16);
			uint16_t sum;
			memcpy(&sum, icmp + 2, 2);
			memset(icmp + 2, 0, 2);
			assert_int_equal(sum, hnv_sum6(at, IPPROTO_ICMPV6, icmp, 1240));
		}
		guest_clear();
	}
}

/* When nothing may be said (RFC 1122, 3.2.2) the packet ends all the same. */
static void silent_errors(void **state)
{
	static const struct {
		const char *about;
		size_t at;
		uint8_t bytes[4];
		size_t n;
	} table4[] = {
		{"to a group", HNV_ETHER + 16, {224, 0, 0, 5}, 4},
		{"to all", HNV_ETHER + 16, {255, 255, 255, 255}, 4},
		{"to all of the subnet", HNV_ETHER + 16, {10, 0, 0, 255}, 4},
		{"to a group of stations", 0, {0x01, 0, 0x5e}, 3},
		{"from nobody", HNV_ETHER + 12, {0}, 4},
		{"a later fragment", HNV_ETHER + 6, {0x40, 9}, 2},
		{"an ICMP error", HNV_ETHER + 9, {IPPROTO_ICMP}, 1},
	};
	uint8_t bytes[2048];
	for (size_t i = 0; i < RTE_DIM(table4); i++) {
		guest_mode("");
		size_t n = packet_datagram4(bytes, 1500, true, NULL, 0);
		memcpy(bytes + table4[i].at, table4[i].bytes, table4[i].n);
		bytes[HNV_ETHER + HNV_IP4] = 3;
		uint64_t before = guest_dropped("tunnel-too-long");
		guest_send(bytes, n);
		if (guest_got_total() || guest_dropped("tunnel-too-long") != before + 1)
			fail_msg("%s: %u came out", table4[i].about, guest_got_total());
	}
}

static struct frame *gso_frame(uint32_t payload, uint16_t gso_size, bool dont_fragment, enum frame_gso kind)
{
	uint8_t *bytes = calloc(1, 70000);
	assert_non_null(bytes);
	uint32_t l4 = kind == FRAME_GSO_UDP ? 8 : 20, header = HNV_ETHER + HNV_IP4 + l4;
	packet_datagram4(bytes, HNV_IP4 + l4 + payload, dont_fragment, NULL, 0);
	if (kind == FRAME_GSO_TCP4) {
		bytes[HNV_ETHER + 9] = IPPROTO_TCP;
		bytes[HNV_ETHER + HNV_IP4 + 12] = 0x50;
	}
	struct frame *f = frame_alloc(guest_pools.big);
	assert_non_null(f);
	memcpy(rte_pktmbuf_append(&f->m, (uint16_t)(header + payload)), bytes, header + payload);
	free(bytes);
	f->m.ol_flags |= FRAME_OFFLOAD;
	f->offload = (struct frame_offload){.gso = kind,
					    .csum = true,
					    .gso_size = gso_size,
					    .header_len = (uint16_t)header,
					    .csum_start = HNV_ETHER + HNV_IP4,
					    .csum_offset = kind == FRAME_GSO_UDP ? 6 : 16};
	return f;
}

static void segments(void **state)
{
	guest_mode("");
	guest_send_frame(gso_frame(60000, 1460, true, FRAME_GSO_TCP4));
	assert_int_equal(guest_got_total(), 1);
	assert_int_equal(guest_got(GUEST_OUT, 0)->offload.gso_size, GUEST_TUNNEL_MTU - 40);
	guest_clear();
	guest_send_frame(gso_frame(60000, 1000, true, FRAME_GSO_TCP4));
	assert_int_equal(guest_got(GUEST_OUT, 0)->offload.gso_size, 1000);
	guest_clear();
	/* Datagrams are not to be made shorter: the sender is told, or they are cut, each for itself. */
	guest_send_frame(gso_frame(14600, 1460, true, FRAME_GSO_UDP));
	assert_int_equal(guest_got_total(), 1);
	assert_non_null(guest_got(GUEST_VM, 0));
	guest_clear();
	guest_send_frame(gso_frame(14600, 1460, false, FRAME_GSO_UDP));
	assert_int_equal(guest_got_total(), 20);
	guest_clear();
	guest_send_frame(gso_frame(14600, 1400, false, FRAME_GSO_UDP));
	assert_int_equal(guest_got_total(), 1);
	guest_clear();
	assert_true(guest_books_balance());
	assert_int_equal(rte_mempool_in_use_count(guest_pools.small) + rte_mempool_in_use_count(guest_pools.big), 0);
}

/* A checksum that was left open is filled in before the packet is cut. */
static void cut_with_open_checksum(void **state)
{
	uint8_t bytes[2048], whole[2048];
	guest_mode("");
	size_t n = packet_datagram4(bytes, 1500, false, NULL, 0);
	memset(bytes + 40, 0, 2);
	uint64_t pseudo = offload_sum(bytes + 26, 8, 0) + htobe16(IPPROTO_UDP) + htobe16(1480);
	uint16_t seed = offload_sum_fold(pseudo), right = hnv_sum4(bytes + HNV_ETHER, IPPROTO_UDP, bytes + 34, 1480);
	memcpy(whole, bytes, n);
	memcpy(whole + 40, &right, 2);
	memcpy(bytes + 40, &seed, 2);
	struct frame *f = frame_alloc(guest_pools.small);
	assert_non_null(f);
	memcpy(rte_pktmbuf_append(&f->m, (uint16_t)n), bytes, n);
	f->m.ol_flags |= FRAME_OFFLOAD;
	f->offload = (struct frame_offload){.csum = true, .csum_start = 34, .csum_offset = 6};
	guest_send_frame(f);
	assert_int_equal(guest_got_total(), 2);
	check_fragments(whole, n, GUEST_TUNNEL_MTU);
	guest_clear();
}

/* traceroute: the gateway says that it was there. */
static void expired(void **state)
{
	uint8_t bytes[2048], got[2048];
	guest_mode("");
	size_t n = packet_datagram4(bytes, 60, false, NULL, 0);
	struct frame *f = frame_alloc(guest_pools.small);
	assert_non_null(f);
	memcpy(rte_pktmbuf_append(&f->m, (uint16_t)n), bytes, n);
	guest_pipe.rows[GUEST_VM]->received++;
	hnv_ttl_expired(&guest_pipe, guest_pipe.dp->adapters[GUEST_VM], f);
	pipe_flush(&guest_pipe);
	struct frame *told = guest_got(GUEST_VM, 0);
	assert_true(told && frame_read(told, 0, got, frame_len(told)));
	assert_memory_equal(got + HNV_ETHER + 12, ((uint8_t[]){10, 0, 0, 1, 10, 0, 0, 5}), 8);
	assert_memory_equal(got + HNV_ETHER + HNV_IP4, ((uint8_t[]){11, 0}), 2);
	assert_memory_equal(got + HNV_ETHER + 28, bytes + HNV_ETHER, 60);
	guest_clear();
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
		cmocka_unit_test(too_long4), cmocka_unit_test(random_sizes),
		cmocka_unit_test(too_long6), cmocka_unit_test(silent_errors),
		cmocka_unit_test(segments),  cmocka_unit_test(cut_with_open_checksum),
		cmocka_unit_test(expired),   cmocka_unit_test(cut_again),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
