/* SPDX-License-Identifier: Apache-2.0 */
/* Taps on a real kernel, in namespaces of the test's own. Needs root. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/control/netlink.h"
#include "core/runtime/drop.h"
#include "core/runtime/test/port_rig.h"

static const struct mac tap_mac = {{0x02, 0x15, 0x5d, 0, 0, 1}};

static struct port_spec spec_of(const char *name, const char *netns)
{
	return (struct port_spec){.name = "vm1",
				  .role = PORT_GUEST,
				  .kind = "tap",
				  .target = name,
				  .netns = netns,
				  .queues = 1,
				  .mac = tap_mac,
				  .mtu = 1500};
}

static int find_link(const char *netns, const char *name, struct netlink_link *ret_link)
{
	struct netlink *nl;
	int home = netns ? port_rig_netns(netns) : -1;
	assert_int_equal(netlink_open(home, &nl), 0);
	int rc = netlink_link_get(nl, name, ret_link);
	netlink_close(nl);
	if (home >= 0)
		close(home);
	return rc;
}

static void ping_both_ways(struct port *p, const char *netns, const char *name, uint32_t len)
{
	static uint8_t out[70000], in[70000];
	struct virtio_net_hdr h = {0};
	int peer = port_rig_peer(netns, name);
	assert_null(port_rig_send(p, out, port_rig_probe(out, len)));
	assert_int_equal(port_rig_peer_receive(peer, PORT_RIG_PROBE, &h, in, sizeof(in)), len);
	assert_memory_equal(in, out, len);

	h = (struct virtio_net_hdr){0};
	port_rig_peer_send(peer, &h, out, len);
	struct frame *f = port_rig_receive(p, PORT_RIG_PROBE);
	assert_non_null(f);
	assert_int_equal(frame_len(f), len);
	assert_true(frame_read(f, 0, in, len));
	assert_memory_equal(in, out, len);
	frame_free(f);
	close(peer);
}

static void placed_with_mac_mtu_and_alias(void **state)
{
	port_rig_run("ip netns add blue");
	struct port_spec spec = spec_of("t1", "blue");
	spec.mtu = 9000;
	struct port *p = port_rig_open(&spec);
	struct netlink_link link;
	assert_int_equal(find_link("blue", "t1", &link), 0);
	assert_memory_equal(&link.mac, &tap_mac, 6);
	assert_int_equal(link.mtu, 9000);
	assert_string_equal(link.alias, "weft:vm1");
	assert_true(link.flags & IFF_UP);
	assert_true(link.carrier);
	assert_string_equal(port_rig_status(p, "link"), "up");
	assert_int_equal(find_link(NULL, "t1", &link), -ENODEV);
	ping_both_ways(p, "blue", "t1", 60);
	ping_both_ways(p, "blue", "t1", 9014);

	spec.mtu = 1400;
	spec.mac.byte[5] = 9;
	assert_int_equal(p->ops->configure(p, &spec, NULL), 0);
	assert_int_equal(find_link("blue", "t1", &link), 0);
	assert_memory_equal(&link.mac, &spec.mac, 6);
	assert_int_equal(link.mtu, 1400);

	p->ops->close(p, true);
	assert_int_equal(find_link("blue", "t1", &link), -ENODEV);
	port_rig_run("ip netns del blue");
}

static void vlan_tag_stays_in_the_frame(void **state)
{
	struct port_spec spec = spec_of("t1", NULL);
	struct port *p = port_rig_open(&spec);
	uint8_t frame[100];
	struct virtio_net_hdr h = {0};
	int peer = port_rig_peer(NULL, "t1");
	port_rig_probe(frame, sizeof(frame));
	memcpy(frame + 12, (uint8_t[]){0x81, 0x00, 0x60, 0x05, 0x88, 0xb5}, 6);
	port_rig_peer_send(peer, &h, frame, sizeof(frame));
	struct frame *f = port_rig_receive(p, 0x8100);
	assert_non_null(f);
	assert_int_equal(frame_len(f), sizeof(frame));
	assert_memory_equal(frame_data(f), frame, sizeof(frame));
	frame_free(f);
	close(peer);
	p->ops->close(p, true);
}

static void segment_stays_whole(void **state)
{
	static uint8_t frame[70000], in[70000];
	struct port_spec spec = spec_of("t1", NULL);
	struct port *p = port_rig_open(&spec);
	assert_int_equal(p->capabilities & (PORT_CAN_CSUM | PORT_CAN_TSO4 | PORT_CAN_TSO6 | PORT_CAN_ECN),
			 PORT_CAN_CSUM | PORT_CAN_TSO4 | PORT_CAN_TSO6 | PORT_CAN_ECN);
	int peer = port_rig_peer(NULL, "t1");
	struct virtio_net_hdr h, got;
	uint32_t len = port_rig_tcp_segment(frame, "", 0, 65000, &h);
	port_rig_peer_send(peer, &h, frame, len);
	struct frame *f = port_rig_receive(p, 0x0800);
	assert_non_null(f);
	assert_int_equal(frame_len(f), len);
	assert_true(f->m.ol_flags & FRAME_OFFLOAD);
	assert_int_equal(f->offload.gso, FRAME_GSO_TCP4);
	assert_int_equal(f->offload.gso_size, 1460);
	assert_true(frame_read(f, 0, in, len));
	assert_memory_equal(in, frame, len);

	/* And back the way it came. */
	assert_int_equal(p->ops->tx(&p->queue[0], &f, 1), 1);
	assert_int_equal(port_rig_peer_receive(peer, 0x0800, &got, in, sizeof(in)), len);
	assert_memory_equal(in, frame, len);
	assert_int_equal(got.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	assert_int_equal(got.gso_size, 1460);
	close(peer);
	p->ops->close(p, true);
}

static void taken_up_with_its_addresses(void **state)
{
	struct netlink_link before, after;
	port_rig_run("ip netns add blue");
	struct port_spec spec = spec_of("t1", "blue");
	struct port *p = port_rig_open(&spec);
	port_rig_run("ip -n blue address add 192.0.2.7/24 dev t1 && ip -n blue route add default via 192.0.2.1");
	assert_int_equal(find_link("blue", "t1", &before), 0);
	port_rig_refused(&spec, -EBUSY, "in use");
	p->ops->close(p, false);

	assert_int_equal(find_link("blue", "t1", &after), 0);
	assert_int_equal(after.index, before.index);
	assert_false(after.carrier);
	p = port_rig_open(&spec);
	assert_int_equal(find_link("blue", "t1", &after), 0);
	assert_int_equal(after.index, before.index);
	assert_true(after.carrier);
	port_rig_run("ip -n blue address show dev t1 | grep -q 192.0.2.7/24");
	port_rig_run("ip -n blue route show default | grep -q 192.0.2.1");
	ping_both_ways(p, "blue", "t1", 1514);

	/* Our descriptor itself keeps the namespace alive; it must not after the name is gone. */
	port_rig_run("ip netns del blue");
	p->ops->tick(p);
	assert_string_equal(port_rig_status(p, "waiting-for"), "network namespace blue");
	assert_false(p->queue[0].enabled);
	p->ops->close(p, true);
}

static void another_adapters_leftover_is_refused(void **state)
{
	struct port_spec spec = spec_of("t1", NULL);
	struct port *p = port_rig_open(&spec);
	p->ops->close(p, false);
	spec.name = "vm2";
	port_rig_refused(&spec, -EEXIST, "adapter vm1");
	spec.name = "vm1";
	p = port_rig_open(&spec);
	p->ops->close(p, true);
}

static void strangers_are_refused(void **state)
{
	struct port_spec spec = spec_of("t1", NULL);
	port_rig_run("ip tuntap add dev t1 mode tap");
	port_rig_refused(&spec, -EEXIST, "somebody else");
	port_rig_run("ip link del t1 && ip link add t1 type veth peer name t1peer");
	port_rig_refused(&spec, -EEXIST, "not a tap");
	port_rig_run("ip link del t1");
	spec = spec_of("a-name-of-sixteen", NULL);
	port_rig_refused(&spec, -EINVAL, "1 to 15");
	spec = spec_of("a/b", NULL);
	port_rig_refused(&spec, -EINVAL, "name of a Linux interface");
	spec = spec_of("t1", "nowhere");
	port_rig_refused(&spec, -ENOENT, "ip netns add nowhere");
	port_rig_run("test $(ip -o link | wc -l) = 1"); /* lo alone: nothing was left behind */
}

static void name_taken_after_open_leaves_nothing(void **state)
{
	struct port *p;
	port_rig_run("ip netns add blue");
	struct port_spec spec = spec_of("t1", "blue");
	assert_int_equal(port_driver_find("tap")->open(&spec, &p, NULL), 0);
	port_rig_run("ip -n blue link add t1 type veth peer name t1peer");
	assert_int_equal(p->ops->place(p, NULL), -EEXIST);
	p->ops->close(p, true);
	port_rig_run("test $(ip -o link | wc -l) = 1 && test $(ip -n blue -o link | wc -l) = 3");
	port_rig_run("ip netns del blue");
}

static void namespace_is_waited_for_at_restart(void **state)
{
	struct port_spec spec = spec_of("t1", "later");
	spec.restarting = true;
	struct port *p = port_rig_open(&spec);
	assert_string_equal(port_rig_status(p, "waiting-for"), "network namespace later");
	assert_string_equal(port_rig_status(p, "link"), "down");
	uint8_t frame[60];
	assert_string_equal(port_rig_send(p, frame, port_rig_probe(frame, sizeof(frame))), "tap-down");
	p->ops->tick(p);
	assert_non_null(port_rig_status(p, "waiting-for"));
	port_rig_run("ip netns add later");
	p->ops->tick(p);
	assert_null(port_rig_status(p, "waiting-for"));
	ping_both_ways(p, "later", "t1", 60);
	p->ops->close(p, true);
	port_rig_run("ip netns del later");
}

static void namespace_goes_and_comes(void **state)
{
	port_rig_run("ip netns add blue");
	struct port_spec spec = spec_of("t1", "blue");
	struct port *p = port_rig_open(&spec);
	struct pollfd fd = {.fd = p->queue[0].fd, .events = POLLIN};
	port_rig_run("ip netns del blue"); /* it lives on by our descriptor until the tick */
	p->ops->tick(p);
	assert_false(p->queue[0].enabled);
	assert_int_equal(poll(&fd, 1, 0), 0);
	assert_string_equal(port_rig_status(p, "waiting-for"), "network namespace blue");
	port_rig_run("ip netns add blue");
	p->ops->tick(p);
	ping_both_ways(p, "blue", "t1", 60);
	p->ops->close(p, true);
	port_rig_run("ip netns del blue");
}

static void deleted_tap_is_made_again(void **state)
{
	struct port_spec spec = spec_of("t1", NULL);
	struct port *p = port_rig_open(&spec);
	struct frame *f;
	port_rig_run("ip link del t1");
	while (p->ops->rx(&p->queue[0], &f, 1))
		frame_free(f);
	assert_false(p->queue[0].enabled);
	p->ops->tick(p);
	p->ops->tick(p);
	ping_both_ways(p, NULL, "t1", 60);
	p->ops->close(p, true);
}

static void link_down_is_named(void **state)
{
	struct port_spec spec = spec_of("t1", NULL);
	struct port *p = port_rig_open(&spec);
	uint8_t frame[60];
	port_rig_run("ip link set t1 down");
	assert_string_equal(port_rig_send(p, frame, port_rig_probe(frame, sizeof(frame))), "tap-down");
	assert_string_equal(port_rig_status(p, "link"), "down");
	p->ops->close(p, true);
}

static void one_bad_frame_costs_only_itself(void **state)
{
	struct port_spec spec = spec_of("t1", NULL);
	struct port *p = port_rig_open(&spec);
	uint8_t frame[60];
	struct frame *frames[3];
	int peer = port_rig_peer(NULL, "t1");
	struct virtio_net_hdr h;
	port_rig_probe(frame, sizeof(frame));
	frames[0] = port_rig_frame(frame, sizeof(frame));
	struct frame *runt = frames[1] = port_rig_frame(frame, 6);
	frames[2] = port_rig_frame(frame, sizeof(frame));
	assert_int_equal(p->ops->tx(&p->queue[0], frames, 3), 2);
	assert_ptr_equal(frames[2], runt);
	assert_string_equal(p->queue[0].tx_drop->name, "tap-refused");
	frame_free(runt);
	for (int i = 0; i < 2; i++)
		assert_int_equal(port_rig_peer_receive(peer, PORT_RIG_PROBE, &h, frame, sizeof(frame)),
				 sizeof(frame));
	close(peer);
	p->ops->close(p, true);
}

static void several_queues(void **state)
{
	struct netlink_link link;
	struct port_spec spec = spec_of("t1", NULL);
	spec.queues = 4;
	struct port *p = port_rig_open(&spec);
	assert_int_equal(p->n_queues, 4);
	assert_int_equal(find_link(NULL, "t1", &link), 0);
	assert_int_equal(link.tun_queues, 4);
	port_rig_refused(&spec, -EBUSY, "in use"); /* a fifth queue would be let in by the kernel */
	spec.queues = 1;
	assert_int_equal(p->ops->configure(p, &spec, NULL), -EOPNOTSUPP);
	p->ops->close(p, false);
	p = port_rig_open(&spec); /* taken up as what it is */
	assert_int_equal(p->n_queues, 1);
	p->ops->close(p, true);
	p = port_rig_open(&spec);
	p->ops->close(p, false);
	spec.queues = 4;
	p = port_rig_open(&spec); /* and again: a tap of one queue cannot have more */
	assert_int_equal(p->n_queues, 1);
	spec.mtu = 1400;
	assert_int_equal(p->ops->configure(p, &spec, NULL), 0);
	p->ops->close(p, true);
	assert_int_equal(find_link(NULL, "t1", &link), -ENODEV);
}

#define GOING 9

/* All of a host's taps that go together; and whatever else is there, however like them it looks, stays. */
static void many_go_at_once(void **state)
{
	struct port *going[GOING], *staying;
	struct netlink_link link;
	char name[16], adapter[16];
	port_rig_run("ip netns add blue");
	for (int i = 0; i < GOING; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		snprintf(adapter, sizeof(adapter), "vm%d", i);
		struct port_spec spec = spec_of(name, i % 3 ? "blue" : NULL);
		spec.name = adapter;
		spec.queues = i == 1 ? 2 : 1;
		going[i] = port_rig_open(&spec);
	}
	struct port_spec spec = spec_of("stays", "blue");
	staying = port_rig_open(&spec);
	port_rig_run("ip -n blue tuntap add dev other mode tap && ip -n blue link set other group 5");
	/* Somebody renamed one and gave its name to another tap, and disowned a second. */
	port_rig_run("ip -n blue link set t2 down name mine && ip -n blue tuntap add dev t2 mode tap");
	port_rig_run("ip -n blue link set t4 alias somebody");

	going[0]->ops->remove_many(going, GOING);
	assert_int_equal(find_link("blue", "t1", &link), -ENODEV);
	assert_int_equal(find_link("blue", "t8", &link), -ENODEV);
	assert_int_equal(find_link(NULL, "t6", &link), 0); /* the few in weft's own namespace are left to close */
	assert_int_equal(find_link("blue", "t4", &link), 0);
	for (int i = 0; i < GOING; i++)
		going[i]->ops->close(going[i], true);
	assert_int_equal(find_link("blue", "mine", &link), -ENODEV);
	assert_int_equal(find_link("blue", "t4", &link), -ENODEV);
	assert_int_equal(find_link("blue", "t2", &link), 0);
	assert_int_equal(find_link("blue", "stays", &link), 0);
	assert_int_equal(find_link("blue", "other", &link), 0);
	port_rig_run("test $(ip -o link | wc -l) = 1 && test $(ip -n blue -o link | wc -l) = 4");
	staying->ops->close(staying, true);
	port_rig_run("ip netns del blue");
}

/* The namespace was deleted and made anew between the two steps: what is there now is not ours. */
static void namespace_made_anew_is_left_alone(void **state)
{
	struct port *p;
	struct netlink_link link;
	port_rig_run("ip netns add blue");
	struct port_spec spec = spec_of("t1", "blue");
	assert_int_equal(port_driver_find("tap")->open(&spec, &p, NULL), 0);
	port_rig_run("ip netns del blue && ip netns add blue && ip -n blue tuntap add dev t1 mode tap");
	assert_int_equal(p->ops->place(p, NULL), -ENOENT);
	p->ops->close(p, true);
	assert_int_equal(find_link("blue", "t1", &link), 0);
	assert_string_equal(link.alias, "");
	port_rig_run("ip netns del blue");
}

/* A thousand ports that have all received something must not keep the frames that the others need. */
static void received_frames_are_all_that_is_kept(void **state)
{
	struct port_spec spec = spec_of("t1", NULL);
	struct port *p = port_rig_open(&spec);
	struct frame *f;
	while (p->ops->rx(&p->queue[0], &f, 1))
		frame_free(f);
	assert_int_equal(rte_mempool_in_use_count(port_pools()->big), 0);
	assert_int_equal(rte_mempool_in_use_count(port_pools()->small), 0);
	p->ops->close(p, true);
}

static int start(void **state)
{
	int rc = port_rig_start(false);
	return rc ? rc : port_rig_isolate();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(placed_with_mac_mtu_and_alias),
		cmocka_unit_test(vlan_tag_stays_in_the_frame),
		cmocka_unit_test(segment_stays_whole),
		cmocka_unit_test(taken_up_with_its_addresses),
		cmocka_unit_test(another_adapters_leftover_is_refused),
		cmocka_unit_test(strangers_are_refused),
		cmocka_unit_test(name_taken_after_open_leaves_nothing),
		cmocka_unit_test(namespace_is_waited_for_at_restart),
		cmocka_unit_test(namespace_goes_and_comes),
		cmocka_unit_test(deleted_tap_is_made_again),
		cmocka_unit_test(link_down_is_named),
		cmocka_unit_test(one_bad_frame_costs_only_itself),
		cmocka_unit_test(several_queues),
		cmocka_unit_test(many_go_at_once),
		cmocka_unit_test(namespace_made_anew_is_left_alone),
		cmocka_unit_test(received_frames_are_all_that_is_kept),
		cmocka_unit_test(port_rig_nothing_left),
	};
	return cmocka_run_group_tests_name("port-tap", tests, start, NULL);
}
