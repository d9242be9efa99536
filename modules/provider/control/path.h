/* SPDX-License-Identifier: Apache-2.0 */
/* Paths to remote PAs, and the ways that workers send by. Private to modules/provider/control. */
#pragma once

#include "modules/provider/control/message.h"
#include "modules/provider/control/network.h"
#include "modules/provider/control/pmtu.h"
#include "modules/provider/datapath/provider_parse.h"

struct path {
	struct provider_path pub; /* first: what users hold */
	struct network *net;
	struct peer *peer;
	unsigned users; /* 0: kept for a while, in case that somebody comes back */
	uint64_t idle_ms; /* since when */
	struct neighbour *neighbour; /* the next hop; NULL: none is needed or known */
	struct pmtu pmtu;
	uint16_t echo_id, echo_sequence;
	uint8_t nonce[MESSAGE_NONCE]; /* what an answer must bring back */
	char why[160]; /* pub.waiting */
	LIST_ENTRY(path) link; /* of its network */
	LIST_ENTRY(path) of_neighbour;
	TAILQ_ENTRY(path) of_idle;
};

#define PATH_IDLE_MS 60000 /* a path that nobody holds is kept so long, its neighbour known */
#define PATH_IDLE_MAX 1024 /* of them, the latest */

/* Looks where the path goes now; its way changes, once, if that is another one than before. */
void path_update(struct path *p);
/* The path's way, but from another of this host's addresses (NULL: the usual). false: there is none now. */
bool path_way_from(const struct path *p, const struct network_address *from, struct provider_way *ret);
/* Echoes that are due go out. */
void path_tick(struct path *p, uint64_t now_ms);
/* Is that, behind an IP header, the beginning of an echo request of the path's? */
bool path_sent_echo(const struct path *p, uint8_t protocol, const uint8_t *bytes, uint32_t len);
void path_echo_answered(struct path *p, const struct provider_icmp *m, uint64_t now_ms);
/* Forgets those that nobody holds and that are too many, too old, or not there any more. */
void paths_idle_tick(uint64_t now_ms);
void paths_idle_forget(void); /* all of them; for the end */
void path_told_mtu(struct path *p, uint32_t mtu, uint64_t now_ms);
