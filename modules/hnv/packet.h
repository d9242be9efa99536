/* SPDX-License-Identifier: Apache-2.0 */
/* A tenant's frame as bytes: where behind its untagged Ethernet header things are, and what addresses are as on the wire. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/ip.h"

/* Header lengths in bytes; IP without options, IPv6 without extensions. */
#define HNV_ETHER 14u
#define HNV_IP4 20u
#define HNV_IP6 40u
#define HNV_UDP 8u

/* Offsets in the frame. */
enum {
	HNV_TYPE = 12,
	HNV_IP = 14,
	HNV_IP4_TTL = HNV_IP + 8,
	HNV_IP4_SUM = HNV_IP + 10,
	HNV_IP4_FROM = HNV_IP + 12,
	HNV_IP4_TO = HNV_IP + 16,
	HNV_IP6_HOPS = HNV_IP + 7,
	HNV_IP6_FROM = HNV_IP + 8,
	HNV_IP6_TO = HNV_IP + 24,
	HNV_ARP_TO = HNV_IP + 24,
	HNV_IP4_END = HNV_IP + 20,
	HNV_IP6_END = HNV_IP + 40,
	HNV_ARP_END = HNV_IP + 28,
};

/* A group or the limited broadcast. */
static inline bool hnv_is_group4(const uint8_t *address) { return address[0] >= 0xe0; }
static inline bool hnv_is_group6(const uint8_t *address) { return address[0] == 0xff; }
static inline bool hnv_is_link_local(const uint8_t *address)
{
	return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

/* The same of addresses by themselves: multicast, or 255.255.255.255; 0.0.0.0, ::, or none at all. */
static inline bool hnv_is_group(const struct ip *ip)
{
	static const uint8_t all[4] = {255, 255, 255, 255};
	if (ip->family == AF_INET6)
		return ip->byte[0] == 0xff;
	return ip->family == AF_INET && ((ip->byte[0] & 0xf0) == 0xe0 || !memcmp(ip->byte, all, sizeof(all)));
}
static inline bool hnv_is_unspecified(const struct ip *ip)
{
	static const uint8_t zero[16];
	return !memcmp(ip->byte, zero, sizeof(zero));
}
