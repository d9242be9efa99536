/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets that no lookup record decides about, where a resolver may know one (docs/decisions/0011): held on the
 * control thread until it has answered, then sent on from where they came in. Bounded for each guest, each virtual
 * subnet and all, so that a storm of misses finds its own share full and nobody else's.
 */
#pragma once

#include "core/runtime/pipe.h"
#include "modules/hnv/tables.h"

/* struct hnv_resolver's `missed`; true: f waits, or ended under one of the resolver's reasons. */
bool hnv_resolve(struct pipe *p, const struct dp_adapter *a, struct frame *f, uint32_t vsid,
		 const struct ip *address);

/* The rest: control thread, control/resolver.c. */

void hnv_resolve_set(void (*missed)(uint16_t adapter, struct frame *f)); /* who takes them; NULL: nobody does */
/* One more or less is held. */
void hnv_resolve_held(uint16_t adapter, uint32_t vsid, int change);
/* That there is no record is known, or not any more. */
void hnv_resolve_none(uint8_t network, uint32_t vsid, const struct ip *address, bool known);
bool hnv_resolve_is_none(uint8_t network, uint32_t vsid, const struct ip *address);
