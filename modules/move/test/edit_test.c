/* SPDX-License-Identifier: Apache-2.0 */
/* What each step of a move makes of documents, and each reason to refuse it. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/err.h"
#include "modules/move/control/edit.h"

#define RDID "'{11111111-2222-3333-4444-000000005001}'"
#define HOST(pa, adapters, records)                                                                                  \
	"switches: [{name: fabric, type: external, uplink: eth1, allow-management-os: false},"                       \
	" {name: bare, type: private}]\n"                                                                            \
	"provider-addresses: [{switch: fabric, address: " pa "/24}]\n"                                               \
	"provider-routes: [{prefix: 203.0.113.0/24, next-hop: 198.51.100.1}]\n"                                      \
	"routing-domains: [{id: " RDID ", name: contoso, virtual-subnets: [{id: 5001, prefix: 10.0.0.0/24}]}]\n"     \
	"adapters: [" adapters "]\n"                                                                                 \
	"lookup-records: [" records "]\n"
#define WEB(more)                                                                                                    \
	"{name: web, owner: vm, switch: fabric, attach: {tap: web}, mac-address: 00-15-5D-00-00-05, "                \
	"virtual-subnet-id: 5001" more "},"
#define RECORD(address, mac, pa)                                                                                     \
	"{virtual-subnet-id: 5001, customer-address: " address ", mac-address: '00:15:5d:00:00:" mac                 \
	"', provider-address: 198.51.100." pa "},"
#define WEB_RECORDS RECORD("10.0.0.5", "05", "11") RECORD("10.0.0.15", "05", "11")
#define OLD HOST("198.51.100.11", WEB(""), WEB_RECORDS RECORD("10.0.0.6", "06", "12"))
#define NEW HOST("198.51.100.12", "", RECORD("10.0.0.6", "06", "12"))

static struct err e;
static char refusal[700];

static json_t *parsed(const char *text)
{
	json_t *json = NULL;
	if (api_text_parse(text, strlen(text), &json, &e))
		fail_msg("%s: %s", e.path, e.text);
	return json;
}

static struct api_document *document(const char *text)
{
	struct api_document *doc = NULL;
	json_t *json = parsed(text);
	if (api_document_decode(json, &doc, &e))
		fail_msg("%s: %s", e.path, e.text);
	json_decref(json);
	return doc;
}

/* What the host holds beside its document: one record at most. */
static struct api_lookup_record api_held;
static const struct api_document *held_by;

static bool same_key(const struct api_lookup_record *a, const struct api_lookup_record *b)
{
	return a->virtual_subnet_id == b->virtual_subnet_id && ip_equal(&a->customer_address, &b->customer_address);
}

static bool held(const struct api_lookup_record *key, struct move_held *ret)
{
	const struct api_lookup_record *found = same_key(&api_held, key) ? &api_held : NULL;
	const struct api_lookup_record *list = held_by->lookup_records;
	for (size_t i = 0; list && i < held_by->n_lookup_records && !found; i++)
		if (same_key(&list[i], key))
			found = &list[i];
	if (found)
		*ret = (struct move_held){found->mac_address, found->provider_address};
	return found != NULL;
}

/* Into *ret; or what refused it, as text. */
static const char *prepare(const char *here, const char *there, const char *name, struct move_edit *ret)
{
	struct api_document *doc = document(here);
	json_t *json = parsed(there);
	memset(&e, 0, sizeof(e));
	held_by = doc;
	int rc = move_edit_prepare(doc, json, name, held, ret, &e);
	json_decref(json);
	api_document_free(doc);
	return rc ? err_format(&e, refusal, sizeof(refusal)) : NULL;
}

static void assert_refused(const char *here, const char *there, const char *path, const char *text)
{
	struct move_edit m;
	if (!prepare(here, there, "web", &m))
		fail_msg("taken, but it should say: %s: %s", path, text);
	assert_string_equal(e.path, path);
	if (!strstr(refusal, text))
		fail_msg("`%s` does not say `%s`", refusal, text);
}

static size_t size_of(const struct move_edit *m, const char *key)
{
	return json_array_size(json_object_get(m->document, key));
}

static void test_prepare(void **state)
{
	struct move_edit m;
	struct api_document *next;
	assert_null(prepare(NEW, OLD, "web", &m));
	assert_false(m.is_here);
	assert_int_equal(size_of(&m, "lookup-records"), 3);
	assert_int_equal(json_array_size(m.added), 2);
	assert_string_equal(json_string_value(json_array_get(m.added, 0)), "5001 10.0.0.5");
	assert_int_equal(m.first_added, 1);
	assert_int_equal(m.n_records, 2);
	assert_string_equal(m.network, "default");
	assert_int_equal(api_document_decode(m.document, &next, &e), 0); /* what is made is a document */
	assert_string_equal(next->adapters[m.adapter].name, "web");
	assert_int_equal(next->lookup_records[1].provider_address.byte[3], 11); /* still there */
	api_document_free(next);
	move_edit_clear(&m);
}

/* A part of a document is enough; what is held already is not added. */
static void test_prepare_part(void **state)
{
	struct move_edit m;
	assert_null(prepare(NEW, "adapters: [" WEB("") "]\nlookup-records: [" WEB_RECORDS "]\n", "web", &m));
	assert_int_equal(json_array_size(m.added), 2);
	move_edit_clear(&m);
	assert_null(prepare(NEW, "adapters: [" WEB("") "]\n", "web", &m));
	assert_int_equal(json_array_size(m.added), 0);
	move_edit_clear(&m);
	assert_null(prepare(HOST("198.51.100.12", "", RECORD("10.0.0.5", "05", "11")), OLD, "web", &m));
	assert_int_equal(json_array_size(m.added), 1);
	move_edit_clear(&m);
	api_held = (struct api_lookup_record){.virtual_subnet_id = 5001, .mac_address = {{0, 0x15, 0x5d, 0, 0, 5}}};
	assert_int_equal(ip_parse("10.0.0.15", &api_held.customer_address), 0);
	assert_null(prepare(NEW, OLD, "web", &m));
	assert_int_equal(json_array_size(m.added), 1);
	move_edit_clear(&m);
	memset(&api_held, 0, sizeof(api_held));
}

/* A default that is written out is no difference; anything else is, by its name. */
static void test_prepare_again(void **state)
{
	struct move_edit m;
	assert_null(
		prepare(HOST("198.51.100.12", WEB(", dynamic-ip-address-limit: 0"), WEB_RECORDS), OLD, "web", &m));
	assert_true(m.is_here);
	assert_int_equal(json_array_size(m.added), 0);
	assert_int_equal(size_of(&m, "adapters"), 1);
	move_edit_clear(&m);
	assert_refused(HOST("198.51.100.12", WEB(", mtu: 1400"), WEB_RECORDS), OLD, "adapter web.mtu",
		       "1400 here, the default in the document that came");
}

static void test_prepare_refused(void **state)
{
#define FROM(adapter, records) "adapters: [" adapter "]\nlookup-records: [" records "]\n"
	assert_refused(NEW, "[]", "", "is no document");
	assert_refused(NEW, "adapters: 5", "adapters", "is no list");
	assert_refused(NEW, "host: {name: x}", "adapters", "none is called web");
	assert_refused(NEW, FROM(WEB(", acls: 5"), ""), "adapters[0].acls", "");
	assert_refused(NEW, FROM("{name: web, owner: host, switch: fabric}", ""), "adapter web.owner",
		       "stays with it");
	assert_refused(NEW, FROM("{name: web, switch: fabric, attach: {tap: web}}", ""),
		       "adapter web.virtual-subnet-id", "found by what it sends");
	assert_refused(NEW, FROM("{name: web, switch: fabric, attach: {tap: web}, virtual-subnet-id: 5001}", ""),
		       "adapter web.mac-address", "keeps its MAC address");
	assert_refused(NEW, FROM(WEB(""), "{virtual-subnet-id: 5001}"), "lookup-records[0].customer-address", "");
	assert_refused(NEW, FROM(WEB(""), RECORD("10.0.0.6", "05", "11")), "lookup-records[0].mac-address",
		       "00:15:5d:00:00:05 there and 00:15:5d:00:00:06 here");
	assert_refused(NEW, FROM(WEB(""), RECORD("10.0.0.5", "05", "12")), "lookup-records[0].provider-address",
		       "leads to this host (198.51.100.12) in the document that came");
	assert_refused(HOST("198.51.100.12", "", RECORD("10.0.0.5", "05", "12")), OLD,
		       "lookup-records[0].provider-address", "leads to this host (198.51.100.12) already");
}

/* Another tenant has the virtual subnet here, or it has other addresses. */
static void test_prepare_domains(void **state)
{
	assert_refused(
		NEW,
		"routing-domains: [{id: '{11111111-2222-3333-4444-000000006001}', virtual-subnets: [{id: 5001, "
		"prefix: 10.0.0.0/24}]}]\n" FROM(WEB(""), ""),
		"routing-domains[0].id", "another tenant's");
	assert_refused(NEW,
		       "routing-domains: [{id: " RDID
		       ", virtual-subnets: [{id: 5001, prefix: 10.0.0.0/23}]}]\n" FROM(WEB(""), ""),
		       "routing-domains[0].virtual-subnets", "other prefixes");
}

static void test_port(void **state)
{
	struct api_document *here = document(NEW);
	struct move_edit m;
	json_t *adapter = parsed("{name: db, switch: fabric, attach: {tap: db}}");
	assert_int_equal(move_edit_port(here, adapter, &m, &e), 0);
	assert_int_equal(m.adapter, 0);
	assert_int_equal(size_of(&m, "adapters"), 1);
	move_edit_clear(&m);
	json_decref(adapter);
	adapter = parsed("{name: db, switch: fabric, bogus: 1}");
	assert_true(move_edit_port(here, adapter, &m, &e) < 0);
	assert_string_equal(e.path, "bogus");
	json_decref(adapter);
	api_document_free(here);
}

static struct ip ip_of(const char *text)
{
	struct ip ip;
	assert_int_equal(ip_parse(text, &ip), 0);
	return ip;
}

/* Where the i-th record leads in the end, its last byte. */
static int last_byte(const json_t *doc, size_t i)
{
	const json_t *r = json_array_get(json_object_get(doc, "lookup-records"), i);
	return ip_of(json_string_value(json_object_get(r, "provider-address"))).byte[3];
}

static void test_activate(void **state)
{
	struct api_document *here = document(
		HOST("198.51.100.12", WEB(""),
		     WEB_RECORDS RECORD("10.0.0.6", "06", "13") "{virtual-subnet-id: 5001, customer-address: "
								"10.0.0.25, mac-address: 00-15-5d-00-00-05, "
								"provider-address: 198.51.100.99, rule: nat},"));
	struct mac mac = {{0, 0x15, 0x5d, 0, 0, 5}};
	struct ip to = ip_of("198.51.100.12"), there = ip_of("198.51.100.11");
	json_t *next;
	assert_int_equal(move_edit_activate(here, "default", 5001, NULL, &mac, &to, &next, &e), 0);
	assert_int_equal(last_byte(next, 0), 12);
	assert_int_equal(last_byte(next, 1), 12);
	assert_int_equal(last_byte(next, 2), 13); /* another guest's */
	assert_int_equal(last_byte(next, 3), 99); /* the guest's own */
	json_decref(next);
	assert_int_equal(move_edit_activate(here, "default", 5001, NULL, &mac, &there, &next, &e), 0);
	assert_null(next);
	assert_int_equal(move_edit_activate(here, "other", 5001, NULL, &mac, &to, &next, &e), 0);
	assert_null(next);
	assert_int_equal(move_edit_activate(here, "default", 5002, NULL, &mac, &to, &next, &e), 0);
	assert_null(next);
	api_document_free(here);
}

static void test_remove(void **state)
{
	struct api_document *here = document(OLD);
	json_t *next, *added = json_pack("[s, s]", "5001 10.0.0.15", "5001 10.0.0.99");
	assert_int_equal(move_edit_remove(here, "web", NULL, &next, &e), 0);
	assert_int_equal(json_array_size(json_object_get(next, "adapters")), 0);
	assert_int_equal(json_array_size(json_object_get(next, "lookup-records")), 3);
	json_decref(next);
	assert_int_equal(move_edit_remove(here, "web", added, &next, &e), 0);
	assert_int_equal(json_array_size(json_object_get(next, "lookup-records")), 2);
	json_decref(next);
	assert_int_equal(move_edit_remove(here, "db", added, &next, &e), 0);
	assert_null(next);
	json_decref(added);
	api_document_free(here);
}

static void test_provider_check(void **state)
{
	static const struct {
		const char *address;
		bool reached, good;
	} rows[] = {{"198.51.100.11", true, true},    {"203.0.113.9", true, true},     {"198.51.101.1", false, false},
		    {"198.51.100.0", true, false},    {"198.51.100.255", true, false}, {"0.0.0.0", true, false},
		    {"239.1.2.3", true, false},	      {"2001:db8::1", true, true},     {"::", true, false},
		    {"255.255.255.255", true, false}, {"ff02::1", true, false}};
	struct api_document *here = document(OLD);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ip to = ip_of(rows[i].address);
		memset(&e, 0, sizeof(e));
		int rc = move_provider_check(here, "default", &to, rows[i].reached, &e);
		if ((rc == 0) != rows[i].good)
			fail_msg("%s: %s", rows[i].address, rc ? e.text : "taken");
		assert_string_equal(e.path, rc ? "to" : "");
	}
	struct ip to = ip_of("198.51.100.13");
	assert_true(move_provider_check(here, "other", &to, true, &e) < 0);
	assert_string_equal(e.path, "provider-network");
	assert_string_equal(move_network_of(here, "fabric"), "default");
	assert_null(move_network_of(here, "bare"));
	api_document_free(here);
}

#define GATEWAY(pa, adapter, records)                                                                                \
	"switches: [{name: fabric, type: external, uplink: eth1, allow-management-os: false}]\n"                     \
	"provider-addresses: [{switch: fabric, address: " pa "/24}]\n"                                               \
	"routing-domains:\n"                                                                                         \
	"  - {id: " RDID ", virtual-subnets: [{id: 5001, prefix: 10.0.0.0/24}, {id: 5002, prefix: 10.0.1.0/24}]}\n"  \
	"  - {id: '{11111111-2222-3333-4444-000000006001}', virtual-subnets: [{id: 6001, prefix: 10.0.0.0/24}]}\n"   \
	"adapters: [" adapter "]\nlookup-records: [" records "]\n"
#define IN_TWO                                                                                                         \
	"{name: web, switch: fabric, attach: {tap: web}, mac-address: 00-15-5D-00-00-05, isolation: {isolation-mode: " \
	"native-virtual-subnet, multi-tenant-stack: on}, routing-domain-mappings: [{routing-domain-id: " RDID          \
	", isolation-ids: [{isolation-id: 5001, vlan: 101}]}, {routing-domain-id: "                                    \
	"'{11111111-2222-3333-4444-000000006001}', isolation-ids: [{isolation-id: 6001, vlan: 102}]}]}"
#define IN(vsid, address, mac, pa)                                                                                   \
	"{virtual-subnet-id: " vsid ", customer-address: " address ", mac-address: '00:15:5d:00:00:" mac             \
	"', provider-address: 198.51.100." pa "},"
#define THEIRS                                                                                                       \
	IN("5001", "10.0.0.9", "05", "11") IN("5002", "10.0.1.9", "05", "11") IN("6001", "10.0.0.9", "05", "11")

/* A guest that is in several virtual subnets by one adapter moves with the records of each, and with no other's. */
static void test_several_subnets(void **state)
{
	struct move_edit m;
	struct mac mac = {{0, 0x15, 0x5d, 0, 0, 5}};
	struct ip to = ip_of("198.51.100.12");
	json_t *next;
	const char *why =
		prepare(GATEWAY("198.51.100.12", "", ""), GATEWAY("198.51.100.11", IN_TWO, THEIRS), "web", &m);
	if (why)
		fail_msg("%s", why);
	assert_int_equal(json_array_size(m.added), 2);
	assert_string_equal(json_string_value(json_array_get(m.added, 0)), "5001 10.0.0.9");
	assert_string_equal(json_string_value(json_array_get(m.added, 1)), "6001 10.0.0.9");
	assert_int_equal(m.n_vsids, 2);
	assert_int_equal(m.vsids[0] + m.vsids[1], 5001 + 6001);
	move_edit_clear(&m);
	struct api_document *here = document(GATEWAY("198.51.100.12", IN_TWO, THEIRS));
	assert_int_equal(move_edit_activate(here, "default", 5001, "web", &mac, &to, &next, &e), 0);
	assert_int_equal(last_byte(next, 0), 12);
	assert_int_equal(last_byte(next, 1), 11); /* 5002 is not the adapter's */
	assert_int_equal(last_byte(next, 2), 12);
	json_decref(next);
	assert_int_equal(move_edit_activate(here, "default", 5001, NULL, &mac, &to, &next, &e), 0);
	assert_int_equal(last_byte(next, 2), 11);
	json_decref(next);
	api_document_free(here);
}

/* Where a guest that comes is led to: the virtual subnet's own provider address before the first. */
static void test_own_provider(void **state)
{
	static const struct {
		const char *network;
		uint32_t vsid;
		int family;
		const char *found;
	} asked[] = {
		{"default", 5001, AF_INET, "198.51.100.21"}, {"default", 5002, AF_INET, "198.51.100.11"},
		{"default", 0, AF_INET, "198.51.100.11"},    {"default", 5001, AF_INET6, "2001:db8::11"},
		{"blue", 5001, AF_INET, "192.0.2.11"},	     {"blue", 5001, AF_INET6, "192.0.2.11"},
	};
	char text[IP_TEXT_SIZE];
	struct api_document *doc = document(
		"switches: [{name: a, type: external, uplink: eth1}, {name: b, type: external, uplink: eth2}]\n"
		"provider-addresses:\n"
		"  - {switch: a, address: 198.51.100.11/24}\n"
		"  - {switch: a, address: 198.51.100.21/24, virtual-subnet-ids: [5001]}\n"
		"  - {switch: a, address: '2001:db8::11/64'}\n"
		"  - {switch: b, address: 192.0.2.11/24, provider-network: blue}\n"
		"routing-domains: [{id: " RDID ", virtual-subnets: [{id: 5001, prefix: 10.0.0.0/24}]}]\n");
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		const struct ip *ip =
			move_provider_of(doc, asked[i].network, asked[i].vsid, (uint8_t)asked[i].family);
		assert_non_null(ip);
		assert_string_equal(ip_format(ip, text), asked[i].found);
	}
	assert_null(move_provider_of(doc, "green", 5001, AF_INET));
	api_document_free(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_provider),	cmocka_unit_test(test_several_subnets),
		cmocka_unit_test(test_prepare),		cmocka_unit_test(test_prepare_part),
		cmocka_unit_test(test_prepare_again),	cmocka_unit_test(test_prepare_refused),
		cmocka_unit_test(test_prepare_domains), cmocka_unit_test(test_port),
		cmocka_unit_test(test_activate),	cmocka_unit_test(test_remove),
		cmocka_unit_test(test_provider_check),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
