/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that somebody shares with us may be taken away under our hands (the file behind it truncated): whoever touches
 * a page that is gone gets SIGBUS. Who works in such memory says here how it goes on. Any other fault goes where it
 * went before.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the signal's handler, on the thread that touched the address. True: it may be touched again; false: not ours. */
typedef bool fault_mend_fn(uintptr_t at);

/* fn is asked from now on; again does no harm, and is to be done before each new use: others take the signal, too. Control
 * thread. -errno; -ENOSPC: there are too many. */
int fault_mend_by(fault_mend_fn *fn);

/* For fn: zeroes over whatever is there, ours alone. start and len are of whole pages. False: not possible. */
bool fault_put_zeroes(uintptr_t start, size_t len);
/* The same for the one page that `at` lies in, whatever its size. */
bool fault_put_zero_page(uintptr_t at);
