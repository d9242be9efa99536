/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of a random world: what guests do, what they should not do, and what comes by the wire. */
#pragma once

#include "tests/packet/hnv_model.h"

/* The bytes; at most 128. Returns how many. */
size_t packet_make(const struct packet *p, uint8_t *to);

void packet_from_guest(const struct world *w, unsigned adapter, uint8_t mark, struct packet *ret);
/* The inner frame of a tunnel, meant for somebody of the subnet, mostly. */
void packet_from_wire(const struct world *w, unsigned subnet, uint8_t mark, struct packet *ret);
uint32_t packet_wire_vsid(const struct world *w,
			  unsigned subnet); /* its own, mostly; reserved and unknown ones, too */
