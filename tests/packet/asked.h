/* SPDX-License-Identifier: Apache-2.0 */
/* One request to the API whose answer is JSON lines, as a client would read them. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "core/http/server.h"

static struct http_response asked_answer;
static char asked_text[16384]; /* all lines until now */
static bool asked_ended;

/* What came since; asked_text has it, too. */
static inline void asked_read(void)
{
	size_t len = strlen(asked_text);
	long n = 0;
	while (asked_answer.next && len < sizeof(asked_text) - 1 &&
	       (n = asked_answer.next(asked_answer.stream, asked_text + len, sizeof(asked_text) - 1 - len)) > 0) {
		len += (size_t)n;
		asked_text[len] = 0;
	}
	asked_ended |= n < 0;
}

static inline void asked_end(void)
{
	if (asked_answer.next)
		asked_answer.stream_free(asked_answer.stream);
	json_decref(asked_answer.json);
	asked_answer = (struct http_response){0};
	asked_ended = false;
	*asked_text = 0;
}

/* NULL: it is under way; else the refusal's "path: detail". */
static inline const char *ask(const char *target)
{
	static char refused[400];
	asked_end();
	http_dispatch(&(struct http_request){.method = "GET", .target = target, .body = "", .accept = ""},
		      &asked_answer);
	if (asked_answer.next)
		return NULL;
	snprintf(refused, sizeof(refused), "%s: %s", json_string_value(json_object_get(asked_answer.json, "path")),
		 json_string_value(json_object_get(asked_answer.json, "detail")));
	return refused;
}

#define asked_says(what)                                                                                             \
	do {                                                                                                         \
		asked_read();                                                                                        \
		if (!strstr(asked_text, what))                                                                       \
			fail_msg("%s\nis not in\n%s", what, asked_text);                                             \
	} while (0)
