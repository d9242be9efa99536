/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast is a core at this moment? What a neighbour on the same physical core takes away shows in no clock of a virtual
 * machine: work that fills the core does.
 *
 * usage: probe CORE...   prints millions of rounds a second of the slowest of these cores, each measured for 60 ms.
 */
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MEASURE_NS 60000000
#define TABLE 4096 /* words: half of a usual first-level cache */

static uint64_t table[TABLE];

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
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

int main(int argc, char **argv)
{
	double slowest = 0;
	for (int i = 1; i < argc; i++) {
		cpu_set_t set;
		CPU_ZERO(&set);
		CPU_SET(atoi(argv[i]), &set);
		if (sched_setaffinity(0, sizeof(set), &set)) {
			perror(argv[i]);
			return 1;
		}
		volatile uint64_t sink = work(1);
		uint64_t begin = now_ns(), end, rounds = 0;
		do {
			sink = work(sink);
			rounds++;
			end = now_ns();
		} while (end - begin < MEASURE_NS);
		double speed = (double)rounds * 4096 * 1e3 / (double)(end - begin);
		slowest = slowest && slowest < speed ? slowest : speed;
	}
	printf("%.1f\n", slowest);
	return 0;
}
