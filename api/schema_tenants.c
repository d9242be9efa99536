/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the tenants' side of network virtualization: domains, subnets, records, routes, and how it runs. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "api/schema_private.h"
#include "base/err.h"
#include "base/str.h"

enum { PREFIXES_MAX = 4 }; /* of a virtual subnet */

#define VSID .min = 4096, .max = 16777214, .reserved = 16777215 /* RFC 7637, clause 3.2 */
#define PROVIDER_NETWORK .max = 63, .text = "default", .check = schema_check_name

static void virtual_subnet_identify(const json_t *object, struct str *s) { schema_identity_add(object, "id", s); }

static int virtual_subnet_check(const void *object, struct err *e)
{
	const struct api_virtual_subnet *subnet = object;

	if (subnet->n_prefixes == 0)
		return err_set(e, EINVAL, "prefix", "empty; give the subnet's prefix such as 10.0.0.0/24");
	if (subnet->n_prefixes > PREFIXES_MAX)
		return err_set(e, EINVAL, "prefix", "%zu prefixes; a virtual subnet has at most %d",
			       subnet->n_prefixes, PREFIXES_MAX);
	return 0;
}

static const struct field virtual_subnet_fields[] = {
	{"id", FIELD_UINT, offsetof(struct api_virtual_subnet, id),
	 "The virtual subnet ID (VSID), unique in its provider network.", .required = true, VSID},
	{"prefix", FIELD_LIST, offsetof(struct api_virtual_subnet, prefixes),
	 "Its IP subnet, or up to four of them. The first usable address of each (.1) is the routing domain's own: the "
	 "guests' gateway.",
	 .required = true, .element = FIELD_IP_PREFIX,
	 .count_offset = offsetof(struct api_virtual_subnet, n_prefixes), .check = schema_check_subnet},
	{"dhcp", FIELD_BOOL, offsetof(struct api_virtual_subnet, dhcp),
	 "Whether weftd tells guests their addresses from the lookup records, by DHCP, DHCPv6 and router "
	 "advertisements."},
	{"dns", FIELD_LIST, offsetof(struct api_virtual_subnet, dns), "DNS servers that `dhcp` tells. Default: none.",
	 .element = FIELD_IP, .count_offset = offsetof(struct api_virtual_subnet, n_dns),
	 .check = schema_check_gateway},
	{"mss-clamp", FIELD_BOOL, offsetof(struct api_virtual_subnet, mss_clamp),
	 "Whether the TCP segment size of what leaves the host is lowered to what fits into the tunnel."},
	{0},
};

const struct schema schema_virtual_subnet = {
	.kind = "virtual-subnet",
	.plural = "virtual-subnets",
	.help = "A virtual subnet: one broadcast domain of a tenant.",
	.size = sizeof(struct api_virtual_subnet),
	.fields = virtual_subnet_fields,
	.check = virtual_subnet_check,
	.identify = virtual_subnet_identify,
};

static void routing_domain_identify(const json_t *object, struct str *s) { schema_identity_add(object, "id", s); }

static const struct field routing_domain_fields[] = {
	{"id", FIELD_GUID, offsetof(struct api_routing_domain, id), "The routing domain ID (RDID).",
	 .required = true},
	{"name", FIELD_STRING, offsetof(struct api_routing_domain, name),
	 "What it is called, for people and lists; letters, digits, '.', '_' and '-'. Default: none.", .max = 63,
	 .check = schema_check_name},
	{"provider-network", FIELD_STRING, offsetof(struct api_routing_domain, provider_network),
	 "The provider network that carries it.", PROVIDER_NETWORK},
	{"virtual-subnets", FIELD_LIST, offsetof(struct api_routing_domain, virtual_subnets),
	 "Its virtual subnets; their prefixes do not overlap. Default: none.", .element = FIELD_OBJECT,
	 .object = &schema_virtual_subnet, .count_offset = offsetof(struct api_routing_domain, n_virtual_subnets)},
	{0},
};

const struct schema api_schema_routing_domain = {
	.kind = "routing-domain",
	.plural = "routing-domains",
	.help = "A tenant's network. Its virtual subnets are always routed among each other, on every host; nothing leads "
		"from one routing domain into another.",
	.size = sizeof(struct api_routing_domain),
	.fields = routing_domain_fields,
	.identify = routing_domain_identify,
};

static const char *const rule_names[] = {"encap", "nat", NULL};
static const char *const type_names[] = {"static", "dynamic", "l2only", "gateway-wildcard", NULL};
static const char *const encapsulation_names[] = {"nvgre", "vxlan", NULL};

/* Customer addresses of l2only records are all alike. */
static void lookup_record_identify(const json_t *object, struct str *s)
{
	schema_identity_add(object, "provider-network", s);
	schema_identity_add(object, "virtual-subnet-id", s);
	schema_identity_add(object, "customer-address", s);
	if (str_equal(json_string_value(json_object_get(object, "type")), type_names[API_RECORD_L2ONLY]))
		schema_identity_add(object, "mac-address", s);
}

static int lookup_record_check(const void *object, struct err *e)
{
	const struct api_lookup_record *record = object;
	bool none = schema_ip_is_unspecified(&record->customer_address);
	bool wants_none = record->type == API_RECORD_L2ONLY || record->type == API_RECORD_GATEWAY_WILDCARD;
	char text[IP_TEXT_SIZE];

	if (none && !wants_none)
		return err_set(e, EINVAL, "customer-address",
			       "%s is nobody's address; only records of type l2only and gateway-wildcard have it",
			       ip_format(&record->customer_address, text));
	if (wants_none && !none)
		return err_set(e, EINVAL, "customer-address", "%s in a record of type %s; use 0.0.0.0 or ::",
			       ip_format(&record->customer_address, text), type_names[record->type]);
	if (record->use_vm_mac_address && record->rule != API_RULE_NAT)
		return err_set(
			e, EINVAL, "use-vm-mac-address",
			"only with `rule: nat`; encapsulated frames bear the guest's MAC address inside anyway");
	return 0;
}

static const struct field lookup_record_fields[] = {
	{"virtual-subnet-id", FIELD_UINT, offsetof(struct api_lookup_record, virtual_subnet_id),
	 "The virtual subnet that the customer address is in.", .required = true, VSID},
	{"customer-address", FIELD_IP, offsetof(struct api_lookup_record, customer_address),
	 "The guest's address, or a multicast or broadcast address; 0.0.0.0 or :: for the types that have none.",
	 .required = true},
	{"mac-address", FIELD_MAC, offsetof(struct api_lookup_record, mac_address),
	 "The guest's MAC address. Default: none, for multicast and broadcast addresses only."},
	{"provider-address", FIELD_IP, offsetof(struct api_lookup_record, provider_address),
	 "The provider address behind which the guest is; a multicast group for a multicast or broadcast address, which "
	 "without one is sent to each host that has a record of the subnet."},
	{"rule", FIELD_ENUM, offsetof(struct api_lookup_record, rule),
	 "`encap`: packets are encapsulated; `nat`: addresses are rewritten to the provider address, which then is this "
	 "record's alone.",
	 .fallback = API_RULE_ENCAP, .names = rule_names},
	{"type", FIELD_ENUM, offsetof(struct api_lookup_record, type),
	 "`static`, `dynamic` (learned), `l2only` (a guest whose addresses are its own affair: known by its MAC address) "
	 "or `gateway-wildcard` (a gateway for every address that has no record).",
	 .fallback = API_RECORD_STATIC, .names = type_names},
	{"encapsulation", FIELD_ENUM, offsetof(struct api_lookup_record, encapsulation),
	 "How `rule: encap` encapsulates.", .fallback = API_ENCAPSULATION_NVGRE, .names = encapsulation_names},
	{"use-vm-mac-address", FIELD_BOOL, offsetof(struct api_lookup_record, use_vm_mac_address),
	 "Whether `rule: nat` keeps the guest's MAC address on the wire."},
	{"provider-network", FIELD_STRING, offsetof(struct api_lookup_record, provider_network),
	 "The provider network of the virtual subnet and of the provider address.", PROVIDER_NETWORK},
	{"vm-name", FIELD_STRING, offsetof(struct api_lookup_record, vm_name),
	 "Name of the guest, for people and lists. Default: none."},
	{"customer-id", FIELD_STRING, offsetof(struct api_lookup_record, customer_id),
	 "Whose it is, for people and lists. Default: none."},
	{"context", FIELD_STRING, offsetof(struct api_lookup_record, context),
	 "Free text of whoever made the record. Default: none."},
	{0},
};

const struct schema api_schema_lookup_record = {
	.kind = "lookup-record",
	.plural = "lookup-records",
	.help = "Behind which provider address a customer address is, and which MAC address it has. Every host has those of "
		"the guests that its own may talk to, its own guests' included.",
	.size = sizeof(struct api_lookup_record),
	.fields = lookup_record_fields,
	.check = lookup_record_check,
	.identify = lookup_record_identify,
};

static void customer_route_identify(const json_t *object, struct str *s)
{
	schema_identity_add(object, "provider-network", s);
	schema_identity_add(object, "virtual-subnet-id", s);
	schema_identity_add(object, "prefix", s);
	if (json_object_get(object, "metric"))
		str_add(s, " metric");
	schema_identity_add(object, "metric", s);
}

static const struct field customer_route_fields[] = {
	{"virtual-subnet-id", FIELD_UINT, offsetof(struct api_customer_route, virtual_subnet_id),
	 "The virtual subnet that the next hop is in; the route is its routing domain's.", .required = true, VSID},
	{"prefix", FIELD_IP_PREFIX, offsetof(struct api_customer_route, prefix),
	 "The addresses that it leads to, such as 0.0.0.0/0.", .required = true, .check = schema_check_destination},
	{"next-hop", FIELD_IP, offsetof(struct api_customer_route, next_hop),
	 "The customer address of the router, a guest of the virtual subnet; 0.0.0.0 or :: where the addresses "
	 "themselves are in that subnet.",
	 .required = true},
	{"metric", FIELD_UINT, offsetof(struct api_customer_route, metric),
	 "Of routes with an equal prefix the one with the lowest is taken. Default: 0.", .max = UINT32_MAX},
	{"provider-network", FIELD_STRING, offsetof(struct api_customer_route, provider_network),
	 "The provider network of the virtual subnet.", PROVIDER_NETWORK},
	{0},
};

const struct schema api_schema_customer_route = {
	.kind = "customer-route",
	.plural = "customer-routes",
	.help = "A route inside a routing domain. Its virtual subnets need none; routes lead to what lies behind a guest, "
		"such as a gateway.",
	.size = sizeof(struct api_customer_route),
	.fields = customer_route_fields,
	.identify = customer_route_identify,
};

static int resolver_check_keys(const json_t *json, struct err *e)
{
	const json_t *command = json_object_get(json, "command"), *url = json_object_get(json, "url");

	if (command && url)
		return err_set(e, EINVAL, NULL, "has both `command` and `url`; one of them is asked");
	static const char *const how[] = {"timeout-ms", "negative-expiry", "expiry"};
	for (size_t i = 0; i < sizeof(how) / sizeof(how[0]) && !command && !url; i++)
		if (json_object_get(json, how[i]))
			return err_set(e, EINVAL, how[i],
				       "there is nobody to wait for; give `command` or `url`, too");
	return 0;
}

static const struct field resolver_fields[] = {
	{"command", FIELD_STRING, offsetof(struct api_resolver, command),
	 "Absolute path of a program that prints the record as a JSON object, or nothing. Its arguments are the virtual "
	 "subnet ID, the customer address and the provider network; on its standard input they are a JSON object. "
	 "Default: none.",
	 .max = 1023, .check = schema_check_command},
	{"url", FIELD_STRING, offsetof(struct api_resolver, url),
	 "An HTTP endpoint, http://HOST[:PORT]/PATH or the absolute path of a unix socket. The JSON object is POSTed to "
	 "it; it answers 200 with the record, or 204 or 404. Default: none.",
	 .max = 1023, .check = schema_check_url},
	{"timeout-ms", FIELD_UINT, offsetof(struct api_resolver, timeout_ms),
	 "How long an answer is waited for, in milliseconds.", .min = 1, .max = 60000, .fallback = 1000},
	{"negative-expiry", FIELD_UINT, offsetof(struct api_resolver, negative_expiry_s),
	 "For how many seconds it is believed that there is no record.", .min = 1, .max = 3600, .fallback = 5},
	{"expiry", FIELD_UINT, offsetof(struct api_resolver, expiry_s),
	 "For how many seconds a record that was answered is used; then the next packet asks again.", .min = 1,
	 .max = 86400, .fallback = 300},
	{0},
};

const struct schema schema_resolver = {
	.kind = "resolver",
	.help = "Who is asked about a customer address that has no lookup record: `command` or `url`. The first packets wait.",
	.size = sizeof(struct api_resolver),
	.fields = resolver_fields,
	.check_keys = resolver_check_keys,
};

static const char *const forwarding_names[] = {"r2", "2012", NULL};
static const char *const control_message_vsid_names[] = {"virtual-subnet", "reserved", NULL};

/* 2012 without quotes is a number. */
static int forwarding_special(const json_t *value, void *object, struct err *e)
{
	struct api_network_virtualization *nv = object;

	if (!json_is_integer(value) || json_integer_value(value) != 2012)
		return 0;
	nv->forwarding = API_FORWARDING_2012;
	return 1;
}

static const struct field network_virtualization_fields[] = {
	{"forwarding", FIELD_ENUM, offsetof(struct api_network_virtualization, forwarding),
	 "`r2`: by IP address only, everything else is dropped; `2012`: by MAC address inside a host, by IP address "
	 "between hosts.",
	 .fallback = API_FORWARDING_R2, .names = forwarding_names, .special = forwarding_special},
	{"use-external-router", FIELD_BOOL, offsetof(struct api_network_virtualization, use_external_router),
	 "Whether packets between virtual subnets go to routers on the provider network instead of being routed here."},
	{"control-message-vsid", FIELD_ENUM, offsetof(struct api_network_virtualization, control_message_vsid),
	 "The virtual subnet ID that REDIRECT and UNREACHABLE messages to other hosts bear: `virtual-subnet`, that of the guest "
	 "they are about; `reserved`, 16777215. Both are understood.",
	 .fallback = API_CONTROL_VSID_SUBNET, .names = control_message_vsid_names},
	{"resolver", FIELD_OBJECT, offsetof(struct api_network_virtualization, resolver),
	 "Who is asked where a lookup record is missing. Default: nobody, the packet is dropped.",
	 .object = &schema_resolver},
	{0},
};

const struct schema api_schema_network_virtualization = {
	.kind = "network-virtualization",
	.help = "How this host forwards in virtual subnets.",
	.size = sizeof(struct api_network_virtualization),
	.fields = network_virtualization_fields,
};
