/* SPDX-License-Identifier: Apache-2.0 */
/* A question turned into its answer, in place. The frame has one holder; whose PA is asked for is known. */
#pragma once

#include <stdbool.h>

#include "core/runtime/frame.h"
#include "modules/provider/datapath/provider_data.h"
#include "modules/provider/datapath/provider_parse.h"

void provider_answer_arp(struct frame *f, const struct provider_local *pa);
/* false: there is no room for it in the frame. */
bool provider_answer_nd(struct frame *f, const struct provider_message *m, const struct provider_local *pa);
void provider_answer_echo(struct frame *f, const struct provider_local *pa);
