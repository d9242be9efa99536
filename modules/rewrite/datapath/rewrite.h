/* SPDX-License-Identifier: Apache-2.0 */
/* What both directions share. */
#pragma once

#include "core/runtime/pipe.h"
#include "modules/rewrite/datapath/rewrite_packet.h"

extern struct drop_reason drop_rewrite_malformed, drop_rewrite_foreign_quote, drop_rewrite_no_memory;

/* What *f is, once it may be written to, has `room` bytes in front and what is to be changed within its head: itself,
 * or a copy that takes its place. */
enum rewrite_kind rewrite_begin(struct pipe *p, struct frame **f, unsigned room, bool *ret_no_memory);

/* Notes what becomes of f's addresses. */
void rewrite_explain(struct pipe *p, const struct dp_adapter *a, const struct frame *f, const struct ip *source,
		     const struct ip *destination);
