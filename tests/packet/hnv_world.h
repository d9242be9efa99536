/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random tenants: routing domains that have the same addresses and MAC addresses, their guests here and elsewhere, in
 * plain tables that a model reads (hnv_model.h) and as a document that a host takes. The same seed, the same world.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/mac.h"

enum {
	WORLD_DOMAINS = 3,
	WORLD_PER_DOMAIN = 4, /* virtual subnets; the last one of each domain is its gateway's alone */
	WORLD_SUBNETS = WORLD_DOMAINS * WORLD_PER_DOMAIN,
	WORLD_ADAPTERS = 14, /* the last one is in no virtual subnet */
	WORLD_SHARED = 4, /* the first ones; in some worlds all on one port, "gw", each known by a tag */
	WORLD_HOSTS = 8, /* customer addresses of a subnet and family: .2 to .9 */
	WORLD_RECORDS = WORLD_SUBNETS * (2 * WORLD_HOSTS + 8),
	WORLD_ROUTES = 10,
	WORLD_MACS = 6,
	WORLD_OWN = 2, /* of the provider addresses: this host's */
	WORLD_PROVIDERS = 8,
	WORLD_GROUPS = 2, /* and multicast groups behind them */
	WORLD_NAT = WORLD_PROVIDERS + WORLD_GROUPS, /* `provider` of a record of rule nat whose guest is not here */
};

struct world_subnet {
	unsigned domain;
	uint32_t vsid;
	bool gateway_only;
	struct ip_prefix prefix[2]; /* IPv4, IPv6 */
	struct ip router[2];
};

struct world_adapter {
	char name[16];
	int subnet; /* -1: none */
	struct mac mac;
	unsigned vlan; /* on the shared port; 0: it has a port of its own */
	bool was_here; /* its guest: a record led to it */
};

enum world_type { WORLD_GUEST, WORLD_WILDCARD, WORLD_L2ONLY, WORLD_GROUP };
struct world_record {
	unsigned subnet;
	enum world_type type;
	struct ip customer; /* of l2only and wildcard: its family counts */
	struct mac mac; /* zero: none (groups) */
	int provider; /* -1: none (groups); of rule nat: 0 or WORLD_NAT */
	bool vxlan;
	bool single; /* not in the document: set by itself, may change */
	bool nat; /* by a provider address of its own; it is here if an adapter has its MAC address */
	struct ip own_provider;
};

struct world_route {
	unsigned subnet; /* of the next hop */
	struct ip_prefix prefix;
	struct ip next_hop; /* unspecified: on-link */
	unsigned metric;
};

struct world {
	bool forwarding_2012, external_router, shared;
	unsigned nat; /* percent of the guests' records */
	struct world_subnet subnet[WORLD_SUBNETS];
	struct world_adapter adapter[WORLD_ADAPTERS];
	struct world_record record[WORLD_RECORDS];
	unsigned n_records;
	struct world_route route[WORLD_ROUTES];
	unsigned n_routes;
};

extern const char *const world_provider[WORLD_PROVIDERS + WORLD_GROUPS];

void world_seed(uint64_t seed);
unsigned world_pick(unsigned n); /* 0..n-1 */
bool world_chance(unsigned percent);

struct mac world_mac(unsigned i); /* of guests, here and elsewhere */
struct ip world_host(const struct world_subnet *s, unsigned family, unsigned host); /* family: 0 IPv4, 1 IPv6 */
struct ip world_ip(const char *text);
struct mac world_mac_of(const char *text);

void world_make(struct world *w);
void world_led(struct world *w, const struct world_record *r); /* r came to lead where it does */
char *world_document(const struct world *w); /* YAML; the caller frees */
const struct world_record *world_record_at(const struct world *w, unsigned subnet,
					   const struct ip *customer); /* or NULL */
