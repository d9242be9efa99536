/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to its route and back, and the document's routes, without a socket. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/err.h"
#include "base/str.h"
#include "core/http/server.h"
#include "core/http/test/call.h"
#include "core/http/test/fakes.h"
#include "core/http/url.h"

static void test_url_is_split_before_it_is_decoded(void **state)
{
	struct url u;
	struct err e = {0};
	assert_int_equal(url_parse("/v1/fdb/a%2Fb%20c?k%3D=1%262&plus=a+b&bare", &u, &e), 0);
	assert_int_equal(u.n_segments, 3);
	assert_string_equal(u.segment[2], "a/b c");
	assert_string_equal(url_query(&u, "k="), "1&2");
	assert_string_equal(url_query(&u, "plus"), "a b");
	assert_string_equal(url_query(&u, "bare"), "");
	assert_null(url_query(&u, "k"));
	assert_int_equal(url_parse("/a%2541", &u, &e), 0);
	assert_string_equal(u.segment[0], "a%41"); /* once, not twice */
}

static void test_url_refuses_what_is_none(void **state)
{
	static const char *const bad[] = {"",	  "v1",	    "http://x/v1", "/%",       "/%4",	     "/%4g",
					  "/%zz", "/a%00b", "/a%0ab",	   "/a?x=%7f", "/a?x=1&x=2", "/a?%78=1&x=2"};
	struct url u;
	struct err e;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (url_parse(bad[i], &u, &e) != -EINVAL)
			fail_msg("%s was taken", bad[i]);
	assert_int_equal(url_parse("/1/2/3/4/5/6/7/8/9", &u, &e), -E2BIG);
	assert_int_equal(url_parse("/?a&b&c&d&e&f&g&h&i", &u, &e), -E2BIG);
	char *long_one = malloc(URL_SIZE_MAX + 1);
	memset(long_one, 'a', URL_SIZE_MAX);
	long_one[0] = '/';
	long_one[URL_SIZE_MAX] = '\0';
	assert_int_equal(url_parse(long_one, &u, &e), -E2BIG);
	long_one[URL_SIZE_MAX - 1] = '\0';
	assert_int_equal(url_parse(long_one, &u, &e), 0);
	free(long_one);
}

static void test_unknown_places_and_methods(void **state)
{
	assert_int_equal(get("/"), 404);
	assert_string_equal(call_text,
			    "{\"title\":\"Not Found\",\"status\":404,\"detail\":\"nothing is at /\",\"path\":\"\"}");
	assert_string_equal(call_answer.content_type, "application/problem+json");
	assert_int_equal(get("/v1/document/"), 404);
	assert_int_equal(get("/v1/documents"), 404);
	assert_int_equal(get("/v1/status/adapter/"), 404);
	call_says("nothing is at /v1/status/adapter/"); /* and not: there is no adapter named "" */
	assert_int_equal(get("/v1/%zz"), 400);
	assert_int_equal(call("DELETE", "/v1/document", ""), 405);
	assert_string_equal(call_answer.allow, "GET, PUT");
	call_says("\"detail\":\"DELETE is not possible here; use GET, PUT\"");
	assert_int_equal(get("/v1/explain"), 405);
	assert_string_equal(call_answer.allow, "POST");
	assert_int_equal(call("HEAD", "/v1/version", ""), 200);
}

static void test_query_keys_are_checked(void **state)
{
	assert_int_equal(call("PUT", "/v1/document?dry_run=true", "{}"), 400);
	call_says("\"detail\":\"not known here; use dry-run, confirm-within, if-revision\",\"path\":\"dry_run\"");
	assert_int_equal(call("PUT", "/v1/document?dry=true", "{}"), 400);
	assert_int_equal(get("/v1/version?x"), 400);
	assert_int_equal(fake.applied, 0);
}

static void test_document_is_read(void **state)
{
	assert_int_equal(get("/v1/document"), 200);
	assert_begins(call_text, "{\"host\":{\"name\":\"node1\"");
	call_says("\"switches\":[{\"name\":\"lab\"");
	assert_int_equal(call_accepting("application/yaml", "GET", "/v1/document", ""), 200);
	assert_string_equal(call_answer.content_type, "application/yaml");
	call_says("name: node1\n");
}

static void test_document_is_put(void **state)
{
	assert_int_equal(call("PUT", "/v1/document", "host:\n  name: node2\n"), 200);
	assert_string_equal(call_text,
			    "{\"revision\":7,\"changes\":[],\"warnings\":[],\"confirm-within\":0,\"dry-run\":false}");
	assert_false(fake.options.dry_run);
	assert_int_equal(fake.options.confirm_within_s, 0);
	assert_int_equal(fake.options.if_revision, -1);
	assert_int_equal(call("PUT", "/v1/document?dry-run=true&confirm-within=60&if-revision=12", "{}"), 200);
	call_says("\"dry-run\":true");
	assert_true(fake.options.dry_run);
	assert_int_equal(fake.options.confirm_within_s, 60);
	assert_int_equal(fake.options.if_revision, 12);
	assert_int_equal(call("PUT", "/v1/document?dry-run=false&if-revision=0", "{}"), 200);
	assert_int_equal(fake.options.if_revision, 0);
	assert_int_equal(fake.applied, 3);
}

static void test_document_is_refused(void **state)
{
	static const char *const bad[] = {"dry-run=1",
					  "dry-run",
					  "confirm-within=-1",
					  "confirm-within=",
					  "confirm-within=1x",
					  "confirm-within=99999999",
					  "if-revision=18446744073709551616",
					  "if-revision=9223372036854775808",
					  "if-revision=%31%20"};
	char target[128];
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(target, sizeof(target), "/v1/document?%s", bad[i]);
		if (call("PUT", target, "{}") != 400)
			fail_msg("%s was taken", bad[i]);
	}
	assert_int_equal(call("PUT", "/v1/document", "host: {name: [}"), 400);
	assert_int_equal(call("PUT", "/v1/document", "hosts: {}"), 400);
	assert_int_equal(fake.applied, 0);
}

static void test_refusals_of_the_engine(void **state)
{
	static const struct {
		int code, status;
	} want[] = {{EINVAL, 400}, {ENOENT, 404}, {EEXIST, 409}, {EBUSY, 409},
		    {ESTALE, 412}, {EFBIG, 413},  {EIO, 500}};
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		fake.engine_result = -want[i].code;
		assert_int_equal(call("PUT", "/v1/document", "{}"), want[i].status);
		call_says("\"detail\":\"refused by the test\",\"path\":\"adapters[0].name\"");
	}
	fake.engine_result = -ENOENT;
	assert_int_equal(call("POST", "/v1/confirm", ""), 409);
	assert_int_equal(call("POST", "/v1/rollback?revision=3", ""), 404);
	assert_int_equal(fake.rollback_revision, 3);
}

static void test_the_other_document_routes(void **state)
{
	assert_int_equal(call("POST", "/v1/diff", "{}"), 200);
	assert_string_equal(call_text, "{\"changes\":[]}");
	assert_int_equal(call("POST", "/v1/confirm", ""), 200);
	assert_int_equal(call("POST", "/v1/rollback", ""), 200);
	assert_int_equal(fake.rollback_revision, -1);
	assert_int_equal(get("/v1/revisions"), 200);
	assert_string_equal(call_text, "[{\"revision\":7,\"current\":true}]");
	assert_int_equal(get("/v1/version"), 200);
	assert_begins(call_text, "{\"version\":\"");
}

static void test_openapi_names_every_route(void **state)
{
	assert_int_equal(get("/openapi.json"), 200);
	json_t *paths = json_object_get(call_answer.json, "paths");
	size_t routes = 0, operations = 0;
	for (const struct http_route *r = http_routes(); r; r = r->next)
		routes++;
	const char *path, *method;
	json_t *item, *operation;
	json_object_foreach(paths, path, item)
		json_object_foreach(item, method, operation)
			operations++;
	assert_int_equal(operations, routes);
	assert_non_null(json_object_get(json_object_get(paths, "/v1/stats/{kind}/{name}"), "get"));
	call_says("{\"name\":\"if-revision\",\"in\":\"query\",\"required\":false,\"schema\":{\"type\":\"string\"}}");
	json_t *schemas = json_object_get(json_object_get(call_answer.json, "components"), "schemas");
	assert_non_null(json_object_get(schemas, "problem"));
	/* Whatever is referred to is there. */
	for (const char *p = call_text; (p = strstr(p, "#/components/schemas/")); p++) {
		char name[64];
		assert_int_equal(sscanf(p, "#/components/schemas/%63[^\"]", name), 1);
		if (!json_object_get(schemas, name))
			fail_msg("schema %s is not there", name);
	}
}

static void test_problems_are_always_json(void **state)
{
	struct err e = {0};
	call_clear();
	err_set(&e, EINVAL, NULL, "cut \xc3");
	http_problem(&call_answer, -EINVAL, &e);
	assert_string_equal(json_string_value(json_object_get(call_answer.json, "detail")), "cut ?");
	assert_int_equal(get("/v1/status/adapter/%ff%fe"), 404);
	call_says("there is no adapter ??");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, call_setup, call_teardown)
	const struct CMUnitTest tests[] = {
		TEST(url_is_split_before_it_is_decoded),
		TEST(url_refuses_what_is_none),
		TEST(unknown_places_and_methods),
		TEST(query_keys_are_checked),
		TEST(document_is_read),
		TEST(document_is_put),
		TEST(document_is_refused),
		TEST(refusals_of_the_engine),
		TEST(the_other_document_routes),
		TEST(openapi_names_every_route),
		TEST(problems_are_always_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
