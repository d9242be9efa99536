/* SPDX-License-Identifier: Apache-2.0 */
/* The growing string. */
#include "base/str.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `more` bytes and a NUL behind what is there. */
static bool str_reserve(struct str *s, size_t more)
{
	if (s->failed)
		return false;
	if (more < s->cap - s->len)
		return true;
	if (more > SIZE_MAX / 4 - s->len) {
		s->failed = true;
		return false;
	}

	size_t cap = s->cap ? s->cap : 64;
	while (cap - s->len <= more)
		cap *= 2;
	char *text = realloc(s->text, cap);
	if (!text) {
		s->failed = true;
		return false;
	}
	s->text = text;
	s->cap = cap;
	return true;
}

void str_add(struct str *s, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	int need = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (need < 0)
		s->failed = true;
	if (need < 0 || !str_reserve(s, (size_t)need))
		return;
	va_start(args, fmt);
	vsnprintf(s->text + s->len, (size_t)need + 1, fmt, args);
	va_end(args);
	s->len += (size_t)need;
}

void str_add_bytes(struct str *s, const void *data, size_t len)
{
	if (!str_reserve(s, len))
		return;
	if (len)
		memcpy(s->text + s->len, data, len);
	s->len += len;
	s->text[s->len] = '\0';
}

char *str_take(struct str *s)
{
	str_add_bytes(s, "", 0);
	char *text = s->failed ? NULL : s->text;
	if (s->failed)
		free(s->text);
	*s = (struct str){0};
	return text;
}

void str_free(struct str *s)
{
	free(s->text);
	*s = (struct str){0};
}

char *str_dup(const char *text) { return text ? strdup(text) : NULL; }

bool str_equal(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

const char *str_show(const char *text, char buf[static STR_SHOW_SIZE])
{
	static const char dots[] = "...";
	const size_t room = STR_SHOW_SIZE - sizeof(dots);
	size_t len = 0;

	for (; text[len] && len < room; len++)
		buf[len] = (unsigned char)text[len] < 0x20 || text[len] == 0x7f ? '?' : text[len];
	if (text[len]) {
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--; /* not through the middle of a UTF-8 character */
		memcpy(buf + len, dots, sizeof(dots));
	} else {
		buf[len] = '\0';
	}
	return buf;
}

int str_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}
