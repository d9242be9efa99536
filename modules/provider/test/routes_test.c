/* SPDX-License-Identifier: Apache-2.0 */
/* Longest prefix and metric against a model that looks at every route; and the table of peers against a list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "core/runtime/rcu.h"
#include "modules/provider/control/routes.h"
#include "modules/provider/datapath/peers.h"

static uint64_t seed = 1;

static uint32_t dice(uint32_t n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(seed >> 33) % n;
}

/* Few different bytes, so that prefixes overlap and repeat. */
static struct ip any_ip(void)
{
	struct ip ip = {.family = dice(2) ? AF_INET : AF_INET6};
	for (unsigned i = 0; i < ip_bytes(&ip); i++)
		ip.byte[i] = (uint8_t)(dice(3) ? 0x55 : dice(4) * 0x40);
	return ip;
}

static const struct route *naive(const struct route *list, size_t n, const struct ip *to)
{
	const struct route *best = NULL;
	for (size_t i = 0; i < n; i++) {
		const struct route *r = &list[i];
		if (!ip_prefix_contains(&r->prefix, to))
			continue;
		if (!best || r->prefix.len > best->prefix.len ||
		    (r->prefix.len == best->prefix.len && r->metric < best->metric))
			best = r;
	}
	return best;
}

static void test_routes_model(void **state)
{
	struct route list[60];
	for (unsigned round = 0; round < 300; round++) {
		size_t n = dice(60);
		for (size_t i = 0; i < n; i++) {
			struct ip ip = any_ip();
			list[i] = (struct route){.prefix = {ip, (uint8_t)dice(ip_bytes(&ip) * 8u + 1)},
						 .next_hop = any_ip(),
						 .metric = (uint32_t)i / 2 * 7 % 40 * 100 + (uint32_t)i};
		}
		struct routes *t = routes_make(list, n);
		assert_non_null(t);
		for (unsigned k = 0; k < 100; k++) {
			struct ip to = any_ip();
			const struct route *is = routes_find(t, &to), *should = naive(list, n, &to);
			assert_int_equal(is != NULL, should != NULL);
			if (is) {
				assert_int_equal(is->prefix.len, should->prefix.len);
				assert_int_equal(is->metric, should->metric);
				assert_true(ip_equal(&is->next_hop, &should->next_hop));
			}
		}
		routes_free(t);
	}
}

#define MANY 3000

static struct ip numbered(uint32_t i)
{
	struct ip ip = {.family = i & 1 ? AF_INET : AF_INET6};
	memcpy(ip.byte, &i, sizeof(i));
	return ip;
}

static void test_peers(void **state)
{
	struct peers *p = peers_create();
	struct path *path = (struct path *)p; /* any */
	assert_non_null(p);
	for (uint32_t i = 0; i < MANY; i++) {
		struct ip ip = numbered(i);
		struct peer *peer = peers_get(p, &ip);
		assert_non_null(peer);
		peer->path = path;
		peers_put(p, peer);
		assert_ptr_equal(peers_get(p, &ip), peer);
	}
	for (uint32_t i = 0; i < MANY; i += 3) {
		struct ip ip = numbered(i);
		struct peer *peer = peers_find(p, &ip);
		peer->path = NULL;
		peers_put(p, peer);
	}
	for (uint32_t i = 0; i < 2 * MANY; i++) {
		struct ip ip = numbered(i);
		const struct peer *peer = peers_find(p, &ip);
		assert_int_equal(peer != NULL, i < MANY && i % 3 != 0);
		assert_true(!peer || atomic_load(&peer->has_path));
	}
	rcu_drain();
	peers_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes_model),
		cmocka_unit_test(test_peers),
	};
	return cmocka_run_group_tests_name("provider-routes", tests, NULL, NULL);
}
