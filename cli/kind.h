/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of object that a document holds, by the schema: `adapter` and `adapters` name the same. */
#pragma once

#include "api/schema.h"
#include "base/str.h"

/* The document's field that `word` names, singular or plural; NULL: no such kind. */
const struct field *kind_find(const char *word);
/* "host, switch, adapter" */
void kind_list(struct str *s);
