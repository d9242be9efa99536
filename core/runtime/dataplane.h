/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the workers go by: one immutable snapshot of switches, adapters and the nodes each visits, replaced
 * as a whole by RCU. Built on the control thread by the modules in a transaction.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/mac.h"
#include "core/runtime/frame.h"
#include "core/runtime/port.h"

struct pipe;
struct dp_adapter;
struct dp_switch;

#define DP_ADAPTERS_MAX 16384
#define DP_NODES_MAX 24
#define DP_SLOTS 8 /* modules that keep data in a snapshot */

/*
 * A node: works on frames that all came from (ingress) or all go to (egress) adapter a. Keeps the survivors
 * compacted at the front of frames[] and returns how many; hands the others to pipe_drop or pipe_consume.
 * A forward node keeps none: each frame ends in pipe_output, pipe_drop or pipe_consume. (Where an adapter has
 * several, as an uplink that carries virtual subnets has, the last by name keeps none, and those before it
 * leave it what is not theirs.)
 */
typedef uint16_t node_fn(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n);

enum stage {
#define STAGE(id, text, help) STAGE_##id,
#include "core/runtime/stages.def"
#undef STAGE
	STAGE_COUNT
};

struct node {
	const char *name; /* "l2_admit"; file, node and counters bear it */
	enum stage stage;
	node_fn *fn;
	/* Does this adapter visit the node? Control thread, when a snapshot is built; NULL: always. */
	bool (*wants)(const struct dp_adapter *a);
	uint16_t index; /* in stage order; given when the first snapshot is wired */
	struct node *next;
};

#define NODES_MAX 64

void node_register(struct node *n);
#define NODE(ident, stage_id, function, wants_fn)                                                                    \
	static struct node node_##ident = {                                                                          \
		.name = #ident, .stage = STAGE_##stage_id, .fn = (function), .wants = (wants_fn)};                   \
	__attribute__((constructor)) static void node_register_##ident(void) { node_register(&node_##ident); }

const char *stage_name(enum stage s);
const char *stage_help(enum stage s);

/* Adapters that share one port, each known by its VLAN tag. */
#define DP_COMPARTMENT_NONE UINT16_MAX
struct dp_compartments {
	uint16_t adapter[4096]; /* id, by VLAN; [0]: of untagged frames; DP_COMPARTMENT_NONE: nobody */
};

struct dp_adapter {
	uint16_t id; /* dense; names the counter row; not reused before everyone forgot it */
	uint16_t n_ingress, n_egress;
	enum port_role role;
	uint32_t mtu; /* L3 bytes it takes; longer ones are dropped or cut */
	struct port *port;
	struct dp_switch *sw;
	struct mac mac; /* zero for an uplink */
	/* VLAN tags are let in: a module takes frames with its tag out before FORWARD, where the others end. */
	bool takes_tagged;
	uint32_t vsid; /* the virtual subnet that it is in; 0: none, it is forwarded by MAC address */
	/* A port whose frames are all its compartments'; it visits no nodes itself. NULL: an ordinary one. */
	struct dp_compartments *compartments;
	bool is_compartment; /* of another adapter, whose port it has */
	bool tags_are_ids; /* its guest says by VLAN tags which of its isolation ids it means: no tag means nothing */
	uint16_t vlan; /* of a compartment: the tag on its port; 0: none */
	const struct node *ingress[DP_NODES_MAX]; /* in stage order */
	const struct node *forward;
	const struct node *egress[DP_NODES_MAX];
	char name[64]; /* the adapter's, or "wire:SWITCH" */
	void *module_data[DP_SLOTS]; /* by dp_module_slot() */
};

struct dp_switch {
	char name[64];
	uint16_t id;
	struct dp_adapter **members; /* those forwarded by MAC address, uplink included */
	uint16_t n_members;
	struct dp_adapter *uplink; /* NULL: none */
	void *module_data[DP_SLOTS];
};

struct dataplane {
	struct dp_adapter **adapters; /* by id; NULL holes */
	uint16_t n_adapters; /* highest id + 1 */
	struct dp_switch **switches;
	uint16_t n_switches;
	uint64_t generation;
};

/* A module's index into module_data, given once at init. */
unsigned dp_module_slot(void);

/* Fills in the node lists of every adapter from the registered nodes. */
void dataplane_wire(struct dataplane *dp);
void dataplane_free(struct dataplane *dp); /* the snapshot's own memory; NULL ok */

/* Makes dp what the workers go by, (re)assigns queues, waits until nobody uses the old one and returns it. */
struct dataplane *dataplane_publish(struct dataplane *dp);
const struct dataplane *dataplane_current(void); /* control thread */

/* Returns after every worker passed a quiescent state: what it could not reach before, it no longer uses. */
void dataplane_synchronize(void);

/* Registered nodes in stage order; NULL after the last. */
const struct node *dataplane_node(unsigned index);
