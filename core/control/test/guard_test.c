/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guardian as a real process: this program plays weftd (killed on purpose), and its guard when it is
 * started again with --guard.
 */
#include "core/control/guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "core/control/store_private.h"
#include "core/control/test/rig.h"

static bool rollback_keeps; /* the last one in this process was told of a document that comes next */

/* What hostnet does, in miniature: the fact says what was taken, a file stands for the interface. */
static int fake_guard_rollback(const char *state_dir, struct err *e)
{
	char path[256];
	json_t *fact = engine_fact_get("taken");
	struct api_document *next = guard_document();
	rollback_keeps = next;
	api_document_free(next);
	snprintf(path, sizeof(path), "%s/given-back", state_dir);
	int r = file_replace(path, json_string_value(fact), strlen(json_string_value(fact)), 0600);
	json_decref(fact);
	return r < 0 ? err_set(e, -r, NULL, "nothing given back") : 0;
}

static struct module taker = {.name = "taker", .guard_rollback = fake_guard_rollback};
MODULE(taker)

static void ms_sleep(unsigned ms) { usleep(ms * 1000); }

/* Pid of the guard of rig_dir; 0: there is none. */
static pid_t guard_find(void)
{
	DIR *d = opendir("/proc");
	pid_t found = 0;
	for (struct dirent *entry; !found && (entry = readdir(d));) {
		char path[300], text[512] = "";
		snprintf(path, sizeof(path), "/proc/%.20s/cmdline", entry->d_name);
		int fd = open(path, O_RDONLY);
		ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
		if (fd >= 0)
			close(fd);
		const char *dir = text + sizeof("weft-guard") + sizeof("--guard");
		if (n > 20 && !strcmp(text, "weft-guard") && !strcmp(dir, rig_dir))
			found = (pid_t)atoi(entry->d_name);
	}
	closedir(d);
	return found;
}

static void wait_for(bool (*holds)(void), const char *what)
{
	for (int i = 0; i < 300; i++) {
		if (holds())
			return;
		ms_sleep(10);
	}
	fail_msg("not within 3 s: %s", what);
}

static bool guard_runs(void)
{
	char path[64], name[16] = "";
	pid_t pid = guard_find();
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	FILE *f = pid ? fopen(path, "r") : NULL;
	if (f) {
		(void)!fscanf(f, "%15s", name);
		fclose(f);
	}
	return !strcmp(name, "weft-guard");
}

static bool guard_gone(void) { return guard_find() == 0; }
static bool given_back(void) { return rig_exists("given-back") && !rig_exists("pending.json"); }
static bool is_pending(void) { return rig_exists("pending.json"); }

/* A weftd that confirmed "a", applied "b" and waits to be killed, in a process group of its own. */
static pid_t weftd_start(void)
{
	int ready[2];
	char byte;
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid != 0) { /* its guard runs before all of "b" is written down */
		close(ready[1]);
		assert_int_equal(read(ready[0], &byte, 1), 1);
		close(ready[0]);
		return pid;
	}
	setpgid(0, 0);
	int leaked = dup(1); /* a descriptor that somebody forgot to mark close-on-exec */
	json_t *taken = json_string("eth0");
	rig_start();
	if (engine_fact_set("taken", taken) < 0 || leaked < 0)
		_exit(1);
	rig_apply("a", 0);
	rig_apply("b", 60);
	if (write(ready[1], "x", 1) != 1)
		_exit(1);
	for (;;)
		loop_run();
}

static void weftd_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Moves the deadline to ms from now. */
static void deadline_set(unsigned ms)
{
	char text[128];
	snprintf(text, sizeof(text), "{\"previous\": 1, \"deadline\": %llu, \"confirm-within\": 60}",
		 (unsigned long long)clock_wall_ms() + ms);
	char path[256];
	snprintf(path, sizeof(path), "%s/pending.json", rig_dir);
	assert_int_equal(file_replace(path, text, strlen(text), 0600), 0);
}

static void a_killed_weftd_is_stood_in_for(void **state)
{
	pid_t weftd = weftd_start();
	wait_for(is_pending, "pending");
	wait_for(guard_runs, "the guard");
	weftd_kill(weftd);
	ms_sleep(300);
	assert_false(rig_exists("given-back")); /* there is time left */
	deadline_set(50);
	wait_for(given_back, "interfaces given back");
	wait_for(guard_gone, "end of the guard");
	rig_start();
	assert_string_equal(rig_running(), "a");
	assert_int_equal(engine_unconfirmed_s(), 0);
}

static void a_living_weftd_is_left_alone(void **state)
{
	pid_t weftd = weftd_start();
	wait_for(guard_runs, "the guard");
	deadline_set(0); /* weftd's own timer still has a minute */
	ms_sleep(600);
	assert_true(rig_exists("pending.json"));
	assert_false(rig_exists("given-back"));
	weftd_kill(weftd);
	wait_for(given_back, "interfaces given back");
	wait_for(guard_gone, "end of the guard");
}

static void the_terminal_does_not_end_it(void **state)
{
	pid_t weftd = weftd_start();
	wait_for(guard_runs, "the guard");
	pid_t guard = guard_find();
	assert_int_equal(getsid(guard), guard);
	kill(-weftd, SIGINT);
	kill(-weftd, SIGKILL);
	waitpid(weftd, NULL, 0);
	kill(guard, SIGINT);
	kill(guard, SIGHUP);
	kill(guard, SIGQUIT);
	ms_sleep(50);
	assert_int_equal(guard_find(), guard);

	/* It holds nothing of weftd's: null, null, stderr and its own lock. */
	char path[64];
	unsigned n = 0;
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)guard);
	DIR *d = opendir(path);
	for (struct dirent *entry; (entry = readdir(d));)
		n += entry->d_name[0] != '.';
	closedir(d);
	assert_int_equal(n, 4);
	deadline_set(0);
	wait_for(guard_gone, "end of the guard");
}

static void confirming_after_a_restart_ends_it(void **state)
{
	struct err e;
	siginfo_t info;
	json_t *answer = NULL;
	pid_t weftd = weftd_start();
	wait_for(guard_runs, "the guard");
	weftd_kill(weftd);
	rig_start();
	assert_string_equal(rig_running(), "b");
	assert_in_range(engine_unconfirmed_s(), 50, 60);
	assert_int_equal(engine_confirm(&answer, &e), 0);
	json_decref(answer);
	wait_for(guard_gone, "end of the guards");
	assert_false(rig_exists("given-back"));
	assert_string_equal(rig_running(), "b");
	for (int i = 0; i < 300 && waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0; i++) {
		loop_turn(); /* reaps the guard that this process started */
		ms_sleep(10);
	}
	assert_int_equal(loop_turn(), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie is left */
	assert_int_equal(errno, ECHILD);
}

static void interfaces_can_be_given_back_by_hand(void **state)
{
	struct err e;
	json_t *taken = json_string("eth1");
	rig_start();
	assert_int_equal(engine_fact_set("taken", taken), 0);
	json_decref(taken);
	store.lock_wait_ms = 100;
	assert_int_equal(guard_restore(rig_dir, &e), -EBUSY);
	assert_false(rig_exists("given-back"));
	rig_stop();
	assert_int_equal(guard_restore(rig_dir, &e), 0);
	assert_true(rig_exists("given-back"));
	rig_start(); /* and the folder is free again */
}

/* A change that waits to be confirmed is dropped first: nothing of what ran before is to be kept then either. */
static void giving_back_by_hand_drops_an_unconfirmed_change(void **state)
{
	struct err e;
	rollback_keeps = true;
	pid_t weftd = weftd_start();
	wait_for(guard_runs, "the guard");
	weftd_kill(weftd);
	assert_int_equal(guard_restore(rig_dir, &e), 0);
	assert_false(rollback_keeps);
	assert_false(rig_exists("pending.json"));
	wait_for(guard_gone, "end of the guard");
	rig_start();
	assert_string_equal(rig_running(), "a");
}

static int setup(void **state)
{
	int r = rig_setup(state);
	clock_test_release();
	return r;
}

static int teardown(void **state)
{
	pid_t guard = guard_find();
	if (guard)
		kill(guard, SIGKILL);
	return rig_teardown(state);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--guard"))
		return guard_run(argv[2]) < 0;
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_killed_weftd_is_stood_in_for),	 T(a_living_weftd_is_left_alone),
		T(the_terminal_does_not_end_it),	 T(confirming_after_a_restart_ends_it),
		T(interfaces_can_be_given_back_by_hand), T(giving_back_by_hand_drops_an_unconfirmed_change),
	};
	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
