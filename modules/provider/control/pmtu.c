/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/provider/control/pmtu.h"

/* Less than IPv6's minimum is no IPv6 path (RFC 8200, 5). For IPv4 as Linux's min_pmtu: nobody runs less, and a forged
 * message gains little. */
#define FLOOR_IP4 552
#define FLOOR_IP6 1280

static uint16_t least(uint16_t a, uint16_t b) { return a < b ? a : b; }

static void probe(struct pmtu *p, enum pmtu_state state, uint16_t size, uint64_t now_ms)
{
	p->state = state;
	p->size = size;
	p->tries = 0;
	p->due_ms = now_ms;
}

static void rest(struct pmtu *p, uint64_t now_ms)
{
	p->state = PMTU_RESTS;
	p->due_ms = now_ms + PMTU_CHECK_MS;
	if (p->mtu >= p->goal)
		p->raise_ms = 0;
	else if (!p->raise_ms)
		p->raise_ms = now_ms + PMTU_RAISE_MS;
}

void pmtu_begin(struct pmtu *p, uint16_t goal, bool ip6, uint64_t now_ms)
{
	*p = (struct pmtu){.mtu = goal, .goal = goal, .floor = least(ip6 ? FLOOR_IP6 : FLOOR_IP4, goal)};
	probe(p, PMTU_CHECKS, goal, now_ms);
}

void pmtu_set_goal(struct pmtu *p, uint16_t goal, uint64_t now_ms)
{
	if (goal == p->goal)
		return;
	p->mtu = p->mtu == p->goal ? goal : least(p->mtu, goal);
	p->goal = goal;
	p->floor = least(p->floor, goal);
	probe(p, PMTU_CHECKS, p->mtu, now_ms);
}

static void search(struct pmtu *p, uint16_t low, uint16_t high, uint64_t now_ms)
{
	p->low = low;
	p->high = high;
	if (high - low > PMTU_CLOSE)
		probe(p, PMTU_SEARCHES, (uint16_t)((low + high) / 2), now_ms);
	else
		rest(p, now_ms);
}

/* The echo that is out was lost PMTU_TRIES times. */
static void lost(struct pmtu *p, uint64_t now_ms)
{
	switch (p->state) {
	case PMTU_CHECKS:
		if (p->mtu > p->floor)
			probe(p, PMTU_ASKS, p->floor, now_ms);
		else
			rest(p, now_ms);
		break;
	case PMTU_RAISES:
		if (p->answers) {
			search(p, p->mtu, p->size, now_ms);
			break;
		}
		p->mtu = p->size; /* routers told of the old size, and will tell again if it still holds */
		rest(p, now_ms);
		break;
	case PMTU_SEARCHES:
		search(p, p->low, p->size, now_ms);
		break;
	default: /* nobody answers, which says nothing of sizes */
		rest(p, now_ms);
	}
}

uint16_t pmtu_step(struct pmtu *p, uint64_t now_ms)
{
	if (now_ms < p->due_ms)
		return 0;
	if (p->state == PMTU_RESTS) {
		bool more = p->raise_ms && now_ms >= p->raise_ms;
		if (more)
			p->raise_ms = 0;
		probe(p, more ? PMTU_RAISES : PMTU_CHECKS, more ? p->goal : p->mtu, now_ms);
	} else if (p->tries == PMTU_TRIES) {
		lost(p, now_ms);
		if (now_ms < p->due_ms)
			return 0;
	}
	p->tries++;
	p->due_ms = now_ms + PMTU_TRY_MS;
	return p->size;
}

void pmtu_answered(struct pmtu *p, uint16_t size, uint64_t now_ms)
{
	p->answers = true;
	if (size != p->size)
		return;
	switch (p->state) {
	case PMTU_RAISES:
		p->mtu = size;
		rest(p, now_ms);
		break;
	case PMTU_ASKS: /* short ones pass, the long one did not: use what is sure while searching */
		search(p, size, p->mtu, now_ms);
		p->mtu = size;
		break;
	case PMTU_SEARCHES:
		if (size > p->mtu)
			p->mtu = size;
		search(p, size, p->high, now_ms);
		break;
	case PMTU_CHECKS:
		rest(p, now_ms);
		break;
	case PMTU_RESTS:
		break;
	}
}

void pmtu_told(struct pmtu *p, uint32_t mtu, uint64_t now_ms)
{
	uint16_t m = mtu < p->floor ? p->floor : mtu > p->goal ? p->goal : (uint16_t)mtu;
	if (m < p->mtu) {
		p->mtu = m;
		p->raise_ms = now_ms + PMTU_RAISE_MS;
		probe(p, PMTU_CHECKS, m, now_ms);
	} else if ((p->state == PMTU_RAISES || p->state == PMTU_SEARCHES) && m > p->mtu && m < p->size) {
		probe(p, PMTU_RAISES, m, now_ms); /* about our own echo: so much may pass */
	}
}
