/* SPDX-License-Identifier: Apache-2.0 */
/* Packets that wait for a resolver: a real program, real packets, a turned clock. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/ip.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/test/fake_weftd.h"
#include "core/runtime/explain.h"
#include "modules/hnv/hnv.h"
#include "modules/provider/provider.h"
#include "tests/packet/hnv_rig.h"

/* 10.0.0.60..69, 10.0.1.60..69, fd00:1::60..69 have records; .72 takes forever, .73 and .74 fail, .75 is another's. */
static const char program[] = "#!/bin/sh\n"
			      "echo \"$*\" >> $0.asked\n"
			      "pa=198.51.100.12; [ -e $0.moved ] && pa=198.51.100.13\n"
			      "record='\"mac-address\":\"00:15:5d:00:00:06\",\"provider-address\":\"'$pa'\"'\n"
			      "case $2 in\n"
			      "*.6? | *::6?) [ -e $0.gone ] || echo \"{$record}\" ;;\n"
			      "*.72 | *::9*) sleep 600 ;;\n"
			      "*.73) exit 7 ;;\n"
			      "*.74) echo '[1' ;;\n"
			      "*.75) echo \"{\\\"customer-address\\\":\\\"10.0.0.99\\\",$record}\" ;;\n"
			      "*.76) cat | sed \"s/}/,$record}/\" ;;\n"
			      "esac\n";

static char folder[64], path[96], document[16384];
static unsigned warnings, infos;
static char warned[400];

static void remember(enum log_level level, const char *object, const char *text)
{
	if (strcmp(object, "network-virtualization") != 0)
		return;
	warnings += level == LOG_LEVEL_WARNING;
	infos += level == LOG_LEVEL_INFO && strstr(text, "answers again");
	if (level == LOG_LEVEL_WARNING)
		snprintf(warned, sizeof(warned), "%s: %s", object, text);
}

static void touch(const char *suffix, bool there)
{
	char name[128];
	snprintf(name, sizeof(name), "%s%s", path, suffix);
	FILE *f = there ? fopen(name, "w") : NULL;
	if (f)
		fclose(f);
	else
		unlink(name);
}

/* How often the address was asked for. */
static unsigned asked(const char *address)
{
	char name[128], line[256], words[128];
	unsigned n = 0;
	snprintf(name, sizeof(name), "%s.asked", path);
	snprintf(words, sizeof(words), " %s default", address);
	FILE *f = fopen(name, "r");
	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, words) != NULL;
	if (f)
		fclose(f);
	return n;
}

/* Until what is waited for has happened; programs take real time. */
#define until(condition)                                                                                             \
	do {                                                                                                         \
		for (unsigned tries = 0; !(condition); tries++) {                                                    \
			if (tries > 4000)                                                                            \
				fail_msg("in vain: %s", #condition);                                                 \
			usleep(1000);                                                                                \
			clock_test_advance(1000000);                                                                 \
			host_turn();                                                                                 \
		}                                                                                                    \
	} while (0)

static void guest_sends(const char *from, const char *mac, const char *from_ip, const char *to, uint16_t payload)
{
	uint8_t frame[512];
	host_send(from, frame, rig_udp(frame, ROUTER, mac, from_ip, to, NULL, payload));
	host_turn();
}

static void web_sends(const char *to, uint16_t payload)
{
	guest_sends("c-web", WEB, strchr(to, ':') ? "fd00:1::5" : "10.0.0.5", to, payload);
}

/* The clock goes on, and neighbours that are asked for answer. What came out is forgotten. */
static void pass(uint64_t ms)
{
	for (uint64_t step; ms; ms -= step) {
		step = RTE_MIN(ms, 1000u);
		host_pass(step);
		rig_answer_neighbours();
	}
}

static void quiet(void)
{
	host_clear();
	host_check_books();
}

static void test_found(void **state)
{
	static const char *const to[] = {"10.0.0.60", "10.0.1.60", "fd00:1::60"};
	for (unsigned i = 0; i < RTE_DIM(to); i++) {
		for (uint16_t n = 1; n <= 3; n++)
			web_sends(to[i], n);
		until(host_got_count(WIRE) == 3);
		for (unsigned n = 0; n < 3; n++) /* in order, each once */
			assert_int_equal(frame_len(host_got(WIRE, n)),
					 OUTER4 + 14u + (strchr(to[i], ':') ? 40 : 20) + 8 + n + 1);
		assert_int_equal(asked(to[i]), 1);
		host_clear();
		web_sends(to[i], 9);
		assert_int_equal(host_got_count(WIRE), 1);
		assert_int_equal(asked(to[i]), 1);
		quiet();
	}
	web_sends("10.0.0.76", 1); /* answers with the keys of the question, from its standard input */
	until(host_got_count(WIRE) == 1);
	quiet();
}

/* A guest asks by ARP first. */
static void test_arp(void **state)
{
	uint8_t arp[64], *at = rig_ether(arp, ALL, WEB, 0x0806), got[42];
	at += rig_hex("0001080006040001", at);
	at += rig_hex(WEB, at);
	at += rig_hex("0a0000050000000000000a00003d", at); /* 10.0.0.61 */
	host_send("c-web", arp, (size_t)(at - arp));
	host_turn();
	until(host_got_count("c-web") == 1);
	assert_true(frame_read(host_got("c-web", 0), 0, got, sizeof(got)));
	uint8_t mac[6];
	rig_hex(AWAY, mac);
	assert_memory_equal(got + 22, mac, 6);
	quiet();
}

static void test_none(void **state)
{
	uint64_t dropped = host_dropped("unresolved");
	web_sends("10.0.0.70", 1);
	web_sends("10.0.0.70", 2);
	until(host_dropped("unresolved") == dropped + 2);
	web_sends("10.0.0.70", 3);
	assert_int_equal(host_dropped("unresolved"), dropped + 3);
	assert_int_equal(asked("10.0.0.70"), 1);
	pass(4000);
	web_sends("10.0.0.70", 3);
	assert_int_equal(host_dropped("unresolved"), dropped + 4);
	pass(3000);
	web_sends("10.0.0.70", 3);
	until(host_dropped("unresolved") == dropped + 5);
	assert_int_equal(asked("10.0.0.70"), 2);
	assert_int_equal(warnings, 0); /* it is well */
	quiet();
}

static void test_failures(void **state)
{
	static const char *const rows[][2] = {{"10.0.0.73", "it ended with status 7"},
					      {"10.0.0.74", "its answer is no JSON"},
					      {"10.0.0.75", "the record is another than the one that was asked for"}};
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		uint64_t dropped = host_dropped("unresolved");
		warnings = infos = 0;
		web_sends(rows[i][0], 1);
		until(host_dropped("unresolved") == dropped + 1);
		assert_int_equal(warnings, 1);
		if (!strstr(warned, rows[i][1]))
			fail_msg("%s: %s", rows[i][0], warned);
		pass(6000);
		web_sends(rows[i][0], 1);
		until(host_dropped("unresolved") == dropped + 2);
		assert_int_equal(warnings, 1); /* said once */
		web_sends("10.0.0.70", 1);
		until(infos == 1);
		pass(6000);
		quiet();
	}
}

static void test_late(void **state)
{
	uint64_t dropped = host_dropped("unresolved");
	web_sends("10.0.0.72", 1);
	until(asked("10.0.0.72") == 1);
	assert_int_equal(host_dropped("unresolved"), dropped);
	pass(1100);
	until(host_dropped("unresolved") == dropped + 1);
	assert_non_null(strstr(warned, "did not answer in time"));
	pass(6000);
	web_sends("10.0.0.70", 1);
	until(infos == 2 || infos == 1);
	pass(6000);
	quiet();
}

/* One guest floods addresses that are answered late; the questions of another are answered all the same. */
static void test_storm(void **state)
{
	char to[32];
	uint64_t full = host_dropped("resolve-full") + host_dropped("resolve-limit") + host_dropped("punt-full");
	pass(2000);
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(to, sizeof(to), "fd00:1::%x", 0x9000 + i % 4096);
		web_sends(to, 1);
	}
	full = host_dropped("resolve-full") + host_dropped("resolve-limit") + host_dropped("punt-full") - full;
	assert_true(full > 4500);
	host_clear();
	for (unsigned i = 62; i < 70; i++) {
		snprintf(to, sizeof(to), "10.0.0.%u", i);
		guest_sends("c-two", TWO, "10.0.0.21", to, 5);
	}
	until(host_got_count(WIRE) == 8);
	for (unsigned i = 0; i < 40; i++) {
		pass(1000);
		usleep(5000);
	}
	quiet();
}

static const char *provider_of(const char *customer)
{
	static char text[IP_TEXT_SIZE];
	struct ip ip;
	ip_parse(customer, &ip);
	const struct hnv_record *r = hnv_record_find((uint8_t)provider_network_find("default"), 5001, &ip);
	return r ? ip_format(&r->provider, text) : "none";
}

static void refresh(const char *customer)
{
	struct ip ip;
	ip_parse(customer, &ip);
	hnv_record_refresh((uint8_t)provider_network_find("default"), 5001, &ip);
}

static void test_refresh_and_expiry(void **state)
{
	web_sends("10.0.0.60", 1);
	until(host_got_count(WIRE) == 1);
	assert_string_equal(provider_of("10.0.0.60"), "198.51.100.12");
	unsigned before = asked("10.0.0.60");
	touch(".moved", true);
	refresh("10.0.0.60");
	refresh("10.0.0.6"); /* the document's: not asked for */
	pass(1500);
	refresh("10.0.0.60");
	refresh("10.0.0.60"); /* asked already */
	until(!strcmp(provider_of("10.0.0.60"), "198.51.100.13"));
	assert_in_range(asked("10.0.0.60"), before + 1, before + 2);
	assert_int_equal(asked("10.0.0.6"), 0);
	touch(".gone", true);
	pass(1500);
	refresh("10.0.0.60");
	until(!strcmp(provider_of("10.0.0.60"), "none"));
	touch(".gone", false);
	touch(".moved", false);
	pass(6000);
	host_clear();
	web_sends("10.0.0.60", 1);
	until(host_got_count(WIRE) == 1);
	pass(50000);
	assert_string_equal(provider_of("10.0.0.60"), "198.51.100.12");
	pass(12000); /* expiry: 60 */
	assert_string_equal(provider_of("10.0.0.60"), "none");
	rig_answer_neighbours();
	rig_answer_neighbours();
	quiet();
}

static void test_explain(void **state)
{
	uint8_t frame[256];
	struct err e = {0};
	json_t *answer = NULL;
	size_t len = rig_udp(frame, ROUTER, WEB, "10.0.0.5", "10.0.0.88", NULL, 20);
	assert_int_equal(explain_run("c-web", frame, len, &answer, &e), 0);
	char *text = json_dumps(answer, 0);
	assert_non_null(strstr(
		text,
		"no record: the resolver is asked for 10.0.0.88 in virtual subnet 5001, and the packet is held"));
	free(text);
	json_decref(answer);
	host_turn();
	assert_int_equal(asked("10.0.0.88"), 0);
	/* Nobody is asked about what no guest may have, and without a resolver about nothing. */
	rig_expect("outside", "c-web", frame, rig_udp(frame, ROUTER, WEB, "10.0.0.5", "192.0.2.1", NULL, 20), "",
		   "no-route");
	host_apply(hnv_document);
	host_turn();
	rig_answer_neighbours();
	rig_expect("without", "c-web", frame, rig_udp(frame, ROUTER, WEB, "10.0.0.5", "10.0.0.88", NULL, 20), "",
		   "no-record");
	snprintf(document, sizeof(document), "%snetwork-virtualization: {resolver: {command: /nonexistent/ask}}\n",
		 hnv_document);
	const char *refused = host_apply_refused(document);
	assert_non_null(refused);
	assert_string_equal(refused,
			    "network-virtualization.resolver.command: /nonexistent/ask: No such file or directory");
	quiet();
}

static void resolve_by(const char *resolver)
{
	snprintf(document, sizeof(document), "%snetwork-virtualization: {resolver: {%s}}\n", hnv_document, resolver);
	host_apply(document);
	host_turn();
	rig_answer_neighbours();
	rig_answer_neighbours();
	host_clear();
}

/* The same over HTTP. */
static void test_http(void **state)
{
	static const struct fake_answer good[] = {
		{.request = "POST /",
		 .status = 200,
		 .body = "{\"mac-address\":\"00:15:5d:00:00:06\",\"provider-address\":\"198.51.100.12\"}"},
		{0}};
	static const struct fake_answer none[] = {{0}},
					bad[] = {{.request = "POST /", .status = 500, .body = "{}"}, {0}};
	static const struct fake_answer *const rows[] = {good, none, bad};
	char resolver[256];
	for (unsigned i = 0; i < 3; i++) {
		uint64_t dropped = host_dropped("unresolved");
		fake_weftd_start(rows[i]);
		snprintf(resolver, sizeof(resolver), "url: %s, timeout-ms: 1000", fake_weftd_socket());
		resolve_by(resolver);
		warnings = 0;
		web_sends("10.0.0.90", 1);
		until(i ? host_dropped("unresolved") == dropped + 1 : host_got_count(WIRE) == 1);
		assert_string_equal(fake_weftd_last_body(),
				    "{\"virtual-subnet-id\":5001,\"customer-address\":\"10.0.0.90\","
				    "\"provider-network\":\"default\"}");
		assert_int_equal(warnings, i == 2);
		if (!i) { /* what another one said stays until it expires; the API takes it away sooner */
			struct ip ip;
			ip_parse("10.0.0.90", &ip);
			assert_int_equal(hnv_record_remove((uint8_t)provider_network_find("default"), 5001, &ip), 0);
		}
		fake_weftd_stop();
		quiet();
	}
	assert_non_null(strstr(warned, "neither 200 with a record nor 204 or 404"));
	resolve_by("url: /nonexistent/resolver");
	uint64_t dropped = host_dropped("unresolved");
	web_sends("10.0.0.90", 1);
	until(host_dropped("unresolved") == dropped + 1);
	assert_non_null(strstr(warned, "the resolver /nonexistent/resolver: "));
	quiet();
}

static int start(void **state)
{
	strcpy(folder, "/tmp/weft-resolve-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/ask", folder);
	FILE *f = fopen(path, "w");
	if (!f || fputs(program, f) < 0 || fclose(f) || chmod(path, 0700))
		return -1;
	rig_start();
	snprintf(
		document, sizeof(document),
		"%snetwork-virtualization: {resolver: {command: %s, timeout-ms: 1000, negative-expiry: 5, expiry: 60}}\n",
		hnv_document, path);
	host_apply(document);
	host_turn();
	rig_answer_neighbours();
	log_set_sink(remember);
	return 0;
}

static int end(void **state)
{
	touch("", false);
	touch(".asked", false);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_arp),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_storm),
		cmocka_unit_test(test_refresh_and_expiry),
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_http),
	};
	return cmocka_run_group_tests_name("hnv resolve", tests, start, end);
}
