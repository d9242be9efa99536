/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/kind.h"

#include <string.h>

const struct field *kind_find(const char *word)
{
	for (const struct field *f = api_schema_document.fields; f->key; f++) {
		if (!strcmp(word, f->key) || (f->object && str_equal(word, f->object->kind)))
			return f;
	}
	return NULL;
}

void kind_list(struct str *s)
{
	const char *separator = "";
	for (const struct field *f = api_schema_document.fields; f->key; f++) {
		str_add(s, "%s%s", separator, f->object && f->object->kind ? f->object->kind : f->key);
		separator = ", ";
	}
}
