/* SPDX-License-Identifier: Apache-2.0 */
/* What apply, rollback and diff changed or would change. */
#include "cli/render.h"

#include <stdlib.h>
#include <string.h>

#include "api/schema.h"

static const char *text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static void render_field(struct cli *c, const json_t *field, const char *op)
{
	const json_t *from = json_object_get(field, "from"), *to = json_object_get(field, "to");
	struct str s = {0};
	text_add(&s, text_at(field, "field"));
	str_add(&s, ": ");
	if (!strcmp(op, "change")) {
		if (from && !json_is_null(from))
			text_add_json(&s, from);
		else
			str_add(&s, "(default)");
		str_add(&s, " -> ");
	}
	if (to && !json_is_null(to))
		text_add_json(&s, to);
	else
		str_add(&s, "(default)");
	char *text = cli_take(&s);
	fprintf(c->out, "    %s\n", text);
	free(text);
}

static const struct op {
	const char *name, *sign;
	enum style style;
} ops[] = {{"add", "+", STYLE_GOOD}, {"remove", "-", STYLE_BAD}, {"change", "~", STYLE_CHANGE}};

static const struct op *op_of(const json_t *change)
{
	const char *name = text_at(change, "op");
	size_t i = 0;
	while (i < 2 && strcmp(ops[i].name, name) != 0)
		i++;
	return &ops[i];
}

/* Of kinds without names, such as lookup records, there may be many thousands: more than these are counted. */
#define NAMELESS_MAX 3
#define KINDS_MAX 32
#define OPS (sizeof(ops) / sizeof(ops[0]))

static bool has_name(const struct schema *s)
{
	for (const struct field *f = s->fields; f->key; f++) {
		if (!strcmp(f->key, "name"))
			return true;
	}
	return false;
}

/* Which of the document's lists the change is in, if its objects have no names; -1: they have, or it is no list. */
static int nameless_kind(const json_t *change)
{
	const struct field *f = api_schema_document.fields;
	for (int i = 0; f[i].key && i < KINDS_MAX; i++) {
		if (f[i].type == FIELD_LIST && str_equal(f[i].object->kind, text_at(change, "kind")))
			return has_name(f[i].object) ? -1 : i;
	}
	return -1;
}

static void render_change(struct cli *c, const struct op *op, const json_t *change)
{
	size_t i;
	const json_t *field;
	struct str s = {0};
	text_add(&s, text_at(change, "kind"));
	if (*text_at(change, "name")) {
		str_add(&s, " ");
		text_add(&s, text_at(change, "name"));
	}
	char *text = cli_take(&s);
	fprintf(c->out, "%s%s %s%s\n", style_on(c, op->style), op->sign, text, style_off(c));
	free(text);
	if (*op->sign == '-')
		return; /* what it was is in the revision before */
	json_array_foreach(json_object_get(change, "fields"), i, field) {
		if (*op->sign == '~' || strcmp(text_at(field, "field"), "name") != 0)
			render_field(c, field, op->name); /* a new object's name stands above */
	}
}

void render_changes(struct cli *c, const json_t *changes)
{
	size_t alike[KINDS_MAX][OPS] = {0}, i;
	const json_t *change;
	json_array_foreach(changes, i, change) {
		int kind = nameless_kind(change);
		if (kind >= 0)
			alike[kind][op_of(change) - ops]++;
	}
	json_array_foreach(changes, i, change) {
		const struct op *op = op_of(change);
		int kind = nameless_kind(change);
		size_t *n = kind < 0 ? NULL : &alike[kind][op - ops];
		if (!n || (*n > 0 && *n <= NAMELESS_MAX)) {
			render_change(c, op, change);
		} else if (*n > 0) {
			fprintf(c->out, "%s%s %zu %s%s\n", style_on(c, op->style), op->sign, *n,
				api_schema_document.fields[kind].key, style_off(c));
			*n = 0; /* the first has stood for all */
		}
	}
}

static void render_warnings(struct cli *c, const json_t *warnings)
{
	size_t i;
	const json_t *w;
	json_array_foreach(warnings, i, w) {
		char *text = text_of_json(w);
		fprintf(c->out, "%swarning:%s %s\n", style_on(c, STYLE_CHANGE), style_off(c), text);
		free(text);
	}
}

void render_applied(struct cli *c, const json_t *answer)
{
	const json_t *changes = json_object_get(answer, "changes");
	long long revision = json_integer_value(json_object_get(answer, "revision"));
	long long within = json_integer_value(json_object_get(answer, "confirm-within"));
	bool dry_run = json_is_true(json_object_get(answer, "dry-run"));

	render_changes(c, changes);
	render_warnings(c, json_object_get(answer, "warnings"));
	if (!json_array_size(changes)) {
		fprintf(c->out, "nothing to change (revision %lld)\n", revision);
	} else if (dry_run) {
		fprintf(c->out, "dry run: nothing was changed (revision %lld)\n", revision);
	} else {
		fprintf(c->out, "%srevision %lld applied%s\n", style_on(c, STYLE_GOOD), revision, style_off(c));
		if (within > 0)
			fprintf(c->out, "run 'weft confirm' within %lld s, or the host goes back to what it was\n",
				within);
	}
}
