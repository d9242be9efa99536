/* SPDX-License-Identifier: Apache-2.0 */
/* Text forms of addresses and prefixes, and what lies in which. */
#include "base/ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int ip_parse(const char *text, struct ip *ret_ip)
{
	struct ip ip = {.family = AF_INET};

	if (inet_pton(AF_INET, text, ip.byte) != 1) {
		memset(ip.byte, 0, sizeof(ip.byte));
		ip.family = AF_INET6;
		if (inet_pton(AF_INET6, text, ip.byte) != 1)
			return -EINVAL;
	}
	*ret_ip = ip;
	return 0;
}

const char *ip_format(const struct ip *ip, char buf[static IP_TEXT_SIZE])
{
	if (!ip->family || !inet_ntop(ip->family, ip->byte, buf, IP_TEXT_SIZE))
		snprintf(buf, IP_TEXT_SIZE, "none");
	return buf;
}

int ip_prefix_parse(const char *text, struct ip_prefix *ret_prefix)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : 0;
	char address[IP_TEXT_SIZE];
	struct ip_prefix p;

	if (!slash || len >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, len);
	address[len] = '\0';
	if (ip_parse(address, &p.ip) < 0)
		return -EINVAL;

	const char *digit = slash + 1;
	size_t digits = strspn(digit, "0123456789");
	if (digits == 0 || digit[digits] || (digits > 1 && digit[0] == '0'))
		return -EINVAL;
	if (digits > 3)
		return -ERANGE;
	unsigned bits = 0;
	for (size_t i = 0; i < digits; i++)
		bits = bits * 10 + (unsigned)(digit[i] - '0');
	if (bits > ip_bytes(&p.ip) * 8u)
		return -ERANGE;
	p.len = (uint8_t)bits;
	*ret_prefix = p;
	return 0;
}

const char *ip_prefix_format(const struct ip_prefix *p, char buf[static IP_PREFIX_TEXT_SIZE])
{
	char address[IP_TEXT_SIZE];

	snprintf(buf, IP_PREFIX_TEXT_SIZE, "%s/%u", ip_format(&p->ip, address), (unsigned)p->len);
	return buf;
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
	return a->family == b->family && memcmp(a->byte, b->byte, sizeof(a->byte)) == 0;
}

bool ip_prefix_contains(const struct ip_prefix *p, const struct ip *ip)
{
	unsigned whole = p->len / 8u, rest = p->len % 8u;

	if (!ip->family || p->ip.family != ip->family || p->len > ip_bytes(ip) * 8u)
		return false;
	if (memcmp(p->ip.byte, ip->byte, whole) != 0)
		return false;
	return rest == 0 || ((p->ip.byte[whole] ^ ip->byte[whole]) >> (8 - rest)) == 0;
}

uint8_t ip_bytes(const struct ip *ip) { return ip->family == AF_INET ? 4 : ip->family == AF_INET6 ? 16 : 0; }

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

struct ip ip_mapped(const struct ip *ip)
{
	struct ip mapped = {.family = AF_INET6};

	if (ip->family != AF_INET)
		return *ip;
	memcpy(mapped.byte, mapped_prefix, sizeof(mapped_prefix));
	memcpy(mapped.byte + sizeof(mapped_prefix), ip->byte, 4);
	return mapped;
}

struct ip ip_unmapped(const struct ip *ip)
{
	struct ip ip4 = {.family = AF_INET};

	if (ip->family != AF_INET6 || memcmp(ip->byte, mapped_prefix, sizeof(mapped_prefix)) != 0)
		return *ip;
	memcpy(ip4.byte, ip->byte + sizeof(mapped_prefix), 4);
	return ip4;
}
