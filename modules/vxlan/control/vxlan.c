/* SPDX-License-Identifier: Apache-2.0 */
/* VXLAN needs nothing of the document: records name it, hnv calls it. */
#include <stddef.h>

#include "core/control/module.h"

static const char *const depends_on[] = {"hnv", NULL};

static struct module vxlan = {.name = "vxlan", .depends_on = depends_on};
MODULE(vxlan)
