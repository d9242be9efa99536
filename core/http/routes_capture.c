/* SPDX-License-Identifier: Apache-2.0 */
/* Frames as pcapng for as long as the client stays, or until it has as many as it asked for. */
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "core/control/loop.h"
#include "core/http/server.h"
#include "core/runtime/capture.h"
#include "core/runtime/frame.h"

#define CAPTURE_LOOK_MS 50 /* workers never wake the control thread: it looks itself while somebody captures */

struct capture_stream {
	struct capture *capture;
	struct loop_source *look;
	struct http_stream *handle;
};

static void capture_look(void *arg)
{
	struct capture_stream *s = arg;
	http_stream_wake(s->handle);
}

static long capture_next(void *stream, char *buf, size_t max)
{
	struct capture_stream *s = stream;
	return capture_read(s->capture, buf, max);
}

static void capture_free(void *stream)
{
	struct capture_stream *s = stream;
	loop_remove(s->look);
	capture_close(s->capture);
	free(s);
}

static int capture_start(const struct capture_options *options, struct http_response *ret, struct err *e)
{
	struct capture_stream *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	int r = capture_open(options, &s->capture, e);
	if (r < 0) {
		free(s);
		return r;
	}
	s->look = loop_add_timer(CAPTURE_LOOK_MS, CAPTURE_LOOK_MS, capture_look, s);
	if (!s->look) {
		capture_free(s);
		return -ENOMEM;
	}
	ret->content_type = "application/x-pcapng";
	ret->next = capture_next;
	ret->stream_free = capture_free;
	ret->stream = s;
	ret->ret_handle = &s->handle;
	return 0;
}

static void capture_get(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	uint64_t snaplen, count;
	int code = http_query_uint(r, "snaplen", FRAME_MAX, 0, &snaplen, &e);
	if (code == 0)
		code = http_query_uint(r, "count", INT64_MAX, 0, &count, &e);
	if (code == 0) {
		struct capture_options options = {.adapter = r->query(r, "adapter"),
						  .filter = r->query(r, "filter"),
						  .snaplen = (uint32_t)snaplen,
						  .count = count};
		code = capture_start(&options, ret, &e);
	}
	if (code < 0)
		http_problem(ret, code, &e);
}
ROUTE(capture_get, "GET", "/v1/capture", capture_get, "Frames as they pass, as pcapng that goes on.",
      "adapter, filter, snaplen, count")
