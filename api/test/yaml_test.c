/* SPDX-License-Identifier: Apache-2.0 */
/* The YAML reader by table, its limits, and the writer read back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/test/api_test.h"

/* clang-format off */
/* What becomes of a text: JSON or an error. */
static const struct {
	const char *text, *json, *error;
} cases[] = {
	{"[null, Null, NULL, ~, nUll]", "[null, null, null, null, \"nUll\"]", NULL},
	{"- \n- null", "[null, null]", NULL},
	{"[true, True, TRUE, false, False, FALSE, yes, no, on, off, y, n, tRue]",
	 "[true, true, true, false, false, false, \"yes\", \"no\", \"on\", \"off\", \"y\", \"n\", \"tRue\"]", NULL},
	{"[0, -1, +12, 007, 0o17, 0x1F, 9223372036854775807, -9223372036854775808]",
	 "[0, -1, 12, 7, 15, 31, 9223372036854775807, -9223372036854775808]", NULL},
	{"[1.5, -.5, 2., 1e3, 1.5E-2]", "[1.5, -0.5, 2.0, 1000.0, 0.015]", NULL},
	{"[1_000, 0b1, 0x, 0o8, 1e, ., -, +, 1.2.3, 12:30:45, 0x1G, 1.5.]",
	 "[\"1_000\", \"0b1\", \"0x\", \"0o8\", \"1e\", \".\", \"-\", \"+\", \"1.2.3\", \"12:30:45\", \"0x1G\", \"1.5.\"]",
	 NULL},
	{"[00:15:5d:02:06:02, 00:15:50:02:06:02, 192.0.2.1/24]",
	 "[\"00:15:5d:02:06:02\", \"00:15:50:02:06:02\", \"192.0.2.1/24\"]", NULL},
	{"['1', \"true\", '', \"null\", '~']", "[\"1\", \"true\", \"\", \"null\", \"~\"]", NULL},
	{"a: |\n  1\nb: >\n  x\n  y\n", "{\"a\": \"1\\n\", \"b\": \"x y\\n\"}", NULL},
	{"{\"a\":1,\"b\":[{\"c\":\"\\u00e9\\n\\/\"}],\n\t\"d\" : null}", "{\"a\": 1, \"b\": [{\"c\": \"\\u00e9\\n/\"}], \"d\": null}",
	 NULL},
	{"---\na: 1 # note\n...\n", "{\"a\": 1}", NULL},
	{"%YAML 1.2\n---\na: 1", "{\"a\": 1}", NULL},
	{"\xef\xbb\xbf" "a: 1\r\nb: 2\r\n", "{\"a\": 1, \"b\": 2}", NULL},
	{"1: a\ntrue: b\n~: c", "{\"1\": \"a\", \"true\": \"b\", \"~\": \"c\"}", NULL},

	{"", NULL, "the text is empty; a document has at least {}"},
	{"# only a note\n", NULL, "the text is empty; a document has at least {}"},
	{"a: 1\nb: [1, 2\n", NULL, "line 3, column 1: did not find expected ',' or ']' while parsing a flow sequence"},
	{"a: 1\n b: 2\n", NULL, "line 2, column 3: mapping values are not allowed in this context"},
	{"a: 1\n\tb: 2", NULL,
	 "line 2, column 1: found a tab character that violates indentation while scanning a plain scalar"},
	{"\ta: 1", NULL,
	 "line 1, column 1: found character that cannot start any token while scanning for the next token"},
	{"a: 'open", NULL, "line 1, column 9: found unexpected end of stream while scanning a quoted scalar"},
	{"a: 1\nbc: \x01", NULL, "line 2, column 5: control characters are not allowed (0x01)"},
	{"a: \xff", NULL, "line 1, column 4: invalid leading UTF-8 octet (0xff)"},
	{"a: 1\na: 2", NULL, "line 2, column 1: the key a stands here twice; keep one of them"},
	{"{a: 1, 'a': 2}", NULL, "line 1, column 8: the key a stands here twice; keep one of them"},
	{"a: 1\n---\nb: 2", NULL, "line 2, column 1: a second document begins; one file is one document"},
	{"a: 1\n---\n", NULL, "line 2, column 1: a second document begins; one file is one document"},
	{"a: &x 1", NULL, "line 1, column 4: the anchor &x; write values out where they belong"},
	{"a: &x [1]", NULL, "line 1, column 4: the anchor &x; write values out where they belong"},
	{"a: &x {b: 1}", NULL, "line 1, column 4: the anchor &x; write values out where they belong"},
	{"a: *x", NULL, "line 1, column 4: the alias *x; write the value out"},
	{"a: !!str 1", NULL, "line 1, column 4: the tag tag:yaml.org,2002:str; leave it out and use quotes for text"},
	{"a: !x [1]", NULL, "line 1, column 4: the tag !x; leave it out and use quotes for text"},
	{"a: !x {b: 1}", NULL, "line 1, column 4: the tag !x; leave it out and use quotes for text"},
	{"[a]: 1", NULL, "line 1, column 1: a list or map stands where a key should; keys are plain text"},
	{"? {a: b}\n: 1", NULL, "line 1, column 3: a list or map stands where a key should; keys are plain text"},
	{"a: 9223372036854775808", NULL,
	 "line 1, column 4: the number 9223372036854775808 is too large; put it in quotes if it is meant as text"},
	{"a: 0xffffffffffffffff", NULL,
	 "line 1, column 4: the number 0xffffffffffffffff is too large; put it in quotes if it is meant as text"},
	{"mac: 00155E020602", NULL,
	 "line 1, column 6: 00155E020602 is no number that can be used; put it in quotes if it is meant as text"},
	{"a: .inf", NULL, "line 1, column 4: .inf is no number that can be used"},
	{"a: -.INF", NULL, "line 1, column 4: -.INF is no number that can be used"},
	{"a: .NaN", NULL, "line 1, column 4: .NaN is no number that can be used"},
	{"a: \"\\0\"", NULL, "line 1, column 4: text with a NUL character in it; leave it out"},
	{"k23456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
	 "8901234567890: 1", NULL, "line 1, column 1: a key of 130 characters; keys have at most 128"},
};

/* clang-format on */

static void test_parse(void **state)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		char shown[ERR_TEXT_SIZE] = "";
		struct err e = {0};
		json_t *json = NULL;
		int r = api_text_parse(cases[i].text, strlen(cases[i].text), &json, &e);
		if ((r == 0) != (cases[i].json != NULL))
			print_error("of: %s\n", cases[i].text);
		err_format(&e, shown, sizeof(shown));
		assert_string_equal(shown, cases[i].error ? cases[i].error : "");
		if (cases[i].json)
			assert_json_equal(json, cases[i].json);
		else
			assert_int_equal(r, -EINVAL);
		json_decref(json);
	}
}

/* n times text, as one document. */
static int parse_repeated(const char *text, size_t n, struct err *e)
{
	size_t len = strlen(text);
	char *all = malloc(len * n);
	json_t *json = NULL;

	assert_non_null(all);
	/* Its length goes along. NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
	memcpy(all, text, len);
	for (size_t done = len; done < len * n; done *= 2)
		memcpy(all + done, all, done < len * n - done ? done : len * n - done);
	int r = api_text_parse(all, len * n, &json, e);
	free(all);
	json_decref(json);
	return r;
}

static void test_limits(void **state)
{
	struct err e;

	assert_int_equal(parse_repeated("#234567\n", 12500000, &e), -EFBIG);
	assert_string_equal(e.text, "the text is 100000000 bytes long; a document has at most 16777216 (16 MiB)");
	assert_int_equal(parse_repeated("[", 1000, &e), -EINVAL);
	assert_string_equal(e.text, "line 1, column 65: more than 64 levels deep");
	assert_int_equal(parse_repeated("- ", 1000, &e), -EINVAL);
	assert_string_equal(e.text, "line 1, column 129: more than 64 levels deep");
	assert_int_equal(parse_repeated("{a: ", 1000, &e), -EINVAL);
	assert_string_equal(e.text, "line 1, column 257: more than 64 levels deep");
	assert_int_equal(parse_repeated("- 1\n", 1100000, &e), -EINVAL);
	assert_string_equal(e.text, "line 1048576, column 3: more than 1048576 values; that is no host's document");

	char keys[16384];
	size_t len = 0;
	for (int i = 0; i < 1025; i++)
		len += (size_t)snprintf(keys + len, sizeof(keys) - len, "k%d: 1\n", i);
	json_t *none = NULL;
	assert_int_equal(api_text_parse(keys, len, &none, &e), -EINVAL);
	assert_string_equal(e.text, "line 1025, column 1: more than 1024 keys in one map");

	char deep[130];
	json_t *json = NULL;
	memset(deep, '[', 64);
	memset(deep + 64, ']', 64);
	assert_int_equal(api_text_parse(deep, 128, &json, &e), 0);
	json_decref(json);
}

static void test_format(void **state)
{
	json_t *json = test_json(
		"{\"host\": {\"name\": \"node1\"}, \"empty\": {}, \"none\": [], \"list\": [1, \"two\", [3, [4]], {\"a\": "
		"true, \"b\": {\"c\": null, \"d\": [5.0]}}, []], \"text\": \"a: b\"}");
	char *text = api_yaml_format(json);

	assert_string_equal(text, "host:\n"
				  "  name: node1\n"
				  "empty: {}\n"
				  "none: []\n"
				  "list:\n"
				  "  - 1\n"
				  "  - two\n"
				  "  - - 3\n"
				  "    - - 4\n"
				  "  - a: true\n"
				  "    b:\n"
				  "      c: null\n"
				  "      d:\n"
				  "        - 5.0\n"
				  "  - []\n"
				  "text: \"a: b\"\n");
	free(text);
	json_decref(json);
}

/* clang-format off */
static const char *const plain[] = {"a", "eth1", "192.0.2.1/24", "00:15:5d:02:06:02", "a b", "a,b", "a{}", "a#b", "/run/x", "a\\b"};
static const char *const quoted[] = {
	"", " ", "a ", " a", "null", "~", "true", "yes", "No", "ON", "y", "1", "-1", "1.5", "1e3", "0x1f", "0o7", ".inf",
	".NaN", "-", "-a", "?", "? a", ":", ": a", "a: b", "a:", "a #b", "#a", "&a", "*a", "!a", "|", ">", "'", "\"", "%a",
	"@a", "`a", "[a", "{a", ",a", "]", "}", "=", "<<", "---", "...", "00:15:50:02:06:02", "12:30", "1_000", "a\nb",
	"a\tb", "\x01", "\x7f", "caf\xc3\xa9", "\xc2\x85", "\xe2\x80\xa8", "\xef\xbb\xbf", "\xef\xbf\xbf",
	"\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", "2.", "+1"};
/* clang-format on */

/* Text that would read as something else, or not at all, unless quoted. */
static void test_format_text(void **state)
{
	for (int q = 0; q < 2; q++) {
		for (size_t i = 0; i < (q ? COUNT(quoted) : COUNT(plain)); i++) {
			const char *value = q ? quoted[i] : plain[i];
			json_t *json = json_pack("{s:[s], s:s}", value, value, "k", value), *again = NULL;
			struct err e = {0};
			char *text = api_yaml_format(json);
			if ((text[0] == '"') != q)
				fail_msg("%s: quoted or not?", value);
			int r = api_text_parse(text, strlen(text), &again, &e);
			if (r < 0 || !json_equal(json, again))
				fail_msg("%s: %s", text, e.text);
			free(text);
			json_decref(json);
			json_decref(again);
		}
	}
}

const struct CMUnitTest yaml_tests[] = {
	cmocka_unit_test(test_parse),
	cmocka_unit_test(test_limits),
	cmocka_unit_test(test_format),
	cmocka_unit_test(test_format_text),
};
const size_t n_yaml_tests = COUNT(yaml_tests);
