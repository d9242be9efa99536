/* SPDX-License-Identifier: Apache-2.0 */
/* The record tables against a plain array: growth, shrinking, relocation, and readers that never stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <rte_rcu_qsbr.h>

#include "core/runtime/rcu.h"
#include "modules/hnv/datapath/records.h"

static struct hnv_network *network_make(void)
{
	struct hnv_network *net = calloc(1, sizeof(*net));
	assert_non_null(net);
	net->records4 = hnv_records4_create();
	net->records6 = hnv_records6_create();
	assert_non_null(net->records4);
	assert_non_null(net->records6);
	return net;
}

static void network_free(struct hnv_network *net)
{
	rcu_drain();
	hnv_records4_free(net->records4);
	hnv_records6_free(net->records6);
	free(net);
}

/* Record i: both families, a few subnets, addresses that count up as those of tenants do. */
static uint32_t vsid_of(uint32_t i) { return 5001 + i % 7; }

static struct ip address_of(uint32_t i)
{
	struct ip ip = {.family = i & 1 ? AF_INET6 : AF_INET, .byte = {10, 0, 0, 0}};
	if (i & 1)
		memcpy(ip.byte, (uint8_t[]){0xfd, 0, 0, 1}, 4);
	unsigned last = i & 1 ? 12 : 0;
	ip.byte[last + 1] = (uint8_t)(i >> 16);
	ip.byte[last + 2] = (uint8_t)(i >> 8);
	ip.byte[last + 3] = (uint8_t)i;
	return ip;
}

/* The MAC address says whose it is, so that a reader knows another's answer. */
static struct mac mac_of(uint32_t i) { return mac_from_u64(0x020000000000ULL | i); }

static void set(struct hnv_network *net, uint32_t i, uint16_t next)
{
	struct ip ip = address_of(i);
	struct mac mac = mac_of(i);
	assert_int_equal(hnv_records_set(net, vsid_of(i), &ip, &mac, next), 0);
}

static void unset(struct hnv_network *net, uint32_t i)
{
	struct ip ip = address_of(i);
	hnv_records_remove(net, vsid_of(i), &ip);
}

static uint16_t lookup(const struct hnv_network *net, uint32_t i)
{
	struct ip ip = address_of(i);
	struct hnv_answer a = hnv_records_find(net, vsid_of(i), &ip);
	if (a.next)
		assert_int_equal(mac_to_u64(&a.mac), 0x020000000000ULL | i);
	return a.next;
}

static void test_random_against_array(void **state)
{
	enum { N = 20000, STEPS = 400000 };
	static uint16_t model[N];
	struct hnv_network *net = network_make();
	srand(3);
	for (int step = 0; step < STEPS; step++) {
		/* Waves, so that the tables grow and shrink. */
		uint32_t i = (uint32_t)rand() % N;
		bool filling = step / 50000 % 2 == 0;
		if (rand() % 10 < (filling ? 8 : 2)) {
			model[i] = (uint16_t)(rand() % 65535 + 1);
			set(net, i, model[i]);
		} else {
			model[i] = 0;
			unset(net, i);
		}
		uint32_t k = (uint32_t)rand() % N;
		assert_int_equal(lookup(net, k), model[k]);
	}
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(lookup(net, i), model[i]);
	network_free(net);
}

/* Neither subnet nor family is mixed up, and a wildcard's address is one like others. */
static void test_keys_apart(void **state)
{
	struct hnv_network *net = network_make();
	struct mac mac = mac_of(1);
	struct ip v4 = {.family = AF_INET}, v6 = {.family = AF_INET6};
	assert_int_equal(hnv_records_find(net, 5001, &v4).next, 0);
	assert_int_equal(hnv_records_set(net, 5001, &v4, &mac, 7), 0);
	assert_int_equal(hnv_records_find(net, 5001, &v4).next, 7);
	assert_int_equal(hnv_records_find(net, 5002, &v4).next, 0);
	assert_int_equal(hnv_records_find(net, 5001, &v6).next, 0);
	assert_int_equal(hnv_records_set(net, 16777214, &v6, &mac, 8), 0);
	assert_int_equal(hnv_records_find(net, 16777214, &v6).next, 8);
	network_free(net);
}

static void test_grows_and_shrinks(void **state)
{
	enum { N = 200000 };
	struct hnv_network *net = network_make();
	uint64_t empty = hnv_records_bytes(net);
	for (uint32_t i = 0; i < N; i++)
		set(net, i, 1);
	for (int tick = 0; tick < 8; tick++)
		hnv_records_tend(net);
	uint64_t full = hnv_records_bytes(net);
	assert_true(full < N * 70ull); /* half of them IPv6 */
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(lookup(net, i), 1);
	for (uint32_t i = 16; i < N; i++)
		unset(net, i);
	for (int tick = 0; tick < 64; tick++)
		hnv_records_tend(net);
	assert_true(hnv_records_bytes(net) < full / 8);
	assert_true(hnv_records_bytes(net) < empty * 64);
	for (uint32_t i = 0; i < 64; i++)
		assert_int_equal(lookup(net, i), i < 16);
	network_free(net);
}

static void test_reserve(void **state)
{
	enum { N = 100000 };
	struct hnv_network *net = network_make();
	assert_int_equal(hnv_records_reserve(net, N / 2, N / 2), 0);
	uint64_t bytes = hnv_records_bytes(net);
	for (uint32_t i = 0; i < N; i++)
		set(net, i, 1);
	assert_int_equal(hnv_records_bytes(net), bytes);
	network_free(net);
}

enum { READERS = 2 };

static struct hnv_network *shared;
static atomic_bool stop;
static uint32_t always, others; /* records that stay, and after them records that come and go */
static _Atomic uint64_t missed, wrong, reads;
static _Atomic unsigned reading; /* readers that have begun */

/* What is always there is always found; what comes and goes is itself or not there. */
static void read_one(uint32_t i)
{
	struct ip ip = address_of(i);
	struct hnv_answer a = hnv_records_find(shared, vsid_of(i), &ip);
	if (!a.next && i < always)
		atomic_fetch_add(&missed, 1);
	if (a.next && mac_to_u64(&a.mac) != (0x020000000000ULL | i))
		atomic_fetch_add(&wrong, 1);
}

static void *reader(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg;
	uint32_t at = id * 7919;
	uint64_t n = 0;
	rte_rcu_qsbr_thread_online(rcu_variable(), id);
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		for (int k = 0; k < 32; k++, n++) {
			at = at * 1664525 + 1013904223;
			read_one(at >> 8 & 1 ? (at >> 9) % always : always + (at >> 9) % others);
		}
		rte_rcu_qsbr_quiescent(rcu_variable(), id);
		if (n == 32)
			atomic_fetch_add(&reading, 1);
	}
	rte_rcu_qsbr_thread_offline(rcu_variable(), id);
	atomic_fetch_add(&reads, n);
	return NULL;
}

/* `write` changes the others while readers look at all. */
static void with_readers(uint32_t n_always, uint32_t n_others, void (*write)(void))
{
	pthread_t threads[READERS];
	shared = network_make();
	always = n_always;
	others = n_others;
	missed = wrong = reads = 0;
	reading = 0;
	stop = false;
	for (uint32_t i = 0; i < always; i++)
		set(shared, i, 1);
	for (uintptr_t t = 0; t < READERS; t++) {
		assert_int_equal(rte_rcu_qsbr_thread_register(rcu_variable(), (unsigned)t), 0);
		assert_int_equal(pthread_create(&threads[t], NULL, reader, (void *)t), 0);
	}
	while (atomic_load(&reading) < READERS) /* on a busy machine they may come late */
		sched_yield();
	write();
	atomic_store(&stop, true);
	for (unsigned t = 0; t < READERS; t++) {
		pthread_join(threads[t], NULL);
		rte_rcu_qsbr_thread_unregister(rcu_variable(), t);
	}
	assert_int_equal(missed, 0);
	assert_int_equal(wrong, 0);
	assert_true(reads >= 32 * READERS);
	network_free(shared);
}

/* Slots are used again, tables grow and shrink. */
static void write_waves(void)
{
	for (int k = 0; k < 12; k++) {
		for (uint32_t i = 0; i < others; i++)
			set(shared, always + i, (uint16_t)(k + 1));
		for (uint32_t i = 0; i < always; i++)
			set(shared, i, (uint16_t)(k + 1));
		for (uint32_t i = 0; i < others; i++)
			if (k % 3 == 2 || i % 3)
				unset(shared, always + i);
		for (int tick = 0; k % 3 == 2 && tick < 8; tick++)
			hnv_records_tend(shared);
	}
}

/* The smallest tables, as full as they become: nearly each record that comes moves others. */
static void write_crowd(void)
{
	for (int k = 0; k < 400000; k++) {
		uint32_t i = always + (uint32_t)rand() % others;
		if (rand() % 2)
			set(shared, i, 7);
		else
			unset(shared, i);
	}
}

static void test_readers_never_miss(void **state)
{
	with_readers(4096, 60000, write_waves);
	with_readers(64, 150, write_crowd);
}

static uint64_t key4_of(uint32_t i)
{
	struct ip ip = address_of(i);
	uint32_t address;
	memcpy(&address, ip.byte, 4);
	return hnv_records_key(vsid_of(i), address);
}

/* The first of the IPv4 records that has two buckets to be in. */
static uint32_t restless(const struct hnv_table *t)
{
	const struct hnv_buckets *b = hnv_table_buckets(t);
	uint32_t i = 0;
	while (hnv_first_bucket(b, hnv_hash4(t, key4_of(i))) == hnv_second_bucket(b, hnv_hash4(t, key4_of(i))))
		i += 2;
	return i;
}

/* It moves back and forth as fast as can be, by the writer's own steps: far more than a table ever does. */
static void *mover(void *arg)
{
	struct hnv_table *t = arg;
	uint32_t i = restless(t);
	uint64_t key = key4_of(i), hash = hnv_hash4(t, key);
	struct mac mac = mac_of(i);
	const struct hnv_buckets *b = hnv_table_buckets(t);
	_Atomic uint64_t *from = (_Atomic uint64_t *)hnv_first_bucket(b, hash);
	_Atomic uint64_t *to = (_Atomic uint64_t *)hnv_second_bucket(b, hash);
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		atomic_store_explicit(&to[1], hnv_value_of(&mac, 1), memory_order_release);
		atomic_store_explicit(&to[0], key, memory_order_release);
		atomic_store_explicit(&t->moves, t->moves + 1, memory_order_release);
		atomic_store_explicit(&from[0], 0, memory_order_release);
		atomic_store_explicit(&t->moves, t->moves + 1, memory_order_release);
		_Atomic uint64_t *was = from;
		from = to;
		to = was;
	}
	return NULL;
}

static void test_reader_looks_again(void **state)
{
	enum { READS = 1000000 };
	pthread_t thread;
	uint32_t not_found = 0;
	shared = network_make();
	uint32_t record = restless(&shared->records4->table);
	set(shared, record, 1);
	stop = false;
	assert_int_equal(pthread_create(&thread, NULL, mover, &shared->records4->table), 0);
	for (int i = 0; i < READS; i++)
		not_found += lookup(shared, record) != 1;
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(not_found, 0);
	network_free(shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_against_array), cmocka_unit_test(test_keys_apart),
		cmocka_unit_test(test_grows_and_shrinks),    cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_readers_never_miss),   cmocka_unit_test(test_reader_looks_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
