/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splits before it decodes, so that an escaped '/', '&' or '=' stays part of its name, and decodes in place:
 * the decoded text is never longer than the encoded one.
 */
#include "core/http/url.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"

static int decode(char *text, bool plus_is_space, struct err *e)
{
	char *to = text;
	for (const char *from = text; *from; from++) {
		unsigned char c = (unsigned char)*from;
		if (c == '%') {
			int high = str_hex_digit(from[1]), low = high < 0 ? -1 : str_hex_digit(from[2]);
			if (low < 0)
				return err_set(e, EINVAL, NULL, "'%%' in a URL must be followed by two hex digits");
			c = (unsigned char)(high << 4 | low);
			from += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		if (c < 0x20 || c == 0x7f)
			return err_set(e, EINVAL, NULL, "control characters are not allowed in a URL");
		*to++ = (char)c;
	}
	*to = '\0';
	return 0;
}

static int parse_path(char *path, struct url *u, struct err *e)
{
	char *rest = path;
	for (char *segment; (segment = strsep(&rest, "/"));) {
		if (u->n_segments == URL_SEGMENTS_MAX)
			return err_set(e, E2BIG, NULL, "the path has more than %d parts", URL_SEGMENTS_MAX);
		int r = decode(segment, false, e);
		if (r < 0)
			return r;
		u->segment[u->n_segments++] = segment;
	}
	return 0;
}

static int parse_query(char *query, struct url *u, struct err *e)
{
	char *rest = query;
	for (char *key; (key = strsep(&rest, "&"));) {
		if (!*key)
			continue;
		if (u->n_query == URL_QUERY_MAX)
			return err_set(e, E2BIG, NULL, "the query has more than %d keys", URL_QUERY_MAX);
		char *value = strchr(key, '=');
		if (value)
			*value++ = '\0';
		else
			value = key + strlen(key);
		int r = decode(key, true, e);
		if (r == 0 && *value)
			r = decode(value, true, e);
		if (r < 0)
			return r;
		if (url_query(u, key))
			return err_set(e, EINVAL, key, "given twice");
		u->query[u->n_query].key = key;
		u->query[u->n_query++].value = value;
	}
	return 0;
}

int url_parse(const char *target, struct url *u, struct err *e)
{
	size_t len = strlen(target);
	if (len >= sizeof(u->text))
		return err_set(e, E2BIG, NULL, "the URL is longer than %d bytes", URL_SIZE_MAX - 1);
	if (target[0] != '/')
		return err_set(e, EINVAL, NULL, "the URL must begin with '/'");
	memcpy(u->text, target, len + 1);
	u->n_segments = u->n_query = 0;
	char *query = strchr(u->text, '?');
	if (query)
		*query++ = '\0';
	int r = parse_path(u->text + 1, u, e);
	return r == 0 && query ? parse_query(query, u, e) : r;
}

const char *url_query(const struct url *u, const char *key)
{
	for (unsigned i = 0; i < u->n_query; i++)
		if (!strcmp(u->query[i].key, key))
			return u->query[i].value;
	return NULL;
}
