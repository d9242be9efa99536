/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long may a packet be on a path? The states alone, with time and messages given by the caller. A path starts
 * with the uplink's MTU; a router that cannot pass a packet on tells of less (RFC 1191, RFC 8201). Routers that drop
 * long packets and say nothing are found by echoes of full size (as RFC 8899 does): if the long one is lost three times
 * and a short one is answered, the longest that passes is searched for between them. Who never answers an echo is
 * taken at the routers' word.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PMTU_TRIES 3
#define PMTU_TRY_MS 1000
#define PMTU_CHECK_MS 60000 /* between two looks whether the size still passes */
#define PMTU_RAISE_MS 600000 /* RFC 1191, 6.3 */
#define PMTU_CLOSE 4 /* bytes: the search ends when this near */

enum pmtu_state {
	PMTU_RESTS,
	PMTU_CHECKS, /* does what is used pass? */
	PMTU_RAISES, /* does more pass? */
	PMTU_ASKS, /* the long one did not: does anything? */
	PMTU_SEARCHES,
};

struct pmtu {
	uint16_t mtu; /* in use, L3 bytes */
	uint16_t goal; /* the uplink's */
	uint16_t floor; /* never less */
	bool answers; /* the other side has answered an echo before */
	enum pmtu_state state;
	uint16_t low, high; /* searching: passes, does not */
	uint16_t size; /* of the echo that is out */
	uint8_t tries;
	uint64_t due_ms, raise_ms; /* the next step; when to try for more (0: nothing to gain) */
};

void pmtu_begin(struct pmtu *p, uint16_t goal, bool ip6, uint64_t now_ms);
/* The uplink has another MTU now. */
void pmtu_set_goal(struct pmtu *p, uint16_t goal, uint64_t now_ms);
/* The size of an echo to be sent now, or 0; call again at due_ms at the latest. mtu may be another one afterwards. */
uint16_t pmtu_step(struct pmtu *p, uint64_t now_ms);
/* The echo of this size was answered. */
void pmtu_answered(struct pmtu *p, uint16_t size, uint64_t now_ms);
/* A router passes only this much. */
void pmtu_told(struct pmtu *p, uint32_t mtu, uint64_t now_ms);
