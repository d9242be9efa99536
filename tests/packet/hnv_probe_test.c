/* SPDX-License-Identifier: Apache-2.0 */
/* Probes of test-adapter: they come as far as a guest's frames would, are answered without the guest, and reach none. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "modules/hnv-diagnosis/control/probe_message.h"
#include "modules/hnv/probe.h"
#include "tests/packet/asked.h"
#include "tests/packet/hnv_rig.h"

static const struct mac web = {{0, 0x15, 0x5d, 0, 0, 5}}, away = {{0, 0x15, 0x5d, 0, 0, 6}};

static struct probe_message message(const char *from, const char *to)
{
	struct probe_message m = {.sequence = 7, .nonce = {1, 2, 3}};
	assert_int_equal(ip_parse(from, &m.from), 0);
	assert_int_equal(ip_parse(to, &m.to), 0);
	return m;
}

/* Its bytes. */
static size_t made(const struct probe_message *m, const struct mac *mac, uint8_t *to)
{
	struct frame *f = probe_message_make(m, mac, 56);
	assert_non_null(f);
	size_t len = frame_len(f);
	assert_true(frame_read(f, 0, to, (uint32_t)len));
	frame_free(f);
	return len;
}

static void from_wire(uint32_t vsid, const struct probe_message *m, const struct mac *mac)
{
	uint8_t inner[512], frame[640];
	size_t len = made(m, mac, inner);
	host_send(WIRE, frame, rig_wrap(frame, &(struct rig_outer){RIG_PA4, RIG_NVGRE, vsid << 8}, inner, len));
	host_turn();
}

/* The only frame that came out: a probe in a tunnel. */
static struct probe_message on_wire(void)
{
	struct probe_message m = {0};
	uint32_t payload;
	struct frame *f = host_got(WIRE, 0), *inner;
	assert_int_equal(host_got_total(), 1);
	assert_non_null(f);
	inner = frame_copy(f, host_pipe()->pools, UINT32_MAX);
	assert_non_null(inner);
	rte_pktmbuf_adj(&inner->m, OUTER4);
	inner->m.ol_flags &= ~FRAME_PARSED;
	assert_true(hnv_probe_is(frame_data(inner)));
	assert_true(probe_message_parse(inner, &m, &payload));
	frame_free(inner);
	return m;
}

static void quiet(void)
{
	assert_int_equal(host_got_total(), 0);
	host_check_books();
}

static void test_here(void **state)
{
	static const char *const to[][2] = {{"c-two", "10.0.0.21"}, {"c-db", "10.0.1.37"}};
	char says[128];
	for (unsigned i = 0; i < 2; i++) {
		snprintf(says, sizeof(says), "/v1/test-adapter?from=c-web&to=%s&count=1", to[i][0]);
		assert_null(ask(says));
		host_turn();
		snprintf(says, sizeof(says), "\"to-address\":\"%s\",\"isolation-id\":5001,\"explain\":{", to[i][1]);
		asked_says(says);
		snprintf(says, sizeof(says), "\"adapter\":\"%s\"}\n", to[i][0]);
		asked_says(says);
		asked_says("{\"sequence\":100,\"rtt-us\":");
		asked_says("\"summary\":{\"sent\":1,\"received\":1,\"loss-percent\":0.0}");
		assert_true(asked_ended);
		quiet();
	}
	assert_null(ask("/v1/test-adapter?from=c-web&to-address=fd00:2::25&count=1&payload-size=1000"));
	host_turn();
	asked_says("\"adapter\":\"c-db\"}\n");
	asked_end();
	quiet();
}

static void test_nobody(void **state)
{
	static const char *const rows[][2] = {{"to-address=10.0.0.99", "no-record: "},
					      {"to-address=192.0.2.1", "no-route: "},
					      {"to-address=10.0.0.6&payload-size=1500", "tunnel-too-long: "}};
	char target[128];
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		snprintf(target, sizeof(target), "/v1/test-adapter?from=c-web&%s", rows[i][0]);
		assert_null(ask(target));
		host_turn();
		asked_says(rows[i][1]);
		asked_says("\"received\":0");
		asked_end();
		quiet();
	}
}

/* To another host, whose answers are the test's. */
static void test_away(void **state)
{
	assert_null(ask("/v1/test-adapter?from=c-web&to-address=10.0.0.6&count=3&sequence-number=5"));
	host_turn();
	struct probe_message m = on_wire();
	assert_false(m.reply);
	assert_int_equal(m.sequence, 5);
	host_clear();
	struct ip to = m.to;
	m.to = m.from;
	m.from = to;
	m.reply = m.reached = true;
	snprintf(m.text, sizeof(m.text), "node2 c-away");
	m.nonce[0] ^= 1;
	from_wire(5001, &m, &web); /* forged: it does not know the nonce */
	asked_read();
	assert_null(strstr(asked_text, "\"sequence\":5"));
	m.nonce[0] ^= 1;
	from_wire(6001, &m, &web); /* another tenant's */
	asked_read();
	assert_null(strstr(asked_text, "\"sequence\":5"));
	from_wire(5001, &m, &web);
	asked_says("\"host\":\"node2\",\"adapter\":\"c-away\"}");
	quiet();
	assert_false(asked_ended);
	asked_end(); /* the client leaves, and nothing is left of it */
	from_wire(5001, &m, &web);
	quiet();
}

static void test_asked_from_away(void **state)
{
	struct probe_message m = message("10.0.0.6", "10.0.0.5");
	from_wire(5001, &m, &web);
	struct probe_message got = on_wire();
	assert_true(got.reply && got.reached);
	assert_true(ip_equal(&got.to, &m.from) && ip_equal(&got.from, &m.to));
	assert_memory_equal(got.nonce, m.nonce, PROBE_NONCE);
	assert_int_equal(got.sequence, 7);
	assert_string_equal(strchr(got.text, ' '), " c-web");
	host_clear();
	m = message("10.0.0.6", "10.0.0.77");
	from_wire(5001, &m, &web);
	got = on_wire();
	assert_true(got.reply && !got.reached);
	assert_non_null(strstr(got.text, "not-here: "));
	host_clear();
	m = message("10.0.0.6", "10.0.0.5");
	from_wire(5001, &m, &away);
	got = on_wire();
	assert_non_null(strstr(got.text, "record-mac: "));
	host_clear();
	host_check_books();
}

/* A guest's frames are never probes, and what has a group as its source never reaches one. */
static void test_forged(void **state)
{
	uint8_t inner[512], frame[640];
	struct probe_message m = message("10.0.0.5", "10.0.0.21");
	size_t len = made(&m, &(struct mac){{0, 0x15, 0x5d, 0, 0, 0x15}}, inner);
	rig_expect("a guest's forged probe", "c-web", inner, len, "", "not-own-mac");
	host_turn();
	quiet();
	memcpy(inner + 6, web.byte, 6);
	rig_expect("a probe's bytes from a guest are a ping like any other", "c-web", inner, len, "c-two", NULL);
	host_clear();
	host_turn();
	quiet();
	len = rig_udp(inner, WEB, "01:15:5d:ff:ff:02", "10.0.0.6", "10.0.0.5", NULL, 20);
	host_send(WIRE, frame, rig_wrap(frame, &(struct rig_outer){RIG_PA4, RIG_NVGRE, 5001 << 8}, inner, len));
	host_turn();
	quiet();
}

static void test_storm(void **state)
{
	struct probe_message m = message("10.0.0.6", "10.0.0.5");
	uint64_t dropped = host_dropped("probe-limit");
	host_pass(2000);
	host_clear();
	for (unsigned i = 0; i < 300; i++)
		from_wire(5001, &m, &web);
	assert_in_range(host_got_count(WIRE), 90, 110);
	assert_in_range(host_dropped("probe-limit") - dropped, 190, 210);
	host_clear();
	host_pass(2000);
	host_clear();
}

static void test_refused(void **state)
{
	static const char *const rows[][2] = {
		{"from=nobody&to=c-two", "from: there is no adapter `nobody`"},
		{"from=c-web&to=plain", "to: plain is in no virtual subnet"},
		{"from=c-web", "to: give the receiver once"},
		{"from=c-web&to=c-two&to-address=10.0.0.6", "to: give the receiver once"},
		{"from=c-web&to-address=224.0.0.1", "to-address: 224.0.0.1 is no address of one station"},
		{"from=c-web&to-address=10.0.1.1", "to-address: is the distributed router"},
		{"from=c-web&to=c-two&isolation-id=5002", "isolation-id: adapter c-web is in virtual subnet 5001"},
		{"from=c-web&to=c-two&payload-size=8", "payload-size: 8 is too small"},
		{"from=c-web&to=c-two&next-hop-mac-address=01:00:5e:00:00:01", "next-hop-mac-address: 01:00:5e"},
	};
	char target[160];
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		snprintf(target, sizeof(target), "/v1/test-adapter?%s", rows[i][0]);
		const char *refused = ask(target);
		if (!refused || strncmp(refused, rows[i][1], strlen(rows[i][1])) != 0)
			fail_msg("%s: %s", rows[i][0], refused ? refused : "accepted");
	}
	asked_end();
	quiet();
}

int main(void)
{
	rig_start();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_here),	cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_away),	cmocka_unit_test(test_asked_from_away),
		cmocka_unit_test(test_forged),	cmocka_unit_test(test_storm),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests_name("hnv probe", tests, NULL, NULL);
}
