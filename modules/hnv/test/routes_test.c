/* SPDX-License-Identifier: Apache-2.0 */
/* Routes against the plain rule: of the prefixes around an address the longest, then the lowest metric. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "modules/hnv/datapath/routes.h"

static const struct hnv_route *model_lookup(const struct hnv_route_entry *entries, size_t n, const struct ip *ip)
{
	const struct hnv_route_entry *best = NULL;
	for (size_t i = 0; i < n; i++) {
		const struct hnv_route_entry *e = &entries[i];
		if (!ip_prefix_contains(&e->prefix, ip))
			continue;
		if (!best || e->prefix.len > best->prefix.len ||
		    (e->prefix.len == best->prefix.len && e->route.metric < best->route.metric))
			best = e;
	}
	return best ? &best->route : NULL;
}

static void check(const struct hnv_routes *r, const struct hnv_route_entry *entries, size_t n, const struct ip *ip)
{
	const struct hnv_route *got = hnv_routes_lookup(r, ip), *wanted = model_lookup(entries, n, ip);
	assert_int_equal(!got, !wanted);
	if (got && wanted)
		assert_int_equal(got->vsid, wanted->vsid);
}

/* Few bits vary, so that prefixes nest, meet and repeat. */
static struct ip random_ip(void)
{
	struct ip ip = {.family = rand() % 2 ? AF_INET : AF_INET6};
	unsigned bytes = ip_bytes(&ip);
	for (unsigned i = 0; i < bytes; i++)
		ip.byte[i] = rand() % 3 ? 0 : rand() % 2 ? 0xff : (uint8_t)rand();
	return ip;
}

static void random_entries(struct hnv_route_entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct ip ip = random_ip();
		entries[i] = (struct hnv_route_entry){
			.prefix = {.ip = ip, .len = (uint8_t)(rand() % (ip_bytes(&ip) * 8 + 1))},
			.route = {.vsid = (uint32_t)i + 1, .metric = (uint32_t)rand() % 4}};
	}
}

/* Just inside and outside of what there is, where mistakes would be. */
static struct ip near_edge(const struct ip_prefix *p)
{
	struct ip ip = p->ip;
	unsigned bits = ip_bytes(&ip) * 8;
	bool high = rand() % 2;
	for (unsigned i = p->len; i < bits; i++)
		ip.byte[i / 8] = (uint8_t)((ip.byte[i / 8] & ~(0x80 >> i % 8)) | (high ? 0x80 >> i % 8 : 0));
	if (rand() % 2) {
		int by = high ? 1 : -1;
		for (int i = (int)bits / 8 - 1; i >= 0; i--) {
			ip.byte[i] = (uint8_t)(ip.byte[i] + by);
			if (ip.byte[i] != (by > 0 ? 0 : 0xff))
				break;
		}
	}
	return ip;
}

static void test_random_against_rule(void **state)
{
	enum { SETS = 250, QUERIES = 400 };
	struct hnv_route_entry entries[200];
	srand(5);
	for (int set = 0; set < SETS; set++) {
		size_t n = (size_t)rand() % (sizeof(entries) / sizeof(entries[0]) + 1);
		random_entries(entries, n);
		struct hnv_routes *r = hnv_routes_create(entries, n);
		assert_non_null(r);
		for (int q = 0; q < QUERIES; q++) {
			struct ip ip = n && q % 2 ? near_edge(&entries[(size_t)rand() % n].prefix) : random_ip();
			check(r, entries, n, &ip);
		}
		hnv_routes_free(r);
	}
}

static struct hnv_route_entry entry(const char *prefix, uint32_t vsid, uint32_t metric)
{
	struct hnv_route_entry e = {.route = {.vsid = vsid, .metric = metric}};
	assert_int_equal(ip_prefix_parse(prefix, &e.prefix), 0);
	return e;
}

static uint32_t vsid_at(const struct hnv_routes *r, const char *address)
{
	struct ip ip;
	assert_int_equal(ip_parse(address, &ip), 0);
	const struct hnv_route *route = hnv_routes_lookup(r, &ip);
	return route ? route->vsid : 0;
}

static void test_by_hand(void **state)
{
	const struct hnv_route_entry entries[] = {
		entry("10.0.0.0/24", 1, 0),    entry("10.0.0.0/24", 2, 0),	entry("10.0.1.7/24", 3, 9),
		entry("0.0.0.0/0", 4, 5),      entry("0.0.0.0/0", 5, 4),	entry("255.255.255.255/32", 6, 0),
		entry("fd00:5001::/64", 7, 0), entry("fd00:5001::9/128", 8, 0),
	};
	struct hnv_routes *r = hnv_routes_create(entries, sizeof(entries) / sizeof(entries[0]));
	assert_int_equal(vsid_at(r, "10.0.0.5"), 1); /* of equals the first */
	assert_int_equal(vsid_at(r, "10.0.1.255"), 3);
	assert_int_equal(vsid_at(r, "10.0.2.0"), 5);
	assert_int_equal(vsid_at(r, "0.0.0.0"), 5);
	assert_int_equal(vsid_at(r, "255.255.255.255"), 6);
	assert_int_equal(vsid_at(r, "255.255.255.254"), 5);
	assert_int_equal(vsid_at(r, "fd00:5001::8"), 7);
	assert_int_equal(vsid_at(r, "fd00:5001::9"), 8);
	assert_int_equal(vsid_at(r, "fd00:5002::"), 0);
	hnv_routes_free(r);
	r = hnv_routes_create(NULL, 0);
	assert_int_equal(vsid_at(r, "10.0.0.5"), 0);
	assert_int_equal(vsid_at(r, "::1"), 0);
	hnv_routes_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_against_rule),
		cmocka_unit_test(test_by_hand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
