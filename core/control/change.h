/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One change on its way through the modules, private to core/control:
 * init -> prepare -> (abort | commit -> take_next -> retire) -> fini.
 */
#pragma once

#include "core/control/module.h"

struct change {
	struct txn t;
	struct api_document *next; /* t.next while the change owns it */
	struct dataplane *replaced; /* between commit and retire */
	json_t *changes; /* api_document_diff(prev, next) */
	char summary[200]; /* the changes in a few words */
	uint64_t target; /* the revision that will run; given by the store if is_new */
	bool is_new; /* the document is not in the store yet */
	bool settles; /* ends what waits to be confirmed */
	uint32_t confirm_within_s; /* for the answer */
};

/* Takes next over, also on failure. prev stays the caller's and must live until fini. */
int change_init(struct change *c, const struct api_document *prev, struct api_document *next, struct err *e);
void change_fini(struct change *c);

/* All modules, or none: on failure those that prepared have aborted. */
int change_prepare(struct change *c, struct err *e);
void change_abort(struct change *c);
/* Commits every module and hands the workers the new snapshot. */
void change_commit(struct change *c);
struct api_document *change_take_next(struct change *c); /* the document that runs now is the caller's */
/* Lets every module drop what only the old snapshot used, and frees that. prev may go after it. */
void change_retire(struct change *c);

/* The end: workers get an empty snapshot, modules stop, last ones first. */
void change_stop(bool restore);
