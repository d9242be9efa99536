/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table per object. A field row says how the key is spelled, what it holds, its bounds, default and
 * help; the engine in schema.c and schema_encode.c decodes, frees and encodes by the table, openapi.c and manual.c describe by it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/document.h"

enum field_type {
	FIELD_STRING, /* char * */
	FIELD_GUID, /* char *; with or without braces, in any case; stored with them, lower case */
	FIELD_BOOL, /* bool */
	FIELD_TRISTATE, /* enum api_tristate */
	FIELD_UINT, /* uint32_t, min..max */
	FIELD_ENUM, /* enum as int; names, NULL-terminated, index = value */
	FIELD_MAC, /* struct mac */
	FIELD_IP, /* struct ip */
	FIELD_IP_PREFIX, /* struct ip_prefix */
	FIELD_OBJECT, /* struct embedded at offset, described by `object` */
	FIELD_LIST, /* elements of `element` type at offset, count at count_offset; of scalars, one alone is a list of one */
};

struct schema;
struct str;

struct field {
	const char *key; /* kebab-case, the field's or Microsoft's word */
	enum field_type type;
	size_t offset;
	const char *help; /* one sentence: what it does, unit, default */
	bool required;
	uint32_t min, max; /* FIELD_UINT bounds; FIELD_STRING: length bounds (max 0: 255) */
	uint32_t reserved; /* FIELD_UINT: numbers out of bounds up to this one are on the wire, but not to be used */
	uint32_t fallback; /* default of UINT, BOOL, ENUM */
	const char *text; /* default of a STRING; NULL: none. In elements of lists only. */
	const char *const *names; /* FIELD_ENUM */
	const struct schema *object; /* FIELD_OBJECT, FIELD_LIST of objects */
	enum field_type element; /* FIELD_LIST */
	size_t count_offset; /* FIELD_LIST: size_t */
	/* Extra check of one decoded value (each element of a list); `value` points at it as it is stored: char **
	 * for a string. The path is added by the engine: 0 or err_set(e, ..., NULL, ...). */
	int (*check)(const void *value, struct err *e);
	/* Takes a JSON value that the type would refuse ("dhcp" in a list of prefixes, a string for an object):
	 * 1 taken, 0 not for me, -errno refused. `object` is the struct that holds the field. */
	int (*special)(const json_t *value, void *object, struct err *e);
	/* The inverse for encoding: appends to or replaces *value (NULL: the key is left out). 0 or -ENOMEM. */
	int (*unspecial)(const void *object, json_t **value);
	const char *also; /* what text `special` takes, for the manual: "the word `dhcp`" */
};

struct schema {
	const char *kind; /* "adapter" */
	const char *plural; /* "adapters"; NULL for single objects */
	const char *help; /* one paragraph */
	size_t size; /* of the struct */
	const struct field *fields; /* ends with a key of NULL */
	/* Keys against each other, where only the JSON tells whether a key was given; before decoding. NULL ok. */
	int (*check_keys)(const json_t *json, struct err *e);
	int (*check)(const void *object, struct err *e); /* decoded fields against each other; NULL ok */
	/* Of elements of a list: appends what tells one from another, fit for people ("5001 10.0.0.5"), by its encoded
	 * JSON. NULL: its name. */
	void (*identify)(const json_t *object, struct str *s);
};

extern const struct schema api_schema_document, api_schema_host, api_schema_switch, api_schema_adapter,
	api_schema_network_virtualization, api_schema_provider_address, api_schema_provider_route,
	api_schema_routing_domain, api_schema_lookup_record, api_schema_customer_route;

#define SCHEMA_STRING_MAX 255 /* bytes, where a row names no bound */

/* Engine. `object` must be zeroed, schema->size bytes. On failure the object holds nothing to free. */
int schema_decode(const struct schema *s, const json_t *json, void *object, struct err *e);
json_t *schema_encode(const struct schema *s, const void *object);
void schema_defaults(const struct schema *s, void *object); /* what a key left out means */
void schema_clear(const struct schema *s, void *object); /* frees what decode allocated, not the object */
/* What tells an encoded element of a list from others; the caller frees. NULL: out of memory. */
char *schema_identity(const struct schema *s, const json_t *object);

/* OpenAPI 3.0 components.schemas, one entry per schema; new reference. */
json_t *schema_openapi(void);
/* The reference manual of the document, as scdoc-free Markdown; the caller frees. */
char *schema_manual(void);
