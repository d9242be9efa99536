/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of single values: names, paths and addresses that cannot be what their key asks for. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "api/schema_private.h"
#include "base/err.h"
#include "base/str.h"

enum {
	INTERFACE_MAX = 15, /* bytes: IFNAMSIZ without its NUL */
	SOCKET_MAX = 107, /* bytes: sun_path without its NUL */
};

static const char *text_at(const void *value) { return *(char *const *)value; }

int schema_check_name(const void *value, struct err *e)
{
	const char *name = text_at(value);
	char shown[STR_SHOW_SIZE];

	if (!isalnum((unsigned char)name[0]))
		return err_set(e, EINVAL, NULL, "\"%s\" does not begin with a letter or digit",
			       str_show(name, shown));
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c >= 0x80 || (!isalnum((unsigned char)*c) && !strchr("._-", *c)))
			return err_set(e, EINVAL, NULL,
				       "\"%s\" has more than letters, digits, '.', '_' and '-' in it",
				       str_show(name, shown));
	return 0;
}

int schema_check_interface(const void *value, struct err *e)
{
	const char *name = text_at(value);
	size_t len = strlen(name);
	char shown[STR_SHOW_SIZE];

	if (len > INTERFACE_MAX)
		return err_set(e, EINVAL, NULL,
			       "\"%s\" is %zu characters long; Linux interface names have at most %d",
			       str_show(name, shown), len, INTERFACE_MAX);
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(e, EINVAL, NULL, "\"%s\" cannot name a Linux interface", name);
	for (const char *c = name; *c; c++)
		if (isspace((unsigned char)*c) || strchr("/:%", *c))
			return err_set(e, EINVAL, NULL,
				       "\"%s\" has '%c' in it, which no Linux interface name may have", name, *c);
	return 0;
}

int schema_check_netns(const void *value, struct err *e)
{
	const char *name = text_at(value);
	char shown[STR_SHOW_SIZE];

	if (strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(e, EINVAL, NULL,
			       "\"%s\" is no namespace name; give the name that `ip netns` shows, no path",
			       str_show(name, shown));
	return 0;
}

int schema_check_socket(const void *value, struct err *e)
{
	const char *path = text_at(value);
	size_t len = strlen(path);
	char shown[STR_SHOW_SIZE];

	if (path[0] != '/')
		return err_set(e, EINVAL, NULL, "\"%s\" is no absolute path; begin with '/'", str_show(path, shown));
	if (len > SOCKET_MAX)
		return err_set(e, EINVAL, NULL, "\"%s\" is %zu characters long; a socket's path has at most %d",
			       str_show(path, shown), len, SOCKET_MAX);
	if (path[len - 1] == '/')
		return err_set(e, EINVAL, NULL, "\"%s\" is a folder; name the socket in it", str_show(path, shown));
	return 0;
}

int schema_check_mac(const void *value, struct err *e)
{
	const struct mac *mac = value;
	char text[MAC_TEXT_SIZE];

	if (mac_is_zero(mac))
		return err_set(e, EINVAL, NULL,
			       "%s is nobody's address; leave the key out for one from the host's pool",
			       mac_format(mac, text));
	if (mac_is_multicast(mac))
		return err_set(e, EINVAL, NULL, "%s is a multicast address; the first byte must be even",
			       mac_format(mac, text));
	return 0;
}

int schema_check_command(const void *value, struct err *e)
{
	const char *path = text_at(value);
	char shown[STR_SHOW_SIZE];

	if (path[0] != '/')
		return err_set(e, EINVAL, NULL, "\"%s\" is no absolute path; begin with '/'", str_show(path, shown));
	return 0;
}

int schema_check_url(const void *value, struct err *e)
{
	static const char scheme[] = "http://";
	const char *url = text_at(value);
	char shown[STR_SHOW_SIZE];

	if (url[0] == '/')
		return schema_check_socket(value, e);
	if (strncmp(url, scheme, strlen(scheme)) != 0 || strcspn(url + strlen(scheme), "/:") == 0)
		return err_set(e, EINVAL, NULL,
			       "\"%s\" is neither http://HOST[:PORT]/PATH nor the absolute path of a unix socket",
			       str_show(url, shown));
	return 0;
}

bool schema_ip_is_unspecified(const struct ip *ip)
{
	static const uint8_t zero[16];

	return memcmp(ip->byte, zero, sizeof(zero)) == 0;
}

bool schema_ip_is_group(const struct ip *ip)
{
	const uint8_t *b = ip->byte;

	if (ip->family == AF_INET6)
		return b[0] == 0xff;
	return (b[0] >= 224 && b[0] < 240) || (b[0] & b[1] & b[2] & b[3]) == 255;
}

/* Why nobody can have the address; NULL: somebody can. */
static const char *ip_fault(const struct ip *ip)
{
	const uint8_t *b = ip->byte;

	if (schema_ip_is_unspecified(ip))
		return "the unspecified address";
	if (ip->family == AF_INET6)
		return b[0] == 0xff ? "a multicast address" : NULL;
	if (b[0] == 0)
		return "in 0.0.0.0/8, which means \"this network\"";
	if (b[0] >= 224 && b[0] < 240)
		return "a multicast address";
	if (b[0] == 255 && b[1] == 255 && b[2] == 255 && b[3] == 255)
		return "the broadcast address";
	return b[0] >= 240 ? "a reserved address (240.0.0.0/4)" : NULL;
}

static bool ip_is_loopback(const struct ip *ip)
{
	static const uint8_t one[16] = {[15] = 1};

	return ip->family == AF_INET ? ip->byte[0] == 127 : memcmp(ip->byte, one, sizeof(one)) == 0;
}

static int ip_check(const struct ip *ip, bool loopback_ok, struct err *e)
{
	const char *fault = ip_fault(ip);
	char text[IP_TEXT_SIZE];

	if (!fault && !loopback_ok && ip_is_loopback(ip))
		fault = "a loopback address";
	if (fault)
		return err_set(e, EINVAL, NULL, "%s is %s; use a unicast address", ip_format(ip, text), fault);
	return 0;
}

/* The bits behind an IPv4 prefix, right-aligned. */
static uint32_t host_bits(const struct ip_prefix *p, uint32_t *ret_mask)
{
	const uint8_t *b = p->ip.byte;
	uint32_t value = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];

	*ret_mask = p->len == 0 ? UINT32_MAX : (uint32_t)((UINT64_C(1) << (32 - p->len)) - 1);
	return value & *ret_mask;
}

int schema_check_host_address(const void *value, struct err *e)
{
	const struct ip_prefix *p = value;
	char text[IP_PREFIX_TEXT_SIZE];

	int r = ip_check(&p->ip, false, e);
	if (r < 0)
		return r;
	if (p->len == 0)
		return err_set(e, EINVAL, NULL,
			       "%s puts the whole world on this link; give the subnet's prefix length",
			       ip_prefix_format(p, text));
	if (p->ip.family == AF_INET && p->len <= 30) { /* /31 and /32 have neither (RFC 3021) */
		uint32_t mask, bits = host_bits(p, &mask);
		if (bits == 0 || bits == mask)
			return err_set(e, EINVAL, NULL, "%s is the subnet's own %s address; use one between",
				       ip_prefix_format(p, text), bits ? "broadcast" : "network");
	}
	return 0;
}

/* The same prefix without host bits. */
static struct ip_prefix network_of(const struct ip_prefix *p)
{
	struct ip_prefix network = *p;

	for (unsigned bit = p->len; bit < ip_bytes(&p->ip) * 8u; bit++)
		network.ip.byte[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return network;
}

int schema_check_destination(const void *value, struct err *e)
{
	const struct ip_prefix *p = value;
	struct ip_prefix network = network_of(p);
	const char *fault = p->len > 0 ? ip_fault(&p->ip) : NULL;
	char text[IP_PREFIX_TEXT_SIZE], right[IP_PREFIX_TEXT_SIZE];

	if (!ip_equal(&network.ip, &p->ip))
		return err_set(e, EINVAL, NULL, "%s has bits behind the prefix length; use %s",
			       ip_prefix_format(p, text), ip_prefix_format(&network, right));
	if (!fault && p->len > 0 && ip_is_loopback(&p->ip))
		fault = "a loopback address";
	if (fault)
		return err_set(e, EINVAL, NULL, "%s begins with %s; use a unicast prefix", ip_prefix_format(p, text),
			       fault);
	return 0;
}

int schema_check_subnet(const void *value, struct err *e)
{
	const struct ip_prefix *p = value;
	unsigned bits = ip_bytes(&p->ip) * 8u;
	char text[IP_PREFIX_TEXT_SIZE];

	int r = schema_check_destination(value, e);
	if (r < 0)
		return r;
	ip_prefix_format(p, text);
	if (p->len == 0)
		return err_set(e, EINVAL, NULL, "%s is the whole world; give the subnet's prefix length", text);
	if (p->len > bits - 2)
		return err_set(e, EINVAL, NULL,
			       "%s has no room for a gateway address and guests; use a prefix length up to %u", text,
			       bits - 2);
	if (schema_ip_is_link_local(&p->ip))
		return err_set(e, EINVAL, NULL,
			       "%s is link-local, which every IPv6 subnet has anyway; give its own prefix", text);
	return 0;
}

int schema_check_gateway(const void *value, struct err *e) { return ip_check(value, false, e); }

int schema_check_dns(const void *value, struct err *e)
{
	return ip_check(value, true, e); /* 127.0.0.53 is a fine server */
}

bool schema_ip_is_link_local(const struct ip *ip)
{
	return ip->family == AF_INET6 && ip->byte[0] == 0xfe && (ip->byte[1] & 0xc0) == 0x80;
}
