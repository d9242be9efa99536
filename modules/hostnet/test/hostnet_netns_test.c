/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostnet against the kernel, each test in a network namespace of its own that goes with the process. What the
 * host has is compared by what `ip -j` says, as an administrator would.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "core/control/loop.h"
#include "core/control/netlink.h"
#include "modules/hostnet/control/address.h"
#include "modules/hostnet/control/dhcp.h"
#include "core/control/process.h"
#include "modules/hostnet/control/route.h"
#include "modules/hostnet/control/strong_host.h"
#include "modules/hostnet/control/sysctl.h"
#include "modules/hostnet/control/takeover.h"

static struct netlink *nl;

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

/* A host with eth0, whose other end is in a namespace that lives as long as the pid in *state. */
static int set_up(void **state)
{
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	run("echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad"); /* link-local addresses are ready at once */
	run("ip link set lo up && ip link add eth0 type veth peer name out && ip link set eth0 up && ip link set out up");
	run("ip tuntap add LAN mode tap && ip tuntap add LAN2 mode tap");
	run("ip link set LAN address $(ip -j link show eth0 | jq -r '.[0].address')");
	run("ip link set LAN up && ip link set LAN2 up");
	return netlink_open(-1, &nl);
}

static int tear_down(void **state)
{
	netlink_close(nl);
	return 0;
}

static uint32_t index_of(const char *name)
{
	struct netlink_link link;
	assert_int_equal(netlink_link_get(nl, name, &link), 0);
	return (uint32_t)link.index;
}

/* Sorted text of what `ip -j` says, but of the taps, which go with their adapters. Remaining lifetimes are left
 * out, they run. */
static char *picture(void)
{
	FILE *p = popen(
		"for c in addr 'route show table all' '-6 route show table all' rule '-6 rule' "
		"'neigh show nud permanent'; do ip -j $c | jq -cS '.[] | walk(if type == \"object\" and .dynamic then "
		"del(.valid_life_time, .preferred_life_time) else . end)' | "
		"grep -v '\"LAN2*\"' | sort; done",
		"r");
	char *text = calloc(1, 1 << 18);
	assert_non_null(p);
	assert_non_null(text);
	(void)!fread(text, 1, (1 << 18) - 1, p);
	pclose(p);
	return text;
}

/* Both pictures are freed. */
static void assert_same(char *before, char *after)
{
	char *a = before, *b = after;
	for (; *a && *a == *b; a++, b++)
		;
	if (*a || *b) {
		while (a > before && a[-1] != '\n')
			a--, b--;
		fail_msg("was: %.*s\nis:  %.*s", (int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"), b);
	}
	free(before);
	free(after);
}

static bool says(const char *command, const char *needle)
{
	char buf[16384] = "";
	FILE *p = popen(command, "r");
	assert_non_null(p);
	(void)!fread(buf, 1, sizeof(buf) - 1, p);
	pclose(p);
	return strstr(buf, needle) != NULL;
}

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;
	assert_int_equal(ip_prefix_parse(text, &p), 0);
	return p;
}

static struct ip ip(const char *text)
{
	struct ip i;
	assert_int_equal(ip_parse(text, &i), 0);
	return i;
}

/* ---- addresses, routes, rules -------------------------------------------------------------------------- */

static void count_address(const struct address_change *c, int rc, const char *why, void *arg)
{
	assert_int_equal(rc, 0);
	++*(int *)arg;
}

static void addresses_are_set_once_and_removed(void **state)
{
	const struct ip_prefix want[] = {prefix("192.0.2.1/24"), prefix("2001:db8::1/64")};
	uint32_t lan = index_of("LAN");
	int changes = 0;
	run("ip addr add 192.0.2.200/24 dev LAN");
	assert_int_equal(address_sync(nl, lan, want, 2, SYNC_BOTH, count_address, &changes), 0);
	assert_int_equal(changes, 2);
	assert_true(says("ip -4 addr show dev LAN", "inet 192.0.2.1/24 brd 192.0.2.255"));
	assert_false(says("ip -6 addr show dev LAN", "2001:db8::1/64 scope global tentative"));
	assert_int_equal(address_sync(nl, lan, want, 2, SYNC_BOTH, count_address, &changes), 0);
	assert_int_equal(changes, 2); /* nothing to do */
	assert_int_equal(address_sync(nl, lan, want, 1, SYNC_ADD, count_address, &changes), 0);
	assert_true(says("ip -6 addr show dev LAN", "2001:db8::1")); /* not the half that removes */
	assert_int_equal(address_sync(nl, lan, want, 1, SYNC_BOTH, count_address, &changes), 0);
	assert_false(says("ip -6 addr show dev LAN", "2001:db8::1"));
	assert_int_equal(address_sync(nl, lan, NULL, 0, SYNC_BOTH, count_address, &changes), 0);
	assert_false(says("ip -4 addr show dev LAN", "192.0.2.1/24"));
	assert_true(says("ip -4 addr show dev LAN", "192.0.2.200/24")); /* somebody else's */
}

static void count_route(const struct route_change *c, int rc, const char *why, void *arg)
{
	assert_int_equal(rc, 0);
	++*(int *)arg;
}

static void routes_are_set_once_and_removed(void **state)
{
	const struct route want[] = {
		{.to = prefix("0.0.0.0/0"), .via = ip("192.0.2.254"), .table = 254, .metric = 64},
		{.to = prefix("::/0"), .via = ip("2001:db8::fe"), .table = 254, .metric = 64}};
	uint32_t lan = index_of("LAN");
	run("ip addr add 192.0.2.1/24 dev LAN && ip addr add 2001:db8::1/64 dev LAN nodad && "
	    "ip route add 10.0.0.0/8 via 192.0.2.9");
	assert_int_equal(route_sync(nl, lan, 254, want, 2, SYNC_BOTH, NULL, NULL), 0);
	assert_true(says("ip route", "default via 192.0.2.254 dev LAN proto 77 metric 64"));
	assert_true(says("ip -6 route", "default via 2001:db8::fe dev LAN proto 77 metric 64"));
	int changes = 0;
	assert_int_equal(route_sync(nl, lan, 254, want, 2, SYNC_BOTH, count_route, &changes), 0);
	assert_int_equal(changes, 0);
	assert_int_equal(route_sync(nl, lan, 254, NULL, 0, SYNC_BOTH, NULL, NULL), 0);
	assert_false(says("ip route; ip -6 route", "proto 77"));
	assert_true(says("ip route", "10.0.0.0/8 via 192.0.2.9"));
}

static void two_adapters_on_a_subnet_keep_apart(void **state)
{
	const struct strong_adapter both[] = {{index_of("LAN"), "LAN"}, {index_of("LAN2"), "LAN2"}};
	run("ip addr add 192.0.2.1/24 dev LAN && ip addr add 2001:db8::1/64 dev LAN nodad");
	char *before = picture();
	assert_int_equal(strong_host_sync(nl, both, 2, SYNC_BOTH), 0); /* one has addresses: nothing to keep apart */
	assert_same(before, picture());
	run("ip addr add 192.0.2.2/24 dev LAN2 && ip addr add 2001:db8::2/64 dev LAN2 nodad");
	before = picture();
	assert_int_equal(strong_host_sync(nl, both, 2, SYNC_BOTH), 0);
	assert_true(says("ip route get 192.0.2.77 from 192.0.2.2", "dev LAN2"));
	assert_true(says("ip route get 192.0.2.77 from 192.0.2.1", "dev LAN "));
	assert_true(says("ip -6 route get 2001:db8::77 from 2001:db8::2", "dev LAN2"));
	assert_int_equal(sysctl_read("ipv4", "LAN2", "arp_ignore", 0), 1);
	assert_int_equal(sysctl_read("ipv4", "LAN2", "arp_announce", 0), 2);
	char *strong = picture();
	assert_int_equal(strong_host_sync(nl, both, 2, SYNC_BOTH), 0);
	assert_same(strong, picture());
	assert_int_equal(strong_host_clear(nl, both, 2), 0);
	assert_same(before, picture());
	assert_int_equal(sysctl_read("ipv4", "LAN2", "arp_ignore", -1),
			 sysctl_read("ipv4", "default", "arp_ignore", -2));
}

static void a_gateway_of_its_own_and_other_routes_hold(void **state)
{
	const struct strong_adapter both[] = {{index_of("LAN"), "LAN"}, {index_of("LAN2"), "LAN2"}};
	run("ip addr add 192.0.2.1/24 dev LAN && ip addr add 198.51.100.2/24 dev LAN2 && ip addr add 203.0.113.1/24 dev eth0");
	run("ip route add default via 192.0.2.254 dev LAN metric 64 && ip route add default via 198.51.100.254 dev LAN2 metric 65");
	assert_int_equal(strong_host_sync(nl, both, 2, SYNC_BOTH), 0);
	assert_true(says("ip route get 8.8.8.8 from 198.51.100.2", "via 198.51.100.254 dev LAN2"));
	assert_true(says("ip route get 8.8.8.8 from 192.0.2.1", "via 192.0.2.254 dev LAN "));
	assert_true(
		says("ip route get 203.0.113.9 from 198.51.100.2", "dev eth0")); /* main's specific routes count */
}

/* ---- taking over --------------------------------------------------------------------------------------- */

static void dress_eth0(void)
{
	run("ip addr add 192.0.2.10/24 brd + dev eth0 && ip addr add 192.0.2.11/24 brd + dev eth0 label eth0:1 && "
	    "ip addr add 198.51.100.1/24 dev eth0 valid_lft 1000 preferred_lft 900 && "
	    "ip addr add 2001:db8::10/64 dev eth0 nodad && ip addr add 2001:db8::11/64 dev eth0 nodad valid_lft 2000 "
	    "preferred_lft 0");
	run("ip route add default via 192.0.2.1 metric 100 proto dhcp src 192.0.2.10 && "
	    "ip route add 10.0.0.0/8 via 192.0.2.2 mtu 1400 && ip route add 10.9.0.0/16 dev eth0 table 100 && "
	    "ip -6 route add default via 2001:db8::1 dev eth0 metric 300 && ip -6 route add fd00::/8 via fe80::1 dev eth0");
	run("ip neigh add 192.0.2.7 lladdr 02:00:00:00:00:07 dev eth0 nud permanent");
}

static void all_goes_over_and_comes_back(void **state)
{
	struct takeover *t, *after_crash;
	struct err e = {0};
	dress_eth0();
	char *before = picture();
	assert_int_equal(takeover_note(nl, "eth0", &t, &e), 0);
	assert_int_equal(takeover_check(t, &e), 0);
	assert_true(takeover_has_address(t) && takeover_has_default_route(t) && t->others.dhcp);
	snprintf(t->tap, sizeof(t->tap), "LAN");
	assert_int_equal(takeover_move(nl, t, &e), 0);

	assert_true(says("ip -4 -br addr show dev LAN", "192.0.2.10/24 198.51.100.1/24 192.0.2.11/24"));
	assert_true(says("ip -4 addr show dev LAN", "secondary LAN:1"));
	assert_true(says("ip -6 addr show dev LAN", "2001:db8::11/64 scope global nodad deprecated dynamic"));
	assert_true(says("ip route", "default via 192.0.2.1 dev LAN proto dhcp src 192.0.2.10 metric 100"));
	assert_true(says("ip -j route show 10.0.0.0/8 dev LAN", "\"mtu\":1400"));
	assert_true(says("ip route show table 100", "10.9.0.0/16 dev LAN"));
	assert_true(says("ip -6 route", "default via 2001:db8::1 dev LAN metric 300"));
	assert_true(says("ip neigh show nud permanent", "192.0.2.7 dev LAN"));
	assert_false(says("ip -br addr show dev eth0; ip route show table all dev eth0", "192.0.2"));
	assert_false(says("ip addr show dev eth0", "inet6"));

	/* What a process that knows only the disk does. */
	json_t *json = takeover_encode(t);
	assert_int_equal(takeover_decode("eth0", json, &after_crash), 0);
	assert_int_equal(takeover_give_back(nl, after_crash), 0);
	assert_same(strdup(before), picture());
	assert_int_equal(takeover_give_back(nl, after_crash), 0); /* once more: nothing changes */
	assert_same(before, picture());
	json_decref(json);
	takeover_free(t);
	takeover_free(after_crash);
}

static void ipv6_that_silence_took_comes_back(void **state)
{
	struct takeover *t;
	struct err e = {0};
	dress_eth0();
	char *before = picture();
	assert_int_equal(takeover_note(nl, "eth0", &t, &e), 0);
	snprintf(t->tap, sizeof(t->tap), "LAN");
	assert_int_equal(sysctl_write("ipv6", "eth0", "disable_ipv6", 1), 0);
	assert_int_equal(takeover_move(nl, t, &e), 0);
	assert_true(says("ip -6 addr show dev LAN", "2001:db8::10/64"));
	assert_int_equal(takeover_give_back(nl, t), 0);
	assert_same(before, picture());
	takeover_free(t);
}

static void a_renewed_lease_comes_back_renewed(void **state)
{
	struct takeover *t;
	struct err e = {0};
	struct ip_prefix p = prefix("192.0.2.10/24");
	run("ip addr add 192.0.2.10/24 dev eth0 valid_lft 100 preferred_lft 100");
	assert_int_equal(takeover_note(nl, "eth0", &t, &e), 0);
	snprintf(t->tap, sizeof(t->tap), "LAN");
	assert_int_equal(takeover_move(nl, t, &e), 0);
	assert_int_equal(address_lease(nl, index_of("LAN"), &p, 7777), 0);
	t->noted_ms -= 200000; /* longer ago than the lease was */
	assert_int_equal(takeover_give_back(nl, t), 0);
	assert_true(says("ip addr show dev eth0", "valid_lft 777"));
	takeover_free(t);
}

static void another_adapter_can_carry_on(void **state)
{
	struct takeover *t;
	struct err e = {0};
	dress_eth0();
	assert_int_equal(takeover_note(nl, "eth0", &t, &e), 0);
	snprintf(t->tap, sizeof(t->tap), "LAN");
	assert_int_equal(takeover_move(nl, t, &e), 0);
	assert_int_equal(takeover_follow(nl, t, "LAN2", &e), 0);
	assert_true(says("ip -4 -br addr show dev LAN2", "192.0.2.10/24 198.51.100.1/24 192.0.2.11/24"));
	assert_false(says("ip -br addr show dev LAN", "192.0.2"));
	assert_true(says("ip route", "default via 192.0.2.1 dev LAN2"));
	assert_int_equal(takeover_give_back(nl, t), 0);
	assert_true(says("ip -4 -br addr show dev eth0", "192.0.2.10/24 198.51.100.1/24 192.0.2.11/24"));
	assert_false(says("ip -br addr show dev LAN2; ip route show dev LAN2", "192.0.2"));
	takeover_free(t);
}

static void a_new_tap_gets_everything_again(void **state)
{
	struct takeover *t;
	struct err e = {0};
	dress_eth0();
	assert_int_equal(takeover_note(nl, "eth0", &t, &e), 0);
	snprintf(t->tap, sizeof(t->tap), "LAN");
	assert_int_equal(takeover_move(nl, t, &e), 0);
	run("ip link del LAN && ip tuntap add LAN mode tap && ip link set LAN up");
	assert_int_equal(takeover_replay(nl, t, &e), 0);
	assert_true(says("ip -4 -br addr show dev LAN", "192.0.2.10/24"));
	assert_true(says("ip route", "default via 192.0.2.1 dev LAN"));
	assert_int_equal(t->tap_ifindex, index_of("LAN"));
	takeover_free(t);
}

static void the_interface_stands_in_for_a_stopped_weftd(void **state)
{
	struct takeover *t, *n;
	struct err e = {0};
	dress_eth0();
	char *before = picture();
	assert_int_equal(takeover_note(nl, "eth0", &t, &e), 0);
	snprintf(t->tap, sizeof(t->tap), "LAN");
	assert_int_equal(takeover_move(nl, t, &e), 0);
	takeover_stand_in(nl, t);
	assert_same(strdup(before), picture());
	assert_true(says("ip -4 -br addr show dev LAN", "192.0.2.10/24")); /* stays */
	assert_false(says("ip route show dev LAN; ip -6 route show dev LAN", "via"));
	/* And the next weftd. */
	assert_int_equal(takeover_note(nl, "eth0", &n, &e), 0);
	assert_int_equal(takeover_replay(nl, t, &e), 0);
	takeover_strip(nl, n);
	assert_true(says("ip route", "default via 192.0.2.1 dev LAN"));
	assert_false(says("ip addr show dev eth0; ip route show dev eth0", "192.0.2"));
	assert_int_equal(takeover_give_back(nl, t), 0);
	assert_same(before, picture());
	takeover_free(n);
	takeover_free(t);
}

static void multipath_is_refused_and_nothing_changes(void **state)
{
	struct takeover *t;
	struct err e = {0};
	run("ip addr add 192.0.2.10/24 dev eth0 && ip addr add 198.51.100.1/24 dev LAN2");
	run("ip route add 10.0.0.0/8 nexthop via 192.0.2.1 nexthop via 198.51.100.9");
	char *before = picture();
	assert_int_equal(takeover_note(nl, "eth0", &t, &e), 0);
	assert_int_equal(takeover_check(t, &e), -EOPNOTSUPP);
	assert_non_null(strstr(e.text, "10.0.0.0/8"));
	assert_same(before, picture());
	takeover_free(t);
}

static void a_tap_that_is_missing_leaves_all_where_it_is(void **state)
{
	struct takeover *t;
	struct err e = {0};
	dress_eth0();
	assert_int_equal(takeover_note(nl, "eth0", &t, &e), 0);
	snprintf(t->tap, sizeof(t->tap), "nothere");
	char *before = picture();
	assert_int_equal(takeover_move(nl, t, &e), -ENODEV);
	assert_same(before, picture());
	takeover_free(t);
}

/* ---- DHCP ---------------------------------------------------------------------------------------------- */

static void clients_are_seen_and_ended(void **state)
{
	struct takeover *t;
	struct err e = {0};
	pid_t client;
	const char *const argv[] = {"udhcpc", "-f", "-C", "-i", "eth0", "-s", "/bin/true", NULL};
	assert_int_equal(process_start(argv, &client), 0);
	run("sleep 0.3; ip addr add 192.0.2.10/24 dev eth0");
	assert_int_equal(takeover_note(nl, "eth0", &t, &e), 0);
	assert_true(t->others.dhcp);
	assert_string_equal(t->others.client_id, "");
	assert_true(ip_equal(&t->others.dhcp_address, &(struct ip){.family = 2, .byte = {192, 0, 2, 10}}));
	assert_int_equal(json_array_size(t->others.clients), 1);
	others_stop_clients("LAN", false);
	assert_int_equal(waitpid(client, NULL, WNOHANG), 0); /* not on that one */
	others_stop_clients("eth0", false);
	assert_int_equal(waitpid(client, NULL, 0), client);
	takeover_free(t);
}

static struct lease got;

static void lease_came(struct dhcp_client *c, void *arg)
{
	if (dhcp_lease(c))
		got = *dhcp_lease(c);
	loop_stop();
}

static void give_up(void *arg) { loop_stop(); }

static void udhcpc_gets_the_address_it_asks_for(void **state)
{
	char dir[] = "/tmp/weft-hostnet-test-XXXXXX", command[1024];
	struct dhcp_options o = {.ifname = "eth0", .client_id = "", .wanted = ip("192.0.2.77")};
	assert_non_null(mkdtemp(dir));
	/* The server has the other end of eth0 in a namespace of its own, which goes with it. */
	snprintf(
		command, sizeof(command),
		"unshare -n sh -c 'echo $$ >%s/pid; until ip link show out >/dev/null 2>&1; do sleep 0.05; done; "
		"ip link set out up; ip addr add 192.0.2.1/24 dev out; exec dnsmasq -C /dev/null -d --port=0 --interface=out "
		"--bind-interfaces --dhcp-range=192.0.2.50,192.0.2.90,120 --dhcp-option=3,192.0.2.1 "
		"--dhcp-option=6,192.0.2.53 --dhcp-leasefile=%s/leases' >%s/log 2>&1 & sleep 0.3; "
		"ip link set out netns $(cat %s/pid)",
		dir, dir, dir, dir);
	run(command);
	assert_int_equal(loop_init(), 0);
	struct dhcp_client *c = dhcp_new(&o, dir, lease_came, NULL);
	assert_non_null(c);
	assert_null(dhcp_lease(c));
	assert_non_null(loop_add_timer(20000, 0, give_up, NULL));
	dhcp_start(c);
	assert_int_equal(loop_run(), 0);
	assert_true(ip_equal(&got.address.ip, &o.wanted));
	assert_int_equal(got.address.len, 24);
	assert_int_equal(got.n_routes, 1);
	assert_int_equal(got.n_dns, 1);
	assert_string_equal(dhcp_state(c), "bound");
	dhcp_free(c, false);

	/* As a restarted weftd: the lease is known before anybody asked. */
	o.wanted = (struct ip){0};
	c = dhcp_new(&o, dir, lease_came, NULL);
	assert_non_null(dhcp_lease(c));
	assert_true(ip_equal(&dhcp_lease(c)->address.ip, &got.address.ip));
	dhcp_free(c, true);
	loop_fini();
	snprintf(command, sizeof(command), "kill $(cat %s/pid); rm -r %s", dir, dir);
	run(command);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(addresses_are_set_once_and_removed),
		TEST(routes_are_set_once_and_removed),
		TEST(two_adapters_on_a_subnet_keep_apart),
		TEST(a_gateway_of_its_own_and_other_routes_hold),
		TEST(all_goes_over_and_comes_back),
		TEST(ipv6_that_silence_took_comes_back),
		TEST(a_renewed_lease_comes_back_renewed),
		TEST(another_adapter_can_carry_on),
		TEST(a_new_tap_gets_everything_again),
		TEST(the_interface_stands_in_for_a_stopped_weftd),
		TEST(multipath_is_refused_and_nothing_changes),
		TEST(a_tap_that_is_missing_leaves_all_where_it_is),
		TEST(clients_are_seen_and_ended),
		TEST(udhcpc_gets_the_address_it_asks_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
