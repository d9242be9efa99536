/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of the engine and the store: a state folder of their own, three modules that write down what is
 * asked of them and refuse on demand, and a dataplane that only counts.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/document.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "core/control/engine.h"
#include "core/control/loop.h"
#include "core/control/module.h"
#include "core/control/test/tree.h"
#include "core/runtime/dataplane.h"

static char rig_dir[128]; /* the state folder */
static char rig_calls[8192]; /* "prepare base;prepare middle;..." */
static const char *rig_refuse; /* this module refuses to prepare */
static struct dataplane *rig_published;
static unsigned rig_publishes;
static bool rig_restarting; /* what the last prepare saw */

static inline void rig_note(const char *what, const char *who)
{
	size_t at = strlen(rig_calls);
	snprintf(rig_calls + at, sizeof(rig_calls) - at, "%s%s%s;", what, *who ? " " : "", who);
}

void dataplane_wire(struct dataplane *dp)
{
	assert_non_null(dp);
	rig_note("wire", "");
}

struct dataplane *dataplane_publish(struct dataplane *dp)
{
	struct dataplane *old = rig_published;
	assert_ptr_not_equal(dp, old);
	rig_published = dp;
	rig_publishes++;
	rig_note("publish", "");
	return old;
}

void dataplane_free(struct dataplane *dp)
{
	if (dp && dp == rig_published)
		fail_msg("the snapshot in use was freed");
	free(dp);
}

static inline int rig_prepare(struct txn *t, struct err *e, const char *name)
{
	rig_note(t->dry_run ? "try" : "prepare", name);
	assert_non_null(t->dp);
	assert_ptr_equal(t->prev, engine_document());
	rig_restarting = t->restarting;
	if (rig_refuse && !strcmp(rig_refuse, name))
		return err_set(e, EADDRINUSE, "switches[0].uplink", "taken by %s", name);
	return 0;
}

#define RIG_MODULE(ident, ...)                                                                                       \
	static int prepare_##ident(struct txn *t, struct err *e) { return rig_prepare(t, e, #ident); }               \
	static void commit_##ident(struct txn *t) { rig_note("commit", #ident); }                                    \
	static void abort_##ident(struct txn *t) { rig_note("abort", #ident); }                                      \
	static void retire_##ident(struct txn *t) { rig_note("retire", #ident); }                                    \
	static void stop_##ident(bool restore) { rig_note(restore ? "restore" : "stop", #ident); }                   \
	static const char *const needs_##ident[] = {__VA_ARGS__};                                                    \
	static struct module ident = {.name = #ident,                                                                \
				      .depends_on = needs_##ident,                                                   \
				      .prepare = prepare_##ident,                                                    \
				      .commit = commit_##ident,                                                      \
				      .abort = abort_##ident,                                                        \
				      .retire = retire_##ident,                                                      \
				      .stop = stop_##ident};                                                         \
	MODULE(ident)

/* Their order by name is the opposite of their order by dependency. */
RIG_MODULE(zbase, NULL)
RIG_MODULE(middle, "zbase", NULL)
RIG_MODULE(above, "middle", "zbase", NULL)

static inline int rig_setup(void **state)
{
	/* Thousands of fsyncs: on a real disk they would take seconds and prove no more. */
	snprintf(rig_dir, sizeof(rig_dir), "%s/weft-test-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(rig_dir));
	rig_calls[0] = '\0';
	rig_refuse = NULL;
	clock_test_set(1000000000ull);
	return loop_init();
}

static inline void rig_start(void)
{
	struct err e = {0};
	if (engine_open(rig_dir, &e) < 0 || engine_start(&e) < 0)
		fail_msg("%s: %s", e.path, e.text);
}

static inline void rig_stop(void)
{
	engine_stop(false);
	engine_close();
}

static inline int rig_teardown(void **state)
{
	rig_stop();
	loop_fini();
	clock_test_release();
	free(rig_published);
	rig_published = NULL;
	tree_remove(rig_dir);
	return 0;
}

/* A host with one private switch named `name` and nothing else; NULL: the empty document. */
static inline json_t *rig_document(const char *name)
{
	if (!name)
		return json_object();
	json_t *json = json_pack("{s:{s:s}, s:[{s:s, s:s}]}", "host", "name", "h1", "switches", "name", name, "type",
				 "private");
	assert_non_null(json);
	return json;
}

static inline int rig_apply_with(const char *name, struct engine_options o, json_t **ret_answer, struct err *e)
{
	json_t *json = rig_document(name), *answer = NULL;
	int r = engine_apply(json, &o, &answer, e);
	json_decref(json);
	if (ret_answer && r == 0)
		*ret_answer = answer;
	else
		json_decref(answer);
	return r;
}

static inline void rig_apply(const char *name, uint32_t confirm_within_s)
{
	struct err e = {0};
	struct engine_options o = {.confirm_within_s = confirm_within_s, .if_revision = -1};
	if (rig_apply_with(name, o, NULL, &e) < 0)
		fail_msg("%s: %s", e.path, e.text);
}

/* What runs: the switch's name, "" for the empty document. */
static inline const char *rig_running(void)
{
	const struct api_document *doc = engine_document();
	assert_non_null(doc);
	return doc->n_switches ? doc->switches[0].name : "";
}

static inline bool rig_exists(const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", rig_dir, name);
	return access(path, F_OK) == 0;
}

static inline void rig_write(const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", rig_dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}
