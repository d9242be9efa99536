/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network virtualization: tenants whose addresses overlap. Customer addresses (CAs) in virtual subnets (VSIDs)
 * in routing domains, and the lookup records that say behind which provider address each CA is.
 *
 * This is what other modules see: how an encapsulation plugs in, and how records are changed while packets pass.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ip.h"
#include "base/mac.h"
#include "core/runtime/dataplane.h"
#include "core/runtime/frame.h"

struct err;
struct pipe;
struct provider_path;
struct provider_way;

#define HNV_VSID_MIN 4096u /* RFC 7637, 3.2: below are reserved */
#define HNV_VSID_MAX 16777214u /* 0xFFFFFF is for vendors */
#define HNV_VSID_CONTROL 0xffffffu /* and control messages may come in it: no tenant's */

/* The distributed router has this MAC address on every host and in every subnet (row I5). */
#define HNV_ROUTER_MAC ((struct mac){{0x00, 0x15, 0x5d, 0xff, 0xff, 0x01}})
/* fe80::215:5dff:feff:ff01, its link-local address (RFC 4291, appendix A). */
#define HNV_ROUTER_IP6                                                                                               \
	{                                                                                                            \
		0xfe, 0x80, [8] = 0x02, 0x15, 0x5d, 0xff, 0xfe, 0xff, 0xff, 0x01                                     \
	}

#define HNV_HEADER_ROOM 80 /* bytes: the longest way (58) and 22 of an encapsulation's own */

/* A tunnel: one encapsulation over one path. Its header is the way's with the encapsulation's own behind it; kept
 * ready, replaced as a whole when the way changes. Made by hnv_tunnel_fill. */
struct hnv_tunnel {
	const struct hnv_encapsulation *encapsulation;
	const struct provider_way *way; /* NULL: the path is not there at the moment */
	/* Outer Ethernet to the encapsulation's header, as far as all frames share it: the last header_len bytes of the
	 * room, so that one copy of constant size puts it in front of a frame. */
	uint8_t header[HNV_HEADER_ROOM];
	uint8_t header_len;
	uint32_t sum; /* IPv4: of the outer IP header as it stands, unfolded */
	uint16_t inner_mtu; /* L3 bytes of an inner packet that fits the path */
};

/* t becomes e's tunnel over `way`, which lives as long as t (NULL: not there at the moment). Control thread. */
void hnv_tunnel_fill(struct hnv_tunnel *t, const struct hnv_encapsulation *e, const struct provider_way *way);

/* What an encapsulation's own header says of one frame. */
struct hnv_flow {
	uint32_t vsid;
	uint32_t hash; /* the same for all frames of an inner flow, all 32 bits mixed */
};

/*
 * An encapsulation is a module of its own (modules/nvgre, modules/vxlan) that registers one of these. What all have in
 * common, pushing the header and the outer IP header's fields, is done by hnv_encapsulate.
 */
struct hnv_encapsulation {
	const char *name; /* "nvgre", as documents say it */
	uint8_t ip_protocol; /* 47, 17 */
	uint16_t udp_port; /* 4789; 0: not UDP */
	uint8_t header_len; /* of its own header (with UDP's), at most 22: NVGRE 8 */
	uint8_t overhead; /* bytes between the outer IP header and the inner packet's L3 header, inner Ethernet included: NVGRE 22 */
	uint8_t vsid_off; /* in its own header: 24 bits of VSID, and eight behind them */
	uint8_t flow_id; /* which of those eight tell inner flows apart; the others are 0 */
	/* The bits of its own header that must be as they are in another frame's, which decapsulate took, for a frame to be
	 * taken as well; not those of the VSID, nor UDP's length and source port. */
	uint8_t same[22];
	/* Fills in the constant part of its own header at own[0..header_len). Control thread. */
	void (*prepare)(uint8_t *own);
	/* frames[0..n) have t's header in front, VSID and flow_id in it: fills in what else differs from frame to frame in its own.
	 * NULL: nothing. Worker. */
	void (*finish)(const struct hnv_tunnel *t, struct frame **frames, const struct hnv_flow *flows, uint16_t n);
	/* Worker. The frame's outer headers are parsed (f->headers), its destination is a local PA, it is no fragment and ends
	 * where its outer IP header says, all of its headers are within its head. Fills *ret_vsid and returns how many bytes
	 * to take off in front (to the inner Ethernet header), or 0 with *ret_reason set to why it is dropped. */
	unsigned (*decapsulate)(const struct frame *f, uint32_t *ret_vsid, const struct drop_reason **ret_reason);
	struct hnv_encapsulation *next;
};

/* The VSID and the byte behind it. */
static inline uint32_t hnv_flow_word(struct hnv_flow flow, uint8_t flow_id)
{
	return flow.vsid << 8 | (flow.hash >> 24 & flow_id);
}

/* Into e's own header, which ends where `end` is. */
static inline void hnv_flow_put(const struct hnv_encapsulation *e, uint8_t *end, struct hnv_flow flow)
{
	bytes_put_be32(end - e->header_len + e->vsid_off, hnv_flow_word(flow, e->flow_id));
}

void hnv_encapsulation_register(struct hnv_encapsulation *e);
#define HNV_ENCAPSULATION(ident)                                                                                     \
	__attribute__((constructor)) static void hnv_encapsulation_register_##ident(void)                            \
	{                                                                                                            \
		hnv_encapsulation_register(&(ident));                                                                \
	}
const struct hnv_encapsulation *hnv_encapsulation_find(const char *name); /* NULL: not built in */
const struct hnv_encapsulation *hnv_encapsulation_list(void); /* first; follow next */

/* Lookup records while packets pass: in force on this host when the call returns. Control thread. */

enum hnv_record_type { HNV_STATIC, HNV_DYNAMIC, HNV_L2ONLY, HNV_GATEWAY_WILDCARD };
enum hnv_rule { HNV_ENCAP, HNV_NAT };

struct hnv_record {
	uint8_t network; /* provider network, index */
	uint32_t vsid;
	/* Unspecified (0.0.0.0, ::) for l2only and gateway-wildcard; may be a group or broadcast address. */
	struct ip customer;
	struct mac mac;
	struct ip provider;
	enum hnv_record_type type;
	enum hnv_rule rule;
	const struct hnv_encapsulation *encapsulation;
	bool use_vm_mac_address;
	bool unusable; /* held but not followed (WMI: Unusable) */
};

/* Adds or replaces by (network, vsid, customer, and for l2only mac). Refuses with -EINVAL (object and field named in e),
 * -ENOENT: no such virtual subnet, -ENOSPC. */
int hnv_record_set(const struct hnv_record *r, struct err *e);
int hnv_record_remove(uint8_t network, uint32_t vsid, const struct ip *customer); /* -ENOENT */
/* A record turned out to be wrong (another host says that it does not have the guest): the resolver is asked for it anew, if
 * there is one, the record is its own or none is held, and it was not just asked. What it says is in force then. */
void hnv_record_refresh(uint8_t network, uint32_t vsid, const struct ip *customer);
const struct hnv_record *hnv_record_find(uint8_t network, uint32_t vsid, const struct ip *customer); /* NULL: none */
enum hnv_origin { HNV_OF_DOCUMENT, HNV_OF_API, HNV_LEARNED, HNV_RESOLVED };
enum hnv_origin hnv_record_origin(const struct hnv_record *r); /* of one that hnv_record_find found: who gave it */
/* All, in no order; fn returning non-zero stops and is returned. */
int hnv_record_each(int (*fn)(const struct hnv_record *r, void *arg), void *arg);

/*
 * A guest as whoever moves it from host to host (modules/move) sees it: the records by which others find it are those
 * with its virtual subnet and MAC address, whether or not its adapter is on this host. Control thread.
 */
struct hnv_guest {
	const char *network; /* name of the provider network */
	uint32_t vsid;
	struct mac mac;
	/* NULL, or the adapter of this host whose guest is in several virtual subnets (`isolation`): all of them are meant, of
	 * which vsid is one. */
	const char *adapter;
};

struct hnv_guest_record {
	const struct hnv_record *record;
	enum hnv_origin origin;
	bool here; /* its provider address is one of this host's */
};

/* The guest of an adapter of this host; the name is kept if it is in several virtual subnets. -ENOENT: no adapter in a virtual
 * subnet is called so. */
int hnv_guest_find(const char *adapter, struct hnv_guest *ret_guest);
bool hnv_guest_is_here(const struct hnv_guest *g); /* has it an adapter on this host? */
/* The guest of an adapter that it has moved away from is to come back: it may send there before its records lead there. */
void hnv_guest_expect(const char *adapter);
/* Its records, in no order. fn returning non-zero stops and is returned; it changes none. */
int hnv_guest_records(const struct hnv_guest *g, int (*fn)(const struct hnv_guest_record *r, void *arg), void *arg);
/* The records that are not the document's lead to that provider address from now on, but those of rule nat, whose
 * provider address is the guest's own. How many did not before, or what refuses, as hnv_record_set; then those before
 * it are changed, and the same call goes on. */
int hnv_guest_lead(const struct hnv_guest *g, const struct ip *provider, struct err *e);

/*
 * Rule nat (row I23): a customer address has a provider address of its own, and packets between two such addresses
 * go as they are but for their addresses. Whoever rewrites them (modules/rewrite) asks here. Workers; what is found
 * stays valid until the next quiescent state. `uplink`: the adapter of a node's frames, of which hnv_carries is true.
 */
struct hnv_rewrite { /* a record of rule nat that is in force; immutable */
	uint32_t vsid;
	struct ip customer, provider; /* of one family */
	struct mac mac; /* the guest's */
	bool use_vm_mac_address;
	bool local; /* the guest is on this host */
};

bool hnv_carries(const struct dp_adapter *a); /* an uplink that carries virtual subnets */
bool hnv_rewrites_any(const struct dp_adapter *uplink); /* is there any such record? */
/* The record with that provider address; NULL: none. */
const struct hnv_rewrite *hnv_rewrite_of_provider(const struct dp_adapter *uplink, const struct ip *provider);
/* The record of a customer address in the routing domain of a virtual subnet; NULL: none. */
const struct hnv_rewrite *hnv_rewrite_of_customer(const struct dp_adapter *uplink, uint32_t vsid,
						  const struct ip *customer);
bool hnv_same_domain(const struct dp_adapter *uplink, uint32_t vsid, uint32_t other_vsid);
/* The routing domain's own address beside a customer address; NULL: none of its family. */
const struct ip *hnv_gateway_beside(const struct dp_adapter *uplink, uint32_t vsid, const struct ip *customer);
/* Is f, a tenant's on its way to the wire, one to be rewritten, and by which way? *ret_way NULL: there is none now. */
bool hnv_rewrite_wanted(const struct frame *f, const struct provider_way **ret_way);
