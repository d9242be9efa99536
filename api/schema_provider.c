/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the provider side of network virtualization: this host's addresses there and its routes. */
#include <jansson.h>
#include <string.h>

#include "api/schema_private.h"
#include "base/str.h"

/* "198.51.100.11": with another prefix length it is the same address still. */
static void provider_address_identify(const json_t *object, struct str *s)
{
	const char *address = json_string_value(json_object_get(object, "address"));

	schema_identity_add(object, "provider-network", s);
	str_add(s, "%s%.*s", s->len ? " " : "", (int)strcspn(address, "/"), address);
}

static const struct field provider_address_fields[] = {
	{"switch", FIELD_STRING, offsetof(struct api_provider_address, switch_name),
	 "Name of the external switch whose uplink leads to the provider network.", .required = true, .max = 63,
	 .check = schema_check_name},
	{"address", FIELD_IP_PREFIX, offsetof(struct api_provider_address, address),
	 "The address and the prefix length of its subnet.", .required = true, .check = schema_check_host_address},
	{"vlan", FIELD_UINT, offsetof(struct api_provider_address, vlan),
	 "VLAN of the provider network on the wire. Default: 0, untagged.", .max = 4094, .reserved = 4095},
	{"mac-address", FIELD_MAC, offsetof(struct api_provider_address, mac_address),
	 "The MAC address that answers for it, outside the host's range. Default: one from the host's range.",
	 .check = schema_check_mac},
	{"provider-network", FIELD_STRING, offsetof(struct api_provider_address, provider_network),
	 "The provider network that it is an address of; a switch carries one.", .max = 63, .text = "default",
	 .check = schema_check_name},
	{"virtual-subnet-ids", FIELD_LIST, offsetof(struct api_provider_address, virtual_subnet_ids),
	 "Virtual subnets whose frames are sent from it wherever the next hop is in its subnet, so that each has a provider "
	 "address of its own. Frames of others are sent from the first address of that subnet. Default: none.",
	 .element = FIELD_UINT, .min = 4096, .max = 16777214, .reserved = 16777215,
	 .count_offset = offsetof(struct api_provider_address, n_virtual_subnet_ids)},
	{0},
};

const struct schema api_schema_provider_address = {
	.kind = "provider-address",
	.plural = "provider-addresses",
	.help = "An address of this host on a provider network. Tenants' packets travel between such addresses; the "
		"host's own interfaces and routing table do not see them.",
	.size = sizeof(struct api_provider_address),
	.fields = provider_address_fields,
	.identify = provider_address_identify,
};

static void provider_route_identify(const json_t *object, struct str *s)
{
	schema_identity_add(object, "provider-network", s);
	schema_identity_add(object, "prefix", s);
	if (json_object_get(object, "metric"))
		str_add(s, " metric");
	schema_identity_add(object, "metric", s);
}

static const struct field provider_route_fields[] = {
	{"prefix", FIELD_IP_PREFIX, offsetof(struct api_provider_route, prefix),
	 "The provider addresses that it leads to, such as 0.0.0.0/0.", .required = true,
	 .check = schema_check_destination},
	{"next-hop", FIELD_IP, offsetof(struct api_provider_route, next_hop),
	 "The router, in the subnet of one of this host's provider addresses.", .required = true,
	 .check = schema_check_gateway},
	{"metric", FIELD_UINT, offsetof(struct api_provider_route, metric),
	 "Of routes with an equal prefix the one with the lowest is taken. Default: 0.", .max = UINT32_MAX},
	{"provider-network", FIELD_STRING, offsetof(struct api_provider_route, provider_network),
	 "The provider network that it is a route of.", .max = 63, .text = "default", .check = schema_check_name},
	{0},
};

const struct schema api_schema_provider_route = {
	.kind = "provider-route",
	.plural = "provider-routes",
	.help = "A route of a provider network; the host's own routing table has no part in it.",
	.size = sizeof(struct api_provider_route),
	.fields = provider_route_fields,
	.identify = provider_route_identify,
};
