/* SPDX-License-Identifier: Apache-2.0 */
/* The documentation is true: the reference is what the schema says, the examples are documents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api/schema.h"
#include "base/err.h"
#include "base/file.h"

static char *read_doc(const char *name)
{
	char path[512], *text;
	size_t len;
	snprintf(path, sizeof(path), WEFT_DOCS "/%s", name);
	if (file_read(path, 1 << 20, &text, &len))
		fail_msg("%s cannot be read", path);
	return text;
}

static void test_reference(void **state)
{
	char *kept = read_doc("REFERENCE.md"), *manual = schema_manual();
	assert_non_null(manual);
	if (strcmp(kept, manual) != 0)
		fail_msg("docs/REFERENCE.md is not true any more; run: build/cli/weft manual > docs/REFERENCE.md");
	free(kept);
	free(manual);
}

static void check_example(const char *text, const char *name)
{
	struct err e = {0};
	json_t *json = NULL;
	struct api_document *doc = NULL;
	if (api_text_parse(text, strlen(text), &json, &e) || api_document_decode(json, &doc, &e))
		fail_msg("%s: %s: %s", name, e.path, e.text);
	api_document_free(doc);
	json_decref(json);
}

static void test_examples(void **state)
{
	static const char *const names[] = {"examples/first-switch.yaml", "examples/smb-basic.yaml",
					    "examples/tenants-node1.yaml", "examples/tenants-node2.yaml",
					    "examples/tenants-gateway.yaml"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *text = read_doc(names[i]);
		check_example(text, names[i]);
		free(text);
	}
}

/* The first document in the README, the one that people copy. */
static void test_readme(void **state)
{
	char *readme = read_doc("../README.md"), *begin = strstr(readme, "```yaml\n"), *end;
	assert_non_null(begin);
	begin += strlen("```yaml\n");
	end = strstr(begin, "```");
	assert_non_null(end);
	*end = '\0';
	check_example(begin, "README.md");
	free(readme);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_readme),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
