/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `weft next-hop` says is what becomes of a real frame (row H10): random worlds of routing domains with the same
 * addresses, both families, routes, gateway-wildcard, l2only and learned records; random questions to the API, and the
 * same packet through the graph each time.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/ip.h"
#include "base/str.h"
#include "core/http/server.h"
#include "core/runtime/drop.h"
#include "tests/packet/hnv_rig.h"

enum { WORLDS = 50, QUERIES = 2000, DOMAINS = 3, SUBNETS = 4, ADAPTERS = 9, HOSTS = 12 };
#define TRANSIT (SUBNETS - 1) /* of each domain: where the next hop of what is outside is alone */

/* Provider addresses: here, two hosts over IPv4, one over IPv6, one that nothing leads to. */
static const char *const providers[] = {"198.51.100.11", "198.51.100.12", "198.51.100.13", "2001:db8:ee::12",
					"192.0.2.200"};

static struct {
	unsigned vsid, mac;
	bool learned;
} adapters[ADAPTERS];

static unsigned pick(unsigned n) { return (unsigned)rand() % n; }

static unsigned vsid_of(unsigned domain, unsigned subnet) { return 5001 + domain * 100 + subnet; }
static unsigned subnet_of(unsigned vsid) { return (vsid - 5001) % 100; }

static void record_add(struct str *s, unsigned vsid, const char *customer, unsigned mac, const char *provider,
		       const char *more)
{
	str_add(s,
		"  - {virtual-subnet-id: %u, customer-address: '%s', mac-address: '02:00:00:00:00:%02x', "
		"provider-address: '%s'%s}\n",
		vsid, customer, mac, provider, more);
}

/* The address of a host in a subnet. */
static const char *address(unsigned vsid, unsigned host, bool ip6)
{
	static char text[4][IP_TEXT_SIZE];
	static unsigned turn;
	char *t = text[turn++ % 4];
	snprintf(t, IP_TEXT_SIZE, ip6 ? "fd00:%u::%x" : "10.0.%u.%u", subnet_of(vsid), host);
	return t;
}

static void records_of(struct str *s, unsigned vsid)
{
	bool transit = subnet_of(vsid) == TRANSIT;
	for (unsigned h = 2; h < (transit ? 3 : HOSTS); h++)
		for (int ip6 = 0; ip6 < 2; ip6++)
			if (transit || pick(3))
				record_add(s, vsid, address(vsid, h, ip6), 0x80 + h, providers[pick(5)],
					   pick(4) ? "" : ", encapsulation: vxlan");
	for (int ip6 = 0; ip6 < 2 && pick(3) == 0; ip6++)
		record_add(s, vsid, ip6 ? "::" : "0.0.0.0", transit ? 0x82 : 0x70, providers[1 + pick(3)],
			   ", type: gateway-wildcard");
	if (!transit && pick(4) == 0)
		record_add(s, vsid, "0.0.0.0", 0x60, providers[1], ", type: l2only");
}

/* Each has an address of either family that is surely here, and perhaps one whose record says that it is away. */
static void adapters_add(struct str *s, struct str *records)
{
	str_add(s, "adapters:\n");
	for (unsigned a = 0; a < ADAPTERS; a++) {
		unsigned vsid = vsid_of(pick(DOMAINS), pick(SUBNETS - 1));
		adapters[a].vsid = vsid;
		adapters[a].mac = 1 + a;
		adapters[a].learned = pick(2);
		str_add(s,
			"  - {name: a%u, switch: fabric, mac-address: '02:00:00:00:00:%02x', attach: {tap: t%u}, "
			"virtual-subnet-id: %u, dynamic-ip-address-limit: %u}\n",
			a, adapters[a].mac, a, vsid, adapters[a].learned ? 4 : 0);
		for (int ip6 = 0; ip6 < 2; ip6++)
			record_add(records, vsid, address(vsid, 20 + a, ip6), adapters[a].mac, providers[0], "");
		if (pick(3) == 0)
			record_add(records, vsid, address(vsid, 40 + a, pick(2)), adapters[a].mac, providers[2], "");
	}
}

static void routes_add(struct str *s, unsigned domain)
{
	unsigned transit = vsid_of(domain, TRANSIT), inside = vsid_of(domain, pick(SUBNETS - 1));
	const char *const outside[] = {"0.0.0.0/0", "192.0.2.0/24", "::/0", "2001:db8:1::/48"};
	for (unsigned i = 0; i < 4; i++)
		if (pick(2))
			str_add(s, "  - {virtual-subnet-id: %u, prefix: '%s', next-hop: '%s', metric: %u}\n", transit,
				outside[i], address(transit, 2, i > 1), pick(100));
	str_add(s, "  - {virtual-subnet-id: %u, prefix: 10.0.%u.128/25, next-hop: '%s'}\n", inside, pick(SUBNETS - 1),
		address(inside, 5, false));
	str_add(s, "  - {virtual-subnet-id: %u, prefix: 203.0.113.0/24, next-hop: 0.0.0.0}\n", inside);
}

static void world_make(void)
{
	struct str s = {0}, records = {0};
	str_add(&s,
		"switches: [{name: fabric, type: external, uplink: eth1, allow-management-os: false, mtu: 1500}]\n"
		"provider-addresses:\n"
		"  - {switch: fabric, address: 198.51.100.11/24, mac-address: '02:00:00:00:aa:04'}\n"
		"  - {switch: fabric, address: '2001:db8:ee::11/64', mac-address: '02:00:00:00:aa:06'}\n"
		"routing-domains:\n");
	for (unsigned d = 0; d < DOMAINS; d++) {
		str_add(&s, "  - {id: '{11111111-2222-3333-4444-00000000500%u}', virtual-subnets: [", d);
		for (unsigned n = 0; n < SUBNETS; n++)
			str_add(&s, "{id: %u, prefix: [10.0.%u.0/24, 'fd00:%u::/64']}, ", vsid_of(d, n), n, n);
		str_add(&s, "]}\n");
	}
	adapters_add(&s, &records);
	for (unsigned d = 0; d < DOMAINS; d++)
		for (unsigned n = 0; n < SUBNETS; n++)
			records_of(&records, vsid_of(d, n));
	str_add(&s, "lookup-records:\n%scustomer-routes:\n", records.text);
	for (unsigned d = 0; d < DOMAINS; d++)
		routes_add(&s, d);
	assert_false(s.failed || records.failed);
	host_apply(s.text);
	str_free(&s);
	str_free(&records);
}

static const char *mac_text(unsigned mac)
{
	static char text[18];
	snprintf(text, sizeof(text), "02:00:00:00:00:%02x", mac);
	return text;
}

/* Those that may take addresses by themselves do. */
static void world_learn(void)
{
	uint8_t frame[256];
	char name[8];
	for (unsigned a = 0; a < ADAPTERS; a++)
		for (int ip6 = 0; ip6 < 2 && adapters[a].learned; ip6++) {
			const char *from = address(adapters[a].vsid, 60 + a, ip6);
			snprintf(name, sizeof(name), "a%u", a);
			size_t len = rig_udp(frame, ROUTER, mac_text(adapters[a].mac), from,
					     ip6 ? "fd00:9::9" : "10.0.9.9", NULL, 20);
			host_send(name, frame, len);
			host_turn();
		}
	host_clear();
}

static const char *destination(bool ip6)
{
	static char text[IP_TEXT_SIZE];
	unsigned vsid = vsid_of(0, pick(SUBNETS + 1));
	switch (pick(ip6 ? 8 : 7)) {
	case 0:
		snprintf(text, sizeof(text), ip6 ? "2001:db8:%u::%x" : "192.0.%u.%u", 1 + pick(3), 1 + pick(200));
		return text;
	case 1:
		snprintf(text, sizeof(text), ip6 ? "fd00:%u:0:1::%x" : "203.0.%u.%u", 113, 1 + pick(200));
		return text;
	case 2:
		return address(vsid, ip6 ? 0x100 + pick(16) : 128 + pick(120), ip6);
	case 7:
		return pick(4) ? "fe80::77" : "fe80::215:5dff:feff:ff01";
	default:
		return address(vsid, 1 + pick(75), ip6);
	}
}

static const char *text_of(const json_t *hop, const char *key)
{
	const char *text = json_string_value(json_object_get(hop, key));
	return text ? text : "";
}

static json_t *asked(unsigned vsid, const char *from, const char *to)
{
	char target[256];
	struct http_response answer = {0};
	snprintf(target, sizeof(target), "/v1/next-hop?virtual-subnet-id=%u&from=%s&to=%s", vsid, from, to);
	http_dispatch(&(struct http_request){.method = "GET", .target = target, .body = "", .accept = ""}, &answer);
	assert_non_null(answer.json);
	if (answer.status >= 400)
		fail_msg("%s: %s", target, text_of(answer.json, "detail"));
	return answer.json;
}

static struct counter_row before;

static bool dropped(const char *name, const char *reason)
{
	uint16_t id = drop_by_name(reason)->id;
	return host_row(name)->drop_in[id] == before.drop_in[id] + 1;
}

/* The one frame that came out, at `where`, from its inner Ethernet header on, is for the MAC address that was told. */
static bool came_out(const char *where, const json_t *hop, uint32_t off)
{
	struct frame *f = host_got(where, 0);
	uint8_t mac[6], want[6];
	return host_got_total() == 1 && f && frame_read(f, off, mac, 6) &&
	       rig_hex(text_of(hop, "mac-address"), want) == 6 && !memcmp(mac, want, 6);
}

static bool tunnelled(const json_t *hop)
{
	uint8_t head[80];
	struct frame *f = host_got(WIRE, 0);
	struct ip remote;
	bool vxlan = !strcmp(text_of(hop, "encapsulation"), "vxlan");
	assert_int_equal(ip_parse(text_of(hop, "provider-address"), &remote), 0);
	bool ip6 = remote.family == AF_INET6;
	uint32_t own = 14 + (ip6 ? 40u : 20u), key = own + (vxlan ? 8 + 4 : 4), inner = own + (vxlan ? 16 : 8);
	if (!f || !frame_read(f, 0, head, sizeof(head)))
		return false;
	return !memcmp(head + 14 + (ip6 ? 24 : 16), remote.byte, ip6 ? 16 : 4) &&
	       (head[key] << 16 | head[key + 1] << 8 | head[key + 2]) ==
		       json_integer_value(json_object_get(hop, "virtual-subnet-id")) &&
	       came_out(WIRE, hop, inner);
}

static bool agrees(const char *sender, const json_t *hop)
{
	const char *to = text_of(hop, "leads-to"), *adapter = text_of(hop, "adapter");
	if (!strcmp(to, "adapter"))
		return strcmp(adapter, sender) ? came_out(adapter, hop, 0) : dropped(sender, "to-itself");
	if (!strcmp(to, "tunnel"))
		return json_object_get(hop, "waiting-for") ? dropped(sender, "no-provider-path") : tunnelled(hop);
	if (!strcmp(to, "flood"))
		return !dropped(sender, "no-record") && !dropped(sender, "no-route");
	if (!strcmp(to, "router"))
		return dropped(sender, "router-no-service");
	return dropped(sender, strcmp(to, "nowhere") ? to : "record-nowhere");
}

static unsigned seen[8];
static const char *const leads[8] = {"adapter",	 "tunnel",    "flood",	 "router",
				     "no-route", "no-record", "nowhere", "waiting"};

static void seen_add(const json_t *hop)
{
	const char *to = json_object_get(hop, "waiting-for") ? "waiting" : text_of(hop, "leads-to");
	for (unsigned i = 0; i < 8; i++)
		seen[i] += !strcmp(leads[i], to);
}

static void query(void)
{
	uint8_t frame[256];
	char name[8], from[IP_TEXT_SIZE], to[IP_TEXT_SIZE];
	unsigned a = pick(ADAPTERS);
	bool ip6 = pick(2);
	snprintf(name, sizeof(name), "a%u", a);
	snprintf(from, sizeof(from), "%s", address(adapters[a].vsid, 20 + a, ip6));
	snprintf(to, sizeof(to), "%s", destination(ip6));
	json_t *hop = asked(adapters[a].vsid, from, to);
	before = *host_row(name);
	host_send(name, frame, rig_udp(frame, ROUTER, mac_text(adapters[a].mac), from, to, NULL, 20));
	seen_add(hop);
	if (!agrees(name, hop))
		fail_msg("%s in %u, %s to %s: %u frames came out, but next-hop says %s", name, adapters[a].vsid, from,
			 to, host_got_total(), json_dumps(hop, 0));
	json_decref(hop);
	host_clear();
}

static void test_next_hop(void **state)
{
	for (unsigned w = 0; w < WORLDS; w++) {
		srand(w);
		world_make();
		rig_answer_neighbours();
		rig_answer_neighbours();
		world_learn();
		for (unsigned q = 0; q < QUERIES; q++)
			query();
		host_pass(1000);
		host_clear();
		host_check_books();
	}
	for (unsigned i = 0; i < 8; i++)
		if (seen[i] < 100)
			fail_msg("only %u of the questions led to %s", seen[i], leads[i]);
}

int main(void)
{
	host_start();
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_next_hop)};
	return cmocka_run_group_tests_name("hnv next-hop", tests, NULL, NULL);
}
