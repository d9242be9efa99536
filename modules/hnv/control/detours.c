/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that do not lead where they say. For a moment: one that is to lead to another host goes on leading to the one
 * before, which may be this one, until the path to the new one is known (make before break). And for long: the host that it says told that the
 * guest is at another one now (control messages, heard.c). Both end when the record is set, or leads elsewhere.
 */
#include "modules/hnv/control/detours.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "modules/hnv/control/inforce.h"
#include "modules/hnv/control/locals.h"
#include "modules/hnv/control/nexts.h"
#include "modules/hnv/control/held.h"
#include "modules/provider/provider.h"

#define BUCKETS 4096
#define WAITING_MAX 16384 /* records; more at once lead on at once */

struct detour {
	struct hnvc_record *record;
	struct hnvc_target waits; /* where it will lead, held; next HNV_NEXT_NONE: it does not wait */
	uint64_t until_ms;
	struct ip to; /* told; family 0: nobody did */
	struct detour *chain;
	TAILQ_ENTRY(detour) of_waiting, of_told;
};

static struct detour *buckets[BUCKETS];
static TAILQ_HEAD(, detour) waiting = TAILQ_HEAD_INITIALIZER(waiting), told = TAILQ_HEAD_INITIALIZER(told);
static unsigned n_waiting, n_told;

static struct detour **place_of(const struct hnvc_record *r)
{
	uint64_t h = (uintptr_t)r * 0x9e3779b97f4a7c15ULL;
	struct detour **at = &buckets[h >> 52 & (BUCKETS - 1)];
	while (*at && (*at)->record != r)
		at = &(*at)->chain;
	return at;
}

static struct detour *detour_get(struct hnvc_record *r)
{
	struct detour **at = place_of(r);
	if (!*at && (*at = calloc(1, sizeof(**at)))) {
		(*at)->record = r;
		r->detoured = true;
	}
	return *at;
}

/* One that neither waits nor was told is none. */
static void detour_put(struct detour *d)
{
	if (d->waits.next || d->to.family)
		return;
	d->record->detoured = false;
	*place_of(d->record) = d->chain;
	free(d);
}

static void wait_end(struct detour *d)
{
	if (!d->waits.next)
		return;
	TAILQ_REMOVE(&waiting, d, of_waiting);
	n_waiting--;
	d->waits.next = HNV_NEXT_NONE;
}

static void told_end(struct detour *d)
{
	if (!d->to.family)
		return;
	TAILQ_REMOVE(&told, d, of_told);
	n_told--;
	d->to.family = 0;
}

static void detour_end(struct hnvc_record *r)
{
	struct detour *d = r->detoured ? *place_of(r) : NULL;
	if (!d)
		return;
	struct hnvc_target target = d->waits;
	wait_end(d);
	told_end(d);
	detour_put(d);
	if (target.next)
		hnvc_target_release(&target);
}

static const struct hnv_peer *tunnel_of(uint16_t next)
{
	const struct hnv_peer *peer = hnv_peer_of(next);
	return peer && peer->next.kind == HNV_TUNNEL ? peer : NULL;
}

static bool has_way(const struct hnv_peer *peer) { return atomic_load(&peer->path->way); }

/* Can what the record finds now still be delivered: here, or by a path that is known? */
static bool delivers(uint16_t next)
{
	const struct hnv_next *n = atomic_load(&hnv_nexts[next]);
	const struct hnv_peer *from = tunnel_of(next);
	const struct hnvc_local *l = n && n->kind == HNV_LOCAL ? hnvc_local_by_id(n->adapter) : NULL;
	return from ? has_way(from) : l && l->next == n; /* not one that is about to go */
}

/* True: not now; the hold on t is taken over. */
static bool detour_wait(struct hnvc_record *r, const struct hnvc_target *t)
{
	const struct hnv_peer *to = tunnel_of(t->next);
	if (!r->shown || !t->shown || !to || has_way(to) || !delivers(r->next) || n_waiting >= WAITING_MAX)
		return false;
	struct detour *d = detour_get(r);
	if (!d)
		return false;
	d->waits = *t;
	d->until_ms = clock_now_ns() / 1000000 + HNVC_WAIT_MS;
	TAILQ_INSERT_TAIL(&waiting, d, of_waiting);
	n_waiting++;
	return true;
}

int hnvc_record_lead(struct hnvc_record *r, const struct hnvc_target *t)
{
	detour_end(r);
	return detour_wait(r, t) ? 0 : hnvc_record_lead_now(r, t);
}

void hnvc_record_stop(struct hnvc_record *r)
{
	(void)hnvc_record_lead(r, &(struct hnvc_target){.next = HNV_NEXT_NOWHERE});
}

void hnvc_record_leave(struct hnvc_record *r)
{
	hnvc_record_stop(r);
	hnvc_record_free(r);
}

/* What was waited for is there, or was waited for long enough. */
static void go(struct detour *d)
{
	char text[HNVC_RECORD_TEXT];
	struct hnvc_record *r = d->record;
	struct hnvc_target target = d->waits;
	wait_end(d);
	detour_put(d);
	if (!hnvc_record_lead_now(r, &target))
		return;
	hnvc_target_release(&target);
	log_error(hnvc_record_text(r->subnet->vsid, &r->pub.customer, text), "out of memory: it leads where it did");
}

void hnvc_detours_path_changed(struct provider_path *path)
{
	struct detour *d, *next;
	bool any = false;
	if (!atomic_load(&path->way))
		return;
	for (d = TAILQ_FIRST(&waiting); d; d = next) {
		next = TAILQ_NEXT(d, of_waiting);
		const struct hnv_peer *to = hnv_peer_of(d->waits.next);
		if (!to || to->path != path)
			continue;
		go(d);
		any = true;
	}
	if (any)
		hnvc_flush();
}

void hnvc_detours_tick(void)
{
	uint64_t now = clock_now_ns() / 1000000;
	struct detour *d;
	while ((d = TAILQ_FIRST(&waiting)) && d->until_ms <= now)
		go(d); /* hnv_tick flushes */
}

const struct ip *hnvc_redirected_to(const struct hnvc_record *r)
{
	const struct detour *d = r->detoured ? *place_of(r) : NULL;
	return d && d->to.family ? &d->to : NULL;
}

unsigned hnvc_redirects(void) { return n_told; }

static int lead_to(struct hnvc_record *r, const struct ip *provider, struct err *e)
{
	struct hnv_record there = r->pub;
	struct hnvc_target target;
	there.provider = *provider;
	int rc = hnvc_target_find(RUNS, r->subnet, &there, &target, e);
	if (rc)
		return rc;
	rc = hnvc_record_lead(r, &target);
	if (rc)
		hnvc_target_release(&target);
	return rc;
}

void hnvc_redirect_end(struct hnvc_record *r)
{
	char text[HNVC_RECORD_TEXT], why[256];
	struct err e = {0};
	if (hnvc_redirected_to(r) && lead_to(r, &r->pub.provider, &e))
		log_error(hnvc_record_text(r->subnet->vsid, &r->pub.customer, text), "stays redirected: %s",
			  err_format(&e, why, sizeof(why)));
}

int hnvc_redirect(struct hnvc_record *r, const struct ip *to)
{
	struct err e = {0};
	if (n_told >= HNVC_REDIRECTS_MAX)
		hnvc_redirect_end(TAILQ_FIRST(&told)->record);
	int rc = lead_to(r, to, &e);
	if (rc)
		return rc;
	struct detour *d = detour_get(r);
	if (!d)
		return -ENOMEM; /* it leads there, and nobody would know: until it is set, as well */
	d->to = *to;
	TAILQ_INSERT_TAIL(&told, d, of_told);
	n_told++;
	return 0;
}
