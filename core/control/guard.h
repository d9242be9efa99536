/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guardian: a process of its own that outlives weftd. While a change waits to be confirmed it waits too;
 * if the time is over and no weftd holds the state folder, it gives interfaces back to the host and makes
 * the revision before the one that runs next. Also the way to give interfaces back without a weftd.
 */
#pragma once

struct api_document;
struct err;

/* Starts this program again as `weft-guard --guard FOLDER` for the open state folder, in a session of its own,
 * with no descriptor of ours but stderr. It ends by itself when nothing waits any more. Control thread. */
int guard_spawn(struct err *e);

/* What that process does, until nothing waits any more. For main(), before EAL and anything else. */
int guard_run(const char *state_dir);

/* `weftd --restore`: every module gives back what it took from the host. -EBUSY: a weftd runs. An unconfirmed change
 * is dropped. */
int guard_restore(const char *state_dir, struct err *e);

/* For guard_rollback of modules: the document that the next weftd starts with after a change that nobody confirmed;
 * the caller frees it. NULL: the host goes back to having no weft at all. */
struct api_document *guard_document(void);
