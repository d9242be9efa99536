/* SPDX-License-Identifier: Apache-2.0 */
/* weftd's answers as people read them. Each takes the API's JSON and tolerates what it does not know. */
#pragma once

#include "cli/output.h"

/* [{"op", "kind", "name", "fields": [{"field", "from", "to"}]}]: + added, ~ changed, - removed. */
void render_changes(struct cli *c, const json_t *changes);
/* The answer of apply and rollback: changes, warnings, which revision runs, what is left to confirm. */
void render_applied(struct cli *c, const json_t *answer);

/* Objects of one kind, a row each; the columns are their keys in order of first appearance. */
void render_objects(struct cli *c, const json_t *array);
/* Whatever came: lists of objects as titled tables, other members as "key  value" lines. */
void render_any(struct cli *c, const json_t *value);

/* /v1/stats and its parts; kind is the singular ("adapter", "worker"), NULL: everything. */
void render_stats(struct cli *c, const char *kind, const json_t *answer);
/* A list of adapters' books: what went in and out, then the drops by reason. */
void render_adapter_stats(struct cli *c, const json_t *adapters);

/* One host's answer to explain. */
void render_explain(struct cli *c, const json_t *answer);

/* A member of an object's member, 0 when there is none: render_count(a, "in", "packets"). */
uint64_t render_count(const json_t *object, const char *key, const char *member);
