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

struct api_uplink {
	char *interface; /* a Linux interface */
	char *dpdk; /* or DPDK device arguments; at most one of the two */
};

struct api_switch {
	char *name;
	enum api_switch_type type;
	struct api_uplink uplink;
	enum api_tristate allow_management_os; /* unset: true if the uplink carries the host's address */
	uint32_t mtu; /* L3 bytes; 0: the uplink's, 1500 without one */
	char *purpose; /* free text such as "iscsi"; NULL: none */
};

struct api_attach { /* exactly one of the four, or none for a host's adapter (a tap named like it) */
	char *tap; /* interface name inside netns */
	char *netns; /* NULL: weftd's own; tap only */
	char *vhost_user; /* socket path */
	enum api_listen listen; /* vhost-user only */
	char *interface; /* an existing interface */
	char *dpdk; /* DPDK device arguments */
	uint32_t queues; /* queue pairs 1..16; vhost-user and tap */
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
};

struct api_document {
	struct api_host host;
	struct api_switch *switches;
	size_t n_switches;
	struct api_adapter *adapters;
	size_t n_adapters;
};

struct err;
typedef struct json_t json_t;

/* Decodes and validates in full. On failure *ret_doc is untouched and e names path and cause. */
int api_document_decode(const json_t *json, struct api_document **ret_doc, struct err *e);
/* The document as JSON in schema order, defaults left out. New reference; NULL: out of memory. */
json_t *api_document_encode(const struct api_document *doc);
void api_document_free(struct api_document *doc); /* NULL ok */
struct api_document *api_document_empty(void); /* what a host is before anything was applied */

const struct api_switch *api_document_switch(const struct api_document *doc, const char *name);
const struct api_adapter *api_document_adapter(const struct api_document *doc, const char *name);

/* What applying `next` over `prev` changes: a JSON array of
 * {"op": "add"|"remove"|"change", "kind": "switch", "name": "lab", "fields": [{"field","from","to"}...]}
 * in document order, of each kind the removed first; empty when nothing. A field within an object is a path
 * ("attach.tap"), a value that is the default null. New reference; NULL: out of memory. */
json_t *api_document_diff(const struct api_document *prev, const struct api_document *next);

/* YAML or JSON text (JSON is YAML) to a json_t: at most 16 MiB, 64 levels, 2^20 values and 1024 keys in a map;
 * no aliases, no anchors, no tags, no duplicate keys, one document. Scalars by the YAML 1.2 core schema, so `no`
 * and `on` are text. -EFBIG: too long, -EINVAL: anything else, with line and column. */
#define API_TEXT_MAX (16u << 20)
int api_text_parse(const char *text, size_t len, json_t **ret_json, struct err *e);
/* json_t to YAML block style, keys in the order they stand in; the caller frees. NULL: out of memory. */
char *api_yaml_format(const json_t *json);
