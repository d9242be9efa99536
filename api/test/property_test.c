/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds for every document: it survives a round trip through JSON and YAML, differs from itself in
 * nothing, and no mutation of its text does worse than be refused. A fixed seed, so that failures repeat.
 */
#include <stdlib.h>
#include <string.h>

#include "api/test/api_test.h"

static uint64_t seed = 0x9e3779b97f4a7c15;

static uint32_t random_below(uint32_t n) /* xorshift64* */
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (uint32_t)((seed * 0x2545f4914f6cdd1d) >> 32) % n;
}

static void document_holds(const struct api_document *doc)
{
	json_t *json = api_document_encode(doc), *read = NULL, *changes = api_document_diff(doc, doc);
	char *yaml = api_yaml_format(json);
	struct api_document *again = NULL;
	struct err e = {0};

	assert_int_equal(json_array_size(changes), 0);
	assert_int_equal(api_text_parse(yaml, strlen(yaml), &read, &e), 0);
	assert_true(json_equal(json, read));
	assert_int_equal(api_document_decode(read, &again, &e), 0);
	json_t *twice = api_document_encode(again), *none = api_document_diff(doc, again);
	assert_true(json_equal(json, twice));
	assert_int_equal(json_array_size(none), 0);

	json_decref(none);
	json_decref(twice);
	api_document_free(again);
	json_decref(read);
	free(yaml);
	json_decref(changes);
	json_decref(json);
}

static void test_round_trip(void **state)
{
	for (size_t i = 0; test_good_documents[i]; i++) {
		struct api_document *doc = test_document_good(test_good_documents[i]);
		document_holds(doc);
		api_document_free(doc);
	}
	static const char *const samples[] = {"first-switch.yaml", "smb-basic.yaml", "tenants-node1.yaml",
					      "tenants-node2.yaml"};
	for (size_t i = 0; i < COUNT(samples); i++) {
		char *text = test_data(samples[i]);
		struct api_document *doc = test_document_good(text);
		document_holds(doc);
		api_document_free(doc);
		free(text);
	}
}

/* Overwrites, removes or doubles a piece of text, in place; it has room for twice its length. */
static void mutate(char *text)
{
	static const char *const bits[] = {"[",	 "]",	 "{",	 "}",	 ":",  ",",	  "- ",	     "\n",  " ",
					   "0",	 "null", "true", "'",	 "\"", "host",	  "dhcp",    "1e9", "-1",
					   "&a", "*a",	 "!!",	 "\xff", "\t", "private", "external"};
	size_t len = strlen(text), at = random_below((uint32_t)len + 1), n = random_below(12);

	if (n > len - at)
		n = len - at;
	switch (random_below(3)) {
	case 0:
		memmove(text + at, text + at + n, len - at - n + 1);
		break;
	case 1:
		memmove(text + at + n, text + at, len - at + 1);
		break;
	default: {
		const char *bit = bits[random_below(COUNT(bits))];
		size_t size = strlen(bit);
		memmove(text + at + size, text + at, len - at + 1);
		for (size_t i = 0; i < size; i++)
			text[at + i] = bit[i];
	}
	}
}

static void test_mutations(void **state)
{
	char text[8192], shown[ERR_TEXT_SIZE];
	unsigned accepted = 0;

	for (int i = 0; i < 4000; i++) {
		strcpy(text, test_good_documents[1 + i % 2]); /* those with every key */
		for (uint32_t n = random_below(4) + 1; n > 0; n--)
			mutate(text);
		struct api_document *doc = test_document(text, shown);
		if (doc)
			document_holds(doc);
		accepted += doc != NULL;
		api_document_free(doc);
	}
	assert_in_range(accepted, 40, 3960); /* both ways were walked */
}

/* Many ports are as quick to check as a few: far under a second, or the suite's time limit says so. */
static void test_many(void **state)
{
	json_t *adapters = json_array();

	for (int i = 0; i < 10000; i++)
		json_array_append_new(adapters, json_pack("{s:o, s:s, s:{s:o}}", "name", json_sprintf("vm%d", i),
							  "switch", "sw", "attach", "tap", json_sprintf("tap%d", i)));
	json_t *json =
		json_pack("{s:[{s:s, s:s}], s:o}", "switches", "name", "sw", "type", "private", "adapters", adapters);
	struct api_document *doc = NULL;
	struct err e = {0};
	assert_int_equal(api_document_decode(json, &doc, &e), 0);
	document_holds(doc);
	api_document_free(doc);
	json_decref(json);
}

const struct CMUnitTest property_tests[] = {
	cmocka_unit_test(test_round_trip),
	cmocka_unit_test(test_mutations),
	cmocka_unit_test(test_many),
};
const size_t n_property_tests = COUNT(property_tests);
