/* SPDX-License-Identifier: Apache-2.0 */
/* Tables, numbers, rates, man pages: golden outputs without a weftd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cli/man.h"
#include "cli/rates.h"
#include "cli/render.h"
#include "cli/table.h"

static char *out;
static size_t out_len;
static struct cli c;

static struct cli *begin(void)
{
	free(out);
	c = (struct cli){.out = open_memstream(&out, &out_len)};
	return &c;
}

static const char *end(void)
{
	fclose(c.out);
	return out;
}

static json_t *json(const char *text)
{
	json_error_t e;
	json_t *j = json_loads(text, JSON_DECODE_ANY, &e);
	if (!j)
		fail_msg("%s in %s", e.text, text);
	return j;
}

/* What fn prints of the JSON text. */
static const char *rendered(void (*fn)(struct cli *, const json_t *), const char *text)
{
	json_t *j = json(text);
	fn(begin(), j);
	json_decref(j);
	return end();
}

static int tear_down(void **state)
{
	free(out);
	return 0;
}

static void test_numbers(void **state)
{
	static const struct {
		uint64_t value;
		const char *people;
	} cases[] = {
		{0, "0"},	    {9999, "9999"},	{10000, "10.0k"},	{99949, "99.9k"},
		{99950, "100k"},    {999499, "999k"},	{999500, "1.00M"},	{1234567, "1.23M"},
		{9994999, "9.99M"}, {9995000, "10.0M"}, {12345678901, "12.3G"}, {UINT64_MAX, "18.4E"},
	};
	char buf[NUMBER_TEXT_SIZE];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(number_format(cases[i].value, true, buf), cases[i].people);
	assert_string_equal(number_format(UINT64_MAX, false, buf), "18446744073709551615");
	assert_string_equal(duration_format(59, buf), "59s");
	assert_string_equal(duration_format(200, buf), "3m20s");
	assert_string_equal(duration_format(5 * 3600 + 180, buf), "5h03m");
	assert_string_equal(duration_format(UINT64_MAX, buf), "213503982334601d07h");
}

static void test_table(void **state)
{
	struct table *t = table_create((const char *const[]){"NAME", ">N", "LAST", NULL});
	table_text(t, "\xc3\xa4\xc3\xb6"); /* two columns wide, four bytes */
	table_number(t, 7, false);
	table_text(t, "end");
	table_text(t, "escape\033[1m");
	table_number(t, 12345, false);
	table_text(t, NULL);
	assert_int_equal(table_rows(t), 2);
	table_print(t, begin());
	table_free(t);
	assert_string_equal(end(), "NAME            N  LAST\n"
				   "\xc3\xa4\xc3\xb6              7  end\n"
				   "escape?[1m  12345  -\n");
}

static void test_colour(void **state)
{
	struct cli *cli = begin();
	cli->colour = true;
	json_t *changes = json("[{\"op\": \"add\", \"kind\": \"switch\", \"name\": \"s\"}]");
	render_changes(cli, changes);
	json_decref(changes);
	assert_string_equal(end(), "\033[32m+ switch s\033[0m\n");
}

/* Lookup records and routes have no names and come by the thousand: a few are shown, more are counted. */
static void test_many_changes(void **state)
{
	static const struct {
		unsigned n;
		const char *shown;
	} cases[] = {
		{1, "+ lookup-record 5001 10.0.0.0\n~ adapter a\n- lookup-record 5001 10.0.9.0\n"},
		{3, "+ lookup-record 5001 10.0.0.0\n+ lookup-record 5001 10.0.0.1\n+ lookup-record 5001 10.0.0.2\n"
		    "~ adapter a\n- lookup-record 5001 10.0.9.0\n"},
		{5, "+ 5 lookup-records\n~ adapter a\n- lookup-record 5001 10.0.9.0\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *changes = json_array();
		for (unsigned k = 0; k < cases[i].n; k++)
			json_array_append_new(changes,
					      json_pack("{s:s, s:s, s:o}", "op", "add", "kind", "lookup-record",
							"name", json_sprintf("5001 10.0.0.%u", k)));
		json_array_append_new(changes, json("{\"op\": \"change\", \"kind\": \"adapter\", \"name\": \"a\"}"));
		json_array_append_new(changes, json("{\"op\": \"remove\", \"kind\": \"lookup-record\","
						    " \"name\": \"5001 10.0.9.0\"}"));
		render_changes(begin(), changes);
		json_decref(changes);
		assert_string_equal(end(), cases[i].shown);
	}
}

static void test_status(void **state)
{
	assert_string_equal(
		rendered(render_any,
			 "{\"host\": {\"name\": \"node1\", \"uptime\": 61}, \"switches\": [], \"adapters\": ["
			 "{\"name\": \"vm1\", \"link\": \"up\", \"mtu\": 1500, \"not-enforced\": []},"
			 "{\"name\": \"vm2\", \"link\": \"down\", \"peer\": \"none\", \"waiting-for\": \"a guest\","
			 " \"not-enforced\": [\"vlan: later\", \"acl: later\"]}]}"),
		"host\n"
		"name    node1\n"
		"uptime  1m01s\n"
		"\nadapters\n"
		"NAME  LINK   MTU  PEER\n"
		"vm1   up    1500  -\n"
		"vm2   down     -  none\n"
		"vm2: waiting-for: a guest\n"
		"vm2: not-enforced: vlan: later\n"
		"vm2: not-enforced: acl: later\n");
	assert_string_equal(rendered(render_any, "{\"name\": \"vm1\", \"list\": [\"a\", 1], \"sub\": {\"k\": true}}"),
			    "name  vm1\nlist  [a, 1]\nsub   {k: true}\n");
	assert_string_equal(
		rendered(render_any, "{\"host\": {\"name\": \"node1\"}, \"switches\": [], \"adapters\": []}"),
		"host\nname  node1\n"); /* a host on its first day */
	assert_string_equal(rendered(render_any, "[]"), "");
	assert_string_equal(rendered(render_any, "null"), "");
}

#define VM1                                                                                                           \
	"{\"name\": \"vm1\", \"switch\": \"lab\", \"in\": {\"packets\": 10, \"bytes\": 640}, \"out\": {\"packets\": " \
	"20000, \"bytes\": 1280}, \"drops\": {\"mac-limit\": 3, \"runt\": 1}, \"ingress\": {\"received\": 20000}}"

static void render_all_stats(struct cli *cli, const json_t *j) { render_stats(cli, NULL, j); }
static void render_one_adapter(struct cli *cli, const json_t *j) { render_stats(cli, "adapter", j); }

static void test_stats(void **state)
{
	static const char books[] = "NAME  SWITCH  IN PACKETS  IN BYTES  OUT PACKETS  OUT BYTES  DROPPED\n"
				    "vm1   lab             10       640        20000       1280        4\n"
				    "\n"
				    "DROPPED AT  REASON     PACKETS\n"
				    "vm1         mac-limit        3\n"
				    "vm1         runt             1\n";
	assert_string_equal(rendered(render_adapter_stats, "[" VM1 "]"), books);
	const char *all =
		rendered(render_all_stats,
			 "{\"adapters\": [" VM1 "], \"workers\": [{\"name\": \"worker0\", \"core\": 1, "
			 "\"packets\": 4, \"busy-cycles\": 1000, \"idle-cycles\": 9, \"sleeps\": 2}, {\"name\": "
			 "\"worker1\", \"core\": 2, \"packets\": 0, \"busy-cycles\": 0}], "
			 "\"total\": {\"balanced\": false}}");
	assert_memory_equal(all, books, strlen(books));
	assert_string_equal(all + strlen(books),
			    "\n"
			    "NAME     CORE  PACKETS  BUSY CYCLES  IDLE CYCLES  CYCLES/PACKET  SLEEPS\n"
			    "worker0     1        4         1000            9            250       2\n"
			    "worker1     2        0            0            0              -       0\n"
			    "\nTHE BOOKS DO NOT BALANCE: please report this with 'weft stats -o json'.\n");
	assert_non_null(strstr(rendered(render_one_adapter, VM1), "WAY      STEP      PACKETS\n"
								  "ingress  received    20000\n"));
}

static void test_explain(void **state)
{
	assert_string_equal(
		rendered(
			render_explain,
			"{\"from\": \"vm1\", \"frame\": \"IPv4\", \"steps\": ["
			"{\"stage\": \"admit\", \"node\": \"l2_admit\", \"adapter\": \"vm1\", \"verdict\": \"pass\", "
			"\"text\": \"fine\"}, {\"stage\": \"learn\", \"node\": \"l2_learn\", \"adapter\": \"vm1\", "
			"\"verdict\": \"drop\", \"text\": \"adapters[1].mac-address-limit: 1 is used\"}],"
			" \"outcome\": \"dropped: mac-limit\"}"),
		"from vm1: IPv4\n"
		"STAGE  NODE      ADAPTER  VERDICT  WHY\n"
		"admit  l2_admit  vm1      pass     fine\n"
		"learn  l2_learn  vm1      drop     adapters[1].mac-address-limit: 1 is used\n"
		"dropped: mac-limit\n");
	assert_string_equal(rendered(render_explain, "{}"), "from -: -\nSTAGE  NODE  ADAPTER  VERDICT  WHY\n-\n");
}

static void test_rates(void **state)
{
	json_t *before =
		json("{\"adapters\": [{\"name\": \"vm1\", \"in\": {\"packets\": 100, \"bytes\": 1000}, \"out\": "
		     "{\"packets\": 50, \"bytes\": 0}, \"drops\": {\"runt\": 4}}], \"workers\": [{\"name\": \"w\", "
		     "\"busy-cycles\": 100, \"idle-cycles\": 100, \"packets\": 0}]}");
	json_t *after =
		json("{\"adapters\": [{\"name\": \"vm1\", \"in\": {\"packets\": 300, \"bytes\": 3000}, \"out\": "
		     "{\"packets\": 20, \"bytes\": 0}, \"drops\": {\"runt\": 4, \"mac-limit\": 10}}, "
		     "{\"name\": \"new\", \"in\": {\"packets\": 2, \"bytes\": 2}}], \"workers\": [{\"name\": \"w\", "
		     "\"busy-cycles\": 400, \"idle-cycles\": 200, \"packets\": 8}]}");
	json_t *rates = rates_between(before, after, 2.0);
	json_t *want =
		json("{\"adapters\": [{\"name\": \"vm1\", \"in\": {\"packets-per-second\": 100, "
		     "\"bits-per-second\": 8000}, \"out\": {\"packets-per-second\": 10, \"bits-per-second\": 0}, "
		     "\"drops-per-second\": {\"mac-limit\": 5}}, {\"name\": \"new\", \"in\": "
		     "{\"packets-per-second\": 1, \"bits-per-second\": 8}, \"out\": {\"packets-per-second\": 0, "
		     "\"bits-per-second\": 0}, \"drops-per-second\": {}}], \"workers\": [{\"name\": \"w\", "
		     "\"load-percent\": 75, \"packets-per-second\": 4}]}");
	if (!json_equal(rates, want))
		fail_msg("%s", json_dumps(rates, JSON_INDENT(2)));
	json_decref(rates);
	json_decref(want);
	json_decref(after);
	json_decref(before);
}

static void test_man(void **state)
{
	man_from_markdown(begin()->out,
			  "# title\n\n## The `host`\n\nUse **it** -- `a\\b`\n.dot\n\n| key | what |\n|---|---|\n"
			  "| `mtu` | a \\| b |\n\n- item *x* 2*3\n\n    . code\n\n```\n.x: 1\n```\n");
	const char *body = strstr(end(), ".PP\n");
	assert_non_null(body);
	assert_string_equal(body, ".PP\n.SH \"THE HOST\"\n.PP\nUse \\fBit\\fR \\-\\- \\fBa\\eb\\fR\n\\&.dot\n.PP\n"
				  ".TP\n\\fBmtu\\fR\na | b\n.PP\n.IP \\(bu 2\nitem \\fIx\\fR 2*3\n.PP\n"
				  ".PP\n.RS 4\n.EX\n\\&. code\n.EE\n.RE\n.PP\n"
				  ".PP\n.RS 4\n.EX\n\\&.x: 1\n.EE\n.RE\n"
				  ".SH SEE ALSO\n.BR weft (1),\n.BR weftd (8)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),	     cmocka_unit_test(test_table),  cmocka_unit_test(test_colour),
		cmocka_unit_test(test_many_changes), cmocka_unit_test(test_status), cmocka_unit_test(test_stats),
		cmocka_unit_test(test_explain),	     cmocka_unit_test(test_rates),  cmocka_unit_test(test_man),
	};
	return cmocka_run_group_tests(tests, NULL, tear_down);
}
