/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host with tenants for packet tests: two routing domains that have the same addresses and MAC addresses, peers
 * behind both encapsulations over both families, and everybody's neighbours known.
 *
 * Guests here: c-web and c-two in 5001, c-db in 5002 (contoso), f-web in 6001 (fabrikam). Away: see hnv_document.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tests/packet/host.h"

#define WIRE "wire:fabric"

extern const char hnv_document[];

/* The document is the host's, and the peers' MAC addresses are known: 02:00:00:00:bb:04 for IPv4, :06 for IPv6. */
void rig_start(void);
void rig_answer_neighbours(void); /* whoever is asked for by ARP or ND at this moment answers */
void rig_wait_a_second(void); /* so that what is limited by time may be again; neighbours answer */

/* The document with the record of a customer address of contoso's guests here leading to another provider address; a
 * static buffer. Later ones go on from the one before; NULL, NULL: from the beginning. */
const char *rig_moved_document(const char *customer, const char *provider);
/* It is the host's, and neighbours that are asked for answer. */
void rig_move(const char *customer, const char *provider);

size_t rig_hex(const char *text, uint8_t *to);

/* Frames, built in order; each adds to the end of what `at` is in front of and returns the new end. */
uint8_t *rig_ether(uint8_t *at, const char *to, const char *from, uint16_t type);
/* Complete headers with checksum, for `len` bytes that follow. */
uint8_t *rig_ip(uint8_t *at, const char *from, const char *to, uint8_t protocol, uint8_t tos, uint16_t len);

void rig_ip4_sum(uint8_t *ip); /* of a header without options, anew */

/* A UDP packet in a frame; tag: what stands between addresses and type, in hex, or NULL. Returns its length. */
size_t rig_udp(uint8_t *frame, const char *to_mac, const char *from_mac, const char *from, const char *to,
	       const char *tag, uint16_t payload);

/* Outer headers to this host's provider address around a frame. */
struct rig_outer {
	const char *to, *from; /* provider addresses */
	uint32_t gre; /* flags and type, or 0: VXLAN */
	uint32_t key; /* VSID << 8 | FlowID */
	uint8_t tos;
	uint16_t fragment; /* flags and offset */
	int length; /* added to what is right */
};
#define RIG_PA4 "198.51.100.11", "198.51.100.12"
#define RIG_PA6 "2001:db8:ee::11", "2001:db8:ee::12"
#define RIG_NVGRE 0x20006558u
/* The frame in its tunnel. Returns its length. */
size_t rig_wrap(uint8_t *to, const struct rig_outer *o, const uint8_t *inner, size_t len);

#define RIG_NAMES 6
extern const char *const rig_names[RIG_NAMES]; /* the wire, and all adapters */

/* One frame from `from`: who gets something is `got`, "wire" or adapters, comma-separated, each as often as it gets one;
 * and it is dropped under `drop`, if not NULL. What came out stays. */
void rig_expect(const char *about, const char *from, const void *frame, size_t len, const char *got,
		const char *drop);

#define WEB "00:15:5d:00:00:05" /* c-web's and f-web's */
#define TWO "00:15:5d:00:00:15" /* c-two's */
#define DB "00:15:5d:00:00:25" /* c-db's */
#define AWAY "00:15:5d:00:00:06" /* of either tenant's guest elsewhere */
#define THIRD4 "198.51.100.13" /* a third host, by either family */
#define THIRD6 "2001:db8:ee::13"
#define ROUTER "00:15:5d:ff:ff:01"
#define ALL "ff:ff:ff:ff:ff:ff"
#define OUTER4 42 /* bytes in front of the inner frame: NVGRE over IPv4 */
