/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the whole document. */
#include "api/schema_private.h"

static const struct field document_fields[] = {
	{"host", FIELD_OBJECT, offsetof(struct api_document, host), "The machine itself.",
	 .object = &api_schema_host},
	{"switches", FIELD_LIST, offsetof(struct api_document, switches), "Its virtual switches. Default: none.",
	 .element = FIELD_OBJECT, .object = &api_schema_switch,
	 .count_offset = offsetof(struct api_document, n_switches)},
	{"adapters", FIELD_LIST, offsetof(struct api_document, adapters),
	 "The adapters of guests and host on them. Default: none.", .element = FIELD_OBJECT,
	 .object = &api_schema_adapter, .count_offset = offsetof(struct api_document, n_adapters)},
	{"network-virtualization", FIELD_OBJECT, offsetof(struct api_document, network_virtualization),
	 "How this host forwards in virtual subnets.", .object = &api_schema_network_virtualization},
	{"provider-addresses", FIELD_LIST, offsetof(struct api_document, provider_addresses),
	 "Its addresses on provider networks. Default: none.", .element = FIELD_OBJECT,
	 .object = &api_schema_provider_address, .count_offset = offsetof(struct api_document, n_provider_addresses)},
	{"provider-routes", FIELD_LIST, offsetof(struct api_document, provider_routes),
	 "Its routes on provider networks. Default: none.", .element = FIELD_OBJECT,
	 .object = &api_schema_provider_route, .count_offset = offsetof(struct api_document, n_provider_routes)},
	{"routing-domains", FIELD_LIST, offsetof(struct api_document, routing_domains),
	 "The tenants' networks. Default: none.", .element = FIELD_OBJECT, .object = &api_schema_routing_domain,
	 .count_offset = offsetof(struct api_document, n_routing_domains)},
	{"lookup-records", FIELD_LIST, offsetof(struct api_document, lookup_records),
	 "Where customer addresses are. Default: none.", .element = FIELD_OBJECT, .object = &api_schema_lookup_record,
	 .count_offset = offsetof(struct api_document, n_lookup_records)},
	{"customer-routes", FIELD_LIST, offsetof(struct api_document, customer_routes),
	 "Routes inside routing domains. Default: none.", .element = FIELD_OBJECT,
	 .object = &api_schema_customer_route, .count_offset = offsetof(struct api_document, n_customer_routes)},
	{0},
};

const struct schema api_schema_document = {
	.kind = "document",
	.help = "Everything that a host's network is to be. Applying a document makes it the host's; what an earlier one "
		"had and it has not is removed.",
	.size = sizeof(struct api_document),
	.fields = document_fields,
	.check = schema_check_document,
};
