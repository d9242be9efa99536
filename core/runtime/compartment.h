/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One port, several adapters: a guest that is in several networks at once knows each by a VLAN tag, which it sets and sees
 * and nobody else does. Each such compartment is an adapter like any other, with counters, nodes and rights of its own.
 */
#pragma once

#include "core/runtime/pipe.h"

/* Frames of a port with compartments: each is received by the one whose tag it bears, without the tag. */
void compartments_input(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n);
