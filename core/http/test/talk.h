/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients of a server on a real socket. Both share one thread: clients never block, the loop turns between their
 * steps, and the clock is the test's, so that deadlines pass in no time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

extern char talk_path[64]; /* the server's socket */

/* A client's side: what it got. */
struct talk {
	int fd;
	char got[65536];
	size_t len;
	bool closed; /* by the server */
};

void talk_begin(struct talk *t);
void talk_send(struct talk *t, const char *data, size_t len); /* all of it, unless the server closes first */
void talk_say(struct talk *t, const char *text);
void talk_read(struct talk *t); /* what has come meanwhile */
void talk_end(struct talk *t);

int talk_try_connect(void); /* -1: the backlog is full or nobody listens */
void turn(unsigned times); /* of the loop */
void seconds_pass(unsigned s);

#define GET_VERSION "GET /v1/version HTTP/1.1\r\nHost: weftd\r\n\r\n"
void assert_served(void); /* somebody new */

#define assert_got(t, what)                                                                                          \
	do {                                                                                                         \
		if (!strstr((t)->got, what))                                                                         \
			fail_msg("%s is not in what came: %s", what, (t)->got);                                      \
	} while (0)

int talk_setup(void **state);
int talk_teardown(void **state);
/* Runs a group of tests around a folder of their own. */
struct CMUnitTest;
int talk_run(const struct CMUnitTest *tests, size_t n);
