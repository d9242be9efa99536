/* SPDX-License-Identifier: Apache-2.0 */
/* The register of modules: order, a failing init undone, wrong registrations ending the program. */
#include "core/control/module.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

static char calls[512];
static const char *failing;

static void note(const char *what, const char *name)
{
	size_t at = strlen(calls);
	snprintf(calls + at, sizeof(calls) - at, "%s%s ", what, name);
}

#define FAKE(ident, ...)                                                                                             \
	static int init_##ident(struct err *e)                                                                       \
	{                                                                                                            \
		if (failing && !strcmp(failing, #ident))                                                             \
			return err_set(e, ENODEV, NULL, "no device");                                                \
		note("+", #ident);                                                                                   \
		return 0;                                                                                            \
	}                                                                                                            \
	static void fini_##ident(void) { note("-", #ident); }                                                        \
	static const char *const needs_##ident[] = {__VA_ARGS__};                                                    \
	static struct module ident = {                                                                               \
		.name = #ident, .depends_on = needs_##ident, .init = init_##ident, .fini = fini_##ident};            \
	MODULE(ident)

FAKE(apex, "left", "right", NULL)
FAKE(left, "root", NULL)
FAKE(right, "root", NULL)
FAKE(root, NULL)

static int visit(struct module *m, void *until)
{
	note("", m->name);
	return until && !strcmp(m->name, until) ? 7 : 0;
}

static int setup(void **state)
{
	calls[0] = '\0';
	failing = NULL;
	return 0;
}

static void each_comes_after_what_it_needs(void **state)
{
	assert_int_equal(modules_each(visit, NULL), 0);
	assert_string_equal(calls, "root left right apex ");
	calls[0] = '\0';
	assert_int_equal(modules_each_reverse(visit, NULL), 0);
	assert_string_equal(calls, "apex right left root ");
	calls[0] = '\0';
	assert_int_equal(modules_each(visit, "left"), 7);
	assert_string_equal(calls, "root left ");
}

static void init_and_fini_mirror_each_other(void **state)
{
	struct err e;
	assert_int_equal(modules_init(&e), 0);
	modules_fini();
	modules_fini();
	assert_string_equal(calls, "+root +left +right +apex -apex -right -left -root ");
}

static void a_failing_init_is_undone(void **state)
{
	struct err e;
	failing = "right";
	assert_int_equal(modules_init(&e), -ENODEV);
	assert_string_equal(e.text, "module right: no device");
	assert_string_equal(calls, "+root +left -left -root ");
}

/* Registers m in a child; true if that, or ordering, aborts it. */
static bool aborts(struct module *m)
{
	pid_t child = fork();
	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		if (!freopen("/dev/null", "w", stderr))
			_exit(2);
		module_register(m);
		modules_each(visit, NULL);
		_exit(0);
	}
	int status;
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void wrong_modules_end_the_program(void **state)
{
	static const char *const needs_itself[] = {"loop", NULL}, *const needs_nobody[] = {"nobody", NULL};
	assert_true(aborts(&(struct module){.name = "root"}));
	assert_true(aborts(&(struct module){.name = "loop", .depends_on = needs_itself}));
	assert_true(aborts(&(struct module){.name = "lost", .depends_on = needs_nobody}));
	assert_false(aborts(&(struct module){.name = "fine"}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_comes_after_what_it_needs, setup),
		cmocka_unit_test_setup(init_and_fini_mirror_each_other, setup),
		cmocka_unit_test_setup(a_failing_init_is_undone, setup),
		cmocka_unit_test_setup(wrong_modules_end_the_program, setup),
	};
	return cmocka_run_group_tests_name("module", tests, NULL, NULL);
}
