/* SPDX-License-Identifier: Apache-2.0 */
/* Make before break: records are led to a host when the way to it is known, so that nothing waits for a neighbour. */
#pragma once

#include "base/ip.h"

struct err;

/* -EAGAIN: the way to that provider address is being found, or there is none and e says why; ask again soon. */
int move_path_check(const char *network, const struct ip *to, struct err *e);
void move_paths_tick(void);
void move_paths_free(void);
