/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What status, stats and metrics speak of: every adapter of the document, then those that run without being
 * written there (the host's adapter that a switch brings along, "wire:SWITCH").
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/document.h"
#include "core/runtime/counter.h"
#include "core/runtime/dataplane.h"

struct inventory_item {
	const char *name;
	const struct api_adapter *doc; /* NULL: not in the document */
	const struct dp_adapter *dp; /* NULL: does not run */
};

struct inventory {
	struct inventory_item *list;
	size_t n;
	const struct api_document *doc;
	const struct dataplane *dp; /* NULL: nothing runs yet */
};

/* Valid until the handler returns: it points into the document and the snapshot. -ENOMEM. */
int inventory_collect(struct inventory *ret_inventory);
void inventory_free(struct inventory *inv);
const struct inventory_item *inventory_find(const struct inventory *inv, const char *name); /* NULL: unknown */
const struct dp_switch *inventory_switch(const struct inventory *inv, const char *name); /* NULL: does not run */
const char *inventory_switch_name(const struct inventory_item *item);

/* Both spellings of a kind: "switch" and "switches". */
bool inventory_kind(const char *arg, const char *singular);

const char *inventory_host_name(const struct api_document *doc);
uint64_t inventory_uptime_s(void);

/* Rows of all adapters by id; the caller frees. NULL: no memory. */
struct counter_row *inventory_rows(const struct inventory *inv);
void inventory_row_add(struct counter_row *to, const struct counter_row *from);
/* Do these rows, taken together, account for every frame? */
bool inventory_row_balanced(const struct counter_row *sum);
