/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the workers go by in virtual subnets. Unlike the snapshot of core/runtime/dataplane.h these tables live
 * on while single records change: one writer (the control thread), any readers, no lock. What a reader found
 * stays valid until its next quiescent state.
 */
#pragma once

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ip.h"
#include "base/mac.h"
#include "core/runtime/dataplane.h"
#include "modules/hnv/hnv.h"
#include "modules/hnv/limit.h"

#define HNV_NEXT_MAX 65536
#define HNV_NEXT_NONE 0 /* index 0 is nowhere */

/* Where a record leads. Many records share one; frames to the wire carry its index and generation. */
enum hnv_next_kind { HNV_NOWHERE, HNV_LOCAL, HNV_TUNNEL, HNV_REWRITE };
struct hnv_next {
	enum hnv_next_kind kind;
	uint16_t index, generation;
	uint16_t adapter; /* HNV_LOCAL: id; for a moment there may be no such adapter in the snapshot */
	bool use_vm_mac_address; /* HNV_REWRITE */
	bool group; /* HNV_TUNNEL: its remote end is a multicast group */
	const struct hnv_tunnel *_Atomic tunnel; /* HNV_TUNNEL: replaced when the way changes */
	const struct provider_path *path; /* HNV_TUNNEL, HNV_REWRITE */
};
/* Index -> next, or NULL; never another's within a grace period. */
extern struct hnv_next *_Atomic hnv_nexts[HNV_NEXT_MAX];

/* datapath/records.h: (VSID, customer address) -> where and which MAC. 16 bytes a v4 record, four to a cache line. */
struct hnv_answer { /* as it lies in a record: one load */
	uint16_t next; /* HNV_NEXT_NONE: no such record */
	struct mac mac;
};

/* Prefix -> virtual subnet or next hop, as disjoint ranges for binary search; immutable. */
struct hnv_route {
	uint32_t vsid; /* where the destination, or the next hop, is */
	struct ip next_hop; /* family 0: on-link */
	uint32_t metric;
};
struct hnv_route_entry {
	struct ip_prefix prefix; /* host bits do not matter */
	struct hnv_route route;
};
struct hnv_routes; /* datapath/routes.h */

struct hnv_domain {
	char id[40]; /* "{11111111-2222-3333-4444-000000005001}" */
	char name[64];
	uint8_t network;
	const struct hnv_routes *_Atomic routes; /* its subnets on-link, and its customer routes */
};

#define HNV_PREFIXES_MAX 4 /* of one virtual subnet */
#define HNV_DNS_MAX 8 /* servers of one virtual subnet that are told; later ones are not */

/* Copies of a broadcast, multicast or unknown frame of one subnet go here; immutable. */
struct hnv_replicas {
	uint16_t n;
	uint16_t next[]; /* tunnels, each remote PA once (or one group); local adapters are in `locals` */
};
struct hnv_locals {
	uint16_t n;
	uint16_t adapter[]; /* ids of this host's adapters in the subnet */
};

struct hnv_subnet {
	uint32_t vsid;
	const struct hnv_domain *domain;
	struct ip_prefix prefix[HNV_PREFIXES_MAX];
	struct ip gateway[HNV_PREFIXES_MAX]; /* the first usable address of each: the routing domain's own */
	uint8_t n_prefixes;
	_Atomic bool l2only; /* has l2only records: unknown ARP and ND are flooded, dynamic addresses are learned */
	bool mss_clamp;
	bool dhcp; /* DHCP and DHCPv6 are answered here and never passed on */
	struct ip dns[HNV_DNS_MAX]; /* both families; told by DHCP, DHCPv6 and router advertisements */
	uint8_t n_dns;
	const struct hnv_replicas *_Atomic replicas; /* NULL: none */
	const struct hnv_locals *_Atomic locals; /* NULL: none */
};

/* Is the IPv4 address at `to` the all-ones address of one of the subnet's prefixes (RFC 1812, 4.2.3.1)? */
static inline bool hnv_is_broadcast(const struct hnv_subnet *s, const uint8_t *to)
{
	uint32_t address = rte_be_to_cpu_32(bytes_raw32(to));
	for (uint8_t i = 0; i < s->n_prefixes; i++) {
		const struct ip_prefix *prefix = &s->prefix[i];
		uint32_t host = prefix->len < 31 ? UINT32_MAX >> prefix->len : 0;
		uint32_t net = rte_be_to_cpu_32(bytes_raw32(prefix->ip.byte));
		if (prefix->ip.family == AF_INET && host && address == (net | host))
			return true;
	}
	return false;
}

/* Of control messages: all, by other host, and by what they are about. */
struct hnv_limits {
	struct hnv_limit all, each[256], about[1024]; /* about: one host and one guest */
};

enum hnv_forwarding { HNV_FORWARDING_R2, HNV_FORWARDING_2012 };

/* All of one provider network. */
struct hnv_records4; /* datapath/records.h */
struct hnv_records6;
struct hnv_map {
	struct hnv_records4 *records4;
	struct hnv_records6 *records6;
};
struct hnv_network {
	uint8_t index;
	struct hnv_subnet *_Atomic *_Atomic subnets[4096]; /* by vsid >> 12, then vsid & 0xfff; NULL: none */
	struct hnv_records4 *records4;
	struct hnv_records6 *records6;
	/* Of rule nat: (VSID, customer address) and (0, provider address) -> struct hnv_rewrite. */
	struct hnv_map rewrites;
	_Atomic uint32_t n_rewrites;
	/* L3 bytes of an inner packet that fits the tunnel to every peer while no path is narrower than the uplink: the
	 * uplink's MTU less the largest overhead that the network's records make (1458 for NVGRE over IPv4 at 1500). What
	 * DHCP, router advertisements and MSS clamping tell. 0: nothing is told. */
	_Atomic uint16_t inner_mtu;
	enum hnv_forwarding forwarding;
	struct hnv_limits told, heard; /* control messages; start as zeroes */
	bool external_router; /* packets between subnets go to the provider network's routers, not here */
};

static inline const struct hnv_subnet *hnv_subnet_of(const struct hnv_network *net, uint32_t vsid)
{
	struct hnv_subnet *_Atomic *page =
		vsid > 0xffffff ? NULL : atomic_load_explicit(&net->subnets[vsid >> 12], memory_order_acquire);
	return page ? atomic_load_explicit(&page[vsid & 0xfff], memory_order_acquire) : NULL;
}

/* One record, by an address of either family. next HNV_NEXT_NONE: there is none. Any thread; bursts ask otherwise. */
struct hnv_answer hnv_records_find(const struct hnv_network *net, uint32_t vsid, const struct ip *address);

/* The subnet's gateway address of the prefix that `address` is in, else the first of its family; NULL: none. */
const struct ip *hnv_gateway_for(const struct hnv_subnet *s, const struct ip *address);
/* Is it a gateway address of any subnet of s's routing domain? The router is one. */
bool hnv_is_gateway(const struct hnv_network *net, const struct hnv_subnet *s, const struct ip *address);

/* An adapter's own customer addresses: what it may send from; 0.0.0.0 and :: among them mean any of that family (a
 * gateway). Immutable. */
struct hnv_addresses {
	uint16_t n;
	struct ip address[];
};

/* In module_data[hnv_slot] of an adapter with a vsid, of the uplink of a switch with provider addresses, and of
 * that switch. Lives as long as the adapter is in a snapshot. */
struct hnv_port {
	struct hnv_network *net;
	const struct hnv_subnet *subnet; /* NULL on an uplink */
	const struct hnv_addresses *_Atomic own; /* NULL: none */
	uint32_t dynamic_limit; /* customer addresses that may be learned; 0: none (the document says so) */
	_Atomic bool away; /* the guest has moved to another host: its adapter here does not speak for it */
	/* So that storms of one guest cost its neighbours nothing; start as zeroes. */
	struct hnv_limit answers; /* ARP, ND, ping, DHCP, router solicitations */
	struct hnv_limit errors; /* ICMP errors, which no storm of the others may silence (path MTU) */
	struct hnv_limit learning; /* customer addresses reported for learning */
	struct hnv_limit misses; /* packets without a record, held for the resolver */
	struct hnv_limit alarms; /* events about control messages that the guest forged */
	uint64_t beacon_ms; /* control thread: when the next router advertisement is due (its clock) */
	struct hnv_limit refusals; /* events about addresses not learned: workers' */
	struct hnv_limit told; /* and the control thread's (its clock) */
};
extern unsigned hnv_slot;

static inline struct hnv_port *hnv_port_of(const struct dp_adapter *a) { return a->module_data[hnv_slot]; }
