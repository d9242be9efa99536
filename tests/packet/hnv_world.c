/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/packet/hnv_world.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

const char *const world_provider[] = {
	"198.51.100.11",   "2001:db8:ee::11", /* this host's */
	"198.51.100.12",   "198.51.100.13",   "198.51.100.14", "2001:db8:ee::12",
	"2001:db8:ee::13", "2001:db8:ee::14", "239.1.1.1",     "ff0e::1:1",
};

static uint64_t state;

void world_seed(uint64_t seed) { state = seed * 0x9e3779b97f4a7c15u + 1; }

/* xorshift64* */
unsigned world_pick(unsigned n)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (unsigned)((state * 0x2545f4914f6cdd1du >> 33) % n);
}

bool world_chance(unsigned percent) { return world_pick(100) < percent; }

struct ip world_ip(const char *text)
{
	struct ip ip;
	if (ip_parse(text, &ip))
		fail_msg("%s", text);
	return ip;
}

struct mac world_mac_of(const char *text)
{
	struct mac mac;
	if (mac_parse(text, &mac))
		fail_msg("%s", text);
	return mac;
}

struct mac world_mac(unsigned i) { return (struct mac){{0x00, 0x15, 0x5d, 0, 0, (uint8_t)(5 + i)}}; }

struct ip world_host(const struct world_subnet *s, unsigned family, unsigned host)
{
	struct ip ip = s->prefix[family].ip;
	ip.byte[family ? 15 : 3] = (uint8_t)host;
	return ip;
}

/* Each domain has the same prefixes: 10.0.N.0/24, fd00:N::/64. */
static void subnets_make(struct world *w)
{
	for (unsigned i = 0; i < WORLD_SUBNETS; i++) {
		struct world_subnet *s = &w->subnet[i];
		unsigned number = i % WORLD_PER_DOMAIN;
		char text[32];
		s->domain = i / WORLD_PER_DOMAIN;
		s->gateway_only = number == WORLD_PER_DOMAIN - 1;
		s->vsid = i == 0 ? 4096 : i == WORLD_SUBNETS - 1 ? 16777214 : 5000 + i * 1000 + world_pick(1000);
		snprintf(text, sizeof(text), "10.0.%u.0", number);
		s->prefix[0] = (struct ip_prefix){.ip = world_ip(text), .len = 24};
		snprintf(text, sizeof(text), "fd00:%u::", number + 1);
		s->prefix[1] = (struct ip_prefix){.ip = world_ip(text), .len = 64};
		s->router[0] = world_host(s, 0, 1);
		s->router[1] = world_host(s, 1, 1);
	}
}

static bool adapter_there(const struct world *w, unsigned n, int subnet, const struct mac *mac)
{
	for (unsigned i = 0; i < n; i++)
		if (w->adapter[i].subnet == subnet && mac_to_u64(&w->adapter[i].mac) == mac_to_u64(mac))
			return true;
	return false;
}

static void adapters_make(struct world *w)
{
	for (unsigned i = 0; i < WORLD_ADAPTERS; i++) {
		struct world_adapter *a = &w->adapter[i];
		snprintf(a->name, sizeof(a->name), "a%u", i);
		do {
			a->subnet = i == WORLD_ADAPTERS - 1 ? -1 : (int)world_pick(WORLD_SUBNETS);
			bool alone = a->subnet >= 0 && w->subnet[a->subnet].gateway_only;
			a->vlan = w->shared && i < WORLD_SHARED ? 1 + i * 1000 + world_pick(1000) : 0;
			a->mac = world_mac(alone || a->vlan ? 0 : world_pick(WORLD_MACS));
		} while (adapter_there(w, i, a->subnet, &a->mac));
	}
}

static struct world_record *record_add(struct world *w, unsigned subnet, enum world_type type, struct ip customer)
{
	struct world_record *r = &w->record[w->n_records++];
	bool alone = w->subnet[subnet].gateway_only;
	assert_true(w->n_records <= WORLD_RECORDS);
	*r = (struct world_record){.subnet = subnet, .type = type, .customer = customer, .vxlan = world_chance(40)};
	r->mac = world_mac(alone ? 0 : world_pick(WORLD_MACS));
	r->provider = adapter_there(w, WORLD_ADAPTERS, (int)subnet, &r->mac) && world_chance(80)
			      ? (int)world_pick(WORLD_OWN)
			      : (int)world_pick(WORLD_PROVIDERS);
	return r;
}

/* The record's own provider address goes by its number. */
static void nat_make(struct world *w, struct world_record *r)
{
	unsigned number = (unsigned)(r - w->record);
	if (number >= 200 || r->single || !world_chance(w->nat))
		return;
	r->nat = true;
	r->own_provider = world_ip(r->customer.family == AF_INET6 ? "2001:db8:ee::1:0" : "198.51.100.0");
	r->own_provider.byte[r->customer.family == AF_INET6 ? 15 : 3] = (uint8_t)(32 + number);
	r->provider = adapter_there(w, WORLD_ADAPTERS, (int)r->subnet, &r->mac) ? 0 : WORLD_NAT;
	r->vxlan = false;
}

static void group_add(struct world *w, unsigned subnet, const char *group)
{
	struct world_record *r = record_add(w, subnet, WORLD_GROUP, world_ip(group));
	r->mac = (struct mac){{0}};
	r->provider = world_chance(75) ? WORLD_PROVIDERS + (int)world_pick(WORLD_GROUPS) : -1;
}

static void records_make(struct world *w, unsigned subnet)
{
	struct world_subnet *s = &w->subnet[subnet];
	char broadcast[32];
	snprintf(broadcast, sizeof(broadcast), "10.0.%u.255", subnet % WORLD_PER_DOMAIN);
	for (unsigned family = 0; family < 2; family++) {
		for (unsigned host = 0; host < WORLD_HOSTS; host++)
			if (world_chance(65)) {
				struct world_record *r =
					record_add(w, subnet, WORLD_GUEST, world_host(s, family, 2 + host));
				r->single = world_chance(30);
				nat_make(w, r);
			}
		if (world_chance(20))
			record_add(w, subnet, WORLD_WILDCARD, world_ip(family ? "::" : "0.0.0.0"));
	}
	if (world_chance(25))
		record_add(w, subnet, WORLD_L2ONLY, world_ip("0.0.0.0"));
	if (world_chance(15))
		group_add(w, subnet, "255.255.255.255");
	if (world_chance(15))
		group_add(w, subnet, "ff02::1");
	if (world_chance(15))
		group_add(w, subnet, "224.0.0.251");
	if (world_chance(15))
		group_add(w, subnet, broadcast);
}

static void route_add(struct world *w, unsigned subnet, const char *prefix, struct ip next_hop)
{
	struct world_route *r = &w->route[w->n_routes];
	*r = (struct world_route){.subnet = subnet, .next_hop = next_hop, .metric = w->n_routes % 3};
	if (ip_prefix_parse(prefix, &r->prefix))
		fail_msg("%s", prefix);
	for (unsigned i = 0; i < w->n_routes; i++) /* one prefix, one metric: once in a domain */
		if (w->subnet[w->route[i].subnet].domain == w->subnet[subnet].domain &&
		    ip_equal(&w->route[i].prefix.ip, &r->prefix.ip) && w->route[i].metric == r->metric)
			return;
	w->n_routes++;
}

/* Out of a domain by the guest of its last subnet; inside one by anybody, for a part of a subnet. */
static void routes_make(struct world *w)
{
	static const char *const out[] = {"0.0.0.0/0", "192.0.2.0/24", "::/0", "2001:db8:77::/48"};
	static const char *const part[] = {"10.0.0.64/26", "10.0.1.128/25", "10.0.2.192/26", "fd00:1::8000/113",
					   "fd00:2::8000/113"};
	for (unsigned n = world_pick(WORLD_ROUTES); n; n--) {
		unsigned subnet = world_pick(WORLD_SUBNETS), p = world_pick(4), q = world_pick(5);
		const struct world_subnet *s = &w->subnet[subnet];
		struct ip hop = world_host(s, p / 2, 2 + world_pick(WORLD_HOSTS));
		const struct world_record *gateway = world_record_at(w, subnet, &hop);
		if (s->gateway_only && gateway && !gateway->single)
			route_add(w, subnet, out[p], hop);
		else if (s->gateway_only)
			continue; /* a gateway has a record in the document */
		else if (world_chance(20))
			route_add(w, subnet, p < 2 ? "172.16.0.0/16" : "fd77::/64",
				  world_ip(p < 2 ? "0.0.0.0" : "::"));
		else
			route_add(w, subnet, part[q], world_host(s, q > 2, 2 + world_pick(WORLD_HOSTS)));
	}
}

void world_led(struct world *w, const struct world_record *r)
{
	bool named = r->type == WORLD_GUEST || r->type == WORLD_WILDCARD;
	for (unsigned i = 0; i < WORLD_ADAPTERS && named && r->provider < WORLD_OWN; i++) {
		struct world_adapter *a = &w->adapter[i];
		a->was_here |= a->subnet == (int)r->subnet && !memcmp(&a->mac, &r->mac, sizeof(a->mac));
	}
}

void world_make(struct world *w)
{
	*w = (struct world){
		.forwarding_2012 = world_chance(30), .external_router = world_chance(20), .shared = world_chance(40)};
	w->nat = world_chance(50) ? 50 : 0;
	subnets_make(w);
	adapters_make(w);
	for (unsigned i = 0; i < WORLD_SUBNETS; i++)
		records_make(w, i);
	for (unsigned i = 0; i < w->n_records; i++)
		if (!w->record[i].single)
			world_led(w, &w->record[i]);
	routes_make(w);
}

static void record_write(struct str *s, const struct world *w, const struct world_record *r)
{
	static const char *const type[] = {"static", "gateway-wildcard", "l2only", "static"};
	char text[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE];
	str_add(s, "  - {virtual-subnet-id: %u, customer-address: '%s', type: %s", w->subnet[r->subnet].vsid,
		ip_format(&r->customer, text), type[r->type]);
	if (r->type != WORLD_GROUP)
		str_add(s, ", mac-address: '%s'", mac_format(&r->mac, mac));
	if (r->nat)
		str_add(s, ", rule: nat, provider-address: '%s'", ip_format(&r->own_provider, text));
	else if (r->provider >= 0)
		str_add(s, ", provider-address: '%s'", world_provider[r->provider]);
	str_add(s, "%s}\n", r->vxlan ? ", encapsulation: vxlan" : "");
}

static void domains_write(struct str *s, const struct world *w)
{
	char v4[IP_PREFIX_TEXT_SIZE], v6[IP_PREFIX_TEXT_SIZE];
	str_add(s, "routing-domains:\n");
	for (unsigned i = 0; i < WORLD_SUBNETS; i++) {
		const struct world_subnet *subnet = &w->subnet[i];
		if (i % WORLD_PER_DOMAIN == 0)
			str_add(s, "  - id: '{11111111-2222-3333-4444-00000000000%u}'\n    virtual-subnets:\n",
				subnet->domain);
		str_add(s, "      - {id: %u, prefix: ['%s', '%s']}\n", subnet->vsid,
			ip_prefix_format(&subnet->prefix[0], v4), ip_prefix_format(&subnet->prefix[1], v6));
	}
}

/* The adapter that several share, with a mapping for each routing domain that they are in. */
static void shared_write(struct str *s, const struct world *w)
{
	char mac[MAC_TEXT_SIZE];
	str_add(s,
		"  - name: gw\n    switch: fabric\n    attach: {tap: gw}\n    mac-address: '%s'\n"
		"    isolation: {isolation-mode: native-virtual-subnet, multi-tenant-stack: on}\n"
		"    routing-domain-mappings:\n",
		mac_format(&w->adapter[0].mac, mac));
	for (unsigned domain = 0; domain < WORLD_DOMAINS; domain++) {
		bool any = false;
		for (unsigned i = 0; i < WORLD_SHARED; i++) {
			const struct world_subnet *subnet = &w->subnet[w->adapter[i].subnet];
			if (subnet->domain != domain)
				continue;
			if (!any)
				str_add(s,
					"      - routing-domain-id: '{11111111-2222-3333-4444-00000000000%u}'\n"
					"        isolation-ids:\n",
					domain);
			any = true;
			str_add(s, "          - {isolation-id: %u, vlan: %u}\n", subnet->vsid, w->adapter[i].vlan);
		}
	}
}

static void adapters_write(struct str *s, const struct world *w)
{
	char mac[MAC_TEXT_SIZE];
	str_add(s, "adapters:\n");
	for (unsigned i = 0; i < WORLD_ADAPTERS; i++) {
		const struct world_adapter *a = &w->adapter[i];
		if (a->vlan)
			continue;
		str_add(s, "  - {name: %s, switch: fabric, attach: {tap: t%u}, mac-address: '%s'", a->name, i,
			mac_format(&a->mac, mac));
		if (a->subnet >= 0)
			str_add(s, ", virtual-subnet-id: %u", w->subnet[a->subnet].vsid);
		str_add(s, "}\n");
	}
	if (w->shared)
		shared_write(s, w);
}

char *world_document(const struct world *w)
{
	struct str s = {0};
	char text[IP_PREFIX_TEXT_SIZE], hop[IP_TEXT_SIZE];
	str_add(&s,
		"host: {name: node1}\n"
		"switches: [{name: fabric, type: external, uplink: eth1, allow-management-os: false, mtu: 1500}]\n"
		"provider-addresses:\n"
		"  - {switch: fabric, address: %s/24, mac-address: '02:00:00:00:aa:04'}\n"
		"  - {switch: fabric, address: '%s/64', mac-address: '02:00:00:00:aa:06'}\n"
		"network-virtualization: {forwarding: %s, use-external-router: %s}\n",
		world_provider[0], world_provider[1], w->forwarding_2012 ? "2012" : "r2",
		w->external_router ? "true" : "false");
	domains_write(&s, w);
	adapters_write(&s, w);
	if (w->n_routes)
		str_add(&s, "customer-routes:\n");
	for (unsigned i = 0; i < w->n_routes; i++)
		str_add(&s, "  - {virtual-subnet-id: %u, prefix: '%s', next-hop: '%s', metric: %u}\n",
			w->subnet[w->route[i].subnet].vsid, ip_prefix_format(&w->route[i].prefix, text),
			ip_format(&w->route[i].next_hop, hop), w->route[i].metric);
	str_add(&s, "lookup-records:\n");
	for (unsigned i = 0; i < w->n_records; i++)
		if (!w->record[i].single)
			record_write(&s, w, &w->record[i]);
	return str_take(&s);
}

const struct world_record *world_record_at(const struct world *w, unsigned subnet, const struct ip *customer)
{
	for (unsigned i = 0; i < w->n_records; i++) {
		const struct world_record *r = &w->record[i];
		bool known = r->type == WORLD_GUEST || (r->type == WORLD_GROUP && r->provider >= 0);
		if (r->subnet == subnet && known && ip_equal(&r->customer, customer))
			return r;
	}
	return NULL;
}
