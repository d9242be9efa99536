/* SPDX-License-Identifier: Apache-2.0 */
/* The event ring: numbers, what is forgotten, threads, followers. */
#include "core/control/events.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "core/control/loop.h"

static int setup(void **state)
{
	events_init();
	return loop_init();
}

static int teardown(void **state)
{
	loop_fini();
	events_init();
	return 0;
}

static size_t count_since(uint64_t after)
{
	json_t *list = events_since(after);
	size_t n = json_array_size(list);
	json_decref(list);
	return n;
}

static void an_event_says_what_and_when(void **state)
{
	events_add(LOG_LEVEL_WARNING, "adapter vm1", "guest went");
	json_t *list = events_since(0), *ev = json_array_get(list, 0);
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(json_integer_value(json_object_get(ev, "number")), 1);
	assert_true(json_integer_value(json_object_get(ev, "time")) > 1500000000000);
	assert_string_equal(json_string_value(json_object_get(ev, "level")), "warning");
	assert_string_equal(json_string_value(json_object_get(ev, "object")), "adapter vm1");
	assert_string_equal(json_string_value(json_object_get(ev, "text")), "guest went");
	json_decref(list);
	assert_int_equal(count_since(1), 0);
	assert_int_equal(count_since(UINT64_MAX), 0);
}

static void the_oldest_are_forgotten(void **state)
{
	char text[32];
	for (int i = 1; i <= EVENTS_KEPT + 100; i++) {
		snprintf(text, sizeof(text), "event %d", i);
		events_add(LOG_LEVEL_INFO, "host", text);
	}
	json_t *list = events_since(0);
	assert_int_equal(json_array_size(list), EVENTS_KEPT);
	for (size_t i = 0; i < EVENTS_KEPT; i++) {
		json_t *ev = json_array_get(list, i);
		snprintf(text, sizeof(text), "event %zu", i + 101);
		assert_int_equal(json_integer_value(json_object_get(ev, "number")), i + 101);
		assert_string_equal(json_string_value(json_object_get(ev, "text")), text);
	}
	json_decref(list);
	assert_int_equal(count_since(EVENTS_KEPT + 90), 10);
}

static void bytes_that_are_no_utf8_are_replaced(void **state)
{
	events_add(LOG_LEVEL_INFO, "adapter \xff", "f\xc3\xbcr");
	json_t *list = events_since(0), *ev = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(ev, "object")), "adapter ?");
	assert_string_equal(json_string_value(json_object_get(ev, "text")), "f\xc3\xbcr");
	json_decref(list);
}

static void *writer(void *arg)
{
	for (int i = 0; i < 500; i++)
		events_add(LOG_LEVEL_INFO, "host", arg);
	return NULL;
}

static void threads_get_numbers_of_their_own(void **state)
{
	pthread_t t[4];
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, writer, "x"), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	json_t *list = events_since(0);
	assert_int_equal(json_array_size(list), 2000);
	for (size_t i = 0; i < 2000; i++)
		assert_int_equal(json_integer_value(json_object_get(json_array_get(list, i), "number")), i + 1);
	json_decref(list);
}

static unsigned woken[2];

static void wake(void *arg) { (*(unsigned *)arg)++; }

static void wake_once(void *arg)
{
	(*(unsigned *)arg)++;
	events_unsubscribe(wake_once, arg);
}

static void followers_wake_once_for_many(void **state)
{
	woken[0] = woken[1] = 0;
	events_add(LOG_LEVEL_INFO, "host", "before anybody followed");
	assert_int_equal(events_subscribe(wake, &woken[0]), 0);
	assert_int_equal(events_subscribe(wake_once, &woken[1]), 0);
	assert_int_equal(loop_turn(), 0);
	assert_int_equal(woken[0], 0);
	for (int i = 0; i < 3; i++)
		events_add(LOG_LEVEL_INFO, "host", "many");
	assert_int_equal(loop_turn(), 0);
	assert_int_equal(woken[0], 1);
	assert_int_equal(woken[1], 1);
	events_add(LOG_LEVEL_INFO, "host", "one");
	assert_int_equal(loop_turn(), 0);
	assert_int_equal(woken[0], 2);
	assert_int_equal(woken[1], 1);
	events_unsubscribe(wake, &woken[0]);
	events_add(LOG_LEVEL_INFO, "host", "nobody");
	assert_int_equal(loop_turn(), 0);
	assert_int_equal(woken[0], 2);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(an_event_says_what_and_when),		T(the_oldest_are_forgotten),
		T(bytes_that_are_no_utf8_are_replaced), T(threads_get_numbers_of_their_own),
		T(followers_wake_once_for_many),
	};
	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
