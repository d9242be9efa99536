/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted by family, length (longest first), prefix and metric: a binary search for each length that occurs. */
#include "modules/provider/control/routes.h"

#include <stdlib.h>
#include <string.h>

struct run { /* routes of one family and length */
	uint8_t family, len;
	size_t first, n;
};

struct routes {
	struct route *route;
	struct run *run;
	size_t n_runs;
};

static void mask(struct ip *ip, uint8_t len)
{
	for (unsigned bit = len; bit < sizeof(ip->byte) * 8; bit++)
		ip->byte[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
}

static int compare(const void *x, const void *y)
{
	const struct route *a = x, *b = y;
	if (a->prefix.ip.family != b->prefix.ip.family)
		return a->prefix.ip.family < b->prefix.ip.family ? -1 : 1;
	if (a->prefix.len != b->prefix.len)
		return a->prefix.len > b->prefix.len ? -1 : 1;
	int order = memcmp(a->prefix.ip.byte, b->prefix.ip.byte, sizeof(a->prefix.ip.byte));
	if (order)
		return order;
	return a->metric < b->metric ? -1 : a->metric > b->metric;
}

static bool same_prefix(const struct route *a, const struct route *b)
{
	return a->prefix.len == b->prefix.len && ip_equal(&a->prefix.ip, &b->prefix.ip);
}

/* The best of each prefix, packed together; how many. */
static size_t keep_best(struct route *list, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		if (!kept || !same_prefix(&list[i], &list[kept - 1]))
			list[kept++] = list[i];
	return kept;
}

struct routes *routes_make(const struct route *list, size_t n)
{
	struct routes *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->route = calloc(n + 1, sizeof(*t->route));
	t->run = calloc(n + 1, sizeof(*t->run));
	if (!t->route || !t->run) {
		routes_free(t);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		t->route[i] = list[i];
		mask(&t->route[i].prefix.ip, list[i].prefix.len);
	}
	qsort(t->route, n, sizeof(*t->route), compare);
	n = keep_best(t->route, n);
	for (size_t i = 0; i < n; i++) {
		const struct ip_prefix *p = &t->route[i].prefix;
		struct run *last = t->n_runs ? &t->run[t->n_runs - 1] : NULL;
		if (!last || last->family != p->ip.family || last->len != p->len)
			t->run[t->n_runs++] = (struct run){p->ip.family, p->len, i, 1};
		else
			last->n++;
	}
	return t;
}

void routes_free(struct routes *t)
{
	if (!t)
		return;
	free(t->route);
	free(t->run);
	free(t);
}

static int prefix_compare(const void *key, const void *route)
{
	return memcmp(key, ((const struct route *)route)->prefix.ip.byte, sizeof(((struct ip *)0)->byte));
}

const struct route *routes_find(const struct routes *t, const struct ip *to)
{
	for (size_t i = 0; i < t->n_runs; i++) {
		const struct run *run = &t->run[i];
		struct ip key = *to;
		if (run->family != to->family)
			continue;
		mask(&key, run->len);
		const struct route *found =
			bsearch(key.byte, t->route + run->first, run->n, sizeof(*t->route), prefix_compare);
		if (found)
			return found;
	}
	return NULL;
}
