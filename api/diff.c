/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changes from one document to the next, object by object and key by key. Objects are the same if
 * their names are, or what else identifies their kind; the order in which they stand means nothing.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "api/schema.h"
#include "base/str.h"

static int append(json_t *list, json_t *item) { return json_array_append_new(list, item) < 0 ? -ENOMEM : 0; }

/* identity -> object, borrowed from the list. New reference. */
static json_t *list_index(const struct schema *s, const json_t *list)
{
	json_t *index = json_object(), *item;
	size_t i;

	json_array_foreach(list, i, item) {
		char *identity = schema_identity(s, item);
		int r = index && identity ? json_object_set(index, identity, item) : -1;
		free(identity);
		if (r < 0) {
			json_decref(index);
			return NULL;
		}
	}
	return index;
}

/* One of two lists' elements against the other's: from NULL: added; to NULL: removed. */
typedef int (*element_diff)(const struct schema *s, const char *identity, const json_t *from, const json_t *to,
			    void *arg);

static int list_walk(const struct schema *s, const json_t *list, const json_t *others, bool removed, element_diff fn,
		     void *arg)
{
	json_t *item;
	size_t i;
	int r = 0;

	json_array_foreach(list, i, item) {
		char *identity = schema_identity(s, item);
		if (!identity)
			return -ENOMEM;
		const json_t *other = json_object_get(others, identity);
		if (!removed)
			r = fn(s, identity, other, item, arg);
		else if (!other)
			r = fn(s, identity, item, NULL, arg);
		free(identity);
		if (r < 0)
			break;
	}
	return r;
}

/* Removals first, in the old order, then the rest in the new one. */
static int list_diff(const struct schema *s, const json_t *from, const json_t *to, element_diff fn, void *arg)
{
	json_t *before = list_index(s, from), *after = list_index(s, to);
	int r = before && after ? 0 : -ENOMEM;

	if (r == 0)
		r = list_walk(s, from, after, true, fn, arg);
	if (r == 0)
		r = list_walk(s, to, before, false, fn, arg);
	json_decref(before);
	json_decref(after);
	return r;
}

struct fields {
	json_t *list;
	const char *prefix; /* of the paths */
};

static int fields_diff(const struct schema *s, const char *prefix, const json_t *from, const json_t *to,
		       json_t *fields);

/* An object of a list within an object: "virtual-subnets[5001]" as a whole if it comes or goes, else its keys. */
static int element_fields(const struct schema *s, const char *identity, const json_t *from, const json_t *to,
			  void *arg)
{
	const struct fields *fields = arg;
	struct str path = {0};

	str_add(&path, "%s[%s]", fields->prefix, identity);
	int r = path.failed ? -ENOMEM : 0;
	if (r == 0 && from && to)
		r = fields_diff(s, path.text, from, to, fields->list);
	else if (r == 0)
		r = append(fields->list, json_pack("{s:s, s:O?, s:O?}", "field", path.text, "from", from, "to", to));
	str_free(&path);
	return r;
}

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
		else if (r == 0 && f->type == FIELD_LIST && f->element == FIELD_OBJECT)
			r = list_diff(f->object, a, b, element_fields,
				      &(struct fields){.list = fields, .prefix = path.text});
		else if (r == 0 && !json_equal(a, b))
			r = append(fields, json_pack("{s:s, s:O?, s:O?}", "field", path.text, "from", a, "to", b));
		str_free(&path);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Appends the change of one object, if it is one. from NULL: added; to NULL: removed; name NULL: it has none. */
static int object_diff(const struct schema *s, const char *name, const json_t *from, const json_t *to,
		       json_t *changes)
{
	const char *op = !from ? "add" : !to ? "remove" : "change";
	json_t *fields = json_array();
	int r = fields ? fields_diff(s, "", from, to, fields) : -ENOMEM;

	if (r == 0 && json_array_size(fields) > 0)
		r = append(changes, json_pack("{s:s, s:s, s:s*, s:O}", "op", op, "kind", s->kind, "name", name,
					      "fields", fields));
	json_decref(fields);
	return r;
}

/* An element of one of the document's lists is shown by its name if it has one, else by its identity. */
static int element_change(const struct schema *s, const char *identity, const json_t *from, const json_t *to,
			  void *arg)
{
	const char *name = json_string_value(json_object_get(to ? to : from, "name"));

	return object_diff(s, name ? name : identity, from, to, arg);
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

/* What a document has once is always there, too: with all its defaults if the key is left out. */
static int section_diff(const struct schema *s, const json_t *from, const json_t *to, json_t *changes)
{
	json_t *none = json_object();
	int r = none ? object_diff(s, NULL, from ? from : none, to ? to : none, changes) : -ENOMEM;

	json_decref(none);
	return r;
}

json_t *api_document_diff(const struct api_document *prev, const struct api_document *next)
{
	json_t *from = api_document_encode(prev), *to = api_document_encode(next), *changes = json_array();
	int r = from && to && changes ? host_diff(prev, next, changes) : -ENOMEM;

	for (const struct field *f = api_schema_document.fields; f->key && r == 0; f++) {
		json_t *a = json_object_get(from, f->key), *b = json_object_get(to, f->key);
		if (f->type == FIELD_LIST)
			r = list_diff(f->object, a, b, element_change, changes);
		else if (f->object != &api_schema_host)
			r = section_diff(f->object, a, b, changes);
	}
	json_decref(from);
	json_decref(to);
	if (r < 0) {
		json_decref(changes);
		return NULL;
	}
	return changes;
}
