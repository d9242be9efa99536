/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests from bytes through http_dispatch, before the same fakes as the unit tests': routing, decoding of paths
 * and queries, documents, frames in hex, streams. Input: a byte for method and Accept, the target up to a newline,
 * the rest is the body.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/control/events.h"
#include "core/control/loop.h"
#include "core/http/server.h"
#include "core/http/test/fakes.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fake_reset();
	events_init();
	events_add(LOG_LEVEL_INFO, "host", "something to follow");
	return loop_init();
}

/* A client that takes what there is and goes. */
static void stream_drain(struct http_response *ret)
{
	char buf[100];
	fake.capture_ready = true;
	for (long n = 1, total = 0; n > 0 && total < 100000; total += n) {
		n = ret->next(ret->stream, buf, sizeof(buf));
		if (n > (long)sizeof(buf))
			abort();
	}
	ret->stream_free(ret->stream);
}

static void answer_check(const struct http_response *ret)
{
	int status = ret->status ? ret->status : 200;
	if (!ret->json == !ret->text && !ret->next)
		abort(); /* neither or both */
	if (status >= 400 && !json_object_get(ret->json, "detail"))
		abort();
	if (ret->json) {
		char *text = json_dumps(ret->json, JSON_COMPACT | JSON_ENCODE_ANY);
		if (!text)
			abort();
		free(text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const methods[] = {"GET",	"PUT", "POST", "HEAD",
					      "DELETE", "",    "get",  "GETGETGETGETGETGETGET"};
	if (size < 2)
		return 0;
	const uint8_t *end = memchr(data + 1, '\n', size - 1);
	size_t target_len = end ? (size_t)(end - data) - 1 : size - 1;
	size_t body_len = size - 1 - target_len - (end ? 1 : 0);
	char *target = strndup((const char *)data + 1, target_len);
	char *body = calloc(1, body_len + 1);
	if (!target || !body)
		abort();
	if (body_len)
		memcpy(body, end + 1, body_len);
	struct http_response ret = {0};
	struct http_request r = {.method = methods[data[0] & 7],
				 .target = target,
				 .body = body,
				 .body_len = body_len,
				 .accept = data[0] & 8 ? "application/yaml" : ""};
	fake.engine_result = data[0] & 16 ? -22 : 0;
	http_dispatch(&r, &ret);
	answer_check(&ret);
	if (ret.next)
		stream_drain(&ret);
	if (fake.captures_open)
		abort();
	json_decref(ret.json);
	free(ret.text);
	free(target);
	free(body);
	return 0;
}
