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
#include "modules/hostnet/control/move.h"
#include "modules/hostnet/control/route.h"
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

int takeovers_store(const struct takeover *list)
{
	json_t *fact = json_object();
	int rc = fact ? 0 : -ENOMEM;
	for (const struct takeover *t = list; t && !rc; t = t->next)
		if (json_object_set_new(fact, t->ifname, takeover_encode(t)) < 0)
			rc = -ENOMEM;
	if (!rc)
		rc = engine_fact_set(FACT, list ? fact : NULL);
	json_decref(fact);
	return rc;
}

void takeovers_load_all(void) { takeovers_load(&taken); }

/* ---- around the silence -------------------------------------------------------------------------------- */

static void before_silence(const char *ifname)
{
	struct netlink *nl;
	struct takeover *t;
	struct err e = {0};
	if (netlink_open(-1, &nl) < 0)
		return;
	if (takeover_note(nl, ifname, &t, &e) == 0) {
		takeover_free(pull(&noted, ifname));
		push(&noted, t);
	}
	netlink_close(nl);
}

static void after_silence(const char *ifname)
{
	struct netlink *nl;
	struct takeover *t = pull(&noted, ifname);
	if (t && netlink_open(-1, &nl) == 0) {
		(void)takeover_give_back(nl, t);
		netlink_close(nl);
	}
	takeover_free(t);
}

const struct interface_listener takeovers_listener = {.before_silence = before_silence,
						      .after_silence = after_silence};

/* ---- which interfaces a document takes ----------------------------------------------------------------- */

struct uplink {
	const char *ifname; /* NULL: none */
	char path[48];
};

/* The i-th interface that the document names, uplinks first; false: there are no more. */
static bool uplink_at(const struct api_document *doc, size_t i, struct uplink *ret)
{
	*ret = (struct uplink){0};
	if (i < doc->n_switches) {
		const struct api_switch *sw = &doc->switches[i];
		snprintf(ret->path, sizeof(ret->path), "switches[%zu].uplink", i);
		ret->ifname = sw->type == API_SWITCH_EXTERNAL ? sw->uplink.interface : NULL;
		return true;
	}
	i -= doc->n_switches;
	if (i >= doc->n_adapters)
		return false;
	snprintf(ret->path, sizeof(ret->path), "adapters[%zu].attach.interface", i);
	ret->ifname = doc->adapters[i].attach.interface;
	return true;
}

static bool document_takes(const struct api_document *doc, const char *ifname)
{
	struct uplink u;
	for (size_t i = 0; uplink_at(doc, i, &u); i++)
		if (u.ifname && !strcmp(u.ifname, ifname))
			return true;
	return false;
}

static const char *tap_for(const struct host_adapters *adapters, const char *ifname)
{
	for (size_t i = 0; i < adapters->n; i++)
		if (!strcmp(adapters->at[i].takes_over, ifname))
			return adapters->at[i].ifname;
	return "";
}

/* ---- taking -------------------------------------------------------------------------------------------- */

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
	if (t && n && strcmp(t->boot, n->boot) != 0 && takeover_has_address(n)) {
		/* Booted since: the interface was set up afresh, and this is what it will want back. */
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
		rc = takeovers_store(taken); /* before anything moves */
	}
	if (rc < 0)
		return err_set(e, -rc, NULL, "the way back of %s cannot be stored: %s", u->ifname, strerror(-rc));
	rc = hand_over(nl, t, tap, e);
	if (rc < 0 && txn->restarting) {
		log_error("host", "%s", e->text);
		return 0;
	}
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
	(void)takeovers_store(taken);
}

void takeovers_commit(struct netlink *nl, const struct api_document *doc)
{
	struct takeover *next;
	bool changed = false;
	for (struct takeover *t = taken; t; t = next) {
		next = t->next;
		if (!document_takes(doc, t->ifname)) {
			give_back(nl, t);
			log_info("host", "%s has its addresses back", t->ifname);
			changed = true;
			continue;
		}
		changed = changed || t->fresh || *t->before_tap;
		t->fresh = false;
		t->before_tap[0] = '\0';
		others_keep_off(t->ifname);
	}
	if (changed || taken) /* a tap's index may have changed, too */
		(void)takeovers_store(taken);
}

void takeovers_retire(void) { free_list(&noted); }

void takeovers_restore(struct netlink *nl)
{
	while (taken)
		give_back(nl, taken);
	(void)takeovers_store(NULL);
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
	free_list(&noted);
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
	(void)takeovers_store(taken);
	return first;
}

const struct takeover *takeovers_by_tap(const char *tap)
{
	for (const struct takeover *t = taken; t; t = t->next)
		if (!strcmp(t->tap, tap))
			return t;
	return NULL;
}

/* Addresses that came onto a taken interface. */
static void take_off(struct netlink *nl, struct takeover *t, uint32_t ifindex, const struct records *intruders)
{
	char who[96], text[IP_PREFIX_TEXT_SIZE];
	struct records routes = {0}, none = {0};
	struct record_view v;
	uint32_t tap = *t->tap ? index_of(nl, t->tap) : 0;
	others_culprit(t->ifname, who, sizeof(who));
	for (size_t i = 0; i < intruders->n; i++)
		if (record_view(&intruders->at[i], &v) == 0)
			log_warning(
				"host",
				"%s gave %s the address %s, which is taken off again: the interface is a switch's uplink",
				who, t->ifname, ip_prefix_format(&v.prefix, text));
	others_stop_clients(t->ifname);
	if (tap)
		(void)route_dump(nl, tap, &routes);
	struct move m = {
		.nl = nl, .addresses = intruders, .routes = &none, .neighbours = &none, .from = {ifindex, t->ifname}};
	move_break(&m);
	/* Some kernels drop the tap's routes from the same source address along with it. */
	struct move again = {.nl = nl,
			     .addresses = &none,
			     .routes = &routes,
			     .neighbours = &none,
			     .from = {tap, t->tap},
			     .to = {tap, t->tap},
			     .try_all = true};
	struct err ignored = {0};
	if (tap)
		(void)move_make(&again, &ignored);
	records_clear(&routes);
	others_keep_off(t->ifname);
}

void takeovers_clean(struct netlink *nl, uint32_t ifindex)
{
	char name[IFNAMSIZ];
	struct records there;
	struct takeover *t = if_indextoname(ifindex, name) ? find(taken, name) : NULL;
	if (!t || t->fresh || address_dump(nl, ifindex, &there) < 0)
		return;
	if (there.n)
		take_off(nl, t, ifindex, &there);
	records_clear(&there);
}
