/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the tests that go through a socket. */
#include "core/http/test/talk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "core/control/events.h"
#include "core/control/loop.h"
#include "core/http/server.h"
#include "core/http/test/fakes.h"

char talk_path[64];

static struct sockaddr_un address(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", talk_path);
	return a;
}

/* -1 with errno if the server's backlog is full or nobody listens. */
int talk_try_connect(void)
{
	struct sockaddr_un a = address();
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	int code = errno;
	close(fd);
	errno = code;
	return -1;
}

static int connected(void)
{
	int fd = talk_try_connect();
	assert_true(fd >= 0);
	return fd;
}

void turn(unsigned times)
{
	while (times--)
		assert_int_equal(loop_turn(), 0);
}

void talk_read(struct talk *t)
{
	ssize_t n;
	while ((n = recv(t->fd, t->got + t->len, sizeof(t->got) - 1 - t->len, 0)) > 0)
		t->len += (size_t)n;
	t->closed |= n == 0 || (n < 0 && errno != EAGAIN);
	t->got[t->len] = '\0';
}

void talk_begin(struct talk *t) { *t = (struct talk){.fd = connected()}; }

/* Sends all of it unless the server closes first. */
void talk_send(struct talk *t, const char *data, size_t len)
{
	for (unsigned idle = 0; len && !t->closed && idle < 1000; idle++) {
		ssize_t n = send(t->fd, data, len, MSG_NOSIGNAL);
		if (n > 0) {
			data += n;
			len -= (size_t)n;
			idle = 0;
		} else if (errno != EAGAIN) {
			break;
		}
		turn(1);
	}
	for (unsigned i = 0; i < 60; i++) {
		turn(1);
		talk_read(t);
	}
}

void talk_say(struct talk *t, const char *text) { talk_send(t, text, strlen(text)); }

void talk_end(struct talk *t)
{
	close(t->fd);
	turn(5);
}

void assert_served(void)
{
	struct talk t;
	talk_begin(&t);
	talk_say(&t, GET_VERSION);
	assert_got(&t, "HTTP/1.1 200 OK\r\n");
	assert_got(&t, "{\"version\":");
	talk_end(&t);
}

int talk_setup(void **state)
{
	struct err e = {0};
	fake_reset();
	events_init();
	clock_test_set(1000000000);
	if (loop_init() < 0 || http_start(talk_path, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return -1;
	}
	return 0;
}

int talk_teardown(void **state)
{
	http_stop();
	loop_fini();
	clock_test_release();
	events_init();
	fake_clear();
	return 0;
}

void seconds_pass(unsigned s)
{
	for (unsigned i = 0; i < s; i++) {
		clock_test_advance(1000000000);
		turn(3);
	}
}

int talk_run(const struct CMUnitTest *tests, size_t n)
{
	char folder[] = "/tmp/weft-http-XXXXXX", run[32];
	if (!mkdtemp(folder))
		return 1;
	snprintf(run, sizeof(run), "%s/run", folder);
	snprintf(talk_path, sizeof(talk_path), "%s/weftd.sock", run); /* the server makes the folder */
	int r = _cmocka_run_group_tests("http", tests, n, NULL, NULL);
	rmdir(run);
	rmdir(folder);
	return r;
}
