/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module is one feature. It registers itself; hostd knows none by name. The control thread takes every
 * change of the document through all modules in order of depends_on:
 *
 *   prepare (all)  -> the store writes the revision -> commit (all)      or, if one refuses,
 *   abort (those that prepared, in reverse order)
 *
 * prepare may do what abort can undo (open ports beside the old ones, move addresses); commit cannot fail.
 */
#pragma once

#include <stdbool.h>

#include "api/document.h"

struct err;
struct dataplane;
typedef struct json_t json_t;

struct txn {
	const struct api_document *prev; /* what runs */
	const struct api_document *next; /* what is to run */
	bool restarting; /* weftd comes up: wait for what is not there instead of refusing */
	bool dry_run; /* prepare as far as can be checked without touching anything; never committed */
	struct dataplane *dp; /* the snapshot under construction; owned by the transaction */
	json_t *warnings; /* array of strings shown with the answer */
};

struct module {
	const char *name;
	const char *const *depends_on; /* NULL-terminated; NULL: nothing */
	int (*init)(struct err *e); /* after EAL; NULL ok, as for all below */
	void (*fini)(void);
	int (*prepare)(struct txn *t, struct err *e);
	void (*commit)(struct txn *t);
	void (*abort)(struct txn *t);
	/* After commit, workers on the new snapshot: let go of what only the old one used. */
	void (*retire)(struct txn *t);
	/* weftd stops (the host keeps its adapters) or is being uninstalled (restore: give interfaces back). */
	void (*stop)(bool restore);
	/* weftd is gone and its last change was not confirmed (or it is being uninstalled): give interfaces back
	 * to the host from what engine_fact_get still knows. Another process than the one that took them; no
	 * init, no EAL, no workers before it. 0 when there was nothing to give back. */
	int (*guard_rollback)(const char *state_dir, struct err *e);
	/* Adds lists of kinds of its own to the status of everything, under their plural: {"routing-domains": [{"name",
	 * ...}]}; `status KIND [NAME]` finds them there. */
	void (*status)(json_t *object);
	/* Adds to the status object of a switch or an adapter. */
	void (*status_switch)(const struct api_switch *sw, json_t *object);
	void (*status_adapter)(const struct api_adapter *ad, json_t *object);
	void (*tick)(void); /* about once a second, control thread */
	struct module *next;
};

void module_register(struct module *m);
#define MODULE(ident)                                                                                                \
	__attribute__((constructor)) static void module_register_##ident(void) { module_register(&(ident)); }

int modules_init(struct err *e); /* sorts by depends_on; a cycle or unknown name is a programmer's error: abort */
void modules_fini(void);
/* In order of dependency, or against it; fn returning non-zero stops and is returned. No init needed before. */
int modules_each(int (*fn)(struct module *m, void *arg), void *arg);
int modules_each_reverse(int (*fn)(struct module *m, void *arg), void *arg);
