/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses, routes and neighbours from one interface to another, made on the second before they are broken on
 * the first, so that no socket ever lacks its source address and no packet its route.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "modules/hostnet/control/record.h"

struct err;
struct netlink;

struct move_end {
	uint32_t ifindex; /* 0: does not exist (any more) */
	const char *name;
};

struct move {
	struct netlink *nl;
	const struct records *addresses, *routes, *neighbours;
	struct move_end from, to;
	uint32_t elapsed_s; /* since they were recorded */
	bool try_all; /* do not stop at a refusal; e names the first and the verdict is 0 */
};

/* Everything onto `to`; what is there already stays. Stops at the first refusal and says which; e->text must be empty before. */
int move_make(const struct move *m, struct err *e);
/* Everything off `from`; what is gone already is fine. Then make once more: with the old interface's address an
 * older kernel also takes routes that merely use that address as their source. */
void move_break(const struct move *m);
/* Only the routes off `from`, where its addresses are to stay. */
void move_break_routes(const struct move *m);
/* Everything off `to` again, after move_make failed or the rest of the transaction did. */
void move_unmake(const struct move *m);
