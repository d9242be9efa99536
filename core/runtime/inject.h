/* SPDX-License-Identifier: Apache-2.0 */
/* Between the workers and inject.c, whose public face is punt.h. */
#pragma once

#include "core/runtime/frame.h"

struct pipe;

/* Worker: a marked frame (FRAME_INJECTED) that came out of its inbox goes where inject or inject_resume said. */
void inject_enter(struct pipe *p, struct frame *f);
