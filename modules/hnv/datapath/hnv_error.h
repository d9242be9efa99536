/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ICMP errors that the distributed router sends to a guest about the guest's own packet: from the gateway address
 * of the guest's subnet, by RFC 792, 1191, 1812, 4443 and 8201, limited for each port.
 */
#pragma once

#include <stdint.h>

#include "base/ip.h"
#include "core/runtime/pipe.h"

/* All leave f as it is, the caller's. They send nothing where none may be sent: about ICMP errors, later fragments,
 * groups and broadcasts, or to a sender without an address. a: the adapter that f came in by. */
void hnv_error_too_long(struct pipe *p, const struct dp_adapter *a, struct frame *f, uint16_t mtu);
void hnv_error_expired(struct pipe *p, const struct dp_adapter *a, struct frame *f);
/* Nobody listens at the port of `from`, an address of the router. */
void hnv_error_no_port(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct ip *from);

/* f is to be routed between subnets and its TTL or hop limit is 1 or 0 (not lowered yet): ends it as "ttl-expired" and
 * tells the sender, so that traceroute shows the gateway. */
void hnv_ttl_expired(struct pipe *p, const struct dp_adapter *a, struct frame *f);
