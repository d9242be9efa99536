/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/packet/hnv_packet_random.h"

#include <netinet/in.h>
#include <string.h>

#include "tests/packet/hnv_rig.h"

enum { PAYLOAD = 20 };

static uint8_t *put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return at + 2;
}

static uint8_t *put_ip(const struct packet *p, uint8_t *at)
{
	char from[IP_TEXT_SIZE], to[IP_TEXT_SIZE];
	bool ip6 = p->kind == PACKET_IP6;
	uint8_t protocol = p->echo ? (ip6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) : IPPROTO_UDP, *ip = at;
	at = rig_ip(at, ip_format(&p->source, from), ip_format(&p->destination, to), protocol, 0, 8 + PAYLOAD);
	ip[ip6 ? 7 : 8] = p->ttl;
	if (!ip6) {
		put16(ip + 6, p->fragment);
		rig_ip4_sum(ip);
	}
	if (p->echo)
		memcpy(at, (const uint8_t[]){ip6 ? 128 : 8, 0, 0, 0, 0x12, 0x34, 0, 1}, 8);
	else
		memcpy(at, (const uint8_t[]){0x30, 0x39, 0x20, 0, 0, 8 + PAYLOAD, 0, 0}, 8);
	memset(at + 8, p->mark, PAYLOAD);
	return at + 8 + PAYLOAD;
}

static uint8_t *put_arp(const struct packet *p, uint8_t *at)
{
	at += rig_hex("0001080006040001", at);
	memcpy(at, p->arp_mac.byte, 6);
	memcpy(at + 6, p->source.byte, 4);
	memset(at + 10, p->mark, 6); /* of a request it says nothing */
	memcpy(at + 16, p->destination.byte, 4);
	return at + 20;
}

size_t packet_make(const struct packet *p, uint8_t *to)
{
	static const uint16_t type[] = {0x0800, 0x86dd, 0x0806, 0x88cc};
	memcpy(to, p->to.byte, 6);
	memcpy(to + 6, p->from.byte, 6);
	uint8_t *at = to + 12;
	for (unsigned i = 0; i < p->n_tags; i++)
		at = put16(put16(at, 0x8100), p->tag[i]);
	at = put16(at, type[p->kind]);
	if (p->kind == PACKET_ARP)
		return (size_t)(put_arp(p, at) - to);
	if (p->kind != PACKET_OTHER)
		return (size_t)(put_ip(p, at) - to);
	memset(at, p->mark, 46);
	return (size_t)(at + 46 - to);
}

static struct ip any_of(const char *const *texts, unsigned n) { return world_ip(texts[world_pick(n)]); }

/* Somebody of the routing domain, everybody, the router, or nobody. */
static struct ip some_destination(const struct world *w, unsigned subnet, unsigned family)
{
	static const char *const out4[] = {"192.0.2.7", "203.0.113.9", "172.16.5.5", "198.51.100.12",
					   "198.51.100.11"};
	static const char *const out6[] = {"2001:db8:77::7", "2001:db8::9", "fd77::5", "2001:db8:ee::12",
					   "2001:db8:ee::11"};
	static const char *const all4[] = {"255.255.255.255", "224.0.0.251", "239.9.9.9"};
	static const char *const all6[] = {"ff02::1", "ff02::fb", "ff0e::9:9"};
	const struct world_subnet *own = &w->subnet[subnet];
	const struct world_subnet *any = &w->subnet[own->domain * WORLD_PER_DOMAIN + world_pick(WORLD_PER_DOMAIN)];
	const struct world_subnet *to = world_chance(50) ? own : any;
	unsigned what = world_pick(100);
	if (what < 60)
		return world_host(to, family, 2 + world_pick(WORLD_HOSTS));
	if (what < 66)
		return world_host(to, family, 10 + world_pick(245));
	if (what < 74)
		return to->router[family];
	if (what < 84)
		return family ? any_of(out6, 5) : any_of(out4, 5);
	if (what < 92)
		return family ? any_of(all6, 3) : any_of(all4, 3);
	if (what < 96)
		return world_host(to, family, 255); /* a broadcast, in IPv4 */
	return family ? any_of((const char *const[]){"fe80::5", "fe80::6", "fe80::215:5dff:feff:ff01"}, 3)
		      : world_host(to, 0, 0);
}

/* Of one of the records with the MAC address; of nobody if there is none. */
static struct ip own_source(const struct world *w, unsigned subnet, const struct mac *mac, unsigned family)
{
	unsigned first = world_pick(w->n_records);
	for (unsigned i = 0; i < w->n_records; i++) {
		const struct world_record *r = &w->record[(first + i) % w->n_records];
		if (r->subnet == subnet && r->type == WORLD_GUEST && mac_to_u64(&r->mac) == mac_to_u64(mac) &&
		    (r->customer.family == AF_INET6) == family)
			return r->customer;
	}
	return world_host(&w->subnet[subnet], family, 77);
}

static struct ip some_source(const struct world *w, unsigned subnet, const struct mac *mac, unsigned family)
{
	if (world_chance(88))
		return own_source(w, subnet, mac, family);
	switch (world_pick(4)) {
	case 0:
		return world_ip(family ? "::" : "0.0.0.0");
	case 1:
		return family ? world_ip("fe80::5") : world_ip("192.0.2.7");
	default:
		return some_destination(w, subnet, family);
	}
}

static struct mac some_to(const struct world *w, unsigned subnet, const struct packet *p)
{
	const struct world_record *r = world_record_at(w, subnet, &p->destination);
	bool group = p->kind == PACKET_IP4 ? p->destination.byte[0] >= 224 : p->destination.byte[0] == 0xff;
	if (p->kind == PACKET_ARP && world_chance(60))
		return world_mac_of("ff:ff:ff:ff:ff:ff");
	if (p->kind != PACKET_ARP && group && world_chance(90))
		return world_mac_of(p->kind == PACKET_IP4 ? "01:00:5e:00:00:fb" : "33:33:00:00:00:01");
	if (r && r->type == WORLD_GUEST && world_chance(70))
		return r->mac;
	switch (world_pick(6)) {
	case 0:
		return world_mac_of("ff:ff:ff:ff:ff:ff");
	case 1:
	case 2:
		return world_mac(world_pick(WORLD_MACS));
	case 3:
		return world_mac_of("00:15:5d:00:00:77"); /* nobody's */
	default:
		return model_router;
	}
}

static void packet_some(const struct world *w, unsigned subnet, const struct mac *from, uint8_t mark,
			struct packet *ret)
{
	unsigned kind = world_pick(100), family;
	*ret = (struct packet){.from = *from, .arp_mac = *from, .ttl = 64, .mark = mark};
	ret->kind = kind < 45 ? PACKET_IP4 : kind < 80 ? PACKET_IP6 : kind < 95 ? PACKET_ARP : PACKET_OTHER;
	family = ret->kind == PACKET_IP6;
	ret->source = some_source(w, subnet, from, family);
	ret->destination = some_destination(w, subnet, family);
	if (ret->kind == PACKET_ARP && world_chance(10))
		ret->destination = ret->source;
	ret->to = some_to(w, subnet, ret);
	ret->echo = world_chance(25);
	if (world_chance(10))
		ret->ttl = (uint8_t)(world_pick(2) ? world_pick(3) : 255);
	if (!ret->echo && ret->kind == PACKET_IP4 && world_chance(10))
		ret->fragment = (uint16_t)(world_pick(2) ? 0x2000 : 0x2000 | world_pick(100));
	if (world_chance(5)) {
		ret->n_tags = 1 + world_chance(20);
		ret->tag[0] = (uint16_t)(world_pick(8) << 13 | (world_chance(50) ? 0 : 1 + world_pick(4094)));
		ret->tag[1] = (uint16_t)world_pick(4095);
	}
}

void packet_from_guest(const struct world *w, unsigned adapter, uint8_t mark, struct packet *ret)
{
	const struct world_adapter *a = &w->adapter[adapter];
	packet_some(w, (unsigned)a->subnet, &a->mac, mark, ret);
	if (world_chance(4))
		ret->from = world_mac(world_pick(WORLD_MACS));
	if (world_chance(4))
		ret->arp_mac = world_mac(world_pick(WORLD_MACS));
}

void packet_from_wire(const struct world *w, unsigned subnet, uint8_t mark, struct packet *ret)
{
	struct mac from = world_mac(world_pick(WORLD_MACS));
	packet_some(w, subnet, &from, mark, ret);
}

uint32_t packet_wire_vsid(const struct world *w, unsigned subnet)
{
	static const uint32_t others[] = {0, 1, 4095, 16777215, 4097, 16777213};
	if (world_chance(90))
		return w->subnet[subnet].vsid;
	return world_chance(50) ? w->subnet[world_pick(WORLD_SUBNETS)].vsid : others[world_pick(6)];
}
