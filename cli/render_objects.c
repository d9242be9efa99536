/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Status and parts of the document without knowing their keys: a module adds a key to an object in weftd and it
 * shows here.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli/render.h"
#include "cli/table.h"

#define COLUMNS_MAX 32 /* keys shown in one table; further ones are in -o json */

/* Sentences: they stand under the table, not in it. */
static const char *const sentence_keys[] = {"waiting-for", "not-enforced", "warnings", "note", "notes", NULL};

static bool is_sentence(const char *key)
{
	for (size_t i = 0; sentence_keys[i]; i++) {
		if (!strcmp(key, sentence_keys[i]))
			return true;
	}
	return false;
}

static bool is_empty(const json_t *v)
{
	return !v || json_is_null(v) || (json_is_array(v) && !json_array_size(v)) ||
	       (json_is_object(v) && !json_object_size(v));
}

/* Left to `weft status KIND NAME`, so that a list stays narrow enough to read. */
static bool is_detail(const char *key, const json_t *value)
{
	static const char *const details[] = {"socket", "mac-address-from", "kernel-drops", "carries-on-for", NULL};
	for (size_t i = 0; details[i]; i++) {
		if (!strcmp(key, details[i]))
			return true;
	}
	return json_is_object(value) || (json_is_array(value) && strcmp(key, "addresses") != 0);
}

struct columns {
	const char *key[COLUMNS_MAX];
	char head[COLUMNS_MAX][40];
	bool number[COLUMNS_MAX];
	size_t n;
};

static void columns_note(struct columns *cols, const char *key, const json_t *value)
{
	for (size_t i = 0; i < cols->n; i++) {
		if (!strcmp(cols->key[i], key)) {
			cols->number[i] = cols->number[i] && json_is_number(value);
			return;
		}
	}
	if (cols->n == COLUMNS_MAX)
		return;
	cols->key[cols->n] = key;
	cols->number[cols->n++] = json_is_number(value);
}

static void columns_find(struct columns *cols, const json_t *array)
{
	size_t i;
	json_t *object, *value;
	const char *key;
	json_array_foreach((json_t *)array, i, object) {
		json_object_foreach(object, key, value) {
			if (!is_sentence(key) && !is_empty(value) && !is_detail(key, value))
				columns_note(cols, key, value);
		}
	}
	for (i = 0; i < cols->n; i++) {
		char *head = cols->head[i];
		snprintf(head, sizeof(cols->head[i]), "%s%s", cols->number[i] ? ">" : "", cols->key[i]);
		for (; *head; head++)
			*head = (char)toupper((unsigned char)*head);
	}
}

/* "vm1: waiting for: ..." under the table. */
static void render_sentences(struct cli *c, const json_t *object, const char *name)
{
	for (size_t i = 0; sentence_keys[i]; i++) {
		const json_t *value = json_object_get(object, sentence_keys[i]), *one;
		size_t n = json_is_array(value) ? json_array_size(value) : !is_empty(value);
		for (size_t j = 0; j < n; j++) {
			one = json_is_array(value) ? json_array_get(value, j) : value;
			struct str s = {0};
			if (name)
				text_add(&s, name);
			str_add(&s, "%s%s: ", name ? ": " : "", sentence_keys[i]);
			text_add_json(&s, one);
			char *text = cli_take(&s);
			fprintf(c->out, "%s%s%s\n", style_on(c, STYLE_CHANGE), text, style_off(c));
			free(text);
		}
	}
}

static void add_cell(struct cli *c, struct table *t, const char *key, const json_t *value)
{
	char buf[NUMBER_TEXT_SIZE];
	if (json_is_integer(value) && !strcmp(key, "uptime"))
		table_text(t, duration_format((uint64_t)json_integer_value(value), buf));
	else if (json_is_integer(value) && json_integer_value(value) >= 0 && c->tty)
		table_number(t, (uint64_t)json_integer_value(value), true);
	else
		table_json(t, is_empty(value) ? NULL : value);
}

void render_objects(struct cli *c, const json_t *array)
{
	struct columns cols = {0};
	const char *heads[COLUMNS_MAX + 1] = {0};
	size_t i;
	const json_t *object;

	columns_find(&cols, array);
	if (!cols.n)
		return;
	for (i = 0; i < cols.n; i++)
		heads[i] = cols.head[i];
	struct table *t = table_create(heads);
	json_array_foreach(array, i, object) {
		for (size_t k = 0; k < cols.n; k++)
			add_cell(c, t, cols.key[k], json_object_get(object, cols.key[k]));
	}
	table_print(t, c);
	table_free(t);
	json_array_foreach(array, i, object)
		render_sentences(c, object, json_string_value(json_object_get(object, "name")));
}

static bool is_list_of_objects(const json_t *v) { return json_is_array(v) && json_is_object(json_array_get(v, 0)); }

/* The members that fit on a line, keys aligned. */
static size_t render_members(struct cli *c, const json_t *object)
{
	const char *key;
	json_t *value;
	size_t width = 0, n = 0;
	json_object_foreach((json_t *)object, key, value)
		width = strlen(key) > width ? strlen(key) : width;
	json_object_foreach((json_t *)object, key, value) {
		if (is_list_of_objects(value) || is_sentence(key) || is_empty(value))
			continue;
		if (json_is_object(value) && json_is_object(json_object_iter_value(json_object_iter(value))))
			continue;
		char buf[NUMBER_TEXT_SIZE];
		char *text = !strcmp(key, "uptime") && json_is_integer(value)
				     ? strdup(duration_format((uint64_t)json_integer_value(value), buf))
				     : text_of_json(value);
		fprintf(c->out, "%s%-*s%s  %s\n", style_on(c, STYLE_FAINT), (int)width, key, style_off(c),
			text ? text : "");
		free(text);
		n++;
	}
	render_sentences(c, object, NULL);
	return n;
}

static void render_title(struct cli *c, const char *key, bool first)
{
	fprintf(c->out, "%s%s%s%s\n", first ? "" : "\n", style_on(c, STYLE_FAINT), key, style_off(c));
}

/* Made of lists and objects, a host that has neither switches nor adapters yet included: every member gets a title. */
static bool is_whole(const json_t *object)
{
	const char *key;
	json_t *member;
	bool lists = false, scalars = false;
	json_object_foreach((json_t *)object, key, member) {
		lists = lists || is_list_of_objects(member);
		scalars = scalars || !(json_is_array(member) || json_is_object(member));
	}
	return lists || !scalars;
}

void render_any(struct cli *c, const json_t *value)
{
	if (is_list_of_objects(value)) {
		render_objects(c, value);
		return;
	}
	if (!json_is_object(value)) {
		if (is_empty(value))
			return;
		char *text = text_of_json(value);
		fprintf(c->out, "%s\n", text);
		free(text);
		return;
	}
	const char *key;
	json_t *member;
	bool first = true;
	if (!is_whole(value)) {
		render_members(c, value);
		return;
	}
	json_object_foreach((json_t *)value, key, member) {
		if (is_empty(member) || !(json_is_array(member) || json_is_object(member)))
			continue;
		render_title(c, key, first);
		first = false;
		if (is_list_of_objects(member))
			render_objects(c, member);
		else if (json_is_object(member))
			render_members(c, member);
		else
			render_any(c, member);
	}
}
