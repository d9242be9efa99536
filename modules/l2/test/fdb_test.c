/* SPDX-License-Identifier: Apache-2.0 */
/* The forwarding table against a plain list, its bounds, ageing, and several writers at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

#include "modules/l2/datapath/fdb.h"

static struct fdb *table_make(uint64_t n)
{
	struct fdb *t = fdb_create(n, 4711, -1);
	assert_non_null(t);
	for (int i = 0; i < 8; i++)
		t->limit[i] = (uint32_t)n;
	return t;
}

static uint64_t key_of(uint32_t i)
{
	struct mac m = mac_from_u64(0x020000000000ULL | (uint64_t)i * 2654435761u % 0xffffff);
	return fdb_key(m.byte, 0);
}

static enum fdb_verdict learn(struct fdb *t, uint64_t key, uint16_t adapter, uint32_t now_s)
{
	return fdb_learn(t, key, fdb_hash(t, key), adapter, now_s);
}

static uint16_t lookup(const struct fdb *t, uint64_t key) { return fdb_lookup(t, key, fdb_hash(t, key)); }

static void wait_nothing(void) {}

static void test_random_against_list(void **state)
{
	enum { N = 5000 };
	static uint16_t model[N];
	struct fdb *t = table_make(N);
	memset(model, 0xff, sizeof(model));
	srand(1);
	for (int step = 0; step < 200000; step++) {
		uint32_t i = (uint32_t)rand() % N;
		uint16_t adapter = (uint16_t)(rand() % 8);
		if (rand() % 3) {
			learn(t, key_of(i), adapter, 1);
			model[i] = adapter;
		}
		assert_int_equal(lookup(t, key_of(i)), model[i]);
		if (atomic_load(&t->crowded))
			assert_int_equal(fdb_resize(t, N, 0, wait_nothing), 0);
	}
	assert_int_equal(atomic_load(&t->evicted), 0);
	fdb_free(t);
}

static void test_limit_and_ageing(void **state)
{
	struct fdb *t = table_make(1000);
	t->limit[3] = 10;
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(learn(t, key_of(i), 3, 5), i < 10 ? FDB_LEARNED : FDB_REFUSED);
	assert_int_equal(atomic_load(&t->refused), 90);
	assert_int_equal(learn(t, key_of(0), 3, 200), FDB_KNOWN);
	assert_int_equal(fdb_age(t, 0, 1, 310, 300), 9);
	assert_int_equal(lookup(t, key_of(0)), 3);
	assert_int_equal(lookup(t, key_of(1)), FDB_NONE);
	assert_int_equal(learn(t, key_of(50), 3, 310), FDB_LEARNED);
	fdb_free(t);
}

/* An entry has 16 bits of the clock, and workers' clocks may be a moment ahead of the one that ages. */
static void test_clock_wraps(void **state)
{
	struct fdb *t = table_make(100);
	struct fdb_entry *list;
	learn(t, key_of(1), 1, 0xfffe);
	learn(t, key_of(2), 2, 0x10001);
	assert_int_equal(fdb_age(t, 0, 1, 0x10000, 300), 0);
	assert_int_equal(fdb_list(t, 0x10000, 10, &list), 2);
	assert_int_equal(list[0].age_s + list[1].age_s, 2);
	free(list);
	assert_int_equal(fdb_age(t, 0, 1, 0x10000 + 299, 300), 1);
	assert_int_equal(fdb_age(t, 0, 1, 0x10000 + 302, 300), 1);
	fdb_free(t);
}

static void test_static_stays(void **state)
{
	struct fdb *t = table_make(100);
	struct mac own = mac_from_u64(0x00155d000001);
	uint64_t key = fdb_key(own.byte, 0);
	assert_true(fdb_add_static(t, &own, 0, 1));
	assert_int_equal(learn(t, key, 2, 1), FDB_OWNED_BY_OTHER);
	assert_int_equal(learn(t, key, 1, 1), FDB_KNOWN);
	assert_int_equal(fdb_age(t, 0, 1, 10000, 1), 0);
	assert_int_equal(lookup(t, key), 1);
	assert_true(fdb_add_static(t, &own, 0, 2));
	assert_int_equal(lookup(t, key), 2);
	fdb_forget(t, &own, 0);
	assert_int_equal(lookup(t, key), FDB_NONE);
	fdb_free(t);
}

/* A table far too small: the flooder's entries go, the victim's stay. */
static void test_flooder_evicts_itself(void **state)
{
	struct fdb *t = table_make(100);
	t->limit[0] = t->limit[1] = 1000000;
	uint64_t victim = key_of(777777);
	for (uint32_t i = 0; i < 20000; i++)
		learn(t, key_of(i), 0, 1);
	assert_int_equal(learn(t, victim, 1, 1), FDB_LEARNED);
	for (uint32_t i = 20000; i < 60000; i++)
		learn(t, key_of(i), 0, 1);
	assert_int_equal(lookup(t, victim), 1);
	assert_true(atomic_load(&t->evicted) > 1000);
	fdb_free(t);
}

static uint64_t counted_key(uint32_t i)
{
	struct mac m = mac_from_u64(0x020000000000ULL + i);
	return fdb_key(m.byte, 0);
}

/* Full, then nearly empty: the buckets follow, what is in them stays, and the counts are of what is in them. */
static void test_size_follows_use(void **state)
{
	enum { N = 100000 };
	struct fdb *t = table_make(N);
	size_t small = fdb_buckets(t)->bytes;
	for (uint32_t i = 0; i < N; i++) {
		learn(t, counted_key(i), (uint16_t)(i % 2), i < 10 ? 500 : 1);
		if (atomic_load(&t->crowded))
			assert_int_equal(fdb_resize(t, N, 0, wait_nothing), 0);
	}
	assert_int_equal(atomic_load(&t->evicted), 0);
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(lookup(t, counted_key(i)), i % 2);
	assert_true(fdb_buckets(t)->bytes > 100 * small);
	assert_int_equal(atomic_load(&t->learned[0]) + atomic_load(&t->learned[1]), atomic_load(&t->used));

	fdb_age(t, 0, 1, 500, 300);
	assert_int_equal(fdb_resize(t, N, 0, wait_nothing), 0);
	assert_int_equal(fdb_buckets(t)->bytes, small);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(lookup(t, counted_key(i)), i % 2);
	assert_int_equal(atomic_load(&t->used), 10);
	assert_int_equal(atomic_load(&t->learned[0]), 5);
	fdb_free(t);
}

/* Up to where it asks for more room a table has room, whatever its random number, and for addresses that count up. */
static void test_nothing_evicted_before_crowded(void **state)
{
	enum { N = 100000 };
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct fdb *t = fdb_create(N, seed * 0x9e3779b97f4a7c15ULL ^ seed >> 1, -1);
		t->limit[1] = N;
		for (uint32_t i = 0; i < N; i++) {
			learn(t, counted_key(i), 1, 1);
			if (atomic_load(&t->crowded))
				assert_int_equal(fdb_resize(t, N, 0, wait_nothing), 0);
		}
		assert_int_equal(atomic_load(&t->evicted), 0);
		fdb_free(t);
	}
}

/* Own addresses that are about to come have room, however many. */
static void test_room_for_own_addresses(void **state)
{
	enum { N = 10000 };
	struct fdb *t = table_make(N);
	assert_int_equal(fdb_resize(t, N, N, wait_nothing), 0);
	for (uint32_t i = 0; i < N; i++) {
		struct mac own = mac_from_u64(0x00155d000000ULL + i);
		assert_true(fdb_add_static(t, &own, 0, (uint16_t)i));
	}
	fdb_free(t);
}

/* How many calls each writer has ended. */
static struct writer {
	struct fdb *table;
	pthread_t thread;
	_Atomic uint64_t calls;
	_Atomic bool over;
} writers[2];

static void *writer(void *arg)
{
	struct writer *w = arg;
	struct fdb *t = w->table;
	const char *wrong = NULL;
	for (int round = 0; round < 20; round++)
		for (uint32_t i = 0; i < 3000; i++) {
			uint16_t adapter = (uint16_t)(i % 4);
			learn(t, key_of(i), adapter, 1);
			uint16_t is = lookup(t, key_of(i));
			if (is != FDB_NONE && is != adapter)
				wrong = "another adapter's entry was shown";
			atomic_fetch_add(&w->calls, 1);
		}
	atomic_store(&w->over, true);
	return (void *)wrong;
}

/* The grace period: each writer has ended the call that it may be in. */
static void wait_for_writers(void)
{
	for (int i = 0; i < 2; i++) {
		uint64_t calls = atomic_load(&writers[i].calls);
		while (!atomic_load(&writers[i].over) && atomic_load(&writers[i].calls) == calls)
			sched_yield();
	}
}

static void test_two_writers_and_ageing(void **state)
{
	struct fdb *t = table_make(4000);
	void *failed;
	for (int i = 0; i < 2; i++) {
		writers[i].table = t;
		assert_int_equal(pthread_create(&writers[i].thread, NULL, writer, &writers[i]), 0);
	}
	for (int i = 0; i < 200; i++) {
		fdb_age(t, 0, 1, 10000, 1);
		assert_int_equal(fdb_resize(t, 4000, i % 2 ? 4000 : 0, wait_for_writers), 0);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(writers[i].thread, &failed);
		assert_null(failed);
	}
	fdb_age(t, 0, 1, 10000, 1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(atomic_load(&t->learned[i]), 0);
	fdb_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_against_list),
		cmocka_unit_test(test_limit_and_ageing),
		cmocka_unit_test(test_static_stays),
		cmocka_unit_test(test_flooder_evicts_itself),
		cmocka_unit_test(test_size_follows_use),
		cmocka_unit_test(test_room_for_own_addresses),
		cmocka_unit_test(test_two_writers_and_ageing),
		cmocka_unit_test(test_clock_wraps),
		cmocka_unit_test(test_nothing_evicted_before_crowded),
	};
	return cmocka_run_group_tests_name("fdb", tests, NULL, NULL);
}
