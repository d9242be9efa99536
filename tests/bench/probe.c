/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can these cores do at this moment? Two things that a virtual machine's clocks do not show: a neighbour on the same
 * physical core takes half of it away, and a hypervisor that moves two processors to two ends of the chip makes each
 * cache line that goes from one to the other take five times as long.
 *
 * usage: probe CORE...   prints two numbers: millions of rounds a second of the slowest of these cores, each measured for
 * 60 ms; and how many nanoseconds a cache line takes from the first to the second and back (0: only one core given).
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MEASURE_NS 60000000
#define TABLE 4096 /* words: half of a usual first-level cache */
#define THROWS 50 /* in one timing */
#define TIMINGS 400

static uint64_t table[TABLE];
static _Atomic uint64_t ball __attribute__((aligned(128))); /* odd: the other side is to throw it back */
static atomic_bool over;

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void stay_on(int core)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(core, &set);
	if (!sched_setaffinity(0, sizeof(set), &set))
		return;
	perror("probe: a core cannot be had");
	exit(1);
}

/* Four chains that do not wait for one another, with loads and stores: as many instructions a cycle as there can be. */
static uint64_t work(uint64_t seed)
{
	uint64_t a = seed, b = seed + 1, c = seed + 2, d = seed + 3;
	for (unsigned i = 0; i < 4096; i++) {
		a = a * 5 + table[(i * 4) % TABLE];
		b = (b ^ b >> 7) + table[(i * 4 + 1) % TABLE];
		c = c + (c << 3) + table[(i * 4 + 2) % TABLE];
		d = (d ^ d << 5) + i;
		table[(i * 4 + 3) % TABLE] = d;
	}
	return a ^ b ^ c ^ d;
}

static double speed_of(int core)
{
	stay_on(core);
	volatile uint64_t sink = work(1);
	uint64_t begin = now_ns(), end, rounds = 0;
	do {
		sink = work(sink);
		rounds++;
		end = now_ns();
	} while (end - begin < MEASURE_NS);
	return (double)rounds * 4096 * 1e3 / (double)(end - begin);
}

static void *throw_back(void *core)
{
	stay_on(*(int *)core);
	while (!atomic_load_explicit(&over, memory_order_relaxed)) {
		uint64_t seen = atomic_load_explicit(&ball, memory_order_acquire);
		if (seen & 1)
			atomic_store_explicit(&ball, seen + 1, memory_order_release);
	}
	return NULL;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static uint64_t there_and_back(void)
{
	uint64_t begin = now_ns();
	for (int i = 0; i < THROWS; i++) {
		uint64_t thrown = atomic_load(&ball) + 1;
		atomic_store_explicit(&ball, thrown, memory_order_release);
		while (atomic_load_explicit(&ball, memory_order_acquire) == thrown)
			;
	}
	return now_ns() - begin;
}

/* The median: now and then somebody else has one of the cores. */
static double handover_ns(int from, int to)
{
	static uint64_t took[TIMINGS];
	pthread_t other;
	stay_on(from);
	if (pthread_create(&other, NULL, throw_back, &to))
		return 0;
	for (int i = 0; i < TIMINGS; i++)
		took[i] = there_and_back();
	atomic_store(&over, true);
	pthread_join(other, NULL);
	qsort(took, TIMINGS, sizeof(*took), by_size);
	uint64_t median = took[TIMINGS / 2];
	return (double)median / THROWS;
}

int main(int argc, char **argv)
{
	double slowest = 0;
	for (int i = 1; i < argc; i++) {
		double speed = speed_of(atoi(argv[i]));
		slowest = slowest && slowest < speed ? slowest : speed;
	}
	printf("%.1f %.0f\n", slowest, argc > 2 ? handover_ns(atoi(argv[1]), atoi(argv[2])) : 0);
	return 0;
}
