/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adapters that come and go: what still names one that was removed never reaches another that took its place in the
 * tables. The other half, frames that lie in a worker's inbox meanwhile, is in core/runtime/test/books_test.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/packet/host.h"

#define MANY 600
#define SECOND "\x02\0\0\0\xbb\x03" /* an address that `old` has beside its own */

static const uint8_t mac_first[6] = {2, 0, 0, 0, 0, 1}, mac_old[6] = {2, 0, 0, 0, 0, 3};

/* Guests on one switch: first and second, and whoever is named besides. */
static void apply(const char *more)
{
	char yaml[1024];
	snprintf(yaml, sizeof(yaml),
		 "host: {name: h}\n"
		 "switches: [{name: sw, type: private}, {name: other, type: private}]\n"
		 "adapters:\n"
		 "  - {name: first, switch: sw, mac-address: '02:00:00:00:00:01', attach: {tap: t1}}\n"
		 "  - {name: second, switch: sw, mac-address: '02:00:00:00:00:02', attach: {tap: t2}}\n%s",
		 more);
	host_apply(yaml);
}

#define OLD "  - {name: old, switch: sw, mac-address: '02:00:00:00:00:03', attach: {tap: t3}}\n"
#define NEW "  - {name: new, switch: sw, mac-address: '02:00:00:00:00:04', attach: {tap: t4}}\n"
#define NEWER "  - {name: newer, switch: sw, mac-address: '02:00:00:00:00:05', attach: {tap: t5}}\n"
#define OLD_ELSEWHERE "  - {name: old, switch: other, mac-address: '02:00:00:00:00:03', attach: {tap: t3}}\n"

static uint16_t id_of(const char *name)
{
	const struct dataplane *dp = dataplane_current();
	for (uint16_t i = 0; i < dp->n_adapters; i++)
		if (dp->adapters[i] && !strcmp(dp->adapters[i]->name, name))
			return i;
	fail_msg("no adapter %s", name);
	return 0;
}

static void send(const char *from, const void *to, const void *source)
{
	uint8_t frame[60] = {0};
	memcpy(frame, to, 6);
	memcpy(frame + 6, source, 6);
	frame[12] = 8;
	host_send(from, frame, sizeof(frame));
}

/* To an address that `old` had: nobody's now, so everybody gets it. */
static void check_forgotten(const void *to, const char *all_but_sender)
{
	send("first", to, mac_first);
	assert_int_equal(host_got_count("second"), 1);
	if (*all_but_sender)
		assert_int_equal(host_got_count(all_but_sender), 1);
	assert_int_equal(host_got_total(), *all_but_sender ? 2 : 1);
	host_clear();
	host_check_books();
}

/* `old` speaks from two addresses, and both are known. */
static void make_known(void)
{
	static const uint8_t *const addresses[] = {mac_old, (const uint8_t *)SECOND};
	for (int i = 0; i < 2; i++) {
		send("old", mac_first, addresses[i]);
		host_clear();
		send("first", addresses[i], mac_first);
		assert_int_equal(host_got_count("old"), 1);
		assert_int_equal(host_got_total(), 1);
		host_clear();
	}
}

static void an_id_is_not_given_away_by_the_change_that_frees_it(void **state)
{
	apply(OLD);
	make_known();
	uint16_t id = id_of("old");
	apply(NEW);
	assert_int_not_equal(id_of("new"), id);
	assert_true(id >= dataplane_current()->n_adapters || !dataplane_current()->adapters[id]);
	check_forgotten(mac_old, "new");
	check_forgotten(SECOND, "new");
}

static void who_takes_the_slot_inherits_no_address(void **state)
{
	apply(OLD);
	make_known();
	uint16_t id = id_of("old");
	apply("");
	apply(NEWER);
	assert_int_equal(id_of("newer"), id);
	check_forgotten(mac_old, "newer");
	check_forgotten(SECOND, "newer");
	assert_int_equal(host_row("newer")->received, host_row("newer")->forwarded);
}

static void who_moves_to_another_switch_takes_no_address_along(void **state)
{
	apply(OLD);
	make_known();
	apply(OLD_ELSEWHERE);
	check_forgotten(mac_old, "");
	check_forgotten(SECOND, "");
}

static void ids_stay_dense(void **state)
{
	for (int i = 0; i < 300; i++) {
		apply(OLD);
		send("old", mac_first, SECOND);
		host_clear();
		apply(i % 2 ? NEW : "");
		check_forgotten(SECOND, i % 2 ? "new" : "");
	}
	assert_true(dataplane_current()->n_adapters <= 4);
}

/* One frame to everybody: each gets it once, through any number of flushes, and the books know of every copy. */
static void a_flood_to_many_is_counted(void **state)
{
	static char yaml[128 * MANY];
	size_t at = (size_t)snprintf(yaml, sizeof(yaml),
				     "host: {name: h}\nswitches: [{name: sw, type: private}]\nadapters:\n");
	for (int i = 0; i < MANY; i++)
		at += (size_t)snprintf(
			yaml + at, sizeof(yaml) - at,
			"  - {name: g%d, switch: sw, mac-address: '02:00:00:01:%02x:%02x', attach: {tap: g%d}}\n", i,
			(unsigned)i >> 8, (unsigned)i & 255, i);
	host_apply(yaml);
	uint64_t copies = host_row("g0")->ingress_copies;
	send("g0", "\xff\xff\xff\xff\xff\xff", "\x02\0\0\x01\0\0");
	assert_int_equal(host_got_total(), MANY - 1);
	assert_int_equal(host_got_count("g0"), 0);
	assert_int_equal(host_got_count("g599"), 1);
	assert_int_equal(host_row("g0")->ingress_copies - copies, MANY - 2);
	host_clear();
	host_check_books();
	apply("");
	assert_true(dataplane_current()->n_adapters <= MANY + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_not_given_away_by_the_change_that_frees_it),
		cmocka_unit_test(who_takes_the_slot_inherits_no_address),
		cmocka_unit_test(who_moves_to_another_switch_takes_no_address_along),
		cmocka_unit_test(ids_stay_dense),
		cmocka_unit_test(a_flood_to_many_is_counted),
	};
	host_start();
	return cmocka_run_group_tests_name("stale ids", tests, NULL, NULL);
}
