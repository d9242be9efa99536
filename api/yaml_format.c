/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON to YAML in block style. Text stands plain where it reads back as the same text, by YAML 1.2 and
 * by the 1.1 that many tools still speak, and in double quotes elsewhere.
 */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "api/document.h"
#include "api/scalar.h"
#include "base/str.h"

/* Words that YAML 1.1 takes for booleans; its numbers with ':' or '_' are looked for apart. */
static bool is_old_boolean(const char *text)
{
	static const char *const words[] = {"y", "n", "yes", "no", "on", "off"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return false;
}

/* 12:30:45 is a number in base 60 to YAML 1.1, and so are some MAC addresses; 1_000 is a number too. */
static bool is_old_number(const char *text)
{
	text += *text == '-' || *text == '+';
	return text[0] >= '0' && text[0] <= '9' && text[strspn(text, "0123456789_:.")] == '\0' && strpbrk(text, "_:");
}

static bool is_plain(const char *text, size_t len)
{
	static const char first[] = "-?:,[]{}#&*!|>'\"%@`<= ";

	if (scalar_classify(text) != SCALAR_TEXT || is_old_boolean(text) || is_old_number(text))
		return false;
	if (strchr(first, text[0]) || text[len - 1] == ' ' || text[len - 1] == ':')
		return false;
	if (strncmp(text, "...", 3) == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] > 0x7e)
			return false;
		if (text[i] == ':' && text[i + 1] == ' ')
			return false;
		if (text[i] == ' ' && text[i + 1] == '#')
			return false;
	}
	return true;
}

/* The character at text (valid UTF-8) and its length in bytes. */
static uint32_t utf8_next(const unsigned char *text, size_t *ret_len)
{
	size_t len = text[0] < 0x80 ? 1 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
	uint32_t c = len == 1 ? text[0] : text[0] & (0x7fu >> len);

	for (size_t i = 1; i < len; i++)
		c = c << 6 | (text[i] & 0x3fu);
	*ret_len = len;
	return c;
}

/* What a YAML reader takes as it stands and a terminal shows on one line. */
static bool is_printable(uint32_t c)
{
	return (c >= 0x20 && c <= 0x7e) || (c >= 0xa0 && c <= 0xd7ff && c != 0x2028 && c != 0x2029) ||
	       (c >= 0xe000 && c <= 0xfffd && c != 0xfeff) || c >= 0x10000;
}

static void quoted_add(struct str *s, const char *text, size_t len)
{
	str_add_bytes(s, "\"", 1);
	for (size_t i = 0, n; i < len; i += n) {
		uint32_t c = utf8_next((const unsigned char *)text + i, &n);
		if (c == '"' || c == '\\')
			str_add(s, "\\%c", (char)c);
		else if (c == '\n')
			str_add(s, "\\n");
		else if (c == '\t')
			str_add(s, "\\t");
		else if (is_printable(c))
			str_add_bytes(s, text + i, n);
		else
			str_add(s, "\\u%04x", (unsigned)c);
	}
	str_add_bytes(s, "\"", 1);
}

static void scalar_add(struct str *s, const char *text, size_t len)
{
	if (len > 0 && is_plain(text, len))
		str_add_bytes(s, text, len);
	else
		quoted_add(s, text, len);
}

static void real_add(struct str *s, double v)
{
	char text[40];

	snprintf(text, sizeof(text), "%.17g", v);
	str_add(s, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

/* Scalars and empty containers: what stands on the line of its key. */
static void inline_add(struct str *s, const json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		str_add(s, "{}");
		break;
	case JSON_ARRAY:
		str_add(s, "[]");
		break;
	case JSON_STRING:
		scalar_add(s, json_string_value(json), json_string_length(json));
		break;
	case JSON_INTEGER:
		str_add(s, "%lld", (long long)json_integer_value(json));
		break;
	case JSON_REAL:
		real_add(s, json_real_value(json));
		break;
	case JSON_TRUE:
		str_add(s, "true");
		break;
	case JSON_FALSE:
		str_add(s, "false");
		break;
	case JSON_NULL:
		str_add(s, "null");
		break;
	}
}

static bool is_block(const json_t *json) { return json_object_size(json) > 0 || json_array_size(json) > 0; }

static void block_add(struct str *s, const json_t *json, unsigned indent, bool on_line);

/* "- " and the element beside it: maps and lists begin on the same line. */
static void list_add(struct str *s, const json_t *list, unsigned indent, bool on_line)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item) {
		if (i > 0 || !on_line)
			str_add(s, "%*s", (int)indent, "");
		str_add(s, "- ");
		block_add(s, item, indent + 2, true);
	}
}

/* A list stands two deeper than its key. */
static void map_add(struct str *s, const json_t *map, unsigned indent, bool on_line)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)map, key, value) {
		if (!on_line)
			str_add(s, "%*s", (int)indent, "");
		on_line = false;
		scalar_add(s, key, strlen(key));
		str_add(s, is_block(value) ? ":\n" : ": ");
		block_add(s, value, indent + 2, false);
	}
}

/* One value with its newline; on_line: the indentation is there already. Levels are bounded by the reader's 64. */
static void block_add(struct str *s, const json_t *json, unsigned indent, bool on_line)
{
	if (!is_block(json)) {
		inline_add(s, json);
		str_add(s, "\n");
	} else if (json_is_array(json)) {
		list_add(s, json, indent, on_line);
	} else {
		map_add(s, json, indent, on_line);
	}
}

char *api_yaml_format(const json_t *json)
{
	struct str s = {0};

	block_add(&s, json, 0, false);
	return str_take(&s);
}
