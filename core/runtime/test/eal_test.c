/* SPDX-License-Identifier: Apache-2.0 */
/* DPDK as weft starts it: quick, quiet, unpinned, able to attach devices later, with pools that fit. */
#include "core/runtime/eal.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_log.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "core/runtime/frame.h"

static char last_line[512];
static unsigned lines[LOG_LEVEL_DEBUG + 1];
static uint64_t start_ns;

static void sink(enum log_level level, const char *object, const char *text)
{
	assert_string_equal(object, "dpdk");
	snprintf(last_line, sizeof(last_line), "%s", text);
	lines[level]++;
}

static int setup(void **state)
{
	struct err e;
	struct eal_options o = {.memory_mib = EAL_MEMORY_DEFAULT_MIB, .hugepages = EAL_HUGEPAGES_NEVER};
	log_set_sink(sink);
	log_set_level(LOG_LEVEL_DEBUG);
	uint64_t before = clock_now_ns();
	int r = eal_start(&o, &e);
	start_ns = clock_now_ns() - before;
	return r;
}

static int teardown(void **state)
{
	eal_stop();
	log_set_sink(NULL);
	return 0;
}

static void it_is_quiet_and_leaves_the_thread_alone(void **state)
{
	cpu_set_t now;
	assert_int_equal(lines[LOG_LEVEL_ERROR] + lines[LOG_LEVEL_WARNING] + lines[LOG_LEVEL_INFO], 0);
	sched_getaffinity(0, sizeof(now), &now);
	assert_true(CPU_EQUAL(&now, (cpu_set_t *)*state));
	assert_true(start_ns < 2000000000ull); /* 150 ms on an idle machine; a loaded one must not fail here */
}

static void the_default_memory_holds_its_frames(void **state)
{
	unsigned small, big;
	struct frame_pools pools;
	eal_frame_counts(&small, &big);
	assert_in_range(small, 8192, 65536);
	assert_in_range(big, 512, 4096);
	assert_int_equal(frame_init(), 0);
	assert_int_equal(frame_pools_create(&pools, small, big), 0);
	frame_pools_free(&pools);
}

static void devices_can_come_later(void **state)
{
	assert_int_equal(rte_dev_probe("net_null0"), 0);
	assert_non_null(rte_bus_find_by_name("pci"));
	assert_true(rte_dev_probe("0000:ff:1f.7") < 0); /* the bus is asked, and does not have it */
}

static void messages_reach_the_log_but_do_not_flood_it(void **state)
{
	clock_test_set(clock_now_ns() + 5000000000ull);
	memset(lines, 0, sizeof(lines));
	rte_log(RTE_LOG_NOTICE, RTE_LOGTYPE_EAL, "EAL: in two ");
	assert_int_equal(lines[LOG_LEVEL_DEBUG], 0);
	rte_log(RTE_LOG_NOTICE, RTE_LOGTYPE_EAL, "pieces\n");
	assert_string_equal(last_line, "EAL: in two pieces");
	assert_int_equal(lines[LOG_LEVEL_DEBUG], 1);
	rte_log(RTE_LOG_ERR, RTE_LOGTYPE_EAL, "VHOST_CONFIG: a guest went\n");
	assert_int_equal(lines[LOG_LEVEL_DEBUG], 2);
	assert_int_equal(lines[LOG_LEVEL_WARNING], 0);
	for (int i = 0; i < 1000; i++)
		rte_log(RTE_LOG_ERR, RTE_LOGTYPE_EAL, "EAL: no %d\n", i);
	assert_int_equal(lines[LOG_LEVEL_WARNING], 20);
	clock_test_advance(1000000000ull);
	rte_log(RTE_LOG_ERR, RTE_LOGTYPE_EAL, "EAL: the last\n");
	assert_int_equal(lines[LOG_LEVEL_WARNING], 22); /* "980 more" and this */
	assert_string_equal(last_line, "EAL: the last");
	clock_test_release();
}

int main(void)
{
	static cpu_set_t before;
	sched_getaffinity(0, sizeof(before), &before);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(it_is_quiet_and_leaves_the_thread_alone, &before),
		cmocka_unit_test(the_default_memory_holds_its_frames),
		cmocka_unit_test(devices_can_come_later),
		cmocka_unit_test(messages_reach_the_log_but_do_not_flood_it),
	};
	return cmocka_run_group_tests_name("eal", tests, setup, teardown);
}
