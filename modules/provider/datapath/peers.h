/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is known on a provider network, by address: those that paths lead to, and the neighbours that frames are sent
 * to. One writer (the control thread), any readers; what a reader found stays until its next quiescent state.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/ip.h"

struct neighbour;
struct path;

struct peer {
	struct ip ip;
	atomic_bool has_path; /* for workers: `path` is set */
	/* For workers: `neighbour` is set, and the MAC address known of it (0: none yet), so that what says nothing new
	 * need not go up. */
	atomic_bool is_neighbour;
	_Atomic uint64_t mac;
	/* Control thread: */
	struct path *path;
	struct neighbour *neighbour;
	struct peer *_Atomic next[2]; /* in its bucket; which of the two: the table's `link` */
};

struct peers;

struct peers *peers_create(void); /* NULL: no memory */
void peers_free(struct peers *p); /* no worker knows it; NULL ok */
struct peer *peers_find(const struct peers *p, const struct ip *ip); /* NULL: unknown */
struct peer *peers_get(struct peers *p, const struct ip *ip); /* made if it was unknown; NULL: no memory */
/* Control thread: path or neighbour changed; forgets one that is neither. */
void peers_put(struct peers *p, struct peer *peer);

uint32_t peers_hash(const struct ip *ip);
