/* SPDX-License-Identifier: Apache-2.0 */
/* What all that answer have in common: how often, and what nobody here answers. */
#pragma once

#include "core/runtime/pipe.h"
#include "modules/hnv/tables.h"

#define HNV_ANSWERS_A_SECOND 2000 /* for each port */
#define HNV_ANSWERS_BURST 1000 /* a guest that comes up asks for all its neighbours at once */

/* May this port have one more answer? Else f ended as "answer-limit". */
bool hnv_answer_may(struct pipe *p, const struct dp_adapter *a, struct frame *f);

/* What nobody here answers: to the guests of this host that are in the subnet (2012), to all of the subnet (true: it
 * has guests that only flooding finds), held for the resolver, or nowhere, as "no-answer". */
bool hnv_unanswered(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct ip *asked);
