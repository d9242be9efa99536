/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a neighbour there, and at which MAC address? The states alone, with time and messages given by the caller
 * (after RFC 4861, 7.3, for ARP as well). A neighbour is asked for at once, again after 1, 2, 4, 5, 5 ... s until it
 * answers, then every 30 s by a frame to itself; three of those without an answer, a second apart, and it is gone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/mac.h"

#define NUD_RETRY_MS 1000
#define NUD_RETRY_MAX_MS 5000 /* somebody waits: only who is held is searched for */
#define NUD_REFRESH_MS 30000
#define NUD_MISSED_MAX 3

enum nud_state { NUD_SEARCHED, NUD_REACHABLE, NUD_PROBED };
enum nud_action { NUD_NOTHING, NUD_ASK_ALL, NUD_ASK_IT };

struct nud {
	enum nud_state state;
	bool lost; /* searched for, after it was there */
	struct mac mac; /* valid unless searched for */
	uint8_t missed;
	uint32_t wait_ms; /* between the last question and the next */
	uint64_t due_ms, heard_ms;
};

void nud_begin(struct nud *n, uint64_t now_ms);
/* What is to be sent now; call again at due_ms at the latest. *ret_lost: it has just been given up. */
enum nud_action nud_step(struct nud *n, uint64_t now_ms, bool *ret_lost);
/* It said where it is. true: that is news. */
bool nud_heard(struct nud *n, const struct mac *mac, uint64_t now_ms);
