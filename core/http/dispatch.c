/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The register of routes and the way from a request to its handler. Knows no socket: tests, the fuzzer and
 * the server all come in by http_dispatch.
 */
#include "core/http/server.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "core/http/url.h"

static struct http_route *routes;

static int route_compare(const struct http_route *a, const struct http_route *b)
{
	int c = strcmp(a->pattern, b->pattern);
	return c ? c : strcmp(a->method, b->method);
}

void http_route_register(struct http_route *r)
{
	struct http_route **at = &routes;
	while (*at && route_compare(*at, r) < 0)
		at = &(*at)->next;
	if (*at && route_compare(*at, r) == 0) {
		fprintf(stderr, "route %s %s: registered twice\n", r->method, r->pattern);
		abort();
	}
	r->next = *at;
	*at = r;
}

const struct http_route *http_routes(void) { return routes; }

/* How many `*` were needed to match, -1: no match. */
static int route_match(const char *pattern, const struct url *u, const char *ret_args[HTTP_ARGS_MAX])
{
	const char *args[HTTP_ARGS_MAX] = {0};
	int n = 0;
	const char *p = pattern;
	for (unsigned i = 0; i < u->n_segments; i++) {
		if (*p != '/')
			return -1;
		size_t len = strcspn(++p, "/");
		if (len == 1 && *p == '*') {
			if (!*u->segment[i] || n == HTTP_ARGS_MAX)
				return -1;
			args[n++] = u->segment[i];
		} else if (strncmp(p, u->segment[i], len) != 0 || u->segment[i][len]) {
			return -1;
		}
		p += len;
	}
	if (*p)
		return -1;
	memcpy(ret_args, args, sizeof(args));
	return n;
}

/* HEAD is GET without the body, which the server leaves out. */
static bool method_fits(const struct http_route *route, const char *method)
{
	return !strcmp(route->method, method) || (!strcmp(route->method, "GET") && !strcmp(method, "HEAD"));
}

/* The most literal route for the path. NULL: none, and ret->allow names the methods that there would be. */
static const struct http_route *route_find(const struct url *u, struct http_request *r, struct http_response *ret)
{
	const struct http_route *best = NULL;
	int best_wildcards = INT_MAX;
	for (const struct http_route *route = routes; route; route = route->next) {
		const char *args[HTTP_ARGS_MAX];
		int wildcards = route_match(route->pattern, u, args);
		if (wildcards < 0)
			continue;
		if (!strstr(ret->allow, route->method)) {
			size_t len = strlen(ret->allow);
			snprintf(ret->allow + len, sizeof(ret->allow) - len, "%s%s", len ? ", " : "", route->method);
		}
		if (wildcards >= best_wildcards || !method_fits(route, r->method))
			continue;
		best = route;
		best_wildcards = wildcards;
		memcpy(r->arg, args, sizeof(args));
	}
	if (best)
		ret->allow[0] = '\0';
	return best;
}

static bool key_listed(const char *list, const char *key)
{
	size_t len = strlen(key);
	for (const char *p = list; p && *p; p += strspn(p, ", ")) {
		size_t n = strcspn(p, ", ");
		if (n == len && !memcmp(p, key, len))
			return true;
		p += n;
	}
	return false;
}

/* A mistyped dry_run must not become an apply: keys that the route does not take are refused. */
static int query_check(const struct http_route *route, const struct url *u, struct err *e)
{
	for (unsigned i = 0; i < u->n_query; i++) {
		const char *key = u->query[i].key;
		if (key_listed(route->query_help, key))
			continue;
		if (!route->query_help)
			return err_set(e, EINVAL, key, "not known here; %s takes no query", route->pattern);
		return err_set(e, EINVAL, key, "not known here; use %s", route->query_help);
	}
	return 0;
}

static const char *request_query(const struct http_request *r, const char *key) { return url_query(r->url, key); }

void http_dispatch(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	struct url u;
	int code = url_parse(r->target, &u, &e);
	if (code < 0) {
		http_problem(ret, code, &e);
		return;
	}
	struct http_request request = *r;
	request.url = &u;
	request.query = request_query;
	memset(request.arg, 0, sizeof(request.arg));
	const struct http_route *route = route_find(&u, &request, ret);
	if (!route && ret->allow[0]) {
		code = err_set(&e, EOPNOTSUPP, NULL, "%.16s is not possible here; use %s", r->method, ret->allow);
		http_problem(ret, code, &e);
		return;
	}
	code = route ? query_check(route, &u, &e) : err_set(&e, ENOENT, NULL, "nothing is at %.200s", r->target);
	if (code < 0) {
		http_problem(ret, code, &e);
		return;
	}
	route->handler(&request, ret);
	if (!ret->json && !ret->text && !ret->next)
		http_problem(ret, ENOMEM, NULL);
}

static const struct {
	int code, status;
	const char *title;
} problems[] = {
	{EINVAL, 400, "Bad Request"},
	{ERANGE, 400, "Bad Request"},
	{ENAMETOOLONG, 400, "Bad Request"},
	{EOPNOTSUPP, 400, "Bad Request"},
	{ENODEV, 400, "Bad Request"},
	{ENOENT, 404, "Not Found"},
	{EEXIST, 409, "Conflict"},
	{EBUSY, 409, "Conflict"},
	{EADDRINUSE, 409, "Conflict"},
	{ESTALE, 412, "Precondition Failed"},
	{E2BIG, 413, "Content Too Large"},
	{EFBIG, 413, "Content Too Large"},
	{EAGAIN, 503, "Service Unavailable"},
};

void http_problem(struct http_response *ret, int code, const struct err *e)
{
	int status = 500;
	const char *title = "Internal Server Error";
	code = abs(code);
	for (size_t i = 0; i < sizeof(problems) / sizeof(*problems); i++)
		if (problems[i].code == code) {
			status = problems[i].status;
			title = problems[i].title;
		}
	if (ret->allow[0]) {
		status = 405;
		title = "Method Not Allowed";
	}
	json_decref(ret->json);
	free(ret->text);
	ret->text = NULL;
	ret->status = status;
	ret->content_type = "application/problem+json";
	ret->json =
		json_pack("{s:s, s:i, s:o, s:o}", "title", title, "status", status, "detail",
			  http_text(e && *e->text ? e->text : strerror(code)), "path", http_text(e ? e->path : ""));
}

json_t *http_text(const char *text)
{
	json_t *json = json_string(text);
	if (json || !text)
		return json ? json : json_null();
	char *ascii = strdup(text);
	if (!ascii)
		return NULL;
	for (char *c = ascii; *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	json = json_string(ascii);
	free(ascii);
	return json;
}

int http_query_uint(const struct http_request *r, const char *key, uint64_t max, uint64_t fallback,
		    uint64_t *ret_value, struct err *e)
{
	const char *text = r->query(r, key);
	uint64_t value = 0;
	if (!text) {
		*ret_value = fallback;
		return 0;
	}
	bool bad = !*text;
	for (const char *c = text; *c && !bad; c++) {
		unsigned digit = (unsigned)(*c - '0');
		bad = digit > 9 || value > (max - digit) / 10;
		if (!bad)
			value = value * 10 + digit;
	}
	if (bad)
		return err_set(e, EINVAL, key, "%.40s is not a whole number from 0 to %llu", text,
			       (unsigned long long)max);
	*ret_value = value;
	return 0;
}

int http_query_bool(const struct http_request *r, const char *key, bool fallback, bool *ret_value, struct err *e)
{
	const char *text = r->query(r, key);
	if (text && strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return err_set(e, EINVAL, key, "%.40s is neither true nor false", text);
	*ret_value = text ? !strcmp(text, "true") : fallback;
	return 0;
}
