/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/packet/provider_wire.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/ip.h"
#include "core/runtime/offload.h"

const uint8_t mac4[6] = {2, 0, 0, 0, 0xaa, 1}, mac6[6] = {2, 0, 0, 0, 0xaa, 2}, macv[6] = {2, 0, 0, 0, 0xaa, 5};
const uint8_t peer[6] = {2, 0, 0, 0, 0xbb, 1}, peer2[6] = {2, 0, 0, 0, 0xbb, 2};
const uint8_t all[6] = {255, 255, 255, 255, 255, 255}, nodes[6] = {0x33, 0x33, 0xff, 0, 0, 0x11};

uint8_t frame[FRAME_BIG_ROOM];
uint32_t len;

void add(const void *bytes, size_t n)
{
	memcpy(frame + len, bytes, n);
	len += (uint32_t)n;
}

static void add16(uint16_t v) { add((const uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2); }

static void add_ip(const char *text)
{
	struct ip ip;
	assert_int_equal(ip_parse(text, &ip), 0);
	add(ip.byte, ip_bytes(&ip));
}

void ether(const uint8_t *to, const uint8_t *from, int vlan, uint16_t type)
{
	len = 0;
	add(to, 6);
	add(from, 6);
	if (vlan >= 0) {
		add16(0x8100);
		add16((uint16_t)vlan);
	}
	add16(type);
}

void sum_at(uint32_t at, uint32_t first, uint32_t n, uint64_t sum)
{
	memset(frame + at, 0, 2);
	uint16_t folded = (uint16_t)~offload_sum_fold(offload_sum(frame + first, n, sum));
	memcpy(frame + at, &folded, 2);
}

void arp(const uint8_t *to, int vlan, uint16_t op, const uint8_t *mac, const char *sender, const char *target)
{
	ether(to, mac, vlan, 0x0806);
	add16(1);
	add16(0x0800);
	add((const uint8_t[]){6, 4}, 2);
	add16(op);
	add(mac, 6);
	add_ip(sender);
	add((const uint8_t[6]){0}, 6);
	add_ip(target);
}

/* An IPv4 packet around `n` bytes that follow. */
void ip4(const uint8_t *to, int vlan, uint8_t protocol, const char *from, const char *dst, uint16_t n,
	 uint16_t fragment)
{
	ether(to, peer, vlan, 0x0800);
	uint32_t at = len;
	add((const uint8_t[]){0x45, 0}, 2);
	add16((uint16_t)(20 + n));
	add16(7);
	add16(fragment);
	add((const uint8_t[]){64, protocol, 0, 0}, 4);
	add_ip(from);
	add_ip(dst);
	sum_at(at + 10, at, 20, 0);
}

void icmp4(uint8_t type, uint8_t code, uint32_t rest, const void *body, uint16_t n)
{
	uint32_t at = len;
	add((const uint8_t[]){type, code, 0, 0}, 4);
	add16((uint16_t)(rest >> 16));
	add16((uint16_t)rest);
	add(body, n);
	sum_at(at + 2, at, 8u + n, 0);
}

void ip6(const uint8_t *to, int vlan, uint8_t next, uint8_t hops, const char *from, const char *dst, uint16_t n)
{
	ether(to, peer, vlan, 0x86dd);
	add((const uint8_t[]){0x60, 0, 0, 0}, 4);
	add16(n);
	add((const uint8_t[]){next, hops}, 2);
	add_ip(from);
	add_ip(dst);
}

void icmp6(uint8_t type, uint8_t code, uint32_t rest, const void *body, uint16_t n)
{
	uint32_t at = len, tail[2] = {htonl(8u + n), htonl(58)};
	add((const uint8_t[]){type, code, 0, 0}, 4);
	add16((uint16_t)(rest >> 16));
	add16((uint16_t)rest);
	add(body, n);
	sum_at(at + 2, at, 8u + n, offload_sum(tail, 8, offload_sum(frame + at - 32, 32, 0)));
}

void solicit(const uint8_t *to, int vlan, const char *from, const char *dst, const char *target, bool option)
{
	uint8_t body[24] = {0};
	struct ip ip;
	ip_parse(target, &ip);
	memcpy(body, ip.byte, 16);
	memcpy(body + 16, (const uint8_t[]){1, 1}, 2);
	memcpy(body + 18, peer, 6);
	uint16_t n = option ? 24 : 16;
	ip6(to, vlan, 58, 255, from, dst, 8 + n);
	icmp6(135, 0, 0, body, n);
}

void advertise(const uint8_t *mac, const char *address)
{
	uint8_t body[24] = {0};
	struct ip ip;
	ip_parse(address, &ip);
	memcpy(body, ip.byte, 16);
	memcpy(body + 16, (const uint8_t[]){2, 1}, 2);
	memcpy(body + 18, mac, 6);
	ip6(mac6, -1, 58, 255, address, PA6, 32);
	icmp6(136, 0, 0x60000000, body, 24);
}

void arrive(void) { host_send("wire:sw", frame, len); }

/* The only frame that came out, by the wire. */
const uint8_t *answer(uint32_t *ret_len)
{
	assert_int_equal(host_got_total(), 1);
	struct frame *f = host_got("wire:sw", 0);
	assert_non_null(f);
	assert_int_equal(f->m.nb_segs, 1);
	*ret_len = frame_len(f);
	return frame_data(f);
}

void ended(void)
{
	host_clear();
	host_check_books();
}

/* Dropped under the name, and nothing came out. */
void dropped(const char *reason, const char *about)
{
	uint64_t before = host_dropped(reason);
	arrive();
	if (host_dropped(reason) != before + 1 || host_got_total())
		fail_msg("%s: not dropped as %s", about, reason);
	ended();
}

/* Not a PA's: the switch floods it to the guest. */
void passed(const char *about)
{
	arrive();
	if (host_got_count("vm1") != 1)
		fail_msg("%s: did not pass on to the switch", about);
	ended();
}
