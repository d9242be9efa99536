/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sorted by first address and then length, a prefix stands behind all that hold it, and whatever stands between
 * it and one of those lies in that one, too. So each row needs to know only the nearest that holds it.
 */
#include "api/prefix_table.h"

#include <stdlib.h>
#include <string.h>

static int place_compare(const struct prefix_row *row, const char *space, const struct ip *ip, unsigned len)
{
	int order = strcmp(row->space, space);

	if (order == 0)
		order = row->prefix.ip.family - ip->family;
	if (order == 0)
		order = memcmp(row->prefix.ip.byte, ip->byte, sizeof(ip->byte));
	return order ? order : row->prefix.len - (int)len;
}

static int row_compare(const void *a, const void *b)
{
	const struct prefix_row *x = a, *y = b;
	int order = place_compare(x, y->space, &y->prefix.ip, y->prefix.len);

	if (order == 0)
		order = (x->rank > y->rank) - (x->rank < y->rank);
	return order ? order : (x->owner > y->owner) - (x->owner < y->owner);
}

/* Clears what stands behind the length, so that a prefix sorts by its first address. */
static void host_bits_clear(struct ip_prefix *p)
{
	size_t whole = p->len / 8u;

	if (whole == sizeof(p->ip.byte))
		return;
	p->ip.byte[whole] &= (uint8_t)(0xff00 >> (p->len % 8u));
	memset(p->ip.byte + whole + 1, 0, sizeof(p->ip.byte) - whole - 1);
}

static bool holds(const struct prefix_row *row, const char *space, const struct ip *ip)
{
	return strcmp(row->space, space) == 0 && ip_prefix_contains(&row->prefix, ip);
}

void prefix_table_build(struct prefix_row *rows, size_t n)
{
	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		host_bits_clear(&rows[i].prefix);
	qsort(rows, n, sizeof(*rows), row_compare);
	for (size_t i = 0; i < n; i++) {
		ptrdiff_t up = (ptrdiff_t)i - 1;
		while (up >= 0 && !holds(&rows[up], rows[i].space, &rows[i].prefix.ip))
			up = rows[up].up;
		rows[i].up = up;
	}
}

const struct prefix_row *prefix_table_find(const struct prefix_row *rows, size_t n, const char *space,
					   const struct ip *ip)
{
	size_t low = 0,
	       high = n; /* rows before `low` begin at or before the address, those from `high` on behind it */

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (place_compare(&rows[middle], space, ip, UINT8_MAX) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	ptrdiff_t at = (ptrdiff_t)low - 1;
	while (at >= 0 && !holds(&rows[at], space, ip))
		at = rows[at].up;
	if (at < 0)
		return NULL;
	while (rows[at].up >= 0 && rows[rows[at].up].prefix.len == rows[at].prefix.len)
		at = rows[at].up;
	return &rows[at];
}
