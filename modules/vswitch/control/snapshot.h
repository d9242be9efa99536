/* SPDX-License-Identifier: Apache-2.0 */
/* The plan as the snapshot that workers go by, and the ids that it uses. */
#pragma once

#include "modules/vswitch/control/plan.h"

int vs_id_take(void); /* a free data plane id with its counter rows, or -ENOSPC, -ENOMEM */
void vs_id_free(uint16_t id); /* no snapshot names it any more */
int vs_snapshot_fill(struct txn *t, const struct vs_plan *plan, struct err *e);
