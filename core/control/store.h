/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What weftd keeps on disk, private to core/control and to guard_rollback, which has no engine. One folder, one
 * owner at a time:
 *
 *   lock                 flock'ed by its owner, who writes "PID NAME" into it
 *   current              the number of the revision that runs; absent: 0, the empty document
 *   pending.json         what happens unless somebody confirms: {previous, deadline, confirm-within}
 *   revisions/007.json   {revision, previous, time, summary, document}
 *   facts/NAME.json      small values of modules
 *
 * Every file is replaced whole (base/file.h), so a crash leaves the old or the new one. A write that cannot be
 * proven durable but is visible counts as done, with a warning: what is visible is what a restart will find.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_REVISIONS_KEPT 64

struct err;
typedef struct json_t json_t;

struct store_pending {
	uint64_t previous; /* the revision to go back to */
	uint64_t deadline_ms; /* wall clock, since 1970 */
	uint32_t within_s; /* what was asked for: bounds the wait when the clock was set back */
};

/* Makes the folder if need be, locks it, sweeps what half-done writes left. -EBUSY: somebody else has it. One
 * that is about to end (a weftd that was killed a moment ago, a guard that is finishing) is waited for, a few seconds. */
int store_open(const char *dir, const char *owner, struct err *e);
void store_close(void);
const char *store_dir(void); /* NULL: not open */

/* The revision that `current` names, and its document (new reference). Revision 0 is {}. */
int store_current_load(uint64_t *ret_number, json_t **ret_document, struct err *e);
/* -ENOENT: not kept; e says which are. */
int store_document_load(uint64_t number, json_t **ret_document, struct err *e);
/* What ran before `number`: a rollback's way back. */
int store_previous(uint64_t number, uint64_t *ret_previous, struct err *e);

/* Writes a new revision, durably; it does not run before store_current_set names it. */
int store_revision_add(uint64_t previous, json_t *document, const char *summary, uint64_t *ret_number, struct err *e);
void store_revision_forget(uint64_t number); /* one that never ran */
int store_current_set(uint64_t number, struct err *e); /* names the revision that runs */
/* Drops the oldest beyond STORE_REVISIONS_KEPT, but none that a rollback without a number may go back to. */
void store_prune(void);
json_t *store_revisions(void); /* [{revision, time, summary, current}], oldest first. New reference */

/* true: *ret holds what waits to be confirmed. dir NULL: the open folder. */
bool store_pending_get(const char *dir, struct store_pending *ret);
int store_pending_set(const struct store_pending *p, struct err *e); /* NULL: nothing waits any more */
