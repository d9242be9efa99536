/* SPDX-License-Identifier: Apache-2.0 */
/* C structs to JSON by the tables: keys in the table's order, defaults left out. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "api/schema.h"
#include "api/schema_private.h"
#include "base/str.h"

static bool object_is_default(const struct schema *s, const void *object);

static bool field_is_default(const struct field *f, const void *object)
{
	const void *at = (const char *)object + f->offset;

	switch (f->type) {
	case FIELD_STRING:
		return str_equal(*(char *const *)at, f->text);
	case FIELD_GUID:
		return !*(char *const *)at;
	case FIELD_BOOL:
		return *(const bool *)at == (f->fallback != 0);
	case FIELD_TRISTATE:
		return *(const enum api_tristate *)at == API_UNSET;
	case FIELD_UINT:
		return *(const uint32_t *)at == f->fallback;
	case FIELD_ENUM:
		return *(const int *)at == (int)f->fallback;
	case FIELD_MAC:
		return mac_is_zero(at);
	case FIELD_IP:
		return ((const struct ip *)at)->family == 0;
	case FIELD_IP_PREFIX:
		return ((const struct ip_prefix *)at)->ip.family == 0;
	case FIELD_OBJECT:
		return object_is_default(f->object, at);
	case FIELD_LIST:
		return *(const size_t *)((const char *)object + f->count_offset) == 0;
	}
	return false;
}

static bool object_is_default(const struct schema *s, const void *object)
{
	for (const struct field *f = s->fields; f->key; f++)
		if (!field_is_default(f, object))
			return false;
	return true;
}

static json_t *value_encode(const struct field *f, enum field_type type, const void *at)
{
	char text[IP_PREFIX_TEXT_SIZE];

	switch (type) {
	case FIELD_STRING:
	case FIELD_GUID:
		return json_string(*(char *const *)at);
	case FIELD_BOOL:
		return json_boolean(*(const bool *)at);
	case FIELD_TRISTATE:
		return json_boolean(*(const enum api_tristate *)at == API_TRUE);
	case FIELD_UINT:
		return json_integer(*(const uint32_t *)at);
	case FIELD_ENUM:
		return json_string(f->names[*(const int *)at]);
	case FIELD_MAC:
		return json_string(mac_format(at, text));
	case FIELD_IP:
		return json_string(ip_format(at, text));
	case FIELD_IP_PREFIX:
		return json_string(ip_prefix_format(at, text));
	case FIELD_OBJECT:
		return schema_encode(f->object, at);
	case FIELD_LIST:
		break;
	}
	return NULL;
}

static json_t *list_encode(const struct field *f, const void *object)
{
	const char *items = *(char *const *)((const char *)object + f->offset);
	size_t count = *(const size_t *)((const char *)object + f->count_offset);
	json_t *list = json_array();

	for (size_t i = 0; i < count && list; i++) {
		if (json_array_append_new(list, value_encode(f, f->element, items + i * schema_element_size(f))) <
		    0) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

/* *ret_value is NULL where the key is left out. */
static int field_encode(const struct field *f, const void *object, json_t **ret_value)
{
	const void *at = (const char *)object + f->offset;
	json_t *value = NULL;

	if (f->required || !field_is_default(f, object)) {
		value = f->type == FIELD_LIST ? list_encode(f, object) : value_encode(f, f->type, at);
		if (!value)
			return -ENOMEM;
	}
	if (f->unspecial && f->unspecial(object, &value) < 0) {
		json_decref(value);
		return -ENOMEM;
	}
	*ret_value = value;
	return 0;
}

json_t *schema_encode(const struct schema *s, const void *object)
{
	json_t *json = json_object();
	if (!json)
		return NULL;

	for (const struct field *f = s->fields; f->key; f++) {
		json_t *value = NULL;
		if (field_encode(f, object, &value) < 0)
			goto fail;
		if (value && json_object_set_new(json, f->key, value) < 0)
			goto fail;
	}
	return json;
fail:
	json_decref(json);
	return NULL;
}

char *schema_identity(const struct schema *s, const json_t *object)
{
	struct str text = {0};

	if (s->identify)
		s->identify(object, &text);
	else
		str_add(&text, "%s", json_string_value(json_object_get(object, "name")));
	return str_take(&text);
}

void schema_identity_add(const json_t *object, const char *key, struct str *s)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_integer(value))
		str_add(s, "%s%lld", s->len ? " " : "", (long long)json_integer_value(value));
	else if (value)
		str_add(s, "%s%s", s->len ? " " : "", json_string_value(value));
}
