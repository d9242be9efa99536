/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the switches that run. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct fdb;

struct l2_switch {
	char name[64];
	struct fdb *table;
	uint64_t addresses; /* may be held by the adapters' limits */
	bool fresh; /* made in the transaction under way */
	struct l2_switch *next;
};

struct l2_switch *l2_switch_find(const char *name); /* NULL: none */
