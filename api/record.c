/* SPDX-License-Identifier: Apache-2.0 */
/* What a lookup record must be in its virtual subnet, whether it comes in a document or alone. */
#include <arpa/inet.h>
#include <errno.h>

#include "api/document.h"
#include "api/schema_private.h"
#include "base/err.h"
#include "base/str.h"

struct ip api_virtual_subnet_gateway(const struct ip_prefix *prefix)
{
	struct ip gateway = prefix->ip;

	gateway.byte[ip_bytes(&gateway) - 1] |= 1; /* at most /30 and /126: the last bits are the host's */
	return gateway;
}

static bool is_broadcast(const struct ip_prefix *prefix, const struct ip *ip)
{
	if (prefix->ip.family != AF_INET || !ip_prefix_contains(prefix, ip))
		return false;
	for (unsigned bit = prefix->len; bit < 32; bit++)
		if (!(ip->byte[bit / 8] & 0x80 >> bit % 8))
			return false;
	return true;
}

bool api_lookup_record_is_group(const struct api_lookup_record *record, const struct api_virtual_subnet *subnet)
{
	const struct ip *customer = &record->customer_address;

	for (size_t i = 0; i < subnet->n_prefixes; i++)
		if (is_broadcast(&subnet->prefixes[i], customer))
			return true;
	return schema_ip_is_group(customer);
}

static int customer_outside(const struct api_lookup_record *record, const struct api_virtual_subnet *subnet,
			    struct err *e)
{
	struct str prefixes = {0};
	char text[IP_PREFIX_TEXT_SIZE];

	for (size_t i = 0; i < subnet->n_prefixes; i++)
		str_add(&prefixes, "%s%s", i ? ", " : "", ip_prefix_format(&subnet->prefixes[i], text));
	int r = prefixes.failed ? err_set(e, ENOMEM, NULL, "out of memory")
				: err_set(e, EINVAL, "customer-address",
					  "%s lies outside virtual subnet %u (%s); use an address inside",
					  ip_format(&record->customer_address, text), subnet->id, prefixes.text);
	str_free(&prefixes);
	return r;
}

/* A guest's address: inside a prefix and not one that the prefix itself needs. */
static int customer_check(const struct api_lookup_record *record, const struct api_virtual_subnet *subnet,
			  struct err *e)
{
	const struct ip *customer = &record->customer_address;
	char text[IP_TEXT_SIZE];

	for (size_t i = 0; i < subnet->n_prefixes; i++) {
		const struct ip_prefix *prefix = &subnet->prefixes[i];
		struct ip gateway = api_virtual_subnet_gateway(prefix);
		if (schema_ip_is_link_local(customer) && prefix->ip.family == AF_INET6)
			return 0;
		if (!ip_prefix_contains(prefix, customer))
			continue;
		ip_format(customer, text);
		if (ip_equal(customer, &gateway))
			return err_set(e, EINVAL, "customer-address",
				       "%s is the gateway of virtual subnet %u, on every host; it has no record",
				       text, subnet->id);
		if (ip_equal(customer, &prefix->ip))
			return err_set(e, EINVAL, "customer-address",
				       "%s is the own address of virtual subnet %u; no guest has it", text,
				       subnet->id);
		return 0;
	}
	return customer_outside(record, subnet, e);
}

static int guest_check(const struct api_lookup_record *record, const struct api_virtual_subnet *subnet, struct err *e)
{
	int r = 0;

	if (!schema_ip_is_unspecified(&record->customer_address))
		r = customer_check(record, subnet, e);
	if (r < 0)
		return r;
	if (mac_is_zero(&record->mac_address))
		return err_set(e, EINVAL, "mac-address",
			       "missing; only records of multicast and broadcast addresses have none");
	r = schema_check_mac(&record->mac_address, e);
	if (r < 0) {
		err_prefix(e, "mac-address");
		return r;
	}
	if (!record->provider_address.family)
		return err_set(e, EINVAL, "provider-address", "missing; say behind which the guest is");
	r = schema_check_gateway(&record->provider_address, e);
	if (r < 0)
		err_prefix(e, "provider-address");
	return r;
}

static int group_check(const struct api_lookup_record *record, struct err *e)
{
	char customer[IP_TEXT_SIZE], provider[IP_TEXT_SIZE];

	ip_format(&record->customer_address, customer);
	if (record->rule == API_RULE_NAT)
		return err_set(e, EINVAL, "rule", "%s goes to many; nat is for the address of one guest", customer);
	if (record->provider_address.family && !schema_ip_is_group(&record->provider_address))
		return err_set(
			e, EINVAL, "provider-address",
			"%s is no multicast group, but %s goes to many; give a group, or leave it out for a copy "
			"to each host",
			ip_format(&record->provider_address, provider), customer);
	return 0;
}

static int nat_check(const struct api_lookup_record *record, struct err *e)
{
	char customer[IP_TEXT_SIZE], provider[IP_TEXT_SIZE];

	if (schema_ip_is_unspecified(&record->customer_address))
		return err_set(e, EINVAL, "rule",
			       "nat rewrites one customer address, and this record has none; use encap");
	if (record->customer_address.family != record->provider_address.family)
		return err_set(e, EINVAL, "provider-address",
			       "%s cannot stand for %s by nat; use one of its own family",
			       ip_format(&record->provider_address, provider),
			       ip_format(&record->customer_address, customer));
	return 0;
}

int api_lookup_record_check(const struct api_lookup_record *record, const struct api_virtual_subnet *subnet,
			    struct err *e)
{
	if (api_lookup_record_is_group(record, subnet))
		return group_check(record, e);
	int r = guest_check(record, subnet, e);
	return r == 0 && record->rule == API_RULE_NAT ? nat_check(record, e) : r;
}
