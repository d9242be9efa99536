/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of rows H9 to H11: what each asks weftd, and what it prints of the answer, to the letter. */
#include "cli/test/run.h"

#define PING "/v1/ping-provider?address=198.51.100.12"
#define PONG                                                                                                         \
	"{\"sequence\":1,\"bytes\":84,\"from\":\"198.51.100.12\",\"rtt-us\":153}\n"                                  \
	"{\"sequence\":2,\"error\":\"no answer within 1000 ms\"}\n"                                                  \
	"{\"summary\":{\"address\":\"198.51.100.12\",\"sent\":2,\"received\":1,\"loss-percent\":50.0,"               \
	"\"from\":\"198.51.100.11\",\"rtt-min-us\":153,\"rtt-average-us\":153,\"rtt-max-us\":153}}\n"
#define LOST                                                                                                         \
	"{\"sequence\":1,\"error\":\"not sent: 198.51.100.12 has not answered ARP yet\"}\n"                          \
	"{\"summary\":{\"address\":\"198.51.100.12\",\"sent\":1,\"received\":0,\"loss-percent\":100.0}}\n"
#define PROBE                                                                                                          \
	"{\"from\":\"cweb\",\"from-address\":\"10.0.0.5\",\"to-address\":\"10.0.1.7\",\"isolation-id\":5001,"          \
	"\"explain\":{\"from\":\"cweb\",\"frame\":\"a > b\",\"steps\":[{\"stage\":\"rx\",\"node\":\"rx\","             \
	"\"adapter\":\"cweb\",\"verdict\":\"pass\",\"text\":\"enters\"}],\"outcome\":\"delivered to wire:fabric\"}}\n" \
	"{\"sequence\":100,\"rtt-us\":812,\"host\":\"node2\",\"adapter\":\"cdb\"}\n"
#define REACHED PROBE "{\"summary\":{\"sent\":1,\"received\":1,\"loss-percent\":0.0}}\n"
#define MISSED                                                                                                       \
	"{\"from\":\"cweb\",\"from-address\":\"10.0.0.5\",\"to-address\":\"10.0.0.99\",\"isolation-id\":5001}\n"     \
	"{\"sequence\":7,\"error\":\"no-record: add one\"}\n"                                                        \
	"{\"summary\":{\"sent\":1,\"received\":0,\"loss-percent\":100.0}}\n"
#define ROUTES                                                                                                       \
	"{\"routes\":[{\"routing-domain\":\"{1}\",\"name\":\"contoso\",\"provider-network\":\"default\","            \
	"\"prefix\":\"10.0.0.0/24\",\"virtual-subnet-id\":5001,\"next-hop\":\"0.0.0.0\",\"metric\":0}]}"
#define RECORDS                                                                                                      \
	"{\"records\":[{\"virtual-subnet-id\":5001,\"customer-address\":\"10.0.0.6\","                               \
	"\"mac-address\":\"00:15:5d:00:00:06\",\"provider-address\":\"198.51.100.12\",\"origin\":\"document\","      \
	"\"leads-to\":\"tunnel\"}],\"total\":1}"
#define RECORD_QUERY "/v1/lookup-records?virtual-subnet-id=5001&customer-address="
#define HOP                                                                                                          \
	"{\"routing-domain\":\"{1}\",\"virtual-subnet-id\":5002,\"next-hop\":\"10.0.1.7\",\"routed\":true,"          \
	"\"leads-to\":\"tunnel\",\"provider-address\":\"198.51.100.12\"}"
#define PROVIDER                                                                                                     \
	"{\"addresses\":[{\"provider-address\":\"198.51.100.11/24\",\"provider-network\":\"default\","               \
	"\"switch\":\"fabric\",\"vlan\":0,\"mac-address\":\"00:15:5d:00:00:0b\",\"mtu\":1500}],\"neighbours\":[],"   \
	"\"paths\":[{\"peer\":\"198.51.100.12\",\"provider-network\":\"default\",\"provider-address\":"              \
	"\"198.51.100.11\",\"next-hop\":\"198.51.100.12\",\"mac-address\":\"00:15:5d:00:00:0c\",\"mtu\":1500,"       \
	"\"state\":\"ready\"}],\"groups\":[]}"

#define ENCAPSULATION                                                                                                 \
	"{\"networks\":[{\"provider-network\":\"default\",\"switch\":\"fabric\",\"uplink-mtu\":1500,\"overhead\":42," \
	"\"inner-mtu\":1458,\"needed-mtu\":1542}],\"adapters\":[{\"name\":\"cweb\",\"virtual-subnet-id\":5001,"       \
	"\"mtu\":1500,\"fits\":false},{\"name\":\"cdb\",\"virtual-subnet-id\":5002,\"mtu\":1458,\"fits\":true}]}"
#define PING_SIZE "GET " PING "&provider-network=default&size="
#define PINGS "&count=2&interval=20&timeout=500"
#define SUMMARY(n) "{\"summary\":{\"sent\":2,\"received\":" #n "}}\n"
#define PING_THIRD "GET /v1/ping-provider?address=198.51.100.13&provider-network=default&size="

static const struct fake_answer answers[] = {
	{.request = "GET /v1/encapsulation", .status = 200, .body = ENCAPSULATION},
	{.request = PING_SIZE "1472" PINGS, .status = 200, .body = SUMMARY(2)},
	{.request = PING_THIRD "1472" PINGS, .status = 200, .body = SUMMARY(0)},
	{.request = PING_THIRD "56" PINGS, .status = 200, .body = SUMMARY(1)},
	{.request = "GET " PING, .status = 200, .body = PONG},
	{.request = "GET " PING "&from=198.51.100.11&count=1&size=1472", .status = 200, .body = LOST},
	{.request = "GET " RECORD_QUERY "10.0.0.6", .status = 200, .body = RECORDS},
	{.request = "GET " RECORD_QUERY "10.0.0.99", .status = 200, .body = "{\"records\":[],\"total\":0}"},
	{.request = "GET /v1/lookup-records", .status = 200, .body = RECORDS},
	{.request = "GET /v1/test-adapter?from=cweb&to=cdb", .status = 200, .body = REACHED},
	{.request =
		 "GET /v1/test-adapter?from=cweb&to-address=10.0.0.99&isolation-id=5001&sequence-number=7&payload-size=99",
	 .status = 200,
	 .body = MISSED},
	{.request = "GET /v1/customer-routes", .status = 200, .body = ROUTES},
	{.request = "GET /v1/next-hop?virtual-subnet-id=5001&from=10.0.0.5&to=10.0.1.7", .status = 200, .body = HOP},
	{.request = "GET /v1/provider", .status = 200, .body = PROVIDER},
	{0},
};

static const struct {
	const char *line;
	int code;
	const char *out;
} cases[] = {
	{"ping-provider 198.51.100.12", CLI_OK,
	 "84 bytes from 198.51.100.12: seq=1 time=0.153 ms\n"
	 "seq=2: no answer within 1000 ms\n"
	 "--- 198.51.100.12 from 198.51.100.11: 2 sent, 1 received, 50 % lost, rtt min/avg/max 0.153/0.153/0.153 ms\n"},
	{"ping-provider 198.51.100.12 --from 198.51.100.11 --size 1472 --count 1", CLI_REFUSED,
	 "seq=1: not sent: 198.51.100.12 has not answered ARP yet\n"
	 "--- 198.51.100.12 from -: 1 sent, 0 received, 100 % lost\n"},
	{"ping-provider 10.0.0.6 --vsid 5001", CLI_OK, "84 bytes from 198.51.100.12: seq=1 time=0.153 ms\n"},
	{"ping-provider 10.0.0.99 --vsid 5001", CLI_REFUSED, ""},
	{"ping-provider 198.51.100.12 -o json", CLI_OK,
	 "{\n  \"address\": \"198.51.100.12\",\n  \"sent\": 2,\n  \"received\": 1,\n  \"loss-percent\": 50.0,\n"
	 "  \"from\": \"198.51.100.11\",\n  \"rtt-min-us\": 153,\n  \"rtt-average-us\": 153,\n  \"rtt-max-us\": 153,\n"
	 "  \"results\": [\n"
	 "    {\n      \"sequence\": 1,\n      \"bytes\": 84,\n      \"from\": \"198.51.100.12\",\n"
	 "      \"rtt-us\": 153\n    },\n"
	 "    {\n      \"sequence\": 2,\n      \"error\": \"no answer within 1000 ms\"\n    }\n  ]\n}\n"},
	{"test-adapter cweb cdb", CLI_OK,
	 "from adapter cweb (10.0.0.5) to 10.0.1.7, virtual subnet 5001\n\n"
	 "from cweb: a > b\n"
	 "STAGE  NODE  ADAPTER  VERDICT  WHY\n"
	 "rx     rx    cweb     pass     enters\n"
	 "delivered to wire:fabric\n\n"
	 "seq=100: reached adapter cdb on node2, there and back in 0.812 ms\n"
	 "1 sent, 1 answered\n"},
	{"test-adapter cweb --to-address 10.0.0.99 --isolation-id 5001 --sequence-number 7 --payload-size 99",
	 CLI_REFUSED,
	 "from adapter cweb (10.0.0.5) to 10.0.0.99, virtual subnet 5001\n\n"
	 "seq=7: no-record: add one\n"
	 "1 sent, 0 answered\n"},
	{"Test-VMNetworkAdapter -o json cweb --to-address 10.0.0.99 --isolation-id 5001 --sequence-number 7 "
	 "--payload-size 99",
	 CLI_REFUSED,
	 "{\n  \"from\": \"cweb\",\n  \"from-address\": \"10.0.0.5\",\n  \"to-address\": \"10.0.0.99\",\n"
	 "  \"isolation-id\": 5001,\n  \"results\": [\n    {\n      \"sequence\": 7,\n"
	 "      \"error\": \"no-record: add one\"\n    }\n  ],\n  \"sent\": 1,\n  \"received\": 0,\n"
	 "  \"loss-percent\": 100.0\n}\n"},
	{"Test-VirtualNetworkConnection -o json cweb --to-address 10.0.0.99 --isolation-id 5001 --sequence-number 7 "
	 "--payload-size 99",
	 CLI_REFUSED,
	 "{\n  \"from\": \"cweb\",\n  \"from-address\": \"10.0.0.5\",\n  \"to-address\": \"10.0.0.99\",\n"
	 "  \"isolation-id\": 5001,\n  \"results\": [\n    {\n      \"sequence\": 7,\n"
	 "      \"error\": \"no-record: add one\"\n    }\n  ],\n  \"sent\": 1,\n  \"received\": 0,\n"
	 "  \"loss-percent\": 100.0\n}\n"},
	{"customer-routes", CLI_OK,
	 "ROUTING-DOMAIN  NAME     PREFIX       VSID  NEXT-HOP  METRIC\n"
	 "{1}             contoso  10.0.0.0/24  5001  0.0.0.0        0\n"},
	{"Get-CustomerRoute -o json", CLI_OK,
	 "[\n  {\n    \"routing-domain\": \"{1}\",\n    \"name\": \"contoso\",\n    \"provider-network\": \"default\",\n"
	 "    \"prefix\": \"10.0.0.0/24\",\n    \"virtual-subnet-id\": 5001,\n    \"next-hop\": \"0.0.0.0\",\n"
	 "    \"metric\": 0\n  }\n]\n"},
	{"Get-PACAMapping", CLI_OK,
	 "VSID  CUSTOMER-ADDRESS  MAC-ADDRESS        PROVIDER-ADDRESS  TYPE    RULE   ENCAPSULATION  ORIGIN    LEADS-TO\n"
	 "5001  10.0.0.6          00:15:5d:00:00:06  198.51.100.12     static  encap  nvgre          document  tunnel\n"},
	{"record list -o json", CLI_OK,
	 "[\n  {\n    \"virtual-subnet-id\": 5001,\n    \"customer-address\": \"10.0.0.6\",\n"
	 "    \"mac-address\": \"00:15:5d:00:00:06\",\n    \"provider-address\": \"198.51.100.12\",\n"
	 "    \"origin\": \"document\",\n    \"leads-to\": \"tunnel\"\n  }\n]\n"},
	{"Select-NetVirtualizationNextHop --vsid 5001 --from 10.0.0.5 --to 10.0.1.7", CLI_OK,
	 "routing-domain     {1}\n"
	 "virtual-subnet-id  5002\n"
	 "next-hop           10.0.1.7\n"
	 "routed             true\n"
	 "leads-to           tunnel\n"
	 "provider-address   198.51.100.12\n"},
	{"next-hop --vsid 5001 --from 10.0.0.5 --to 10.0.1.7 -o json", CLI_OK,
	 "{\n  \"routing-domain\": \"{1}\",\n  \"virtual-subnet-id\": 5002,\n  \"next-hop\": \"10.0.1.7\",\n"
	 "  \"routed\": true,\n  \"leads-to\": \"tunnel\",\n  \"provider-address\": \"198.51.100.12\"\n}\n"},
	{"test-encapsulation", CLI_OK,
	 "PROVIDER-NETWORK  SWITCH  UPLINK-MTU  OVERHEAD  INNER-MTU  NEEDED-MTU\n"
	 "default           fabric        1500        42       1458        1542\n\n"
	 "1 of 2 adapters have an MTU that fits\n"
	 "ADAPTER  VSID   MTU  NOTE\n"
	 "cweb     5001  1500  more than fits: long packets are cut, or their sender is told\n\n"
	 "PEER           PROVIDER-NETWORK  UPLINK-MTU  PASSES  VERDICT\n"
	 "198.51.100.12  default                 1500    1500  full size passes\n"},
	{"Test-EncapOverheadSettings", CLI_OK,
	 "PROVIDER-NETWORK  SWITCH  UPLINK-MTU  OVERHEAD  INNER-MTU  NEEDED-MTU\n"
	 "default           fabric        1500        42       1458        1542\n\n"
	 "1 of 2 adapters have an MTU that fits\n"
	 "ADAPTER  VSID   MTU  NOTE\n"
	 "cweb     5001  1500  more than fits: long packets are cut, or their sender is told\n\n"
	 "PEER           PROVIDER-NETWORK  UPLINK-MTU  PASSES  VERDICT\n"
	 "198.51.100.12  default                 1500    1500  full size passes\n"},
	{"Test-LogicalNetworkSupportsJumboPacket 198.51.100.13 -o json", CLI_REFUSED,
	 "{\n  \"networks\": [\n    {\n      \"provider-network\": \"default\",\n      \"switch\": \"fabric\",\n"
	 "      \"uplink-mtu\": 1500,\n      \"overhead\": 42,\n      \"inner-mtu\": 1458,\n      \"needed-mtu\": 1542\n"
	 "    }\n  ],\n  \"adapters\": [\n    {\n      \"name\": \"cweb\",\n      \"virtual-subnet-id\": 5001,\n"
	 "      \"mtu\": 1500,\n      \"fits\": false\n    },\n    {\n      \"name\": \"cdb\",\n"
	 "      \"virtual-subnet-id\": 5002,\n      \"mtu\": 1458,\n      \"fits\": true\n    }\n  ],\n"
	 "  \"peers\": [\n    {\n      \"peer\": \"198.51.100.13\",\n      \"provider-network\": \"default\",\n"
	 "      \"uplink-mtu\": 1500,\n      \"passes\": 84,\n      \"verdict\": \"short packets pass, long ones vanish "
	 "without a word: something between the hosts has less\"\n    }\n  ]\n}\n"},
	{"Get-ProviderAddress", CLI_OK,
	 "PROVIDER-ADDRESS  NETWORK  SWITCH  VLAN  MAC-ADDRESS         MTU  STATE\n"
	 "198.51.100.11/24  default  fabric     0  00:15:5d:00:00:0b  1500  ready\n\n"
	 "PEER           PROVIDER-ADDRESS  NEXT-HOP       MAC-ADDRESS         MTU  STATE\n"
	 "198.51.100.12  198.51.100.11     198.51.100.12  00:15:5d:00:00:0c  1500  ready\n"},
	{"provider -o json", CLI_OK,
	 "{\n  \"addresses\": [\n    {\n      \"provider-address\": \"198.51.100.11/24\",\n"
	 "      \"provider-network\": \"default\",\n      \"switch\": \"fabric\",\n      \"vlan\": 0,\n"
	 "      \"mac-address\": \"00:15:5d:00:00:0b\",\n      \"mtu\": 1500\n    }\n  ],\n  \"neighbours\": [],\n"
	 "  \"paths\": [\n    {\n      \"peer\": \"198.51.100.12\",\n      \"provider-network\": \"default\",\n"
	 "      \"provider-address\": \"198.51.100.11\",\n      \"next-hop\": \"198.51.100.12\",\n"
	 "      \"mac-address\": \"00:15:5d:00:00:0c\",\n      \"mtu\": 1500,\n      \"state\": \"ready\"\n    }\n  ],\n"
	 "  \"groups\": []\n}\n"},
};

static void test_golden(void **state)
{
	char line[512];
	fake_weftd_start(answers);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(line, sizeof(line), "--socket @ %s", cases[i].line);
		int code = weft(line);
		bool same = cases[i].code == CLI_OK && strstr(cases[i].line, "--vsid 5001") &&
					    strstr(cases[i].line, "ping")
				    ? !strncmp(out, cases[i].out, strlen(cases[i].out))
				    : !strcmp(out, cases[i].out);
		if (code != cases[i].code || !same)
			fail_msg("%s: exit %d\n%s\ninstead of\n%s\n%s", line, code, out, cases[i].out, err);
	}
	assert_int_equal(weft("ping-provider 10.0.0.99 --vsid 5001 --socket @"), CLI_REFUSED);
	assert_has(err, "no lookup record has 10.0.0.99 in virtual subnet 5001");
	fake_weftd_stop();
	free(out);
	free(err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden)};
	return cmocka_run_group_tests_name("cli-diagnosis", tests, NULL, NULL);
}
