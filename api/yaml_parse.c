/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to JSON by libyaml's events. Only what JSON can say is taken: no aliases (a few lines of them can
 * mean gigabytes), no tags, one document. Every error names line and column. Nothing here recurses.
 */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "api/document.h"
#include "api/scalar.h"
#include "base/err.h"
#include "base/str.h"

enum {
	LEVELS_MAX = 64,
	KEY_MAX = 128, /* bytes; the longest key of any table is far below */
	KEYS_MAX = 1024, /* in one map */
	VALUES_MAX = 1 << 20, /* bounds what 16 MiB of "- 1" would take in memory */
};

struct level {
	json_t *json; /* borrowed from the level above, the first from the reader */
	char *key; /* of an object: the key whose value comes next, or NULL */
};

struct reader {
	yaml_parser_t parser;
	json_t *root;
	struct level levels[LEVELS_MAX];
	size_t depth;
	size_t values;
	bool done; /* the one document has ended */
	struct err *e;
};

/* "line 3, column 5: ..." */
static int refuse(struct reader *r, const yaml_mark_t *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int refuse(struct reader *r, const yaml_mark_t *at, const char *fmt, ...)
{
	char text[sizeof(r->e->text)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return err_set(r->e, EINVAL, NULL, "line %zu, column %zu: %s", at->line + 1, at->column + 1, text);
}

static int no_memory(struct reader *r) { return err_set(r->e, ENOMEM, NULL, "out of memory"); }

/* Puts a value where the text stands; takes the reference, NULL is out of memory. */
static int value_place(struct reader *r, json_t *value, const yaml_mark_t *at)
{
	struct level *level = r->depth ? &r->levels[r->depth - 1] : NULL;
	int failed;

	if (!value)
		return no_memory(r);
	if (++r->values > VALUES_MAX) {
		json_decref(value);
		return refuse(r, at, "more than %d values; that is no host's document", VALUES_MAX);
	}
	if (!level) {
		r->root = value;
		return 0;
	}
	if (json_is_array(level->json)) {
		failed = json_array_append_new(level->json, value);
	} else {
		failed = json_object_set_new_nocheck(level->json, level->key, value);
		free(level->key);
		level->key = NULL;
	}
	return failed ? no_memory(r) : 0;
}

/* Integers that do not fit are refused: a rounded number is another number. */
static int int_parse(struct reader *r, const char *text, enum scalar_kind kind, const yaml_mark_t *at,
		     json_t **ret_value)
{
	int base = kind == SCALAR_OCTAL ? 8 : kind == SCALAR_HEX ? 16 : 10;
	char shown[STR_SHOW_SIZE];

	errno = 0;
	long long v = strtoll(base == 10 ? text : text + 2, NULL, base);
	if (errno)
		return refuse(r, at, "the number %s is too large; put it in quotes if it is meant as text",
			      str_show(text, shown));
	*ret_value = json_integer(v);
	return 0;
}

static int float_parse(struct reader *r, const char *text, const yaml_mark_t *at, json_t **ret_value)
{
	char shown[STR_SHOW_SIZE];

	double v = strtod(text, NULL); /* the point is '.': no part of weft sets LC_NUMERIC */
	if (!isfinite(v))
		return refuse(r, at, "%s is no number that can be used; put it in quotes if it is meant as text",
			      str_show(text, shown));
	*ret_value = json_real(v);
	return 0;
}

static int plain_parse(struct reader *r, const char *text, const yaml_mark_t *at, json_t **ret_value)
{
	enum scalar_kind kind = scalar_classify(text);

	switch (kind) {
	case SCALAR_NULL:
		*ret_value = json_null();
		return 0;
	case SCALAR_TRUE:
		*ret_value = json_true();
		return 0;
	case SCALAR_FALSE:
		*ret_value = json_false();
		return 0;
	case SCALAR_INT:
	case SCALAR_OCTAL:
	case SCALAR_HEX:
		return int_parse(r, text, kind, at, ret_value);
	case SCALAR_FLOAT:
		return float_parse(r, text, at, ret_value);
	case SCALAR_NOT_FINITE:
		return refuse(r, at, "%s is no number that can be used", text);
	case SCALAR_TEXT:
		break;
	}
	*ret_value = json_string_nocheck(text); /* libyaml has seen to the UTF-8 */
	return 0;
}

static int key_take(struct reader *r, struct level *level, const char *text, size_t len, const yaml_mark_t *at)
{
	char shown[STR_SHOW_SIZE];

	if (len > KEY_MAX)
		return refuse(r, at, "a key of %zu characters; keys have at most %d", len, KEY_MAX);
	if (json_object_get(level->json, text))
		return refuse(r, at, "the key %s stands here twice; keep one of them", str_show(text, shown));
	if (json_object_size(level->json) == KEYS_MAX)
		return refuse(r, at, "more than %d keys in one map", KEYS_MAX);
	level->key = strdup(text);
	return level->key ? 0 : no_memory(r);
}

static int scalar_take(struct reader *r, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	struct level *level = r->depth ? &r->levels[r->depth - 1] : NULL;
	json_t *value = NULL;

	if (strlen(text) != len)
		return refuse(r, &event->start_mark, "text with a NUL character in it; leave it out");
	if (level && json_is_object(level->json) && !level->key)
		return key_take(r, level, text, len, &event->start_mark);
	if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
		value = json_string_nocheck(text);
	} else {
		int failed = plain_parse(r, text, &event->start_mark, &value);
		if (failed)
			return failed;
	}
	return value_place(r, value, &event->start_mark);
}

static int level_open(struct reader *r, const yaml_event_t *event)
{
	struct level *level = r->depth ? &r->levels[r->depth - 1] : NULL;

	if (level && json_is_object(level->json) && !level->key)
		return refuse(r, &event->start_mark, "a list or map stands where a key should; keys are plain text");
	if (r->depth == LEVELS_MAX)
		return refuse(r, &event->start_mark, "more than %d levels deep", LEVELS_MAX);

	json_t *json = event->type == YAML_MAPPING_START_EVENT ? json_object() : json_array();
	int failed = value_place(r, json, &event->start_mark);
	if (failed)
		return failed;
	r->levels[r->depth++] = (struct level){.json = json};
	return 0;
}

/* Anchors and tags hang on three kinds of event. */
static int properties_refuse(struct reader *r, const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;
	char shown[STR_SHOW_SIZE];

	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	} else if (event->type == YAML_ALIAS_EVENT) {
		return refuse(r, &event->start_mark, "the alias *%s; write the value out",
			      str_show((const char *)event->data.alias.anchor, shown));
	}
	if (anchor)
		return refuse(r, &event->start_mark, "the anchor &%s; write values out where they belong",
			      str_show((const char *)anchor, shown));
	if (tag)
		return refuse(r, &event->start_mark, "the tag %s; leave it out and use quotes for text",
			      str_show((const char *)tag, shown));
	return 0;
}

static int event_take(struct reader *r, const yaml_event_t *event)
{
	int failed = properties_refuse(r, event);
	if (failed)
		return failed;

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return r->done ? refuse(r, &event->start_mark, "a second document begins; one file is one document")
			       : 0;
	case YAML_DOCUMENT_END_EVENT:
		r->done = true;
		return 0;
	case YAML_SCALAR_EVENT:
		return scalar_take(r, event);
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		return level_open(r, event);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		r->depth--;
		return 0;
	default:
		return 0;
	}
}

/* libyaml gives the place of a bad byte as an offset and of anything else as a mark. */
static int parser_refuse(struct reader *r, const char *text, size_t len)
{
	const yaml_parser_t *p = &r->parser;

	if (p->error == YAML_MEMORY_ERROR)
		return no_memory(r);
	if (p->error == YAML_READER_ERROR) {
		yaml_mark_t at = {0};
		for (size_t i = 0; i < p->problem_offset && i < len; i++) {
			at.column++;
			if (text[i] == '\n')
				at = (yaml_mark_t){.line = at.line + 1};
		}
		return refuse(r, &at, "%s (0x%02x)", p->problem, (unsigned)p->problem_value);
	}
	return refuse(r, &p->problem_mark, "%s%s%s", p->problem, p->context ? " " : "", p->context ? p->context : "");
}

static int events_take(struct reader *r, const char *text, size_t len)
{
	for (;;) {
		yaml_event_t event;
		if (!yaml_parser_parse(&r->parser, &event))
			return parser_refuse(r, text, len);
		bool end = event.type == YAML_STREAM_END_EVENT;
		int failed = event_take(r, &event);
		yaml_event_delete(&event);
		if (failed || end)
			return failed;
	}
}

int api_text_parse(const char *text, size_t len, json_t **ret_json, struct err *e)
{
	if (len > API_TEXT_MAX)
		return err_set(e, EFBIG, NULL, "the text is %zu bytes long; a document has at most %u (16 MiB)", len,
			       API_TEXT_MAX);

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark, as Windows editors leave it */
		text += 3;
		len -= 3;
	}

	struct reader *r = calloc(1, sizeof(*r));
	if (!r || !yaml_parser_initialize(&r->parser)) {
		free(r);
		return err_set(e, ENOMEM, NULL, "out of memory");
	}
	r->e = e;
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, len);
	yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);

	int failed = events_take(r, text, len);
	if (!failed && !r->root)
		failed = err_set(e, EINVAL, NULL, "the text is empty; a document has at least {}");
	if (!failed) {
		*ret_json = r->root;
		r->root = NULL;
	}
	for (size_t i = 0; i < LEVELS_MAX; i++)
		free(r->levels[i].key);
	json_decref(r->root);
	yaml_parser_delete(&r->parser);
	free(r);
	return failed;
}
