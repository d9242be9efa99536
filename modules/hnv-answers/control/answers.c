/* SPDX-License-Identifier: Apache-2.0 */
/* The module: nothing of the document but what hnv's tables say; router advertisements have their turn once a second. */
#include <stddef.h>

#include "base/clock.h"
#include "core/control/module.h"
#include "modules/hnv-answers/datapath/hnv_nd.h"

static void answers_tick(void) { hnv_ra_beacon(clock_now_ns() / 1000000); }

static struct module answers = {
	.name = "hnv-answers",
	.depends_on = (const char *const[]){"hnv", NULL},
	.tick = answers_tick,
};
MODULE(answers)
