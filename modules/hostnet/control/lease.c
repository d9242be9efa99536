/* SPDX-License-Identifier: Apache-2.0 */
/* See lease.h. Every value came over the wire from whoever answered first: nothing is taken as it is. */
#include "modules/hostnet/control/lease.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define VALUE_MAX 1024
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-."

/* The first KEY=VALUE; later ones could come out of another value's newline. "" if there is none. */
static void get(const char *text, const char *key, char to[static VALUE_MAX])
{
	size_t key_len = strlen(key);
	to[0] = '\0';
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, key_len) != 0 || line[key_len] != '=')
			continue;
		size_t len = strcspn(line + key_len + 1, "\n");
		if (len < VALUE_MAX) {
			memcpy(to, line + key_len + 1, len);
			to[len] = '\0';
		}
		return;
	}
}

static bool is_unicast(const struct ip *ip)
{
	return ip->family == AF_INET && ip->byte[0] != 0 && ip->byte[0] != 127 && ip->byte[0] < 224;
}

static bool get_ip(const char *word, struct ip *ret_ip)
{
	struct ip ip;
	if (ip_parse(word, &ip) < 0 || !is_unicast(&ip))
		return false;
	*ret_ip = ip;
	return true;
}

/* The next word of a list separated by spaces; NULL at the end. Changes the text. */
static char *next_word(char **at)
{
	char *word = *at + strspn(*at, " ");
	if (!*word)
		return NULL;
	char *end = word + strcspn(word, " ");
	*at = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

/* "10.0.0.0/8 192.0.2.9 0.0.0.0/0 192.0.2.1", pairs; a next hop of 0.0.0.0: on the link (RFC 3442). */
static void parse_static_routes(char *list, struct lease *l)
{
	char *to, *via;
	while (l->n_routes < LEASE_ROUTES_MAX && (to = next_word(&list)) && (via = next_word(&list))) {
		struct lease_route r = {0};
		struct ip hop;
		if (ip_prefix_parse(to, &r.to) < 0 || r.to.ip.family != AF_INET || ip_parse(via, &hop) < 0)
			continue;
		if (is_unicast(&hop))
			r.via = hop;
		else if (strcmp(via, "0.0.0.0") != 0)
			continue;
		l->routes[l->n_routes++] = r;
	}
}

/* A client that understands option 121 ignores option 3 beside it (RFC 3442). */
static void parse_routes(const char *text, struct lease *l)
{
	char value[VALUE_MAX], *list = value;
	get(text, "staticroutes", value);
	parse_static_routes(value, l);
	if (l->n_routes)
		return;
	get(text, "router", value);
	char *router = next_word(&list);
	struct lease_route r = {.to.ip.family = AF_INET};
	if (router && get_ip(router, &r.via))
		l->routes[l->n_routes++] = r;
}

static void parse_dns(const char *text, struct lease *l)
{
	char value[VALUE_MAX], *list = value, *word;
	size_t n = 0;
	get(text, "dns", value);
	while (n < LEASE_DNS_MAX && (word = next_word(&list)))
		n += get_ip(word, &l->dns[n]);
	l->n_dns = n;
	get(text, "domain", value);
	/* Nothing that could say more than a name in resolv.conf. */
	if (!value[strspn(value, NAME_CHARACTERS)] && strlen(value) < sizeof(l->domain))
		snprintf(l->domain, sizeof(l->domain), "%s", value);
}

/* A subnet mask, or the length of its prefix; -1: neither. */
static int parse_mask(const char *text)
{
	struct ip ip;
	char *end;
	unsigned long len = strtoul(text, &end, 10);
	if (*text && !*end)
		return len <= 32 ? (int)len : -1;
	if (ip_parse(text, &ip) < 0 || ip.family != AF_INET)
		return -1;
	uint32_t mask =
		(uint32_t)ip.byte[0] << 24 | (uint32_t)ip.byte[1] << 16 | (uint32_t)ip.byte[2] << 8 | ip.byte[3];
	return (~mask & (~mask + 1)) == 0 ? __builtin_popcount(mask) : -1;
}

static uint64_t parse_expiry(const char *seconds, uint64_t written_ms)
{
	char *end;
	errno = 0;
	unsigned long long s = strtoull(seconds, &end, 10);
	if (!*seconds || *end || errno || s >= UINT32_MAX)
		return UINT64_MAX;
	return written_ms + s * 1000;
}

int lease_parse(const char *text, uint64_t written_ms, struct lease *ret_lease)
{
	struct lease l = {0};
	char value[VALUE_MAX];
	get(text, "event", value);
	if (!strcmp(value, "nak"))
		return -ENOENT;
	if (strcmp(value, "bound") != 0 && strcmp(value, "renew") != 0)
		return -EINVAL;
	get(text, "ip", value);
	if (!get_ip(value, &l.address.ip))
		return -EINVAL;
	get(text, "mask", value);
	int len = *value ? parse_mask(value) : 24;
	if (len < 0)
		return -EINVAL;
	l.address.len = (uint8_t)len;
	get(text, "serverid", value);
	(void)get_ip(value, &l.server);
	get(text, "lease", value);
	l.expires_ms = parse_expiry(value, written_ms);
	parse_routes(text, &l);
	parse_dns(text, &l);
	*ret_lease = l;
	return 0;
}
