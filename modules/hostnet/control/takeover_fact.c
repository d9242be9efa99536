/* SPDX-License-Identifier: Apache-2.0 */
/* A takeover as JSON, for the fact on disk. */
#include <errno.h>
#include <jansson.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modules/hostnet/control/takeover.h"

static json_t *encode_others(const struct others *o)
{
	char ip[IP_TEXT_SIZE] = "";
	if (o->dhcp_address.family)
		ip_format(&o->dhcp_address, ip);
	return json_pack("{s:b, s:s, s:s, s:O*}", "dhcp", o->dhcp, "dhcp-address", ip, "client-id", o->client_id,
			 "clients", o->clients);
}

json_t *takeover_encode(const struct takeover *t)
{
	char mac[MAC_TEXT_SIZE];
	return json_pack("{s:s, s:I, s:s, s:I, s:I, s:s, s:b, s:o, s:o, s:o, s:o}", "adapter", t->tap,
			 "adapter-index", (json_int_t)t->tap_ifindex, "boot", t->boot, "noted",
			 (json_int_t)t->noted_ms, "flags", (json_int_t)t->flags, "mac-address",
			 mac_format(&t->mac, mac), "ipv6", t->ipv6, "others", encode_others(&t->others), "addresses",
			 records_encode(&t->addresses), "routes", records_encode(&t->routes), "neighbours",
			 records_encode(&t->neighbours));
}

/* Copies a string member, or leaves "" when there is none; -EINVAL: too long. */
static int get_text(const json_t *json, const char *key, char *to, size_t size)
{
	const char *text = json_string_value(json_object_get(json, key));
	if (text && strlen(text) >= size)
		return -EINVAL;
	snprintf(to, size, "%s", text ? text : "");
	return 0;
}

static int decode_others(const json_t *json, struct others *o)
{
	char ip[IP_TEXT_SIZE];
	if (get_text(json, "dhcp-address", ip, sizeof(ip)) < 0 ||
	    get_text(json, "client-id", o->client_id, sizeof(o->client_id)) < 0 ||
	    (*ip && ip_parse(ip, &o->dhcp_address) < 0))
		return -EINVAL;
	o->dhcp = json_is_true(json_object_get(json, "dhcp"));
	o->clients = json_incref(json_object_get(json, "clients"));
	return 0;
}

static int decode_into(struct takeover *t, const json_t *json)
{
	char mac[MAC_TEXT_SIZE];
	if (get_text(json, "adapter", t->tap, sizeof(t->tap)) < 0 ||
	    get_text(json, "boot", t->boot, sizeof(t->boot)) < 0 ||
	    get_text(json, "mac-address", mac, sizeof(mac)) < 0 || mac_parse(mac, &t->mac) < 0)
		return -EINVAL;
	t->tap_ifindex = (uint32_t)json_integer_value(json_object_get(json, "adapter-index"));
	t->noted_ms = (uint64_t)json_integer_value(json_object_get(json, "noted"));
	t->flags = (unsigned)json_integer_value(json_object_get(json, "flags"));
	t->ipv6 = json_is_true(json_object_get(json, "ipv6"));
	t->others_off = true; /* or about to be when weftd died; letting in who is not out changes nothing */
	int rc = decode_others(json_object_get(json, "others"), &t->others);
	if (!rc)
		rc = records_decode(json_object_get(json, "addresses"), RTM_NEWADDR, &t->addresses);
	if (!rc)
		rc = records_decode(json_object_get(json, "routes"), RTM_NEWROUTE, &t->routes);
	if (!rc)
		rc = records_decode(json_object_get(json, "neighbours"), RTM_NEWNEIGH, &t->neighbours);
	return rc;
}

int takeover_decode(const char *ifname, const json_t *json, struct takeover **ret_takeover)
{
	if (!json_is_object(json) || strlen(ifname) >= IFNAMSIZ)
		return -EINVAL;
	struct takeover *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	snprintf(t->ifname, sizeof(t->ifname), "%s", ifname);
	int rc = decode_into(t, json);
	if (rc < 0) {
		takeover_free(t);
		return rc;
	}
	*ret_takeover = t;
	return 0;
}
