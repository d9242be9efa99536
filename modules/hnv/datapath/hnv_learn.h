/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Customer addresses that guests take by themselves (row I24): seen in whatever they send, reported to the control
 * thread, which makes a record of each within the adapter's dynamic-ip-address-limit (row D8).
 */
#pragma once

#include <stdint.h>

#include "base/ip.h"

struct err;

/*
 * Control thread, by modules/hnv/control: makes a dynamic record of `address` for the adapter, and adds it to the
 * port's `own`. 0, too when the adapter has it already; -EEXIST: another owner, who keeps it; -ENOSPC: the limit is
 * reached; -ERANGE: in no prefix of the subnet; -ENOENT: no such adapter any more. e says which object and why.
 */
int hnv_dynamic_add(uint16_t adapter, const struct ip *address, struct err *e);
