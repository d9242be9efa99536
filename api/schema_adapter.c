/* SPDX-License-Identifier: Apache-2.0 */
/* The table of an adapter, and the rules within one adapter. */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "api/schema_private.h"
#include "base/err.h"
#include "base/str.h"

static const char *const owner_names[] = {"host", "vm", NULL};

/* `dhcp` among the addresses. */
static int addresses_special(const json_t *value, void *object, struct err *e)
{
	struct api_adapter *adapter = object;

	if (!json_is_string(value) || strcmp(json_string_value(value), "dhcp") != 0)
		return 0;
	if (adapter->dhcp)
		return err_set(e, EINVAL, NULL, "dhcp stands here twice; once is enough");
	adapter->dhcp = true;
	return 1;
}

static int addresses_unspecial(const void *object, json_t **value)
{
	const struct api_adapter *adapter = object;

	if (!adapter->dhcp)
		return 0;
	if (!*value)
		*value = json_array();
	return json_array_append_new(*value, json_string("dhcp")) < 0 ? -ENOMEM : 0;
}

/* `queues` of an adapter is the same number as attach.queues and is shown there. */
static int queues_unspecial(const void *object, json_t **value)
{
	json_decref(*value);
	*value = NULL;
	return 0;
}

/* 0, which says that the adapter is not virtualised, is no reserved VSID here. */
static int virtual_subnet_special(const json_t *value, void *object, struct err *e)
{
	struct api_adapter *adapter = object;

	if (!json_is_integer(value) || json_integer_value(value) != 0)
		return 0;
	adapter->virtual_subnet_id = 0;
	return 1;
}

static int adapter_check_keys(const json_t *json, struct err *e)
{
	const json_t *outer = json_object_get(json, "queues"), *attach = json_object_get(json, "attach");
	const json_t *inner = json_object_get(attach, "queues");

	if (outer && inner && !json_equal(outer, inner))
		return err_set(e, EINVAL, "queues", "differs from attach.queues; give one of the two");
	return outer && attach ? schema_attach_queues(attach, e) : 0;
}

static int vm_adapter_check(const struct api_adapter *adapter, struct err *e)
{
	const struct api_attach *attach = &adapter->attach;
	const char *key = NULL;

	if (!api_attach_way(attach, NULL))
		return err_set(e, EINVAL, "attach",
			       "missing; a guest's adapter needs tap, vhost-user, interface or dpdk");
	if (adapter->n_addresses || adapter->dhcp)
		key = "addresses";
	else if (adapter->n_gateway)
		key = "gateway";
	else if (adapter->n_dns)
		key = "dns";
	if (key)
		return err_set(e, EINVAL, key, "only for adapters with `owner: host`; a guest configures its own");
	if (adapter->dynamic_ip_address_limit && !adapter->virtual_subnet_id && !adapter->isolation.mode)
		return err_set(
			e, EINVAL, "dynamic-ip-address-limit",
			"only for adapters with `virtual-subnet-id`; customer addresses are learned for nobody else");
	return 0;
}

/* A gateway must be reachable on the link: inside a prefix of its family, where there is one. */
static int gateway_check(const struct api_adapter *adapter, const struct ip *gateway, struct err *e)
{
	const struct ip_prefix *nearest = NULL;
	char text[IP_TEXT_SIZE], prefix[IP_PREFIX_TEXT_SIZE];

	for (size_t i = 0; i < adapter->n_addresses; i++) {
		const struct ip_prefix *p = &adapter->addresses[i];
		if (ip_equal(&p->ip, gateway))
			return err_set(e, EINVAL, NULL, "%s is the adapter's own address; give the router's",
				       ip_format(gateway, text));
		if (ip_prefix_contains(p, gateway))
			return 0;
		if (p->ip.family == gateway->family)
			nearest = p;
	}
	if (!nearest || schema_ip_is_link_local(gateway))
		return 0;
	return err_set(e, EINVAL, NULL, "%s lies in none of the adapter's subnets (%s); use an address inside",
		       ip_format(gateway, text), ip_prefix_format(nearest, prefix));
}

static int gateways_check(const struct api_adapter *adapter, struct err *e)
{
	for (size_t i = 0; i < adapter->n_gateway; i++) {
		const struct ip *gateway = &adapter->gateway[i];
		int r = gateway_check(adapter, gateway, e);
		for (size_t j = 0; j < i && r == 0; j++)
			if (adapter->gateway[j].family == gateway->family)
				r = err_set(e, EINVAL, NULL, "the second %s gateway; give one of each family",
					    gateway->family == AF_INET ? "IPv4" : "IPv6");
		if (r < 0) {
			if (adapter->n_gateway > 1)
				err_prefix(e, "[%zu]", i);
			err_prefix(e, "gateway");
			return r;
		}
	}
	return 0;
}

static int host_adapter_check(const struct api_adapter *adapter, struct err *e)
{
	const struct api_attach *attach = &adapter->attach;

	if (adapter->vm)
		return err_set(e, EINVAL, "vm", "the adapter is the host's own (`owner: host`); leave it out");
	if (adapter->virtual_subnet_id || adapter->dynamic_ip_address_limit)
		return err_set(e, EINVAL,
			       adapter->virtual_subnet_id ? "virtual-subnet-id" : "dynamic-ip-address-limit",
			       "only for adapters with `owner: vm`; the host is in no tenant's network");
	if (attach->vhost_user || attach->interface || attach->dpdk)
		return err_set(e, EINVAL, "attach",
			       "a host adapter is a tap of weftd's own; leave attach out or give `tap`");
	if (attach->netns)
		return err_set(e, EINVAL, "attach.netns",
			       "a host adapter stays in the host's own namespace; leave it out");
	if (!attach->tap) {
		int r = schema_check_interface(&adapter->name, e);
		if (r < 0)
			return err_set(e, -r, "name",
				       "%s; a host adapter's interface is named like it, or by attach.tap",
				       e ? e->text : "");
	}
	return gateways_check(adapter, e);
}

static int adapter_check(const void *object, struct err *e)
{
	const struct api_adapter *adapter = object;

	int r = adapter->owner == API_OWNER_HOST ? host_adapter_check(adapter, e) : vm_adapter_check(adapter, e);
	return r == 0 ? schema_isolation_check(adapter, e) : r;
}

static const struct field adapter_fields[] = {
	{"name", FIELD_STRING, offsetof(struct api_adapter, name),
	 "What the adapter is called; letters, digits, '.', '_' and '-'.", .required = true, .max = 63,
	 .check = schema_check_name},
	{"owner", FIELD_ENUM, offsetof(struct api_adapter, owner),
	 "Whose it is: `vm` a guest's, `host` the management OS's own.", .fallback = API_OWNER_VM,
	 .names = owner_names},
	{"vm", FIELD_STRING, offsetof(struct api_adapter, vm),
	 "Name of the guest it belongs to, for people and lists. Default: none."},
	{"switch", FIELD_STRING, offsetof(struct api_adapter, switch_name), "Name of the switch it is connected to.",
	 .required = true, .max = 63, .check = schema_check_name},
	{"mac-address", FIELD_MAC, offsetof(struct api_adapter, mac_address),
	 "Its static MAC address, outside the host's range. Default: one from the host's range, kept for good.",
	 .check = schema_check_mac},
	{"attach", FIELD_OBJECT, offsetof(struct api_adapter, attach),
	 "What it is attached to. Default for a host adapter: a tap named like it; a guest's needs it.",
	 .object = &schema_attach},
	{"queues", FIELD_UINT, offsetof(struct api_adapter, attach.queues),
	 "The same as `attach.queues`: queue pairs of a tap or vhost-user device.", .min = 1, .max = 16,
	 .fallback = 1, .unspecial = queues_unspecial},
	{"addresses", FIELD_LIST, offsetof(struct api_adapter, addresses),
	 "Addresses of a host adapter, or from a DHCP server. Default: none.", .element = FIELD_IP_PREFIX,
	 .count_offset = offsetof(struct api_adapter, n_addresses), .check = schema_check_host_address,
	 .special = addresses_special, .unspecial = addresses_unspecial, .also = "the word dhcp"},
	{"gateway", FIELD_LIST, offsetof(struct api_adapter, gateway),
	 "Default router of a host adapter, at most one of each family. Default: none.", .element = FIELD_IP,
	 .count_offset = offsetof(struct api_adapter, n_gateway), .check = schema_check_gateway},
	{"dns", FIELD_LIST, offsetof(struct api_adapter, dns), "DNS servers of a host adapter. Default: none.",
	 .element = FIELD_IP, .count_offset = offsetof(struct api_adapter, n_dns), .check = schema_check_dns},
	{"mtu", FIELD_UINT, offsetof(struct api_adapter, mtu),
	 "Largest IP packet in bytes, not above the switch's. Default: the switch's.", .min = 68, .max = 65535},
	{"mac-address-limit", FIELD_UINT, offsetof(struct api_adapter, mac_address_limit),
	 "How many source MAC addresses the switch learns behind it at most. Default: by the kind of its port.",
	 .min = 1, .max = 1048576},
	{"virtual-subnet-id", FIELD_UINT, offsetof(struct api_adapter, virtual_subnet_id),
	 "The virtual subnet (VSID) that a guest's adapter is in, on a switch with a provider address. Default: 0, none.",
	 .min = 4096, .max = 16777214, .reserved = 16777215, .special = virtual_subnet_special},
	{"dynamic-ip-address-limit", FIELD_UINT, offsetof(struct api_adapter, dynamic_ip_address_limit),
	 "How many customer addresses are learned from its frames at most. Default: 0, none.", .max = 65535},
	{"isolation", FIELD_OBJECT, offsetof(struct api_adapter, isolation),
	 "In place of `virtual-subnet-id`, for a guest that is in several virtual subnets. Default: none.",
	 .object = &schema_isolation},
	{"routing-domain-mappings", FIELD_LIST, offsetof(struct api_adapter, routing_domain_mappings),
	 "The virtual subnets that a guest with `multi-tenant-stack: on` is in, by routing domain. Default: none.",
	 .element = FIELD_OBJECT, .object = &schema_routing_domain_mapping,
	 .count_offset = offsetof(struct api_adapter, n_routing_domain_mappings)},
	{0},
};

const struct schema api_schema_adapter = {
	.kind = "adapter",
	.plural = "adapters",
	.help = "A virtual network adapter and its port on a switch.",
	.size = sizeof(struct api_adapter),
	.fields = adapter_fields,
	.check_keys = adapter_check_keys,
	.check = adapter_check,
};
