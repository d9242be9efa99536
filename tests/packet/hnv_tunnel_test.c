/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a frame in a tunnel: checksums, marks, flows, and what senders left to be done. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/runtime/offload.h"
#include "modules/provider/provider.h"
#include "tests/packet/hnv_rig.h"

static void test_outer_checksums(void **state)
{
	uint8_t inner[128], frame[256];
	size_t inner_len = rig_udp(inner, WEB, AWAY, "10.0.0.6", "10.0.0.5", NULL, 21);
	size_t len = rig_wrap(frame, &(struct rig_outer){RIG_PA4, RIG_NVGRE, 5001 << 8}, inner, inner_len);
	frame[24] ^= 1;
	rig_expect("IPv4 header checksum", WIRE, frame, len, "", "encapsulation-malformed");
	for (unsigned k = 0; k < 2; k++) {
		struct rig_outer o = {RIG_PA4, 0, 5001 << 8};
		struct rig_outer o6 = {RIG_PA6, 0, 5001 << 8};
		len = rig_wrap(frame, k ? &o6 : &o, inner, inner_len);
		uint8_t *ip = frame + 14, *udp = ip + (k ? 40 : 20);
		uint16_t udp_len = (uint16_t)(len - (size_t)(udp - frame));
		uint8_t tail[4] = {0, IPPROTO_UDP, (uint8_t)(udp_len >> 8), (uint8_t)udp_len};
		uint64_t sum = offload_sum(tail, 4, offload_sum(k ? ip + 8 : ip + 12, k ? 32 : 8, 0));
		uint16_t right = (uint16_t)~offload_sum_fold(offload_sum(udp, udp_len, sum));
		memcpy(udp + 6, &right, 2);
		rig_expect("UDP checksum, right", WIRE, frame, len, "c-web", NULL);
		host_clear();
		udp[7] ^= 0x40;
		rig_expect("UDP checksum, wrong", WIRE, frame, len, "", "vxlan-checksum");
		udp[7] ^= 0x40;
		udp[8] = 0x00;
		rig_expect("VXLAN without a VNI", WIRE, frame, len, "", "vxlan-header");
		udp[8] = 0x88;
		rig_expect("VXLAN with another flag", WIRE, frame, len, "", "vxlan-header");
	}
}

/* What became of a burst: who got how many, and what was dropped under which of these. */
struct fate {
	unsigned got;
	uint64_t dropped[8];
};

static struct fate fate_of(struct frame **frames, uint16_t n)
{
	static const char *const reasons[] = {"encapsulation-malformed",
					      "tunnel-fragment",
					      "vsid-reserved",
					      "vsid-unknown",
					      "nvgre-header",
					      "vxlan-header",
					      "vxlan-checksum",
					      "congestion"};
	struct fate fate;
	for (unsigned i = 0; i < RTE_DIM(reasons); i++)
		fate.dropped[i] = host_dropped(reasons[i]);
	host_send_burst(WIRE, frames, n);
	for (unsigned i = 0; i < RTE_DIM(reasons); i++)
		fate.dropped[i] = host_dropped(reasons[i]) - fate.dropped[i];
	fate.got = host_got_count("c-web");
	host_turn();
	host_clear();
	return fate;
}

/* Behind a good frame of its kind nothing passes, and nothing is dropped, that would not be alone: each bit of the outer
 * header turned, with the header checksum as it was and made right. */
static void test_like_the_one_before(void **state)
{
	static const struct rig_outer outers[] = {{RIG_PA4, RIG_NVGRE, 5001 << 8},
						  {RIG_PA4, 0, 5001 << 8},
						  {RIG_PA6, RIG_NVGRE, 5001 << 8},
						  {RIG_PA6, 0, 5001 << 8}};
	uint8_t inner[256], good[512], turned[512];
	size_t inner_len = rig_udp(inner, WEB, AWAY, "10.0.0.6", "10.0.0.5", NULL, 120);
	for (unsigned k = 0; k < RTE_DIM(outers) * 2; k++) {
		size_t len = rig_wrap(good, &outers[k / 2], inner, inner_len);
		size_t header = len - inner_len;
		bool ip4 = good[12] == 8;
		if (k & 1 && !ip4)
			continue; /* no header checksum to make right */
		for (size_t bit = 0; bit < header * 8; bit++) {
			memcpy(turned, good, len);
			turned[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (k & 1)
				rig_ip4_sum(turned + 14);
			struct frame *alone[] = {host_frame(turned, len)};
			struct frame *behind[] = {host_frame(good, len), host_frame(turned, len),
						  host_frame(good, len)};
			struct fate want = fate_of(alone, 1), got = fate_of(behind, 3);
			if (got.got != want.got + 2 || memcmp(got.dropped, want.dropped, sizeof(want.dropped)) != 0)
				fail_msg("outer %u, byte %zu, bit %zu: another fate behind a good one", k, bit / 8,
					 bit % 8);
		}
	}
	host_check_books();
}

/* RFC 6040, figure 4, in the order of the bits on the wire: Not-ECT, ECT(1), ECT(0), CE. -1: dropped. */
static void test_ecn(void **state)
{
	static const int out[4][4] = {{0, 0, 0, -1}, {1, 1, 1, 3}, {2, 1, 2, 3}, {3, 3, 3, 3}};
	uint8_t inner[128], frame[256], got[128];
	for (unsigned i = 0; i < 64; i++) {
		uint8_t mark = i & 3, outer_mark = i >> 2 & 3;
		bool inner6 = i & 16, outer6 = i & 32;
		size_t len = rig_udp(inner, WEB, AWAY, inner6 ? "fd00:1::6" : "10.0.0.6",
				     inner6 ? "fd00:1::5" : "10.0.0.5", NULL, 20);
		rig_ip(inner + 14, inner6 ? "fd00:1::6" : "10.0.0.6", inner6 ? "fd00:1::5" : "10.0.0.5", IPPROTO_UDP,
		       0x88 | mark, 28);
		struct rig_outer o4 = {RIG_PA4, RIG_NVGRE, 5001 << 8, outer_mark},
				 o6 = {RIG_PA6, RIG_NVGRE, 5001 << 8, outer_mark};
		size_t n = rig_wrap(frame, outer6 ? &o6 : &o4, inner, len);
		int want = out[mark][outer_mark];
		rig_expect("ECN", WIRE, frame, n, want < 0 ? "" : "c-web", want < 0 ? "congestion" : NULL);
		if (want >= 0) {
			/* The same packet with the mark that it should have now, checksum included. */
			rig_ip(inner + 14, inner6 ? "fd00:1::6" : "10.0.0.6", inner6 ? "fd00:1::5" : "10.0.0.5",
			       IPPROTO_UDP, (uint8_t)(0x88 | want), 28);
			assert_true(frame_read(host_got("c-web", 0), 0, got, (uint32_t)len));
			assert_memory_equal(got, inner, len);
		}
		host_clear();
	}
}

/* Constant for a flow, and spread over its 256 values: chi-square with 255 degrees of freedom, 99.9 % below 331. */
static void test_flow_id(void **state)
{
	uint8_t frame[256], got[256];
	unsigned count[256] = {0};
	size_t len = rig_udp(frame, AWAY, WEB, "10.0.0.5", "10.0.0.6", NULL, 20);
	for (unsigned flow = 0; flow < 8192; flow++) {
		uint8_t id[2];
		frame[34] = (uint8_t)(0xc0 | flow >> 8);
		frame[35] = (uint8_t)flow;
		for (unsigned k = 0; k < 2; k++) {
			frame[len - 1] = (uint8_t)(flow + k);
			host_send("c-web", frame, len);
			assert_true(frame_read(host_got(WIRE, 0), 0, got, OUTER4));
			id[k] = got[41];
			host_clear();
		}
		assert_int_equal(id[0], id[1]);
		count[id[0]]++;
	}
	double chi = 0;
	for (unsigned i = 0; i < 256; i++)
		chi += (count[i] - 32.0) * (count[i] - 32.0) / 32.0;
	assert_true(chi < 331);
}

/* A guest's 64 KiB TCP segment, its checksum and cutting left to be done. */
static struct frame *gso_frame(uint32_t payload, uint16_t gso_size)
{
	static uint8_t bytes[FRAME_BIG_ROOM];
	uint8_t *at = rig_ether(bytes, AWAY, WEB, 0x0800);
	at = rig_ip(at, "10.0.0.5", "10.0.0.6", IPPROTO_TCP, 2, (uint16_t)(20 + payload));
	memcpy(at, (const uint8_t[]){0x9c, 0x40, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 9, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0},
	       20);
	uint8_t pseudo[4] = {0, IPPROTO_TCP, (uint8_t)((20 + payload) >> 8), (uint8_t)(20 + payload)};
	uint16_t seed = offload_sum_fold(offload_sum(pseudo, 4, offload_sum(bytes + 26, 8, 0)));
	memcpy(at + 16, &seed, 2);
	for (uint32_t i = 0; i < payload; i++)
		at[20 + i] = (uint8_t)(i * 31 + (i >> 8));
	uint32_t len = 54 + payload;
	struct frame *f = frame_alloc(len <= FRAME_SMALL_ROOM ? port_pools()->small : port_pools()->big);
	assert_non_null(f);
	memcpy(rte_pktmbuf_append(&f->m, (uint16_t)len), bytes, len);
	struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				   .gso_type = gso_size ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_NONE,
				   .gso_size = gso_size,
				   .hdr_len = 54,
				   .csum_start = 34,
				   .csum_offset = 16};
	assert_int_equal(offload_from_virtio(f, &h), 0);
	return f;
}

static bool tcp_sum_good(const uint8_t *ip)
{
	uint16_t len = (uint16_t)((ip[2] << 8 | ip[3]) - 20);
	uint8_t tail[4] = {0, IPPROTO_TCP, (uint8_t)(len >> 8), (uint8_t)len};
	uint64_t sum = offload_sum(tail, 4, offload_sum(ip + 12, 8, 0));
	return offload_sum_fold(offload_sum(ip + 20, len, sum)) == 0xffff;
}

static void test_gso(void **state)
{
	uint8_t got[2048] = {0};
	uint32_t payload = 60000, at = 0;
	uint64_t copies = host_row(WIRE)->egress_copies;
	host_send_frame("c-web", gso_frame(payload, 1460)); /* lowered to 1418, which fits 1458 */
	unsigned n = host_got_count(WIRE);
	assert_int_equal(n, (payload + 1417) / 1418);
	assert_int_equal(host_row(WIRE)->egress_copies - copies, n - 1);
	for (unsigned i = 0; i < n; i++) {
		struct frame *f = host_got(WIRE, i);
		assert_true(frame_len(f) <= 1514 && frame_read(f, 0, got, frame_len(f)));
		const uint8_t *ip = got + OUTER4 + 14, *tcp = ip + 20;
		assert_int_equal(got[16] << 8 | got[17], frame_len(f) - 14);
		assert_int_equal(offload_sum_fold(offload_sum(got + 14, 20, 0)), 0xffff);
		assert_int_equal(offload_sum_fold(offload_sum(ip, 20, 0)), 0xffff);
		assert_int_equal(got[15] & 3, 2);
		assert_true(tcp_sum_good(ip));
		assert_int_equal(tcp[4] << 24 | tcp[5] << 16 | tcp[6] << 8 | tcp[7], 1 + at);
		for (uint32_t k = OUTER4 + 54; k < frame_len(f); k++, at++)
			assert_int_equal(got[k], (uint8_t)(at * 31 + (at >> 8)));
	}
	assert_int_equal(at, payload);
	host_clear();
	host_check_books();
}

static const struct dp_adapter *adapter_named(const char *name)
{
	const struct dataplane *dp = dataplane_current();
	for (uint16_t i = 0; i < dp->n_adapters; i++)
		if (dp->adapters[i] && !strcmp(dp->adapters[i]->name, name))
			return dp->adapters[i];
	fail_msg("no adapter %s", name);
	return NULL;
}

/* Frames in one burst stay in order around one that is cut. */
static void test_gso_order(void **state)
{
	struct frame *f[3] = {gso_frame(100, 0), gso_frame(3000, 1000), gso_frame(101, 0)};
	pipe_input(host_pipe(), adapter_named("c-web"), f, 3);
	pipe_flush(host_pipe());
	static const uint32_t want[] = {154, 1054, 1054, 1054, 155};
	assert_int_equal(host_got_count(WIRE), 5);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(frame_len(host_got(WIRE, i)), OUTER4 + want[i]);
	host_clear();
	host_check_books();
}

/* Left open where the port fills it in behind outer headers too, else filled in here. */
static void test_open_checksum(void **state)
{
	uint8_t got[512];
	struct port *port = host_port(WIRE);
	uint32_t can = port->capabilities;
	port->capabilities = can | PORT_CAN_CSUM | PORT_CAN_CSUM_INNER;
	host_send_frame("c-web", gso_frame(100, 0));
	struct frame *f = host_got(WIRE, 0);
	assert_true(f->m.ol_flags & FRAME_OFFLOAD && f->offload.csum);
	assert_int_equal(f->offload.csum_start, 34 + OUTER4);
	assert_int_equal(offload_checksum(f), 0);
	assert_true(frame_read(f, 0, got, frame_len(f)) && tcp_sum_good(got + OUTER4 + 14));
	host_clear();
	port->capabilities = can & ~(uint32_t)PORT_CAN_CSUM_INNER;
	host_send_frame("c-web", gso_frame(100, 0));
	f = host_got(WIRE, 0);
	assert_false(f->m.ol_flags & FRAME_OFFLOAD);
	assert_true(frame_read(f, 0, got, frame_len(f)) && tcp_sum_good(got + OUTER4 + 14));
	host_clear();
	port->capabilities = can;
}

/* Frames that leave no room in front, are in pieces, or are somebody else's too. */
static void test_awkward_frames(void **state)
{
	uint8_t bytes[256], plain[256], got[256];
	size_t len = rig_udp(bytes, AWAY, WEB, "10.0.0.5", "10.0.0.6", NULL, 100);
	host_send("c-web", bytes, len);
	uint32_t total = frame_len(host_got(WIRE, 0));
	assert_true(frame_read(host_got(WIRE, 0), 0, plain, total));
	host_clear();
	for (unsigned kind = 0; kind < 3; kind++) {
		struct frame *f = frame_alloc(port_pools()->small);
		assert_non_null(f);
		if (kind == 0)
			f->m.data_off = 0;
		size_t head = kind == 1 ? 60 : len;
		memcpy(rte_pktmbuf_append(&f->m, (uint16_t)head), bytes, head);
		if (kind == 1) {
			struct rte_mbuf *rest = rte_pktmbuf_alloc(port_pools()->small);
			memcpy(rte_pktmbuf_append(rest, (uint16_t)(len - head)), bytes + head, len - head);
			assert_int_equal(rte_pktmbuf_chain(&f->m, rest), 0);
		}
		if (kind == 2)
			frame_hold(f);
		host_send_frame("c-web", f);
		assert_int_equal(host_got_count(WIRE), 1);
		assert_int_equal(frame_len(host_got(WIRE, 0)), total);
		assert_true(frame_read(host_got(WIRE, 0), 0, got, total));
		assert_memory_equal(got + 34, plain + 34, total - 34);
		if (kind == 2) {
			assert_int_equal(frame_len(f), len);
			frame_free(f);
		}
		host_clear();
	}
}

/* The document with a second provider address of each family, which is that of some virtual subnets. */
static void sources_apply(const char *ids, const char *mac4, const char *mac6)
{
	char text[8192];
	const char *rest = strstr(hnv_document, "routing-domains:");
	snprintf(text, sizeof(text),
		 "%.*s  - {switch: fabric, address: 198.51.100.21/24, mac-address: '%s', virtual-subnet-ids: [%s]}\n"
		 "  - {switch: fabric, address: '2001:db8:ee::21/64', mac-address: '%s', virtual-subnet-ids: [%s]}\n"
		 "  - {switch: fabric, address: 203.0.113.5/24, virtual-subnet-ids: [6002]}\n%s",
		 (int)(rest - hnv_document), hnv_document, mac4, ids, mac6, ids, rest);
	host_apply(text);
	rig_answer_neighbours();
}

/* A datagram to `to` leaves by the wire from that provider address, with that one's MAC address. */
static void sent_from(const char *adapter, const char *to, const char *provider, const char *mac)
{
	uint8_t frame[256], got[64] = {0}, wanted[6];
	bool ip6 = strchr(provider, ':');
	struct ip from;
	size_t len = rig_udp(frame, ROUTER, WEB, strchr(to, ':') ? "fd00:1::5" : "10.0.0.5", to, NULL, 20);
	host_send(adapter, frame, len);
	if (host_got_count(WIRE) != 1)
		fail_msg("%s to %s: %u frames", adapter, to, host_got_count(WIRE));
	assert_true(frame_read(host_got(WIRE, 0), 0, got, 54));
	assert_int_equal(ip_parse(provider, &from), 0);
	rig_hex(mac, wanted);
	if (memcmp(got + (ip6 ? 22 : 26), from.byte, ip6 ? 16 : 4) != 0 || memcmp(got + 6, wanted, 6) != 0)
		fail_msg("%s to %s is not sent from %s, %s", adapter, to, provider, mac);
	if (!ip6)
		assert_int_equal(offload_sum_fold(offload_sum(got + 14, 20, 0)), 0xffff);
	host_clear();
}

/* Row I22: one provider address for all, or one of its own for a virtual subnet. */
static void test_sources(void **state)
{
	static const char first4[] = "02:00:00:00:aa:04", first6[] = "02:00:00:00:aa:06";
	static const char *const other[] = {"02:00:00:00:aa:07", "02:00:00:00:aa:08"}, *const another[] = {
											       "02:00:00:00:aa:09",
											       "02:00:00:00:aa:0a"};
	const struct {
		const char *ids, *const *mac, *contoso[2], *contoso_mac[2], *others, *others_mac;
	} step[] = {
		{"5001", other, {"198.51.100.21", "2001:db8:ee::21"}, {other[0], other[1]}, "198.51.100.11", first4},
		{"5001",
		 another,
		 {"198.51.100.21", "2001:db8:ee::21"},
		 {another[0], another[1]},
		 "198.51.100.11",
		 first4},
		{"6001, 5002",
		 other,
		 {"198.51.100.11", "2001:db8:ee::11"},
		 {first4, first6},
		 "198.51.100.21",
		 other[0]},
	};
	for (unsigned i = 0; i < RTE_DIM(step); i++) {
		sources_apply(step[i].ids, step[i].mac[0], step[i].mac[1]);
		sent_from("c-web", "10.0.0.6", step[i].contoso[0], step[i].contoso_mac[0]);
		sent_from("c-web", "10.0.0.7", step[i].contoso[1], step[i].contoso_mac[1]);
		sent_from("c-web", "fd00:1::8", step[i].contoso[0], step[i].contoso_mac[0]); /* VXLAN */
		/* X16: the destination's virtual subnet counts. */
		sent_from("c-web", "10.0.1.23", step[i].others, step[i].others_mac);
		sent_from("f-web", "10.0.0.6", step[i].others, step[i].others_mac);
		/* 203.0.113.5 is in another subnet than the next hop. */
		sent_from("f-web", "10.0.2.6", "198.51.100.11", first4);
	}
	host_apply(hnv_document);
	rig_answer_neighbours();
	sent_from("f-web", "10.0.0.6", "198.51.100.11", first4);
	host_check_books();
}

static uint16_t path_mtu(void)
{
	struct ip remote;
	assert_int_equal(ip_parse("198.51.100.12", &remote), 0);
	struct provider_path *p = provider_path_hold((uint8_t)provider_network_find("default"), &remote);
	uint16_t mtu = atomic_load(&p->way)->mtu;
	provider_path_release(p);
	return mtu;
}

/* "Fragmentation needed" from a router, about a packet with that behind its IP header. */
static void complain(uint16_t mtu, uint8_t protocol, const char *quoted_hex)
{
	uint8_t frame[256], *ip, *icmp, quoted[128];
	size_t n = rig_hex(quoted_hex, quoted);
	ip = rig_ether(frame, "02:00:00:00:aa:04", "02:00:00:00:bb:01", 0x0800);
	icmp = rig_ip(ip, "198.51.100.1", "198.51.100.11", 1, 0, (uint16_t)(8 + 20 + n));
	memset(icmp, 0, 8);
	icmp[0] = 3;
	icmp[1] = 4;
	icmp[6] = (uint8_t)(mtu >> 8);
	icmp[7] = (uint8_t)mtu;
	uint8_t *end = rig_ip(icmp + 8, "198.51.100.11", "198.51.100.12", protocol, 0, 1480);
	memcpy(end, quoted, n);
	uint16_t sum = (uint16_t)~offload_sum_fold(offload_sum(icmp, 28 + n, 0));
	memcpy(icmp + 2, &sum, 2);
	host_send(WIRE, frame, (size_t)(end - frame) + n);
	host_turn();
	host_clear();
}

/* Row I14: routers on the path quote what this host sent there; others do not know what that is. */
static void test_complaints(void **state)
{
	static const struct {
		uint8_t protocol;
		const char *quoted;
	} strange[] = {
		{6, "c0000050000000010000000050020000"},
		{17, "c000003505c80000"}, /* another's traffic */
		{17, "c00012b505c81234"}, /* VXLAN has no checksum here */
		{17, "c00012b505c8000008000000001e6100"}, /* virtual subnet 7777 is not here */
		{47, "20006558001e6100"}, /* neither here */
		{47, "0000655800138900"},
		{47, "2000080000138900"},
		{47, "20006558001389"},
		{1, "08000000777700010000000000000000"}, /* no echo of ours */
		{0, "2000655800138900"},
	};
	uint16_t before = path_mtu();
	for (unsigned i = 0; i < RTE_DIM(strange); i++) {
		complain(1200, strange[i].protocol, strange[i].quoted);
		if (path_mtu() != before)
			fail_msg("believed: protocol %u, %s", strange[i].protocol, strange[i].quoted);
	}
	complain(1290, 47, "200065580013895a");
	assert_int_equal(path_mtu(), 1290);
	complain(1280, 17, "c00012b505c80000");
	assert_int_equal(path_mtu(), 1280);
	complain(1270, 17, "c00012b505c800000800000000138900");
	assert_int_equal(path_mtu(), 1270);
	complain(60, 47, "2000655800138900");
	assert_int_equal(path_mtu(), 552);
}

/* The path narrows after a frame was sent on its way: segments get shorter, what cannot is dropped by name. */
static void test_narrowed(void **state)
{
	uint8_t frame[2048];
	struct ip remote;
	const struct dp_adapter *web = adapter_named("c-web");
	struct frame *f[2] = {gso_frame(6000, 1400), frame_alloc(port_pools()->small)};
	size_t len = rig_udp(frame, AWAY, WEB, "10.0.0.5", "10.0.0.6", NULL, 1400);
	uint64_t dropped = host_dropped("path-narrowed");
	memcpy(rte_pktmbuf_append(&f[1]->m, (uint16_t)len), frame, len);
	assert_int_equal(ip_parse("198.51.100.12", &remote), 0);
	pipe_input(host_pipe(), web, f, 2);
	provider_path_narrow((uint8_t)provider_network_find("default"), &remote, 1300);
	pipe_flush(host_pipe());
	assert_int_equal(host_got_count(WIRE), (6000 + 1217) / 1218);
	for (unsigned i = 0; i < host_got_count(WIRE); i++)
		assert_true(frame_len(host_got(WIRE, i)) <= 1314);
	assert_int_equal(host_dropped("path-narrowed"), dropped + 1);
	host_clear();
	host_check_books();
}

int main(void)
{
	rig_start();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outer_checksums),
		cmocka_unit_test(test_like_the_one_before),
		cmocka_unit_test(test_ecn),
		cmocka_unit_test(test_flow_id),
		cmocka_unit_test(test_gso),
		cmocka_unit_test(test_gso_order),
		cmocka_unit_test(test_open_checksum),
		cmocka_unit_test(test_awkward_frames),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_narrowed), /* leaves the path narrow */
		cmocka_unit_test(test_complaints),
	};
	return cmocka_run_group_tests_name("hnv tunnels", tests, NULL, NULL);
}
