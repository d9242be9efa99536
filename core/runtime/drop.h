/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every frame that does not arrive is counted under one of these names. A reason is defined once, beside the
 * node or port that uses it; its id is given at start-up.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct drop_reason {
	const char *name; /* "mac-spoofed": kebab-case, stable, part of the API */
	const char *help; /* what happened and what to do about it, one sentence */
	const char *owner; /* module */
	bool policy; /* a rule about what its sender may do: told as an event, too (drop_note.h) */
	uint16_t id; /* dense from 0, in order of names; valid after drop_init */
	uint16_t policy_id; /* the same among those of policy */
	struct drop_reason *next;
};

/* DROP(l2, no_destination, "no-destination", "...") defines `drop_no_destination`; DROP_POLICY one of a rule. */
#define DROP(module, ident, text, about) DROP_OF(module, ident, text, about, false)
#define DROP_POLICY(module, ident, text, about) DROP_OF(module, ident, text, about, true)
#define DROP_OF(module, ident, text, about, is_policy)                                                               \
	struct drop_reason drop_##ident = {.name = text, .help = about, .owner = #module, .policy = is_policy};      \
	__attribute__((constructor)) static void drop_register_##ident(void) { drop_register(&drop_##ident); }

#define DROP_MAX 128
#define DROP_POLICY_MAX 32

void drop_register(struct drop_reason *reason); /* aborts on a duplicate name */
void drop_init(void);
uint16_t drop_count(void);
const struct drop_reason *drop_by_id(uint16_t id);
const struct drop_reason *drop_policy_by_id(uint16_t policy_id);
const struct drop_reason *drop_by_name(const char *name); /* NULL: none such */
