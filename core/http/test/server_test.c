/* SPDX-License-Identifier: Apache-2.0 */
/* The server on a real socket: requests whole, in pieces, too large and none at all; the socket's file. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "core/http/server.h"
#include "core/http/test/fakes.h"
#include "core/http/test/talk.h"

static void test_serves(void **state)
{
	struct stat st;
	assert_int_equal(stat(talk_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	struct talk t;
	talk_begin(&t);
	talk_say(&t, GET_VERSION);
	assert_got(&t, "Content-Type: application/json\r\n");
	t.len = 0; /* the connection stays */
	talk_say(&t, "DELETE /v1/document HTTP/1.1\r\nHost: weftd\r\n\r\n");
	assert_got(&t, "HTTP/1.1 405 ");
	assert_got(&t, "Allow: GET, PUT\r\n");
	assert_got(&t, "Content-Type: application/problem+json\r\n");
	t.len = 0;
	talk_say(&t, "GET /v1/status/adapter/wire%3Alab?x=1 HTTP/1.1\r\nHost: weftd\r\n\r\n");
	assert_got(&t, "HTTP/1.1 400 ");
	talk_end(&t);
}

static void test_pipelined_requests(void **state)
{
	struct talk t;
	talk_begin(&t);
	talk_say(&t, GET_VERSION GET_VERSION GET_VERSION);
	unsigned answers = 0;
	for (const char *p = t.got; (p = strstr(p, "{\"version\":")); p++)
		answers++;
	assert_int_equal(answers, 3);
	talk_end(&t);
}

static void test_body_in_pieces(void **state)
{
	struct talk t;
	talk_begin(&t);
	talk_say(&t, "PUT /v1/document?dry-run=true HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\n");
	talk_say(&t, "6\r\nhost:\n\r\n");
	talk_say(&t, "e\r\n  name: node5\n\r\n");
	assert_int_equal(fake.applied, 0);
	talk_say(&t, "0\r\n\r\n");
	assert_got(&t, "\"revision\":7");
	assert_int_equal(fake.applied, 1);
	assert_true(fake.options.dry_run);
	talk_end(&t);
}

static void test_body_too_large(void **state)
{
	size_t len = HTTP_BODY_MAX + 1;
	char *body = malloc(len);
	char head[128];
	struct talk t;
	assert_non_null(body);
	memset(body, ' ', len);
	/* With a length, without one, and by someone who asks first. */
	talk_begin(&t);
	snprintf(head, sizeof(head), "PUT /v1/document HTTP/1.1\r\nHost: w\r\nContent-Length: %zu\r\n\r\n", len);
	talk_say(&t, head);
	talk_send(&t, body, len);
	assert_got(&t, "HTTP/1.1 413 ");
	assert_got(&t, "a body has at most 17825792 bytes");
	talk_end(&t);

	talk_begin(&t);
	snprintf(head, sizeof(head),
		 "PUT /v1/document HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n", len);
	talk_say(&t, head);
	talk_send(&t, body, len);
	talk_say(&t, "\r\n0\r\n\r\n");
	assert_got(&t, "HTTP/1.1 413 ");
	assert_got(&t, "a body has at most");
	talk_end(&t);

	talk_begin(&t);
	snprintf(head, sizeof(head),
		 "PUT /v1/document HTTP/1.1\r\nHost: w\r\nContent-Length: %zu\r\nExpect: 100-continue\r\n\r\n", len);
	talk_say(&t, head);
	assert_got(&t, "HTTP/1.1 413 ");
	talk_end(&t);

	/* One byte less is for the parser to judge. */
	talk_begin(&t);
	snprintf(head, sizeof(head), "PUT /v1/document HTTP/1.1\r\nHost: w\r\nContent-Length: %zu\r\n\r\n", len - 1);
	talk_say(&t, head);
	talk_send(&t, body, len - 1);
	assert_null(strstr(t.got, "a body has at most"));
	assert_true(t.len > 0);
	talk_end(&t);
	free(body);
	assert_int_equal(fake.applied, 0);
	assert_served();
}

static void test_garbage(void **state)
{
	static const char *const noise[] = {
		"\r\n\r\n\r\n",
		"\x16\x03\x01\x02garbage\r\n\r\n",
		"GET\r\n\r\n",
		"GET /v1/version\r\n\r\n",
		"GET /v1/version HTTP/9.9\r\n\r\n",
		"PUT /v1/document HTTP/1.1\r\nHost: w\r\nContent-Length: -1\r\n\r\n",
		"PUT /v1/document HTTP/1.1\r\nHost: w\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"PUT /v1/document HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
		"GET http://[::1/ HTTP/1.1\r\nHost: w\r\n\r\n",
		"GET * HTTP/1.1\r\nHost: w\r\n\r\n"};
	struct talk t;
	for (size_t i = 0; i < sizeof(noise) / sizeof(*noise); i++) {
		talk_begin(&t);
		talk_say(&t, noise[i]);
		talk_end(&t);
	}
	srand(1);
	for (unsigned i = 0; i < 200; i++) {
		char bytes[256];
		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = (char)rand();
		talk_begin(&t);
		talk_send(&t, bytes, sizeof(bytes));
		talk_end(&t);
	}
	assert_int_equal(fake.applied, 0);
	assert_served();
}

static void test_huge_header(void **state)
{
	size_t len = 1 << 20;
	char *header = malloc(len);
	struct talk t;
	assert_non_null(header);
	memset(header, 'x', len);
	talk_begin(&t);
	talk_say(&t, "GET /v1/version HTTP/1.1\r\nHost: w\r\nX-Long: ");
	talk_send(&t, header, len);
	assert_true(t.closed || strstr(t.got, "HTTP/1.1 4"));
	assert_null(strstr(t.got, " 200 "));
	talk_end(&t);
	talk_begin(&t);
	talk_say(&t, "GET /");
	talk_send(&t, header, len);
	assert_true(t.closed || strstr(t.got, "HTTP/1.1 4"));
	talk_end(&t);
	free(header);
	assert_served();
}

static void test_socket_of_a_live_server_is_left_alone(void **state)
{
	struct err e = {0};
	http_stop();
	assert_int_equal(access(talk_path, F_OK), -1);
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", talk_path);
	int other = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(other, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(other, 1), 0);
	assert_int_equal(http_start(talk_path, &e), -EADDRINUSE);
	assert_non_null(strstr(e.text, "another program answers on"));
	close(other);
	assert_int_equal(http_start(talk_path, &e), 0); /* it is dead now */
	assert_served();
	http_stop();

	FILE *file = fopen(talk_path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(http_start(talk_path, &e), -EEXIST);
	assert_int_equal(access(talk_path, F_OK), 0);
	unlink(talk_path);
	assert_int_equal(http_start("", &e), -EINVAL);
	char long_path[200];
	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(http_start(long_path, &e), -EINVAL);
	assert_int_equal(http_start(talk_path, &e), 0);
}

static void test_replaced_socket_is_not_removed(void **state)
{
	struct stat st;
	unlink(talk_path);
	FILE *file = fopen(talk_path, "w");
	fclose(file);
	http_stop();
	assert_int_equal(stat(talk_path, &st), 0);
	unlink(talk_path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, talk_setup, talk_teardown)
	const struct CMUnitTest tests[] = {
		TEST(serves),
		TEST(pipelined_requests),
		TEST(body_in_pieces),
		TEST(body_too_large),
		TEST(garbage),
		TEST(huge_header),
		TEST(socket_of_a_live_server_is_left_alone),
		TEST(replaced_socket_is_not_removed),
	};
	return talk_run(tests, sizeof(tests) / sizeof(*tests));
}
