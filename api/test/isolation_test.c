/* SPDX-License-Identifier: Apache-2.0 */
/* Adapters of guests that are in several virtual subnets, and provider addresses of their own: what is refused, by table. */
#include "api/schema.h"
#include "api/test/api_test.h"

/* The table stands as it reads best. */
/* clang-format off */

#define SWITCHES "switches: [{name: fab, type: external, uplink: eth1}]\n"
#define PAS(list) SWITCHES "provider-addresses: [" list "]"
#define PA "provider-addresses: [{switch: fab, address: 198.51.100.11/24}]\n"
#define ID1 "'{11111111-2222-3333-4444-000000005001}'"
#define ID2 "'{11111111-2222-3333-4444-000000006001}'"
#define DOMAINS "routing-domains:\n" \
	"  - {id: " ID1 ", virtual-subnets: [{id: 5001, prefix: 10.0.0.0/24}, {id: 5002, prefix: 10.0.1.0/24}, " \
	"{id: 5009, prefix: 10.0.9.0/24}]}\n" \
	"  - {id: " ID2 ", virtual-subnets: [{id: 6001, prefix: 10.0.0.0/24}]}\n"
#define ADAPTER(keys) "adapters: [{name: a, attach: {tap: a}, " keys "}]\n"
#define MAC5 "mac-address: 02:00:00:00:00:05"
#define ISOLATED(keys) SWITCHES PA DOMAINS ADAPTER("switch: fab, " keys)
#define SHARED(mappings) ISOLATED("isolation: {isolation-mode: native-virtual-subnet, multi-tenant-stack: on, " \
	"allow-untagged-traffic: true, default-isolation-id: 5001}, routing-domain-mappings: [" mappings "]")

static const struct refusal isolation_refusals[] = {
	{ISOLATED("isolation: {multi-tenant-stack: on}"), "adapters[0].isolation.multi-tenant-stack: needs `isolation-mode: "
	 "native-virtual-subnet`; the adapter has no isolation ids"},
	{ISOLATED("routing-domain-mappings: [{routing-domain-id: " ID1 ", isolation-ids: [{isolation-id: 5001, vlan: 1}]}]"),
	 "adapters[0].routing-domain-mappings: needs `isolation-mode: native-virtual-subnet`; the adapter has no isolation ids"},
	{ISOLATED("isolation: {isolation-mode: vlan}"), "adapters[0].isolation.isolation-mode: vlan cannot be obeyed: this weftd "
	 "has no VLAN modes; use native-virtual-subnet"},
	{ISOLATED("isolation: {isolation-mode: external-virtual-subnet}"), "adapters[0].isolation.isolation-mode: "
	 "external-virtual-subnet cannot be obeyed: this weftd has no forwarding extension of a third party; use "
	 "native-virtual-subnet"},
	{ISOLATED("isolation: {isolation-mode: native-virtual-subnet, default-isolation-id: 5001}"),
	 "adapters[0].isolation.default-isolation-id: 5001 is for untagged frames only; give `allow-untagged-traffic: true`, "
	 "too"},
	{ISOLATED("isolation: {isolation-mode: native-virtual-subnet, allow-untagged-traffic: true}"),
	 "adapters[0].isolation.default-isolation-id: missing; allow-untagged-traffic wants to know where untagged frames are"},
	{ISOLATED("isolation: {isolation-mode: native-virtual-subnet}"), "adapters[0].isolation.multi-tenant-stack: off, and "
	 "there is no default-isolation-id: the adapter would be nowhere; use `on`, or give untagged frames a place"},
	{ISOLATED("isolation: {isolation-mode: native-virtual-subnet, multi-tenant-stack: on}"),
	 "adapters[0].routing-domain-mappings: missing; `multi-tenant-stack: on` shows the guest the isolation ids that stand "
	 "there"},
	{ISOLATED("virtual-subnet-id: 5001, isolation: {isolation-mode: native-virtual-subnet, allow-untagged-traffic: true, "
	 "default-isolation-id: 5001}"), "adapters[0].virtual-subnet-id: stands beside isolation-mode native-virtual-subnet; give "
	 "5001 as default-isolation-id, or leave isolation out"},
	{ISOLATED("isolation: {isolation-mode: native-virtual-subnet, allow-untagged-traffic: true, default-isolation-id: 5003}"),
	 "adapters[0].isolation.default-isolation-id: no routing domain of provider network default has virtual subnet 5003; add "
	 "it there or use another"},
	{SHARED("{routing-domain-id: " ID1 ", isolation-ids: []}"), "adapters[0].routing-domain-mappings[0].isolation-ids: empty; "
	 "name a virtual subnet, or leave the mapping out"},
	{SHARED("{routing-domain-id: " ID1 ", isolation-ids: [{isolation-id: 5001, vlan: 7}]}"),
	 "adapters[0].routing-domain-mappings[0].isolation-ids[0].vlan: 5001 is the default isolation id, whose frames bear no "
	 "tag; leave it out"},
	{SHARED("{routing-domain-id: " ID1 ", isolation-ids: [{isolation-id: 5002}]}"),
	 "adapters[0].routing-domain-mappings[0].isolation-ids[0].vlan: missing; say by which VLAN tag the guest knows isolation "
	 "id 5002"},
	{SHARED("{routing-domain-id: " ID1 ", isolation-ids: [{isolation-id: 5002, vlan: 4095}]}"),
	 "adapters[0].routing-domain-mappings[0].isolation-ids[0].vlan: 4095 is out of range; use 1-4094"},
	{SHARED("{routing-domain-id: " ID1 ", isolation-ids: [{isolation-id: 5002, vlan: 7}, {isolation-id: 5009, vlan: 7}]}"),
	 "adapters[0].routing-domain-mappings[0].isolation-ids[1].vlan: 7 is already the tag of isolation id 5002; give each its "
	 "own"},
	{SHARED("{routing-domain-id: " ID1 ", isolation-ids: [{isolation-id: 6001, vlan: 7}]}"),
	 "adapters[0].routing-domain-mappings[0].isolation-ids[0].isolation-id: virtual subnet 6001 is not in routing domain "
	 "{11111111-2222-3333-4444-000000005001} but routing-domains[1].virtual-subnets[0] (6001) of "
	 "{11111111-2222-3333-4444-000000006001}"},
	{SHARED("{routing-domain-id: " ID2 ", isolation-ids: [{isolation-id: 6002, vlan: 7}]}"),
	 "adapters[0].routing-domain-mappings[0].isolation-ids[0].isolation-id: no routing domain of provider network default has "
	 "virtual subnet 6002; add it to {11111111-2222-3333-4444-000000006001} or use another"},
	{SWITCHES PA DOMAINS "adapters: [{name: a, switch: fab, attach: {tap: a}, virtual-subnet-id: 6001, " MAC5 "}, "
	 "{name: b, switch: fab, attach: {tap: b}, " MAC5 ", isolation: {isolation-mode: native-virtual-subnet, "
	 "multi-tenant-stack: on}, routing-domain-mappings: [{routing-domain-id: " ID2 ", isolation-ids: [{isolation-id: 6001, "
	 "vlan: 7}]}]}]",
	 "adapters[1].mac-address: 02:00:00:00:00:05 of adapters[1] (b) is already that of adapters[0] (a) on switch fab; "
	 "give each its own"},
	{SWITCHES "adapters: [{name: a, owner: host, switch: fab, isolation: {isolation-mode: native-virtual-subnet}}]",
	 "adapters[0].isolation: only for adapters with `owner: vm`; the host is in no tenant's network"},
};

static const struct refusal source_refusals[] = {
	{PAS("{switch: fab, address: 198.51.100.11/24, virtual-subnet-ids: 4095}"),
	 "provider-addresses[0].virtual-subnet-ids: 4095 is reserved; use 4096-16777214"},
	{PAS("{switch: fab, address: 198.51.100.11/24, virtual-subnet-ids: [7777]}"),
	 "provider-addresses[0].virtual-subnet-ids[0]: no routing domain of provider network default has virtual subnet "
	 "7777; add it there or use another"},
	{PAS("{switch: fab, address: 198.51.100.11/24, virtual-subnet-ids: [16777215]}"),
	 "provider-addresses[0].virtual-subnet-ids[0]: 16777215 is reserved; use 4096-16777214"},
	{DOMAINS PAS("{switch: fab, address: 198.51.100.11/24, virtual-subnet-ids: [5001]}, "
		     "{switch: fab, address: '2001:db8::11/64', virtual-subnet-ids: [5001]}, "
		     "{switch: fab, address: 198.51.100.12/24, virtual-subnet-ids: [5002, 5001]}"),
	 "provider-addresses[2].virtual-subnet-ids[1]: virtual subnet 5001 is already sent from provider-addresses[0] "
	 "(198.51.100.11); leave it out of one of them"},
};

/* clang-format on */

static void test_isolation(void **state) { test_refusals(isolation_refusals, COUNT(isolation_refusals)); }

static void test_sources(void **state) { test_refusals(source_refusals, COUNT(source_refusals)); }

const struct CMUnitTest isolation_tests[] = {cmocka_unit_test(test_isolation), cmocka_unit_test(test_sources)};
const size_t n_isolation_tests = COUNT(isolation_tests);
