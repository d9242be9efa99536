/* SPDX-License-Identifier: Apache-2.0 */
/* Records that lead elsewhere than they say: until a path is known, and because they were redirected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "base/clock.h"
#include "base/err.h"
#include "modules/hnv/control/detours.h"
#include "modules/hnv/control/held.h"
#include "modules/hnv/control/inforce.h"
#include "modules/hnv/control/networks.h"
#include "modules/hnv/control/nexts.h"
#include "modules/hnv/test/fakes.h"

#define DOCUMENT_OF(records)                                                                                         \
	"switches: [{name: fabric, type: external, uplink: eth1, allow-management-os: false}]\n"                     \
	"provider-addresses: [{switch: fabric, address: 198.51.100.11/24}]\n"                                        \
	"routing-domains:\n"                                                                                         \
	"  - {id: '{11111111-2222-3333-4444-000000005001}', name: contoso, virtual-subnets: [\n"                     \
	"      {id: 5001, prefix: 10.0.0.0/16}]}\n"                                                                  \
	"adapters: [{name: c-web, owner: vm, switch: fabric, attach: {tap: cweb},"                                   \
	" mac-address: '00:15:5d:00:00:05', virtual-subnet-id: 5001}]\n"                                             \
	"lookup-records: [" records "]\n"
#define DOCUMENT(records) DOCUMENT_OF(RECORD("10.0.0.5", "05", "11") records)
#define RECORD(address, mac, host)                                                                                   \
	"{virtual-subnet-id: 5001, customer-address: '" address "', mac-address: '00:15:5d:00:00:" mac               \
	"', provider-address: '198.51.100." host "'},"
#define LEFT_TO(host) DOCUMENT_OF(RECORD("10.0.0.5", "05", host) RECORD("10.0.0.6", "06", "12"))
#define AT(host) DOCUMENT(RECORD("10.0.0.6", "06", host))

static int setup(void **state)
{
	fake_start(NULL);
	clock_test_set(1000000000000ULL);
	return 0;
}

static int teardown(void **state)
{
	fake_stop();
	clock_test_set(0);
	return 0;
}

static const struct hnv_network *network(void) { return &hnvc_network_find("default")->pub; }

static struct hnvc_record *record(const char *customer)
{
	struct ip ip;
	assert_int_equal(ip_parse(customer, &ip), 0);
	return hnvc_held_find(hnvc_subnet_find(hnvc_network_find("default"), 5001), &ip, NULL);
}

/* The last byte of the provider address that workers send to; 0: none, 1: an adapter here. */
static unsigned host_of(const char *customer)
{
	struct ip ip;
	assert_int_equal(ip_parse(customer, &ip), 0);
	struct hnv_answer answer = hnv_records_find(network(), 5001, &ip);
	const struct hnv_next *next = answer.next ? atomic_load(&hnv_nexts[answer.next]) : NULL;
	if (!next || next->kind == HNV_NOWHERE)
		return 0;
	return next->kind == HNV_LOCAL ? 1 : next->path->remote.byte[3];
}

static void pass(uint64_t ms)
{
	clock_test_advance(ms * 1000000);
	fake_tick();
}

static unsigned n_replicas(void)
{
	const struct hnv_replicas *r = atomic_load(&hnv_subnet_of(network(), 5001)->replicas);
	return r ? r->n : 0;
}

static void test_waits_for_the_path(void **state)
{
	assert_int_equal(fake_apply(AT("12")), 0);
	assert_int_equal(host_of("10.0.0.6"), 12);
	assert_int_equal(fake_apply(AT("13")), 0); /* nothing is lost that could go: 12 is not there either */
	assert_int_equal(host_of("10.0.0.6"), 13);
	fake_way("198.51.100.13", 1500);
	assert_int_equal(fake_apply(AT("14")), 0);
	assert_int_equal(host_of("10.0.0.6"), 13);
	assert_int_equal(fake_paths(), 2);
	assert_int_equal(n_replicas(), 1);
	fake_way("198.51.100.14", 1500);
	assert_int_equal(host_of("10.0.0.6"), 14);
	assert_int_equal(fake_paths(), 1);
	assert_int_equal(n_replicas(), 1);
	/* Once known, at once. */
	assert_int_equal(fake_apply(DOCUMENT(RECORD("10.0.0.6", "06", "14") RECORD("10.0.0.7", "07", "15"))), 0);
	fake_way("198.51.100.15", 1500);
	assert_int_equal(fake_apply(DOCUMENT(RECORD("10.0.0.6", "06", "15") RECORD("10.0.0.7", "07", "15"))), 0);
	assert_int_equal(host_of("10.0.0.6"), 15);
}

static const char *without_adapter(const char *document)
{
	static char text[4096];
	snprintf(text, sizeof(text), "%s", document);
	char *from = strstr(text, "adapters: [") + strlen("adapters: ["), *to = strstr(from, "]\n");
	memmove(from, to, strlen(to) + 1);
	return text;
}

/* A guest leaves this host: it is here until the path to where it goes is known, unless its adapter has gone. */
static void test_leaves(void **state)
{
	assert_int_equal(fake_apply(AT("12")), 0);
	assert_int_equal(host_of("10.0.0.5"), 1);
	assert_int_equal(fake_apply(LEFT_TO("13")), 0);
	assert_int_equal(host_of("10.0.0.5"), 1);
	fake_way("198.51.100.13", 1500);
	assert_int_equal(host_of("10.0.0.5"), 13);
	assert_int_equal(fake_apply(AT("12")), 0); /* and back, at once */
	assert_int_equal(host_of("10.0.0.5"), 1);
	assert_int_equal(fake_apply(LEFT_TO("14")), 0);
	assert_int_equal(host_of("10.0.0.5"), 1);
	pass(HNVC_WAIT_MS);
	assert_int_equal(host_of("10.0.0.5"), 14);
	assert_int_equal(fake_apply(AT("12")), 0);
	assert_int_equal(fake_apply(LEFT_TO("15")), 0);
	assert_int_equal(host_of("10.0.0.5"), 1);
	assert_int_equal(fake_apply(without_adapter(LEFT_TO("15"))), 0);
	assert_int_equal(host_of("10.0.0.5"), 15);
}

static void test_waits_no_longer(void **state)
{
	assert_int_equal(fake_apply(AT("12")), 0);
	fake_way("198.51.100.12", 1500);
	assert_int_equal(fake_apply(AT("13")), 0);
	pass(HNVC_WAIT_MS - 1);
	assert_int_equal(host_of("10.0.0.6"), 12);
	pass(1);
	assert_int_equal(host_of("10.0.0.6"), 13);
	assert_int_equal(fake_paths(), 1);
}

/* Whatever comes meanwhile ends the wait: the last word counts, and no hold is left. */
static void test_changed_while_it_waits(void **state)
{
	assert_int_equal(fake_apply(AT("12")), 0);
	fake_way("198.51.100.12", 1500);
	assert_int_equal(fake_apply(AT("13")), 0);
	assert_int_equal(fake_apply(AT("14")), 0);
	assert_int_equal(host_of("10.0.0.6"), 12);
	assert_int_equal(fake_paths(), 2);
	assert_int_equal(fake_apply(AT("12")), 0);
	assert_int_equal(host_of("10.0.0.6"), 12);
	assert_int_equal(fake_paths(), 1);
	assert_int_equal(fake_apply(AT("13")), 0);
	assert_int_equal(fake_apply(AT("11")), 0); /* nobody's here */
	assert_int_equal(host_of("10.0.0.6"), 0);
	assert_int_equal(fake_paths(), 0);
	assert_int_equal(fake_apply(AT("12")), 0);
	fake_way("198.51.100.12", 1500);
	assert_int_equal(fake_apply(AT("13")), 0);
	assert_int_equal(fake_apply(DOCUMENT("")), 0);
	assert_int_equal(fake_paths(), 0);
	pass(5000);
}

static int redirect(const char *customer, const char *to)
{
	struct ip ip;
	assert_int_equal(ip_parse(to, &ip), 0);
	int rc = hnvc_redirect(record(customer), &ip);
	hnvc_flush();
	return rc;
}

static void test_redirect(void **state)
{
	assert_int_equal(fake_apply(AT("12")), 0);
	fake_way("198.51.100.12", 1500);
	assert_null(hnvc_redirected_to(record("10.0.0.6")));
	assert_int_equal(redirect("10.0.0.6", "198.51.100.13"), 0);
	assert_int_equal(hnvc_redirected_to(record("10.0.0.6"))->byte[3], 13);
	assert_int_equal(host_of("10.0.0.6"), 12);
	fake_way("198.51.100.13", 1500);
	assert_int_equal(host_of("10.0.0.6"), 13);
	assert_int_equal(n_replicas(), 1);
	assert_int_equal(hnvc_redirects(), 1);
	/* A document that says nothing new of it leaves it. */
	assert_int_equal(fake_apply(DOCUMENT(RECORD("10.0.0.6", "06", "12") RECORD("10.0.0.7", "07", "11"))), 0);
	assert_int_equal(host_of("10.0.0.6"), 13);
	assert_int_equal(redirect("10.0.0.6", "198.51.100.14"), 0);
	fake_way("198.51.100.14", 1500);
	assert_int_equal(host_of("10.0.0.6"), 14);
	assert_int_equal(hnvc_redirects(), 1);
	/* One that does ends it. */
	assert_int_equal(fake_apply(AT("15")), 0);
	fake_way("198.51.100.15", 1500);
	assert_int_equal(host_of("10.0.0.6"), 15);
	assert_null(hnvc_redirected_to(record("10.0.0.6")));
	assert_int_equal(hnvc_redirects(), 0);
	assert_int_equal(fake_paths(), 1);
	/* Taken back: to where it says. */
	assert_int_equal(redirect("10.0.0.6", "198.51.100.13"), 0);
	fake_way("198.51.100.13", 1500);
	hnv_peers_tick(true); /* a while later */
	hnvc_redirect_end(record("10.0.0.6"));
	hnvc_flush();
	assert_int_equal(host_of("10.0.0.6"), 13); /* until the path is there */
	fake_way("198.51.100.15", 1500);
	assert_int_equal(host_of("10.0.0.6"), 15);
	assert_int_equal(hnvc_redirects(), 0);
	/* A record that goes takes it along. */
	assert_int_equal(redirect("10.0.0.6", "198.51.100.13"), 0);
	assert_int_equal(fake_apply(DOCUMENT("")), 0);
	assert_int_equal(hnvc_redirects(), 0);
	assert_int_equal(fake_paths(), 0);
}

/* No more than so many: the one longest so leads where it says again. */
static void test_bounded(void **state)
{
	struct err e = {0};
	struct hnv_record r = {.vsid = 5001,
			       .customer = {.family = AF_INET, .byte = {10, 0, 1, 0}},
			       .mac = {{0, 0x15, 0x5d, 1, 0, 0}},
			       .provider = {.family = AF_INET, .byte = {198, 51, 100, 12}},
			       .encapsulation = hnv_encapsulation_find("nvgre")};
	const struct ip to = {.family = AF_INET, .byte = {198, 51, 100, 13}};
	assert_int_equal(fake_apply(DOCUMENT("")), 0);
	r.network = network()->index;
	for (unsigned i = 0; i < HNVC_REDIRECTS_MAX + 2; i++) {
		r.customer.byte[2] = (uint8_t)(1 + (i >> 8));
		r.customer.byte[3] = (uint8_t)i;
		assert_int_equal(hnv_record_set(&r, &e), 0);
		struct hnvc_record *held =
			hnvc_held_find(hnvc_subnet_find(hnvc_network_find("default"), 5001), &r.customer, NULL);
		assert_int_equal(hnvc_redirect(held, &to), 0);
	}
	hnvc_flush();
	assert_int_equal(hnvc_redirects(), HNVC_REDIRECTS_MAX);
	assert_int_equal(host_of("10.0.1.0"), 12);
	assert_int_equal(host_of("10.0.1.1"), 12);
	assert_int_equal(host_of("10.0.1.2"), 13);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_waits_for_the_path, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leaves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_waits_no_longer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed_while_it_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_redirect, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
	};
	return cmocka_run_group_tests_name("hnv detours", tests, NULL, NULL);
}
