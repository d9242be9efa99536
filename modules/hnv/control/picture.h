/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control side's own picture of networks, domains, subnets, adapters and records, from which the workers'
 * tables are made. What a transaction may change stands twice, [RUNS] and [COMES]; the rest changes at once.
 * Structs only; what is done with them is in the headers of this folder, one a file. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modules/hnv/hnv.h"
#include "modules/hnv/tables.h"

enum { RUNS, COMES, SIDES };

/* Who gave a record, and takes it away again. */
enum hnvc_owner {
	OWNER_DOCUMENT = HNV_OF_DOCUMENT,
	OWNER_API = HNV_OF_API,
	OWNER_LEARNED = HNV_LEARNED,
	OWNER_RESOLVED = HNV_RESOLVED,
	OWNERS
};

/* What a document makes of a provider network on this host. */
struct hnvc_presence {
	bool there; /* this host has provider addresses there; nothing else counts without */
	uint8_t index; /* as modules/provider/provider.h numbers it */
	char switch_name[64]; /* that carries it */
	uint16_t uplink_mtu; /* L3 bytes */
	struct ip *own; /* this host's provider addresses */
	size_t n_own;
	struct hnvc_source *sources; /* provider addresses that virtual subnets have of their own */
	size_t n_sources;
};

struct hnvc_source {
	uint32_t vsid;
	struct ip provider;
};

/* A provider network by name. Once made it stays, so that records held for it find it again. */
struct hnvc_network {
	struct hnv_network pub;
	char name[64];
	struct hnvc_presence side[SIDES];
	struct hnv_port uplink; /* of the switch and of its uplink */
	struct hnvc_subnet **pages[4096]; /* by VSID, as pub.subnets */
	bool control_vsid_reserved; /* control messages bear HNV_VSID_CONTROL, not the subnet's */
	struct hnvc_network *next;
};

struct hnvc_domain {
	struct hnv_domain *pub; /* shared from one document to the next while id, name and network stay */
	struct hnv_route_entry *entries; /* what pub->routes is made of */
	size_t n_entries;
	struct hnv_routes *routes; /* new ones, to be shown at commit; NULL: as they are */
	size_t n_subnets;
	struct hnvc_domain *next;
};

/* Records of one subnet that lead to one peer; the subnet's broadcasts are sent there once. */
struct hnvc_replica {
	uint16_t next;
	uint32_t records;
};

/* A virtual subnet; stays while it has records, even if the document does not have it at the moment. */
struct hnvc_subnet {
	struct hnvc_network *network;
	uint32_t vsid;
	struct hnv_subnet *pub[SIDES]; /* NULL: not in the document */
	struct hnv_subnet *replaced; /* between commit and retire the old snapshot still goes by it */
	struct hnvc_record *records;
	uint64_t n_records;
	uint32_t n_l2only;
	struct hnvc_replica *replicas; /* in order of next */
	size_t n_replicas, cap_replicas;
	uint16_t group[2]; /* peers of 255.255.255.255 and ff02::1, or 0 */
	uint32_t n_locals; /* of this host's adapters, as runs */
	bool dirty, rescan; /* replicas want to be shown; look again where its records lead (a transaction) */
	struct hnvc_subnet *next_dirty;
	struct hnvc_subnet *next;
};

/* An adapter of this host in a virtual subnet. */
struct hnvc_local {
	char name[64];
	uint16_t id;
	struct mac mac;
	struct hnvc_subnet *subnet;
	struct hnv_next *next;
	struct hnv_port *port[SIDES];
	struct hnv_port *replaced;
	struct ip *own; /* addresses of the records with its VSID and MAC address */
	size_t n_own, cap_own;
	bool was_here; /* a record led to it, and since then nobody said that the guest is yet to come (away.h) */
	bool fresh; /* came with the transaction under way */
	bool kept; /* stays in the transaction under way */
	bool dirty;
	struct hnvc_local *next_dirty;
};

struct hnvc_record {
	struct hnv_record pub;
	struct hnvc_subnet *subnet;
	char *labels; /* "vm-name\0customer-id\0context", NUL at the end; NULL: none has any */
	struct hnvc_record *chain; /* of its hash bucket; of free ones */
	struct hnvc_record *after, *before; /* in its subnet */
	uint16_t next; /* where it leads; held if a peer's */
	uint8_t owner;
	bool shown; /* workers find it */
	bool live; /* among the others, not free */
	bool staged; /* the transaction under way changes it */
	bool detoured; /* detours.c knows more of it */
	uint32_t turn; /* of the last document that named it */
};
