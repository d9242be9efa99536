/* SPDX-License-Identifier: Apache-2.0 */
/* The loop: descriptors, timers under a turned clock, posts from threads, removal from inside. */
#include "core/control/loop.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

static char order[256];

static void note(void *arg) { strncat(order, arg, sizeof(order) - strlen(order) - 1); }

static int setup(void **state)
{
	order[0] = '\0';
	clock_test_set(5000000000ull);
	return loop_init();
}

static int teardown(void **state)
{
	loop_fini();
	clock_test_release();
	return 0;
}

static void advance_ms(uint64_t ms)
{
	clock_test_advance(ms * 1000000);
	assert_int_equal(loop_turn(), 0);
}

static void timers_fire_in_order_of_time(void **state)
{
	assert_non_null(loop_add_timer(30, 0, note, "c"));
	assert_non_null(loop_add_timer(10, 0, note, "a"));
	assert_non_null(loop_add_timer(20, 0, note, "b"));
	advance_ms(9);
	assert_string_equal(order, "");
	advance_ms(1);
	assert_string_equal(order, "a");
	advance_ms(100);
	assert_string_equal(order, "abc");
	advance_ms(1000);
	assert_string_equal(order, "abc");
}

static void interval_repeats_and_skips_what_it_missed(void **state)
{
	struct loop_source *s = loop_add_timer(5, 10, note, "t");
	advance_ms(5);
	advance_ms(9);
	assert_string_equal(order, "t");
	advance_ms(1);
	assert_string_equal(order, "tt");
	advance_ms(1000); /* the machine slept */
	assert_string_equal(order, "ttt");
	advance_ms(9);
	assert_string_equal(order, "ttt");
	advance_ms(1);
	assert_string_equal(order, "tttt");
	loop_remove(s);
	advance_ms(100);
	assert_string_equal(order, "tttt");
}

static struct loop_source *self;

static void remove_self(void *arg)
{
	note(arg);
	loop_remove(self);
}

static void add_immediate(void *arg)
{
	note("x");
	assert_non_null(loop_add_timer(0, 0, note, arg));
}

static void a_timer_may_remove_itself_and_add_others(void **state)
{
	self = loop_add_timer(1, 1, remove_self, "s");
	assert_non_null(loop_add_timer(1, 0, add_immediate, "y"));
	advance_ms(1);
	assert_true(strcmp(order, "sx") == 0 || strcmp(order, "xs") == 0); /* y is for the next round */
	advance_ms(1);
	assert_int_equal(strlen(order), 3);
	advance_ms(50);
	assert_int_equal(strlen(order), 3);
}

static struct loop_source *pair[2];

/* Whichever comes first takes both out: the other's event of the same round must not be delivered. */
static void remove_both(int fd, uint32_t events, void *arg)
{
	note("r");
	assert_int_equal(events, EPOLLIN);
	loop_remove(pair[0]);
	loop_remove(pair[1]);
}

static void removal_inside_a_round_reaches_pending_events(void **state)
{
	int fd[2] = {eventfd(1, 0), eventfd(1, 0)};
	for (int i = 0; i < 2; i++)
		pair[i] = loop_add_fd(fd[i], EPOLLIN, remove_both, NULL);
	assert_int_equal(loop_turn(), 0);
	assert_string_equal(order, "r");
	assert_int_equal(loop_turn(), 0);
	assert_string_equal(order, "r");
	/* the descriptors are still ours, and can come back */
	struct loop_source *again = loop_add_fd(fd[0], EPOLLIN, remove_both, NULL);
	assert_non_null(again);
	assert_null(loop_add_fd(fd[0], EPOLLIN, remove_both, NULL));
	assert_int_equal(errno, EEXIST);
	loop_remove(again);
	close(fd[0]);
	close(fd[1]);
}

static void *poster(void *arg)
{
	for (int i = 0; i < 1000; i++)
		assert_int_equal(loop_post((void (*)(void *))arg, NULL), 0);
	return NULL;
}

static unsigned counted;

static void count(void *unused)
{
	if (++counted == 4000)
		loop_stop();
}

static void posts_from_many_threads_all_arrive(void **state)
{
	pthread_t t[4];
	counted = 0;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, poster, count), 0);
	assert_int_equal(loop_run(), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(counted, 4000);
}

static void posts_keep_their_order(void **state)
{
	assert_int_equal(loop_post(note, "1"), 0);
	assert_int_equal(loop_post(note, "2"), 0);
	assert_int_equal(loop_post(note, "3"), 0);
	assert_int_equal(loop_turn(), 0);
	assert_string_equal(order, "123");
}

static void on_alarm(int number) { loop_stop(); }

static void a_signal_handler_ends_the_loop(void **state)
{
	clock_test_release();
	signal(SIGUSR1, on_alarm);
	loop_stop();
	assert_int_equal(loop_run(), 0); /* a stop that came first counts */
	raise(SIGUSR1);
	assert_int_equal(loop_run(), 0);
}

static void an_idle_loop_sleeps(void **state)
{
	struct rusage before, after;
	clock_test_release();
	assert_non_null(loop_add_timer(60, 0, note, "z"));
	assert_non_null(loop_add_timer(120, 0, (void (*)(void *))loop_stop, NULL));
	getrusage(RUSAGE_SELF, &before);
	assert_int_equal(loop_run(), 0);
	getrusage(RUSAGE_SELF, &after);
	assert_string_equal(order, "z");
	assert_true(after.ru_nvcsw - before.ru_nvcsw < 10);
}

static void posting_after_the_end_is_refused(void **state)
{
	assert_int_equal(loop_post(note, "never"), 0);
	loop_fini();
	assert_int_equal(loop_post(note, "never"), -ESHUTDOWN);
	assert_int_equal(loop_init(), 0);
	assert_int_equal(loop_turn(), 0);
	assert_string_equal(order, "");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(timers_fire_in_order_of_time),
		T(interval_repeats_and_skips_what_it_missed),
		T(a_timer_may_remove_itself_and_add_others),
		T(removal_inside_a_round_reaches_pending_events),
		T(posts_from_many_threads_all_arrive),
		T(posts_keep_their_order),
		T(a_signal_handler_ends_the_loop),
		T(an_idle_loop_sleeps),
		T(posting_after_the_end_is_refused),
	};
	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
