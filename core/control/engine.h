/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The document's life on this host: apply, dry run, confirm, rollback, revisions. Control thread only.
 * Only here does a document become what runs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api/document.h"

struct err;
typedef struct json_t json_t;

struct engine_options {
	bool dry_run;
	uint32_t confirm_within_s; /* 0: stays at once */
	int64_t if_revision; /* -1: whatever runs */
};

/* Takes the state folder (one weftd each: locked); facts can be read from here on. Before modules_init, so that
 * a second weftd is refused before it touches anything. */
int engine_open(const char *state_dir, struct err *e);
/* Brings the stored document up with restarting set; of a change that was not confirmed in time, the one before.
 * After modules_init and the workers' start. */
int engine_start(struct err *e);
/* Takes everything from the workers, which must still run, and stops the modules. */
void engine_stop(bool restore);
void engine_close(void); /* lets the state folder go */

/* json: the parsed document. *ret_answer (new reference, on success):
 * {"revision": N, "changes": [...], "warnings": [...], "confirm-within": S}. -ESTALE: if_revision. */
int engine_apply(json_t *json, const struct engine_options *o, json_t **ret_answer, struct err *e);
int engine_diff(json_t *json, json_t **ret_answer, struct err *e); /* {"changes": [...]} */
int engine_confirm(json_t **ret_answer, struct err *e); /* -ENOENT: nothing waits for it */
int engine_rollback(int64_t revision, json_t **ret_answer, struct err *e); /* -1: the one before */

const struct api_document *engine_document(void);
uint64_t engine_revision(void);
json_t *engine_revisions(void); /* [{revision, time, summary, current}] */
uint32_t engine_unconfirmed_s(void); /* seconds left to confirm; 0: nothing pending */

/* A small durable value beside the document (MACs given from the pool, a takeover's way back). */
json_t *engine_fact_get(const char *name); /* new reference; NULL: none */
int engine_fact_set(const char *name, json_t *value); /* NULL: forget; -errno */
const char *engine_state_dir(void); /* NULL: not open */

#define ENGINE_CONFIRM_MAX_S 3600
