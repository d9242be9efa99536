/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "core/http/server.h"

struct http_lines {
	struct str text; /* not sent yet, from `sent` on */
	size_t sent;
	bool ended;
	void (*gone)(void *arg);
	void *arg;
	struct http_stream *handle;
};

static long lines_next(void *stream, char *buf, size_t max)
{
	struct http_lines *l = stream;
	size_t n = l->text.len - l->sent;
	if (l->text.failed || (!n && l->ended))
		return -1;
	if (n > max)
		n = max;
	if (n)
		memcpy(buf, l->text.text + l->sent, n);
	l->sent += n;
	if (l->sent == l->text.len) {
		str_free(&l->text);
		l->sent = 0;
	}
	return (long)n;
}

static void lines_free(void *stream)
{
	struct http_lines *l = stream;
	if (!l->ended)
		l->gone(l->arg);
	str_free(&l->text);
	free(l);
}

struct http_lines *http_lines_begin(struct http_response *ret, void (*gone)(void *arg), void *arg)
{
	struct http_lines *l = calloc(1, sizeof(*l));
	if (!l) {
		http_problem(ret, -ENOMEM, NULL);
		return NULL;
	}
	l->gone = gone;
	l->arg = arg;
	ret->content_type = "application/x-ndjson";
	ret->next = lines_next;
	ret->stream_free = lines_free;
	ret->stream = l;
	ret->ret_handle = &l->handle;
	return l;
}

void http_lines_add(struct http_lines *l, json_t *line)
{
	char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	json_decref(line);
	l->text.failed |= !text;
	if (text)
		str_add(&l->text, "%s\n", text);
	free(text);
	http_stream_wake(l->handle);
}

void http_lines_end(struct http_lines *l)
{
	l->ended = true;
	http_stream_wake(l->handle);
}
