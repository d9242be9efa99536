/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between libmicrohttpd and http_dispatch: collects a request's body within bounds, sends the answer. A body
 * that is too large is read to its end and thrown away, so that the client gets to see the refusal.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "base/err.h"
#include "core/http/private.h"
#include "core/http/server.h"

#define BODIES_MAX (4 * HTTP_BODY_MAX) /* bytes of unfinished bodies, all clients together */
#define BODY_FIRST 4096
#define BULKY (1u << 20) /* bytes of text: as JSON in memory it was twenty times that */

struct request {
	char *target;
	bool begun, bulky;
	int refused; /* errno: the body will not be taken */
	char *body;
	size_t len, room; /* room: bytes allocated and counted in bodies_total */
};

static size_t bodies_total;

void *request_begin(void *cls, const char *target, struct MHD_Connection *connection)
{
	struct request *rq = calloc(1, sizeof(*rq));
	if (!rq)
		return NULL;
	rq->target = strdup(target);
	if (!rq->target) {
		free(rq);
		return NULL;
	}
	client_set(connection, CLIENT_READING); /* from here, however long it was idle before */
	return rq;
}

static void body_drop(struct request *rq)
{
	bodies_total -= rq->room;
	free(rq->body);
	rq->body = NULL;
	rq->len = rq->room = 0;
}

void request_end(void *cls, struct MHD_Connection *connection, void **con_cls, enum MHD_RequestTerminationCode why)
{
	struct request *rq = *con_cls;
	if (rq) {
		if (rq->bulky)
			malloc_trim(0); /* small pieces that lie free in between are not given back by themselves */
		body_drop(rq);
		free(rq->target);
		free(rq);
	}
	*con_cls = NULL;
	client_set(connection, CLIENT_READING);
}

static int body_add(struct request *rq, const char *data, size_t len)
{
	if (len > HTTP_BODY_MAX - rq->len)
		return -EFBIG;
	size_t room = rq->room ? rq->room : BODY_FIRST;
	while (room < rq->len + len + 1)
		room *= 2;
	if (bodies_total - rq->room + room > BODIES_MAX)
		return -EAGAIN;
	char *body = room == rq->room ? rq->body : realloc(rq->body, room);
	if (!body)
		return -ENOMEM;
	bodies_total += room - rq->room;
	rq->room = room;
	rq->body = body;
	memcpy(body + rq->len, data, len);
	rq->len += len;
	body[rq->len] = '\0';
	return 0;
}

static void refuse(struct http_response *ret, int code)
{
	struct err e = {0};
	if (code == -EFBIG)
		err_set(&e, EFBIG, NULL, "a body has at most %u bytes", HTTP_BODY_MAX);
	else if (code == -EAGAIN)
		err_set(&e, EAGAIN, NULL, "too many requests at once; try again");
	http_problem(ret, code, &e);
}

static struct MHD_Response *response_of(struct MHD_Connection *connection, struct request *rq,
					struct http_response *ret)
{
	if (ret->next) {
		if (clients_streaming() < CLIENTS_STREAMING_MAX) {
			struct MHD_Response *response = stream_response(connection, ret);
			if (response)
				return response;
		}
		ret->stream_free(ret->stream);
		ret->next = NULL;
		refuse(ret, -EAGAIN);
	}
	char *text = ret->text;
	if (ret->json) {
		text = json_dumps(ret->json, JSON_COMPACT | JSON_ENCODE_ANY);
		json_decref(ret->json);
		ret->json = NULL;
	}
	ret->text = NULL;
	if (!text)
		return NULL;
	size_t len = strlen(text);
	rq->bulky |= len > BULKY;
	struct MHD_Response *response = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	if (!response)
		free(text);
	return response;
}

static enum MHD_Result answer(struct MHD_Connection *connection, struct request *rq, struct http_response *ret)
{
	struct MHD_Response *response = response_of(connection, rq, ret);
	if (!response)
		return MHD_NO;
	const char *type = ret->content_type ? ret->content_type : "application/json";
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (ret->allow[0])
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, ret->allow);
	client_set(connection, ret->next ? CLIENT_STREAMING : CLIENT_ANSWERING);
	enum MHD_Result r =
		MHD_queue_response(connection, ret->status ? (unsigned)ret->status : MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return r;
}

/* The headers are there. A client that waits to be told to go on is told off at once instead. */
static bool refused_early(struct MHD_Connection *connection, struct request *rq)
{
	const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	const char *expect = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_EXPECT);
	if (length && strtoull(length, NULL, 10) > HTTP_BODY_MAX)
		rq->refused = -EFBIG;
	return rq->refused && expect && !strcasecmp(expect, "100-continue");
}

enum MHD_Result request_access(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
			       const char *version, const char *upload, size_t *upload_len, void **con_cls)
{
	struct request *rq = *con_cls;
	struct http_response ret = {0};
	if (!rq)
		return MHD_NO;
	if (!rq->begun) {
		rq->begun = true;
		if (!refused_early(connection, rq))
			return MHD_YES;
		refuse(&ret, rq->refused);
		return answer(connection, rq, &ret);
	}
	if (*upload_len) {
		if (!rq->refused)
			rq->refused = body_add(rq, upload, *upload_len);
		if (rq->refused)
			body_drop(rq);
		*upload_len = 0;
		return MHD_YES;
	}
	if (rq->refused) {
		refuse(&ret, rq->refused);
		return answer(connection, rq, &ret);
	}
	const char *accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	struct http_request r = {
		.method = method,
		.target = rq->target,
		.body = rq->body ? rq->body : "",
		.body_len = rq->len,
		.accept = accept ? accept : "",
	};
	http_dispatch(&r, &ret);
	rq->bulky = rq->len > BULKY;
	body_drop(rq);
	return answer(connection, rq, &ret);
}
