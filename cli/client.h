/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking weftd: HTTP over its unix socket. A failure is told to the user here, once, so that callers only hand
 * the exit code on.
 */
#pragma once

#include <jansson.h>

#include "base/str.h"
#include "cli/command.h"

struct client_request {
	const char *method; /* NULL: GET */
	const char *path; /* with query, escaped: "/v1/stats/adapter/vm1" */
	const char *body; /* NULL: none */
	size_t body_len;
	const char *content_type; /* of the body */
	unsigned again_ms; /* asked again for so long while weftd answers that it cannot yet (503) */
	const char *refused_about; /* put in front of a refusal without a field path; NULL: nothing */
};

/* The answer in *ret_json (new reference). CLI_OK, CLI_REFUSED (weftd's reason printed), CLI_UNREACHABLE. */
int client_call(struct cli *c, const struct client_request *r, json_t **ret_json);
int client_get(struct cli *c, const char *path, json_t **ret_json);

/* Gets bytes as they come. 0: more, 1: enough. CLI_OK also when client_interrupted() ended it. */
typedef int client_sink_fn(void *arg, const char *data, size_t len);
int client_stream(struct cli *c, const char *path, client_sink_fn *sink, void *arg);

/* The same for an answer of JSON lines: fn gets each. 0: more, 1: enough. */
typedef int client_line_fn(void *arg, const json_t *line);
int client_lines(struct cli *c, const char *path, client_line_fn *fn, void *arg);

/* Adds text with everything escaped that has a meaning in a path or query. */
void client_escape(struct str *s, const char *text);

/* From here on Ctrl-C and SIGTERM end streams and waits in good order instead of the program. */
void client_catch_interrupt(void);
bool client_interrupted(void);
