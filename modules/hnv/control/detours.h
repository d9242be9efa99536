/* SPDX-License-Identifier: Apache-2.0 */
/* Records that do not lead where they say, for a moment or because another host told better. Control thread. */
#pragma once

#include "modules/hnv/control/picture.h"

struct hnvc_target;
struct provider_path;

#define HNVC_WAIT_MS 1000 /* for a path to be known, ticks being a second apart */
#define HNVC_REDIRECTS_MAX 4096 /* records; the one longest so is given back */

/* r leads to t: from one peer to another once the path there is known or HNVC_WAIT_MS have passed, else at once. What it
 * waited for, and anybody's redirect, does not count any more. Takes over the target's hold. -ENOMEM: as before, the hold is still
 * the caller's. */
int hnvc_record_lead(struct hnvc_record *r, const struct hnvc_target *t);
void hnvc_record_stop(struct hnvc_record *r); /* leads nowhere and is not shown */
void hnvc_record_leave(struct hnvc_record *r); /* that, and is no more */
void hnvc_detours_path_changed(struct provider_path *path);
void hnvc_detours_tick(void);

/* r leads to the provider address `to` until it is set. Call hnvc_flush afterwards. -ENOMEM, -ENOSPC. */
int hnvc_redirect(struct hnvc_record *r, const struct ip *to);
/* To where it says, if it was redirected. */
void hnvc_redirect_end(struct hnvc_record *r);
const struct ip *hnvc_redirected_to(const struct hnvc_record *r); /* NULL: it leads where it says */
unsigned hnvc_redirects(void); /* how many records are redirected */
