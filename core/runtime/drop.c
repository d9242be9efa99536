/* SPDX-License-Identifier: Apache-2.0 */
/* The register of drop reasons. Ids follow the names' order, so they are the same in every run of a build. */
#include "core/runtime/drop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct drop_reason *reasons; /* sorted by name */
static const struct drop_reason *by_id[DROP_MAX], *of_policy[DROP_POLICY_MAX];
static uint16_t n_reasons;

void drop_register(struct drop_reason *reason)
{
	struct drop_reason **at = &reasons;
	while (*at && strcmp((*at)->name, reason->name) < 0)
		at = &(*at)->next;
	if ((*at && !strcmp((*at)->name, reason->name)) || n_reasons == DROP_MAX) {
		fprintf(stderr, "drop reason %s: registered twice, or more than %d reasons\n", reason->name,
			DROP_MAX);
		abort();
	}
	reason->next = *at;
	*at = reason;
	n_reasons++;
}

void drop_init(void)
{
	uint16_t id = 0, policy = 0;
	for (struct drop_reason *r = reasons; r; r = r->next) {
		r->id = id;
		by_id[id++] = r;
		if (!r->policy)
			continue;
		if (policy == DROP_POLICY_MAX) {
			fprintf(stderr, "drop reason %s: more than %d of policy\n", r->name, DROP_POLICY_MAX);
			abort();
		}
		r->policy_id = policy;
		of_policy[policy++] = r;
	}
}

uint16_t drop_count(void) { return n_reasons; }

const struct drop_reason *drop_by_id(uint16_t id) { return id < n_reasons ? by_id[id] : NULL; }

const struct drop_reason *drop_policy_by_id(uint16_t policy_id) { return of_policy[policy_id]; }

const struct drop_reason *drop_by_name(const char *name)
{
	for (const struct drop_reason *r = reasons; r; r = r->next)
		if (!strcmp(r->name, name))
			return r;
	return NULL;
}
