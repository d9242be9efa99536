/* SPDX-License-Identifier: Apache-2.0 */
/* One question to the resolver, by a program or over HTTP; nothing here waits. Private to modules/hnv-resolver/control. */
#pragma once

#include <stdint.h>

struct resolver_ask {
	void (*cancel)(struct resolver_ask *ask);
};

/* Once, from the event loop and never before the function that asks has returned; the ask is gone then. answer: what was said,
 * "" for nothing, NULL: it failed, and `why` says how. */
typedef void resolver_done(void *arg, const char *answer, const char *why);

struct resolver_question {
	const char *vsid, *customer, *network; /* as text */
	const char *json; /* the same as an object */
};

#define RESOLVER_ANSWER_MAX 4096 /* bytes */

/* Runs `command`. NULL: errno says why not. */
struct resolver_ask *resolver_command(const char *command, const struct resolver_question *q, uint32_t timeout_ms,
				      resolver_done *done, void *arg);
/* POSTs to http://... or to a unix socket. 200 with the answer, 204 and 404 for nothing. NULL: errno says why not. */
struct resolver_ask *resolver_http(const char *url, const struct resolver_question *q, uint32_t timeout_ms,
				   resolver_done *done, void *arg);
void resolver_http_fini(void); /* nothing is asked any more */

/* done is not called any more; NULL ok */
static inline void resolver_ask_cancel(struct resolver_ask *ask)
{
	if (ask)
		ask->cancel(ask);
}
