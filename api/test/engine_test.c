/* SPDX-License-Identifier: Apache-2.0 */
/* The engine by a table of its own: every type, alone and in a list, also those no document uses yet. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/schema.h"
#include "api/test/api_test.h"

struct part {
	char *word;
};

struct whole {
	char *word;
	bool on;
	enum api_tristate maybe;
	uint32_t number;
	int colour;
	struct mac mac;
	struct ip ip;
	struct ip_prefix prefix;
	struct part part;
	char **words;
	size_t n_words;
	bool *flags;
	size_t n_flags;
	uint32_t *numbers;
	size_t n_numbers;
	int *colours;
	size_t n_colours;
	struct mac *macs;
	size_t n_macs;
	struct part *parts;
	size_t n_parts;
};

#define AT(member) offsetof(struct whole, member)
#define LIST(member) FIELD_LIST, AT(member), "h", .count_offset = AT(n_##member)

static const char *const colours[] = {"red", "green", "blue", NULL};

static const struct field part_fields[] = {
	{"word", FIELD_STRING, offsetof(struct part, word), "h", .required = true},
	{0},
};

static const struct schema part_schema = {.kind = "part", .size = sizeof(struct part), .fields = part_fields};

static const struct field whole_fields[] = {
	{"word", FIELD_STRING, AT(word), "h", .min = 2, .max = 4},
	{"on", FIELD_BOOL, AT(on), "h", .fallback = true},
	{"maybe", FIELD_TRISTATE, AT(maybe), "h"},
	{"number", FIELD_UINT, AT(number), "h", .max = UINT32_MAX, .fallback = 5},
	{"colour", FIELD_ENUM, AT(colour), "h", .names = colours, .fallback = 1},
	{"mac", FIELD_MAC, AT(mac), "h"},
	{"ip", FIELD_IP, AT(ip), "h"},
	{"prefix", FIELD_IP_PREFIX, AT(prefix), "h"},
	{"part", FIELD_OBJECT, AT(part), "h", .object = &part_schema},
	{"words", LIST(words), .element = FIELD_STRING},
	{"flags", LIST(flags), .element = FIELD_BOOL},
	{"numbers", LIST(numbers), .element = FIELD_UINT, .max = 9},
	{"colours", LIST(colours), .element = FIELD_ENUM, .names = colours},
	{"macs", LIST(macs), .element = FIELD_MAC},
	{"parts", LIST(parts), .element = FIELD_OBJECT, .object = &part_schema},
	{0},
};

static const struct schema whole_schema = {.kind = "whole", .size = sizeof(struct whole), .fields = whole_fields};

/* clang-format off */
static const struct {
	const char *json, *encoded, *error; /* encoded NULL: as json */
} cases[] = {
	{"{}", NULL, NULL},
	{"{\"on\": true, \"number\": 5, \"colour\": \"green\", \"words\": []}", "{}", NULL},
	{"{\"word\": \"ab\", \"on\": false, \"maybe\": false, \"number\": 4294967295, \"colour\": \"red\","
	 " \"mac\": \"02:00:00:00:00:01\", \"ip\": \"::1\", \"prefix\": \"10.0.0.1/8\", \"part\": {\"word\": \"x\"},"
	 " \"words\": [\"one\", \"two\"], \"flags\": [false, true], \"numbers\": [0, 9], \"colours\": [\"blue\", \"red\"],"
	 " \"macs\": [\"02:00:00:00:00:02\"], \"parts\": [{\"word\": \"y\"}, {\"word\": \"z\"}]}", NULL, NULL},
	{"{\"words\": \"one\", \"numbers\": 1, \"flags\": true}",
	 "{\"words\": [\"one\"], \"flags\": [true], \"numbers\": [1]}", NULL},
	{"{\"word\": \"a\"}", NULL, "word: 1 characters long; use 2-4"},
	{"{\"word\": \"abcde\"}", NULL, "word: 5 characters long; use 2-4"},
	{"{\"word\": \"ab\\u0000\"}", NULL, "word: has a NUL character; use plain text"},
	{"{\"mac\": \"02:00:00:00:00:01\\u0000\"}", NULL, "mac: has a NUL character; use plain text"},
	{"{\"number\": 4294967296}", NULL, "number: 4294967296 is out of range; use 0-4294967295"},
	{"{\"words\": [\"one\", \"two\", 3]}", NULL,
	 "words[2]: expected text, got the number 3; put it in quotes if it is meant as text"},
	{"{\"parts\": [{\"word\": \"y\"}, {}]}", NULL, "parts[1].word: missing; every part needs it"},
	{"{\"parts\": [{\"word\": \"y\"}, {\"word\": {}}]}", NULL, "parts[1].word: expected text, got keys with values"},
	{"{\"part\": {\"word\": \"x\", \"wrod\": 1}, \"words\": 1}", NULL, "part.wrod: unknown key; did you mean `word`?"},
	{"{\"word\": \"abc\", \"words\": [\"a\"], \"flags\": \"a\"}", NULL, "flags: expected true or false, got \"a\""},
};
/* clang-format on */

static void test_engine(void **state)
{
	static const struct whole nothing;

	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *json = json_loads(cases[i].json, JSON_ALLOW_NUL, NULL);
		struct whole whole = {0};
		struct err e = {0};
		char shown[ERR_TEXT_SIZE];

		int r = schema_decode(&whole_schema, json, &whole, &e);
		if (cases[i].error) {
			assert_int_equal(r, -EINVAL);
			assert_string_equal(err_format(&e, shown, sizeof(shown)), cases[i].error);
		} else {
			assert_int_equal(r, 0);
			json_t *encoded = schema_encode(&whole_schema, &whole);
			assert_json_equal(encoded, cases[i].encoded ? cases[i].encoded : cases[i].json);
			json_decref(encoded);
			schema_clear(&whole_schema, &whole);
		}
		assert_memory_equal(&whole, &nothing, sizeof(whole));
		assert_int_equal(schema_decode(&whole_schema, json, &whole, NULL), r);
		schema_clear(&whole_schema, &whole);
		json_decref(json);
	}
}

const struct CMUnitTest engine_tests[] = {cmocka_unit_test(test_engine)};
const size_t n_engine_tests = COUNT(engine_tests);
