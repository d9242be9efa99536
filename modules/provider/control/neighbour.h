/* SPDX-License-Identifier: Apache-2.0 */
/* Next hops of paths: kept and asked for as long as a path goes over them. */
#pragma once

#include "modules/provider/control/network.h"
#include "modules/provider/control/nud.h"

struct neighbour {
	struct network *net;
	struct peer *peer; /* its address, and what the workers see of it */
	struct nud nud;
	uint16_t vlan; /* where it was found */
	char switch_name[64];
	struct path_list paths; /* over it */
	LIST_ENTRY(neighbour) link;
};

/* The neighbour at `ip`, made and asked for if there is none. NULL: no memory. */
struct neighbour *neighbour_get(struct network *net, const struct ip *ip);
/* Its last path may have gone: then it goes as well. */
void neighbour_put(struct neighbour *n);
/* The document changed: one that is elsewhere now has to be found again. */
void neighbour_moved(struct neighbour *n);
/* Asks what is due to be asked; paths are told what that shows. */
void neighbour_tick(struct neighbour *n, uint64_t now_ms);
void neighbour_heard(struct neighbour *n, const struct mac *mac, uint64_t now_ms);
