/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a document: transactions, revisions, rollback, facts. */
#include "core/control/engine.h"

#include <errno.h>

#include "core/control/guard.h"
#include "core/control/test/rig.h"

static unsigned guards; /* spawned */

int guard_spawn(struct err *e)
{
	guards++;
	return 0;
}

static int setup(void **state)
{
	int r = rig_setup(state);
	rig_start();
	rig_calls[0] = '\0';
	guards = 0;
	return r;
}

static const struct engine_options plain = {.if_revision = -1};

static void a_start_brings_up_the_stored_document(void **state)
{
	rig_apply("lab", 0);
	rig_stop();
	rig_calls[0] = '\0';
	rig_start();
	assert_string_equal(rig_calls, "prepare zbase;prepare middle;prepare above;wire;commit zbase;commit middle;"
				       "commit above;publish;retire zbase;retire middle;retire above;");
	assert_true(rig_restarting);
	assert_string_equal(rig_running(), "lab");
	assert_int_equal(engine_revision(), 1);
}

static void a_stop_empties_the_workers_before_modules_let_go(void **state)
{
	rig_apply("lab", 0);
	rig_calls[0] = '\0';
	rig_stop();
	assert_string_equal(rig_calls, "publish;stop above;stop middle;stop zbase;");
	assert_int_equal(rig_published->n_adapters, 0);
	rig_start();
	rig_calls[0] = '\0';
	engine_stop(true);
	engine_close();
	assert_string_equal(rig_calls, "publish;restore above;restore middle;restore zbase;");
}

static void apply_publishes_once_and_answers(void **state)
{
	struct err e;
	json_t *answer = NULL;
	unsigned before = rig_publishes;
	assert_int_equal(rig_apply_with("lab", plain, &answer, &e), 0);
	assert_int_equal(rig_publishes, before + 1);
	assert_false(rig_restarting);
	assert_int_equal(json_integer_value(json_object_get(answer, "revision")), 1);
	assert_int_equal(json_array_size(json_object_get(answer, "changes")), 2);
	assert_int_equal(json_array_size(json_object_get(answer, "warnings")), 0);
	assert_int_equal(json_integer_value(json_object_get(answer, "confirm-within")), 0);
	assert_true(json_is_false(json_object_get(answer, "dry-run")));
	json_decref(answer);
	assert_string_equal(rig_running(), "lab");
}

static void the_same_document_is_no_change(void **state)
{
	struct err e;
	json_t *answer = NULL;
	rig_apply("lab", 0);
	rig_calls[0] = '\0';
	assert_int_equal(rig_apply_with("lab", plain, &answer, &e), 0);
	assert_int_equal(json_integer_value(json_object_get(answer, "revision")), 1);
	assert_int_equal(json_array_size(json_object_get(answer, "changes")), 0);
	json_decref(answer);
	assert_string_equal(rig_calls, "");
	assert_false(rig_exists("revisions/002.json"));
}

static void one_refusal_aborts_all_in_reverse(void **state)
{
	struct err e = {0};
	rig_apply("lab", 0);
	rig_calls[0] = '\0';
	rig_refuse = "above";
	assert_int_equal(rig_apply_with("other", plain, NULL, &e), -EADDRINUSE);
	assert_string_equal(rig_calls, "prepare zbase;prepare middle;prepare above;abort middle;abort zbase;");
	assert_string_equal(e.path, "switches[0].uplink");
	assert_string_equal(e.text, "taken by above");
	assert_string_equal(rig_running(), "lab");
	assert_int_equal(engine_revision(), 1);
	assert_false(rig_exists("revisions/002.json"));

	rig_calls[0] = '\0';
	rig_refuse = "zbase";
	assert_int_equal(rig_apply_with("other", plain, NULL, &e), -EADDRINUSE);
	assert_string_equal(rig_calls, "prepare zbase;");
}

static void a_dry_run_touches_nothing(void **state)
{
	struct err e;
	json_t *answer = NULL;
	rig_apply("lab", 0);
	rig_calls[0] = '\0';
	struct engine_options o = {.dry_run = true, .if_revision = -1, .confirm_within_s = 5};
	assert_int_equal(rig_apply_with("other", o, &answer, &e), 0);
	assert_string_equal(rig_calls, "try zbase;try middle;try above;abort above;abort middle;abort zbase;");
	assert_true(json_is_true(json_object_get(answer, "dry-run")));
	assert_int_equal(json_integer_value(json_object_get(answer, "revision")), 1);
	assert_int_equal(json_array_size(json_object_get(answer, "changes")), 2);
	json_decref(answer);
	assert_string_equal(rig_running(), "lab");
	assert_int_equal(engine_unconfirmed_s(), 0);
	assert_false(rig_exists("pending.json"));
	assert_int_equal(guards, 0);
	rig_refuse = "middle";
	assert_int_equal(rig_apply_with("other", o, NULL, &e), -EADDRINUSE);
}

static void an_invalid_document_changes_nothing(void **state)
{
	struct err e = {0};
	json_t *json = json_pack("{s:{s:s}, s:i}", "host", "name", "h1", "swiches", 1), *answer = NULL;
	assert_true(engine_apply(json, &plain, &answer, &e) < 0);
	assert_true(engine_diff(json, &answer, &e) < 0);
	assert_null(answer);
	assert_non_null(strstr(e.path, "swiches"));
	json_decref(json);
	assert_string_equal(rig_calls, "");
}

static void diff_says_what_apply_would_change(void **state)
{
	struct err e;
	json_t *json = rig_document("lab"), *answer;
	assert_int_equal(engine_diff(json, &answer, &e), 0);
	assert_int_equal(json_array_size(json_object_get(answer, "changes")), 2);
	json_decref(answer);
	rig_apply("lab", 0);
	assert_int_equal(engine_diff(json, &answer, &e), 0);
	assert_int_equal(json_array_size(json_object_get(answer, "changes")), 0);
	json_decref(answer);
	json_decref(json);
}

static void a_stale_revision_is_refused_by_name(void **state)
{
	struct err e;
	rig_apply("a", 0);
	rig_apply("b", 0);
	struct engine_options o = {.if_revision = 1};
	assert_int_equal(rig_apply_with("c", o, NULL, &e), -ESTALE);
	assert_string_equal(e.path, "if-revision");
	assert_non_null(strstr(e.text, "revision 2 runs, not 1"));
	assert_int_equal(rig_apply_with("b", o, NULL, &e), -ESTALE);
	o.if_revision = 2;
	assert_int_equal(rig_apply_with("c", o, NULL, &e), 0);
}

static void rollback_goes_back_along_the_way_that_was_taken(void **state)
{
	struct err e;
	json_t *answer = NULL;
	rig_apply("a", 0);
	rig_apply("b", 0);
	rig_apply("c", 0);
	assert_int_equal(engine_rollback(1, &answer, &e), 0);
	assert_int_equal(json_integer_value(json_object_get(answer, "revision")), 1);
	assert_int_equal(json_array_size(json_object_get(answer, "changes")), 2);
	json_decref(answer);
	assert_string_equal(rig_running(), "a");
	rig_apply("d", 0); /* revision 4, made while 1 ran */
	assert_int_equal(engine_revision(), 4);
	assert_int_equal(engine_rollback(-1, &answer, &e), 0);
	json_decref(answer);
	assert_int_equal(engine_revision(), 1);
	assert_int_equal(engine_rollback(-1, &answer, &e), 0);
	json_decref(answer);
	assert_string_equal(rig_running(), "");
	assert_int_equal(engine_rollback(-1, &answer, &e), -ENOENT);
	assert_int_equal(engine_rollback(9, &answer, &e), -ENOENT);
	assert_non_null(strstr(e.text, "1 to 4"));
	assert_int_equal(engine_rollback(3, &answer, &e), 0);
	json_decref(answer);
	rig_stop();
	rig_start();
	assert_string_equal(rig_running(), "c");
}

static void revisions_are_listed(void **state)
{
	rig_apply("a", 0);
	rig_apply("b", 0);
	json_t *list = engine_revisions(), *one = json_array_get(list, 1);
	assert_int_equal(json_array_size(list), 2);
	assert_int_equal(json_integer_value(json_object_get(one, "revision")), 2);
	assert_string_equal(json_string_value(json_object_get(one, "summary")), "remove switch a, add switch b");
	assert_true(json_is_true(json_object_get(one, "current")));
	assert_true(json_is_false(json_object_get(json_array_get(list, 0), "current")));
	assert_true(json_integer_value(json_object_get(one, "time")) > 1500000000000);
	json_decref(list);
}

static void sixty_four_revisions_are_kept(void **state)
{
	char name[16];
	struct err e;
	json_t *answer = NULL;
	rig_apply("first", 0);
	for (int i = 0; i < 70; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		rig_apply(name, 0);
	}
	json_t *list = engine_revisions();
	assert_int_equal(json_array_size(list), 64);
	json_decref(list);
	assert_false(rig_exists("revisions/007.json"));
	assert_true(rig_exists("revisions/008.json"));
	assert_int_equal(engine_rollback(8, &answer, &e), 0);
	json_decref(answer);
	rig_apply("after", 0); /* 72, made while 8 ran: 8 must stay */
	assert_true(rig_exists("revisions/008.json"));
	assert_false(rig_exists("revisions/009.json"));
	assert_int_equal(engine_rollback(-1, &answer, &e), 0);
	json_decref(answer);
	for (int i = 0; i < 70; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		rig_apply(name, 3600);
	}
	assert_true(rig_exists("revisions/008.json"));
	assert_int_equal(engine_rollback(-1, &answer, &e), 0);
	json_decref(answer);
	assert_int_equal(engine_revision(), 8);
}

static void facts_last(void **state)
{
	json_t *value = json_pack("{s:i}", "x", 7);
	assert_null(engine_fact_get("macs"));
	assert_int_equal(engine_fact_set("macs", value), 0);
	rig_stop();
	assert_int_equal(engine_fact_set("macs", value), -ESHUTDOWN);
	rig_start();
	json_t *back = engine_fact_get("macs");
	assert_true(json_equal(value, back));
	json_decref(back);
	json_decref(value);
	assert_int_equal(engine_fact_set("macs", NULL), 0);
	assert_int_equal(engine_fact_set("macs", NULL), 0);
	assert_null(engine_fact_get("macs"));
	assert_int_equal(engine_fact_set("../current", json_true()), -EINVAL);
	assert_int_equal(engine_fact_set("", json_true()), -EINVAL);
	rig_write("facts/torn.json", "{\"x\":");
	assert_null(engine_fact_get("torn"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		T(a_start_brings_up_the_stored_document),
		T(a_stop_empties_the_workers_before_modules_let_go),
		T(apply_publishes_once_and_answers),
		T(the_same_document_is_no_change),
		T(one_refusal_aborts_all_in_reverse),
		T(a_dry_run_touches_nothing),
		T(an_invalid_document_changes_nothing),
		T(diff_says_what_apply_would_change),
		T(a_stale_revision_is_refused_by_name),
		T(rollback_goes_back_along_the_way_that_was_taken),
		T(revisions_are_listed),
		T(sixty_four_revisions_are_kept),
		T(facts_last),
	};
	return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
