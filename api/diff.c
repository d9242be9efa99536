/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changes from one document to the next, object by object and key by key. Objects are the same if
 * their names are; the order in which they stand means nothing.
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "api/schema.h"
#include "base/str.h"

static int append(json_t *list, json_t *item) { return json_array_append_new(list, item) < 0 ? -ENOMEM : 0; }

/* Appends {"field","from","to"} of every key that differs, the path as "attach.tap". NULL values: defaults. */
static int fields_diff(const struct schema *s, const char *prefix, const json_t *from, const json_t *to,
		       json_t *fields)
{
	for (const struct field *f = s->fields; f->key; f++) {
		json_t *a = json_object_get(from, f->key), *b = json_object_get(to, f->key);
		if (!a && !b)
			continue;

		struct str path = {0};
		str_add(&path, "%s%s%s", prefix, prefix[0] ? "." : "", f->key);
		int r = path.failed ? -ENOMEM : 0;
		if (r == 0 && f->type == FIELD_OBJECT && (!a || json_is_object(a)) && (!b || json_is_object(b)))
			r = fields_diff(f->object, path.text, a, b, fields);
		else if (r == 0 && !json_equal(a, b))
			r = append(fields, json_pack("{s:s, s:O?, s:O?}", "field", path.text, "from", a, "to", b));
		str_free(&path);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Appends the change of one object, if it is one. from NULL: added; to NULL: removed. */
static int object_diff(const struct schema *s, const char *name, const json_t *from, const json_t *to,
		       json_t *changes)
{
	const char *op = !from ? "add" : !to ? "remove" : "change";
	json_t *fields = json_array();
	int r = fields ? fields_diff(s, "", from, to, fields) : -ENOMEM;

	if (r == 0 && json_array_size(fields) > 0)
		r = append(changes, json_pack("{s:s, s:s, s:s, s:O}", "op", op, "kind", s->kind, "name", name,
					      "fields", fields));
	json_decref(fields);
	return r;
}

/* name -> object, borrowed from the list. New reference. */
static json_t *list_index(const json_t *list)
{
	json_t *index = json_object(), *item;
	size_t i;

	json_array_foreach(list, i, item) {
		if (!index || json_object_set(index, json_string_value(json_object_get(item, "name")), item) < 0) {
			json_decref(index);
			return NULL;
		}
	}
	return index;
}

/* Removals first, in the old order, then the rest in the new one. */
static int list_diff(const struct schema *s, const json_t *from, const json_t *to, json_t *changes)
{
	json_t *before = list_index(from), *after = list_index(to), *item;
	int r = before && after ? 0 : -ENOMEM;
	const char *name;
	size_t i;

	json_array_foreach(from, i, item) {
		name = json_string_value(json_object_get(item, "name"));
		if (r == 0 && !json_object_get(after, name))
			r = object_diff(s, name, item, NULL, changes);
	}
	json_array_foreach(to, i, item) {
		name = json_string_value(json_object_get(item, "name"));
		if (r == 0)
			r = object_diff(s, name, json_object_get(before, name), item, changes);
	}
	json_decref(before);
	json_decref(after);
	return r;
}

/* The host is always there, so it only changes; it may have no name yet. */
static int host_diff(const struct api_document *prev, const struct api_document *next, json_t *changes)
{
	json_t *from = schema_encode(&api_schema_host, &prev->host);
	json_t *to = schema_encode(&api_schema_host, &next->host);
	const char *name = next->host.name ? next->host.name : prev->host.name ? prev->host.name : "host";

	int r = from && to ? object_diff(&api_schema_host, name, from, to, changes) : -ENOMEM;
	json_decref(from);
	json_decref(to);
	return r;
}

json_t *api_document_diff(const struct api_document *prev, const struct api_document *next)
{
	json_t *from = api_document_encode(prev), *to = api_document_encode(next), *changes = json_array();
	int r = from && to && changes ? host_diff(prev, next, changes) : -ENOMEM;

	for (const struct field *f = api_schema_document.fields; f->key && r == 0; f++)
		if (f->type == FIELD_LIST)
			r = list_diff(f->object, json_object_get(from, f->key), json_object_get(to, f->key), changes);
	json_decref(from);
	json_decref(to);
	if (r < 0) {
		json_decref(changes);
		return NULL;
	}
	return changes;
}
