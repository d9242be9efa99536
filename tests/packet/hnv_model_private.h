/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the model (hnv_model.h). */
#pragma once

#include "tests/packet/hnv_model.h"

/* A guest's frame under judgement. */
struct ask {
	const struct world *w;
	int adapter; /* of the sender; MODEL_WIRE */
	unsigned subnet;
	const struct packet *p;
	struct outcome *o;
};

struct route {
	bool found;
	unsigned subnet;
	struct ip next_hop; /* family 0: on-link */
};

/* The longest prefix of the routing domain, the lowest metric. */
struct route model_route_of(const struct world *w, unsigned domain, const struct ip *to);
/* The adapter of a subnet with that MAC address; -1: none. */
int model_adapter_of(const struct world *w, unsigned subnet, const struct mac *mac);
/* One more delivery of the packet as it is, untagged. */
struct delivery *model_deliver(struct ask *q, int adapter);
void model_ends(struct ask *q, const char *why);
/* r is a record of rule nat elsewhere, d the last delivery, as it would be in a tunnel: as plain IP instead, or not at all. */
void model_by_nat(struct ask *q, const struct world_record *r, struct delivery *d);
