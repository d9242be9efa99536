/* SPDX-License-Identifier: Apache-2.0 */
/* From a document to the list of adapters that it means, and each one's port. */
#pragma once

#include "modules/vswitch/vswitch.h"

struct api_switch;
struct err;
struct txn;

/* An isolation id of an adapter whose guest is in several virtual subnets: an adapter of its own, on the same port. */
struct vs_compartment {
	uint32_t vsid;
	uint16_t vlan; /* 0: untagged */
	uint16_t id; /* data plane id */
	bool id_taken; /* in this transaction */
};

struct vs_adapter {
	struct vswitch_adapter pub;
	char *kind, *target, *netns; /* of the port */
	bool peer_listens;
	uint16_t queues;
	uint32_t wanted_mtu; /* as written; 0: the switch's */
	bool from_pool; /* pub.mac was given by the pool */
	bool opened; /* the port was opened in this transaction */
	bool id_taken; /* so was the id taken */
	struct vs_compartment *compartments; /* NULL: it is an ordinary adapter */
	size_t n_compartments;
	struct vs_adapter *before; /* the running one of the same name */
};

struct vs_plan {
	struct vs_adapter **list; /* uplinks first, then in document order */
	size_t n, room;
	void *by_name; /* tsearch(3) */
};

/* Names, roles, ports and MACs written out; no MAC from the pool yet, no port. `running`: to know what was
 * implied before. */
int vs_plan_make(const struct txn *t, const struct vs_plan *running, struct vs_plan *ret_plan, struct err *e);
void vs_plan_free(struct vs_plan *plan); /* not the ports */
struct vs_adapter *vs_plan_find(const struct vs_plan *plan, const char *name);
