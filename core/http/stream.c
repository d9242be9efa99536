/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that go on: events as they happen, captured frames. While there is nothing to send the connection is
 * suspended; then libmicrohttpd would not notice that the client went, so we watch for that ourselves.
 */
#include <stdlib.h>
#include <sys/epoll.h>

#include "core/control/loop.h"
#include "core/http/private.h"
#include "core/http/server.h"

#define STREAM_BLOCK 16384 /* bytes asked of next() at a time */

struct http_stream {
	struct MHD_Connection *connection;
	long (*next)(void *stream, char *buf, size_t max);
	void (*stream_free)(void *stream);
	void *stream;
	bool suspended, ended;
	struct loop_source *watch; /* for the client's going; only while suspended */
	struct http_stream *newer, *older;
};

static struct http_stream *streams;

void http_stream_wake(struct http_stream *s)
{
	if (!s || !s->suspended)
		return;
	loop_remove(s->watch);
	s->watch = NULL;
	s->suspended = false;
	MHD_resume_connection(s->connection);
	http_run_soon(); /* without threads of its own libmicrohttpd does not wake itself */
}

static void client_went(int fd, uint32_t events, void *arg)
{
	struct http_stream *s = arg;
	s->ended = true;
	http_stream_wake(s);
}

static ssize_t stream_read(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct http_stream *s = cls;
	if (s->ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	long n = s->next(s->stream, buf, max);
	if (n != 0)
		return n > 0 ? n : MHD_CONTENT_READER_END_OF_STREAM;
	const union MHD_ConnectionInfo *fd =
		MHD_get_connection_info(s->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	/* No events asked for: a hang-up is told anyhow. */
	s->watch = fd ? loop_add_fd(fd->connect_fd, 0, client_went, s) : NULL;
	if (!s->watch)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	s->suspended = true;
	MHD_suspend_connection(s->connection);
	return 0;
}

static void stream_free(void *cls)
{
	struct http_stream *s = cls;
	loop_remove(s->watch);
	if (s->older)
		s->older->newer = s->newer;
	if (s->newer)
		s->newer->older = s->older;
	else
		streams = s->older;
	s->stream_free(s->stream);
	free(s);
}

struct MHD_Response *stream_response(struct MHD_Connection *connection, const struct http_response *ret)
{
	struct http_stream *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	struct MHD_Response *response =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read, s, stream_free);
	if (!response) {
		free(s);
		return NULL;
	}
	s->connection = connection;
	s->next = ret->next;
	s->stream_free = ret->stream_free;
	s->stream = ret->stream;
	s->older = streams;
	if (streams)
		streams->newer = s;
	streams = s;
	if (ret->ret_handle)
		*ret->ret_handle = s;
	return response;
}

void streams_end_all(void)
{
	for (struct http_stream *s = streams; s; s = s->older) {
		s->ended = true;
		http_stream_wake(s);
	}
}
