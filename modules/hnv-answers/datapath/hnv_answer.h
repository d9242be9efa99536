/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest asks of its virtual subnet and is answered by the switch itself. Each function looks at one kind of
 * question: true: f goes on to be forwarded; false: it ended (answered, consumed, dropped or punted).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/runtime/pipe.h"
#include "modules/hnv/tables.h"

bool hnv_arp(struct pipe *p, const struct dp_adapter *a, struct frame *f);
/* ICMPv6 133-137: router and neighbour discovery; parsed, not a fragment. */
bool hnv_nd(struct pipe *p, const struct dp_adapter *a, struct frame *f);
/* ICMP and ICMPv6 of any other kind. */
bool hnv_ping4(struct pipe *p, const struct dp_adapter *a, struct frame *f);
bool hnv_ping6(struct pipe *p, const struct dp_adapter *a, struct frame *f);
/* UDP from or to a DHCP port, in a subnet with dhcp. */
bool hnv_dhcp4(struct pipe *p, const struct dp_adapter *a, struct frame *f);
bool hnv_dhcp6(struct pipe *p, const struct dp_adapter *a, struct frame *f);
