/* SPDX-License-Identifier: Apache-2.0 */
/* The confirmation window, over restarts and refusals; then any sequence of commands against a small model. */
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

static void turn_s(uint64_t s)
{
	clock_test_advance(s * 1000000000ull);
	assert_int_equal(loop_turn(), 0);
}

static void an_unconfirmed_change_is_taken_back(void **state)
{
	rig_apply("a", 0);
	rig_apply("b", 30);
	assert_int_equal(guards, 1);
	assert_int_equal(engine_unconfirmed_s(), 30);
	turn_s(29);
	assert_string_equal(rig_running(), "b");
	assert_int_equal(engine_unconfirmed_s(), 1);
	turn_s(1);
	assert_string_equal(rig_running(), "a");
	assert_int_equal(engine_revision(), 1);
	assert_int_equal(engine_unconfirmed_s(), 0);
	assert_false(rig_exists("pending.json"));
	turn_s(100);
	assert_string_equal(rig_running(), "a");
}

static void confirm_keeps_it(void **state)
{
	struct err e;
	json_t *answer = NULL;
	rig_apply("a", 30);
	assert_int_equal(engine_confirm(&answer, &e), 0);
	assert_int_equal(json_integer_value(json_object_get(answer, "revision")), 1);
	json_decref(answer);
	assert_false(rig_exists("pending.json"));
	turn_s(100);
	assert_string_equal(rig_running(), "a");
	assert_int_equal(engine_confirm(&answer, &e), -ENOENT);
}

static void the_window_has_bounds(void **state)
{
	struct err e;
	struct engine_options o = {.if_revision = -1, .confirm_within_s = 3601};
	assert_int_equal(rig_apply_with("a", o, NULL, &e), -EINVAL);
	assert_string_equal(e.path, "confirm-within");
	o.confirm_within_s = 3600;
	assert_int_equal(rig_apply_with("a", o, NULL, &e), 0);
}

static void a_second_change_in_the_window_keeps_the_way_back(void **state)
{
	rig_apply("a", 0);
	rig_apply("b", 10);
	turn_s(5);
	rig_apply("c", 10);
	turn_s(9);
	assert_string_equal(rig_running(), "c");
	turn_s(1);
	assert_string_equal(rig_running(), "a");
}

static void a_plain_apply_in_the_window_confirms(void **state)
{
	struct err e;
	json_t *answer = NULL;
	rig_apply("a", 10);
	assert_int_equal(rig_apply_with("b", plain, &answer, &e), 0);
	assert_int_equal(json_array_size(json_object_get(answer, "warnings")), 1);
	json_decref(answer);
	assert_int_equal(engine_unconfirmed_s(), 0);
	turn_s(20);
	assert_string_equal(rig_running(), "b");
	rig_apply("c", 10);
	assert_int_equal(rig_apply_with("c", plain, &answer, &e), 0); /* the same document, for good */
	json_decref(answer);
	assert_int_equal(engine_unconfirmed_s(), 0);
	rig_apply("d", 10);
	turn_s(8);
	rig_apply("d", 10); /* the same document, more time */
	turn_s(9);
	assert_string_equal(rig_running(), "d");
	turn_s(1);
	assert_string_equal(rig_running(), "c");
}

static void a_refused_change_leaves_the_window_as_it_was(void **state)
{
	struct err e;
	struct engine_options o = {.if_revision = -1, .confirm_within_s = 100};
	rig_refuse = "above";
	assert_true(rig_apply_with("b", o, NULL, &e) < 0);
	assert_int_equal(engine_unconfirmed_s(), 0);
	assert_false(rig_exists("pending.json"));
	rig_refuse = NULL;
	rig_apply("a", 10);
	rig_refuse = "above";
	assert_true(rig_apply_with("b", o, NULL, &e) < 0);
	assert_true(rig_apply_with("b", plain, NULL, &e) < 0);
	rig_refuse = NULL;
	assert_int_equal(engine_unconfirmed_s(), 10);
	turn_s(10);
	assert_string_equal(rig_running(), "");
}

static void rollback_ends_the_window(void **state)
{
	struct err e;
	json_t *answer = NULL;
	rig_apply("a", 0);
	rig_apply("b", 0);
	rig_apply("c", 10);
	assert_int_equal(engine_rollback(3, &answer, &e), 0); /* what runs: nothing happens */
	json_decref(answer);
	assert_int_equal(engine_unconfirmed_s(), 10);
	assert_int_equal(engine_rollback(1, &answer, &e), 0);
	json_decref(answer);
	assert_int_equal(engine_unconfirmed_s(), 0);
	turn_s(20);
	assert_string_equal(rig_running(), "a");
}

static void taking_back_is_tried_until_it_works(void **state)
{
	rig_apply("a", 0);
	rig_apply("b", 10);
	rig_refuse = "middle";
	turn_s(10);
	assert_string_equal(rig_running(), "b");
	assert_true(rig_restarting); /* asked to wait for what is not there, and refused even so */
	assert_true(rig_exists("pending.json"));
	rig_refuse = NULL;
	turn_s(5);
	assert_string_equal(rig_running(), "a");
	assert_false(rig_exists("pending.json"));
}

static void the_window_goes_on_after_a_restart(void **state)
{
	rig_apply("a", 0);
	rig_apply("b", 1000);
	rig_stop();
	assert_true(rig_exists("pending.json"));
	rig_start();
	assert_int_equal(guards, 2);
	assert_string_equal(rig_running(), "b");
	assert_in_range(engine_unconfirmed_s(), 900, 1000);
	turn_s(1000);
	assert_string_equal(rig_running(), "a");
}

static void the_window_ended_while_nobody_ran(void **state)
{
	rig_apply("a", 0);
	rig_apply("b", 1000);
	rig_stop();
	rig_write("pending.json", "{\"previous\": 1, \"deadline\": 1700000000000, \"confirm-within\": 1000}");
	rig_start();
	assert_string_equal(rig_running(), "a");
	assert_int_equal(engine_revision(), 1);
	assert_false(rig_exists("pending.json"));
	rig_stop();
	rig_start();
	assert_string_equal(rig_running(), "a");
}

static void a_clock_set_back_does_not_stretch_the_window(void **state)
{
	rig_apply("a", 60);
	rig_stop();
	rig_write("pending.json", "{\"previous\": 0, \"deadline\": 9000000000000, \"confirm-within\": 60}");
	rig_start();
	assert_int_equal(engine_unconfirmed_s(), 60);
}

/* What the engine should be, in twenty lines. */
struct model {
	unsigned document[2000], previous[2000]; /* by revision; document 0 is the empty one */
	unsigned newest, current;
	bool waits;
	unsigned way_back;
};

static uint64_t seed;

static unsigned random_below(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % n);
}

static void model_apply(struct model *m)
{
	static const char *const names[] = {NULL, "a", "b", "c", "d"};
	struct err e;
	unsigned document = random_below(5), window = random_below(2);
	struct engine_options o = {.if_revision = random_below(4) ? -1 : (int64_t)random_below(m->newest + 1),
				   .confirm_within_s = window * 100};
	bool stale = o.if_revision >= 0 && o.if_revision != (int64_t)m->current;
	bool refused = random_below(5) == 0, same = document == m->document[m->current];
	rig_refuse = refused ? "middle" : NULL;
	int r = rig_apply_with(names[document], o, NULL, &e);
	rig_refuse = NULL;
	assert_int_equal(r, stale ? -ESTALE : refused && !same ? -EADDRINUSE : 0);
	if (r < 0)
		return;
	if (window && !m->waits && !same)
		m->way_back = m->current;
	m->waits = window && (m->waits || !same);
	if (!same) {
		m->document[++m->newest] = document;
		m->previous[m->newest] = m->current;
		m->current = m->newest;
	}
}

static void model_rollback(struct model *m)
{
	struct err e;
	json_t *answer = NULL;
	int64_t number = random_below(2) ? -1 : (int64_t)random_below(m->newest + 3);
	bool known = number < 0 ? m->waits || m->current > 0 : number <= m->newest;
	assert_int_equal(engine_rollback(number, &answer, &e), known ? 0 : -ENOENT);
	json_decref(answer);
	if (!known)
		return;
	unsigned target = number >= 0 ? (unsigned)number : m->waits ? m->way_back : m->previous[m->current];
	if (target != m->current)
		m->waits = false;
	m->current = target;
}

static void any_sequence_agrees_with_the_model(void **state)
{
	static const char *const names[] = {"", "a", "b", "c", "d"};
	struct model m = {0};
	struct err e;
	json_t *answer = NULL;
	seed = 88172645463325252ull;
	for (unsigned i = 0; i < 600 && m.newest < 60; i++) {
		switch (random_below(8)) {
		case 0:
			assert_int_equal(engine_confirm(&answer, &e), m.waits ? 0 : -ENOENT);
			json_decref(answer);
			answer = NULL;
			m.waits = false;
			break;
		case 1:
			turn_s(101);
			m.current = m.waits ? m.way_back : m.current;
			m.waits = false;
			break;
		case 2:
			rig_stop();
			rig_start();
			break;
		case 3:
		case 4:
			model_rollback(&m);
			break;
		default:
			model_apply(&m);
		}
		rig_calls[0] = '\0';
		assert_int_equal(engine_revision(), m.current);
		assert_string_equal(rig_running(), names[m.document[m.current]]);
		assert_int_equal(engine_unconfirmed_s() > 0, m.waits);
		assert_int_equal(rig_exists("pending.json"), m.waits);
	}
	assert_true(m.newest > 20);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		T(an_unconfirmed_change_is_taken_back),
		T(confirm_keeps_it),
		T(the_window_has_bounds),
		T(a_second_change_in_the_window_keeps_the_way_back),
		T(a_plain_apply_in_the_window_confirms),
		T(a_refused_change_leaves_the_window_as_it_was),
		T(rollback_ends_the_window),
		T(taking_back_is_tried_until_it_works),
		T(the_window_goes_on_after_a_restart),
		T(the_window_ended_while_nobody_ran),
		T(a_clock_set_back_does_not_stretch_the_window),
		T(any_sequence_agrees_with_the_model),
	};
	return cmocka_run_group_tests_name("confirm", tests, NULL, NULL);
}
