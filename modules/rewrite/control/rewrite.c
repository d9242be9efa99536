/* SPDX-License-Identifier: Apache-2.0 */
/* The module: it has nothing of its own to keep. hnv has the records, provider the addresses. */
#include "core/control/module.h"

static struct module rewrite = {
	.name = "rewrite",
	.depends_on = (const char *const[]){"provider", "hnv", NULL},
};
MODULE(rewrite)
