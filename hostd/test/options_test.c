/* SPDX-License-Identifier: Apache-2.0 */
/* weftd's command line: every option, and what is refused with which words. */
#include "hostd/options.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static struct options o;
static struct err e;

/* Parses words given as one string. */
static int parse(const char *words)
{
	static char text[4096];
	char *argv[16] = {"weftd"}, *rest = text;
	int argc = 1;
	strncpy(text, words, sizeof(text) - 1);
	for (char *word; (word = strsep(&rest, " "));)
		argv[argc++] = strcmp(word, "''") ? word : "";
	if (!*words)
		argc = 1;
	argv[argc] = NULL;
	e = (struct err){0};
	return options_parse(argc, argv, &o, &e);
}

static void refused(const char *words, const char *why)
{
	char text[700];
	struct options before = o;
	assert_int_equal(parse(words), -EINVAL);
	err_format(&e, text, sizeof(text));
	if (!strstr(text, why))
		fail_msg("\"%s\" lacks \"%s\"", text, why);
	assert_memory_equal(&o, &before, sizeof(o));
}

static void defaults(void **state)
{
	unsetenv("WEFT_SOCKET");
	assert_int_equal(parse(""), 0);
	assert_int_equal(o.mode, OPTIONS_RUN);
	assert_string_equal(o.socket, "/run/weft/weftd.sock");
	assert_string_equal(o.state, "/var/lib/weft");
	assert_int_equal(o.n_cores, 0);
	assert_int_equal(o.eal.memory_mib, EAL_MEMORY_DEFAULT_MIB);
	assert_int_equal(o.eal.hugepages, EAL_HUGEPAGES_AUTO);
	assert_int_equal(o.log_level, LOG_LEVEL_INFO);
	setenv("WEFT_SOCKET", "/run/other.sock", 1);
	assert_int_equal(parse(""), 0);
	assert_string_equal(o.socket, "/run/other.sock");
	unsetenv("WEFT_SOCKET");
}

static void every_option(void **state)
{
	assert_int_equal(parse("--socket /s --state=/d --memory 256 --hugepages never --log-level debug"), 0);
	assert_string_equal(o.socket, "/s");
	assert_string_equal(o.state, "/d");
	assert_int_equal(o.eal.memory_mib, 256);
	assert_int_equal(o.eal.hugepages, EAL_HUGEPAGES_NEVER);
	assert_int_equal(o.log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(parse("--guard /d"), 0);
	assert_int_equal(o.mode, OPTIONS_GUARD);
	assert_string_equal(o.state, "/d");
	assert_int_equal(parse("--state /d --restore"), 0);
	assert_int_equal(o.mode, OPTIONS_RESTORE);
	assert_int_equal(parse("--help whatever follows"), 0);
	assert_int_equal(o.mode, OPTIONS_HELP);
	assert_int_equal(parse("--version"), 0);
	assert_int_equal(o.mode, OPTIONS_VERSION);
}

static void cores(void **state)
{
	cpu_set_t only, before;
	sched_getaffinity(0, sizeof(before), &before);
	assert_int_equal(parse("--worker-cores 0"), 0);
	assert_int_equal(o.n_cores, 1);
	assert_int_equal(o.cores[0], 0);
	if (CPU_COUNT(&before) > 1) {
		assert_int_equal(parse("--worker-cores 1,0"), 0);
		assert_int_equal(o.n_cores, 2);
		assert_int_equal(o.cores[0], 1);
		assert_int_equal(parse("--worker-cores 0-1"), 0);
		assert_int_equal(o.cores[1], 1);
		CPU_ZERO(&only);
		CPU_SET(0, &only);
		sched_setaffinity(0, sizeof(only), &only);
		refused("--worker-cores 0,1", "core 1 is not one that weftd may run on");
		sched_setaffinity(0, sizeof(before), &before);
	}
	refused("--worker-cores 0,0", "twice");
	refused("--worker-cores 1023", "core 1023");
	refused("--worker-cores 4294967296", "no list of cores");
	refused("--worker-cores 0,", "no list of cores");
	refused("--worker-cores 1-0", "no list of cores");
	refused("--worker-cores -1", "no list of cores");
	refused("--worker-cores 0-", "no list of cores");
	refused("--worker-cores ''", "no list of cores");
}

static void refusals(void **state)
{
	char words[300] = "--socket ";
	refused("--memory 0", "use 32-1048576");
	refused("--memory 31", "use 32-");
	refused("--memory 1048577", "use 32-");
	refused("--memory 96M", "use 32-");
	refused("--hugepages always", "neither auto nor never");
	refused("--log-level loud", "one of error, warning, info, debug");
	refused("--sockt /x", "--sockt is no option");
	refused("-x", "is no option");
	refused("--socket", "--socket needs a value");
	refused("--socket ''", "the path is empty");
	refused("--restore=yes", "takes no value");
	refused("apply", "takes options only");
	memset(words + strlen(words), 'x', 108);
	refused(words, "longer than 107 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(every_option),
		cmocka_unit_test(cores),
		cmocka_unit_test(refusals),
	};
	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
