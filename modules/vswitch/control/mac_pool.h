/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's dynamic MAC addresses: 256 unless host.mac-address-range says otherwise. What an adapter was given
 * stays with it over restarts and re-applies, until the document no longer names it.
 */
#pragma once

#include "modules/vswitch/control/plan.h"

struct api_host;

void mac_pool_load(void);
/* Gives a MAC to each adapter of the plan that needs one. -ENOSPC: the range is used up; -EEXIST: a MAC that
 * the document writes out belongs to another adapter by the pool. */
int mac_pool_assign(const struct api_host *host, struct vs_plan *plan, struct err *e);
/* The same for what is no adapter, after it: see vswitch_mac_take. */
int mac_pool_take(const struct api_host *host, const struct vs_plan *plan, const char *name, const struct mac *wanted,
		  struct mac *ret_mac, struct err *e);
void mac_pool_store(const struct vs_plan *plan); /* what the plan's adapters have becomes what is known */
