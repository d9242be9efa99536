/* SPDX-License-Identifier: Apache-2.0 */
/* Packet sockets on veths, and the silence of the host's stack behind them, in namespaces of the test's own. Needs root. */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/control/netlink.h"
#include "core/runtime/drop.h"
#include "core/runtime/offload.h"
#include "core/runtime/test/port_rig.h"

static struct port_spec spec_of(const char *name)
{
	return (struct port_spec){
		.name = "wire:lab", .role = PORT_UPLINK, .kind = "interface", .target = name, .queues = 1};
}

/* up0 here, its peer out0 in namespace "outside" with an address; up0 has one too and would answer. */
static int wire(void **state)
{
	port_rig_run("ip netns add outside && ip link add up0 type veth peer name out0 netns outside"
		     " && ip address add 192.0.2.1/24 dev up0 && ip link set up0 up"
		     " && ip -n outside address add 192.0.2.2/24 dev out0 && ip -n outside link set out0 up");
	return 0;
}

static int unwire(void **state)
{
	(void)!system("ip link del up0 2>/dev/null; ip link del br0 2>/dev/null; ip netns del outside");
	return 0;
}

static void both_ways(struct port *p, uint32_t len)
{
	static uint8_t out[70000], in[70000];
	struct virtio_net_hdr h = {0};
	int peer = port_rig_peer("outside", "out0");
	assert_null(port_rig_send(p, out, port_rig_probe(out, len)));
	assert_int_equal(port_rig_peer_receive(peer, PORT_RIG_PROBE, &h, in, sizeof(in)), len);
	assert_memory_equal(in, out, len);
	h = (struct virtio_net_hdr){0};
	struct frame *f = NULL;
	for (int i = 0; i < 5 && !f; i++) { /* a link that has just come up may lose frames for a second: linkwatch */
		port_rig_peer_send(peer, &h, out, len);
		f = port_rig_receive(p, PORT_RIG_PROBE);
	}
	assert_non_null(f);
	assert_int_equal(frame_len(f), len);
	assert_true(frame_read(f, 0, in, len));
	assert_memory_equal(in, out, len);
	frame_free(f);
	close(peer);
}

/* Does the host's stack answer who has 192.0.2.1? */
static bool host_answers(void)
{
	static const uint8_t request[] = {0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0x15, 0x5d, 0, 0,
					  1,	192,  0, 2, 2, 0, 0, 0, 0, 0, 0, 192,  0,    2, 1};
	struct virtio_net_hdr h = {0};
	uint8_t frame[60];
	bool answer = false;
	int peer = port_rig_peer("outside", "out0");
	struct timeval timeout = {.tv_usec = 200000};
	assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)), 0);
	port_rig_probe(frame, sizeof(frame));
	memcpy(frame + 12, request, sizeof(request));
	port_rig_peer_send(peer, &h, frame, sizeof(frame));
	while (!answer && port_rig_peer_receive(peer, 0x0806, &h, frame, sizeof(frame)))
		answer = frame[21] == 2;
	close(peer);
	return answer;
}

static uint32_t mtu_of(const char *name)
{
	struct netlink *nl;
	struct netlink_link link;
	assert_int_equal(netlink_open(-1, &nl), 0);
	assert_int_equal(netlink_link_get(nl, name, &link), 0);
	netlink_close(nl);
	return link.mtu;
}

static void frames_pass_and_the_stack_is_silent(void **state)
{
	struct port_spec spec = spec_of("up0");
	assert_true(host_answers());
	struct port *p = port_rig_open(&spec);
	assert_int_equal(p->mtu, 1500);
	both_ways(p, 60);
	both_ways(p, 1514);
	assert_string_equal(port_rig_status(p, "link"), "up");
	assert_string_equal(port_rig_status(p, "speed"), "10Gbit");
	assert_string_equal(port_rig_status(p, "kernel-drops"), "0");
	assert_false(host_answers());
	port_rig_run("grep -q 1 /proc/sys/net/ipv6/conf/up0/disable_ipv6");

	p->ops->close(p, false);
	assert_false(host_answers()); /* weftd is away: still not the host's */
	p = port_rig_open(&spec);
	both_ways(p, 60);
	p->ops->close(p, true);
	assert_true(host_answers());
	port_rig_run("grep -q 0 /proc/sys/net/ipv6/conf/up0/disable_ipv6");
	port_rig_run("test -z \"$(tc qdisc show dev up0 clsact)\"");
}

static void what_leaves_does_not_come_in(void **state)
{
	struct port_spec spec = spec_of("up0");
	struct port *p = port_rig_open(&spec);
	int host = port_rig_peer(NULL, "up0"); /* the host itself sends there too */
	struct virtio_net_hdr h = {0};
	uint8_t frame[60];
	struct frame *f;
	assert_null(port_rig_send(p, frame, port_rig_probe(frame, sizeof(frame))));
	port_rig_peer_send(host, &h, frame, sizeof(frame));
	usleep(20000);
	while (p->ops->rx(&p->queue[0], &f, 1)) {
		assert_false(frame_data(f)[12] == PORT_RIG_PROBE >> 8 &&
			     frame_data(f)[13] == (PORT_RIG_PROBE & 0xff));
		frame_free(f);
	}
	close(host);
	p->ops->close(p, true);
}

static void vlan_tags_are_restored(void **state)
{
	static const uint8_t tags[][8] = {{0x81, 0x00, 0x60, 0x05}, {0x88, 0xa8, 0xe0, 0x07, 0x81, 0x00, 0x00, 0x05}};
	static uint8_t frame[70000], in[70000];
	struct port_spec spec = spec_of("up0");
	struct port *p = port_rig_open(&spec);
	int peer = port_rig_peer("outside", "out0");
	struct virtio_net_hdr h;
	for (unsigned i = 0; i < 2; i++) {
		uint16_t tag_len = i ? 8 : 4, outer = i ? 0x88a8 : 0x8100;
		port_rig_probe(frame, 100);
		memcpy(frame + 12, tags[i], tag_len);
		h = (struct virtio_net_hdr){0};
		port_rig_peer_send(peer, &h, frame, 100);
		struct frame *f = port_rig_receive(p, outer);
		assert_non_null(f);
		assert_int_equal(frame_len(f), 100);
		assert_memory_equal(frame_data(f), frame, 100);
		/* And out again: the peer's packet socket tells of the tag beside the frame, so look for what is behind it. */
		assert_int_equal(p->ops->tx(&p->queue[0], &f, 1), 1);
		assert_int_equal(port_rig_peer_receive(peer, i ? 0x8100 : (uint16_t)(frame[16] << 8 | frame[17]), &h,
						       in, sizeof(in)),
				 96);
		assert_memory_equal(in + 12, frame + 16, 84);
	}
	uint32_t len = port_rig_tcp_segment(frame, tags[0], 4, 20000, &h);
	port_rig_peer_send(peer, &h, frame, len);
	struct frame *f = port_rig_receive(p, 0x8100);
	assert_non_null(f);
	assert_int_equal(frame_len(f), len);
	assert_true(f->m.ol_flags & FRAME_OFFLOAD);
	assert_int_equal(f->offload.csum_start, 38);
	assert_int_equal(f->offload.gso_size, 1460);
	assert_true(frame_read(f, 0, in, len));
	assert_memory_equal(in, frame, len);
	assert_int_equal(p->ops->tx(&p->queue[0], &f, 1), 1);
	assert_int_equal(port_rig_peer_receive(peer, 0x0800, &h, in, sizeof(in)), len - 4);
	assert_int_equal(h.gso_size, 1460);
	assert_memory_equal(in + 54, frame + 58, 20000);
	close(peer);
	p->ops->close(p, true);
}

static void segment_stays_whole(void **state)
{
	static uint8_t frame[70000], in[70000];
	struct port_spec spec = spec_of("up0");
	struct port *p = port_rig_open(&spec);
	int peer = port_rig_peer("outside", "out0");
	struct virtio_net_hdr h, got;
	uint32_t len = port_rig_tcp_segment(frame, "", 0, 65000, &h);
	port_rig_peer_send(peer, &h, frame, len);
	struct frame *f = port_rig_receive(p, 0x0800);
	assert_non_null(f);
	assert_int_equal(frame_len(f), len);
	assert_int_equal(f->offload.gso, FRAME_GSO_TCP4);
	assert_true(frame_read(f, 0, in, len));
	assert_memory_equal(in, frame, len);
	assert_int_equal(p->ops->tx(&p->queue[0], &f, 1), 1);
	assert_int_equal(port_rig_peer_receive(peer, 0x0800, &got, in, sizeof(in)), len);
	assert_memory_equal(in, frame, len);
	assert_int_equal(got.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	close(peer);
	p->ops->close(p, true);
}

/* Segments for a device that does not segment: the kernel does, which it would not behind PACKET_QDISC_BYPASS. */
static void segments_for_a_simple_device(void **state)
{
	static uint8_t frame[70000], in[70000];
	struct port_spec spec = spec_of("up0");
	struct port *p = port_rig_open(&spec);
	struct ethtool_value no_tso = {.cmd = ETHTOOL_STSO, .data = 0};
	struct ifreq ifr = {.ifr_name = "up0", .ifr_data = (void *)&no_tso};
	assert_int_equal(ioctl(p->queue[0].fd, SIOCETHTOOL, &ifr), 0);
	int peer = port_rig_peer("outside", "out0");
	struct virtio_net_hdr h;
	struct frame *f = port_rig_frame(frame, port_rig_tcp_segment(frame, "", 0, 20000, &h));
	assert_int_equal(offload_from_virtio(f, &h), 0);
	assert_int_equal(p->ops->tx(&p->queue[0], &f, 1), 1);
	for (uint32_t payload = 0; payload < 20000;) {
		uint32_t len = port_rig_peer_receive(peer, 0x0800, &h, in, sizeof(in));
		assert_in_range(len, 55, 1514);
		assert_memory_equal(in + 54, frame + 54 + payload, len - 54);
		payload += len - 54;
	}
	close(peer);
	p->ops->close(p, true);
}

static void many_frames_keep_their_order(void **state)
{
	struct port_spec spec = spec_of("up0");
	struct port *p = port_rig_open(&spec);
	int peer = port_rig_peer("outside", "out0");
	struct virtio_net_hdr h = {0};
	uint8_t frame[60];
	struct frame *frames[PORT_BURST];
	port_rig_probe(frame, sizeof(frame));
	for (unsigned i = 0; i < 200; i++) {
		frame[14] = (uint8_t)i;
		port_rig_peer_send(peer, &h, frame, sizeof(frame));
	}
	unsigned next = 0;
	for (unsigned calls = 0; next < 200 && calls < 400; calls++) {
		uint16_t n = p->ops->rx(&p->queue[0], frames, PORT_BURST);
		for (uint16_t i = 0; i < n; i++) {
			if (frame_data(frames[i])[12] == PORT_RIG_PROBE >> 8)
				assert_int_equal(frame_data(frames[i])[14], next++);
			frame_free(frames[i]);
		}
	}
	assert_int_equal(next, 200);

	/* 64 at once, one of them longer than the interface takes. */
	static uint8_t giant[3000];
	struct frame *burst[64];
	for (unsigned i = 0; i < 64; i++) {
		frame[14] = (uint8_t)i;
		burst[i] = i == 40 ? port_rig_frame(giant, port_rig_probe(giant, sizeof(giant)))
				   : port_rig_frame(frame, sizeof(frame));
	}
	struct frame *too_long = burst[40];
	assert_int_equal(p->ops->tx(&p->queue[0], burst, 64), 63);
	assert_ptr_equal(burst[63], too_long);
	assert_string_equal(p->queue[0].tx_drop->name, "packet-refused");
	frame_free(too_long);
	for (unsigned i = 0; i < 64; i++) {
		if (i == 40)
			continue;
		assert_int_equal(port_rig_peer_receive(peer, PORT_RIG_PROBE, &h, frame, sizeof(frame)),
				 sizeof(frame));
		assert_int_equal(frame[14], i);
	}
	close(peer);
	p->ops->close(p, true);
}

static void mtu_is_raised_and_given_back(void **state)
{
	struct port_spec spec = spec_of("up0");
	spec.mtu = 1400;
	struct port *p = port_rig_open(&spec);
	assert_int_equal(mtu_of("up0"), 1500); /* never below its own */
	assert_int_equal(p->mtu, 1500);
	spec.mtu = 9000;
	assert_int_equal(p->ops->configure(p, &spec, NULL), 0);
	assert_int_equal(mtu_of("up0"), 9000);
	assert_int_equal(p->mtu, 9000);
	p->ops->close(p, false);
	spec.mtu = 0;
	p = port_rig_open(&spec);
	assert_int_equal(p->mtu, 1500); /* its own is remembered by the interface itself */
	spec.mtu = 100000;
	assert_int_not_equal(p->ops->configure(p, &spec, NULL), 0);
	assert_int_equal(mtu_of("up0"), 1500);
	spec.mtu = 4000;
	assert_int_equal(p->ops->configure(p, &spec, NULL), 0);
	p->ops->close(p, true);
	assert_int_equal(mtu_of("up0"), 1500);
	port_rig_run("ip link set up0 down");
	p = port_rig_open(&spec);
	p->ops->close(p, true);
	port_rig_run("ip -o link show up0 | grep -q 'state DOWN'");
}

static void what_cannot_be_a_port_is_refused(void **state)
{
	struct port_spec spec = spec_of("eth99");
	port_rig_refused(&spec, -ENODEV, "no interface eth99");
	spec = spec_of("lo");
	port_rig_refused(&spec, -EINVAL, "not an Ethernet");
	spec = spec_of("a-name-of-sixteen");
	port_rig_refused(&spec, -EINVAL, "1 to 15");
	port_rig_run("ip link add br0 type bridge && ip link set up0 master br0");
	spec = spec_of("up0");
	port_rig_refused(&spec, -EBUSY, "belongs to br0");
	port_rig_run("ip link set up0 nomaster");
	spec.mtu = 100000;
	port_rig_refused(&spec, -EINVAL, "MTU 100000");
	assert_true(host_answers());
	port_rig_run("test -z \"$(tc qdisc show dev up0 clsact)\"");
}

static void interface_goes_and_comes(void **state)
{
	uint8_t frame[60];
	struct port_spec spec = spec_of("up0");
	struct port *p = port_rig_open(&spec);
	port_rig_run("ip link set up0 down");
	assert_string_equal(port_rig_send(p, frame, port_rig_probe(frame, sizeof(frame))), "interface-down");
	assert_string_equal(port_rig_status(p, "link"), "down");
	port_rig_run("ip link set up0 up");
	both_ways(p, 60);
	port_rig_run("ip link del up0");
	assert_string_equal(port_rig_send(p, frame, port_rig_probe(frame, sizeof(frame))), "interface-down");
	p->ops->tick(p);
	assert_string_equal(port_rig_status(p, "waiting-for"), "interface up0");
	p->ops->tick(p);
	port_rig_run("ip netns del outside");
	wire(NULL);
	p->ops->tick(p);
	assert_null(port_rig_status(p, "waiting-for"));
	both_ways(p, 60);
	assert_false(host_answers());
	p->ops->close(p, true);
}

static void interface_is_waited_for_at_restart(void **state)
{
	struct port_spec spec = spec_of("up1");
	spec.restarting = true;
	struct port *p = port_rig_open(&spec);
	assert_string_equal(port_rig_status(p, "waiting-for"), "interface up1");
	assert_false(p->queue[0].enabled);
	port_rig_run("ip link set up0 down && ip link set up0 name up1");
	p->ops->tick(p);
	assert_null(port_rig_status(p, "waiting-for"));
	assert_true(p->queue[0].enabled);
	both_ways(p, 60);
	p->ops->close(p, true);
	port_rig_run("ip link del up1");
}

static void successor_keeps_the_silence(void **state)
{
	struct port_spec spec = spec_of("up0");
	struct port *old = port_rig_open(&spec);
	spec.name = "wire:other";
	struct port *p = port_rig_open(&spec);
	old->ops->close(old, true);
	assert_false(host_answers());
	both_ways(p, 60);
	/* One that was opened and never placed, as in a change that another module refused. */
	struct port *aborted;
	assert_int_equal(p->ops->open(&spec, &aborted, NULL), 0);
	p->ops->close(aborted, true);
	assert_false(host_answers());
	p->ops->close(p, true);
	assert_true(host_answers());
}

static void others_filters_stay(void **state)
{
	struct port_spec spec = spec_of("up0");
	port_rig_run(
		"tc qdisc add dev up0 clsact && tc filter add dev up0 egress pref 7 protocol all u32 match u32 0 0");
	struct port *p = port_rig_open(&spec);
	assert_false(host_answers());
	p->ops->close(p, true);
	assert_true(host_answers());
	port_rig_run("tc filter show dev up0 egress | grep -q 'pref 7'");
}

static void lost_in_the_kernel_is_told(void **state)
{
	struct port_spec spec = spec_of("up0");
	struct port *p = port_rig_open(&spec);
	int small = 4096;
	uint8_t frame[60];
	struct virtio_net_hdr h = {0};
	int peer = port_rig_peer("outside", "out0");
	assert_int_equal(setsockopt(p->queue[0].fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	for (int i = 0; i < 100; i++)
		port_rig_peer_send(peer, &h, frame, port_rig_probe(frame, sizeof(frame)));
	const char *drops = port_rig_status(p, "kernel-drops");
	assert_true(atoi(drops) > 50);
	char before[32];
	snprintf(before, sizeof(before), "%s", drops);
	assert_string_equal(port_rig_status(p, "kernel-drops"), before);
	close(peer);
	p->ops->close(p, true);
}

static int start(void **state)
{
	int rc = port_rig_start(true);
	return rc ? rc : port_rig_isolate();
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, wire, unwire)
	const struct CMUnitTest tests[] = {
		TEST(frames_pass_and_the_stack_is_silent),
		TEST(what_leaves_does_not_come_in),
		TEST(vlan_tags_are_restored),
		TEST(segment_stays_whole),
		TEST(segments_for_a_simple_device),
		TEST(many_frames_keep_their_order),
		TEST(mtu_is_raised_and_given_back),
		TEST(what_cannot_be_a_port_is_refused),
		TEST(interface_goes_and_comes),
		TEST(interface_is_waited_for_at_restart),
		TEST(successor_keeps_the_silence),
		TEST(others_filters_stay),
		TEST(lost_in_the_kernel_is_told),
		cmocka_unit_test(port_rig_nothing_left),
	};
	return cmocka_run_group_tests_name("port-wire interface", tests, start, NULL);
}
