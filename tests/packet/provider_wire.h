/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host with provider addresses for packet tests, and frames to them: each builder begins the one frame anew or adds
 * to it, arrive() lets it come in by the wire. `vlan` -1: untagged.
 */
#pragma once

#include <stdint.h>

#include "tests/packet/host.h"

#define BASE                                                                                                         \
	"host: {name: h}\n"                                                                                          \
	"switches: [{name: sw, type: external, uplink: eth1, allow-management-os: false, mtu: 1500}]\n"              \
	"adapters: [{name: vm1, switch: sw, mac-address: '02:00:00:00:00:01', attach: {tap: t1}}]\n"                 \
	"provider-routes:\n"                                                                                         \
	"  - {prefix: 0.0.0.0/0, next-hop: 198.51.100.1, metric: 1}\n"                                               \
	"provider-addresses:\n"                                                                                      \
	"  - {switch: sw, address: 198.51.100.11/24, mac-address: '02:00:00:00:aa:01'}\n"                            \
	"  - {switch: sw, address: '2001:db8::11/64', mac-address: '02:00:00:00:aa:02'}\n"                           \
	"  - {switch: sw, address: 203.0.113.11/24, mac-address: '02:00:00:00:aa:05', vlan: 5}\n"
#define PA4 "198.51.100.11"
#define PA6 "2001:db8::11"
#define PAV "203.0.113.11" /* VLAN 5 */

extern const uint8_t mac4[6], mac6[6], macv[6]; /* of the three */
extern const uint8_t peer[6], peer2[6]; /* stations on the wire; `peer` sends unless said otherwise */
extern const uint8_t all[6], nodes[6]; /* broadcast; PA6's solicited-node group */

extern uint8_t frame[FRAME_BIG_ROOM];
extern uint32_t len;

void add(const void *bytes, size_t n);
void sum_at(uint32_t at, uint32_t first, uint32_t n,
	    uint64_t sum); /* the checksum over bytes, and of `sum`, to `at` */
void ether(const uint8_t *to, const uint8_t *from, int vlan, uint16_t type);
void arp(const uint8_t *to, int vlan, uint16_t op, const uint8_t *mac, const char *sender, const char *target);
/* The header of a packet with n bytes behind it, which are added next. */
void ip4(const uint8_t *to, int vlan, uint8_t protocol, const char *from, const char *dst, uint16_t n,
	 uint16_t fragment);
void ip6(const uint8_t *to, int vlan, uint8_t next, uint8_t hops, const char *from, const char *dst, uint16_t n);
/* A message of 8 + n bytes, `rest` behind its checksum. */
void icmp4(uint8_t type, uint8_t code, uint32_t rest, const void *body, uint16_t n);
void icmp6(uint8_t type, uint8_t code, uint32_t rest, const void *body, uint16_t n);
void solicit(const uint8_t *to, int vlan, const char *from, const char *dst, const char *target, bool option);
void advertise(const uint8_t *mac, const char *address); /* to PA6 */

void arrive(void);
/* The only frame that came out, by the wire. */
const uint8_t *answer(uint32_t *ret_len);
void ended(void); /* what came out is forgotten, the books balance */
/* Arrives, is dropped under the name, and nothing comes out. */
void dropped(const char *reason, const char *about);
/* Arrives, is not a PA's: the switch floods it to the guest. */
void passed(const char *about);
