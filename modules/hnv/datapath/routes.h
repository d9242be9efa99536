/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The routes of one routing domain: the longest prefix wins, among equal ones the lowest metric. Made once from
 * the prefixes, then immutable: disjoint ranges in order, found by binary search without a jump that depends on
 * the address.
 */
#pragma once

#include <endian.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/ip.h"
#include "modules/hnv/tables.h"

/* Range i begins at start[i] and ends before start[i + 1]; range 0 begins at address 0. */
struct hnv_routes {
	uint32_t n4, n6; /* ranges; at least one each */
	uint32_t n_routes;
	uint32_t *start4, *route4; /* host byte order; index into route, or n_routes: none */
	unsigned __int128 *start6;
	uint32_t *route6;
	struct hnv_route *route;
};

/* In any order; of those that say the same prefix with the same metric the first counts. NULL: no memory. */
struct hnv_routes *hnv_routes_create(const struct hnv_route_entry *entries, size_t n);
void hnv_routes_free(struct hnv_routes *r); /* one piece of memory, so free() does as well; NULL ok */

static inline const struct hnv_route *hnv_routes_at(const struct hnv_routes *r, uint32_t route)
{
	return route < r->n_routes ? &r->route[route] : NULL;
}

/* NULL: no route. address: as on the wire. */
static inline const struct hnv_route *hnv_routes_lookup4(const struct hnv_routes *r, uint32_t be_address)
{
	uint32_t address = be32toh(be_address), at = 0, n = r->n4;
	while (n > 1) {
		uint32_t half = n / 2;
		at = r->start4[at + half] <= address ? at + half : at;
		n -= half;
	}
	return hnv_routes_at(r, r->route4[at]);
}

static inline unsigned __int128 hnv_address_number(const uint8_t address[static 16])
{
	uint64_t high, low;
	memcpy(&high, address, 8);
	memcpy(&low, address + 8, 8);
	return (unsigned __int128)be64toh(high) << 64 | be64toh(low);
}

static inline const struct hnv_route *hnv_routes_lookup6(const struct hnv_routes *r, const uint8_t address[static 16])
{
	unsigned __int128 number = hnv_address_number(address);
	uint32_t at = 0, n = r->n6;
	while (n > 1) {
		uint32_t half = n / 2;
		at = r->start6[at + half] <= number ? at + half : at;
		n -= half;
	}
	return hnv_routes_at(r, r->route6[at]);
}

static inline const struct hnv_route *hnv_routes_lookup(const struct hnv_routes *r, const struct ip *address)
{
	uint32_t be_address;
	if (address->family != AF_INET)
		return hnv_routes_lookup6(r, address->byte);
	memcpy(&be_address, address->byte, sizeof(be_address));
	return hnv_routes_lookup4(r, be_address);
}
