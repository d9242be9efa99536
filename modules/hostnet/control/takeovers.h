/* SPDX-License-Identifier: Apache-2.0 */
/* All interfaces taken over, through transactions. Each callback of the module has its counterpart here. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "modules/hostnet/control/takeover.h"

struct api_document;
struct interface_listener;
struct host_adapters;
struct txn;

/* Reads the fact on disk; what it names is ours until given back. */
void takeovers_load(struct takeover **list);
void takeovers_load_all(void); /* once, into the list that the calls below work on */
/* What is taken, and what is noted because its stack is about to fall silent. Nothing of either: forgets the fact. */
int takeovers_store(void);

/* What the switches of t->next take that is not taken yet, and what goes on with another adapter. Undoes itself
 * on failure. */
int takeovers_prepare(struct netlink *nl, struct txn *t, const struct host_adapters *adapters, struct err *e);
/* The warnings of prepare, and its refusals, without touching anything. */
int takeovers_preview(struct netlink *nl, struct txn *t, struct err *e);
void takeovers_undo(struct netlink *nl);
/* Gives back what the document does not name any more; keeps others off the rest. */
void takeovers_commit(struct netlink *nl, const struct api_document *doc);
void takeovers_retire(void); /* ports are closed: nothing more to put right */
void takeovers_restore(struct netlink *nl); /* gives everything back */
void takeovers_stand_in(struct netlink *nl); /* weftd stops: interfaces carry for their adapters meanwhile */
void takeovers_fini(void); /* frees the lists, touches nothing */

/* Interfaces that came late, after a boot or plugged in: taken now. true: something was. */
bool takeovers_tick(struct netlink *nl, const struct api_document *doc, const struct host_adapters *adapters);

/* The tap is a new one: what it carries on for others comes back onto it. */
int takeovers_replay(struct netlink *nl, const char *tap);
/* For interface_listen. */
extern const struct interface_listener takeovers_listener;

struct takeover *takeovers_list(void); /* those in force, or being taken in this transaction */
struct takeover *takeovers_by_tap(const char *tap); /* NULL: it carries on for none */
