/* SPDX-License-Identifier: Apache-2.0 */
/* What changes from one document to the next, by table. */
#include "api/test/api_test.h"

/* clang-format off */
#define FIELD(name, from, to) "{\"field\": \"" name "\", \"from\": " from ", \"to\": " to "}"
#define CHANGE(op, kind, name, fields) \
	"{\"op\": \"" op "\", \"kind\": \"" kind "\", \"name\": \"" name "\", \"fields\": [" fields "]}"

static const struct {
	const char *prev, *next, *changes;
} cases[] = {
	{"{}", "{}", "[]"},
	{"{}", "host: {name: n}", "[" CHANGE("change", "host", "n", FIELD("name", "null", "\"n\"")) "]"},
	{"host: {mac-address-range: {minimum: 0200000000AA, maximum: 0200000000ab}}",
	 "host: {mac-address-range: {minimum: 0200000000aa, maximum: 0200000000ac}}",
	 "[" CHANGE("change", "host", "host",
		    FIELD("mac-address-range.maximum", "\"02:00:00:00:00:ab\"", "\"02:00:00:00:00:ac\"")) "]"},
	/* A spelled-out default changes nothing, nor does the order. */
	{"switches: [{name: a, type: private}, {name: b, type: internal}]\n"
	 "adapters: [{name: x, switch: a, attach: {vhost-user: /x}}]",
	 "switches: [{name: b, type: internal}, {name: a, type: private}]\n"
	 "adapters: [{name: x, owner: vm, switch: a, attach: {vhost-user: /x, listen: guest}, queues: 1}]",
	 "[]"},
	{"switches: [{name: a, type: private}, {name: b, type: external, uplink: eth1}]\n"
	 "adapters: [{name: x, switch: a, attach: {tap: x}}, {name: y, switch: a, attach: {tap: y}}]",
	 "switches: [{name: c, type: internal}, {name: b, type: external, uplink: {dpdk: net_null0}, mtu: 9000}]\n"
	 "adapters: [{name: x, switch: c, attach: {vhost-user: /x, listen: host}}]",
	 "[" CHANGE("remove", "switch", "a", FIELD("name", "\"a\"", "null") ", " FIELD("type", "\"private\"", "null")) ", "
	 CHANGE("add", "switch", "c", FIELD("name", "null", "\"c\"") ", " FIELD("type", "null", "\"internal\"")) ", "
	 CHANGE("change", "switch", "b",
		FIELD("uplink", "\"eth1\"", "{\"dpdk\": \"net_null0\"}") ", " FIELD("mtu", "null", "9000")) ", "
	 CHANGE("remove", "adapter", "y", FIELD("name", "\"y\"", "null") ", " FIELD("switch", "\"a\"", "null") ", "
		FIELD("attach.tap", "\"y\"", "null")) ", "
	 CHANGE("change", "adapter", "x", FIELD("switch", "\"a\"", "\"c\"") ", " FIELD("attach.tap", "\"x\"", "null") ", "
		FIELD("attach.vhost-user", "null", "\"/x\"") ", " FIELD("attach.listen", "null", "\"host\"")) "]"},
	{"switches: [{name: a, type: internal}]\nadapters: [{name: x, owner: host, switch: a, addresses: 192.0.2.1/24}]",
	 "switches: [{name: a, type: internal}]\nadapters: [{name: x, owner: host, switch: a, addresses: dhcp}]",
	 "[" CHANGE("change", "adapter", "x", FIELD("addresses", "[\"192.0.2.1/24\"]", "[\"dhcp\"]")) "]"},
};

/* clang-format on */

static void test_diff(void **state)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct api_document *prev = test_document_good(cases[i].prev),
				    *next = test_document_good(cases[i].next);
		json_t *changes = api_document_diff(prev, next);
		assert_json_equal(changes, cases[i].changes);
		json_decref(changes);
		api_document_free(prev);
		api_document_free(next);
	}
}

const struct CMUnitTest diff_tests[] = {cmocka_unit_test(test_diff)};
const size_t n_diff_tests = COUNT(diff_tests);
