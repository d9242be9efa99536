/* SPDX-License-Identifier: Apache-2.0 */
/* One request through http_dispatch and what came of it. */
#pragma once

#include <string.h>

#include "core/http/server.h"

extern struct http_response call_answer; /* of the last call */
extern char *call_text; /* its JSON, compact, or its text */

/* The status. */
int call_accepting(const char *accept, const char *method, const char *target, const char *body);
int call(const char *method, const char *target, const char *body);
int get(const char *target);
void call_clear(void);

int call_setup(void **state); /* fakes as new */
int call_teardown(void **state);

#define call_says(what)                                                                                              \
	do {                                                                                                         \
		if (!strstr(call_text, what))                                                                        \
			fail_msg("%s\nis not in\n%s", what, call_text);                                              \
	} while (0)

#define assert_begins(text, with)                                                                                    \
	do {                                                                                                         \
		if (strncmp(text, with, strlen(with)) != 0)                                                          \
			fail_msg("%s\nbegins not with\n%s", text, with);                                             \
	} while (0)
