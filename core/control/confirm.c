/* SPDX-License-Identifier: Apache-2.0 */
/* The confirmation window of weftd: deadline, timer, and what is on disk about it. */
#include "core/control/confirm.h"

#include <errno.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "core/control/guard.h"
#include "core/control/loop.h"
#include "core/control/store.h"

#define RETRY_MS 5000
#define NS_PER_S 1000000000ull

struct window {
	bool waits;
	struct store_pending pending;
	uint64_t deadline_ns; /* monotonic: a clock set meanwhile changes nothing */
};

static struct window window, before; /* before: for confirm_undo */
static struct loop_source *timer;
static bool (*on_expiry)(void);

void confirm_on_expiry(bool (*fn)(void)) { on_expiry = fn; }

static void expired(void *unused);

static void timer_set(uint64_t ms)
{
	loop_remove(timer);
	timer = loop_add_timer(ms, 0, expired, NULL);
	if (!timer)
		log_error("host", "out of memory: only the guard will take an unconfirmed change back");
}

static void timer_follow(void)
{
	uint64_t now = clock_now_ns();
	if (window.waits) {
		timer_set(window.deadline_ns > now ? (window.deadline_ns - now + 999999) / 1000000 : 0);
	} else {
		loop_remove(timer);
		timer = NULL;
	}
}

static void expired(void *unused)
{
	timer = NULL; /* it fires once */
	if (window.waits && !on_expiry())
		timer_set(RETRY_MS);
}

int confirm_begin(uint64_t previous, uint32_t within_s, struct err *e)
{
	before = window;
	struct window next = {.waits = true,
			      .pending = {.previous = window.waits ? window.pending.previous : previous,
					  .deadline_ms = clock_wall_ms() + within_s * 1000ull,
					  .within_s = within_s},
			      .deadline_ns = clock_now_ns() + within_s * NS_PER_S};
	int r = store_pending_set(&next.pending, e);
	if (r < 0)
		return r;
	window = next;
	r = guard_spawn(e);
	if (r < 0) {
		confirm_undo();
		return r;
	}
	timer_follow();
	return 0;
}

void confirm_undo(void)
{
	struct err e;
	if (store_pending_set(before.waits ? &before.pending : NULL, &e) < 0)
		log_error("host", "%s", e.text);
	window = before;
	timer_follow();
}

void confirm_resume(void)
{
	struct store_pending p;
	struct err e;
	if (!store_pending_get(NULL, &p))
		return;
	uint64_t now_ms = clock_wall_ms(), longest_ms = p.within_s * 1000ull;
	uint64_t left_ms = p.deadline_ms > now_ms ? p.deadline_ms - now_ms : 0;
	if (left_ms > longest_ms)
		left_ms = longest_ms; /* the clock was set back */
	window = (struct window){.waits = true, .pending = p, .deadline_ns = clock_now_ns() + left_ms * 1000000ull};
	if (guard_spawn(&e) < 0)
		log_error("host", "%s; an unconfirmed change is taken back only while weftd runs", e.text);
	timer_follow();
}

void confirm_settle(void)
{
	window = (struct window){0};
	timer_follow();
}

bool confirm_waits(uint64_t *ret_previous)
{
	if (window.waits && ret_previous)
		*ret_previous = window.pending.previous;
	return window.waits;
}

bool confirm_over(void) { return window.waits && window.deadline_ns <= clock_now_ns(); }

uint32_t confirm_left_s(void)
{
	uint64_t now = clock_now_ns();
	if (!window.waits)
		return 0;
	/* While a rollback that failed is tried again the window is over but something still waits. */
	return window.deadline_ns > now ? (uint32_t)((window.deadline_ns - now + NS_PER_S - 1) / NS_PER_S) : 1;
}
