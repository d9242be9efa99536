/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where records lead, by number: this host's adapters, and peers, which are remote provider addresses with the way
 * of getting there. All records behind a peer share it, so that a new path or tunnel header is one store.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "modules/hnv/tables.h"

#define HNV_NEXT_NOWHERE 1 /* of records that are held, but lead nowhere at the moment */

/* A peer; its `next` is in hnv_nexts as long as somebody holds it, and a few seconds more. */
struct hnv_peer {
	struct hnv_next next; /* first: hnv_peer_of */
	struct ip provider;
	uint8_t network; /* index */
	bool group; /* a multicast group of the provider network, joined */
	const struct hnv_encapsulation *encapsulation; /* NULL: rule nat */
	struct ip from; /* the provider address of this host that its frames come from; family 0: the usual one */
	struct provider_path *path;
	uint32_t holders; /* 0: it stays for a while, for frames on their way and for whoever holds it again */
	uint32_t idle; /* ticks without */
	struct hnv_peer *chain;
};

int hnv_nexts_init(void); /* -ENOMEM */
void hnv_nexts_fini(void);

/* A next of kind HNV_LOCAL that no worker sees before hnv_local_show. NULL: no memory, or all numbers are given. */
struct hnv_next *hnv_local_create(uint16_t adapter);
void hnv_local_show(struct hnv_next *next);
void hnv_local_free(struct hnv_next *next); /* NULL ok; shown ones after a grace period */

/*
 * The number of the peer of an encapsulation (NULL: rule nat), made and its path asked for if nobody holds it yet;
 * from: as in struct
 * hnv_peer, NULL: the usual one. Each hold wants one hnv_peer_release. -ENOMEM, -ENOSPC: all numbers are given.
 */
int hnv_peer_hold(uint8_t network, const struct ip *provider, const struct hnv_encapsulation *encapsulation,
		  bool use_vm_mac_address, const struct ip *from);
void hnv_peer_release(uint16_t next); /* a number that is no peer's is ignored */
const struct hnv_peer *hnv_peer_of(uint16_t next); /* NULL: not a peer's */
void hnv_peers_tick(bool all); /* once a second: those that nobody holds go, or all of them at once */
void hnv_peers_renew_sources(void); /* a document may have changed what is behind `from`: MAC address, VLAN */
int hnv_peers_each(int (*fn)(const struct hnv_peer *peer, void *arg), void *arg);

/* Is the provider address another's already: anybody's (nat), or that of a rewritten customer? The peer `but` does not
 * count if it has one holder. */
bool hnv_peer_taken(uint8_t network, const struct ip *provider, bool nat, uint16_t but);

/* Bytes that the widest outer headers in use on the network add to an inner packet; 0: no tunnel there. */
unsigned hnv_peers_overhead(uint8_t network);
