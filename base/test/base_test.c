/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of base/: parsers by table, files against a folder of their own, clock and log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/file.h"
#include "base/ip.h"
#include "base/log.h"
#include "base/mac.h"
#include "base/str.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_mac(void **state)
{
	static const char *const good[] = {"00:15:5d:0a:06:02", "00-15-5D-0A-06-02", "00155D0A0602", "00155d0a0602"};
	static const char *const bad[] = {"",
					  "00:15:5d:0a:06",
					  "00:15:5d:0a:06:0",
					  "00:15:5d:0a:06:02:",
					  "00:15-5d:0a:06:02",
					  "00.15.5d.0a.06.02",
					  "0015:5d:0a:06:02x",
					  "00155d0a060g",
					  "00155d0a06 2",
					  " 00155d0a0602",
					  "00:15:5d:0a:06:0g",
					  "-0155d0a0602"};
	char text[MAC_TEXT_SIZE];

	for (size_t i = 0; i < COUNT(good); i++) {
		struct mac mac;
		assert_int_equal(mac_parse(good[i], &mac), 0);
		assert_string_equal(mac_format(&mac, text), "00:15:5d:0a:06:02");
		assert_int_equal(mac_to_u64(&mac), 0x00155d0a0602);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct mac mac = {{1, 2, 3, 4, 5, 6}};
		assert_int_equal(mac_parse(bad[i], &mac), -EINVAL);
		assert_int_equal(mac_to_u64(&mac), 0x010203040506);
	}
	struct mac mac = mac_from_u64(0x0100000000ff);
	assert_true(mac_is_multicast(&mac));
	assert_false(mac_is_zero(&mac));
	assert_string_equal(mac_format(&mac, text), "01:00:00:00:00:ff");
}

static void test_ip(void **state)
{
	static const struct {
		const char *text, *shown; /* shown NULL: refused */
		int family;
	} cases[] = {
		{"192.0.2.1", "192.0.2.1", AF_INET},
		{"0.0.0.0", "0.0.0.0", AF_INET},
		{"2001:DB8:0::1", "2001:db8::1", AF_INET6},
		{"::", "::", AF_INET6},
		{"", NULL, 0},
		{"192.0.2", NULL, 0},
		{"192.0.2.256", NULL, 0},
		{"192.0.2.1 ", NULL, 0},
		{"fe80::1%eth0", NULL, 0},
		{"1::2::3", NULL, 0},
	};
	char text[IP_TEXT_SIZE];

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ip ip = {.family = 99};
		int r = ip_parse(cases[i].text, &ip);
		assert_int_equal(r, cases[i].shown ? 0 : -EINVAL);
		assert_int_equal(ip.family, cases[i].shown ? cases[i].family : 99);
		if (cases[i].shown)
			assert_string_equal(ip_format(&ip, text), cases[i].shown);
	}
	struct ip none = {0};
	assert_string_equal(ip_format(&none, text), "none");
	assert_int_equal(ip_bytes(&none), 0);
}

static void test_ip_mapped(void **state)
{
	static const struct {
		const char *plain, *mapped;
	} rows[] = {
		{"192.0.2.1", "::ffff:192.0.2.1"},
		{"0.0.0.0", "::ffff:0.0.0.0"},
		{"2001:db8::1", "2001:db8::1"},
		{"::", "::"},
		{"::192.0.2.1", "::192.0.2.1"}, /* deprecated, and an address like any other */
		{"64:ff9b::c000:201", "64:ff9b::c000:201"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ip plain, mapped;
		assert_int_equal(ip_parse(rows[i].plain, &plain), 0);
		assert_int_equal(ip_parse(rows[i].mapped, &mapped), 0);
		struct ip there = ip_mapped(&plain), again = ip_mapped(&mapped), back = ip_unmapped(&mapped);
		assert_true(ip_equal(&there, &mapped));
		assert_true(ip_equal(&again, &mapped));
		assert_true(ip_equal(&back, &plain));
	}
	struct ip none = {0}, still = ip_mapped(&none);
	assert_int_equal(still.family, 0);
	still = ip_unmapped(&none);
	assert_int_equal(still.family, 0);
}

static void test_ip_prefix(void **state)
{
	static const struct {
		const char *text;
		int r;
	} cases[] = {
		{"192.0.2.1/24", 0},
		{"192.0.2.1/0", 0},
		{"192.0.2.1/32", 0},
		{"2001:db8::1/128", 0},
		{"192.0.2.1", -EINVAL},
		{"192.0.2.1/", -EINVAL},
		{"/24", -EINVAL},
		{"192.0.2.1/024", -EINVAL},
		{"192.0.2.1/+4", -EINVAL},
		{"192.0.2.1/24x", -EINVAL},
		{"192.0.2.1/24/24", -EINVAL},
		{"192.0.2.1/33", -ERANGE},
		{"192.0.2.1/4294967296", -ERANGE},
		{"2001:db8::1/129", -ERANGE},
		{"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/1", -EINVAL},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[IP_PREFIX_TEXT_SIZE];
		struct ip_prefix p = {.len = 77};
		assert_int_equal(ip_prefix_parse(cases[i].text, &p), cases[i].r);
		if (cases[i].r)
			assert_int_equal(p.len, 77);
		else
			assert_string_equal(ip_prefix_format(&p, text), cases[i].text);
	}
}

static void test_ip_contains(void **state)
{
	static const struct {
		const char *prefix, *ip;
		bool inside;
	} cases[] = {
		{"10.127.4.50/22", "10.127.7.255", true},
		{"10.127.4.50/22", "10.127.8.0", false},
		{"0.0.0.0/0", "203.0.113.1", true},
		{"192.0.2.1/32", "192.0.2.1", true},
		{"192.0.2.1/32", "192.0.2.0", false},
		{"2001:db8::/33", "2001:db8:7fff::1", true},
		{"2001:db8::/33", "2001:db8:8000::1", false},
		{"0.0.0.0/0", "::1", false},
		{"::/0", "192.0.2.1", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ip_prefix p;
		struct ip ip;
		assert_int_equal(ip_prefix_parse(cases[i].prefix, &p), 0);
		assert_int_equal(ip_parse(cases[i].ip, &ip), 0);
		assert_int_equal(ip_prefix_contains(&p, &ip), cases[i].inside);
		assert_true(ip_equal(&ip, &ip));
		assert_false(ip_equal(&ip, &p.ip) && !cases[i].inside);
	}
}

static void test_err(void **state)
{
	char shown[700], expected[sizeof((struct err){0}.path)];
	struct err e = {0};

	assert_int_equal(err_set(&e, EINVAL, "id", "%d is reserved", 4095), -EINVAL);
	err_prefix(&e, "%s", "vlan");
	err_prefix(&e, "[%d]", 3);
	err_prefix(&e, "adapters");
	assert_string_equal(err_format(&e, shown, sizeof(shown)), "adapters[3].vlan.id: 4095 is reserved");

	err_set(&e, EINVAL, NULL, "wrong");
	assert_string_equal(err_format(&e, shown, sizeof(shown)), "wrong");
	err_prefix(&e, "host");
	assert_string_equal(err_format(&e, shown, sizeof(shown)), "host: wrong");
	err_set(&e, EINVAL, e.path, "%s twice", e.text);
	assert_string_equal(err_format(&e, shown, sizeof(shown)), "host: wrong twice");

	for (int i = 0; i < 100; i++)
		err_prefix(&e, "abcdefghi");
	for (size_t i = 0; i < sizeof(expected) - 1; i++)
		expected[i] = "abcdefghi."[i % 10];
	expected[sizeof(expected) - 1] = '\0';
	assert_string_equal(e.path, expected);

	assert_int_equal(err_set(NULL, ENOMEM, NULL, "nobody listens"), -ENOMEM);
	err_prefix(NULL, "x");
	assert_string_equal(err_format(&e, shown, 4), "abc");
}

static void test_str(void **state)
{
	char shown[STR_SHOW_SIZE];
	struct str s = {0};

	char *text = str_take(&s);
	assert_string_equal(text, "");
	free(text);
	for (int i = 0; i < 1000; i++)
		str_add(&s, "%03d", i);
	str_add_bytes(&s, "xyz", 2);
	assert_int_equal(s.len, 3002);
	text = str_take(&s);
	assert_memory_equal(text + 2997, "999xy", 6);
	assert_null(s.text);
	free(text);
	str_add_bytes(&s, "a", (size_t)-1);
	assert_true(s.failed);
	assert_null(str_take(&s));
	str_free(&s);

	assert_null(str_dup(NULL));
	assert_true(str_equal(NULL, NULL));
	assert_false(str_equal("a", NULL));
	assert_true(str_equal("a", "a"));

	assert_string_equal(str_show("a\nb\x7f", shown), "a?b?");
	char word[100] = {0};
	memset(word, 'x', 51);
	memcpy(word + 51, "\xe2\x82\xac", 4); /* the euro sign lies across the cut */
	memset(word + 54, 'y', 10);
	str_show(word, shown);
	assert_int_equal(strlen(shown), 54);
	assert_string_equal(shown + 48, "xxx...");
}

static void test_cursor(void **state)
{
	static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	struct cursor c = cursor_over(bytes, sizeof(bytes));
	uint8_t copy[4] = {9, 9, 9, 9};

	assert_int_equal(cursor_u8(&c), 1);
	assert_int_equal(cursor_be16(&c), 0x0203);
	assert_int_equal(cursor_be32(&c), 0x04050607);
	assert_false(c.bad);
	assert_int_equal(cursor_left(&c), 2);
	cursor_copy(&c, copy, 4);
	assert_true(c.bad);
	assert_memory_equal(copy, "\0\0\0\0", 4);
	assert_int_equal(cursor_u8(&c), 0);
	assert_int_equal(cursor_left(&c), 0);
}

static void test_clock(void **state)
{
	uint64_t before = clock_now_ns();
	assert_true(before > 0);
	assert_true(clock_now_ns() >= before);
	assert_true(clock_wall_ms() > 1600000000000u);
	clock_test_set(5);
	assert_int_equal(clock_now_ns(), 5);
	clock_test_advance(7);
	assert_int_equal(clock_now_ns(), 12);
	clock_test_release();
	assert_true(clock_now_ns() >= before);
}

static char log_line[2048];

static void log_to_line(enum log_level level, const char *object, const char *text)
{
	snprintf(log_line, sizeof(log_line), "%s|%s|%s", log_level_name(level), object, text);
}

static void test_log(void **state)
{
	enum log_level level = LOG_LEVEL_ERROR;

	log_error("host", "nobody listens");
	log_set_sink(log_to_line);
	log_debug("host", "too low");
	assert_string_equal(log_line, "");
	log_info("adapter vm1", "two\nlines %d", 7);
	assert_string_equal(log_line, "info|adapter vm1|two lines 7");
	assert_int_equal(log_level_parse("debug", &level), 0);
	log_set_level(level);
	log_debug("host", "now");
	assert_string_equal(log_line, "debug|host|now");
	assert_int_equal(log_level_parse("loud", &level), -EINVAL);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	log_set_sink(NULL);
	log_set_level(LOG_LEVEL_INFO);
}

static void test_file(void **state)
{
	char folder[] = "/tmp/weft-base-test-XXXXXX", path[64];
	struct stat st;
	size_t len = 0;
	char *data = NULL;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/file", folder);
	assert_int_equal(file_read(path, 100, &data, &len), -ENOENT);
	assert_int_equal(file_write(path, "x"), -ENOENT);
	assert_null(data);

	static char big[10000];
	memset(big, 'b', sizeof(big));
	assert_int_equal(file_replace(path, big, sizeof(big), 0640), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(file_read(path, sizeof(big), &data, &len), 0);
	assert_int_equal(len, sizeof(big));
	assert_memory_equal(data, big, sizeof(big));
	assert_int_equal(data[len], 0);
	free(data);
	assert_int_equal(file_read(path, sizeof(big) - 1, &data, &len), -EFBIG);

	assert_int_equal(file_replace(path, "", 0, 0600), 0);
	assert_int_equal(file_read(path, 0, &data, &len), 0);
	assert_int_equal(len, 0);
	free(data);
	assert_int_equal(file_write(path, "1\n"), 0);
	assert_int_equal(file_read(path, 2, &data, &len), 0);
	assert_string_equal(data, "1\n");
	free(data);

	assert_int_equal(file_read(folder, 100, &data, &len), -EISDIR);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(file_replace(path, "x", 1, 0600), -EISDIR);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(folder), 0); /* nothing was left beside */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mac),	    cmocka_unit_test(test_ip),
		cmocka_unit_test(test_ip_mapped),   cmocka_unit_test(test_ip_prefix),
		cmocka_unit_test(test_ip_contains), cmocka_unit_test(test_err),
		cmocka_unit_test(test_str),	    cmocka_unit_test(test_cursor),
		cmocka_unit_test(test_clock),	    cmocka_unit_test(test_log),
		cmocka_unit_test(test_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
