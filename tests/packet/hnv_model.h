/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a frame of a random world has to go, said by the rules that users are told (modules/hnv/README.md, the rows of
 * the reference), in plain words and loops over plain tables: nothing of the datapath is used here.
 */
#pragma once

#include "tests/packet/hnv_world.h"

enum packet_kind { PACKET_IP4, PACKET_IP6, PACKET_ARP, PACKET_OTHER };

/* A frame as it is made. IP packets are UDP or, if echo, echo requests. */
struct packet {
	enum packet_kind kind;
	struct mac to, from;
	unsigned n_tags;
	uint16_t tag[2]; /* tag control: priority << 13 | VLAN */
	struct ip source, destination; /* ARP: sender and target, of a request */
	struct mac arp_mac; /* ARP: the sender's */
	uint8_t ttl;
	uint16_t fragment; /* IPv4: flags and offset */
	bool echo;
	uint8_t mark; /* of the payload, so that none is mistaken for another */
};

#define MODEL_WIRE (-1)
#define MODEL_SOME (-2) /* of the provider addresses of other hosts, one */

struct delivery {
	int adapter; /* or MODEL_WIRE */
	int provider; /* MODEL_WIRE: the tunnel's remote end, or MODEL_SOME */
	bool maybe; /* it need not arrive */
	uint32_t vsid;
	int vxlan; /* 0, 1; -1: whichever a record of that provider address names */
	bool nat; /* MODEL_WIRE: in no tunnel, but as it is in `packet` */
	struct packet packet; /* as it arrives */
};

enum answer {
	ANSWER_NONE,
	ANSWER_ARP, /* a reply with answer_mac for what was asked */
	ANSWER_ECHO, /* from the address that was pinged */
	ANSWER_ERROR, /* an ICMP error, unless none may be sent about that packet */
	ANSWER_NO_PORT, /* the router has no such service */
};

struct outcome {
	const char *why; /* what decided, for people */
	unsigned n;
	struct delivery delivery[WORLD_ADAPTERS + WORLD_PROVIDERS];
	enum answer answer; /* to the sender */
	struct mac answer_mac;
};

extern const struct mac model_router;

/* What guest `adapter` of a virtual subnet sends. */
void model_guest(const struct world *w, unsigned adapter, const struct packet *p, struct outcome *ret);
/* What comes by the wire between two provider addresses of rule nat, or from a stranger's to one (from NULL). */
void model_nat(const struct world *w, const struct world_record *from, const struct world_record *to,
	       const struct packet *p, struct outcome *ret);
/* What comes out of a tunnel to this host, of that VSID, from a provider address. */
void model_wire(const struct world *w, uint32_t vsid, int from, const struct packet *p, struct outcome *ret);
