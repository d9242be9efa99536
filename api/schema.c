/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON to C structs by the tables. Each step fills the err with its own part of the path, and the steps
 * around it put theirs in front: "adapters[3].attach.tap".
 */
#include "api/schema.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api/schema_private.h"
#include "base/err.h"
#include "base/str.h"

enum { NEAR_MAX = 40 }; /* keys longer than this are nobody's misspelling */

bool schema_is_scalar(enum field_type type) { return type != FIELD_OBJECT && type != FIELD_LIST; }

size_t schema_element_size(const struct field *f)
{
	static const size_t sizes[] = {
		[FIELD_STRING] = sizeof(char *),
		[FIELD_GUID] = sizeof(char *),
		[FIELD_BOOL] = sizeof(bool),
		[FIELD_TRISTATE] = sizeof(enum api_tristate),
		[FIELD_UINT] = sizeof(uint32_t),
		[FIELD_ENUM] = sizeof(int),
		[FIELD_MAC] = sizeof(struct mac),
		[FIELD_IP] = sizeof(struct ip),
		[FIELD_IP_PREFIX] = sizeof(struct ip_prefix),
	};

	return f->element == FIELD_OBJECT ? f->object->size : sizes[f->element];
}

void schema_type_words(const struct field *f, enum field_type type, struct str *s)
{
	static const char *const words[] = {
		[FIELD_STRING] = "text",
		[FIELD_GUID] = "a GUID such as {11111111-2222-3333-4444-000000005001}",
		[FIELD_BOOL] = "true or false",
		[FIELD_TRISTATE] = "true or false",
		[FIELD_MAC] = "a MAC address such as 00:15:5d:02:06:02",
		[FIELD_IP] = "an IP address such as 192.0.2.1",
		[FIELD_IP_PREFIX] = "an IP address with its prefix length such as 192.0.2.1/24",
		[FIELD_OBJECT] = "keys with values",
		[FIELD_LIST] = "a list",
	};

	if (type == FIELD_UINT) {
		str_add(s, "a whole number %u-%u", f->min, f->max);
	} else if (type == FIELD_ENUM) {
		for (size_t i = 0; f->names[i]; i++) {
			const char *joint = i == 0 ? "" : f->names[i + 1] ? ", " : " or ";
			str_add(s, "%s%s", joint, f->names[i]);
		}
	} else {
		str_add(s, "%s", words[type]);
	}
	if (f->also)
		str_add(s, " or %s", f->also);
}

/* What stands there, short enough for an error. */
static void json_words(const json_t *json, struct str *s)
{
	static const char *const words[] = {
		[JSON_OBJECT] = "keys with values",
		[JSON_ARRAY] = "a list",
		[JSON_TRUE] = "true",
		[JSON_FALSE] = "false",
		[JSON_NULL] = "nothing",
	};
	char shown[STR_SHOW_SIZE];

	if (json_is_string(json))
		str_add(s, "\"%s\"", str_show(json_string_value(json), shown));
	else if (json_is_integer(json))
		str_add(s, "the number %lld", (long long)json_integer_value(json));
	else if (json_is_real(json))
		str_add(s, "the number %.10g", json_real_value(json));
	else
		str_add(s, "%s", words[json_typeof(json)]);
}

static int type_refuse(const struct field *f, enum field_type type, const json_t *json, struct err *e)
{
	struct str want = {0}, got = {0};
	const char *hint = "";

	schema_type_words(f, type, &want);
	json_words(json, &got);
	if (json_is_null(json))
		hint = "; leave the key out for its default";
	else if ((type == FIELD_STRING || type == FIELD_MAC) && (json_is_number(json) || json_is_boolean(json)))
		hint = "; put it in quotes if it is meant as text";
	else if (type == FIELD_IP_PREFIX && json_is_string(json) && !strchr(json_string_value(json), '/'))
		hint = "; the /length is missing";

	int r;
	if (want.failed || got.failed)
		r = err_set(e, ENOMEM, NULL, "out of memory");
	else
		r = err_set(e, EINVAL, NULL, "expected %s, got %s%s", want.text, got.text, hint);
	str_free(&want);
	str_free(&got);
	return r;
}

static int string_decode(const struct field *f, const json_t *json, char **at, struct err *e)
{
	const char *text = json_string_value(json);
	size_t len = json_string_length(json);
	size_t min = f->min ? f->min : 1, max = f->max ? f->max : SCHEMA_STRING_MAX;

	if (len == 0)
		return err_set(e, EINVAL, NULL, "empty; give it a value or leave the key out");
	if (len < min || len > max)
		return err_set(e, EINVAL, NULL, "%zu characters long; use %zu-%zu", len, min, max);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return err_set(e, EINVAL, NULL,
				       "has a control character (code %d) at position %zu; use plain text", text[i],
				       i + 1);
	*at = str_dup(text);
	return *at ? 0 : err_set(e, ENOMEM, NULL, "out of memory");
}

/* 8-4-4-4-12 hexadecimal digits, braces around both ends or neither. */
static int guid_decode(const char *text, char **at)
{
	static const char shape[] = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";
	size_t len = strlen(text), braces = text[0] == '{' ? 1 : 0;
	char guid[sizeof(shape) + 2];

	if (len != sizeof(shape) - 1 + 2 * braces || (braces && text[len - 1] != '}'))
		return -EINVAL;
	for (size_t i = 0; shape[i]; i++) {
		unsigned char c = (unsigned char)text[i + braces];
		if (shape[i] == 'h' ? !isxdigit(c) : c != '-')
			return -EINVAL;
		guid[i + 1] = (char)tolower(c);
	}
	guid[0] = '{';
	memcpy(guid + sizeof(shape), "}", 2);
	*at = str_dup(guid);
	return *at ? 0 : -ENOMEM;
}

static int uint_decode(const struct field *f, const json_t *json, uint32_t *at, struct err *e)
{
	json_int_t v = json_integer_value(json);

	if (v < (json_int_t)f->min || v > (json_int_t)f->max)
		return err_set(e, EINVAL, NULL, "%lld is %s; use %u-%u", (long long)v,
			       v >= 0 && f->reserved && v <= (json_int_t)f->reserved ? "reserved" : "out of range",
			       f->min, f->max);
	*at = (uint32_t)v;
	return 0;
}

static int enum_decode(const struct field *f, const json_t *json, int *at, struct err *e)
{
	for (int i = 0; f->names[i]; i++) {
		if (strcmp(f->names[i], json_string_value(json)) == 0) {
			*at = i;
			return 0;
		}
	}
	return type_refuse(f, FIELD_ENUM, json, e);
}

/* The types that are text in JSON. */
static int text_decode(const struct field *f, enum field_type type, const json_t *json, void *at, struct err *e)
{
	const char *text = json_string_value(json);
	int r;

	if (strlen(text) != json_string_length(json))
		return err_set(e, EINVAL, NULL, "has a NUL character; use plain text");
	switch (type) {
	case FIELD_STRING:
		return string_decode(f, json, at, e);
	case FIELD_ENUM:
		return enum_decode(f, json, at, e);
	case FIELD_GUID:
		r = guid_decode(text, at);
		break;
	case FIELD_MAC:
		r = mac_parse(text, at);
		break;
	case FIELD_IP:
		r = ip_parse(text, at);
		break;
	default:
		r = ip_prefix_parse(text, at);
		break;
	}
	if (r == -ERANGE)
		return err_set(e, EINVAL, NULL, "the prefix length of %.60s is too large; IPv4 has 0-32, IPv6 0-128",
			       text);
	if (r == -ENOMEM)
		return err_set(e, ENOMEM, NULL, "out of memory");
	return r < 0 ? type_refuse(f, type, json, e) : 0;
}

static bool type_fits(enum field_type type, const json_t *json)
{
	switch (type) {
	case FIELD_OBJECT:
		return json_is_object(json);
	case FIELD_LIST:
		return json_is_array(json);
	case FIELD_BOOL:
	case FIELD_TRISTATE:
		return json_is_boolean(json);
	case FIELD_UINT:
		return json_is_integer(json);
	default:
		return json_is_string(json);
	}
}

static int value_decode(const struct field *f, enum field_type type, const json_t *json, void *at, struct err *e)
{
	int r = 0;

	if (!type_fits(type, json))
		return type_refuse(f, type, json, e);
	if (type == FIELD_OBJECT)
		r = schema_decode(f->object, json, at, e);
	else if (type == FIELD_BOOL)
		*(bool *)at = json_is_true(json);
	else if (type == FIELD_TRISTATE)
		*(enum api_tristate *)at = json_is_true(json) ? API_TRUE : API_FALSE;
	else if (type == FIELD_UINT)
		r = uint_decode(f, json, at, e);
	else
		r = text_decode(f, type, json, at, e);
	return r == 0 && f->check ? f->check(at, e) : r;
}

static int list_decode(const struct field *f, const json_t *json, void *object, struct err *e)
{
	char **items = (char **)((char *)object + f->offset);
	size_t *count = (size_t *)((char *)object + f->count_offset);
	size_t size = schema_element_size(f), n = json_is_array(json) ? json_array_size(json) : 1;

	if (!json_is_array(json) && (!schema_is_scalar(f->element) || json_is_null(json) || json_is_object(json)))
		return type_refuse(f, FIELD_LIST, json, e);
	if (n == 0)
		return 0;
	*items = calloc(n, size);
	if (!*items)
		return err_set(e, ENOMEM, NULL, "out of memory");

	for (size_t i = 0; i < n; i++) {
		const json_t *item = json_is_array(json) ? json_array_get(json, i) : json;
		int r = f->special ? f->special(item, object, e) : 0;
		if (r == 0) {
			/* Counted first: what a failing element allocated is then freed with the rest. */
			void *at = *items + *count * size;
			++*count;
			r = value_decode(f, f->element, item, at, e);
		}
		if (r < 0) {
			if (json_is_array(json))
				err_prefix(e, "[%zu]", i);
			return r;
		}
	}
	if (*count == 0) {
		free(*items);
		*items = NULL;
	}
	return 0;
}

static int field_decode(const struct field *f, const json_t *json, void *object, struct err *e)
{
	if (f->type == FIELD_LIST)
		return list_decode(f, json, object, e);
	int r = f->special ? f->special(json, object, e) : 0;
	if (r != 0)
		return r < 0 ? r : 0;
	return value_decode(f, f->type, json, (char *)object + f->offset, e);
}

/* Edit distance of two short words, counting a swap of neighbours as one slip. */
static unsigned words_distance(const char *a, const char *b)
{
	unsigned row[3][NEAR_MAX + 1] = {0};
	size_t la = strlen(a), lb = strlen(b);

	for (size_t j = 0; j <= lb; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned d = last[j - 1] + (a[i - 1] != b[j - 1]);
			if (d > last[j] + 1)
				d = last[j] + 1;
			if (d > now[j - 1] + 1)
				d = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d > before[j - 2] + 1)
				d = before[j - 2] + 1;
			now[j] = d;
		}
	}
	return row[la % 3][lb];
}

static int key_refuse(const struct schema *s, const char *key, struct err *e)
{
	const char *near = NULL;
	char shown[STR_SHOW_SIZE];
	size_t len = strlen(key);
	unsigned best = len < 4 ? 2 : len < 8 ? 3 : 4; /* fewer slips than this are a misspelling */

	for (const struct field *f = s->fields; f->key && len <= NEAR_MAX; f++) {
		unsigned d = words_distance(key, f->key);
		if (d < best) {
			best = d;
			near = f->key;
		}
	}
	if (near)
		return err_set(e, EINVAL, str_show(key, shown), "unknown key; did you mean `%s`?", near);

	struct str known = {0};
	for (const struct field *f = s->fields; f->key; f++)
		str_add(&known, "%s%s", f == s->fields ? "" : ", ", f->key);
	int r = err_set(e, EINVAL, str_show(key, shown), "unknown key; %s knows %s", s->kind,
			known.failed ? "others" : known.text);
	str_free(&known);
	return r;
}

static const struct field *field_by_key(const struct schema *s, const char *key)
{
	for (const struct field *f = s->fields; f->key; f++)
		if (strcmp(f->key, key) == 0)
			return f;
	return NULL;
}

static int keys_check(const struct schema *s, const json_t *json, struct err *e)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)json, key, value)
		if (!field_by_key(s, key))
			return key_refuse(s, key, e);
	for (const struct field *f = s->fields; f->key; f++)
		if (f->required && !json_object_get(json, f->key))
			return err_set(e, EINVAL, f->key, "missing; every %s needs it", s->kind);
	return s->check_keys ? s->check_keys(json, e) : 0;
}

void schema_defaults(const struct schema *s, void *object)
{
	for (const struct field *f = s->fields; f->key; f++) {
		void *at = (char *)object + f->offset;
		if (f->type == FIELD_UINT)
			*(uint32_t *)at = f->fallback;
		else if (f->type == FIELD_BOOL)
			*(bool *)at = f->fallback;
		else if (f->type == FIELD_ENUM)
			*(int *)at = (int)f->fallback;
		else if (f->type == FIELD_OBJECT)
			schema_defaults(f->object, at);
	}
}

/* The texts that are left out become their defaults; false: out of memory. */
static bool texts_default(const struct schema *s, void *object)
{
	for (const struct field *f = s->fields; f->key; f++) {
		char **at = (char **)((char *)object + f->offset);
		if (f->type == FIELD_STRING && f->text && !*at && !(*at = str_dup(f->text)))
			return false;
	}
	return true;
}

int schema_decode(const struct schema *s, const json_t *json, void *object, struct err *e)
{
	if (!json_is_object(json)) {
		struct str got = {0};
		json_words(json, &got);
		int r = err_set(e, EINVAL, NULL, "expected the keys of a %s, got %s", s->kind,
				got.failed ? "something else" : got.text);
		str_free(&got);
		return r;
	}

	int r = keys_check(s, json, e);
	if (r < 0)
		return r;
	schema_defaults(s, object);
	for (const struct field *f = s->fields; f->key; f++) {
		const json_t *value = json_object_get(json, f->key);
		if (!value)
			continue;
		r = field_decode(f, value, object, e);
		if (r < 0) {
			err_prefix(e, "%s", f->key);
			goto fail;
		}
	}
	r = texts_default(s, object) ? 0 : err_set(e, ENOMEM, NULL, "out of memory");
	if (r == 0 && s->check)
		r = s->check(object, e);
	if (r == 0)
		return 0;
fail:
	schema_clear(s, object);
	return r;
}

static void list_clear(const struct field *f, void *object)
{
	char **items = (char **)((char *)object + f->offset);
	size_t *count = (size_t *)((char *)object + f->count_offset);

	for (size_t i = 0; i < *count; i++) {
		void *at = *items + i * schema_element_size(f);
		if (f->element == FIELD_OBJECT)
			schema_clear(f->object, at);
		else if (f->element == FIELD_STRING || f->element == FIELD_GUID)
			free(*(char **)at);
	}
	free(*items);
}

void schema_clear(const struct schema *s, void *object)
{
	for (const struct field *f = s->fields; f->key; f++) {
		void *at = (char *)object + f->offset;
		if (f->type == FIELD_STRING || f->type == FIELD_GUID)
			free(*(char **)at);
		else if (f->type == FIELD_OBJECT)
			schema_clear(f->object, at);
		else if (f->type == FIELD_LIST)
			list_clear(f, object);
	}
	memset(object, 0, s->size);
}
