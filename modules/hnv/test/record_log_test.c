/* SPDX-License-Identifier: Apache-2.0 */
/* Records set by the API survive: a log cut at any byte, bytes that changed, a log written anew; and lines of NDJSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "modules/hnv/control/inforce.h"
#include "modules/hnv/control/record_log.h"
#include "modules/hnv/control/record_request.h"
#include "modules/hnv/test/fakes.h"

#define LOG_MAX (64u << 20)
#define DOCUMENT                                                                                                       \
	"switches: [{name: fabric, type: external, uplink: eth1}]\n"                                                   \
	"provider-addresses: [{switch: fabric, address: 198.51.100.11/24}]\n"                                          \
	"routing-domains: [{id: '{11111111-2222-3333-4444-000000005001}', virtual-subnets: [\n"                        \
	"  {id: 5001, prefix: 10.0.0.0/16}, {id: 5002, prefix: 'fd00:5002::/64'}]}]\n"                                 \
	"lookup-records: [{virtual-subnet-id: 5001, customer-address: 10.0.255.1, mac-address: '02:00:00:00:00:01',\n" \
	"  provider-address: 198.51.100.12}]\n"

static char dir[64], path[128];

static int setup(void **state)
{
	snprintf(dir, sizeof(dir), "%s/weft-records-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/lookup-records", dir);
	return 0;
}

static int teardown(void **state)
{
	char anew[160];
	snprintf(anew, sizeof(anew), "%s.new", path);
	unlink(anew);
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

/* Lines that must be taken. */
static void lines(const char *text)
{
	struct err e = {0};
	struct hnvc_counts counts = {0};
	if (hnvc_request_lines(text, strlen(text), 1, &counts, &e))
		fail_msg("%s: %s", e.path, e.text);
}

static void line_set(unsigned i)
{
	char text[256];
	snprintf(text, sizeof(text),
		 "{\"virtual-subnet-id\": 5001, \"customer-address\": \"10.0.%u.%u\", \"mac-address\": "
		 "\"02:00:00:00:%02x:%02x\", \"provider-address\": \"198.51.100.20\", \"vm-name\": \"vm%u\"}",
		 i / 250, 2 + i % 250, i >> 8, i & 0xff, i);
	lines(text);
}

static void line_remove(unsigned i)
{
	char text[160];
	snprintf(text, sizeof(text),
		 "{\"op\": \"remove\", \"virtual-subnet-id\": 5001, \"customer-address\": \"10.0.%u.%u\"}", i / 250,
		 2 + i % 250);
	lines(text);
}

static void start(void)
{
	fake_start(dir);
	assert_int_equal(fake_apply(DOCUMENT), 0);
}

static void test_survives_a_restart(void **state)
{
	start();
	lines("{\"virtual-subnet-id\": 5002, \"customer-address\": \"fd00:5002::5\", \"mac-address\": \"02:00:00:00:00:05\", "
	      "\"provider-address\": \"2001:db8::5\", \"encapsulation\": \"vxlan\", \"context\": \"moved\"}\n"
	      "\n"
	      "{\"virtual-subnet-id\": 5002, \"customer-address\": \"::\", \"mac-address\": \"02:00:00:00:00:06\", "
	      "\"provider-address\": \"198.51.100.6\", \"type\": \"l2only\"}\n"
	      "{\"virtual-subnet-id\": 5002, \"customer-address\": \"::\", \"mac-address\": \"02:00:00:00:00:07\", "
	      "\"provider-address\": \"198.51.100.7\", \"type\": \"l2only\"}\n"
	      "{\"op\": \"remove\", \"virtual-subnet-id\": 5002, \"customer-address\": \"::\", \"type\": \"l2only\", "
	      "\"mac-address\": \"02:00:00:00:00:06\"}\n");
	json_t *before, *after;
	assert_int_equal(hnvc_request_list(NULL, NULL, NULL, 100, &before, NULL), 0);
	assert_int_equal(json_integer_value(json_object_get(before, "total")), 3);
	fake_stop();
	start();
	assert_int_equal(hnvc_request_list(NULL, NULL, NULL, 100, &after, NULL), 0);
	if (!json_equal(before, after))
		fail_msg("%s\nbecame\n%s", json_dumps(before, 0), json_dumps(after, 0));
	json_decref(before);
	json_decref(after);
	fake_stop();
}

static void test_refused_lines(void **state)
{
	static const struct {
		const char *line, *path, *text;
	} wrong[] = {
		{"{", "line 2", "not JSON"},
		{"[]", "line 2", "not an object"},
		{"{\"op\": \"move\"}", "line 2.op", "neither"},
		{"{\"virtual-subnet-id\": 5003, \"customer-address\": \"10.0.0.9\", \"mac-address\": \"02:00:00:00:00:01\", "
		 "\"provider-address\": \"198.51.100.9\"}",
		 "line 2.virtual-subnet-id", "no routing domain"},
		{"{\"virtual-subnet-id\": 5001, \"customer-address\": \"10.0.0.9\", \"mac-address\": \"02:00:00:00:00:01\", "
		 "\"provider-address\": \"198.51.100.9\", \"provider-network\": \"blue\"}",
		 "line 2.provider-network", "no address in provider network `blue`"},
		{"{\"virtual-subnet-id\": 5001, \"customer-address\": \"10.0.255.1\", \"mac-address\": \"02:00:00:00:00:01\", "
		 "\"provider-address\": \"198.51.100.9\"}",
		 "line 2.customer-address", "the document has the record"},
		{"{\"op\": \"remove\", \"virtual-subnet-id\": 5001, \"customer-address\": \"10.0.255.1\"}",
		 "line 2.customer-address", "the document has the record"},
		{"{\"op\": \"remove\", \"virtual-subnet-id\": 5001, \"customer-address\": \"10.0.0.77\"}",
		 "line 2.customer-address", "there is no lookup record"},
		{"{\"virtual-subnet-id\": 5001, \"customer-address\": \"10.0.0.9\", \"colour\": 1}", "line 2.colour",
		 ""},
	};
	start();
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct str text = {0};
		struct hnvc_counts counts = {0};
		struct err e = {0};
		str_add(&text,
			"{\"virtual-subnet-id\": 5001, \"customer-address\": \"10.0.1.%zu\", \"mac-address\": "
			"\"02:00:00:00:00:02\", \"provider-address\": \"198.51.100.9\"}\n%s\n{\"never\": \"seen\"}",
			i + 2, wrong[i].line);
		assert_true(hnvc_request_lines(text.text, text.len, 1, &counts, &e) < 0);
		assert_int_equal(counts.lines, 1);
		assert_int_equal(counts.set, 1);
		if (strcmp(e.path, wrong[i].path) != 0 || !strstr(e.text, wrong[i].text))
			fail_msg("line %zu: %s: %s", i, e.path, e.text);
		assert_int_equal(hnvc_owned[OWNER_API], i + 1);
		str_free(&text);
	}
	fake_stop();
}

/* What is held with the first n bytes of a log, and that it can be written on. */
static uint64_t held_with(const char *log, size_t n)
{
	assert_int_equal(file_replace(path, log, n, 0600), 0);
	start();
	uint64_t held = hnvc_owned[OWNER_API];
	line_set(9); /* as long as those before: what is cut off must not follow it */
	fake_stop();
	fake_start(dir);
	assert_int_equal(hnvc_owned[OWNER_API], held + 1);
	fake_stop();
	return held;
}

static void test_torn_at_every_byte(void **state)
{
	enum { N = 6 };
	size_t end[N + 1], len;
	char *log;
	start();
	end[0] = (size_t)hnvc_log_bytes();
	for (unsigned i = 0; i < N; i++) {
		line_set(i);
		end[i + 1] = (size_t)hnvc_log_bytes();
	}
	fake_stop();
	assert_int_equal(file_read(path, LOG_MAX, &log, &len), 0);
	assert_int_equal(len, end[N]);
	for (size_t n = 0; n <= len; n++) {
		unsigned whole = 0;
		while (whole < N && end[whole + 1] <= n)
			whole++;
		assert_int_equal(held_with(log, n), whole);
	}
	/* A byte that changed ends the log there, whichever it is. */
	for (size_t n = end[0]; n < len; n += 3) {
		unsigned whole = 0;
		while (end[whole + 1] <= n)
			whole++;
		log[n] ^= 0x10;
		assert_int_equal(held_with(log, len), whole);
		log[n] ^= 0x10;
	}
	free(log);
}

static void test_not_a_log(void **state)
{
	struct err e = {0};
	assert_int_equal(file_replace(path, "something else", 14, 0600), 0);
	assert_int_equal(hnvc_log_open(dir, &e), -EBADMSG);
	assert_non_null(strstr(e.text, "is not a log of lookup records"));
	char *text;
	size_t len;
	assert_int_equal(file_read(path, 100, &text, &len), 0);
	assert_string_equal(text, "something else");
	free(text);
}

/* Much is changed, little stays: the log follows, and what is changed while it is written anew is in it, too. */
static void test_written_anew(void **state)
{
	enum { N = 300, TIMES = 40 };
	start();
	for (unsigned k = 0; k < TIMES; k++)
		for (unsigned i = 0; i < N; i++)
			line_set(i);
	uint64_t longest = hnvc_log_bytes();
	for (unsigned tick = 0; tick < 2000 && hnvc_log_bytes() >= longest; tick++) {
		line_set(N + tick % 50);
		if (tick % 3 == 0)
			line_remove(N + tick % 50);
		fake_tick();
		usleep(500);
	}
	assert_true(hnvc_log_bytes() < longest / 10);
	line_remove(0);
	json_t *before, *after;
	assert_int_equal(hnvc_request_list(NULL, NULL, NULL, 1000, &before, NULL), 0);
	fake_stop();
	start();
	assert_int_equal(hnvc_request_list(NULL, NULL, NULL, 1000, &after, NULL), 0);
	assert_true(json_integer_value(json_object_get(after, "total")) >= N);
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	fake_stop();
}

#define LOG_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOG_TEST(test_survives_a_restart), LOG_TEST(test_refused_lines), LOG_TEST(test_torn_at_every_byte),
		LOG_TEST(test_not_a_log),	   LOG_TEST(test_written_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
