/* SPDX-License-Identifier: Apache-2.0 */
/* What a DHCP server granted, as the hook script writes it down. No I/O. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"

#define LEASE_DNS_MAX 3
#define LEASE_ROUTES_MAX 16

struct lease_route {
	struct ip_prefix to;
	struct ip via; /* family 0: on the link */
};

struct lease {
	struct ip_prefix address;
	struct ip server; /* family 0: not said */
	struct lease_route routes[LEASE_ROUTES_MAX]; /* option 121, or the default route by option 3 */
	size_t n_routes;
	struct ip dns[LEASE_DNS_MAX];
	size_t n_dns;
	char domain[256]; /* "": none */
	uint64_t expires_ms; /* wall clock; UINT64_MAX: never */
};

/* text: KEY=VALUE lines as the hook writes them; written_ms: when. -ENOENT: it says that there is no lease (any
 * more); -EINVAL: not understood. What a server wrote wrongly beside a sound address is left out. */
int lease_parse(const char *text, uint64_t written_ms, struct lease *ret_lease);
