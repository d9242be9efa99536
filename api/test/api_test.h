/* SPDX-License-Identifier: Apache-2.0 */
/* What the test files of api/ share. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>

#include "api/document.h"
#include "base/err.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ERR_TEXT_SIZE (sizeof((struct err){0}.path) + sizeof((struct err){0}.text) + 2)

/* Text -> document. NULL: refused, the error in shown. */
struct api_document *test_document(const char *text, char shown[static ERR_TEXT_SIZE]);
/* The same where refusal is the test's failure. */
struct api_document *test_document_good(const char *text);
/* Documents and the exact error of each. */
struct refusal {
	const char *text, *error;
};
void test_refusals(const struct refusal *cases, size_t n);
json_t *test_json(const char *text); /* JSON text that must be good */
char *test_data(const char *name); /* a file of test/data; the caller frees */
/* Both one line, keys in their order; fails the test with both shown. */
void assert_json_equal(const json_t *json, const char *expected);

extern const char *const test_good_documents[]; /* NULL-terminated; every key is in one of them */

/* From now on the n-th allocation from here fails and every one after it; 0: none. True if one has failed. */
void alloc_fail_at(uint64_t n);
bool alloc_failed(void);

extern const struct CMUnitTest engine_tests[], decode_tests[], prefix_tests[], tenants_tests[], isolation_tests[],
	diff_tests[], yaml_tests[], property_tests[], alloc_tests[];
extern const size_t n_engine_tests, n_decode_tests, n_prefix_tests, n_tenants_tests, n_isolation_tests, n_diff_tests,
	n_yaml_tests, n_property_tests, n_alloc_tests;
