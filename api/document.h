/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host document as C structs. The tables in api/schema_*.c describe each struct field by field;
 * decoding, validation, diff, JSON, OpenAPI and the manual all come from those tables.
 * Strings are owned by the document; a key left out has its default (see the table).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/mac.h"

enum api_switch_type { API_SWITCH_EXTERNAL, API_SWITCH_INTERNAL, API_SWITCH_PRIVATE };
enum api_owner { API_OWNER_HOST, API_OWNER_VM };
enum api_listen { API_LISTEN_GUEST, API_LISTEN_HOST }; /* who listens on the vhost-user socket */
enum api_tristate { API_UNSET, API_FALSE, API_TRUE };

struct api_mac_range {
	struct mac minimum, maximum;
};

struct api_host {
	char *name; /* NULL: the machine's host name */
	struct api_mac_range mac_address_range; /* both zero: 256 addresses under 00:15:5d, from the host's name */
};

/* Exactly one of the four, or none for a host's adapter (a tap named like it) and a switch without a wire. */
struct api_attach {
	char *tap; /* interface name inside netns; no uplink */
	char *netns; /* NULL: weftd's own; tap only */
	char *vhost_user; /* socket path */
	enum api_listen listen; /* vhost-user only */
	char *interface; /* an existing interface */
	char *dpdk; /* DPDK device arguments */
	uint32_t queues; /* queue pairs 1..16; vhost-user and tap */
};

struct api_switch {
	char *name;
	enum api_switch_type type;
	struct api_attach uplink;
	enum api_tristate allow_management_os; /* unset: true if the uplink carries the host's address */
	uint32_t mtu; /* L3 bytes; 0: the uplink's, 1500 without one */
	char *purpose; /* free text such as "iscsi"; NULL: none */
};

enum api_isolation_mode {
	API_ISOLATION_NONE,
	API_ISOLATION_NATIVE, /* isolation ids are virtual subnets */
	API_ISOLATION_EXTERNAL,
	API_ISOLATION_VLAN,
};

struct api_isolation {
	enum api_isolation_mode mode;
	bool allow_untagged_traffic;
	uint32_t default_isolation_id; /* of untagged frames; 0: none */
	uint32_t multi_tenant_stack; /* 0 off, 1 on: the guest sees the isolation ids, by VLAN tags */
};

struct api_isolation_id {
	uint32_t id; /* VSID */
	char *name; /* NULL: none */
	uint32_t vlan; /* towards the guest; 0: none */
};

struct api_routing_domain_mapping {
	char *routing_domain_id; /* GUID in braces, lower case */
	char *name; /* NULL: none */
	struct api_isolation_id *isolation_ids;
	size_t n_isolation_ids;
};

struct api_adapter {
	char *name;
	enum api_owner owner;
	char *vm; /* label; NULL: none */
	char *switch_name;
	struct mac mac_address; /* zero: from the host's pool (or the taken over interface's) */
	struct api_attach attach;
	struct ip_prefix *addresses; /* host's adapters only */
	size_t n_addresses;
	bool dhcp; /* "dhcp" stood among the addresses */
	struct ip *gateway; /* at most one of each family */
	size_t n_gateway;
	struct ip *dns;
	size_t n_dns;
	uint32_t mtu; /* 0: the switch's */
	uint32_t mac_address_limit; /* learned source MACs at most; 0: the default for its kind */
	uint32_t virtual_subnet_id; /* 4096..16777214; 0: not virtualised */
	uint32_t
		dynamic_ip_address_limit; /* customer addresses learned from its frames at most; 0: none (the default) */
	struct api_isolation isolation;
	struct api_routing_domain_mapping *routing_domain_mappings;
	size_t n_routing_domain_mappings;
};
/* The virtual subnet that its untagged frames are in; 0: none. */
uint32_t api_adapter_untagged(const struct api_adapter *a);
/* The key of the way that is given, which is also its port driver's kind, and what it names (NULL ok). NULL: none. */
const char *api_attach_way(const struct api_attach *at, const char **ret_target);

/* This host's addresses on a provider network; the kernel does not see them. */
struct api_provider_address {
	char *switch_name;
	struct ip_prefix address;
	uint32_t vlan; /* 1..4094; 0: untagged */
	struct mac mac_address; /* zero: from the host's pool */
	char *provider_network; /* "default" */
	uint32_t *virtual_subnet_ids; /* whose frames leave from it; others' from the first of the subnet */
	size_t n_virtual_subnet_ids;
};

struct api_provider_route {
	struct ip_prefix prefix;
	struct ip next_hop;
	uint32_t metric;
	char *provider_network;
};

struct api_virtual_subnet {
	uint32_t id; /* VSID */
	struct ip_prefix
		*prefixes; /* `prefix`: one or several, at most 4; the first usable address of each is the gateway */
	size_t n_prefixes;
	bool dhcp; /* weftd answers DHCP and DHCPv6 from the lookup records, and sends router advertisements for IPv6 prefixes */
	struct ip *dns; /* told by DHCP and RA */
	size_t n_dns;
	bool mss_clamp; /* TCP MSS of what leaves the host is lowered to what fits */
};

struct api_routing_domain {
	char *id; /* GUID in braces, lower case */
	char *name; /* NULL: none */
	char *provider_network;
	struct api_virtual_subnet *virtual_subnets;
	size_t n_virtual_subnets;
};

enum api_record_rule { API_RULE_ENCAP, API_RULE_NAT };
enum api_record_type { API_RECORD_STATIC, API_RECORD_DYNAMIC, API_RECORD_L2ONLY, API_RECORD_GATEWAY_WILDCARD };
enum api_encapsulation { API_ENCAPSULATION_NVGRE, API_ENCAPSULATION_VXLAN };

struct api_lookup_record {
	uint32_t virtual_subnet_id;
	struct ip customer_address; /* 0.0.0.0 or :: for l2only and gateway-wildcard */
	struct mac mac_address; /* may be zero for a group or broadcast address */
	struct ip provider_address; /* a group for a group or broadcast customer address */
	enum api_record_rule rule;
	enum api_record_type type;
	enum api_encapsulation encapsulation;
	bool use_vm_mac_address; /* rule nat only */
	char *provider_network;
	char *vm_name, *customer_id, *context; /* labels; NULL: none */
};

struct api_customer_route {
	uint32_t virtual_subnet_id; /* of the next hop */
	struct ip_prefix prefix;
	struct ip next_hop; /* 0.0.0.0 or ::: on-link in virtual_subnet_id */
	uint32_t metric;
	char *provider_network;
};

enum api_forwarding { API_FORWARDING_R2, API_FORWARDING_2012 };

enum api_control_message_vsid { API_CONTROL_VSID_SUBNET, API_CONTROL_VSID_RESERVED };

struct api_resolver { /* at most one of the two */
	char *command; /* run with the question as arguments, answers on stdout */
	char *url; /* http://... or unix socket path */
	uint32_t timeout_ms;
	uint32_t negative_expiry_s; /* that there is no record is believed for so long */
	uint32_t expiry_s; /* and a record that was found */
};

struct api_network_virtualization {
	enum api_forwarding forwarding; /* "r2" (default): by IP address only; "2012": by MAC inside a host */
	bool use_external_router; /* packets between virtual subnets go to routers on the provider network */
	enum api_control_message_vsid control_message_vsid; /* in which VSID REDIRECT and UNREACHABLE are sent */
	struct api_resolver resolver; /* asked when no record is there */
};

struct api_document {
	struct api_host host;
	struct api_switch *switches;
	size_t n_switches;
	struct api_adapter *adapters;
	size_t n_adapters;
	struct api_network_virtualization network_virtualization;
	struct api_provider_address *provider_addresses;
	size_t n_provider_addresses;
	struct api_provider_route *provider_routes;
	size_t n_provider_routes;
	struct api_routing_domain *routing_domains;
	size_t n_routing_domains;
	struct api_lookup_record *lookup_records;
	size_t n_lookup_records;
	struct api_customer_route *customer_routes;
	size_t n_customer_routes;
};

struct err;
typedef struct json_t json_t;

/* Decodes and validates in full. On failure *ret_doc is untouched and e names path and cause. */
int api_document_decode(const json_t *json, struct api_document **ret_doc, struct err *e);
/* The document as JSON in schema order, defaults left out. New reference; NULL: out of memory. */
json_t *api_document_encode(const struct api_document *doc);
void api_document_free(struct api_document *doc); /* NULL ok */
struct api_document *api_document_empty(void); /* what a host is before anything was applied */

/* The first usable address of a virtual subnet's prefix, its routing domain's own. */
struct ip api_virtual_subnet_gateway(const struct ip_prefix *prefix);
/* Whether the customer address is many guests': multicast, or a broadcast address of the subnet. */
bool api_lookup_record_is_group(const struct api_lookup_record *record, const struct api_virtual_subnet *subnet);
/* A record that the table has passed, in its virtual subnet (found by the caller): addresses inside, MAC and
 * provider address as its kind needs them. -EINVAL: e names the key. Documents are checked by it, and so are single
 * records. */
int api_lookup_record_check(const struct api_lookup_record *record, const struct api_virtual_subnet *subnet,
			    struct err *e);

const struct api_switch *api_document_switch(const struct api_document *doc, const char *name);
const struct api_adapter *api_document_adapter(const struct api_document *doc, const char *name);

/* What applying `next` over `prev` changes: a JSON array of
 * {"op": "add"|"remove"|"change", "kind": "switch", "name": "lab", "fields": [{"field","from","to"}...]}
 * in document order, of each kind the removed first; empty when nothing. The name is what identifies an object that
 * has none ("5001 10.0.0.5" of a lookup record) and left out of what a document has once. A field within an object is
 * a path ("attach.tap", "virtual-subnets[5001].dhcp"), a value that is the default null. New reference; NULL: out of
 * memory. */
json_t *api_document_diff(const struct api_document *prev, const struct api_document *next);

/* YAML or JSON text (JSON is YAML) to a json_t: at most 16 MiB, 64 levels, 2^20 values and 1024 keys in a map;
 * no aliases, no anchors, no tags, no duplicate keys, one document. Scalars by the YAML 1.2 core schema, so `no`
 * and `on` are text. -EFBIG: too long, -EINVAL: anything else, with line and column. */
#define API_TEXT_MAX (16u << 20)
int api_text_parse(const char *text, size_t len, json_t **ret_json, struct err *e);
/* json_t to YAML block style, keys in the order they stand in; the caller frees. NULL: out of memory. */
char *api_yaml_format(const json_t *json);
