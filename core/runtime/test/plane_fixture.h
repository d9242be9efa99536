/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of workers: a data plane of one switch whose adapters are all there is. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/runtime/dataplane.h"

/* n adapters, 0.., of these ports, wired; dataplane_free takes it. */
static inline struct dataplane *plane_make(struct port *ports, uint16_t n)
{
	struct dataplane *dp = calloc(1, sizeof(*dp));
	struct dp_switch *sw = calloc(1, sizeof(*sw));
	assert_true(dp && sw);
	dp->adapters = calloc(n, sizeof(*dp->adapters));
	dp->switches = calloc(1, sizeof(*dp->switches));
	sw->members = calloc(n, sizeof(*sw->members));
	assert_true(dp->adapters && dp->switches && sw->members);
	dp->switches[dp->n_switches++] = sw;
	dp->n_adapters = sw->n_members = n;
	for (uint16_t i = 0; i < n; i++) {
		struct dp_adapter *a = calloc(1, sizeof(*a));
		assert_non_null(a);
		*a = (struct dp_adapter){.id = i, .mtu = 1500, .port = &ports[i], .sw = sw};
		dp->adapters[i] = sw->members[i] = a;
	}
	dataplane_wire(dp);
	return dp;
}
