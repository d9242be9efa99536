/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Apply, rollback and start are one thing: a change from what runs to another document, taken through all
 * modules. Whatever fails on the way, what ran before still runs and the store still says so.
 */
#include "core/control/engine.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "base/log.h"
#include "core/control/change.h"
#include "core/control/confirm.h"
#include "core/control/guard.h"
#include "core/control/store.h"

static struct api_document *running; /* NULL: not started */
static uint64_t revision;

const struct api_document *engine_document(void) { return running; }

uint64_t engine_revision(void) { return revision; }

json_t *engine_revisions(void) { return store_revisions(); }

uint32_t engine_unconfirmed_s(void) { return confirm_left_s(); }

const char *engine_state_dir(void) { return store_dir(); }

/* What PUT answers. Made before the commit, which cannot fail; warnings may still grow. */
static json_t *answer_make(const struct change *c, uint64_t number, uint32_t confirm_within_s)
{
	return json_pack("{s:I, s:O, s:O, s:I, s:b}", "revision", (json_int_t)number, "changes", c->changes,
			 "warnings", c->t.warnings, "confirm-within", (json_int_t)confirm_within_s, "dry-run",
			 c->t.dry_run);
}

/* Opens a change from what runs to the document in json. */
static int change_open(struct change *c, json_t *json, struct err *e)
{
	struct api_document *next = NULL;
	int r = api_document_decode(json, &next, e);
	return r < 0 ? r : change_init(c, running, next, e);
}

/* Makes the store say what is about to run; undone in full if any part fails. */
static int change_store(struct change *c, struct err *e)
{
	int r = 0;
	if (c->is_new) {
		json_t *document = api_document_encode(c->t.next);
		r = document ? store_revision_add(revision, document, c->summary, &c->target, e)
			     : err_set(e, ENOMEM, NULL, "out of memory");
		json_decref(document);
	}
	if (r < 0)
		return r;
	if (c->target != revision)
		r = store_current_set(c->target, e);
	if (r == 0 && c->settles) {
		r = store_pending_set(NULL, e);
		if (r < 0 && store_current_set(revision, NULL) < 0)
			log_error("host", "the state folder %s cannot be written any more", store_dir());
	}
	if (r < 0 && c->is_new)
		store_revision_forget(c->target);
	return r;
}

/* Takes the change through the modules and makes it what runs. On success c holds nothing of it any more. */
static int change_carry_out(struct change *c, json_t **ret_answer, struct err *e)
{
	json_t *answer = NULL;
	int r = change_prepare(c, e);
	if (r < 0)
		return r;
	if (c->t.dry_run) {
		change_abort(c);
		answer = answer_make(c, revision, c->confirm_within_s);
		if (!answer)
			return err_set(e, ENOMEM, NULL, "out of memory");
		*ret_answer = answer;
		return 0;
	}
	r = change_store(c, e);
	if (r < 0) {
		change_abort(c);
		return r;
	}
	if (ret_answer) {
		answer = answer_make(c, c->target, c->confirm_within_s);
		if (!answer)
			log_error("host", "out of memory: the change is made, but cannot be answered in full");
		*ret_answer = answer;
	}

	change_commit(c);
	struct api_document *old = running;
	running = change_take_next(c);
	revision = c->target;
	change_retire(c);
	api_document_free(old);
	malloc_trim(0); /* what thousands of adapters took is the host's again */
	if (c->settles)
		confirm_settle();
	store_prune();
	return 0;
}

static int options_check(const struct engine_options *o, struct err *e)
{
	if (o->confirm_within_s > ENGINE_CONFIRM_MAX_S)
		return err_set(e, EINVAL, "confirm-within", "%" PRIu32 " seconds are too long; use 1-%d",
			       o->confirm_within_s, ENGINE_CONFIRM_MAX_S);
	if (o->if_revision >= 0 && (uint64_t)o->if_revision != revision)
		return err_set(e, ESTALE, "if-revision",
			       "revision %" PRIu64 " runs, not %" PRId64 "; look at what changed and apply again",
			       revision, o->if_revision);
	return 0;
}

static void warn_confirmed(struct change *c)
{
	json_array_append_new(
		c->t.warnings,
		json_sprintf("revision %" PRIu64 " waited to be confirmed; this confirms it", revision));
}

/* The document is what runs already: no revision, but the window opens again or closes. */
static int apply_same(struct change *c, json_t **ret_answer, struct err *e)
{
	uint64_t previous;
	int r = 0;
	if (!c->t.dry_run && !confirm_waits(&previous)) {
		c->confirm_within_s = 0;
	} else if (!c->t.dry_run && c->confirm_within_s) {
		r = confirm_begin(previous, c->confirm_within_s, e);
	} else if (!c->t.dry_run) {
		warn_confirmed(c);
		r = store_pending_set(NULL, e);
		if (r == 0)
			confirm_settle();
	}
	if (r < 0)
		return r;
	json_t *answer = answer_make(c, revision, c->confirm_within_s);
	if (!answer)
		return err_set(e, ENOMEM, NULL, "out of memory");
	*ret_answer = answer;
	return 0;
}

int engine_apply(json_t *json, const struct engine_options *o, json_t **ret_answer, struct err *e)
{
	struct change c = {0};
	int r = options_check(o, e);
	if (r == 0)
		r = change_open(&c, json, e);
	if (r < 0)
		return r;

	c.t.dry_run = o->dry_run;
	c.confirm_within_s = o->confirm_within_s;
	if (json_array_size(c.changes) == 0) {
		r = apply_same(&c, ret_answer, e);
		goto out;
	}
	c.is_new = true;
	bool window = o->confirm_within_s > 0 && !o->dry_run;
	c.settles = !window && !o->dry_run && confirm_waits(NULL);
	if (c.settles)
		warn_confirmed(&c);
	if (window) {
		r = confirm_begin(revision, o->confirm_within_s, e);
		if (r < 0)
			goto out;
	}
	r = change_carry_out(&c, ret_answer, e);
	if (r < 0 && window)
		confirm_undo();
	if (r == 0 && !o->dry_run)
		log_info("host", "revision %" PRIu64 ": %s%s", revision, c.summary,
			 window ? "; waits to be confirmed" : "");
out:
	change_fini(&c);
	return r;
}

int engine_diff(json_t *json, json_t **ret_answer, struct err *e)
{
	struct change c = {0};
	int r = change_open(&c, json, e);
	if (r < 0)
		return r;
	json_t *answer = json_pack("{s:O}", "changes", c.changes);
	change_fini(&c);
	if (!answer)
		return err_set(e, ENOMEM, NULL, "out of memory");
	*ret_answer = answer;
	return 0;
}

/* The answer where the document stays as it is. */
static int answer_unchanged(json_t **ret_answer, struct err *e)
{
	json_t *answer = json_pack("{s:I, s:[], s:[], s:I, s:b}", "revision", (json_int_t)revision, "changes",
				   "warnings", "confirm-within", (json_int_t)confirm_left_s(), "dry-run", false);
	if (!answer)
		return err_set(e, ENOMEM, NULL, "out of memory");
	*ret_answer = answer;
	return 0;
}

int engine_confirm(json_t **ret_answer, struct err *e)
{
	if (!confirm_waits(NULL))
		return err_set(e, ENOENT, NULL, "nothing waits to be confirmed; revision %" PRIu64 " runs for good",
			       revision);
	int r = store_pending_set(NULL, e);
	if (r < 0)
		return r;
	confirm_settle();
	log_info("host", "revision %" PRIu64 " is confirmed", revision);
	return answer_unchanged(ret_answer, e);
}

/* From what runs to a revision that the store has; whatever waited to be confirmed is settled by it. */
static int revision_bring_up(uint64_t target, bool restarting, json_t **ret_answer, struct err *e)
{
	json_t *json;
	struct change c = {0};
	int r = store_document_load(target, &json, e);
	if (r < 0)
		return r;
	r = change_open(&c, json, e);
	json_decref(json);
	if (r < 0)
		return r;
	c.t.restarting = restarting;
	c.target = target;
	c.settles = confirm_waits(NULL);
	r = change_carry_out(&c, ret_answer, e);
	change_fini(&c);
	return r;
}

int engine_rollback(int64_t number, json_t **ret_answer, struct err *e)
{
	uint64_t target = (uint64_t)number, from = revision;
	int r = 0;
	if (number < 0 && !confirm_waits(&target))
		r = store_previous(revision, &target, e);
	if (r == 0 && target == from)
		return answer_unchanged(ret_answer, e);
	if (r == 0)
		r = revision_bring_up(target, false, ret_answer, e);
	if (r == 0)
		log_info("host", "went back from revision %" PRIu64 " to %" PRIu64, from, revision);
	return r;
}

/* Nobody confirmed. Going back must not fail because something else has gone meanwhile: then wait for it. */
static bool take_back(void)
{
	uint64_t previous, from = revision;
	struct err e;
	if (!confirm_waits(&previous))
		return true;
	if (revision_bring_up(previous, false, NULL, &e) < 0 && revision_bring_up(previous, true, NULL, &e) < 0) {
		char text[sizeof(e.path) + sizeof(e.text) + 4];
		log_error("host", "revision %" PRIu64 " was not confirmed, but cannot be taken back: %s", from,
			  err_format(&e, text, sizeof(text)));
		return false;
	}
	log_warning("host", "revision %" PRIu64 " was not confirmed: back to revision %" PRIu64, from, previous);
	return true;
}

/* Where a start leads: to what ran, or to the way back from a change that nobody confirmed in time. */
static int target_find(uint64_t *ret_target, json_t **ret_document, struct err *e)
{
	uint64_t previous;
	struct err cause;
	json_t *way_back;
	int r = store_current_load(&revision, ret_document, e);
	if (r < 0)
		return r;
	*ret_target = revision;
	confirm_resume();
	if (!confirm_waits(&previous))
		return 0;
	if (previous == revision) {
		/* weftd or its guard ended just before the change, or just after it was taken back */
		if (store_pending_set(NULL, &cause) < 0)
			log_error("host", "%s", cause.text);
		confirm_settle();
	} else if (confirm_over()) {
		if (store_document_load(previous, &way_back, &cause) < 0) {
			log_error("host", "revision %" PRIu64 " was not confirmed, but stays: %s", revision,
				  cause.text);
			return 0;
		}
		json_decref(*ret_document);
		*ret_document = way_back;
		*ret_target = previous;
	}
	return 0;
}

int engine_open(const char *state_dir, struct err *e) { return store_open(state_dir, "weftd", e); }

void engine_close(void) { store_close(); }

/* In this process: what is on disk stays for the guard and for the next weftd. */
static void forget(void)
{
	confirm_settle();
	api_document_free(running);
	running = NULL;
	revision = 0;
}

int engine_start(struct err *e)
{
	struct change c = {0};
	json_t *json = NULL;
	uint64_t target = 0, from;
	confirm_on_expiry(take_back);
	running = api_document_empty();
	int r = running ? target_find(&target, &json, e) : err_set(e, ENOMEM, NULL, "out of memory");
	if (r < 0)
		goto fail;
	from = revision;
	r = change_open(&c, json, e);
	json_decref(json);
	if (r < 0) {
		err_prefix(e, "revision %" PRIu64, target);
		goto fail;
	}
	c.t.restarting = true;
	c.target = target;
	c.settles = target != from;
	r = change_carry_out(&c, NULL, e);
	change_fini(&c);
	if (r < 0)
		goto fail;
	if (target != from)
		log_warning("host", "revision %" PRIu64 " was not confirmed: back to revision %" PRIu64, from,
			    target);
	return 0;
fail:
	forget();
	return r;
}

void engine_stop(bool restore)
{
	if (!running)
		return;
	change_stop(restore);
	forget();
}
