/* SPDX-License-Identifier: Apache-2.0 */
/* The tables as OpenAPI 3.0 schemas: what a client generator or a form needs. */
#include <jansson.h>
#include <string.h>

#include "api/schema.h"
#include "api/schema_private.h"
#include "base/str.h"

static json_t *reference(const struct schema *s)
{
	return json_pack("{s:o}", "$ref", json_sprintf("#/components/schemas/%s", s->kind));
}

static json_t *enum_describe(const struct field *f)
{
	json_t *names = json_array();

	for (size_t i = 0; f->names[i]; i++)
		json_array_append_new(names, json_string(f->names[i]));
	return json_pack("{s:s, s:o}", "type", "string", "enum", names);
}

static json_t *type_describe(const struct field *f, enum field_type type)
{
	if (f->object)
		return reference(f->object);
	switch (type) {
	case FIELD_STRING:
		return json_pack("{s:s, s:i, s:i}", "type", "string", "minLength", f->min ? (int)f->min : 1,
				 "maxLength", f->max ? (int)f->max : SCHEMA_STRING_MAX);
	case FIELD_GUID:
		return json_pack("{s:s, s:s}", "type", "string", "pattern",
				 "^(\\{[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\\}|"
				 "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$");
	case FIELD_BOOL:
	case FIELD_TRISTATE:
		return json_pack("{s:s}", "type", "boolean");
	case FIELD_UINT:
		return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)f->min, "maximum",
				 (json_int_t)f->max);
	case FIELD_ENUM:
		return enum_describe(f);
	case FIELD_MAC:
		return json_pack(
			"{s:s, s:s}", "type", "string", "pattern",
			"^([0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{2}(-[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{12})$");
	case FIELD_IP:
		return json_pack("{s:s, s:s}", "type", "string", "example", "192.0.2.1");
	case FIELD_IP_PREFIX:
		return json_pack("{s:s, s:s}", "type", "string", "example", "192.0.2.1/24");
	case FIELD_OBJECT:
	case FIELD_LIST:
		break;
	}
	return NULL;
}

/* Text that `special` takes stands beside the type. */
static json_t *also_describe(const struct field *f, json_t *described)
{
	if (!f->also)
		return described;
	return json_pack("{s:[o, {s:s, s:s}]}", "anyOf", described, "type", "string", "description", f->also);
}

static json_t *field_describe(const struct field *f)
{
	json_t *value, *item;

	if (f->type != FIELD_LIST) {
		value = also_describe(f, type_describe(f, f->type));
	} else {
		item = also_describe(f, type_describe(f, f->element));
		value = json_pack("{s:s, s:O}", "type", "array", "items", item);
		if (schema_is_scalar(f->element))
			value = json_pack("{s:[o, O]}", "anyOf", value, item);
		json_decref(item);
	}
	/* OpenAPI 3.0 ignores what stands beside a $ref. */
	if (json_object_get(value, "$ref"))
		value = json_pack("{s:[o]}", "allOf", value);
	json_object_set_new(value, "description", json_string(f->help));
	if (f->type == FIELD_ENUM && !f->required)
		json_object_set_new(value, "default", json_string(f->names[f->fallback]));
	if (f->type == FIELD_STRING && f->text)
		json_object_set_new(value, "default", json_string(f->text));
	if (f->type == FIELD_UINT && !f->required && f->fallback)
		json_object_set_new(value, "default", json_integer(f->fallback));
	if (f->type == FIELD_BOOL && !f->required)
		json_object_set_new(value, "default", json_boolean(f->fallback));
	return value;
}

/* Adds s and, before it, every object that it holds. */
static void schema_describe(const struct schema *s, json_t *schemas)
{
	json_t *properties = json_object(), *required = json_array();

	for (const struct field *f = s->fields; f->key; f++) {
		if (f->object)
			schema_describe(f->object, schemas);
		json_object_set_new(properties, f->key, field_describe(f));
		if (f->required)
			json_array_append_new(required, json_string(f->key));
	}
	json_t *described = json_pack("{s:s, s:s, s:b, s:o}", "type", "object", "description", s->help,
				      "additionalProperties", false, "properties", properties);
	if (json_array_size(required) > 0)
		json_object_set(described, "required", required);
	json_decref(required);
	json_object_set_new(schemas, s->kind, described);
}

json_t *schema_openapi(void)
{
	json_t *schemas = json_object();

	schema_describe(&api_schema_document, schemas);
	return schemas;
}
