/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Customer addresses that guests take by themselves (row I24): seen in whatever they send, reported to the control
 * thread, which makes a record of each within the adapter's dynamic-ip-address-limit (row D8).
 */
#pragma once

#include <stdint.h>

#include "base/ip.h"
#include "core/runtime/pipe.h"

struct err;

/*
 * Worker. f came from a and names `address` as its sender's own, which is not in the port's `own`. Ends f: punted to
 * be learned, or dropped: as `spoofed` where nothing may be learned or the address is another's, else by a name of its
 * own (outside the subnet, too many at once). What is learned goes on where it came from.
 */
void hnv_learn(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct ip *address,
	       const struct drop_reason *spoofed);

/*
 * Control thread, by modules/hnv/control: makes a dynamic record of `address` for the adapter, and adds it to the
 * port's `own`. 0, too when the adapter has it already; -EEXIST: another owner, who keeps it; -ENOSPC: the limit is
 * reached; -ERANGE: in no prefix of the subnet; -ENOENT: no such adapter any more. e says which object and why.
 */
int hnv_dynamic_add(uint16_t adapter, const struct ip *address, struct err *e);
