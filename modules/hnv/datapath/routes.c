/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prefixes to ranges: sorted by where they begin, the wider first, they are laid over each other from left to
 * right; a stack holds those that are open, the innermost on top.
 */
#include "modules/hnv/datapath/routes.h"

#include <stdbool.h>
#include <stdlib.h>

typedef unsigned __int128 number;

#define DEPTH_MAX 130 /* prefixes open at once: one of each length */

struct span { /* a prefix as numbers; of both families */
	number first, last;
	uint32_t route; /* index into the entries */
	uint8_t len;
};

struct ranges {
	number *start;
	uint32_t *route;
	uint32_t n;
	uint32_t none;
};

static unsigned bits_of(int family) { return family == AF_INET ? 32 : 128; }

static struct span span_of(const struct ip_prefix *p, uint32_t route)
{
	unsigned bits = bits_of(p->ip.family);
	uint8_t wide[16] = {0};
	memcpy(wide + 16 - bits / 8, p->ip.byte, bits / 8);
	number all = bits == 128 ? ~(number)0 : ((number)1 << bits) - 1;
	number host = p->len >= bits ? 0 : all >> p->len;
	number first = hnv_address_number(wide) & ~host;
	return (struct span){.first = first, .last = first | host, .route = route, .len = p->len};
}

static const struct hnv_route_entry *sorted_entries; /* control thread only */

static int span_compare(const void *x, const void *y)
{
	const struct span *a = x, *b = y;
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	uint32_t am = sorted_entries[a->route].route.metric, bm = sorted_entries[b->route].route.metric;
	if (am != bm)
		return am < bm ? -1 : 1;
	return a->route < b->route ? -1 : a->route > b->route;
}

/* From `start` on it is `route`; what began at the same place was empty. */
static void range_begin(struct ranges *r, number start, uint32_t route)
{
	if (r->n && r->start[r->n - 1] == start)
		r->n--;
	if (r->n && r->route[r->n - 1] == route)
		return;
	r->start[r->n] = start;
	r->route[r->n++] = route;
}

/* Ends what ends before `until`; what lies around it goes on behind it. */
static unsigned spans_close(struct ranges *r, const struct span *const *open, unsigned depth, number until, bool all,
			    number max)
{
	while (depth && (all || open[depth - 1]->last < until)) {
		number last = open[--depth]->last;
		if (last != max)
			range_begin(r, last + 1, depth ? open[depth - 1]->route : r->none);
	}
	return depth;
}

static void ranges_make(struct ranges *r, const struct span *spans, size_t n, unsigned bits)
{
	const struct span *open[DEPTH_MAX];
	unsigned depth = 0;
	number max = bits == 128 ? ~(number)0 : ((number)1 << bits) - 1;
	range_begin(r, 0, r->none);
	for (size_t i = 0; i < n; i++) {
		const struct span *s = &spans[i];
		if (i && s->first == spans[i - 1].first && s->len == spans[i - 1].len)
			continue; /* the same prefix with a higher metric */
		depth = spans_close(r, open, depth, s->first, false, max);
		range_begin(r, s->first, s->route);
		open[depth++] = s;
	}
	spans_close(r, open, depth, 0, true, max);
}

static size_t spans_of(const struct hnv_route_entry *entries, size_t n, int family, struct span *spans)
{
	size_t count = 0;
	for (size_t i = 0; i < n; i++)
		if (entries[i].prefix.ip.family == family)
			spans[count++] = span_of(&entries[i].prefix, (uint32_t)i);
	sorted_entries = entries;
	if (count)
		qsort(spans, count, sizeof(*spans), span_compare);
	return count;
}

static struct hnv_routes *pack(const struct ranges *r4, const struct ranges *r6,
			       const struct hnv_route_entry *entries, size_t n)
{
	size_t head = (sizeof(struct hnv_routes) + 15) & ~(size_t)15;
	size_t bytes = head + r6->n * sizeof(number) + r4->n * 8 + r6->n * 4 + n * sizeof(struct hnv_route);
	char *memory = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
	if (!memory)
		return NULL;
	struct hnv_routes *r = (struct hnv_routes *)memory;
	*r = (struct hnv_routes){.n4 = r4->n, .n6 = r6->n, .n_routes = (uint32_t)n};
	r->start6 = (number *)(memory + head);
	r->start4 = (uint32_t *)(r->start6 + r6->n);
	r->route4 = r->start4 + r4->n;
	r->route6 = r->route4 + r4->n;
	r->route = (struct hnv_route *)(r->route6 + r6->n);
	for (uint32_t i = 0; i < r4->n; i++)
		r->start4[i] = (uint32_t)r4->start[i];
	memcpy(r->route4, r4->route, r4->n * sizeof(uint32_t));
	memcpy(r->start6, r6->start, r6->n * sizeof(number));
	memcpy(r->route6, r6->route, r6->n * sizeof(uint32_t));
	for (size_t i = 0; i < n; i++)
		r->route[i] = entries[i].route;
	return r;
}

struct hnv_routes *hnv_routes_create(const struct hnv_route_entry *entries, size_t n)
{
	size_t most = 2 * n + 2; /* each prefix begins a range and ends one */
	struct span *spans = calloc(n + 1, sizeof(*spans));
	number *starts = aligned_alloc(16, 2 * most * sizeof(*starts));
	uint32_t *routes = calloc(2 * most, sizeof(*routes));
	struct hnv_routes *made = NULL;
	if (spans && starts && routes) {
		struct ranges r4 = {starts, routes, 0, (uint32_t)n};
		struct ranges r6 = {starts + most, routes + most, 0, (uint32_t)n};
		ranges_make(&r4, spans, spans_of(entries, n, AF_INET, spans), 32);
		ranges_make(&r6, spans, spans_of(entries, n, AF_INET6, spans), 128);
		made = pack(&r4, &r6, entries, n);
	}
	free(spans);
	free(starts);
	free(routes);
	return made;
}

void hnv_routes_free(struct hnv_routes *r) { free(r); }

const struct ip *hnv_gateway_for(const struct hnv_subnet *s, const struct ip *address)
{
	const struct ip *first = NULL;
	for (uint8_t i = 0; i < s->n_prefixes; i++) {
		if (s->gateway[i].family != address->family)
			continue;
		if (ip_prefix_contains(&s->prefix[i], address))
			return &s->gateway[i];
		if (!first)
			first = &s->gateway[i];
	}
	return first;
}

static bool has_gateway(const struct hnv_subnet *s, const struct ip *address)
{
	for (uint8_t i = 0; s && i < s->n_prefixes; i++)
		if (ip_equal(&s->gateway[i], address))
			return true;
	return false;
}

bool hnv_is_gateway(const struct hnv_network *net, const struct hnv_subnet *s, const struct ip *address)
{
	if (has_gateway(s, address))
		return true;
	const struct hnv_routes *routes = atomic_load_explicit(&s->domain->routes, memory_order_acquire);
	const struct hnv_route *route = routes ? hnv_routes_lookup(routes, address) : NULL;
	return route && !route->next_hop.family && has_gateway(hnv_subnet_of(net, route->vsid), address);
}
