/* SPDX-License-Identifier: Apache-2.0 */
/* The table of prefixes against a search of them all, on random ones that nest and repeat. */
#include <arpa/inet.h>
#include <string.h>

#include "api/prefix_table.h"
#include "api/test/api_test.h"

enum { ROWS = 64 };

static uint32_t seed = 1;

static uint32_t random_below(uint32_t n) /* xorshift32 */
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % n;
}

/* Few bits at both ends, so that prefixes hold each other often. */
static struct ip random_ip(void)
{
	struct ip ip = {.family = random_below(2) ? AF_INET : AF_INET6};

	ip.byte[0] = (uint8_t)random_below(4);
	ip.byte[1] = (uint8_t)(random_below(4) << 6);
	ip.byte[3] = (uint8_t)random_below(4);
	if (ip.family == AF_INET6)
		ip.byte[15] = (uint8_t)random_below(2);
	return ip;
}

static const char *const spaces[] = {"a", "b"};

/* The longest by looking at each; of equals that of the lowest rank, then owner. */
static const struct prefix_row *search(const struct prefix_row *rows, const char *space, const struct ip *ip)
{
	const struct prefix_row *best = NULL;

	for (size_t i = 0; i < ROWS; i++) {
		const struct prefix_row *r = &rows[i];
		if (strcmp(r->space, space) != 0 || !ip_prefix_contains(&r->prefix, ip))
			continue;
		if (!best || r->prefix.len > best->prefix.len ||
		    (r->prefix.len == best->prefix.len &&
		     (r->rank < best->rank || (r->rank == best->rank && r->owner < best->owner))))
			best = r;
	}
	return best;
}

static void test_table(void **state)
{
	unsigned found = 0;

	for (int round = 0; round < 200; round++) {
		struct prefix_row rows[ROWS];
		for (size_t i = 0; i < ROWS; i++) {
			struct ip ip = random_ip();
			rows[i] = (struct prefix_row){.space = spaces[random_below(2)],
						      .prefix = {.ip = ip, .len = (uint8_t)random_below(33)},
						      .rank = random_below(2),
						      .owner = i};
			if (random_below(4) == 0)
				rows[i].prefix.len = (uint8_t)(ip_bytes(&ip) * 8);
		}
		prefix_table_build(rows, ROWS);
		for (int k = 0; k < 50; k++) {
			struct ip ip = random_ip();
			const char *space = spaces[random_below(2)];
			const struct prefix_row *wanted = search(rows, space, &ip);
			assert_ptr_equal(prefix_table_find(rows, ROWS, space, &ip), wanted);
			found += wanted != NULL;
		}
	}
	assert_in_range(found, 1000, 9900); /* both ways were walked */
	assert_null(prefix_table_find(NULL, 0, "a", &(struct ip){.family = AF_INET}));
	prefix_table_build(NULL, 0);
}

const struct CMUnitTest prefix_tests[] = {cmocka_unit_test(test_table)};
const size_t n_prefix_tests = COUNT(prefix_tests);
