/* SPDX-License-Identifier: Apache-2.0 */
/* Hears from the kernel when links or addresses change, on the loop. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* address: one came onto that interface. changed: any link or address did; called once for a burst. */
struct watch_callbacks {
	void (*address)(uint32_t ifindex);
	void (*changed)(void);
};

int watch_start(const struct watch_callbacks *callbacks); /* static; 0 or -errno */
void watch_stop(void);
