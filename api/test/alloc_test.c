/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every allocation fails once: text -> document -> YAML and diff either work or say "out of memory", and
 * leak nothing (the sanitizer build sees to that). The linker sends the libraries' calls here (--wrap);
 * jansson and libyaml, which are shared, are told by jansson's own hook and left alone in turn.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/schema.h"
#include "api/test/api_test.h"

static uint64_t until_failure; /* 0: never */
static bool has_failed;

void alloc_fail_at(uint64_t n)
{
	until_failure = n;
	has_failed = false;
}

bool alloc_failed(void) { return has_failed; }

static bool fails(void)
{
	if (until_failure == 0 || until_failure-- > 1)
		return false;
	until_failure = 1; /* and from now on every one */
	has_failed = true;
	return true;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size) { return fails() ? NULL : __real_malloc(size); }
void *__wrap_calloc(size_t n, size_t size) { return fails() ? NULL : __real_calloc(n, size); }
void *__wrap_realloc(void *p, size_t size) { return fails() ? NULL : __real_realloc(p, size); }
char *__wrap_strdup(const char *text) { return fails() ? NULL : __real_strdup(text); }

/* The whole way once. True if all of it worked; otherwise something must have failed. */
static bool walk(const char *text)
{
	struct api_document *doc = NULL, *empty = NULL;
	json_t *json = NULL, *changes = NULL;
	struct err e = {0};
	char *yaml = NULL;
	bool whole = false;

	int r = api_text_parse(text, strlen(text), &json, &e);
	if (r == 0)
		r = api_document_decode(json, &doc, &e);
	if (r == 0) {
		json_t *encoded = api_document_encode(doc);
		yaml = encoded ? api_yaml_format(encoded) : NULL;
		json_decref(encoded);
		empty = api_document_empty();
		changes = empty ? api_document_diff(empty, doc) : NULL;
		whole = yaml && changes;
	} else {
		assert_int_equal(r, -ENOMEM);
		assert_string_equal(e.text, "out of memory");
		assert_null(doc);
	}
	json_decref(changes);
	api_document_free(empty);
	free(yaml);
	api_document_free(doc);
	json_decref(json);
	return whole;
}

static void test_allocations(void **state)
{
	json_set_alloc_funcs(__wrap_malloc, free);
	for (size_t i = 0; test_good_documents[i]; i++) {
		uint64_t n = 1;
		for (;; n++) {
			alloc_fail_at(n);
			bool whole = walk(test_good_documents[i]);
			bool failed = alloc_failed();
			alloc_fail_at(0);
			assert_int_equal(whole, !failed);
			if (!failed)
				break;
		}
		assert_true(n > 10); /* the hook is in place */
	}
	json_set_alloc_funcs(malloc, free);
}

/* The descriptions may be cut short but do not crash. */
static void test_descriptions(void **state)
{
	bool failed = true;

	json_set_alloc_funcs(__wrap_malloc, free);
	for (uint64_t n = 1; failed; n++) {
		alloc_fail_at(n);
		json_decref(schema_openapi());
		free(schema_manual());
		failed = alloc_failed();
		alloc_fail_at(0);
	}
	json_set_alloc_funcs(malloc, free);
}

const struct CMUnitTest alloc_tests[] = {
	cmocka_unit_test(test_allocations),
	cmocka_unit_test(test_descriptions),
};
const size_t n_alloc_tests = COUNT(alloc_tests);
