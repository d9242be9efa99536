/* SPDX-License-Identifier: Apache-2.0 */
/* A weftd for tests: a thread that answers on a unix socket by a table, and remembers what it was asked. */
#pragma once

struct fake_answer {
	const char *request; /* "GET /v1/status": method and target as sent */
	int status;
	const char *body;
	unsigned cut; /* close after so many bytes of the body; 0: send all */
};

/* answers end with a request of NULL; anything else is answered 404 with a problem object. */
void fake_weftd_start(const struct fake_answer *answers);
void fake_weftd_stop(void);
const char *fake_weftd_socket(void);
const char *fake_weftd_last_request(void); /* "PUT /v1/document?dry-run=false" */
const char *fake_weftd_last_body(void);
