/* SPDX-License-Identifier: Apache-2.0 */
/* A table with aligned columns. Cells are copied as they come, row by row. */
#pragma once

#include "cli/output.h"

struct table;

/* heads: NULL-terminated; one that starts with '>' names a column of numbers, aligned right. */
struct table *table_create(const char *const *heads);
void table_free(struct table *t); /* NULL ok */

void table_text(struct table *t, const char *text); /* NULL and "": "-" */
void table_json(struct table *t, const json_t *value); /* NULL: "-" */
void table_number(struct table *t, uint64_t value, bool human);
void table_format(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void table_style(struct table *t, enum style style); /* of the cell added last */

size_t table_rows(const struct table *t);
void table_print(struct table *t, struct cli *c); /* prints nothing but the heads when there are no rows */
