/* SPDX-License-Identifier: Apache-2.0 */
/* Prefixes in one sorted table: which lies in which, and which is the longest around an address. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"

struct prefix_row {
	const char *space; /* rows of different spaces never meet; borrowed */
	struct ip_prefix prefix;
	uint32_t rank; /* of equal prefixes the lowest goes first */
	size_t owner; /* the caller's; the lowest goes first where the rank is equal, too */
	ptrdiff_t up; /* the next shorter or equal prefix around it; -1: none */
};

/* Clears what stands behind the prefixes' lengths, sorts the rows and fills `up`. */
void prefix_table_build(struct prefix_row *rows, size_t n);
/* The longest prefix around the address, of equals the first; NULL: none. */
const struct prefix_row *prefix_table_find(const struct prefix_row *rows, size_t n, const char *space,
					   const struct ip *ip);
