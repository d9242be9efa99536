/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of api/ share with each other: pieces of the engine, checks of single values and of the whole. */
#pragma once

#include "api/schema.h"

struct str;

/* Engine. */
bool schema_is_scalar(enum field_type type);
size_t schema_element_size(const struct field *f);
void schema_type_words(const struct field *f, enum field_type type, struct str *s); /* "a whole number 1-16" */

/* For schema.identify: the key's value behind what there is, if the object has it. */
void schema_identity_add(const json_t *object, const char *key, struct str *s);

/* Field checks (struct field.check). */
int schema_check_name(const void *value, struct err *e); /* switches, adapters, the host */
int schema_check_interface(const void *value, struct err *e); /* a Linux interface that exists or can be made */
int schema_check_netns(const void *value, struct err *e);
int schema_check_socket(const void *value, struct err *e); /* path of a unix socket */
int schema_check_mac(const void *value, struct err *e); /* an address that one adapter may bear */
int schema_check_host_address(const void *value, struct err *e); /* struct ip_prefix that an interface may bear */
int schema_check_gateway(const void *value, struct err *e); /* struct ip */
int schema_check_dns(const void *value, struct err *e); /* struct ip */
int schema_check_destination(const void *value, struct err *e); /* struct ip_prefix of a route */
int schema_check_subnet(const void *value, struct err *e); /* struct ip_prefix with room for a gateway and guests */
int schema_check_command(const void *value, struct err *e); /* path of a program */
int schema_check_url(const void *value, struct err *e); /* http://... or path of a socket */
bool schema_ip_is_link_local(const struct ip *ip); /* IPv6; may stand on any number of links */
bool schema_ip_is_unspecified(const struct ip *ip);
bool schema_ip_is_group(const struct ip *ip); /* multicast, or 255.255.255.255 */

extern const struct schema schema_mac_range, schema_uplink, schema_attach, schema_virtual_subnet, schema_resolver;
extern const struct schema schema_isolation, schema_isolation_id, schema_routing_domain_mapping;
struct api_adapter;
int schema_attach_queues(const json_t *attach, struct err *e); /* may it have queues? */
int schema_isolation_check(const struct api_adapter *adapter, struct err *e);

/* Objects against each other: the check of api_schema_document. */
int schema_check_document(const void *doc, struct err *e);
