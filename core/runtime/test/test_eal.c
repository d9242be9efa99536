/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See test_eal.h. Two things that EAL does take nearly all of its start, in each of thirty programs: it sleeps for 100 ms to
 * measure the TSC, and loads every driver there is. Both go through functions that a program may define itself.
 */
#include "core/runtime/test/test_eal.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include <rte_common.h>
#include <rte_eal.h>

#define TSC_NS 5000000 /* measured for so long, it is still right to one in ten thousand */

static bool starting, with_drivers;

int nanosleep(const struct timespec *wanted, struct timespec *ret_left)
{
	struct timespec shorter = {.tv_nsec = TSC_NS};
	errno = clock_nanosleep(CLOCK_MONOTONIC, 0, starting ? &shorter : wanted, ret_left);
	return errno ? -1 : 0;
}

/* Drivers are loaded where EAL finds itself to be a shared object, by asking for what is loaded already. */
void *dlopen(const char *file, int mode)
{
	void *(*real)(const char *, int) = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
	return starting && !with_drivers && mode & RTLD_NOLOAD ? NULL : real(file, mode);
}

bool test_eal_start(unsigned memory_mib, bool drivers)
{
	char memory[16];
	/* One driver is always needed: the one of the pools. */
	char *args[] = {
		"test",	       "--no-huge", "--no-shconf", "--no-telemetry",	       "--no-pci", "-m", memory,
		"--log-level", "error",	    "-d",	   "librte_mempool_ring.so.23"};
	snprintf(memory, sizeof(memory), "%u", memory_mib);
	starting = true;
	with_drivers = drivers;
	int r = rte_eal_init(RTE_DIM(args), args);
	starting = false;
	return r >= 0;
}
