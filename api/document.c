/* SPDX-License-Identifier: Apache-2.0 */
/* The document as a whole: decoded, encoded and looked into. */
#include "api/document.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api/schema.h"
#include "base/err.h"

int api_document_decode(const json_t *json, struct api_document **ret_doc, struct err *e)
{
	struct api_document *doc = calloc(1, sizeof(*doc));
	if (!doc)
		return err_set(e, ENOMEM, NULL, "out of memory");

	int r = schema_decode(&api_schema_document, json, doc, e);
	if (r < 0) {
		free(doc);
		return r;
	}
	*ret_doc = doc;
	return 0;
}

json_t *api_document_encode(const struct api_document *doc) { return schema_encode(&api_schema_document, doc); }

void api_document_free(struct api_document *doc)
{
	if (!doc)
		return;
	schema_clear(&api_schema_document, doc);
	free(doc);
}

struct api_document *api_document_empty(void)
{
	struct api_document *doc = calloc(1, sizeof(*doc));
	if (doc)
		schema_defaults(&api_schema_document, doc);
	return doc;
}

const struct api_switch *api_document_switch(const struct api_document *doc, const char *name)
{
	for (size_t i = 0; i < doc->n_switches; i++)
		if (strcmp(doc->switches[i].name, name) == 0)
			return &doc->switches[i];
	return NULL;
}

const struct api_adapter *api_document_adapter(const struct api_document *doc, const char *name)
{
	for (size_t i = 0; i < doc->n_adapters; i++)
		if (strcmp(doc->adapters[i].name, name) == 0)
			return &doc->adapters[i];
	return NULL;
}
