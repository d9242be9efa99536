/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adapters whose guests have moved to another host: their records led here and lead elsewhere now. Such an adapter stays for
 * a while, since what comes for its guest goes on by it (hnv_stray.h), but what it sends is not its guest's any more. One
 * whose records have not led here yet is another thing: its guest is to come, and may send before they do. Kept on disk, as
 * the records do not tell the one from the other. Control thread.
 */
#pragma once

#include "modules/hnv/control/picture.h"

void hnvc_away_load(void); /* what is on disk; before the first document */
void hnvc_away_unload(void); /* nothing is written from here on */
bool hnvc_away_was(const struct hnvc_local *l); /* says the disk so of one that is made anew? */
/* Looks where l's records lead; workers see what comes of it. Save afterwards. */
void hnvc_away_judge(struct hnvc_local *l);
void hnvc_away_leaves(const struct hnvc_local *l); /* l goes: if its guest comes back, it does so as any other */
/* All that run, if something changed. */
void hnvc_away_save(struct hnvc_local *const *all, size_t n);
