/* SPDX-License-Identifier: Apache-2.0 */
/* What a host adapter has at this moment, for `weft status`. */
#include <jansson.h>
#include <linux/rtnetlink.h>

#include "base/clock.h"
#include "core/control/netlink.h"
#include "modules/hostnet/control/adapter.h"
#include "modules/hostnet/control/dhcp.h"
#include "modules/hostnet/control/route.h"

static json_t *addresses_now(struct netlink *nl, uint32_t ifindex)
{
	struct records have;
	json_t *list = json_array();
	if (address_dump(nl, ifindex, &have) < 0)
		return list;
	for (size_t i = 0; i < have.n; i++) {
		struct record_view v;
		char text[IP_PREFIX_TEXT_SIZE];
		if (record_view(&have.at[i], &v) == 0 && v.scope != RT_SCOPE_LINK)
			json_array_append_new(list, json_string(ip_prefix_format(&v.prefix, text)));
	}
	records_clear(&have);
	return list;
}

static json_t *gateways_now(struct netlink *nl, uint32_t ifindex)
{
	struct records have;
	json_t *list = json_array();
	if (route_dump(nl, ifindex, &have) < 0)
		return list;
	for (size_t i = 0; i < have.n; i++) {
		struct record_view v;
		char text[IP_TEXT_SIZE];
		if (record_view(&have.at[i], &v) == 0 && !v.prefix.len && v.gateway.family &&
		    v.table == RT_TABLE_MAIN)
			json_array_append_new(list, json_string(ip_format(&v.gateway, text)));
	}
	records_clear(&have);
	return list;
}

static json_t *dhcp_now(const struct dhcp_client *c)
{
	const struct lease *l = dhcp_lease(c);
	char text[IP_PREFIX_TEXT_SIZE];
	json_t *o = json_pack("{s:s}", "state", dhcp_state(c));
	if (!l || !o)
		return o;
	json_object_set_new(o, "address", json_string(ip_prefix_format(&l->address, text)));
	if (l->server.family)
		json_object_set_new(o, "server", json_string(ip_format(&l->server, text)));
	uint64_t now = clock_wall_ms();
	if (l->expires_ms != UINT64_MAX)
		json_object_set_new(
			o, "expires-in-seconds",
			json_integer(l->expires_ms > now ? (json_int_t)((l->expires_ms - now) / 1000) : 0));
	return o;
}

void adapter_status(struct netlink *nl, const struct host_adapter *a, json_t *object)
{
	struct netlink_link link;
	if (netlink_link_get(nl, a->ifname, &link) == 0) {
		json_object_set_new(object, "addresses", addresses_now(nl, (uint32_t)link.index));
		json_object_set_new(object, "gateway", gateways_now(nl, (uint32_t)link.index));
	}
	if (a->dhcp)
		json_object_set_new(object, "dhcp", dhcp_now(a->dhcp));
	if (!a->n_problems)
		return;
	json_t *list = json_object_get(object, "not-enforced");
	if (!json_is_array(list)) {
		list = json_array();
		json_object_set_new(object, "not-enforced", list);
	}
	for (size_t i = 0; i < a->n_problems; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "field", a->problems[i].field, "reason",
						      a->problems[i].reason));
}
