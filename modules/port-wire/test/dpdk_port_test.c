/* SPDX-License-Identifier: Apache-2.0 */
/* DPDK devices that need no hardware: a ring that gives back what it is sent, capture files, a null device. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <pcap/pcap.h>
#include <rte_dev.h>
#include <rte_ip.h>

#include "core/runtime/drop.h"
#include "core/runtime/offload.h"
#include "core/runtime/test/port_rig.h"
#include "modules/port-wire/control/dpdk.h"

static struct port_spec spec_of(const char *args)
{
	return (struct port_spec){
		.name = "wire:lab", .role = PORT_UPLINK, .kind = "dpdk", .target = args, .queues = 1};
}

static void frames_come_back_from_a_ring(void **state)
{
	static uint8_t frame[9000];
	struct port_spec spec = spec_of("net_ring0");
	struct port *p = port_rig_open(&spec);
	assert_string_equal(port_rig_status(p, "link"), "up");
	assert_int_equal(p->capabilities, 0);
	static const uint32_t lengths[] = {60, 1514, 2048};
	for (unsigned i = 0; i < 3; i++) {
		assert_null(port_rig_send(p, frame, port_rig_probe(frame, lengths[i])));
		struct frame *f = port_rig_receive(p, PORT_RIG_PROBE);
		assert_non_null(f);
		assert_int_equal(frame_len(f), lengths[i]);
		assert_memory_equal(frame_data(f), frame, lengths[i]);
		frame_free(f);
	}
	port_rig_refused(&spec, -EBUSY, "in use");
	assert_null(port_rig_send(p, frame, port_rig_probe(frame, 60))); /* and the first goes on */
	frame_free(port_rig_receive(p, PORT_RIG_PROBE));
	p->ops->close(p, true);
	p = port_rig_open(&spec);
	p->ops->close(p, true);
}

static void a_short_frame_leaves_its_big_buffer(void **state)
{
	struct port_spec spec = spec_of("net_ring0");
	struct port *p = port_rig_open(&spec);
	uint8_t frame[60];
	struct frame *f = frame_alloc(port_pools()->big);
	assert_non_null(f);
	memcpy(rte_pktmbuf_append(&f->m, sizeof(frame)), frame, port_rig_probe(frame, sizeof(frame)));
	unsigned free_before = rte_mempool_avail_count(port_pools()->big);
	assert_int_equal(p->ops->tx(&p->queue[0], &f, 1), 1);
	assert_int_equal(rte_mempool_avail_count(port_pools()->big), free_before + 1);
	f = port_rig_receive(p, PORT_RIG_PROBE);
	assert_non_null(f);
	assert_ptr_equal(f->m.pool, port_pools()->small);
	assert_memory_equal(frame_data(f), frame, sizeof(frame));
	frame_free(f);
	p->ops->close(p, true);
}

static void a_full_ring_refuses_the_rest(void **state)
{
	struct port_spec spec = spec_of("net_ring0");
	struct port *p = port_rig_open(&spec);
	uint8_t bytes[60];
	struct frame *frames[64], *f;
	unsigned sent = 0;
	uint16_t took;
	do { /* the ring has room for 1023 */
		for (unsigned i = 0; i < 64; i++) {
			port_rig_probe(bytes, sizeof(bytes));
			bytes[14] = (uint8_t)(sent + i);
			bytes[15] = (uint8_t)((sent + i) >> 8);
			frames[i] = port_rig_frame(bytes, sizeof(bytes));
		}
		took = p->ops->tx(&p->queue[0], frames, 64);
		for (unsigned i = took; i < 64; i++) {
			assert_int_equal(frame_data(frames[i])[14], (uint8_t)(sent + i)); /* in order */
			frame_free(frames[i]);
		}
		sent += took;
	} while (took == 64);
	assert_string_equal(p->queue[0].tx_drop->name, "dpdk-ring-full");
	assert_int_equal(sent, 1023);
	for (unsigned i = 0; i < sent; i++) {
		assert_int_equal(p->ops->rx(&p->queue[0], &f, 1), 1);
		assert_int_equal(frame_data(f)[14] | frame_data(f)[15] << 8, i);
		frame_free(f);
	}
	p->ops->close(p, true);
}

static void capture_files_are_read_and_written(void **state)
{
	char in[] = "/tmp/weft-in-XXXXXX", out[] = "/tmp/weft-out-XXXXXX", args[128], why[PCAP_ERRBUF_SIZE];
	uint8_t frame[9000];
	close(mkstemp(in));
	close(mkstemp(out));
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, 65535);
	pcap_dumper_t *writer = pcap_dump_open(dead, in);
	static const uint32_t lengths[] = {60, 9000, 10};
	for (unsigned i = 0; i < 3; i++) {
		struct pcap_pkthdr h = {.caplen = lengths[i],
					.len = port_rig_probe(frame, lengths[i] < 14 ? 14 : lengths[i])};
		h.len = lengths[i];
		pcap_dump((u_char *)writer, &h, frame);
	}
	pcap_dump_close(writer);
	snprintf(args, sizeof(args), "net_pcap0,rx_pcap=%s,tx_pcap=%s", in, out);
	struct port_spec spec = spec_of(args);
	struct port *p = port_rig_open(&spec);
	for (unsigned i = 0; i < 2; i++) {
		struct frame *f = port_rig_receive(p, PORT_RIG_PROBE);
		assert_non_null(f);
		assert_int_equal(frame_len(f), lengths[i]);
		assert_int_equal(f->m.ol_flags & ~FRAME_FLAGS, 0);
		assert_int_equal(p->ops->tx(&p->queue[0], &f, 1), 1);
	}
	struct frame *none;
	assert_int_equal(p->ops->rx(&p->queue[0], &none, 1), 0);
	assert_int_equal(port_rig_rx_drops("dpdk-malformed"), 1);
	p->ops->close(p, true);

	pcap_t *reader = pcap_open_offline(out, why);
	assert_non_null(reader);
	struct pcap_pkthdr *h;
	const u_char *data;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(pcap_next_ex(reader, &h, &data), 1);
		assert_int_equal(h->caplen, lengths[i]);
		assert_memory_equal(data, frame, 14);
	}
	pcap_close(reader);
	pcap_close(dead);
	unlink(in);
	unlink(out);
}

static void what_cannot_be_had_is_refused(void **state)
{
	struct port_spec spec = spec_of("net_nosuch0");
	port_rig_refused(&spec, -ENODEV, "\"net_nosuch0\"");
	spec = spec_of("net_null0");
	spec.mtu = 40;
	port_rig_refused(&spec, -EINVAL, "takes an MTU of");
	spec.mtu = 0;
	struct port *p = port_rig_open(&spec);
	p->ops->close(p, true);

	spec = spec_of("net_pcap1,rx_pcap=/nonexistent/weft.pcap");
	spec.restarting = true;
	p = port_rig_open(&spec);
	struct frame *f;
	assert_non_null(strstr(port_rig_status(p, "waiting-for"), "net_pcap1"));
	assert_int_equal(p->ops->rx(&p->queue[0], &f, 1), 0);
	for (int i = 0; i < 5; i++)
		p->ops->tick(p);
	assert_non_null(port_rig_status(p, "waiting-for"));
	uint8_t frame[60];
	assert_string_equal(port_rig_send(p, frame, port_rig_probe(frame, sizeof(frame))), "dpdk-down");
	p->ops->close(p, true);
}

/* What drivers call, of which DPDK installs no header. */
struct rte_eth_dev;
struct rte_eth_dev *rte_eth_dev_get_by_name(const char *name);
int rte_eth_dev_callback_process(struct rte_eth_dev *dev, enum rte_eth_event_type event, void *ret_param);

static void remove_by_driver(void)
{
	rte_eth_dev_callback_process(rte_eth_dev_get_by_name("net_ring0"), RTE_ETH_EVENT_INTR_RMV, NULL);
}

static void remove_by_bus(void) { rte_dev_event_callback_process("net_ring0", RTE_DEV_EVENT_REMOVE); }

static void a_device_that_is_removed_is_taken_up_again(void **state)
{
	void (*const ways[])(void) = {remove_by_driver, remove_by_bus};
	uint8_t frame[60];
	struct port_spec spec = spec_of("net_ring0");
	struct port *p = port_rig_open(&spec);
	for (unsigned i = 0; i < 2; i++) {
		ways[i]();
		struct frame *f;
		assert_int_equal(p->ops->rx(&p->queue[0], &f, 1), 0); /* at once */
		assert_string_equal(port_rig_send(p, frame, port_rig_probe(frame, sizeof(frame))), "dpdk-down");
		p->ops->tick(p);
		assert_string_equal(port_rig_status(p, "link"), "down");
		assert_non_null(strstr(port_rig_status(p, "waiting-for"), "net_ring0"));
		assert_int_equal(rte_eth_dev_count_avail(), 0);
		for (unsigned tick = 0; tick < 5; tick++)
			p->ops->tick(p);
		assert_string_equal(port_rig_status(p, "link"), "up");
		assert_null(port_rig_status(p, "waiting-for"));
		assert_null(port_rig_send(p, frame, port_rig_probe(frame, sizeof(frame))));
		f = port_rig_receive(p, PORT_RIG_PROBE);
		assert_non_null(f);
		frame_free(f);
	}
	p->ops->close(p, true);
}

/* An IPv4 TCP segment, sum of the pseudo-header in place as Linux leaves it. */
static struct frame *tcp_frame(uint8_t gso)
{
	uint8_t bytes[54 + 3000] = {
		2,    0,    0,	  0,	0, 1,  2, 0,	0,    0,   0, 2, 8,    0,    0x45, 0,	 0x0b,
		0xe0, 0,    1,	  0x40, 0, 64, 6, 0xab, 0xcd, 192, 0, 2, 1,    192,  0,	   2,	 2,
		0x13, 0x88, 0x13, 0x89, 0, 0,  0, 1,	0,    0,   0, 1, 0x50, 0x10, 0xff, 0xff,
	};
	struct frame *f = port_rig_frame(bytes, sizeof(bytes));
	f->offload = (struct frame_offload){.csum = true,
					    .csum_start = 34,
					    .csum_offset = 16,
					    .gso = gso,
					    .gso_size = gso ? 1460 : 0,
					    .header_len = gso ? 54 : 0};
	f->m.ol_flags |= FRAME_OFFLOAD;
	return f;
}

static void offloads_become_mbuf_flags(void **state)
{
	struct frame *f = tcp_frame(FRAME_GSO_NONE);
	assert_int_equal(dpdk_offload_fill(f), 0);
	assert_int_equal(f->m.ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM);
	assert_int_equal(f->m.l2_len, 14);
	assert_int_equal(f->m.l3_len, 20);
	/* 192.0.2.1 + 192.0.2.2 + 6 + 3020, folded: 0xc000+0x0201+0xc000+0x0202+0x0006+0x0bcc = 0x18fd5 */
	assert_int_equal(frame_data(f)[50] << 8 | frame_data(f)[51], 0x8fd6);
	assert_int_equal(frame_data(f)[24] << 8 | frame_data(f)[25], 0xabcd);
	frame_free(f);

	f = tcp_frame(FRAME_GSO_TCP4);
	assert_int_equal(dpdk_offload_fill(f), 0);
	assert_int_equal(f->m.ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK,
			 RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IP_CKSUM);
	assert_int_equal(f->m.l4_len, 20);
	assert_int_equal(f->m.tso_segsz, 1460);
	assert_int_equal(frame_data(f)[50] << 8 | frame_data(f)[51], 0x840a); /* without the length */
	assert_int_equal(frame_data(f)[24] << 8 | frame_data(f)[25], 0);
	frame_free(f);

	f = tcp_frame(FRAME_GSO_NONE);
	f->offload.csum_start = 36; /* not where the TCP header is */
	assert_int_equal(dpdk_offload_fill(f), -EINVAL);
	frame_free(f);
}

static void mbuf_flags_become_offloads(void **state)
{
	static const struct {
		uint64_t said;
		uint8_t proto, csum_offset;
		uint16_t field;
		bool taken;
		uint64_t flags;
	} rows[] = {
		{RTE_MBUF_F_RX_RSS_HASH, IPPROTO_TCP, 0, 0x1234, true, 0},
		{RTE_MBUF_F_RX_L4_CKSUM_BAD, IPPROTO_TCP, 0, 0x1234, true, 0}, /* the receiver's to judge */
		{RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD, IPPROTO_TCP, 0, 0x1234, true,
		 FRAME_CSUM_GOOD},
		{RTE_MBUF_F_RX_L4_CKSUM_NONE, IPPROTO_TCP, 16, 0x1234, true, FRAME_OFFLOAD | FRAME_PARSED},
		{RTE_MBUF_F_RX_L4_CKSUM_NONE, IPPROTO_UDP, 6, 0x1234, true, FRAME_OFFLOAD | FRAME_PARSED},
		{RTE_MBUF_F_RX_L4_CKSUM_NONE, IPPROTO_UDP, 0, 0, true, 0}, /* sent without one */
		{RTE_MBUF_F_RX_L4_CKSUM_NONE, IPPROTO_SCTP, 0, 0x1234, false, 0},
		{RTE_MBUF_F_RX_LRO, IPPROTO_TCP, 0, 0x1234, false, 0},
	};
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct frame *f = tcp_frame(FRAME_GSO_NONE);
		frame_data(f)[23] = rows[i].proto;
		memcpy(frame_data(f) + 34 + (rows[i].proto == IPPROTO_UDP ? 6 : 16), &rows[i].field, 2);
		f->m.ol_flags = rows[i].said;
		assert_int_equal(dpdk_offload_take(f), rows[i].taken);
		if (rows[i].taken)
			assert_int_equal(f->m.ol_flags, rows[i].flags);
		if (rows[i].csum_offset) {
			assert_true(f->offload.csum && f->offload.gso == FRAME_GSO_NONE);
			assert_int_equal(f->offload.csum_start, 34);
			assert_int_equal(f->offload.csum_offset, rows[i].csum_offset);
		}
		frame_free(f);
	}
}

static int start(void **state) { return port_rig_start(true); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_back_from_a_ring),
		cmocka_unit_test(a_short_frame_leaves_its_big_buffer),
		cmocka_unit_test(a_full_ring_refuses_the_rest),
		cmocka_unit_test(capture_files_are_read_and_written),
		cmocka_unit_test(what_cannot_be_had_is_refused),
		cmocka_unit_test(a_device_that_is_removed_is_taken_up_again),
		cmocka_unit_test(offloads_become_mbuf_flags),
		cmocka_unit_test(mbuf_flags_become_offloads),
		cmocka_unit_test(port_rig_nothing_left),
	};
	return cmocka_run_group_tests_name("port-wire dpdk", tests, start, NULL);
}
