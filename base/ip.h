/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4 and IPv6 addresses and prefixes, one type for both families. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ip {
	uint8_t family; /* AF_INET, AF_INET6, or 0: none */
	uint8_t byte[16]; /* wire order; IPv4 uses the first 4, the rest are 0 */
};

struct ip_prefix {
	struct ip ip; /* host bits kept: "192.0.2.1/24" is an address with its prefix length */
	uint8_t len; /* bits: 0..32 or 0..128 */
};

#define IP_TEXT_SIZE 46
#define IP_PREFIX_TEXT_SIZE 50

int ip_parse(const char *text, struct ip *ret_ip); /* -EINVAL */
const char *ip_format(const struct ip *ip, char buf[static IP_TEXT_SIZE]);
/* "192.0.2.1/24"; the length is required. -EINVAL: malformed, -ERANGE: length too large for the family. */
int ip_prefix_parse(const char *text, struct ip_prefix *ret_prefix);
const char *ip_prefix_format(const struct ip_prefix *p, char buf[static IP_PREFIX_TEXT_SIZE]);

bool ip_equal(const struct ip *a, const struct ip *b);
bool ip_prefix_contains(const struct ip_prefix *p, const struct ip *ip); /* false across families */
uint8_t ip_bytes(const struct ip *ip); /* 4, 16 or 0 */

/* IPv4 where there is room for IPv6 alone: ::ffff:192.0.2.1, an IPv4-mapped address (RFC 4291, 2.5.5.2). Others, and none,
 * stay as they are. */
struct ip ip_mapped(const struct ip *ip);
struct ip ip_unmapped(const struct ip *ip);
