/* SPDX-License-Identifier: Apache-2.0 */
/* Colours, numbers, text from outside, JSON and YAML. */
#include "cli/output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/document.h"

static _Noreturn void out_of_memory(void)
{
	fputs("error: out of memory\n", stderr);
	exit(CLI_REFUSED);
}

void *cli_alloc(size_t size)
{
	void *p = calloc(1, size);
	if (!p)
		out_of_memory();
	return p;
}

char *cli_take(struct str *s)
{
	char *text = str_take(s);
	if (!text)
		out_of_memory();
	return text;
}

const char *style_on(const struct cli *c, enum style s)
{
	static const char *const on[] = {
		[STYLE_PLAIN] = "",	     [STYLE_GOOD] = "\033[32m", [STYLE_BAD] = "\033[31m",
		[STYLE_CHANGE] = "\033[33m", [STYLE_FAINT] = "\033[2m", [STYLE_STRONG] = "\033[1m",
	};
	return c->colour ? on[s] : "";
}

const char *style_off(const struct cli *c) { return c->colour ? "\033[0m" : ""; }

void text_add(struct str *s, const char *text)
{
	for (;;) {
		size_t n = 0;
		while ((unsigned char)text[n] >= 0x20 && text[n] != 0x7f)
			n++;
		str_add_bytes(s, text, n);
		if (!text[n])
			return;
		str_add(s, "%c", text[n] == '\n' || text[n] == '\t' ? ' ' : '?');
		text += n + 1;
	}
}

void text_add_json(struct str *s, const json_t *value)
{
	const char *key, *separator = "";
	json_t *v;
	size_t i;
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		str_add(s, "{");
		json_object_foreach((json_t *)value, key, v) {
			str_add(s, "%s", separator);
			text_add(s, key);
			str_add(s, ": ");
			text_add_json(s, v);
			separator = ", ";
		}
		str_add(s, "}");
		break;
	case JSON_ARRAY:
		str_add(s, "[");
		json_array_foreach((json_t *)value, i, v) {
			str_add(s, "%s", separator);
			text_add_json(s, v);
			separator = ", ";
		}
		str_add(s, "]");
		break;
	case JSON_STRING:
		text_add(s, json_string_value(value));
		break;
	case JSON_INTEGER:
		str_add(s, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		str_add(s, "%g", json_real_value(value));
		break;
	case JSON_TRUE:
		str_add(s, "true");
		break;
	case JSON_FALSE:
		str_add(s, "false");
		break;
	case JSON_NULL:
		str_add(s, "-");
		break;
	}
}

char *text_of_json(const json_t *value)
{
	struct str s = {0};
	if (value)
		text_add_json(&s, value);
	else
		str_add(&s, "-");
	return cli_take(&s);
}

const char *number_format(uint64_t value, bool human, char buf[static NUMBER_TEXT_SIZE])
{
	static const char suffix[] = "kMGTPE";
	if (!human || value < 10000) {
		snprintf(buf, NUMBER_TEXT_SIZE, "%" PRIu64, value);
		return buf;
	}
	double v = (double)value / 1000;
	size_t i = 0;
	/* 999.5 would print as 1000: that is 1.00 of the next. */
	for (; v >= 999.5 && suffix[i + 1]; i++)
		v /= 1000;
	snprintf(buf, NUMBER_TEXT_SIZE, "%.*f%c", v < 9.995 ? 2 : v < 99.95 ? 1 : 0, v, suffix[i]);
	return buf;
}

const char *duration_format(uint64_t seconds, char buf[static NUMBER_TEXT_SIZE])
{
	uint64_t m = seconds / 60, h = m / 60, d = h / 24;
	if (!m)
		snprintf(buf, NUMBER_TEXT_SIZE, "%us", (unsigned)seconds);
	else if (!h)
		snprintf(buf, NUMBER_TEXT_SIZE, "%um%02us", (unsigned)m, (unsigned)(seconds % 60));
	else if (!d)
		snprintf(buf, NUMBER_TEXT_SIZE, "%uh%02um", (unsigned)h, (unsigned)(m % 60));
	else
		snprintf(buf, NUMBER_TEXT_SIZE, "%" PRIu64 "d%02uh", d, (unsigned)(h % 24));
	return buf;
}

const char *time_format(uint64_t wall_ms, char buf[static TIME_TEXT_SIZE])
{
	time_t t = (time_t)(wall_ms / 1000);
	struct tm tm;
	if (!localtime_r(&t, &tm) || !strftime(buf, TIME_TEXT_SIZE, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(buf, TIME_TEXT_SIZE, "-");
	return buf;
}

bool output_data(struct cli *c, const json_t *json)
{
	if (c->format != CLI_FORMAT_JSON && c->format != CLI_FORMAT_YAML)
		return false;
	bool as_json = c->format == CLI_FORMAT_JSON;
	char *text = as_json ? json_dumps(json, JSON_INDENT(2) | JSON_ENCODE_ANY) : api_yaml_format(json);
	if (!text)
		out_of_memory();
	fputs(text, c->out);
	if (as_json)
		fputc('\n', c->out);
	free(text);
	return true;
}
