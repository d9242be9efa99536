/* SPDX-License-Identifier: Apache-2.0 */
/* The routes that tell what is and what was: status, counters, events, frames. Without a socket. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/str.h"
#include "core/control/events.h"
#include "core/control/loop.h"
#include "core/http/inventory.h"
#include "core/http/server.h"
#include "core/http/test/call.h"
#include "core/http/test/fakes.h"

#define VM1_STATUS                                                                                                   \
	"{\"name\":\"vm1\",\"switch\":\"lab\",\"owner\":\"vm\",\"mac-address\":\"00:15:5d:00:00:01\","               \
	"\"kind\":\"vhost-user\",\"link\":\"up\",\"peer\":\"connected\","                                            \
	"\"not-enforced\":[\"minimum bandwidth: no uplink speed\"]}"
#define LAB_STATUS "{\"name\":\"lab\",\"type\":\"external\",\"uplink\":\"eth1\",\"link\":\"up\",\"ports\":3}"

static void test_status(void **state)
{
	assert_int_equal(get("/v1/status/adapter/vm1"), 200);
	assert_string_equal(call_text, VM1_STATUS);
	assert_int_equal(get("/v1/status/switches/lab"), 200);
	assert_string_equal(call_text, LAB_STATUS);
	assert_int_equal(get("/v1/status/switch"), 200);
	assert_string_equal(call_text, "[" LAB_STATUS "]");
	assert_int_equal(get("/v1/status/adapters"), 200);
	assert_string_equal(
		call_text,
		"[" VM1_STATUS
		",{\"name\":\"lab\",\"switch\":\"lab\",\"owner\":\"host\",\"mac-address\":\"00:15:5d:00:00:02\","
		"\"kind\":\"tap\",\"link\":\"unknown\",\"not-enforced\":[\"minimum bandwidth: no uplink speed\"]}"
		",{\"name\":\"wire:lab\",\"switch\":\"lab\",\"owner\":\"wire\",\"kind\":\"vhost-user\","
		"\"link\":\"up\",\"not-enforced\":[]}]");
	assert_int_equal(get("/v1/status/adapter/wire%3Alab"), 200);
	call_says("\"owner\":\"wire\"");
	fake.unconfirmed_s = 30;
	assert_int_equal(get("/v1/status"), 200);
	assert_begins(call_text, "{\"host\":{\"name\":\"node1\",\"revision\":7,\"version\":\"");
	call_says("\"unconfirmed-seconds\":30},\"switches\":[" LAB_STATUS "],\"adapters\":[" VM1_STATUS);
	assert_int_equal(get("/v1/status/host/node1"), 200);
}

static void test_status_without_a_dataplane(void **state)
{
	fake.dataplane = false;
	assert_int_equal(get("/v1/status"), 200);
	call_says("\"mac-address\":\"00:15:5d:00:00:01\",\"link\":\"unknown\"");
	assert_int_equal(get("/v1/stats"), 200);
	call_says("\"switches\":[]");
	assert_int_equal(get("/metrics"), 200);
}

static void test_what_has_no_status_or_stats(void **state)
{
	static const char *const none[] = {"/v1/status/team",	       "/v1/status/switch/x",
					   "/v1/status/adapter/vm",    "/v1/status/switchs",
					   "/v1/status/host/other",    "/v1/stats/host",
					   "/v1/stats/adapter/vm",     "/v1/stats/switch/wire:lab",
					   "/v1/stats/worker/worker9", "/v1/stats/total/x"};
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		if (get(none[i]) != 404)
			fail_msg("%s: %s", none[i], call_text);
}

#define VM1_BOOKS                                                                                                    \
	"\"in\":{\"packets\":4,\"bytes\":400},\"out\":{\"packets\":10,\"bytes\":600},"                               \
	"\"drops\":{\"mac-spoofed\":1,\"no-destination\":1},"                                                        \
	"\"ingress\":{\"received\":10,\"copies\":1,\"originated\":0,\"forwarded\":9,\"consumed\":1,\"dropped\":1},"  \
	"\"egress\":{\"offered\":4,\"copies\":2,\"delivered\":4,\"dropped\":1,\"held\":1}}"

static void test_stats(void **state)
{
	assert_int_equal(get("/v1/stats/adapter/vm1"), 200);
	assert_string_equal(call_text, "{\"name\":\"vm1\",\"switch\":\"lab\"," VM1_BOOKS);
	assert_int_equal(get("/v1/stats/switch/lab"), 200);
	assert_begins(call_text, "{\"name\":\"lab\",\"in\":{\"packets\":9,\"bytes\":700}");
	assert_int_equal(get("/v1/stats/node"), 200);
	assert_string_equal(
		call_text,
		"[{\"name\":\"test_admit\",\"stage\":\"admit\",\"frames\":10,\"kept\":7,\"adapters\":1},"
		"{\"name\":\"test_forward\",\"stage\":\"forward\",\"frames\":10,\"kept\":7,\"adapters\":3}]");
	assert_int_equal(get("/v1/stats/worker/worker0"), 200);
	assert_string_equal(call_text,
			    "{\"name\":\"worker0\",\"core\":1,\"packets\":10,\"busy-cycles\":2000,\"idle-cycles\":30,"
			    "\"rounds\":5,\"sleeps\":1}");
	assert_int_equal(get("/v1/stats"), 200);
	assert_begins(call_text, "{\"adapters\":[{\"name\":\"vm1\",");
	call_says("],\"total\":{\"in\":{\"packets\":9,");
	call_says("\"balanced\":true}}");
}

static void test_books_that_do_not_balance(void **state)
{
	uint64_t *const counts[] = {&fake_rows[FAKE_VM1].received, &fake_rows[FAKE_VM1].delivered,
				    &fake_rows[FAKE_WIRE].taken, &fake_departed.consumed, &fake_departed.drop_out[1]};
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		++*counts[i];
		assert_int_equal(get("/v1/stats/total"), 200);
		call_says("\"balanced\":false");
		--*counts[i];
	}
	/* Both halves may balance by themselves and still lose a frame in between. */
	fake_departed.received++;
	fake_departed.forwarded++;
	get("/v1/stats/total");
	call_says("\"balanced\":false");
	fake_departed.offered++;
	fake_departed.delivered++;
	get("/v1/stats/total");
	call_says("\"balanced\":true");
}

static void test_metrics(void **state)
{
	assert_int_equal(get("/metrics"), 200);
	assert_string_equal(call_answer.content_type, "text/plain; version=0.0.4; charset=utf-8");
	call_says("# TYPE weft_adapter_receive_packets_total counter\n"
		  "weft_adapter_receive_packets_total{adapter=\"vm1\",switch=\"lab\"} 4\n");
	call_says("\nweft_adapter_transmit_bytes_total{adapter=\"vm1\",switch=\"lab\"} 600\n");
	call_says("\nweft_adapter_receive_packets_total{adapter=\"wire:lab\",switch=\"lab\"} 5\n");
	call_says("\nweft_switch_receive_bytes_total{switch=\"lab\"} 700\n");
	call_says("\nweft_drops_total{adapter=\"vm1\",switch=\"lab\",reason=\"mac-spoofed\"} 1\n");
	call_says("\nweft_worker_busy_cycles_total{worker=\"worker0\"} 2000\n");
	call_says(",host=\"node1\"} 1\n");
	/* Each metric is announced once and in one piece. */
	for (const char *p = call_text; (p = strstr(p, "# TYPE ")); p++) {
		char name[80];
		assert_int_equal(sscanf(p, "# TYPE %79s", name), 1);
		char again[96];
		snprintf(again, sizeof(again), "# TYPE %s ", name);
		assert_null(strstr(p + 1, again));
	}
}

static void test_metric_labels_are_escaped(void **state)
{
	((struct api_document *)engine_document())->host.name[0] = '"';
	((struct api_document *)engine_document())->host.name[1] = '\\';
	get("/metrics");
	call_says("host=\"\\\"\\\\de1\"");
}

static void test_explain(void **state)
{
	assert_int_equal(call("POST", "/v1/explain",
			      "{\"from\": \"wire:lab\", \"frame\": \"ff:ff FFff FFFF 0015 5d00 0001 0806 ab\"}"),
			 200);
	assert_string_equal(call_text, "{\"outcome\":\"delivered to vm2\"}");
	assert_string_equal(fake.explain_from, "wire:lab");
	assert_int_equal(fake.explain_len, 15);
	assert_int_equal(fake.explain_last, 0xab);
	assert_int_equal(
		call("POST", "/v1/explain", "{\"from\":\"nobody\",\"frame\":\"ffffffffffff00155d0000010800\"}"), 404);
}

static void test_explain_refuses(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{",
		"{\"from\":\"vm1\"}",
		"{\"frame\":\"ffffffffffff00155d0000010800\"}",
		"{\"from\":1,\"frame\":\"ffffffffffff00155d0000010800\"}",
		"{\"from\":\"vm1\",\"frame\":\"ffffffffffff00155d00000108\"}",
		"{\"from\":\"vm1\",\"frame\":\"ffffffffffff00155d000001080\"}",
		"{\"from\":\"vm1\",\"frame\":\"ffffffffffff00155d000001080g\"}",
		"{\"from\":\"vm1\",\"frame\":\"ffffffffffff00155d0000010 800\"}",
		"{\"from\":\"vm1\",\"frame\":\"\"}",
		"{\"from\":\"vm1\",\"frame\":\"ffffffffffff00155d0000010800\",\"to\":\"x\"}",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (call("POST", "/v1/explain", bad[i]) != 400)
			fail_msg("%s was taken", bad[i]);
	struct str s = {0};
	str_add(&s, "{\"from\":\"vm1\",\"frame\":\"");
	for (unsigned i = 0; i < 65550; i++)
		str_add(&s, "00");
	str_add(&s, "\"}");
	assert_int_equal(call("POST", "/v1/explain", s.text), 413);
	memmove(strstr(s.text, "00"), strstr(s.text, "00") + 2, strlen(strstr(s.text, "00") + 2) + 1);
	assert_int_equal(call("POST", "/v1/explain", s.text), 200);
	assert_int_equal(fake.explain_len, 65549);
	str_free(&s);
}

static void test_events_are_listed(void **state)
{
	events_init();
	events_add(LOG_LEVEL_INFO, "adapter vm1", "connected");
	events_add(LOG_LEVEL_WARNING, "switch lab", "link down");
	assert_int_equal(get("/v1/events?after=1"), 200);
	assert_int_equal(json_array_size(call_answer.json), 1);
	call_says("\"number\":2,");
	call_says("\"level\":\"warning\",\"object\":\"switch lab\",\"text\":\"link down\"}");
	assert_int_equal(get("/v1/events?after=-1"), 400);
	events_init();
}

/* All that the stream has at this moment, in pieces of at most `piece` bytes. */
static const char *stream_text(size_t piece)
{
	static char buf[4096];
	long n, len = 0;
	while ((n = call_answer.next(call_answer.stream, buf + len, piece)) > 0)
		len += n;
	assert_true(len < (long)sizeof(buf) - 1);
	buf[len] = '\0';
	return n < 0 ? "end" : buf;
}

static void test_events_are_followed(void **state)
{
	events_init();
	events_add(LOG_LEVEL_INFO, "host", "first");
	assert_int_equal(get("/v1/events?follow=true"), 200);
	assert_string_equal(call_answer.content_type, "application/x-ndjson");
	events_add(LOG_LEVEL_INFO, "host", "second");
	const char *lines = stream_text(7);
	const char *second = strchr(lines, '\n');
	assert_non_null(second);
	assert_non_null(strstr(second, "second"));
	json_t *json = json_loads(second + 1, 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(json, "number")), 2);
	json_decref(json);
	assert_string_equal(stream_text(100), "");
	events_add(LOG_LEVEL_INFO, "host", "third");
	const char *third = stream_text(100);
	assert_begins(third, "{\"number\":3");
	call_clear();
	events_init();
}

static void test_capture(void **state)
{
	assert_int_equal(loop_init(), 0);
	assert_int_equal(get("/v1/capture?adapter=vm1&filter=tcp+port%2080&snaplen=96&count=5"), 200);
	assert_string_equal(call_answer.content_type, "application/x-pcapng");
	assert_string_equal(fake.capture_adapter, "vm1");
	assert_string_equal(fake.capture_filter, "tcp port 80");
	assert_int_equal(fake.capture_snaplen, 96);
	assert_int_equal(fake.capture_count, 5);
	assert_string_equal(stream_text(100), "");
	fake.capture_ready = true;
	assert_string_equal(stream_text(100), "block\n");
	fake.capture_finished = true;
	assert_string_equal(stream_text(100), "end");
	call_clear();
	assert_int_equal(fake.captures_open, 0);
	assert_int_equal(get("/v1/capture?filter=wrong"), 400);
	call_says("\"path\":\"filter\"");
	assert_int_equal(get("/v1/capture?snaplen=9999999"), 400);
	assert_int_equal(get("/v1/capture"), 200);
	assert_string_equal(fake.capture_adapter, "-");
	call_clear();
	loop_fini();
}

static void test_kinds(void **state)
{
	assert_true(inventory_kind("switch", "switch") && inventory_kind("switches", "switch"));
	assert_true(inventory_kind("adapter", "adapter") && inventory_kind("adapters", "adapter"));
	assert_false(inventory_kind("switchs", "switch") || inventory_kind("adapteres", "adapter"));
	assert_false(inventory_kind("", "switch") || inventory_kind("sw", "switch"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, call_setup, call_teardown)
	const struct CMUnitTest tests[] = {
		TEST(status),
		TEST(status_without_a_dataplane),
		TEST(what_has_no_status_or_stats),
		TEST(stats),
		TEST(books_that_do_not_balance),
		TEST(metrics),
		TEST(metric_labels_are_escaped),
		TEST(explain),
		TEST(explain_refuses),
		TEST(events_are_listed),
		TEST(events_are_followed),
		TEST(capture),
		TEST(kinds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
