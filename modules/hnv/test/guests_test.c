/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's records as whoever moves it sees and leads them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "modules/hnv/test/fakes.h"

#define HOST                                                                                                         \
	"switches: [{name: fabric, type: external, uplink: eth1, allow-management-os: false}]\n"                     \
	"provider-addresses: [{switch: fabric, address: 198.51.100.11/24}]\n"                                        \
	"routing-domains: [{id: '{11111111-2222-3333-4444-000000005001}', virtual-subnets: [{id: 5001, prefix: "     \
	"10.0.0.0/24}]}]\n"                                                                                          \
	"adapters: [{name: web, owner: vm, switch: fabric, attach: {tap: web}, mac-address: '00:15:5d:00:00:05', "   \
	"virtual-subnet-id: 5001}]\n"
#define RECORD(address, mac, more)                                                                                   \
	"{virtual-subnet-id: 5001, customer-address: " address ", mac-address: '00:15:5d:00:00:" mac "', " more "},"
#define DOCUMENT                                                                                                     \
	HOST "lookup-records: [" RECORD("10.0.0.5", "05", "provider-address: 198.51.100.11")                         \
		RECORD("10.0.0.6", "06", "provider-address: 198.51.100.12")                                          \
			RECORD("10.0.0.7", "05", "provider-address: 198.51.100.77, rule: nat") "]\n"

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

static void api_record(const char *address, uint8_t mac, const char *provider, enum hnv_rule rule)
{
	struct err e = {0};
	struct hnv_record r = {.vsid = 5001,
			       .customer = ip_of(address),
			       .mac = {{0, 0x15, 0x5d, 0, 0, mac}},
			       .provider = ip_of(provider),
			       .rule = rule,
			       .encapsulation = hnv_encapsulation_list()};
	if (hnv_record_set(&r, &e))
		fail_msg("%s: %s", e.path, e.text);
}

struct seen {
	unsigned n, here, by_origin[HNV_RESOLVED + 1];
};

static int see(const struct hnv_guest_record *r, void *arg)
{
	struct seen *s = arg;
	s->n++;
	s->here += r->here;
	s->by_origin[r->origin]++;
	return 0;
}

static struct seen seen_of(const struct hnv_guest *g)
{
	struct seen s = {0};
	assert_int_equal(hnv_guest_records(g, see, &s), 0);
	return s;
}

static void test_records(void **state)
{
	struct hnv_guest g, other = {"default", 5001, {{0, 0x15, 0x5d, 0, 0, 6}}}, none = {"else", 5001, {{0}}};
	assert_int_equal(fake_apply(DOCUMENT), 0);
	api_record("10.0.0.15", 5, "198.51.100.12", HNV_ENCAP);
	assert_int_equal(hnv_guest_find("db", &g), -ENOENT);
	assert_int_equal(hnv_guest_find("web", &g), 0);
	assert_string_equal(g.network, "default");
	assert_int_equal(g.vsid, 5001);
	assert_true(hnv_guest_is_here(&g));
	assert_false(hnv_guest_is_here(&other));
	struct seen s = seen_of(&g);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.here, 1);
	assert_int_equal(s.by_origin[HNV_OF_DOCUMENT], 2);
	assert_int_equal(s.by_origin[HNV_OF_API], 1);
	assert_int_equal(seen_of(&other).n, 1);
	assert_int_equal(seen_of(&none).n, 0);
}

/* An l2only record has no address that an adapter could know it by. */
static void test_l2only(void **state)
{
	struct hnv_guest g;
	assert_int_equal(fake_apply(HOST "lookup-records: [" RECORD(
				 "0.0.0.0", "05", "provider-address: 198.51.100.11, type: l2only") "]\n"),
			 0);
	assert_int_equal(hnv_guest_find("web", &g), 0);
	assert_int_equal(seen_of(&g).n, 1);
}

static void test_lead(void **state)
{
	struct hnv_guest g;
	struct err e = {0};
	struct ip to = ip_of("198.51.100.11"), ca = ip_of("10.0.0.15"), kept = ip_of("10.0.0.5");
	assert_int_equal(fake_apply(DOCUMENT), 0);
	api_record("10.0.0.15", 5, "198.51.100.12", HNV_ENCAP);
	api_record("10.0.0.16", 5, "198.51.100.12", HNV_ENCAP);
	api_record("10.0.0.17", 6, "198.51.100.12", HNV_ENCAP);
	api_record("10.0.0.18", 5, "198.51.100.78", HNV_NAT); /* its own */
	assert_int_equal(hnv_guest_find("web", &g), 0);
	assert_int_equal(hnv_guest_lead(&g, &to, &e), 2);
	assert_int_equal(hnv_guest_lead(&g, &to, &e), 0); /* they do already */
	const struct hnv_record *r = hnv_record_find(0, 5001, &ca);
	assert_true(ip_equal(&r->provider, &to));
	assert_int_equal(seen_of(&g).here, 3);
	to = ip_of("198.51.100.12");
	assert_int_equal(hnv_guest_lead(&g, &to, &e), 2);
	r = hnv_record_find(0, 5001, &kept); /* the document's */
	assert_int_equal(r->provider.byte[3], 11);
	assert_int_equal(seen_of(&g).here, 1);
}

static bool is_away(void)
{
	const struct dp_adapter *a = fake_adapter("web");
	assert_non_null(a);
	return atomic_load(&hnv_port_of(a)->away);
}

static void lead(const char *provider)
{
	api_record("10.0.0.15", 5, provider, HNV_ENCAP);
	fake_ways(); /* whatever waits for one goes there */
}

/* A guest has moved away when its records led to its adapter here and do no more. */
static void test_away(void **state)
{
	assert_int_equal(fake_apply(HOST), 0);
	assert_false(is_away());
	lead("198.51.100.12");
	assert_false(is_away()); /* it is to come */
	lead("198.51.100.11");
	assert_false(is_away());
	api_record("10.0.0.16", 5, "198.51.100.11", HNV_ENCAP);
	lead("198.51.100.12");
	assert_false(is_away()); /* in part */
	api_record("10.0.0.16", 5, "198.51.100.12", HNV_ENCAP);
	assert_true(is_away());
	lead("198.51.100.13");
	assert_true(is_away());
	assert_int_equal(fake_apply(HOST "host: {name: renamed}\n"), 0);
	assert_true(is_away());
	hnv_guest_expect("we"); /* another */
	assert_true(is_away());
	hnv_guest_expect("web");
	assert_false(is_away());
	lead("198.51.100.12");
	assert_false(is_away());
	lead("198.51.100.11");
	hnv_guest_expect("web"); /* it is here */
	lead("198.51.100.12");
	assert_true(is_away());
	api_record("10.0.0.7", 5, "198.51.100.77", HNV_NAT); /* its own, which is where its adapter is */
	assert_false(is_away());
}

/* Also by documents, and weftd may be another one meanwhile; until the adapter goes. */
static void test_away_is_kept(void **state)
{
	static const char here[] =
		HOST "lookup-records: [" RECORD("10.0.0.5", "05", "provider-address: 198.51.100.11") "]\n";
	static const char there[] =
		HOST "lookup-records: [" RECORD("10.0.0.5", "05", "provider-address: 198.51.100.12") "]\n";
	char folder[] = "/tmp/weft-guests-XXXXXX", log[64];
	fake_stop();
	assert_non_null(mkdtemp(folder));
	fake_start(folder);
	assert_int_equal(fake_apply(there), 0);
	fake_ways();
	assert_false(is_away());
	fake_stop();
	fake_start(folder);
	assert_int_equal(fake_apply(there), 0);
	assert_false(is_away()); /* it is still to come */
	assert_int_equal(fake_apply(here), 0);
	assert_int_equal(fake_apply(there), 0);
	fake_ways();
	assert_true(is_away());
	fake_stop();
	fake_start(folder);
	assert_int_equal(fake_apply(there), 0);
	assert_true(is_away());
	assert_int_equal(fake_apply("{}"), 0);
	assert_int_equal(fake_apply(there), 0);
	assert_false(is_away());
	fake_stop();
	fake_start(folder);
	assert_int_equal(fake_apply(there), 0);
	assert_false(is_away());
	fake_stop();
	fake_start(NULL);
	snprintf(log, sizeof(log), "%s/lookup-records", folder);
	(void)unlink(log);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_records, setup, teardown),
		cmocka_unit_test_setup_teardown(test_l2only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lead, setup, teardown),
		cmocka_unit_test_setup_teardown(test_away, setup, teardown),
		cmocka_unit_test_setup_teardown(test_away_is_kept, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
