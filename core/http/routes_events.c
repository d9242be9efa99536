/* SPDX-License-Identifier: Apache-2.0 */
/* What happened, as a list, or followed: one JSON object a line (NDJSON) for as long as the client stays. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"
#include "core/control/events.h"
#include "core/http/server.h"

struct follow {
	uint64_t after; /* number of the last event in `lines` */
	struct str lines;
	size_t sent; /* bytes of lines */
	struct http_stream *handle;
};

static void follow_wake(void *arg)
{
	struct follow *f = arg;
	http_stream_wake(f->handle);
}

static void follow_fill(struct follow *f)
{
	json_t *events = events_since(f->after), *event;
	size_t i;
	str_free(&f->lines);
	f->sent = 0;
	json_array_foreach(events, i, event) {
		char *line = json_dumps(event, JSON_COMPACT);
		if (!line)
			break;
		str_add(&f->lines, "%s\n", line);
		free(line);
		f->after = (uint64_t)json_integer_value(json_object_get(event, "number"));
	}
	json_decref(events);
}

static long follow_next(void *stream, char *buf, size_t max)
{
	struct follow *f = stream;
	if (f->sent == f->lines.len)
		follow_fill(f);
	if (f->lines.failed)
		return -1;
	size_t n = f->lines.len - f->sent;
	if (n > max)
		n = max;
	if (n)
		memcpy(buf, f->lines.text + f->sent, n);
	f->sent += n;
	return (long)n;
}

static void follow_free(void *stream)
{
	struct follow *f = stream;
	events_unsubscribe(follow_wake, f);
	str_free(&f->lines);
	free(f);
}

static void follow_start(uint64_t after, struct http_response *ret)
{
	struct follow *f = calloc(1, sizeof(*f));
	if (!f || events_subscribe(follow_wake, f) < 0) {
		free(f);
		http_problem(ret, ENOMEM, NULL);
		return;
	}
	f->after = after;
	ret->content_type = "application/x-ndjson";
	ret->next = follow_next;
	ret->stream_free = follow_free;
	ret->stream = f;
	ret->ret_handle = &f->handle;
}

static void events_get(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	uint64_t after;
	bool follow = false;
	int code = http_query_uint(r, "after", INT64_MAX, 0, &after, &e);
	if (code == 0)
		code = http_query_bool(r, "follow", false, &follow, &e);
	if (code < 0)
		http_problem(ret, code, &e);
	else if (follow)
		follow_start(after, ret);
	else
		ret->json = events_since(after);
}
ROUTE(events_get, "GET", "/v1/events", events_get, "What happened; with follow=true as NDJSON that goes on.",
      "after, follow")
