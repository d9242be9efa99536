/* SPDX-License-Identifier: Apache-2.0 */
/* Time as the control side sees it; a test can stop the clock and turn it. */
#pragma once

#include <stdint.h>

uint64_t clock_now_ns(void); /* monotonic, nanoseconds */
uint64_t clock_wall_ms(void); /* since 1970, milliseconds */

/* From here on the monotonic clock stands at now_ns and moves only by clock_test_advance (tests). */
void clock_test_set(uint64_t now_ns);
void clock_test_advance(uint64_t delta_ns);
void clock_test_release(void);
