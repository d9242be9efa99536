/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control side's own picture of networks, domains, subnets, adapters and records, from which the workers'
 * tables are made. What a transaction may change stands twice, [RUNS] and [COMES]; the rest changes at once.
 * Between the files of modules/hnv/control only. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modules/hnv/control/nexts.h"
#include "modules/hnv/datapath/records.h"
#include "modules/hnv/datapath/routes.h"
#include "modules/hnv/hnv.h"
#include "modules/hnv/packet.h"

struct err;
struct txn;

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

/* This host's adapters, in order of subnet and MAC address. */
struct hnvc_locals {
	struct hnvc_local **list;
	size_t n;
};
extern struct hnvc_locals hnvc_locals[SIDES];
extern struct hnvc_domain *hnvc_domains[SIDES];

/* networks.c */

struct hnvc_network *hnvc_networks(void); /* first; follow next */
struct hnvc_network *hnvc_network_of(int side, uint8_t index); /* NULL: none */
struct hnvc_network *hnvc_network_find(const char *name); /* NULL: none */
struct hnvc_network *hnvc_network_make(const char *name); /* found or made; NULL: no memory */
struct hnvc_subnet *hnvc_subnets(void);
struct hnvc_subnet *hnvc_subnet_find(const struct hnvc_network *net, uint32_t vsid); /* NULL: none */
struct hnvc_subnet *hnvc_subnet_make(struct hnvc_network *net, uint32_t vsid);
void hnvc_subnet_drop(struct hnvc_subnet *s); /* if nothing needs it any more */
/* The provider address that a virtual subnet's frames are sent from, of a family; NULL: the usual one. */
const struct ip *hnvc_source(const struct hnvc_presence *p, uint32_t vsid, uint8_t family);
bool hnvc_is_own(const struct hnvc_network *net, int side, const struct ip *provider);
int hnvc_networks_prepare(struct txn *t, struct err *e);
void hnvc_networks_commit(void);
void hnvc_networks_abort(void);
void hnvc_networks_retire(void);
void hnvc_networks_fini(void);
void hnvc_inner_mtu_update(struct hnvc_network *net);

/* quoted.c: is that a packet of a tunnel of this host's, from behind its outer IP header (provider_quoted_by)? */
bool hnvc_quoted_is_ours(uint8_t network, uint8_t protocol, const uint8_t *bytes, uint32_t len);

/* domains.c: routing domains and what workers see of their subnets. */
int hnvc_domains_prepare(struct txn *t, struct err *e);
void hnvc_domains_commit(void);
void hnvc_domains_abort(void);
void hnvc_domains_retire(void);

/* locals.c */

int hnvc_locals_prepare(struct txn *t, struct err *e);
void hnvc_locals_commit(void);
void hnvc_locals_abort(void);
void hnvc_locals_retire(void);
/* The adapter of a subnet with that MAC address; NULL: none. */
struct hnvc_local *hnvc_local_find(int side, const struct hnvc_subnet *s, const struct mac *mac);
struct hnvc_local *hnvc_local_by_id(uint16_t adapter); /* as runs */
struct hnvc_local *hnvc_local_by_name(const char *name); /* as runs; NULL: none */
/* A record came to or left (subnet, MAC address): what its adapter may send from changes with the next flush. */
void hnvc_own_add(const struct hnvc_record *r);
void hnvc_own_remove(const struct hnvc_record *r);
void hnvc_own_flush(void);

/* gone.c: guests whose adapters have left; workers see them with hnvc_gone_publish. */
void hnvc_gone_add(const struct hnvc_local *l);
void hnvc_gone_publish(void);
void hnvc_gone_tick(void);
void hnvc_gone_forget(void); /* all of them; for the end */

/* held.c: the records that are held, by key. */

struct hnvc_record *hnvc_held_find(const struct hnvc_subnet *s, const struct ip *customer,
				   const struct mac *l2only_mac);
struct hnvc_record *hnvc_held_alloc(void); /* not yet among the others; NULL: no memory */
void hnvc_held_free(struct hnvc_record *r); /* one that is not among the others */
void hnvc_held_link(struct hnvc_record *r); /* into the hash and its subnet's list, by pub and subnet */
void hnvc_held_unlink(struct hnvc_record *r);
uint64_t hnvc_held_count(void);
/* The i-th place in memory, so that all can be gone through in pieces; NULL and *ret_end: beyond the last. */
struct hnvc_record *hnvc_held_at(uint64_t i, bool *ret_end);
void hnvc_held_fini(void);
uint64_t hnvc_held_bytes(void);

/* inforce.c: where records lead. */

struct hnvc_target {
	uint16_t next; /* held, if a peer's */
	bool shown;
};
/* By what runs or comes. Checked records only. -ENOMEM, -ENOSPC with e filled in. */
int hnvc_target_find(int side, const struct hnvc_subnet *s, const struct hnv_record *r, struct hnvc_target *ret,
		     struct err *e);
void hnvc_target_release(const struct hnvc_target *t);
/* Makes it so, from one peer to another once the path there is known (detours.h); takes over the target's hold. -ENOMEM: as
 * before, the hold is still the caller's. */
int hnvc_record_lead(struct hnvc_record *r, const struct hnvc_target *t);
int hnvc_record_lead_now(struct hnvc_record *r, const struct hnvc_target *t); /* the same, at once */
void hnvc_record_stop(struct hnvc_record *r); /* leads nowhere and is not shown */
extern uint64_t hnvc_owned[OWNERS]; /* records held, by owner */
/* Among the others, by its pub, subnet, owner; it leads nowhere yet. */
void hnvc_record_enter(struct hnvc_record *r);
void hnvc_record_leave(struct hnvc_record *r); /* undoes it, and frees */
void hnvc_flush(void); /* workers see what changed in `own` and in replicas */

/* rewrites.c: rule nat. */

/* May the record have its provider address, as things run? -EEXIST, with the field's name in e. */
int hnvc_rewrite_check(const struct hnvc_subnet *s, const struct hnv_record *r, struct err *e);
/* Of rule nat: it is none of the host's own addresses. -EINVAL, as above. */
int hnvc_rewrite_own_check(int side, const struct hnvc_subnet *s, const struct hnv_record *r, struct err *e);
void hnvc_rewrite_follow(const struct hnvc_record *r); /* it leads elsewhere, or has other values */

/* staged.c: what a document changes in the records, found in prepare, done in commit and retire. */

int hnvc_staged_prepare(struct txn *t, struct err *e);
void hnvc_staged_commit(void);
void hnvc_staged_retire(void);
void hnvc_staged_abort(void);

/* records.c */

/* Checks, and makes it so; call hnvc_flush and hnvc_log_flush after one or many. labels as of a record, or NULL. */
int hnvc_record_set(struct hnvc_network *net, const struct hnv_record *r, const char *labels, enum hnvc_owner owner,
		    struct err *e);
int hnvc_record_remove(struct hnvc_record *r, enum hnvc_owner owner, struct err *e);
/* As things run; not of l2only records. NULL: none is held. */
struct hnvc_record *hnvc_record_find(uint8_t network, uint32_t vsid, const struct ip *customer);
/* The end of a call that changed records: workers and the log have it. e says that only the disk does not. */
int hnvc_records_settle(struct err *e);
void hnvc_records_let_go(void); /* all of them; for the end */
/* "record 5001 10.0.0.5" */
#define HNVC_RECORD_TEXT 96
const char *hnvc_record_text(uint32_t vsid, const struct ip *customer, char buf[static HNVC_RECORD_TEXT]);
