/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the tests of api/ and holds what they share. */
#include "api/test/api_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

struct api_document *test_document(const char *text, char shown[static ERR_TEXT_SIZE])
{
	struct api_document *doc = NULL;
	struct err e = {0};
	json_t *json = NULL;

	int r = api_text_parse(text, strlen(text), &json, &e);
	if (r == 0)
		r = api_document_decode(json, &doc, &e);
	json_decref(json);
	shown[0] = '\0';
	if (r < 0) {
		assert_null(doc);
		err_format(&e, shown, ERR_TEXT_SIZE);
		assert_string_not_equal(shown, "");
	}
	return doc;
}

struct api_document *test_document_good(const char *text)
{
	char shown[ERR_TEXT_SIZE];
	struct api_document *doc = test_document(text, shown);

	assert_string_equal(shown, "");
	return doc;
}

json_t *test_json(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);

	if (!json)
		fail_msg("the test's own JSON: %s in %s", error.text, text);
	return json;
}

char *test_data(const char *name)
{
	char path[512], *text = NULL;
	size_t len;

	snprintf(path, sizeof(path), API_TEST_DATA "/%s", name);
	assert_int_equal(file_read(path, 1 << 20, &text, &len), 0);
	return text;
}

void assert_json_equal(const json_t *json, const char *expected)
{
	char *text = json_dumps(json, JSON_ENCODE_ANY);

	assert_non_null(text);
	json_t *again = test_json(expected);
	char *wanted = json_dumps(again, JSON_ENCODE_ANY);
	assert_string_equal(text, wanted);
	json_decref(again);
	free(wanted);
	free(text);
}

const char *const test_good_documents[] = {
	"{}",
	"host: {name: node1, mac-address-range: {minimum: 00155D020600, maximum: 00-15-5D-02-06-FF}}\n"
	"switches:\n"
	"  - {name: out, type: external, uplink: eth1, allow-management-os: true, mtu: 9000, purpose: 'a: b'}\n"
	"  - {name: dev, type: external, uplink: {dpdk: 'net_pcap0,iface=eth9'}, allow-management-os: false}\n"
	"  - {name: lab, type: internal}\n"
	"  - {name: dark, type: private}\n"
	"adapters:\n"
	"  - {name: h, owner: host, switch: lab, attach: {tap: weft0}, addresses: [192.0.2.1/24, dhcp, '2001:db8::1/64'],\n"
	"     gateway: [192.0.2.254, 'fe80::1'], dns: [127.0.0.53, '2001:db8::53'], mtu: 1400}\n"
	"  - {name: h2, owner: host, switch: out, addresses: dhcp, queues: 4}\n"
	"  - {name: a, vm: web, switch: out, mac-address: 02-00-00-00-00-01, attach: {tap: t, netns: n, queues: 2}}\n"
	"  - {name: b, switch: dark, attach: {vhost-user: /run/b.sock, listen: host}, queues: 16, mtu: 65535}\n"
	"  - {name: c, switch: dark, attach: {interface: veth0}, mac-address-limit: 7}\n"
	"  - {name: d, switch: dev, attach: {dpdk: net_null0}}\n",
	NULL,
};

int main(void)
{
	int failed = 0;

	failed += _cmocka_run_group_tests("engine", engine_tests, n_engine_tests, NULL, NULL);
	failed += _cmocka_run_group_tests("decode", decode_tests, n_decode_tests, NULL, NULL);
	failed += _cmocka_run_group_tests("diff", diff_tests, n_diff_tests, NULL, NULL);
	failed += _cmocka_run_group_tests("yaml", yaml_tests, n_yaml_tests, NULL, NULL);
	failed += _cmocka_run_group_tests("property", property_tests, n_property_tests, NULL, NULL);
	failed += _cmocka_run_group_tests("alloc", alloc_tests, n_alloc_tests, NULL, NULL);
	return failed;
}
