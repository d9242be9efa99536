/* SPDX-License-Identifier: Apache-2.0 */
/* A memif client for tests, which says what it is told to, true or not; its rings are in memory that outlives it. */
#pragma once

#include "modules/port-wire/control/memif_judge.h"

#define PEER_LOG2 6
#define PEER_ENTRIES (1 << PEER_LOG2)
#define PEER_BUFFER 2048
#define PEER_RING_BYTES (MEMIF_RING_HEADER + PEER_ENTRIES * MEMIF_DESCRIPTOR)
#define PEER_REGION (2 * PEER_RING_BYTES + 2 * PEER_ENTRIES * PEER_BUFFER)

struct peer_desc {
	uint16_t flags, region;
	uint32_t length, offset, metadata;
};

/* Where the specification has them: on cache lines of their own. */
struct peer_ring {
	uint32_t cookie;
	uint16_t flags, head;
	uint8_t to_tail[56];
	uint16_t tail;
	uint8_t to_desc[62];
	struct peer_desc desc[PEER_ENTRIES];
};

struct peer {
	int fd, memory, doorbell;
	struct peer_ring *ring[2]; /* [1]: to the server */
};

void peer_make(struct peer *p); /* memory and rings, every frame sent of `length` 60 */
void peer_free(struct peer *p);
void peer_rings_reset(struct peer *p);
/* All that a receiver gave back is offered anew, both ways: traffic without end. */
void peer_rings_turn(struct peer *p);

/* They turn the event loop while they wait. Fail the running test when nothing comes. */
void peer_connect(struct peer *p, const char *name); /* abstract; and HELLO */
void peer_say(struct peer *p, const struct memif_message *m, int with);
void peer_hear(struct peer *p, uint16_t type, struct memif_message *ret_m);
void peer_refused(struct peer *p, const char *why); /* with these words, and hung up on */
bool peer_hung_up(struct peer *p); /* without a word; then it has left */
void peer_introduce(struct peer *p, uint32_t id,
		    unsigned n); /* INIT, region, rings, CONNECT: the first n of these 5 */
void peer_join(struct peer *p, const char *name, uint32_t id); /* all of it */
void peer_leave(struct peer *p); /* as when it is killed */

/* The messages, as they would be right. */
struct memif_message peer_init(uint32_t id);
struct memif_message peer_region(void);
struct memif_message peer_ring_message(bool c2s);
