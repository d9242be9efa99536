/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change that every module prepared for and the last one refuses: ports, tables and addresses are what they were, as
 * often as it is tried, and the same change is taken when nothing is against it any more.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "core/control/module.h"
#include "core/runtime/dataplane.h"
#include "core/runtime/port.h"
#include "tests/packet/host.h"

#define TIMES 50
#define RANGE "mac-address-range: {minimum: '00:15:5d:00:00:00', maximum: '00:15:5d:00:00:0f'}"
#define M1 "02:00:00:00:00:01"
#define M2 "02:00:00:00:00:02"

/* vm3 and vm4 get their addresses from a pool of sixteen. */
#define BEFORE                                                                                                       \
	"host: {name: h, " RANGE "}\nswitches: [{name: sw, type: private}]\nadapters:\n"                             \
	"  - {name: vm1, switch: sw, mac-address: '" M1 "', attach: {tap: t1}}\n"                                    \
	"  - {name: vm2, switch: sw, mac-address: '" M2 "', attach: {tap: t2}}\n"                                    \
	"  - {name: vm3, switch: sw, attach: {tap: t3}}\n"

/* A type changes, a switch comes, vm2 goes, vm3 is attached otherwise, vm4 comes, vm1 gets another MTU. */
#define AFTER                                                                                                        \
	"host: {name: h, " RANGE                                                                                     \
	"}\nswitches: [{name: sw, type: internal}, {name: new, type: external, uplink: e0, "                         \
	"allow-management-os: false}]\nadapters:\n"                                                                  \
	"  - {name: vm1, switch: sw, mac-address: '" M1 "', mtu: 1000, attach: {tap: t1}}\n"                         \
	"  - {name: vm3, switch: new, attach: {vhost-user: /tmp/vm3.sock}}\n"                                        \
	"  - {name: vm4, switch: sw, attach: {tap: t4}}\n"

static bool refusing;

static int refuser_prepare(struct txn *t, struct err *e)
{
	return refusing ? err_set(e, EBUSY, "switches[0]", "not today") : 0;
}

static const char *const refuser_depends_on[] = {"l2", "vswitch", NULL};
static struct module refuser = {.name = "refuser", .depends_on = refuser_depends_on, .prepare = refuser_prepare};
MODULE(refuser)

static void send(const char *from, const char *to_mac, const char *from_mac)
{
	uint8_t frame[60] = {0};
	unsigned b[12];
	char both[40];
	snprintf(both, sizeof(both), "%s:%s", to_mac, from_mac);
	assert_int_equal(sscanf(both, "%x:%x:%x:%x:%x:%x:%x:%x:%x:%x:%x:%x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
				&b[6], &b[7], &b[8], &b[9], &b[10], &b[11]),
			 12);
	for (unsigned i = 0; i < 12; i++)
		frame[i] = (uint8_t)b[i];
	frame[12] = 8;
	host_send(from, frame, sizeof(frame));
}

/* Behind vm2 is somebody whom the switch learned, and knows. */
static void check_known(void)
{
	send("vm1", "02:00:00:00:00:77", M1);
	assert_int_equal(host_got_count("vm2"), 1);
	assert_int_equal(host_got_total(), 1);
	host_clear();
}

static void nothing_of_it_stays(void **state)
{
	host_apply(BEFORE);
	send("vm2", M1, "02:00:00:00:00:77");
	host_clear();
	unsigned open = host_ports_open();
	struct port *ports[] = {host_port("vm1"), host_port("vm2"), host_port("vm3")};
	uint64_t pooled = mac_to_u64(&ports[2]->mac);
	refusing = true;
	for (unsigned i = 0; i < TIMES; i++) {
		const char *why = host_apply_refused(AFTER);
		assert_non_null(why);
		assert_string_equal(why, "switches[0]: not today");
		assert_int_equal(host_ports_open(), open);
		assert_ptr_equal(host_port("vm1"), ports[0]);
		assert_ptr_equal(host_port("vm2"), ports[1]);
		assert_ptr_equal(host_port("vm3"), ports[2]);
		assert_int_equal(ports[0]->mtu, 1500);
		check_known();
	}
	refusing = false;
	host_apply(BEFORE); /* what runs still is what is compared with */
	assert_ptr_equal(host_port("vm1"), ports[0]);
	check_known();

	host_apply(AFTER);
	assert_int_equal(ports[0]->mtu, 1000);
	assert_true(dataplane_current()->n_adapters <= 6); /* ids that were not taken after all are given again */
	assert_int_equal(mac_to_u64(&host_port("vm3")->mac), pooled);
	host_check_books();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_of_it_stays)};
	host_start();
	return cmocka_run_group_tests_name("refused", tests, NULL, NULL);
}
