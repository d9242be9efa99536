/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/packet/hnv_rig.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/ip.h"
#include "core/runtime/offload.h"

#define RECORD(vsid, address, mac, provider, more)                                                                   \
	"  - {virtual-subnet-id: " #vsid ", customer-address: '" address "', mac-address: '00:15:5d:00:00:" mac      \
	"', provider-address: '" provider "'" more "}\n"
#define HERE4 "198.51.100.11"
#define HERE6 "2001:db8:ee::11"
#define AWAY4 "198.51.100.12"
#define AWAY6 "2001:db8:ee::12"
#define VXLAN ", encapsulation: vxlan"

const char hnv_document[] =
	"host: {name: node1}\n"
	"switches: [{name: fabric, type: external, uplink: eth1, allow-management-os: false, mtu: 1500}]\n"
	"provider-addresses:\n"
	"  - {switch: fabric, address: " HERE4 "/24, mac-address: '02:00:00:00:aa:04'}\n"
	"  - {switch: fabric, address: '" HERE6 "/64', mac-address: '02:00:00:00:aa:06'}\n"
	"routing-domains:\n"
	"  - id: '{11111111-2222-3333-4444-000000005001}'\n"
	"    name: contoso\n"
	"    virtual-subnets:\n"
	"      - {id: 5001, prefix: [10.0.0.0/24, 'fd00:1::/64']}\n"
	"      - {id: 5002, prefix: [10.0.1.0/24, 'fd00:2::/64']}\n"
	"  - id: '{11111111-2222-3333-4444-000000006001}'\n"
	"    name: fabrikam\n"
	"    virtual-subnets:\n"
	"      - {id: 6001, prefix: [10.0.0.0/24, 'fd00:1::/64']}\n"
	"      - {id: 6002, prefix: 10.0.2.0/24}\n"
	"adapters:\n"
	"  - {name: c-web, switch: fabric, mac-address: '00:15:5d:00:00:05', attach: {tap: t1}, virtual-subnet-id: 5001}\n"
	"  - {name: c-two, switch: fabric, mac-address: '00:15:5d:00:00:15', attach: {tap: t2}, virtual-subnet-id: 5001}\n"
	"  - {name: c-db, switch: fabric, mac-address: '00:15:5d:00:00:25', attach: {tap: t3}, virtual-subnet-id: 5002}\n"
	"  - {name: f-web, switch: fabric, mac-address: '00:15:5d:00:00:05', attach: {tap: t4}, virtual-subnet-id: 6001}\n"
	"  - {name: plain, switch: fabric, mac-address: '00:15:5d:00:00:99', attach: {tap: t5}}\n"
	"lookup-records:\n"
	/* here */
	RECORD(5001, "10.0.0.5", "05", HERE4, "") RECORD(5001, "fd00:1::5", "05", HERE4, "")
		RECORD(5001, "10.0.0.21", "15", HERE4, "") RECORD(5001, "fd00:1::15", "15", HERE4, "")
			RECORD(5002, "10.0.1.37", "25", HERE4, "") RECORD(5002, "fd00:2::25", "25", HERE4, "")
				RECORD(6001, "10.0.0.5", "05", HERE4, "") RECORD(6001, "fd00:1::5", "05", HERE4, "")
	/* away */
	RECORD(5001, "10.0.0.6", "06", AWAY4, "") RECORD(5001, "fd00:1::6", "06", AWAY4, "")
		RECORD(5001, "10.0.0.7", "07", AWAY6, "") RECORD(5001, "fd00:1::7", "07", AWAY6, "") RECORD(
			5001, "10.0.0.8", "08", AWAY4, VXLAN) RECORD(5001, "fd00:1::8", "08", AWAY4, VXLAN)
			RECORD(5001, "10.0.0.9", "09", AWAY6, VXLAN) RECORD(5001, "fd00:1::9", "09", AWAY6, VXLAN)
				RECORD(5002, "10.0.1.23", "17", AWAY4, "") RECORD(5002, "fd00:2::17", "17", AWAY4, "")
					RECORD(6001, "10.0.0.6", "06", THIRD4, "")
						RECORD(6001, "fd00:1::6", "06", THIRD4, "")
							RECORD(6002, "10.0.2.6", "66", THIRD4, "");

size_t rig_hex(const char *text, uint8_t *to)
{
	size_t n = 0;
	unsigned byte;
	for (; *text && sscanf(text, *text == ':' ? ":%2x" : "%2x", &byte) == 1; text += *text == ':' ? 3 : 2)
		to[n++] = (uint8_t)byte;
	return n;
}

uint8_t *rig_ether(uint8_t *at, const char *to, const char *from, uint16_t type)
{
	at += rig_hex(to, at);
	at += rig_hex(from, at);
	*at++ = (uint8_t)(type >> 8);
	*at++ = (uint8_t)type;
	return at;
}

uint8_t *rig_ip(uint8_t *at, const char *from, const char *to, uint8_t protocol, uint8_t tos, uint16_t len)
{
	struct ip a, b;
	assert_int_equal(ip_parse(from, &a), 0);
	assert_int_equal(ip_parse(to, &b), 0);
	if (a.family == AF_INET6) {
		memcpy(at,
		       (const uint8_t[]){(uint8_t)(0x60 | tos >> 4), (uint8_t)(tos << 4), 0, 0, (uint8_t)(len >> 8),
					 (uint8_t)len, protocol, 64},
		       8);
		memcpy(at + 8, a.byte, 16);
		memcpy(at + 24, b.byte, 16);
		return at + 40;
	}
	len = (uint16_t)(len + 20);
	memcpy(at, (const uint8_t[]){0x45, tos, (uint8_t)(len >> 8), (uint8_t)len, 0, 0, 0, 0, 64, protocol, 0, 0},
	       12);
	memcpy(at + 12, a.byte, 4);
	memcpy(at + 16, b.byte, 4);
	uint16_t sum = (uint16_t)~offload_sum_fold(offload_sum(at, 20, 0));
	memcpy(at + 10, &sum, 2);
	return at + 20;
}

/* An ARP request becomes its answer. */
static void answer_arp(const uint8_t *request)
{
	uint8_t reply[42];
	memcpy(reply, request + 6, 6);
	rig_hex("02:00:00:00:bb:04", reply + 6);
	memcpy(reply + 12, request + 12, 10);
	reply[21] = 2;
	memcpy(reply + 22, reply + 6, 6);
	memcpy(reply + 28, request + 38, 4);
	memcpy(reply + 32, request + 22, 10);
	host_send(WIRE, reply, sizeof(reply));
}

/* A neighbour solicitation becomes its advertisement (RFC 4861, 4.4). */
static void answer_nd(const uint8_t *request)
{
	uint8_t reply[14 + 40 + 32], *icmp = reply + 54;
	memcpy(reply, request + 6, 6);
	rig_hex("02:00:00:00:bb:06", reply + 6);
	memcpy(reply + 12, request + 12, 10);
	reply[19] = 32;
	memcpy(reply + 22, request + 62, 16);
	memcpy(reply + 38, request + 22, 16);
	memset(icmp, 0, 32);
	icmp[0] = 136;
	icmp[4] = 0x60;
	memcpy(icmp + 8, request + 62, 16);
	icmp[24] = 2;
	icmp[25] = 1;
	memcpy(icmp + 26, reply + 6, 6);
	uint64_t pseudo = offload_sum(reply + 22, 32, offload_sum((const uint8_t[]){0, 0, 0, 32, 0, 0, 0, 58}, 8, 0));
	uint16_t sum = (uint16_t)~offload_sum_fold(offload_sum(icmp, 32, pseudo));
	memcpy(icmp + 2, &sum, 2);
	host_send(WIRE, reply, sizeof(reply));
}

#define ASKED_MAX 128

void rig_answer_neighbours(void)
{
	static uint8_t asked[256][128];
	unsigned n = 0;
	struct frame *f;
	host_turn();
	for (unsigned i = 0; (f = host_got(WIRE, i)) && n < RTE_DIM(asked); i++)
		if (frame_read(f, 0, asked[n], RTE_MIN(frame_len(f), 128u)))
			n++;
	host_clear();
	for (unsigned i = 0; i < n; i++) {
		if (asked[i][12] == 8 && asked[i][13] == 6 && asked[i][21] == 1)
			answer_arp(asked[i]);
		else if (asked[i][12] == 0x86 && asked[i][20] == 58 && asked[i][54] == 135)
			answer_nd(asked[i]);
		if (i % 16 == 15)
			host_turn(); /* the control thread takes so many at once */
	}
	host_turn();
	host_clear();
}

void rig_wait_a_second(void)
{
	host_pass(1000);
	rig_answer_neighbours();
}

void rig_start(void)
{
	host_start();
	host_apply(hnv_document);
	rig_answer_neighbours();
}

const char *rig_moved_document(const char *customer, const char *provider)
{
	static char text[8192];
	char key[96], rest[sizeof(text)];
	if (!*text || !customer)
		snprintf(text, sizeof(text), "%s", hnv_document);
	if (!customer)
		return text;
	snprintf(key, sizeof(key), "virtual-subnet-id: 5001, customer-address: '%s'", customer);
	char *at = strstr(text, key);
	at = at ? strstr(at, "provider-address: '") : NULL;
	if (!at) {
		fail_msg("contoso has no record of %s", customer);
		return NULL;
	}
	at += strlen("provider-address: '");
	snprintf(rest, sizeof(rest), "%s", strchr(at, '\''));
	snprintf(at, sizeof(text) - (size_t)(at - text), "%s%s", provider, rest);
	return text;
}

void rig_move(const char *customer, const char *provider)
{
	host_apply(rig_moved_document(customer, provider));
	rig_answer_neighbours();
}

const char *const rig_names[RIG_NAMES] = {WIRE, "c-web", "c-two", "c-db", "f-web", "plain"};

/* Who got something, comma-separated, each as often as it got one. */
static const char *receivers(void)
{
	static char text[512];
	*text = 0;
	for (unsigned i = 0; i < RIG_NAMES; i++)
		for (unsigned n = host_got_count(rig_names[i]); n; n--)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", *text ? "," : "",
				 i ? rig_names[i] : "wire");
	return text;
}

void rig_expect(const char *about, const char *from, const void *frame, size_t len, const char *got, const char *drop)
{
	uint64_t dropped = drop ? host_dropped(drop) : 0;
	host_send(from, frame, len);
	if (strcmp(receivers(), got) != 0)
		fail_msg("%s: got by \"%s\", expected \"%s\"", about, receivers(), got);
	if (drop && host_dropped(drop) != dropped + 1)
		fail_msg("%s: not dropped as %s", about, drop);
	host_check_books();
}

size_t rig_udp(uint8_t *frame, const char *to_mac, const char *from_mac, const char *from, const char *to,
	       const char *tag, uint16_t payload)
{
	bool ip6 = strchr(from, ':');
	uint8_t *at = frame + rig_hex(to_mac, frame);
	at += rig_hex(from_mac, at);
	if (tag)
		at += rig_hex(tag, at);
	*at++ = ip6 ? 0x86 : 0x08;
	*at++ = ip6 ? 0xdd : 0x00;
	at = rig_ip(at, from, to, IPPROTO_UDP, 0, (uint16_t)(8 + payload));
	memcpy(at, (const uint8_t[]){0x30, 0x39, 0, 53, (uint8_t)((8 + payload) >> 8), (uint8_t)(8 + payload), 0, 0},
	       8);
	memset(at + 8, 0x5a, payload);
	return (size_t)(at + 8 + payload - frame);
}

void rig_ip4_sum(uint8_t *ip)
{
	memset(ip + 10, 0, 2);
	uint16_t sum = (uint16_t)~offload_sum_fold(offload_sum(ip, 20, 0));
	memcpy(ip + 10, &sum, 2);
}

size_t rig_wrap(uint8_t *to, const struct rig_outer *o, const uint8_t *inner, size_t len)
{
	bool ip6 = strchr(o->to, ':');
	uint16_t own = (uint16_t)(o->gre ? 8 : 16), l4_len = (uint16_t)(own + len);
	uint8_t *ip = rig_ether(to, ip6 ? "02:00:00:00:aa:06" : "02:00:00:00:aa:04",
				ip6 ? "02:00:00:00:bb:06" : "02:00:00:00:bb:04", ip6 ? 0x86dd : 0x0800);
	uint8_t *at = rig_ip(ip, o->from, o->to, o->gre ? IPPROTO_GRE : IPPROTO_UDP, o->tos,
			     (uint16_t)(l4_len + o->length));
	if (!ip6) {
		ip[6] = (uint8_t)(o->fragment >> 8);
		ip[7] = (uint8_t)o->fragment;
		rig_ip4_sum(ip);
	}
	uint32_t gre = rte_cpu_to_be_32(o->gre), key = rte_cpu_to_be_32(o->key);
	if (o->gre) {
		memcpy(at, &gre, 4);
	} else {
		memcpy(at, (const uint8_t[]){0xc0, 0, 0x12, 0xb5, (uint8_t)(l4_len >> 8), (uint8_t)l4_len, 0, 0}, 8);
		memcpy(at + 8, (const uint8_t[]){8, 0, 0, 0}, 4);
	}
	memcpy(at + own - 4, &key, 4);
	memcpy(at + own, inner, len);
	return (size_t)(at + own + len - to);
}
