/* SPDX-License-Identifier: Apache-2.0 */
/* Provider routes: longest prefix, then lowest metric. Immutable once made. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"

struct route {
	struct ip_prefix prefix;
	struct ip next_hop; /* family 0: on-link */
	uint32_t metric;
};

struct routes;

/* From n routes, host bits ignored. NULL: no memory. */
struct routes *routes_make(const struct route *list, size_t n);
void routes_free(struct routes *t); /* NULL ok */
const struct route *routes_find(const struct routes *t, const struct ip *to); /* NULL: none */
