/* SPDX-License-Identifier: Apache-2.0 */
/* DPDK for a test program: without root and hugepages, and started in a tenth of its usual time. */
#pragma once

#include <stdbool.h>

/* drivers: also DPDK's drivers, a hundred shared objects that only a test of DPDK devices needs. False: it did not start. */
bool test_eal_start(unsigned memory_mib, bool drivers);
