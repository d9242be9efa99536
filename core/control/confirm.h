/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The window in which a change waits to be confirmed, private to core/control. What waits is on disk before
 * the change begins; weftd's timer takes the change back at the deadline, and a guardian process does if
 * weftd is not there any more.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct err;

/* From now on, unless settled, the host goes back to `previous` in within_s. If a change waits already, its
 * way back stays and the deadline is new. */
int confirm_begin(uint64_t previous, uint32_t within_s, struct err *e);
void confirm_undo(void); /* the change did not happen: as before confirm_begin */
/* A restarted weftd goes on with what waits; expire() is called at the deadline, at once if it has passed. */
void confirm_resume(void);
void confirm_settle(void); /* nothing waits any more; the caller removed it from the store */

bool confirm_waits(uint64_t *ret_previous);
bool confirm_over(void); /* something waits and its time has passed */
uint32_t confirm_left_s(void); /* rounded up; 0: nothing waits */

/* What happens at the deadline; true: done, false: try again soon. */
void confirm_on_expiry(bool (*fn)(void));
