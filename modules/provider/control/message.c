/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/provider/control/message.h"

#include <netinet/in.h>
#include <string.h>

#include "core/runtime/offload.h"
#include "core/runtime/port.h"
#include "modules/provider/control/group.h"

#define ETHER 14
#define ALL_NODES_LAST 1 /* ff02::1 */
#define ALL_ROUTERS_LAST 2 /* ff02::2 */

static const struct mac broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

static uint8_t *put16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
	return at + 2;
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t n)
{
	memcpy(at, bytes, n);
	return at + n;
}

/* A frame with room for `length` L3 bytes, zeroed, behind its Ethernet header; *ret_l3: where they begin. */
static struct frame *frame_for(const struct network_address *from, const struct mac *to, uint16_t type,
			       uint16_t length, uint8_t **ret_l3)
{
	uint16_t header = from->vlan ? ETHER + 4 : ETHER;
	uint32_t whole = header + length < 60 ? 60u : (uint32_t)header + length;
	struct frame *f = frame_with(port_pools(), NULL, whole);
	if (!f)
		return NULL;
	uint8_t *at = frame_data(f);
	at = put(at, to->byte, 6);
	at = put(at, from->mac.byte, 6);
	if (from->vlan)
		at = put16(put16(at, 0x8100), from->vlan);
	*ret_l3 = put16(at, type);
	return f;
}

static struct frame *arp(const struct network_address *from, const uint8_t *sender, const uint8_t *target,
			 const struct mac *to)
{
	uint8_t *at;
	struct frame *f = frame_for(from, to ? to : &broadcast, 0x0806, 28, &at);
	if (!f)
		return NULL;
	at = put16(put16(at, 1), 0x0800);
	*at++ = 6;
	*at++ = 4;
	at = put16(at, 1);
	at = put(at, from->mac.byte, 6);
	at = put(at, sender, 4);
	at = put(at, to ? to->byte : (const uint8_t[6]){0}, 6);
	put(at, target, 4);
	return f;
}

/* At `message`, over the pseudo header of the IPv6 header at `ip`. */
static void icmp6_sum_write(const uint8_t *ip, uint8_t *message, uint16_t len)
{
	uint32_t tail[2] = {rte_cpu_to_be_32(len), rte_cpu_to_be_32(IPPROTO_ICMPV6)};
	uint64_t sum = offload_sum(tail, sizeof(tail), offload_sum(ip + 8, 32, 0));
	uint16_t folded = (uint16_t)~offload_sum_fold(offload_sum(message, len, sum));
	memcpy(message + 2, &folded, 2);
}

static uint8_t *ip6_write(uint8_t *at, uint16_t payload, uint8_t next, uint8_t hops, const uint8_t *from,
			  const uint8_t *to)
{
	at[0] = 0x60;
	put16(at + 4, payload);
	at[6] = next;
	at[7] = hops;
	put(at + 8, from, 16);
	return put(at + 24, to, 16);
}

/* A solicitation or advertisement of 24 bytes, and the option if there is one. */
static struct frame *nd(const struct network_address *from, const uint8_t *source, const uint8_t *destination,
			const struct mac *to, uint8_t type, uint8_t flags, const uint8_t *target, uint8_t option)
{
	uint8_t *ip;
	uint16_t len = option ? 32 : 24;
	struct frame *f = frame_for(from, to, 0x86dd, (uint16_t)(40 + len), &ip);
	if (!f)
		return NULL;
	uint8_t *icmp = ip6_write(ip, len, IPPROTO_ICMPV6, 255, source, destination);
	icmp[0] = type;
	icmp[4] = flags;
	put(icmp + 8, target, 16);
	if (option) {
		icmp[24] = option;
		icmp[25] = 1;
		put(icmp + 26, from->mac.byte, 6);
	}
	icmp6_sum_write(ip, icmp, len);
	return f;
}

static const uint8_t nobody[16];

/* RFC 4291, 2.7.1 */
static void solicited_node(const uint8_t *target, uint8_t group[static 16], struct mac *ret_mac)
{
	static const uint8_t prefix[13] = {0xff, 0x02, [11] = 1, [12] = 0xff};
	put(put(group, prefix, 13), target + 13, 3);
	*ret_mac = (struct mac){{0x33, 0x33, 0xff, target[13], target[14], target[15]}};
}

struct frame *message_ask(const struct network_address *from, const struct ip *target, const struct mac *to)
{
	uint8_t group[16];
	struct mac group_at;
	if (target->family == AF_INET)
		return arp(from, from->prefix.ip.byte, target->byte, to);
	solicited_node(target->byte, group, &group_at);
	return nd(from, from->prefix.ip.byte, to ? target->byte : group, to ? to : &group_at, 135, 0, target->byte,
		  1);
}

struct frame *message_probe(const struct network_address *own)
{
	uint8_t group[16];
	struct mac group_at;
	if (own->prefix.ip.family == AF_INET)
		return arp(own, nobody, own->prefix.ip.byte, NULL);
	solicited_node(own->prefix.ip.byte, group, &group_at);
	return nd(own, nobody, group, &group_at, 135, 0, own->prefix.ip.byte, 0);
}

struct frame *message_announce(const struct network_address *own)
{
	static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = ALL_NODES_LAST};
	static const struct mac all_nodes_mac = {{0x33, 0x33, 0, 0, 0, ALL_NODES_LAST}};
	const uint8_t *ip = own->prefix.ip.byte;
	if (own->prefix.ip.family == AF_INET)
		return arp(own, ip, ip, NULL);
	return nd(own, ip, all_nodes, &all_nodes_mac, 136, 0x20, ip, 2);
}

/* RFC 2236, 2: with the router alert option, which routers and snooping switches look for. */
static struct frame *igmp(const struct network_address *from, const struct ip *group, bool leave)
{
	const struct ip all_routers = {.family = AF_INET, .byte = {224, 0, 0, 2}}, *to = leave ? &all_routers : group;
	struct mac mac = group_mac(to);
	uint8_t *ip;
	struct frame *f = frame_for(from, &mac, 0x0800, 32, &ip);
	if (!f)
		return NULL;
	put(ip, (const uint8_t[]){0x46, 0xc0, 0, 32, 0, 0, 0x40, 0, 1, IPPROTO_IGMP, 0, 0}, 12);
	put(ip + 12, from->prefix.ip.byte, 4);
	put(ip + 16, to->byte, 4);
	put(ip + 20, (const uint8_t[]){0x94, 4, 0, 0}, 4);
	uint16_t sum = (uint16_t)~offload_sum_fold(offload_sum(ip, 24, 0));
	memcpy(ip + 10, &sum, 2);
	ip[24] = leave ? 0x17 : 0x16;
	put(ip + 28, group->byte, 4);
	sum = (uint16_t)~offload_sum_fold(offload_sum(ip + 24, 8, 0));
	memcpy(ip + 26, &sum, 2);
	return f;
}

/* RFC 2710, 3: from a link-local address, which the MAC address gives (RFC 4291, appendix A). */
static struct frame *mld(const struct network_address *from, const struct ip *group, bool leave)
{
	static const uint8_t all_routers[16] = {0xff, 0x02, [15] = ALL_ROUTERS_LAST};
	const uint8_t *m = from->mac.byte, *to = leave ? all_routers : group->byte;
	const uint8_t source[16] = {0xfe, 0x80, [8] = m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};
	struct mac mac = {{0x33, 0x33, to[12], to[13], to[14], to[15]}};
	uint8_t *ip;
	struct frame *f = frame_for(from, &mac, 0x86dd, 72, &ip);
	if (!f)
		return NULL;
	uint8_t *at = ip6_write(ip, 32, IPPROTO_HOPOPTS, 1, source, to);
	uint8_t *icmp = put(at, (const uint8_t[]){IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0}, 8); /* router alert, PadN */
	icmp[0] = leave ? 132 : 131;
	put(icmp + 8, group->byte, 16);
	icmp6_sum_write(ip, icmp, 24);
	return f;
}

struct frame *message_membership(const struct network_address *from, const struct ip *group, bool leave)
{
	return group->family == AF_INET ? igmp(from, group, leave) : mld(from, group, leave);
}

struct frame *message_echo(const struct provider_way *way, uint16_t id, uint16_t sequence,
			   const uint8_t nonce[static MESSAGE_NONCE], uint16_t length)
{
	uint32_t whole = (uint32_t)way->l3_off + length;
	struct frame *f = frame_with(port_pools(), NULL, whole);
	if (!f)
		return NULL;
	uint8_t *at = frame_data(f);
	memcpy(at, way->header, way->header_len);
	uint8_t *ip = at + way->l3_off, *icmp = at + way->header_len;
	uint16_t len = (uint16_t)(whole - way->header_len);
	icmp[0] = way->ip6 ? 128 : 8;
	put16(icmp + 4, id);
	put16(icmp + 6, sequence);
	put(icmp + 8, nonce, MESSAGE_NONCE);
	if (way->ip6) {
		put16(ip + 4, len);
		ip[6] = IPPROTO_ICMPV6;
		icmp6_sum_write(ip, icmp, len);
		return f;
	}
	put16(ip + 2, length);
	ip[9] = IPPROTO_ICMP;
	uint16_t sum = (uint16_t)~offload_sum_fold(offload_sum(ip, 20, 0));
	memcpy(ip + 10, &sum, 2);
	sum = (uint16_t)~offload_sum_fold(offload_sum(icmp, len, 0));
	memcpy(icmp + 2, &sum, 2);
	return f;
}

bool message_is_echo(bool ip6, uint16_t id, const uint8_t nonce[static MESSAGE_NONCE], uint8_t protocol,
		     const uint8_t *bytes, uint32_t len)
{
	if (protocol != (ip6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) || len < 8 || bytes[0] != (ip6 ? 128 : 8) || bytes[1] ||
	    (bytes[4] << 8 | bytes[5]) != id)
		return false;
	uint32_t more = len - 8 < MESSAGE_NONCE ? len - 8 : MESSAGE_NONCE;
	return !memcmp(bytes + 8, nonce, more);
}
