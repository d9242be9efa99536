/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that take their time, come in crowds, or stay for a stream: bounded, and the others are served. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "core/control/events.h"
#include "core/http/server.h"
#include "core/http/test/fakes.h"
#include "core/http/test/talk.h"

static void test_idle_time_is_not_the_next_request_s(void **state)
{
	struct talk t;
	talk_begin(&t);
	talk_say(&t, GET_VERSION);
	seconds_pass(29);
	t.len = 0;
	talk_say(&t, "PUT /v1/document HTTP/1.1\r\nHost: w\r\nContent-Length: 2\r\n\r\n{");
	seconds_pass(5);
	talk_say(&t, "}");
	assert_got(&t, "HTTP/1.1 200 OK");
	seconds_pass(31); /* but idle for ever it is not */
	talk_read(&t);
	assert_true(t.closed);
	talk_end(&t);
}

#define CROWD 1000

static void test_half_a_request_is_cut(void **state)
{
	struct talk half, drip;
	talk_begin(&half);
	talk_begin(&drip);
	talk_say(&half, "PUT /v1/document HTTP/1.1\r\nHost: w\r\nContent-Length: 100\r\n\r\n{");
	talk_say(&drip, "GET /v1/version HTTP/1.1\r\nX-Slow: ");
	for (unsigned i = 0; i < 29; i++) {
		seconds_pass(1);
		talk_say(&drip, "a"); /* each byte starts the daemon's own timeout again */
	}
	talk_read(&half);
	assert_false(half.closed || drip.closed);
	seconds_pass(3);
	talk_read(&half);
	talk_read(&drip);
	assert_true(half.closed && drip.closed);
	talk_end(&half);
	talk_end(&drip);
	assert_int_equal(fake.applied, 0);
	assert_served();
}

static void test_a_crowd_does_not_keep_others_out(void **state)
{
	static int crowd[CROWD];
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	unsigned n = 0;
	/* As many as get in; the rest is refused by the kernel, as the backlog is full. */
	for (unsigned i = 0; i < CROWD; i++) {
		int fd = talk_try_connect();
		if (fd >= 0)
			crowd[n++] = fd;
		turn(1);
	}
	assert_true(n >= 64);
	/* Somebody with a real question gets into the backlog and is answered before long. */
	struct talk t = {.fd = -1};
	unsigned waited = 0;
	for (; t.fd < 0 && waited < 100; waited++) {
		t.fd = talk_try_connect();
		clock_test_advance(250000000);
		turn(3);
	}
	assert_true(t.fd >= 0);
	assert_int_equal(send(t.fd, GET_VERSION, strlen(GET_VERSION), MSG_NOSIGNAL), strlen(GET_VERSION));
	for (; !t.len && waited < 100; waited++) {
		clock_test_advance(250000000);
		turn(3);
		talk_read(&t);
	}
	assert_got(&t, "{\"version\":");
	assert_true(waited < 40); /* ten seconds */
	talk_end(&t);
	while (n)
		close(crowd[--n]);
	turn(20);
	seconds_pass(1);
	assert_served();
}

static void test_events_go_on(void **state)
{
	struct talk t;
	talk_begin(&t);
	talk_say(&t, "GET /v1/events?follow=true HTTP/1.1\r\nHost: w\r\n\r\n");
	assert_got(&t, "Content-Type: application/x-ndjson\r\n");
	seconds_pass(100); /* no deadline for it */
	for (unsigned i = 0; i < 50; i++) {
		char text[32];
		snprintf(text, sizeof(text), "event %u.", i);
		events_add(LOG_LEVEL_INFO, "host", text);
		turn(4);
		talk_read(&t);
		assert_got(&t, text);
	}
	assert_false(t.closed);
	talk_end(&t);
	events_add(LOG_LEVEL_INFO, "host", "nobody follows");
	turn(4);
	assert_served();
}

static void test_stream_ends_with_its_client(void **state)
{
	struct talk t;
	talk_begin(&t);
	talk_say(&t, "GET /v1/capture?adapter=vm1 HTTP/1.1\r\nHost: w\r\n\r\n");
	assert_int_equal(fake.captures_open, 1);
	fake.capture_ready = true;
	seconds_pass(1);
	talk_read(&t);
	assert_got(&t, "block\n");
	talk_end(&t);
	assert_int_equal(fake.captures_open, 0);

	/* One that only stops sending still listens. */
	talk_begin(&t);
	talk_say(&t, "GET /v1/capture HTTP/1.1\r\nHost: w\r\n\r\n");
	shutdown(t.fd, SHUT_WR);
	fake.capture_ready = true;
	seconds_pass(1);
	talk_read(&t);
	assert_got(&t, "block\n");
	fake.capture_finished = true;
	seconds_pass(1);
	talk_read(&t);
	assert_got(&t, "\r\n0\r\n");
	assert_int_equal(fake.captures_open, 0);
	talk_end(&t);
}

static void test_streams_leave_room(void **state)
{
	static struct talk t[40];
	unsigned streaming = 0;
	for (unsigned i = 0; i < 40; i++) {
		talk_begin(&t[i]);
		talk_say(&t[i], "GET /v1/capture HTTP/1.1\r\nHost: w\r\n\r\n");
		if (strstr(t[i].got, " 200 OK"))
			streaming++;
		else
			assert_got(&t[i], "HTTP/1.1 503 ");
	}
	assert_int_equal(streaming, 32);
	assert_int_equal(fake.captures_open, 32);
	assert_served();
	for (unsigned i = 0; i < 20; i++)
		talk_end(&t[i]);
	seconds_pass(1);
	assert_int_equal(fake.captures_open, 12);
	/* The others end with the server. */
	http_stop();
	assert_int_equal(fake.captures_open, 0);
	for (unsigned i = 20; i < 40; i++)
		close(t[i].fd);
	struct err e;
	assert_int_equal(http_start(talk_path, &e), 0);
	assert_served();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, talk_setup, talk_teardown)
	const struct CMUnitTest tests[] = {
		TEST(idle_time_is_not_the_next_request_s), TEST(half_a_request_is_cut),
		TEST(a_crowd_does_not_keep_others_out),	   TEST(events_go_on),
		TEST(stream_ends_with_its_client),	   TEST(streams_leave_room),
	};
	return talk_run(tests, sizeof(tests) / sizeof(*tests));
}
