/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ports leave when weftd is killed (taps, silenced interfaces) must be found again after a kill in the middle
 * of a change, when no document names it: before the first is made and until the last is gone it is a fact on disk.
 */
#pragma once

#include "modules/vswitch/control/plan.h"

/* From now on there may be what either plan has (NULL: none). 0, -errno: not on disk, so make none. */
int strays_note(const struct vs_plan *running, const struct vs_plan *preparing);
/* Removes what an earlier weftd noted and this plan has not. Does something once in the life of the process. */
void strays_clear(const struct vs_plan *plan);

/* rollback.c: module.h's guard_rollback, by the same note. */
int vs_rollback(const char *state_dir, struct err *e);
