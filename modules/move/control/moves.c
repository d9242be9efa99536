/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/move/control/moves.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "base/log.h"
#include "core/control/engine.h"
#include "core/http/server.h"
#include "modules/move/control/edit.h"
#include "modules/move/control/prepared.h"
#include "modules/provider/provider.h"

static int same_key(const struct hnv_guest_record *r, void *arg)
{
	const struct hnv_record **key = arg;
	if (r->record->type != key[0]->type || !ip_equal(&r->record->customer, &key[0]->customer))
		return 0;
	*key = r->record;
	return 1;
}

/* l2only records are known by their MAC address, others by their customer address whatever that is. */
static bool held(const struct api_lookup_record *key, struct move_held *ret)
{
	struct hnv_record asked = {.type = HNV_L2ONLY, .customer = key->customer_address};
	const struct hnv_record *r = &asked;
	struct hnv_guest g = {key->provider_network, key->virtual_subnet_id, key->mac_address, NULL};
	if (key->type == API_RECORD_L2ONLY) {
		if (!hnv_guest_records(&g, same_key, &r))
			return false;
	} else {
		int index = provider_network_find(key->provider_network);
		r = index < 0 ? NULL
			      : hnv_record_find((uint8_t)index, key->virtual_subnet_id, &key->customer_address);
	}
	if (r)
		*ret = (struct move_held){r->mac, r->provider};
	return r != NULL;
}

/* The engine counts objects; people know the guest by its name, and its records by their addresses. */
static void path_rename(struct err *e, const struct move_edit *m, const char *name)
{
	char rest[sizeof(e->path)] = "";
	size_t i;
	if (sscanf(e->path, "adapters[%zu]%159s", &i, rest) >= 1 && i == m->adapter) {
		snprintf(e->path, sizeof(e->path), "adapter %s%s", name, rest);
	} else if (sscanf(e->path, "lookup-records[%zu]%159s", &i, rest) >= 1 && i >= m->first_added) {
		const char *id = json_string_value(json_array_get(m->added, i - m->first_added));
		snprintf(e->path, sizeof(e->path), "lookup record %s%s", id ? id : "", rest);
	}
}

static int apply(json_t *document, bool dry_run, json_t **ret_answer, struct err *e)
{
	const struct engine_options options = {.dry_run = dry_run, .if_revision = -1};
	if (!dry_run && engine_unconfirmed_s())
		return err_set(e, EBUSY, NULL,
			       "revision %" PRIu64
			       " waits to be confirmed; run 'weft confirm' or 'weft rollback' first",
			       engine_revision());
	return engine_apply(document, &options, ret_answer, e);
}

/* What the engine answers where nothing is to change; it is not asked, since that would confirm what waits for it. */
static int answer_unchanged(bool dry_run, json_t **ret_answer, struct err *e)
{
	json_t *answer = json_pack("{s:I, s:[], s:[], s:b}", "revision", (json_int_t)engine_revision(), "changes",
				   "warnings", "dry-run", dry_run);
	if (!answer)
		return err_set(e, ENOMEM, NULL, "out of memory");
	*ret_answer = answer;
	return 0;
}

static int any(const struct hnv_guest_record *r, void *arg) { return 1; }

/* Nobody would ever find it. */
static int records_check(const struct move_edit *m, const char *name, struct err *e)
{
	char mac[MAC_TEXT_SIZE];
	bool found = !*m->network || m->n_records || m->learns;
	for (size_t i = 0; i < m->n_vsids && !found; i++) {
		struct hnv_guest g = {m->network, m->vsids[i], m->mac, NULL};
		found = hnv_guest_records(&g, any, NULL);
	}
	if (found)
		return 0;
	return err_set(e, ENOENT, "lookup-records",
		       "neither the document that came nor this host has one of adapter %s (virtual subnet %u, MAC "
		       "address %s); set it with 'weft record set', leading to the host that the guest leaves",
		       name, m->vsids[0], mac_format(&m->mac, mac));
}

/* As a whole without touching anything (row B9), then so. What is noted before is swept if the second does not come. */
static int prepare_apply(const char *name, const struct move_edit *m, bool dry_run, json_t **ret_answer,
			 struct err *e)
{
	json_t *tried = NULL;
	int rc = apply(m->document, true, dry_run ? ret_answer : &tried, e);
	json_decref(tried);
	if (!m->is_here && !dry_run)
		move_prepared_forget(name); /* of an earlier time */
	bool noted = !rc && !dry_run && (!m->is_here || move_prepared_get(name));
	if (noted)
		rc = move_prepared_add(name, m->added, e);
	if (!rc && !dry_run)
		rc = apply(m->document, false, ret_answer, e);
	if (rc)
		path_rename(e, m, name);
	if (rc && noted && !m->is_here)
		move_prepared_forget(name);
	return rc;
}

/* The guest's state is in every answer, and where to lead it when it is to come here. */
static void answer_guest(json_t *answer, const char *name)
{
	struct hnv_guest g;
	char text[IP_TEXT_SIZE];
	json_object_set_new(answer, "adapter", http_text(name));
	if (hnv_guest_find(name, &g))
		return;
	move_state_add(answer, name, &g);
	const json_t *first = json_array_get(json_object_get(answer, "leads-to"), 0);
	struct ip there = {0};
	if (first)
		(void)ip_parse(json_string_value(first), &there);
	const struct ip *own = move_provider_of(engine_document(), g.network, g.vsid, there.family);
	if (own)
		json_object_set_new(answer, "provider-address", json_string(ip_format(own, text)));
}

int move_prepare(const char *name, const json_t *there, bool dry_run, json_t **ret_answer, struct err *e)
{
	struct move_edit m = {0};
	int rc = move_edit_prepare(engine_document(), there, name, held, &m, e);
	if (rc)
		return rc;
	bool unchanged = m.is_here && !json_array_size(m.added);
	rc = records_check(&m, name, e);
	if (!rc && unchanged)
		rc = answer_unchanged(dry_run, ret_answer, e);
	else if (!rc)
		rc = prepare_apply(name, &m, dry_run, ret_answer, e);
	move_edit_clear(&m);
	if (rc)
		return rc;
	if (!dry_run)
		hnv_guest_expect(name); /* it may have moved away from this very adapter */
	answer_guest(*ret_answer, name);
	if (!unchanged && !dry_run)
		log_info(name, "is prepared here: its guest may come");
	return 0;
}

static int elsewhere(const struct hnv_guest_record *r, void *arg)
{
	return r->record->rule != HNV_NAT && !ip_equal(&r->record->provider, arg);
}

/* Make before break: records are led to a host when the way to it is known, and not to one that is not there. A path
 * that was asked for is kept for a while, so whoever asks again finds it. */
static int path_check(uint8_t network, const struct ip *to, struct err *e)
{
	char text[IP_TEXT_SIZE];
	struct provider_path *path = provider_path_hold(network, to);
	if (!path)
		return err_set(e, ENOMEM, NULL, "out of memory");
	int rc = 0;
	if (!atomic_load(&path->way))
		rc = err_set(e, EAGAIN, "to", "this host has no way to %s: %s; its records lead where they did",
			     ip_format(to, text), path->waiting ? path->waiting : "nobody has answered yet");
	provider_path_release(path);
	return rc;
}

static int activate_check(const struct hnv_guest *g, const struct ip *to, struct err *e)
{
	const struct api_document *doc = engine_document();
	char mac[MAC_TEXT_SIZE], text[IP_TEXT_SIZE];
	int network = provider_network_find(g->network);
	bool own = move_is_own(doc, g->network, to);
	bool reached = own || (network >= 0 && provider_reaches((uint8_t)network, to));
	int rc = move_provider_check(doc, g->network, to, reached, e);
	if (rc)
		return rc;
	if (!hnv_guest_records(g, any, NULL))
		return err_set(
			e, ENOENT, "lookup-records",
			"none has virtual subnet %u and MAC address %s in provider network `%s`; this host has "
			"nothing to lead elsewhere",
			g->vsid, mac_format(&g->mac, mac), g->network);
	if (own && !hnv_guest_is_here(g))
		return err_set(
			e, EBUSY, "to",
			"%s is this host, which has no adapter of virtual subnet %u with MAC address %s; prepare "
			"it first",
			ip_format(to, text), g->vsid, mac_format(&g->mac, mac));
	return own || !hnv_guest_records(g, elsewhere, (void *)to) ? 0 : path_check((uint8_t)network, to, e);
}

int move_activate(const char *name, const struct hnv_guest *guest, const struct ip *to, json_t **ret_answer,
		  struct err *e)
{
	char network[64], text[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE];
	struct hnv_guest g = *guest;
	json_t *document = NULL, *answer = NULL;
	snprintf(network, sizeof(network), "%s", guest->network); /* the change may free the one that was given */
	g.network = network;
	int rc = activate_check(&g, to, e);
	if (!rc)
		rc = move_edit_activate(engine_document(), g.network, g.vsid, g.adapter, &g.mac, to, &document, e);
	if (rc)
		return rc;
	rc = document ? apply(document, false, &answer, e) : answer_unchanged(false, &answer, e);
	json_decref(document);
	int led = rc ? 0 : hnv_guest_lead(&g, to, e);
	if (rc || led < 0) {
		json_decref(answer);
		return rc ? rc : led;
	}
	size_t changed = json_array_size(json_object_get(answer, "changes")) + (size_t)led;
	if (name && move_state_of(name, &g) == MOVE_ACTIVE)
		move_prepared_forget(name);
	if (changed)
		log_info(name ? name : "host", "%zu lookup records of %s in virtual subnet %u%s lead to %s now",
			 changed, mac_format(&g.mac, mac), g.vsid, g.adapter ? " and others" : "",
			 ip_format(to, text));
	if (name)
		answer_guest(answer, name);
	else
		move_state_add(answer, NULL, &g);
	json_object_set_new(answer, "to", json_string(ip_format(to, text)));
	json_object_set_new(answer, "changed", json_integer((json_int_t)changed));
	*ret_answer = answer;
	return 0;
}

/* *ret_guest of an adapter that the document has; 1: it has none of that name. */
static int leaving_find(const char *name, struct hnv_guest *ret_guest, struct err *e)
{
	const struct api_adapter *ad = api_document_adapter(engine_document(), name);
	if (!ad)
		return 1;
	if (!hnv_guest_find(name, ret_guest))
		return 0;
	return err_set(
		e, EINVAL, NULL,
		"adapter %s is in no virtual subnet, so that no lookup record says where its guest is; take it "
		"out of the document with 'weft apply'",
		name);
}

static int take_away(const char *name, const json_t *added, json_t **ret_answer, struct err *e)
{
	json_t *document = NULL;
	int rc = move_edit_remove(engine_document(), name, added, &document, e);
	if (!rc)
		rc = document ? apply(document, false, ret_answer, e) : answer_unchanged(false, ret_answer, e);
	json_decref(document);
	return rc;
}

static int answer_gone(const char *name, json_t **ret_answer, struct err *e)
{
	int rc = answer_unchanged(false, ret_answer, e);
	if (!rc)
		answer_guest(*ret_answer, name);
	return rc;
}

int move_retire(const char *name, json_t **ret_answer, struct err *e)
{
	struct hnv_guest g;
	char still[MOVE_STILL_SIZE];
	int rc = leaving_find(name, &g, e);
	if (rc)
		return rc < 0 ? rc : answer_gone(name, ret_answer, e);
	if (move_still_here(&g, still))
		return err_set(e, EBUSY, NULL, "%s: activate it on the new host first, then here", still);
	if (move_state_of(name, &g) == MOVE_PREPARED)
		return err_set(e, EBUSY, NULL,
			       "adapter %s is prepared here and has not been active: retire it on the host that it "
			       "leaves, or take it away here with 'weft move cancel %s'",
			       name, name);
	rc = take_away(name, NULL, ret_answer, e);
	if (rc)
		return rc;
	answer_guest(*ret_answer, name);
	log_info(name, "has moved away and is retired here");
	return 0;
}

int move_cancel(const char *name, json_t **ret_answer, struct err *e)
{
	struct hnv_guest g;
	char still[MOVE_STILL_SIZE];
	int rc = leaving_find(name, &g, e);
	if (rc)
		return rc < 0 ? rc : answer_gone(name, ret_answer, e);
	if (move_still_here(&g, still))
		return err_set(e, EBUSY, NULL, "%s: it is active; move it to another host, then retire it here",
			       still);
	const json_t *added = move_prepared_get(name);
	if (!added)
		return err_set(
			e, EBUSY, NULL,
			"adapter %s was not prepared by 'weft move prepare', or has been active since; 'weft move "
			"retire %s' removes it",
			name, name);
	rc = take_away(name, added, ret_answer, e);
	if (rc)
		return rc;
	move_prepared_forget(name);
	answer_guest(*ret_answer, name);
	log_info(name, "is not to come any more: what was prepared is taken away");
	return 0;
}

static int verdict(const struct err *refused, json_t *answer, json_t **ret_answer, struct err *e)
{
	json_t *errors = json_array(), *warnings = json_object_get(answer, "warnings");
	if (refused)
		json_array_append_new(errors, json_pack("{s:o, s:o}", "path", http_text(refused->path), "detail",
							http_text(refused->text)));
	*ret_answer = json_pack("{s:b, s:o, s:o}", "accepted", !refused, "errors", errors, "warnings",
				warnings ? json_incref(warnings) : json_array());
	return *ret_answer ? 0 : err_set(e, ENOMEM, NULL, "out of memory");
}

int move_validate(const json_t *adapter, json_t **ret_answer, struct err *e)
{
	struct move_edit m = {0};
	struct err refused = {0};
	json_t *answer = NULL;
	const char *name = json_string_value(json_object_get(adapter, "name"));
	int rc = move_edit_port(engine_document(), adapter, &m, &refused);
	if (!rc)
		rc = apply(m.document, true, &answer, &refused);
	if (rc)
		path_rename(&refused, &m, name ? name : "");
	move_edit_clear(&m);
	rc = rc == -ENOMEM ? err_set(e, ENOMEM, NULL, "out of memory")
			   : verdict(rc ? &refused : NULL, answer, ret_answer, e);
	json_decref(answer);
	return rc;
}
