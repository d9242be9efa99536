/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DPDK's start, as weft wants it: no files, no sockets, no bus scanned for devices to seize, the calling
 * thread free to run on every core, messages through base/log.h under the object "dpdk".
 */
#pragma once

#include <stdint.h>

struct err;

#define EAL_MEMORY_DEFAULT_MIB 96
#define EAL_MEMORY_MIN_MIB 32
#define EAL_MEMORY_MAX_MIB (1u << 20)

enum eal_hugepages { EAL_HUGEPAGES_AUTO, EAL_HUGEPAGES_NEVER };

struct eal_options {
	uint32_t memory_mib; /* for frames and DPDK's own; without hugepages only what is touched is resident */
	enum eal_hugepages hugepages; /* auto: 2 MiB pages if enough of them are free at this moment */
};

/* Once per process; a second try is not possible. -ENOMEM, -EIO; e says what to do. */
int eal_start(const struct eal_options *o, struct err *e);
void eal_stop(void);

/* How many frames of each pool the memory given to eal_start holds, with room left for DPDK's drivers. */
void eal_frame_counts(unsigned *ret_small, unsigned *ret_big);
