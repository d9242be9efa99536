/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state folder against everything that can go wrong with it: a second owner, damaged files, every system
 * call failing once and for good, and a crash before each of them.
 */
#include "core/control/store_private.h"

#include <sys/wait.h>

#include "base/log.h"
#include "core/control/guard.h"
#include "core/control/test/faults.h"
#include "core/control/test/rig.h"

static char logged[4096];

int guard_spawn(struct err *e) { return 0; }

static void sink(enum log_level level, const char *object, const char *text)
{
	size_t at = strlen(logged);
	snprintf(logged + at, sizeof(logged) - at, "%s\n", text);
}

static int setup(void **state)
{
	int r = rig_setup(state);
	log_set_sink(sink);
	logged[0] = '\0';
	rig_start();
	return r;
}

static int teardown(void **state)
{
	fault_armed = false;
	fault_before = NULL;
	log_set_sink(NULL);
	return rig_teardown(state);
}

static int start(struct err *e)
{
	int r = engine_open(rig_dir, e);
	if (r == 0) {
		r = engine_start(e);
		if (r < 0)
			engine_close();
	}
	return r;
}

static void a_second_owner_is_refused_and_told_who(void **state)
{
	struct err e;
	char pid[16];
	snprintf(pid, sizeof(pid), "%d weftd", (int)getpid());
	store.lock_wait_ms = 100;
	pid_t child = fork();
	if (child == 0) {
		int r = store_open(rig_dir, "weftd", &e);
		_exit(r == -EBUSY && strstr(e.text, pid) && strstr(e.text, rig_dir) ? 0 : 1);
	}
	int status;
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	assert_true(rig_exists("lock"));
	rig_stop();
	rig_start(); /* whoever is gone holds nothing */
}

/* A process that has the folder as `owner` for ms, and has it now. */
static pid_t owner_start(const char *owner, unsigned ms)
{
	struct err e = {0};
	int ready[2];
	char byte;
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	if (child == 0) {
		if (store_open(rig_dir, owner, &e) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		usleep(ms * 1000);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return child;
}

static void owner_reap(pid_t child)
{
	int status;
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

static void a_finishing_guard_is_waited_for(void **state)
{
	struct err e = {0};
	rig_stop();
	store.lock_wait_ms = 0;
	pid_t child = owner_start("weft-guard", 120);
	assert_int_equal(store_open(rig_dir, "weft-guard", &e), -EBUSY);
	assert_int_equal(start(&e), 0);
	owner_reap(child);
}

/* Killed, it has its lock until the kernel has taken its memory apart. */
static void a_dying_weftd_is_waited_for(void **state)
{
	struct err e = {0};
	rig_stop();
	store.lock_wait_ms = 2000;
	pid_t child = owner_start("weftd", 120);
	assert_int_equal(store_open(rig_dir, "weft-guard", &e), -EBUSY); /* it is for the next weftd to do so */
	assert_int_equal(start(&e), 0);
	owner_reap(child);
	rig_stop();
	store.lock_wait_ms = 100;
	child = owner_start("weftd", 400);
	assert_int_equal(start(&e), -EBUSY);
	assert_non_null(strstr(e.text, "does not end"));
	owner_reap(child);
	rig_start();
}

static void a_folder_that_cannot_be_is_named(void **state)
{
	struct err e;
	rig_stop();
	assert_int_equal(store_open("/proc/nothing/here", "weftd", &e), -ENOENT);
	assert_non_null(strstr(e.text, "/proc/nothing/here"));
}

static void a_damaged_current_revision_says_how_to_recover(void **state)
{
	static const char *const damage[] = {"",
					     "{",
					     "[]",
					     "{\"revision\": 1}",
					     "\xff\xfe",
					     "{\"revision\": 1, \"previous\": 0, \"document\": {}}",
					     "{\"revision\": 2, \"previous\": 1, \"document\": {\"switches\": 7}}"};
	struct err e;
	rig_apply("a", 0);
	rig_apply("b", 0);
	rig_stop();
	for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		rig_write("revisions/002.json", damage[i]);
		e = (struct err){0};
		assert_true(start(&e) < 0);
		assert_non_null(strstr(i < 6 ? e.text : e.path, i < 6 ? "002.json" : "revision 2"));
		if (i < 6)
			assert_non_null(strstr(e.text, "to recover"));
		assert_null(engine_document());
	}
	rig_write("current", "1\n"); /* as the error says */
	rig_start();
	assert_string_equal(rig_running(), "a");
}

static void a_damaged_pointer_is_named(void **state)
{
	static const char *const damage[] = {"", "x", "-1", "2 2", "99", "18446744073709551615", "1\n\n"};
	struct err e;
	rig_apply("a", 0);
	rig_stop();
	for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		rig_write("current", damage[i]);
		assert_true(start(&e) < 0);
		assert_non_null(strstr(e.text, "/current"));
	}
	char current[256];
	snprintf(current, sizeof(current), "%s/current", rig_dir);
	assert_int_equal(unlink(current), 0);
	rig_start();
	assert_string_equal(rig_running(), "");
	rig_apply("b", 0); /* and its number is a new one */
	assert_int_equal(engine_revision(), 2);
}

static void half_done_writes_are_swept(void **state)
{
	rig_apply("a", 0);
	rig_stop();
	rig_write("revisions/002.json", "{\"revision\": 2, \"docu");
	rig_write("revisions/002.json.Ab3xYz", "{");
	rig_write("current.aaaaaa", "2");
	rig_write("pending.json.bbbbbb", "{");
	rig_write("facts/macs.json.cccccc", "{");
	rig_write("revisions/README", "somebody's");
	rig_start();
	assert_string_equal(rig_running(), "a");
	assert_false(rig_exists("revisions/002.json"));
	assert_false(rig_exists("revisions/002.json.Ab3xYz"));
	assert_false(rig_exists("current.aaaaaa"));
	assert_false(rig_exists("pending.json.bbbbbb"));
	assert_false(rig_exists("facts/macs.json.cccccc"));
	assert_true(rig_exists("revisions/README"));
	assert_non_null(strstr(logged, "002.json"));
}

static void an_old_damaged_revision_is_only_listed_so(void **state)
{
	struct err e;
	json_t *answer = NULL;
	rig_apply("a", 0);
	rig_apply("b", 0);
	rig_stop();
	rig_write("revisions/001.json", "torn");
	rig_start();
	assert_string_equal(rig_running(), "b");
	json_t *list = engine_revisions();
	assert_non_null(strstr(json_string_value(json_object_get(json_array_get(list, 0), "summary")), "damaged"));
	json_decref(list);
	assert_int_equal(engine_rollback(-1, &answer, &e), -EBADMSG);
	assert_non_null(strstr(e.text, "001.json"));
	assert_string_equal(rig_running(), "b");
}

static void a_damaged_window_is_reported(void **state)
{
	rig_apply("a", 50);
	rig_stop();
	rig_write("pending.json", "{\"previous\": -3}");
	rig_start();
	assert_string_equal(rig_running(), "a");
	assert_int_equal(engine_unconfirmed_s(), 0);
	assert_non_null(strstr(logged, "pending.json"));
}

/* What a test does while something fails; confirmed "a" runs before. */
struct work {
	const char *name;
	int (*run)(struct err *e);
	const char *after; /* what runs when it worked */
	uint32_t window_before, window_after; /* seconds, as good as */
};

static int do_apply(struct err *e)
{
	return rig_apply_with("b", (struct engine_options){.if_revision = -1}, NULL, e);
}

static int do_apply_unconfirmed(struct err *e)
{
	return rig_apply_with("b", (struct engine_options){.if_revision = -1, .confirm_within_s = 100}, NULL, e);
}

static int do_confirm(struct err *e)
{
	json_t *answer = NULL;
	int r = engine_confirm(&answer, e);
	json_decref(answer);
	return r;
}

static int do_rollback(struct err *e)
{
	json_t *answer = NULL;
	int r = engine_rollback(-1, &answer, e);
	json_decref(answer);
	return r;
}

static const struct work works[] = {
	{"apply", do_apply, "b", 0, 0},
	{"apply to be confirmed", do_apply_unconfirmed, "b", 0, 1},
	{"apply in the window", do_apply, "b", 1, 0},
	{"longer window", do_apply_unconfirmed, "b", 1, 1},
	{"confirm", do_confirm, "a", 1, 0},
	{"rollback", do_rollback, "z", 0, 0},
	{"rollback in the window", do_rollback, "z", 1, 0},
};
enum { WORKS = sizeof(works) / sizeof(works[0]) };

/* z was confirmed, a runs, unconfirmed if the work wants that. */
static void work_begin(const struct work *w)
{
	rig_stop();
	tree_empty(rig_dir);
	rig_start();
	rig_apply("z", 0);
	rig_apply("a", w->window_before ? 100 : 0);
	rig_calls[0] = '\0';
}

/* After a failure: what runs, what the modules were told and what a restart finds are the same story. */
static void work_check(const struct work *w, int r, bool disk_died)
{
	bool done = r == 0;
	const char *expected = done ? w->after : "a";
	uint32_t window = done ? w->window_after : w->window_before;
	assert_string_equal(rig_running(), expected);
	assert_int_equal(engine_unconfirmed_s() > 0, window);
	assert_true(done == (strstr(rig_calls, "commit") != NULL) || w->run == do_confirm);
	if (!done && strstr(rig_calls, "prepare above"))
		assert_non_null(strstr(rig_calls, "abort above;abort middle;abort zbase;"));
	rig_stop();
	rig_start();
	/* A disk that dies between two files may keep the newer one, or a window that was to be removed: then, and
	 * only then, a restart finds another story than was told: one that ends at what was confirmed last, z. */
	bool astray = strcmp(rig_running(), expected) != 0 || (engine_unconfirmed_s() > 0) != window;
	assert_true(!astray || (disk_died && (engine_unconfirmed_s() > 0 || !strcmp(rig_running(), "z"))));
	if (!astray && !done && !disk_died)
		assert_false(rig_exists("revisions/003.json"));
	rig_apply("afterwards", 0);
	assert_string_equal(rig_running(), "afterwards");
}

static void every_call_may_fail(bool lasting)
{
	for (unsigned i = 0; i < WORKS; i++) {
		unsigned refused = 0;
		for (unsigned at = 1;; at++) {
			struct err e = {0};
			work_begin(&works[i]);
			fault_arm(at, lasting);
			int r = works[i].run(&e);
			fault_armed = false;
			bool reached = fault_calls >= at;
			if (r < 0)
				assert_true(e.text[0] != '\0');
			refused += r < 0;
			work_check(&works[i], r, lasting);
			if (!reached)
				break;
		}
		assert_true(refused > 0);
	}
}

static void every_call_may_fail_once(void **state) { every_call_may_fail(false); }

static void the_disk_may_die_at_every_call(void **state) { every_call_may_fail(true); }

static unsigned snaps;

static void snap_take(void)
{
	char to[256];
	snprintf(to, sizeof(to), "%s.%u", rig_dir, snaps++);
	tree_copy(rig_dir, to);
}

/* A crash before each call leaves a folder that starts as it was before the work or as it is after it. */
static void a_crash_at_every_step_loses_nothing(void **state)
{
	char live[sizeof(rig_dir)];
	strcpy(live, rig_dir);
	for (unsigned i = 0; i < WORKS; i++) {
		struct err e = {0};
		work_begin(&works[i]);
		snaps = 0;
		fault_before = snap_take;
		fault_arm(0, false);
		assert_int_equal(works[i].run(&e), 0);
		fault_armed = false;
		fault_before = NULL;
		rig_stop();
		assert_true(snaps > 2);
		bool after_seen = false;
		for (unsigned k = 0; k < snaps; k++) {
			snprintf(rig_dir, sizeof(rig_dir), "%.100s.%u", live, k);
			rig_start();
			bool after = !strcmp(rig_running(), works[i].after);
			if (!after)
				assert_string_equal(rig_running(), "a");
			assert_true(after || !after_seen || !strcmp(works[i].after, "a"));
			after_seen |= after;
			/* What is new and was to be confirmed must never be there for good. */
			if (after && works[i].run == do_apply_unconfirmed)
				assert_true(engine_unconfirmed_s() > 0);
			if (!after && works[i].window_before)
				assert_true(engine_unconfirmed_s() > 0);
			rig_apply("afterwards", 0);
			rig_stop();
			tree_remove(rig_dir);
		}
		strcpy(rig_dir, live);
		rig_start();
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_second_owner_is_refused_and_told_who),
		T(a_finishing_guard_is_waited_for),
		T(a_dying_weftd_is_waited_for),
		T(a_folder_that_cannot_be_is_named),
		T(a_damaged_current_revision_says_how_to_recover),
		T(a_damaged_pointer_is_named),
		T(half_done_writes_are_swept),
		T(an_old_damaged_revision_is_only_listed_so),
		T(a_damaged_window_is_reported),
		T(every_call_may_fail_once),
		T(the_disk_may_die_at_every_call),
		T(a_crash_at_every_step_loses_nothing),
	};
	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
