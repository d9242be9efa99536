/* SPDX-License-Identifier: Apache-2.0 */
/* Documents and single records, and what workers find: by hand, and how it gets there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "base/err.h"
#include "modules/hnv/control/held.h"
#include "modules/hnv/control/inforce.h"
#include "modules/hnv/control/networks.h"
#include "modules/hnv/control/nexts.h"
#include "modules/hnv/datapath/hnv_learn.h"
#include "modules/hnv/next_hop.h"
#include "modules/hnv/test/fakes.h"

/* Two tenants with the same addresses, as in the samples; ADAPTERS, RECORDS and MORE differ from test to test. */
#define TENANTS(adapters, records, more)                                                                                                  \
	"switches: [{name: fabric, type: external, uplink: eth1, allow-management-os: false}]\n"                                          \
	"provider-addresses: [{switch: fabric, address: 198.51.100.11/24}]\n"                                                             \
	"routing-domains:\n"                                                                                                              \
	"  - {id: '{11111111-2222-3333-4444-000000005001}', name: contoso, virtual-subnets: [\n"                                          \
	"      {id: 5001, prefix: 10.0.0.0/24}, {id: 5002, prefix: [10.0.1.0/24, 'fd00:5002::/64']}, {id: 5009, prefix: 10.0.9.0/28}]}\n" \
	"  - {id: '{11111111-2222-3333-4444-000000006001}', name: fabrikam, virtual-subnets: [\n"                                         \
	"      {id: 6001, prefix: 10.0.0.0/24}]}\n"                                                                                       \
	"adapters: [" adapters "]\n"                                                                                                      \
	"lookup-records: [" records "]\n" more
#define WEB(tenant, vsid)                                                                                            \
	"{name: " tenant "-web, owner: vm, switch: fabric, attach: {tap: " tenant "web},"                            \
	" mac-address: '00:15:5d:00:00:05', virtual-subnet-id: " vsid "},"
#define RECORD(vsid, address, mac, host)                                                                             \
	"{virtual-subnet-id: " vsid ", customer-address: '" address "', mac-address: '00:15:5d:00:00:" mac           \
	"', provider-address: '198.51.100." host "'},"
#define BOTH_WEBS WEB("c", "5001") WEB("f", "6001")
#define SOME_RECORDS                                                                                                 \
	RECORD("5001", "10.0.0.5", "05", "11")                                                                       \
	RECORD("5001", "10.0.0.6", "06", "12")                                                                       \
	RECORD("5002", "10.0.1.7", "07", "12")                                                                       \
	RECORD("6001", "10.0.0.5", "05", "11")                                                                       \
	RECORD("6001", "10.0.0.6", "06", "13")

static int setup(void **state)
{
	fake_start(NULL);
	return 0;
}

static int teardown(void **state)
{
	fake_stop();
	return 0;
}

static struct ip ip_of(const char *text)
{
	struct ip ip;
	assert_int_equal(ip_parse(text, &ip), 0);
	return ip;
}

static const struct hnv_network *network(void) { return &hnvc_network_find("default")->pub; }

/* "adapter c-web", "tunnel 198.51.100.12", "nowhere", "no-record", "no-route". */
static const char *hop(uint32_t vsid, const char *to)
{
	static char text[128];
	char remote[IP_TEXT_SIZE];
	struct ip ip = ip_of(to);
	const struct hnv_subnet *s = hnv_subnet_of(network(), vsid);
	if (!s)
		return "no-subnet";
	struct hnv_hop h = hnv_next_hop(network(), s, &ip);
	const struct hnv_next *next = h.next ? atomic_load(&hnv_nexts[h.next]) : NULL;
	if (!h.route || !h.next)
		return h.route ? "no-record" : "no-route";
	assert_non_null(next);
	if (next->kind == HNV_LOCAL)
		snprintf(text, sizeof(text), "adapter %s", dataplane_current()->adapters[next->adapter]->name);
	else if (next->kind != HNV_NOWHERE)
		snprintf(text, sizeof(text), "%s %s", next->kind == HNV_TUNNEL ? "tunnel" : "rewrite",
			 ip_format(&next->path->remote, remote));
	else
		return "nowhere";
	return text;
}

static unsigned n_replicas(uint32_t vsid)
{
	const struct hnv_replicas *r = atomic_load(&hnv_subnet_of(network(), vsid)->replicas);
	return r ? r->n : 0;
}

static unsigned n_locals(uint32_t vsid)
{
	const struct hnv_locals *l = atomic_load(&hnv_subnet_of(network(), vsid)->locals);
	return l ? l->n : 0;
}

static unsigned n_own(const char *adapter)
{
	const struct hnv_addresses *own = atomic_load(&hnv_port_of(fake_adapter(adapter))->own);
	return own ? own->n : 0;
}

static void test_two_tenants(void **state)
{
	assert_int_equal(fake_apply(TENANTS(BOTH_WEBS, SOME_RECORDS, "")), 0);
	assert_string_equal(hop(5001, "10.0.0.5"), "adapter c-web");
	assert_string_equal(hop(5001, "10.0.0.6"), "tunnel 198.51.100.12");
	assert_string_equal(hop(5001, "10.0.1.7"), "tunnel 198.51.100.12");
	assert_string_equal(hop(5001, "10.0.0.7"), "no-record");
	assert_string_equal(hop(5001, "10.0.2.7"), "no-route");
	assert_string_equal(hop(6001, "10.0.0.5"), "adapter f-web");
	assert_string_equal(hop(6001, "10.0.0.6"), "tunnel 198.51.100.13");
	assert_string_equal(hop(6001, "10.0.1.7"), "no-route");
	assert_int_equal(fake_paths(), 2);
	assert_int_equal(n_replicas(5001), 1);
	assert_int_equal(n_locals(5001), 1);
	assert_int_equal(n_locals(5002), 0);
	assert_int_equal(n_own("c-web"), 1);
	const struct hnv_subnet *s = hnv_subnet_of(network(), 5002);
	struct ip gateway = ip_of("fd00:5002::1");
	assert_true(ip_equal(&s->gateway[1], &gateway));
	assert_ptr_equal(hnv_port_of(fake_adapter("wire:fabric"))->net, network());
	assert_null(hnv_port_of(fake_adapter("wire:fabric"))->subnet);
}

/* A document that changes nothing of an object leaves its memory alone: no frame can tell. */
static void test_unchanged_is_untouched(void **state)
{
	assert_int_equal(fake_apply(TENANTS(BOTH_WEBS, SOME_RECORDS, "")), 0);
	struct hnv_port *port = hnv_port_of(fake_adapter("c-web"));
	const struct hnv_subnet *s = port->subnet;
	const struct hnv_addresses *own = atomic_load(&port->own);
	const struct hnv_replicas *replicas = atomic_load(&s->replicas);
	const struct hnv_routes *routes = atomic_load(&s->domain->routes);
	struct ip ip = ip_of("10.0.0.6");
	uint16_t next = hnv_records_find(network(), 5001, &ip).next;
	assert_int_equal(fake_apply(TENANTS(BOTH_WEBS, SOME_RECORDS RECORD("6001", "10.0.0.9", "09", "14"), "")), 0);
	assert_ptr_equal(hnv_port_of(fake_adapter("c-web")), port);
	assert_ptr_equal(port->subnet, s);
	assert_ptr_equal(atomic_load(&port->own), own);
	assert_ptr_equal(atomic_load(&s->replicas), replicas);
	assert_ptr_equal(atomic_load(&s->domain->routes), routes);
	assert_int_equal(hnv_records_find(network(), 5001, &ip).next, next);
	assert_string_equal(hop(6001, "10.0.0.9"), "tunnel 198.51.100.14");
}

/* A guest moves: the adapter that comes makes its record local, the one that goes leaves it leading nowhere; where the
 * record says another host, an adapter that is still there does not count. */
static void test_adapters_come_and_go(void **state)
{
	assert_int_equal(fake_apply(TENANTS("", SOME_RECORDS, "")), 0);
	assert_string_equal(hop(5001, "10.0.0.5"), "nowhere");
	assert_int_equal(fake_apply(TENANTS(WEB("c", "5001"), SOME_RECORDS, "")), 0);
	assert_string_equal(hop(5001, "10.0.0.5"), "adapter c-web");
	assert_string_equal(hop(6001, "10.0.0.5"), "nowhere");
	assert_int_equal(fake_apply(TENANTS(WEB("c", "5001"), RECORD("5001", "10.0.0.5", "05", "12"), "")), 0);
	assert_string_equal(hop(5001, "10.0.0.5"), "adapter c-web"); /* detours_test.c */
	fake_way("198.51.100.12", 1500);
	assert_string_equal(hop(5001, "10.0.0.5"), "tunnel 198.51.100.12");
	assert_int_equal(n_own("c-web"), 1);
	assert_int_equal(fake_apply(TENANTS("", SOME_RECORDS, "")), 0);
	assert_string_equal(hop(5001, "10.0.0.5"), "nowhere");
}

static struct hnv_record record(uint32_t vsid, const char *customer, uint8_t mac, const char *provider)
{
	return (struct hnv_record){.network = network()->index,
				   .vsid = vsid,
				   .customer = ip_of(customer),
				   .mac = {{0, 0x15, 0x5d, 0, 0, mac}},
				   .provider = ip_of(provider),
				   .encapsulation = hnv_encapsulation_find("nvgre")};
}

static void test_single_records(void **state)
{
	struct err e = {0};
	assert_int_equal(fake_apply(TENANTS(BOTH_WEBS, SOME_RECORDS, "")), 0);
	struct hnv_record r = record(5002, "fd00:5002::8", 8, "2001:db8::14");
	assert_int_equal(hnv_record_set(&r, &e), 0);
	assert_string_equal(hop(5001, "fd00:5002::8"), "tunnel 2001:db8::14");
	assert_int_equal(n_replicas(5002), 2);
	r.provider = ip_of("198.51.100.12");
	assert_int_equal(hnv_record_set(&r, &e), 0);
	assert_string_equal(hop(5002, "fd00:5002::8"), "tunnel 198.51.100.12");
	assert_int_equal(n_replicas(5002), 1);
	assert_int_equal(hnv_record_find(r.network, 5002, &r.customer)->mac.byte[5], 8);
	assert_int_equal(hnv_record_remove(r.network, 5002, &r.customer), 0);
	assert_int_equal(hnv_record_remove(r.network, 5002, &r.customer), -ENOENT);
	assert_string_equal(hop(5001, "fd00:5002::8"), "no-record");

	r = record(5003, "10.0.1.8", 8, "198.51.100.12");
	assert_int_equal(hnv_record_set(&r, &e), -ENOENT);
	assert_non_null(strstr(e.text, "has virtual subnet 5003"));
	r = record(5001, "10.0.0.5", 5, "198.51.100.12");
	assert_int_equal(hnv_record_set(&r, &e), -EEXIST);
	assert_non_null(strstr(e.text, "the document has the record of 10.0.0.5"));
	assert_int_equal(hnv_record_remove(r.network, 5001, &r.customer), -EEXIST);
	r = record(5001, "10.0.0.1", 9, "198.51.100.12");
	assert_int_equal(hnv_record_set(&r, &e), -EINVAL);
	assert_string_equal(e.path, "customer-address");
	assert_string_equal(hop(5001, "10.0.0.5"), "adapter c-web");
}

/* Own address, l2only, wildcard, group: what each does to what workers see. */
static void test_types_of_record(void **state)
{
	struct err e = {0};
	assert_int_equal(fake_apply(TENANTS(WEB("c", "5001"), "", "")), 0);
	struct hnv_record r = record(5001, "0.0.0.0", 5, "198.51.100.11");
	r.type = HNV_GATEWAY_WILDCARD;
	assert_int_equal(hnv_record_set(&r, &e), 0);
	assert_string_equal(hop(5001, "10.0.0.77"), "adapter c-web");
	assert_int_equal(n_own("c-web"), 1);

	r = record(5001, "0.0.0.0", 9, "198.51.100.12");
	r.type = HNV_L2ONLY;
	assert_false(atomic_load(&hnv_subnet_of(network(), 5001)->l2only));
	assert_int_equal(hnv_record_set(&r, &e), 0);
	assert_true(atomic_load(&hnv_subnet_of(network(), 5001)->l2only));
	assert_int_equal(n_replicas(5001), 1);
	assert_string_equal(hop(5001, "10.0.0.77"), "adapter c-web");

	r = record(5001, "255.255.255.255", 0, "239.1.1.1");
	r.mac = (struct mac){0};
	assert_int_equal(hnv_record_set(&r, &e), 0);
	assert_int_equal(fake_groups(), 1);
	const struct hnv_replicas *replicas = atomic_load(&hnv_subnet_of(network(), 5001)->replicas);
	assert_int_equal(replicas->n, 1);
	assert_true(hnv_peer_of(replicas->next[0])->group);
	assert_int_equal(hnv_record_remove(r.network, 5001, &r.customer), 0);
	replicas = atomic_load(&hnv_subnet_of(network(), 5001)->replicas);
	assert_false(hnv_peer_of(replicas->next[0])->group);

	r = record(5001, "10.0.0.50", 0x50, "198.51.100.50");
	r.rule = HNV_NAT;
	assert_int_equal(hnv_record_set(&r, &e), 0);
	assert_string_equal(hop(5001, "10.0.0.50"), "rewrite 198.51.100.50");
	assert_int_equal(n_replicas(5001), 1);
	r = record(5001, "10.0.0.51", 0x51, "198.51.100.50");
	assert_int_equal(hnv_record_set(&r, &e), -EEXIST);
	assert_string_equal(e.path, "provider-address");
}

static void test_routes_and_external_router(void **state)
{
	assert_int_equal(
		fake_apply(TENANTS(
			WEB("c", "5001"), SOME_RECORDS RECORD("5009", "10.0.9.2", "09", "14"),
			"customer-routes: [{virtual-subnet-id: 5009, prefix: 0.0.0.0/0, next-hop: 10.0.9.2}]")),
		0);
	assert_string_equal(hop(5001, "192.0.2.1"), "tunnel 198.51.100.14");
	assert_string_equal(hop(5001, "10.0.0.6"), "tunnel 198.51.100.12");
	assert_string_equal(hop(6001, "192.0.2.1"), "no-route");
	assert_int_equal(fake_apply(TENANTS(WEB("c", "5001"), SOME_RECORDS,
					    "network-virtualization: {use-external-router: true}")),
			 0);
	assert_true(network()->external_router);
	assert_string_equal(hop(5001, "10.0.1.7"), "no-record"); /* of the router in 5001 */
}

static void test_paths_and_mtu(void **state)
{
	struct err e = {0};
	assert_int_equal(fake_apply(TENANTS(WEB("c", "5001"), SOME_RECORDS, "")), 0);
	struct ip ip = ip_of("10.0.0.6");
	const struct hnv_next *next = atomic_load(&hnv_nexts[hnv_records_find(network(), 5001, &ip).next]);
	assert_null(atomic_load(&next->tunnel)->way);
	fake_way("198.51.100.12", 1500);
	assert_int_equal(atomic_load(&next->tunnel)->inner_mtu, 1458);
	assert_int_equal(atomic_load(&network()->inner_mtu), 1458);
	fake_way("198.51.100.12", 1400);
	assert_int_equal(atomic_load(&next->tunnel)->inner_mtu, 1358);
	fake_way("198.51.100.12", 0);
	assert_null(atomic_load(&next->tunnel)->way);
	struct hnv_record r = record(5002, "10.0.1.8", 8, "2001:db8::14");
	r.encapsulation = hnv_encapsulation_find("vxlan");
	assert_int_equal(hnv_record_set(&r, &e), 0);
	assert_int_equal(atomic_load(&network()->inner_mtu), 1430);
	fake_way("2001:db8::14", 1500);
	next = atomic_load(&hnv_nexts[hnv_records_find(network(), 5002, &r.customer).next]);
	assert_int_equal(atomic_load(&next->tunnel)->inner_mtu, 1430);
	uint16_t index = next->index, generation = next->generation;
	assert_int_equal(hnv_record_remove(r.network, 5002, &r.customer), 0);
	assert_non_null(atomic_load(&hnv_nexts[index])); /* for what is on its way to it */
	assert_int_equal(atomic_load(&network()->inner_mtu), 1458);
	assert_int_equal(hnv_record_set(&r, &e), 0);
	assert_int_equal(hnv_records_find(network(), 5002, &r.customer).next, index);
	assert_int_equal(atomic_load(&network()->inner_mtu), 1430);
	assert_int_equal(hnv_record_remove(r.network, 5002, &r.customer), 0);
	for (unsigned i = 0; i < 3; i++)
		fake_tick();
	assert_null(atomic_load(&hnv_nexts[index]));
	assert_int_equal(hnv_record_set(&r, &e), 0);
	next = atomic_load(&hnv_nexts[hnv_records_find(network(), 5002, &r.customer).next]);
	assert_true(next->index != index || next->generation != generation);
}

static void test_refusals(void **state)
{
	assert_int_equal(fake_apply(TENANTS(BOTH_WEBS, SOME_RECORDS, "")), 0);
	assert_int_equal(
		fake_apply("switches: [{name: fabric, type: external, uplink: eth1}]\n"
			   "routing-domains: [{id: '{11111111-2222-3333-4444-000000005001}', virtual-subnets: ["
			   "{id: 5001, prefix: 10.0.0.0/24}]}]\n"),
		-EINVAL);
	assert_string_equal(fake_refusal, "routing-domains[0].provider-network: this host has no address in provider "
					  "network `default`; give it one under provider-addresses");
	assert_string_equal(hop(5001, "10.0.0.5"), "adapter c-web");
	assert_int_equal(fake_paths(), 2);
}

/* Abort and dry run leave no trace; a dry run asks nobody for a path. */
static void test_abort(void **state)
{
	assert_int_equal(fake_apply(TENANTS(BOTH_WEBS, SOME_RECORDS, "")), 0);
	uint64_t held = hnvc_held_count();
	for (int end = FAKE_ABORT; end <= FAKE_DRY_RUN; end++) {
		struct api_document *doc = fake_document(TENANTS(
			"", RECORD("5001", "10.0.0.5", "05", "40") RECORD("5009", "10.0.9.2", "09", "41"),
			"customer-routes: [{virtual-subnet-id: 5009, prefix: 0.0.0.0/0, next-hop: 10.0.9.2}]"));
		assert_int_equal(fake_change(doc, (enum fake_end)end), 0);
		assert_int_equal(hnvc_held_count(), held);
		assert_int_equal(fake_paths(), 2);
		assert_string_equal(hop(5001, "10.0.0.5"), "adapter c-web");
		assert_string_equal(hop(5001, "192.0.2.1"), "no-route");
	}
}

/* What the API gave stays with the API while its subnet is away, and is the document's once that names it. */
static void test_document_and_api(void **state)
{
	struct err e = {0};
	assert_int_equal(fake_apply(TENANTS(BOTH_WEBS, "", "")), 0);
	struct hnv_record r = record(6001, "10.0.0.20", 0x20, "198.51.100.20");
	assert_int_equal(hnv_record_set(&r, &e), 0);
	assert_int_equal(fake_apply("switches: [{name: fabric, type: external, uplink: eth1}]"), 0);
	assert_int_equal(hnvc_owned[OWNER_API], 1);
	assert_int_equal(fake_paths(), 0);
	assert_int_equal(fake_apply(TENANTS(BOTH_WEBS, "", "")), 0);
	assert_string_equal(hop(6001, "10.0.0.20"), "tunnel 198.51.100.20");
	assert_int_equal(fake_apply(TENANTS(BOTH_WEBS, RECORD("6001", "10.0.0.20", "20", "21"), "")), 0);
	assert_int_equal(fake_warnings, 1);
	assert_int_equal(hnvc_owned[OWNER_API], 0);
	assert_string_equal(hop(6001, "10.0.0.20"), "tunnel 198.51.100.21");
	assert_int_equal(fake_apply(TENANTS(BOTH_WEBS, "", "")), 0);
	assert_string_equal(hop(6001, "10.0.0.20"), "no-record");
}

static void test_learned(void **state)
{
	struct err e = {0};
#define LEARNER                                                                                                      \
	"{name: c-web, owner: vm, switch: fabric, attach: {tap: cweb}, mac-address: '00:15:5d:00:00:05',"            \
	" virtual-subnet-id: 5001, dynamic-ip-address-limit: 2},"
	assert_int_equal(fake_apply(TENANTS(LEARNER, SOME_RECORDS, "")), 0);
	uint16_t id = fake_adapter("c-web")->id;
	struct ip a = ip_of("10.0.0.30"), b = ip_of("10.0.0.31"), c = ip_of("10.0.0.32"), out = ip_of("10.9.0.1"),
		  taken = ip_of("10.0.0.6");
	assert_int_equal(hnv_dynamic_add(id, &a, &e), 0);
	assert_int_equal(hnv_dynamic_add(id, &a, &e), 0);
	assert_int_equal(hnv_dynamic_add(id, &taken, &e), -EEXIST);
	assert_int_equal(hnv_dynamic_add(id, &out, &e), -ERANGE);
	assert_int_equal(hnv_dynamic_add(id, &b, &e), 0);
	assert_int_equal(hnv_dynamic_add(id, &c, &e), -ENOSPC);
	assert_non_null(strstr(e.text, "dynamic-ip-address-limit of 2"));
	assert_int_equal(hnv_dynamic_add((uint16_t)(id + 7), &c, &e), -ENOENT);
	assert_string_equal(hop(5001, "10.0.0.31"), "adapter c-web");
	assert_int_equal(n_own("c-web"), 3);
	assert_int_equal(fake_apply(TENANTS("", SOME_RECORDS, "")), 0);
	assert_string_equal(hop(5001, "10.0.0.31"), "no-record");
	assert_int_equal(hnvc_owned[OWNER_LEARNED], 0);
}

#define POLICY_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		POLICY_TEST(test_two_tenants),
		POLICY_TEST(test_unchanged_is_untouched),
		POLICY_TEST(test_adapters_come_and_go),
		POLICY_TEST(test_single_records),
		POLICY_TEST(test_types_of_record),
		POLICY_TEST(test_routes_and_external_router),
		POLICY_TEST(test_paths_and_mtu),
		POLICY_TEST(test_refusals),
		POLICY_TEST(test_abort),
		POLICY_TEST(test_document_and_api),
		POLICY_TEST(test_learned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
