/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host document: any bytes are refused with an error or become a document that survives the round trip
 * through JSON and YAML and differs from itself in nothing.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/document.h"
#include "base/err.h"
#include "tests/fuzz/fuzz.h"

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static void document_check(const struct api_document *doc)
{
	struct api_document *again = NULL;
	struct err e = {0};
	json_t *read = NULL;

	json_t *json = api_document_encode(doc), *none = api_document_diff(doc, doc);
	expect(json && none && json_array_size(none) == 0);
	char *yaml = api_yaml_format(json);
	expect(yaml && api_text_parse(yaml, strlen(yaml), &read, &e) == 0 && json_equal(json, read));
	expect(api_document_decode(read, &again, &e) == 0);
	json_t *twice = api_document_encode(again);
	expect(json_equal(json, twice));

	json_decref(twice);
	api_document_free(again);
	json_decref(read);
	free(yaml);
	json_decref(none);
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct api_document *doc = NULL;
	json_t *json = NULL, *read = NULL;
	struct err e = {0};

	if (api_text_parse((const char *)data, size, &json, &e) < 0) {
		expect(e.text[0] && !strchr(e.text, '\n') && !json);
		return 0;
	}

	/* The writer and the reader agree on any JSON, not only on documents. */
	char *yaml = api_yaml_format(json);
	expect(yaml && api_text_parse(yaml, strlen(yaml), &read, &e) == 0 && json_equal(json, read));
	free(yaml);
	json_decref(read);

	if (api_document_decode(json, &doc, &e) < 0)
		expect(e.text[0] && !strchr(e.text, '\n') && !strchr(e.path, '\n') && !doc);
	else
		document_check(doc);
	api_document_free(doc);
	json_decref(json);
	return 0;
}
