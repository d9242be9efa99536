/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the tests of the routes. */
#include "core/http/test/call.h"

#include <stdlib.h>

#include <jansson.h>

#include "base/str.h"
#include "core/http/test/fakes.h"

struct http_response call_answer;
char *call_text;

void call_clear(void)
{
	json_decref(call_answer.json);
	free(call_answer.text);
	if (call_answer.next)
		call_answer.stream_free(call_answer.stream);
	call_answer = (struct http_response){0};
	free(call_text);
	call_text = NULL;
}

int call_accepting(const char *accept, const char *method, const char *target, const char *body)
{
	struct http_request r = {
		.method = method, .target = target, .body = body, .body_len = strlen(body), .accept = accept};
	call_clear();
	http_dispatch(&r, &call_answer);
	call_text = call_answer.json ? json_dumps(call_answer.json, JSON_COMPACT)
				     : str_dup(call_answer.text ? call_answer.text : "");
	return call_answer.status ? call_answer.status : 200;
}

int call(const char *method, const char *target, const char *body)
{
	return call_accepting("", method, target, body);
}

int get(const char *target) { return call("GET", target, ""); }

int call_setup(void **state)
{
	fake_reset();
	return 0;
}

int call_teardown(void **state)
{
	call_clear();
	fake_clear();
	return 0;
}
