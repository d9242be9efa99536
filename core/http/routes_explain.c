/* SPDX-License-Identifier: Apache-2.0 */
/* One frame's way through this host, asked for in hex. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"
#include "core/http/server.h"
#include "core/runtime/explain.h"

#define EXPLAIN_MIN 14 /* bytes: an Ethernet header */
#define EXPLAIN_MAX 65549 /* and the longest IPv4 packet behind it */

static bool separates(char c) { return c == ' ' || c == ':' || c == '\n' || c == '\t' || c == '\r'; }

/* "0015 5d:02..." to bytes, pairs of digits. At most max bytes into to. */
static int hex_parse(const char *text, uint8_t *to, size_t max, size_t *ret_len, struct err *e)
{
	size_t n = 0;
	for (const char *p = text; *p;) {
		if (separates(*p)) {
			p++;
			continue;
		}
		int high = str_hex_digit(p[0]), low = high < 0 ? -1 : str_hex_digit(p[1]);
		if (high < 0)
			return err_set(e, EINVAL, "frame",
				       "character %zu is no hex digit; use 0-9, a-f, spaces and colons",
				       (size_t)(p - text) + 1);
		if (low < 0)
			return err_set(e, EINVAL, "frame",
				       "hex digits come in pairs; one stands alone at character %zu",
				       (size_t)(p - text) + 1);
		if (n == max)
			return err_set(e, E2BIG, "frame", "a frame has at most %zu bytes", max);
		to[n++] = (uint8_t)(high << 4 | low);
		p += 2;
	}
	if (n < EXPLAIN_MIN)
		return err_set(e, EINVAL, "frame", "%zu bytes are no frame; it begins with an Ethernet header of %d",
			       n, EXPLAIN_MIN);
	*ret_len = n;
	return 0;
}

static int request_check(const json_t *json, const char **ret_from, const char **ret_hex, struct err *e)
{
	const char *key;
	json_t *value;
	if (!json_is_object(json))
		return err_set(e, EINVAL, NULL, "the body must be an object {\"from\": ..., \"frame\": ...}");
	json_object_foreach((json_t *)json, key, value) {
		if (strcmp(key, "from") != 0 && strcmp(key, "frame") != 0)
			return err_set(e, EINVAL, key, "not known here; use from, frame");
		if (!json_is_string(value))
			return err_set(e, EINVAL, key, "must be text");
	}
	const char *from = json_string_value(json_object_get(json, "from"));
	const char *hex = json_string_value(json_object_get(json, "frame"));
	if (!from || !hex)
		return err_set(e, EINVAL, from ? "frame" : "from", "is missing");
	*ret_from = from;
	*ret_hex = hex;
	return 0;
}

static void explain_post(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	json_error_t where;
	const char *from = "", *hex = "";
	size_t len = 0;
	int code;
	uint8_t *frame = malloc(EXPLAIN_MAX);
	json_t *json = json_loadb(r->body, r->body_len, JSON_REJECT_DUPLICATES, &where);
	if (!frame)
		code = -ENOMEM;
	else if (!json)
		code = err_set(&e, EINVAL, NULL, "the body is not JSON: line %d: %s", where.line, where.text);
	else
		code = request_check(json, &from, &hex, &e);
	if (code == 0)
		code = hex_parse(hex, frame, EXPLAIN_MAX, &len, &e);
	if (code == 0)
		code = explain_run(from, frame, len, &ret->json, &e);
	if (code < 0)
		http_problem(ret, code, &e);
	json_decref(json);
	free(frame);
}
ROUTE_BODY(explain_post, "POST", "/v1/explain", explain_post,
	   "What the nodes would do with one frame, stage by stage.", NULL, "explain")
