/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local API: HTTP/JSON on a unix socket, served on the control thread. Modules add routes with ROUTE.
 * Errors are RFC 9457 problem objects: {"title", "status", "detail", "path"}.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct http_stream;
struct url;
typedef struct json_t json_t;

#define HTTP_ARGS_MAX 4

/* Everything here lives as long as the handler runs, not longer. */
struct http_request {
	const char *method;
	const char *target; /* as sent, percent-encoded: "/v1/fdb/lab%201?since=3" */
	/* Decoded from target by http_dispatch: */
	const char *arg[HTTP_ARGS_MAX]; /* what `*` in the route's pattern stood for, in order; NULL beyond */
	const char *(*query)(const struct http_request *r, const char *key); /* NULL: absent */
	const struct url *url; /* private */
	const char *body; /* NUL-terminated; "" without one */
	size_t body_len;
	const char *accept; /* Accept header or "" */
};

struct http_response {
	int status; /* 200 unless set */
	json_t *json; /* the answer; the server drops the reference */
	char *text; /* or text of content_type; freed by the server */
	const char *content_type; /* static */
	char allow[40]; /* with 405: the methods that there are */
	/* or a stream: next() fills buf and returns bytes, 0: nothing now (http_stream_wake resumes), -1: end */
	long (*next)(void *stream, char *buf, size_t max);
	void (*stream_free)(void *stream);
	void *stream;
	struct http_stream **ret_handle; /* in *stream; set to the handle for http_stream_wake, NULL until then */
};

typedef void http_handler(const struct http_request *r, struct http_response *ret);

struct http_route {
	const char *method;
	const char *pattern; /* words between slashes; a `*` stands for any one */
	http_handler *handler;
	const char *summary; /* for the OpenAPI page */
	const char *query_help; /* every key it takes: "dry-run, confirm-within"; NULL: none. Others are refused. */
	const char *body; /* schema of the body in the OpenAPI page; NULL: none */
	struct http_route *next;
};

void http_route_register(struct http_route *r);
#define ROUTE(ident, m, p, fn, about, queries)                                                                       \
	static struct http_route route_##ident = {                                                                   \
		.method = (m), .pattern = (p), .handler = (fn), .summary = (about), .query_help = (queries)};        \
	__attribute__((constructor)) static void route_register_##ident(void) { http_route_register(&route_##ident); }

/* The same for a route that takes a body. */
#define ROUTE_BODY(ident, m, p, fn, about, queries, schema)                                                          \
	static struct http_route route_##ident = {.method = (m),                                                     \
						  .pattern = (p),                                                    \
						  .handler = (fn),                                                   \
						  .summary = (about),                                                \
						  .query_help = (queries),                                           \
						  .body = (schema)};                                                 \
	__attribute__((constructor)) static void route_register_##ident(void) { http_route_register(&route_##ident); }

/* Answers with a problem object; the status follows from the -errno. */
void http_problem(struct http_response *ret, int code, const struct err *e);
/* Any bytes as a JSON string: what is not UTF-8 is shown as '?'. New reference. */
json_t *http_text(const char *text);

/* A whole number 0..max, or a true|false, from the query; `fallback` when absent. -EINVAL with e filled in. */
int http_query_uint(const struct http_request *r, const char *key, uint64_t max, uint64_t fallback,
		    uint64_t *ret_value, struct err *e);
int http_query_bool(const struct http_request *r, const char *key, bool fallback, bool *ret_value, struct err *e);

#define HTTP_BODY_MAX (17u << 20)
int http_start(const char *socket_path, struct err *e); /* replaces a dead socket, refuses a live one */
void http_stop(void);
void http_stream_wake(struct http_stream *s); /* NULL ok */
/* Dispatch without a socket: tests and the fuzzer. */
void http_dispatch(const struct http_request *r, struct http_response *ret);
/* All routes, in order of pattern. */
const struct http_route *http_routes(void);
