/* SPDX-License-Identifier: Apache-2.0 */
/* Records that do not lead where they say, for a moment or because another host told better. Control thread. */
#pragma once

#include "modules/hnv/control/picture.h"

struct hnvc_target;
struct provider_path;

#define HNVC_WAIT_MS 1000 /* for a path to be known, ticks being a second apart */
#define HNVC_REDIRECTS_MAX 4096 /* records; the one longest so is given back */

/* inforce.c: r is about to lead to t. True: not before the path there is known, or HNVC_WAIT_MS have passed; the hold on t
 * is taken over. False: at once. */
bool hnvc_detour_wait(struct hnvc_record *r, const struct hnvc_target *t);
/* inforce.c: r is led elsewhere, or leaves: it waits for nothing, and nobody's redirect counts any more. */
void hnvc_detour_end(struct hnvc_record *r);
void hnvc_detours_path_changed(struct provider_path *path);
void hnvc_detours_tick(void);

/* r leads to the provider address `to` until it is set. Call hnvc_flush afterwards. -ENOMEM, -ENOSPC. */
int hnvc_redirect(struct hnvc_record *r, const struct ip *to);
/* To where it says, if it was redirected. */
void hnvc_redirect_end(struct hnvc_record *r);
const struct ip *hnvc_redirected_to(const struct hnvc_record *r); /* NULL: it leads where it says */
unsigned hnvc_redirects(void); /* how many records are redirected */
