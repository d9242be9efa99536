/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See rollback.h. After a change that was not confirmed, adapters stay that the document before had, too: the next
 * weftd takes them up again. Otherwise none stay.
 */
#include "modules/hostnet/control/rollback.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api/document.h"
#include "base/err.h"
#include "base/log.h"
#include "core/control/engine.h"
#include "core/control/guard.h"
#include "core/control/netlink.h"
#include "modules/hostnet/control/adapter.h"
#include "modules/hostnet/control/dns.h"
#include "modules/hostnet/control/others.h"
#include "modules/hostnet/control/strong_host.h"
#include "modules/hostnet/control/takeovers.h"

#define FACT "host-taps"
#define TAP_ALIAS "weft:" /* port-tap marks its own so */

static void add_taps(json_t *taps, const struct host_adapters *list)
{
	for (size_t i = 0; list && i < list->n; i++) {
		json_t *name = json_string(list->at[i].ifname);
		bool there = false;
		for (size_t k = 0; k < json_array_size(taps); k++)
			there = there || json_equal(json_array_get(taps, k), name);
		if (!there)
			json_array_append(taps, name);
		json_decref(name);
	}
}

void host_taps_store(const struct host_adapters *running, const struct host_adapters *preparing)
{
	json_t *now = json_array(), *before = engine_fact_get(FACT);
	add_taps(now, running);
	add_taps(now, preparing);
	if (!json_equal(now, before))
		(void)engine_fact_set(FACT, json_array_size(now) ? now : NULL);
	json_decref(before);
	json_decref(now);
}

static bool is_kept(const struct api_document *before, const struct takeover *taken, const char *tap)
{
	for (const struct takeover *t = taken; t; t = t->next)
		if (!strcmp(t->tap, tap))
			return false; /* it has nothing left to carry on */
	for (size_t i = 0; before && i < before->n_adapters; i++) {
		const struct api_adapter *ad = &before->adapters[i];
		if (ad->owner == API_OWNER_HOST && !strcmp(ad->attach.tap ? ad->attach.tap : ad->name, tap))
			return true;
	}
	return before && api_document_switch(before, tap); /* one that allow-management-os made */
}

static void remove_tap(struct netlink *nl, const char *tap)
{
	struct netlink_link link;
	struct dns none = {.ifname = tap};
	(void)dns_set(&none);
	others_stop_clients(tap, false);
	others_let_in(tap, &(struct others){0});
	if (netlink_link_get(nl, tap, &link) < 0 || strncmp(link.alias, TAP_ALIAS, strlen(TAP_ALIAS)) != 0)
		return;
	int rc = netlink_link_delete(nl, link.index);
	if (rc < 0)
		log_warning("host", "%s cannot be removed: %s", tap, strerror(-rc));
}

static void remove_taps(struct netlink *nl, const struct takeover *taken)
{
	struct api_document *before = guard_document();
	json_t *taps = engine_fact_get(FACT), *tap;
	size_t i;
	for (const struct takeover *t = taken; t; t = t->next)
		if (*t->tap)
			remove_tap(nl, t->tap);
	json_array_foreach(taps, i, tap) {
		const char *name = json_string_value(tap);
		if (name && !is_kept(before, taken, name))
			remove_tap(nl, name);
	}
	if (!before)
		host_taps_store(NULL, NULL);
	json_decref(taps);
	api_document_free(before);
}

int hostnet_rollback(const char *state_dir, struct err *e)
{
	struct netlink *nl;
	struct takeover *taken = NULL, *next;
	int rc = netlink_open(-1, &nl), failed = 0;
	if (rc < 0)
		return err_set(e, -rc, NULL, "rtnetlink cannot be used: %s", strerror(-rc));
	takeovers_load(&taken);
	for (struct takeover *t = taken; t; t = t->next)
		if (takeover_give_back(nl, t) < 0) {
			failed = -EIO;
			err_set(e, EIO, NULL, "%s did not get everything back that it had", t->ifname);
		}
	remove_taps(nl, taken);
	(void)strong_host_sync(nl, NULL, 0, SYNC_REMOVE); /* rules of interfaces that are gone now */
	rc = takeovers_store();
	for (struct takeover *t = taken; t; t = next) {
		next = t->next;
		takeover_free(t);
	}
	netlink_close(nl);
	if (failed)
		return failed;
	return rc < 0 ? err_set(e, -rc, NULL, "the fact of what was taken cannot be removed: %s", strerror(-rc)) : 0;
}
