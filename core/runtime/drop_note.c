/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers count beside the books what has not been told yet. Whoever counts the first one leaves a note for the control
 * thread, which takes the whole count when it tells of it: so nothing is lost or told twice, and a flood costs one note
 * for each event. A ring that is full loses notes, not counts: then all of them are looked through.
 */
#include "core/runtime/drop_note.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include <rte_ring_elem.h>

#include "base/clock.h"
#include "core/control/events.h"
#include "core/control/loop.h"
#include "core/control/waker.h"

#define RING 1024 /* notes waiting */
#define LATER_MS 100 /* how often what has to wait is looked at */

struct note {
	uint16_t adapter, policy;
};

static _Atomic uint64_t untold[DP_ADAPTERS_MAX][DROP_POLICY_MAX];

/* When last; 0: never. How long nothing is said then. Control thread. */
static struct {
	uint64_t ms;
	uint32_t silence_ms;
} told[DP_ADAPTERS_MAX][DROP_POLICY_MAX];

static struct rte_ring *ring;
static struct waker waker = WAKER_CLOSED;
static struct loop_source *later;
static atomic_bool lost; /* a note found no room */

/* Notes that wait for their second to be over. */
static struct note waiting[RING];
static unsigned n_waiting;

static struct {
	uint64_t second;
	unsigned events;
} budget;

void drop_note(const struct dp_adapter *a, const struct drop_reason *r)
{
	struct note n = {a->id, r->policy_id};
	if (a->role == PORT_UPLINK)
		return;
	if (atomic_fetch_add_explicit(&untold[n.adapter][n.policy], 1, memory_order_relaxed) || !ring)
		return;
	if (rte_ring_mp_enqueue_elem(ring, &n, sizeof(n)))
		atomic_store(&lost, true);
	waker_wake(&waker);
}

static bool budget_take(uint64_t now_ms)
{
	if (budget.second != now_ms / 1000) {
		budget.second = now_ms / 1000;
		budget.events = 0;
	}
	return budget.events++ < NOTE_EVENTS;
}

static void tell(struct note n, uint64_t now_ms)
{
	const struct dataplane *dp = dataplane_current();
	const struct dp_adapter *a = dp && n.adapter < dp->n_adapters ? dp->adapters[n.adapter] : NULL;
	const struct drop_reason *r = drop_policy_by_id(n.policy);
	uint64_t frames = atomic_exchange_explicit(&untold[n.adapter][n.policy], 0, memory_order_relaxed);
	char object[80], text[512];
	if (!a || !frames)
		return;
	/* It went on: longer silences. It began anew: the text says what it means. */
	uint32_t silence = told[n.adapter][n.policy].silence_ms;
	bool more = told[n.adapter][n.policy].ms && now_ms - told[n.adapter][n.policy].ms < 2 * (uint64_t)silence;
	told[n.adapter][n.policy].silence_ms = more ? RTE_MIN(silence * 2, NOTE_SILENCE_MAX_MS) : NOTE_SILENCE_MS;
	told[n.adapter][n.policy].ms = now_ms;
	snprintf(object, sizeof(object), "adapter %s", a->name);
	const char *s = frames == 1 ? "" : "s";
	if (more)
		snprintf(text, sizeof(text), "%" PRIu64 " frame%s more dropped (%s)", frames, s, r->name);
	else
		snprintf(text, sizeof(text), "%" PRIu64 " frame%s dropped (%s): %s", frames, s, r->name, r->help);
	events_add_drop(object, text, r->name, frames);
}

static bool must_wait(struct note n, uint64_t now_ms)
{
	uint64_t before_ms = told[n.adapter][n.policy].ms;
	return (before_ms && now_ms - before_ms < told[n.adapter][n.policy].silence_ms) || !budget_take(now_ms);
}

static void on_later(void *arg);

static void tell_or_wait(struct note n, uint64_t now_ms)
{
	if (!must_wait(n, now_ms)) {
		tell(n, now_ms);
		return;
	}
	if (n_waiting == RING || (!later && !(later = loop_add_timer(LATER_MS, LATER_MS, on_later, NULL)))) {
		atomic_store(&lost, true);
		return;
	}
	waiting[n_waiting++] = n;
}

/* Notes got lost: what is untold is found by looking at all. */
static void look_through(uint64_t now_ms)
{
	n_waiting = 0;
	for (uint16_t a = 0; a < DP_ADAPTERS_MAX; a++)
		for (uint16_t p = 0; p < DROP_POLICY_MAX; p++)
			if (atomic_load_explicit(&untold[a][p], memory_order_relaxed))
				tell_or_wait((struct note){a, p}, now_ms);
}

static void on_later(void *arg)
{
	uint64_t now_ms = clock_now_ns() / 1000000;
	unsigned n = n_waiting;
	static struct note due[RING];
	if (atomic_exchange(&lost, false)) {
		look_through(now_ms);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		due[i] = waiting[i];
	n_waiting = 0;
	for (unsigned i = 0; i < n; i++)
		tell_or_wait(due[i], now_ms);
	if (n_waiting || atomic_load(&lost))
		return;
	loop_remove(later);
	later = NULL;
}

static void on_note(void)
{
	uint64_t now_ms = clock_now_ns() / 1000000;
	struct note n;
	for (unsigned i = 0; i < RING && !rte_ring_sc_dequeue_elem(ring, &n, sizeof(n)); i++)
		tell_or_wait(n, now_ms);
	if (atomic_exchange(&lost, false))
		look_through(now_ms);
}

int drop_notes_init(void)
{
	ring = rte_ring_create_elem("drop notes", sizeof(struct note), RING, SOCKET_ID_ANY, RING_F_SC_DEQ);
	if (!ring)
		return -ENOMEM;
	int rc = waker_open(&waker, on_note);
	if (rc)
		drop_notes_fini();
	return rc;
}

void drop_notes_fini(void)
{
	waker_close(&waker);
	loop_remove(later);
	rte_ring_free(ring);
	later = NULL;
	ring = NULL;
	n_waiting = 0;
	atomic_store(&lost, false);
}
