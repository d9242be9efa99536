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

/* Each step on the way of a document, alone, so that what came before it is not done again for each of its allocations. */
struct way {
	const char *text;
	json_t *json, *encoded, *changes;
	struct api_document *doc, *empty;
	char *yaml;
};

static int step_parse(struct way *w, struct err *e) { return api_text_parse(w->text, strlen(w->text), &w->json, e); }
static int step_decode(struct way *w, struct err *e) { return api_document_decode(w->json, &w->doc, e); }

/* These have no error text of their own: they give nothing. */
static int given(const void *thing, struct err *e) { return thing ? 0 : err_set(e, ENOMEM, NULL, "out of memory"); }

static int step_encode(struct way *w, struct err *e) { return given(w->encoded = api_document_encode(w->doc), e); }
static int step_format(struct way *w, struct err *e) { return given(w->yaml = api_yaml_format(w->encoded), e); }
static int step_empty(struct way *w, struct err *e) { return given(w->empty = api_document_empty(), e); }

static int step_diff(struct way *w, struct err *e)
{
	return given(w->changes = api_document_diff(w->empty, w->doc), e);
}

/* Until it works. Returns the number of its allocations. */
static uint64_t step_fails(int (*step)(struct way *w, struct err *e), struct way *w)
{
	for (uint64_t n = 1;; n++) {
		struct way before = *w;
		struct err e = {0};
		alloc_fail_at(n);
		int r = step(w, &e);
		bool failed = alloc_failed();
		alloc_fail_at(0);
		assert_int_equal(r, failed ? -ENOMEM : 0);
		if (!failed)
			return n - 1;
		assert_string_equal(e.text, "out of memory");
		assert_memory_equal(w, &before, sizeof(before)); /* nothing was given that has to be freed */
	}
}

static void test_allocations(void **state)
{
	static int (*const steps[])(struct way * w, struct err * e) = {step_parse,  step_decode, step_encode,
								       step_format, step_empty,	 step_diff};
	json_set_alloc_funcs(__wrap_malloc, free);
	for (size_t i = 0; test_good_documents[i]; i++) {
		struct way w = {.text = test_good_documents[i]};
		for (size_t k = 0; k < COUNT(steps); k++)
			assert_true(step_fails(steps[k], &w) > 0); /* the hook is in place */
		json_decref(w.changes);
		api_document_free(w.empty);
		free(w.yaml);
		json_decref(w.encoded);
		api_document_free(w.doc);
		json_decref(w.json);
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
