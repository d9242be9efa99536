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

void test_refusals(const struct refusal *cases, size_t n)
{
	char shown[ERR_TEXT_SIZE];

	for (size_t i = 0; i < n; i++) {
		struct api_document *doc = test_document(cases[i].text, shown);
		if (doc || strcmp(shown, cases[i].error) != 0)
			print_error("of: %s\n", cases[i].text);
		assert_null(doc);
		assert_string_equal(shown, cases[i].error);
	}
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
	"host: {mac-address-range: {minimum: 00155D020600, maximum: 00155D0206FF}}\n"
	"switches:\n"
	"  - {name: fabric, type: external, uplink: eth1}\n"
	"  - {name: other, type: external, uplink: eth2}\n"
	"network-virtualization: {forwarding: 2012, use-external-router: true, resolver: {command: /bin/ask, timeout-ms: 50}}\n"
	"provider-addresses:\n"
	"  - {switch: fabric, address: 198.51.100.11/24, vlan: 7, mac-address: 02:00:00:00:00:aa, virtual-subnet-ids: [5001]}\n"
	"  - {switch: fabric, address: '2001:db8::11/64'}\n"
	"  - {switch: other, address: 198.51.100.11/24, provider-network: blue}\n"
	"provider-routes:\n"
	"  - {prefix: 0.0.0.0/0, next-hop: 198.51.100.1, metric: 1}\n"
	"  - {prefix: '::/0', next-hop: 'fe80::1'}\n"
	"  - {prefix: 0.0.0.0/0, next-hop: 198.51.100.1, provider-network: blue}\n"
	"routing-domains:\n"
	"  - id: '{AAAAAAAA-2222-3333-4444-000000005001}'\n"
	"    name: contoso\n"
	"    virtual-subnets:\n"
	"      - {id: 5001, prefix: [10.0.0.0/24, '2001:db8:1::/64'], dhcp: true, dns: 10.0.0.53, mss-clamp: true}\n"
	"      - {id: 5002, prefix: 10.0.1.0/24}\n"
	"      - {id: 5009, prefix: 10.0.9.0/30}\n"
	"  - {id: aaaaaaaa-2222-3333-4444-000000005002, provider-network: blue,\n"
	"     virtual-subnets: [{id: 5001, prefix: 10.0.0.0/24}]}\n"
	"adapters:\n"
	"  - {name: a, switch: fabric, attach: {tap: a}, mac-address: 02:00:00:00:00:05, virtual-subnet-id: 5001,\n"
	"     dynamic-ip-address-limit: 4}\n"
	"  - {name: b, switch: fabric, attach: {tap: b}, mac-address: 02:00:00:00:00:05, virtual-subnet-id: 5002}\n"
	"  - {name: c, switch: other, attach: {tap: c}, virtual-subnet-id: 5001}\n"
	"  - {name: d, switch: other, attach: {tap: d}, virtual-subnet-id: 0}\n"
	"  - name: e\n"
	"    switch: fabric\n"
	"    attach: {tap: e}\n"
	"    isolation: {isolation-mode: native-virtual-subnet, allow-untagged-traffic: true, default-isolation-id: 5001,\n"
	"      multi-tenant-stack: on}\n"
	"    routing-domain-mappings:\n"
	"      - routing-domain-id: aaaaaaaa-2222-3333-4444-000000005001\n"
	"        routing-domain-name: contoso\n"
	"        isolation-ids: [{isolation-id: 5001, isolation-name: web}, {isolation-id: 5002, vlan: 102}]\n"
	"lookup-records:\n"
	"  - {virtual-subnet-id: 5001, customer-address: 10.0.0.5, mac-address: 02:00:00:00:00:05,\n"
	"     provider-address: 198.51.100.11, vm-name: web, customer-id: contoso, context: x}\n"
	"  - {virtual-subnet-id: 5001, customer-address: '2001:db8:1::5', mac-address: 02:00:00:00:00:05,\n"
	"     provider-address: 198.51.100.11, encapsulation: vxlan, type: dynamic}\n"
	"  - {virtual-subnet-id: 5001, customer-address: 'fe80::5', mac-address: 02:00:00:00:00:05,\n"
	"     provider-address: '2001:db8::11'}\n"
	"  - {virtual-subnet-id: 5001, customer-address: 10.0.0.6, mac-address: 02:00:00:00:00:06,\n"
	"     provider-address: 198.51.100.106, rule: nat, use-vm-mac-address: true}\n"
	"  - {virtual-subnet-id: 5001, customer-address: 0.0.0.0, mac-address: 02:00:00:00:00:07,\n"
	"     provider-address: 198.51.100.12, type: l2only}\n"
	"  - {virtual-subnet-id: 5001, customer-address: 0.0.0.0, mac-address: 02:00:00:00:00:08,\n"
	"     provider-address: 198.51.100.12, type: l2only}\n"
	"  - {virtual-subnet-id: 5001, customer-address: 10.0.0.255, provider-address: 239.1.1.1}\n"
	"  - {virtual-subnet-id: 5001, customer-address: 'ff02::fb'}\n"
	"  - {virtual-subnet-id: 5009, customer-address: 10.0.9.2, mac-address: 02:00:00:00:00:09,\n"
	"     provider-address: 198.51.100.13}\n"
	"  - {virtual-subnet-id: 5009, customer-address: '::', mac-address: 02:00:00:00:00:09,\n"
	"     provider-address: 198.51.100.13, type: gateway-wildcard}\n"
	"  - {virtual-subnet-id: 5001, customer-address: 10.0.0.5, mac-address: 02:00:00:00:00:05,\n"
	"     provider-address: 198.51.100.11, provider-network: blue}\n"
	"customer-routes:\n"
	"  - {virtual-subnet-id: 5001, prefix: 10.0.0.0/24, next-hop: 0.0.0.0, metric: 255}\n"
	"  - {virtual-subnet-id: 5009, prefix: 0.0.0.0/0, next-hop: 10.0.9.2}\n"
	"  - {virtual-subnet-id: 5009, prefix: 0.0.0.0/0, next-hop: 10.0.9.2, metric: 7}\n"
	"  - {virtual-subnet-id: 5002, prefix: 10.0.0.64/28, next-hop: 10.0.1.7}\n"
	"  - {virtual-subnet-id: 5001, prefix: 10.9.0.0/16, next-hop: 0.0.0.0, provider-network: blue}\n",
	NULL,
};

int main(void)
{
	int failed = 0;

	failed += _cmocka_run_group_tests("engine", engine_tests, n_engine_tests, NULL, NULL);
	failed += _cmocka_run_group_tests("decode", decode_tests, n_decode_tests, NULL, NULL);
	failed += _cmocka_run_group_tests("prefix", prefix_tests, n_prefix_tests, NULL, NULL);
	failed += _cmocka_run_group_tests("isolation", isolation_tests, n_isolation_tests, NULL, NULL);
	failed += _cmocka_run_group_tests("tenants", tenants_tests, n_tenants_tests, NULL, NULL);
	failed += _cmocka_run_group_tests("diff", diff_tests, n_diff_tests, NULL, NULL);
	failed += _cmocka_run_group_tests("yaml", yaml_tests, n_yaml_tests, NULL, NULL);
	failed += _cmocka_run_group_tests("property", property_tests, n_property_tests, NULL, NULL);
	failed += _cmocka_run_group_tests("alloc", alloc_tests, n_alloc_tests, NULL, NULL);
	return failed;
}
