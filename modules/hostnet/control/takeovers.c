/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See takeovers.h. An interface is noted in the moment before port-wire silences it, inside vswitch's prepare;
 * ours then takes what was noted. If the transaction fails before it comes to us, the stack speaks again and
 * gets back from the note what silence cost it (IPv6).
 */
#include "modules/hostnet/control/takeovers.h"

#include <errno.h>
#include <jansson.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "api/document.h"
#include "base/err.h"
#include "base/log.h"
#include "core/control/engine.h"
#include "core/control/interface.h"
#include "core/control/module.h"
#include "core/control/netlink.h"
#include "modules/hostnet/control/adapter.h"
#include "modules/hostnet/control/contest.h"
#include "modules/hostnet/control/move.h"
#include "modules/hostnet/control/route.h"
#include "modules/hostnet/control/uplinks.h"
#include "modules/hostnet/control/warnings.h"

#define FACT "takeover"

static struct takeover *taken; /* in force, or being taken in this transaction */
static struct takeover *noted; /* to be taken, or given back by a transaction that is not over */

/* ---- lists --------------------------------------------------------------------------------------------- */

static struct takeover *find(struct takeover *list, const char *ifname)
{
	for (struct takeover *t = list; t; t = t->next)
		if (!strcmp(t->ifname, ifname))
			return t;
	return NULL;
}

static void push(struct takeover **list, struct takeover *t)
{
	t->next = *list;
	*list = t;
}

static struct takeover *pull(struct takeover **list, const char *ifname)
{
	for (struct takeover **at = list; *at; at = &(*at)->next) {
		struct takeover *t = *at;
		if (!strcmp(t->ifname, ifname)) {
			*at = t->next;
			t->next = NULL;
			return t;
		}
	}
	return NULL;
}

static void free_list(struct takeover **list)
{
	while (*list) {
		struct takeover *t = *list;
		*list = t->next;
		takeover_free(t);
	}
}

void takeovers_load(struct takeover **list)
{
	json_t *fact = engine_fact_get(FACT), *one;
	const char *ifname;
	json_object_foreach(fact, ifname, one) {
		struct takeover *t;
		if (takeover_decode(ifname, one, &t) == 0)
			push(list, t);
		else
			log_error("host", "the way back of %s cannot be read; its addresses are not given back",
				  ifname);
	}
	json_decref(fact);
}

/* Booted since it was taken: the interface was set up afresh, and what it has now is what it will want back. */
static bool supersedes(const struct takeover *now, const struct takeover *t)
{
	return !t || (strcmp(t->boot, now->boot) != 0 && takeover_has_address(now));
}

int takeovers_store(void)
{
	json_t *fact = json_object();
	int rc = fact ? 0 : -ENOMEM;
	for (const struct takeover *t = taken; t && !rc; t = t->next)
		rc = json_object_set_new(fact, t->ifname, takeover_encode(t)) < 0 ? -ENOMEM : 0;
	for (const struct takeover *t = noted; t && !rc; t = t->next)
		if (t->silencing && supersedes(t, find(taken, t->ifname)))
			rc = json_object_set_new(fact, t->ifname, takeover_encode(t)) < 0 ? -ENOMEM : 0;
	if (!rc)
		rc = engine_fact_set(FACT, json_object_size(fact) ? fact : NULL);
	json_decref(fact);
	return rc;
}

void takeovers_load_all(void)
{
	static bool loaded;
	if (!loaded)
		takeovers_load(&taken);
	loaded = true;
}

/* Nobody will take these: nothing is owed for them any more. */
static void noted_drop(void)
{
	bool on_disk = false;
	for (const struct takeover *t = noted; t; t = t->next)
		on_disk = on_disk || t->silencing;
	free_list(&noted);
	if (on_disk)
		(void)takeovers_store();
}

/* ---- around the silence -------------------------------------------------------------------------------- */

/* On disk before silence takes the IPv6 addresses: whoever is killed now owes them already. */
static int before_silence(const char *ifname, struct err *e)
{
	struct netlink *nl;
	struct takeover *t;
	int rc = netlink_open(-1, &nl);
	if (rc < 0)
		return err_set(e, -rc, NULL, "rtnetlink cannot be used: %s", strerror(-rc));
	rc = takeover_note(nl, ifname, &t, e);
	netlink_close(nl);
	if (rc < 0)
		return rc;
	takeover_free(pull(&noted, ifname));
	push(&noted, t);
	t->silencing = true;
	rc = takeovers_store();
	if (rc < 0) {
		takeover_free(pull(&noted, ifname));
		return err_set(e, -rc, NULL, "the way back of %s cannot be stored: %s", ifname, strerror(-rc));
	}
	return 0;
}

static void after_silence(const char *ifname)
{
	struct netlink *nl;
	struct takeover *t = pull(&noted, ifname);
	if (t && netlink_open(-1, &nl) == 0) {
		(void)takeover_give_back(nl, t);
		netlink_close(nl);
	}
	if (t && t->silencing) {
		t->silencing = false;
		(void)takeovers_store();
	}
	takeover_free(t);
}

const struct interface_listener takeovers_listener = {.before_silence = before_silence,
						      .after_silence = after_silence};

/* ---- taking -------------------------------------------------------------------------------------------- */

static const char *tap_for(const struct host_adapters *adapters, const char *ifname)
{
	for (size_t i = 0; i < adapters->n; i++)
		if (!strcmp(adapters->at[i].takes_over, ifname))
			return adapters->at[i].ifname;
	return "";
}

static uint32_t index_of(struct netlink *nl, const char *name)
{
	struct netlink_link link;
	return netlink_link_get(nl, name, &link) == 0 ? (uint32_t)link.index : 0;
}

/* The takeover of this interface, in `taken`; fresh if it is new. NULL and 0: it is not there yet. */
static int open_takeover(struct netlink *nl, const char *ifname, bool wait, struct takeover **ret, struct err *e)
{
	struct takeover *t = find(taken, ifname), *n = pull(&noted, ifname);
	*ret = t;
	if (t && n && supersedes(n, t)) {
		takeover_free(pull(&taken, ifname));
		t = NULL;
	} else if (t && n) {
		/* It stood in while weftd was away, or somebody gave it addresses. */
		if (*t->tap)
			(void)takeover_replay(nl, t, e);
		*e = (struct err){0};
		takeover_strip(nl, n);
		takeover_free(n);
		return 0;
	} else if (t) {
		return 0;
	}
	int rc = n ? 0 : takeover_note(nl, ifname, &n, e);
	if (rc == -ENODEV && wait)
		return 0;
	if (rc < 0)
		return rc;
	n->silencing = false;
	n->fresh = true; /* from here on undo puts it back as it was */
	push(&taken, n);
	*ret = n;
	return takeover_check(n, e);
}

/* Who carries its addresses from now on; "": nobody. */
static int hand_over(struct netlink *nl, struct takeover *t, const char *tap, struct err *e)
{
	char boot[40];
	takeover_boot_id(boot);
	if (t->fresh) {
		if (*tap)
			return takeover_move(nl, t, e);
		takeover_strip(nl, t);
		return 0;
	}
	if (*tap && *t->tap && strcmp(t->tap, tap) != 0) {
		snprintf(t->before_tap, sizeof(t->before_tap), "%s", t->tap);
		return takeover_follow(nl, t, tap, e);
	}
	bool new_tap = *tap && (!*t->tap || t->tap_ifindex != index_of(nl, tap) || strcmp(t->boot, boot) != 0);
	snprintf(t->tap, sizeof(t->tap), "%s", tap);
	if (!new_tap)
		return 0;
	log_info("host", "%s carries on for %s again", tap, t->ifname);
	return takeover_replay(nl, t, e);
}

/* Killed in the middle of taking, an earlier weftd left on the interface what the adapter gets again. */
static void strip_leftovers(struct netlink *nl, struct takeover *t)
{
	struct records there;
	if (address_dump(nl, index_of(nl, t->ifname), &there) < 0)
		return;
	if (there.n)
		takeover_strip(nl, t);
	records_clear(&there);
}

static int take(struct netlink *nl, const struct uplink *u, const char *tap, struct txn *txn, struct err *e)
{
	struct takeover *t;
	int rc = open_takeover(nl, u->ifname, txn->restarting, &t, e);
	if (!t)
		return rc;
	if (rc < 0 && txn->restarting) { /* there is nobody to refuse to: what can move does */
		log_error("host", "%s", e->text);
		*e = (struct err){0};
		rc = 0;
	}
	if (rc < 0)
		return rc;
	if (t->fresh && !txn->restarting)
		warn_of_takeover(t, tap, txn->next, txn->warnings);
	if (t->fresh) {
		snprintf(t->tap, sizeof(t->tap), "%s", tap);
		rc = takeovers_store(); /* before anything moves */
	}
	if (rc < 0)
		return err_set(e, -rc, NULL, "the way back of %s cannot be stored: %s", u->ifname, strerror(-rc));
	rc = hand_over(nl, t, tap, e);
	if (rc < 0 && txn->restarting) {
		log_error("host", "%s", e->text);
		return 0;
	}
	if (rc == 0 && !t->fresh)
		strip_leftovers(nl, t);
	if (rc == 0 && t->fresh && *tap && takeover_has_address(t))
		log_info("host", "%s carries on for %s", tap, u->ifname);
	return rc;
}

int takeovers_prepare(struct netlink *nl, struct txn *t, const struct host_adapters *adapters, struct err *e)
{
	struct uplink u;
	for (size_t i = 0; uplink_at(t->next, i, &u); i++) {
		int rc = u.ifname ? take(nl, &u, tap_for(adapters, u.ifname), t, e) : 0;
		if (rc < 0) {
			if (!e->path[0])
				snprintf(e->path, sizeof(e->path), "%s", u.path);
			takeovers_undo(nl);
			return rc;
		}
	}
	return 0;
}

int takeovers_preview(struct netlink *nl, struct txn *t, struct err *e)
{
	struct host_adapters adapters;
	struct uplink u;
	int rc = adapters_build(t->next, &adapters, e);
	if (rc < 0)
		return rc;
	for (size_t i = 0; !rc && uplink_at(t->next, i, &u); i++) {
		struct takeover *seen = NULL;
		if (!u.ifname || find(taken, u.ifname))
			continue;
		rc = takeover_note(nl, u.ifname, &seen, e);
		if (!rc)
			rc = takeover_check(seen, e);
		if (!rc)
			warn_of_takeover(seen, tap_for(&adapters, u.ifname), t->next, t->warnings);
		else if (!e->path[0])
			snprintf(e->path, sizeof(e->path), "%s", u.path);
		takeover_free(seen);
	}
	adapters_free(&adapters);
	return rc;
}

/* ---- and giving back ----------------------------------------------------------------------------------- */

/* Out of force; kept noted until its port is closed, which may cost it something once more. */
static void give_back(struct netlink *nl, struct takeover *t)
{
	(void)takeover_give_back(nl, t);
	pull(&taken, t->ifname);
	push(&noted, t);
}

void takeovers_undo(struct netlink *nl)
{
	struct takeover *next;
	for (struct takeover *t = taken; t; t = next) {
		struct err e = {0};
		next = t->next;
		if (t->fresh)
			give_back(nl, t);
		else if (*t->before_tap && takeover_follow(nl, t, t->before_tap, &e) < 0)
			log_error("host", "%s", e.text);
		t->fresh = false;
		t->before_tap[0] = '\0';
	}
	(void)takeovers_store();
}

void takeovers_commit(struct netlink *nl, const struct api_document *doc)
{
	struct takeover *next;
	bool changed = false;
	for (struct takeover *t = taken; t; t = next) {
		next = t->next;
		if (!uplinks_name(doc, t->ifname)) {
			give_back(nl, t);
			log_info("host", "%s has its addresses back", t->ifname);
			changed = true;
			continue;
		}
		changed = changed || t->fresh || *t->before_tap;
		t->fresh = false;
		t->before_tap[0] = '\0';
		contest_keep_off(nl, t);
	}
	if (changed || taken) /* a tap's index may have changed, too */
		(void)takeovers_store();
}

void takeovers_retire(void) { noted_drop(); }

void takeovers_restore(struct netlink *nl)
{
	while (taken)
		give_back(nl, taken);
	(void)takeovers_store();
}

void takeovers_stand_in(struct netlink *nl)
{
	for (struct takeover *t = taken; t; t = t->next)
		if (*t->tap)
			takeover_stand_in(nl, t);
}

void takeovers_fini(void)
{
	free_list(&taken);
	free_list(&noted);
}

/* ---- while it runs ------------------------------------------------------------------------------------- */

bool takeovers_tick(struct netlink *nl, const struct api_document *doc, const struct host_adapters *adapters)
{
	struct uplink u;
	bool any = false;
	for (size_t i = 0; noted && uplink_at(doc, i, &u); i++) {
		struct txn late = {.next = doc, .restarting = true};
		struct err e = {0};
		if (!u.ifname || !find(noted, u.ifname))
			continue;
		if (take(nl, &u, tap_for(adapters, u.ifname), &late, &e) < 0)
			log_error("host", "%s", e.text);
		any = true;
	}
	if (any)
		takeovers_commit(nl, doc);
	noted_drop();
	return any;
}

int takeovers_replay(struct netlink *nl, const char *tap)
{
	int first = 0;
	for (struct takeover *t = taken; t; t = t->next) {
		struct err e = {0};
		if (strcmp(t->tap, tap) != 0)
			continue;
		int rc = takeover_replay(nl, t, &e);
		if (rc < 0)
			log_error("host", "%s", e.text);
		first = first ? first : rc;
	}
	(void)takeovers_store();
	return first;
}

struct takeover *takeovers_list(void) { return taken; }

struct takeover *takeovers_by_tap(const char *tap)
{
	for (struct takeover *t = taken; t; t = t->next)
		if (!strcmp(t->tap, tap))
			return t;
	return NULL;
}
