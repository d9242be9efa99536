/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits for the workers, and what is put off, comes after the quiescent state of each of them and never before. */
#include "core/runtime/rcu.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_rcu_qsbr.h>

enum { READER, IDLE };

static atomic_uint looks; /* of the reader, at what it may still use */
static atomic_bool released;
static unsigned called[4], n_called;

/* A worker in a long round: it goes on looking for a while after the other began to wait. */
static void *reader(void *arg)
{
	while (atomic_fetch_add(&looks, 1) < 20)
		usleep(1000);
	atomic_store(&released, true);
	rte_rcu_qsbr_quiescent(rcu_variable(), READER);
	return NULL;
}

static pthread_t reader_start(void)
{
	pthread_t thread;
	atomic_store(&looks, 0);
	atomic_store(&released, false);
	assert_int_equal(pthread_create(&thread, NULL, reader, NULL), 0);
	return thread;
}

static void call(void *arg)
{
	assert_true(atomic_load(&released));
	called[n_called++] = *(unsigned *)arg;
}

static void waiting_lasts_until_the_last_has_passed(void **state)
{
	pthread_t thread = reader_start();
	rcu_wait();
	assert_true(atomic_load(&released));
	pthread_join(thread, NULL);
}

static void who_sleeps_is_not_waited_for(void **state)
{
	rte_rcu_qsbr_thread_offline(rcu_variable(), READER);
	rcu_wait();
	rte_rcu_qsbr_thread_online(rcu_variable(), READER);
}

static void what_is_put_off_comes_later_and_in_order(void **state)
{
	static unsigned first = 1, second = 2, third = 3;
	atomic_store(&released, false);
	n_called = 0;
	rcu_defer(call, &first);
	rcu_defer(call, &second);
	rcu_reclaim();
	assert_int_equal(n_called, 0); /* nobody has passed */
	pthread_t thread = reader_start();
	rcu_drain();
	pthread_join(thread, NULL);
	assert_int_equal(n_called, 2);
	assert_int_equal(called[0], first);
	assert_int_equal(called[1], second);

	rcu_defer(call, &third);
	rte_rcu_qsbr_quiescent(rcu_variable(), READER);
	rcu_reclaim();
	assert_int_equal(n_called, 3);
}

static int setup(void **state)
{
	for (unsigned i = READER; i <= IDLE; i++)
		if (rte_rcu_qsbr_thread_register(rcu_variable(), i))
			return -1;
	rte_rcu_qsbr_thread_online(rcu_variable(), READER);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waiting_lasts_until_the_last_has_passed),
		cmocka_unit_test(who_sleeps_is_not_waited_for),
		cmocka_unit_test(what_is_put_off_comes_later_and_in_order),
	};
	return cmocka_run_group_tests_name("rcu", tests, setup, NULL);
}
