/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two guests in one process for the benchmarks: each virtio-user port sends as fast as it can to the other and
 * counts what arrives. One core must load a switch, so each side sends from a pool of frames written beforehand,
 * and the driver needs one descriptor a frame, as a Linux guest does.
 *
 *   generator EAL-ARGUMENTS -- [--size 60] [--flows 1] [--macs 1] [--seconds 5] [--warmup 1] [--one-way | --back] [--hold]
 *             [--tunnel [--peers 1]]
 *
 * --macs N: N stations behind each side, every one learned before the warm-up. --hold: the load stays until SIGTERM.
 * --one-way: the first side alone sends; --back: the second. --tunnel: the second side is the wire: it speaks NVGRE, with
 * addresses below that the switch is told, too; --peers N: N customer addresses there. Flows differ by UDP ports then.
 * Prints "measuring" when the warm-up is over, then one JSON line: {"mpps", "gbps", "seconds", "received": [a, b],
 * "learned": stations whose frames arrived}; mpps and gbps are of frames received, both directions summed.
 */
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_arp.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#define BURST 32
#define RING 1024
#define FRAMES 4095 /* a side's own: more than its ring and cache hold */
#define LEARN_SECONDS 8

struct side {
	uint16_t port;
	struct rte_mempool *frames;
	struct rte_mbuf *waiting[BURST]; /* the ring had no room for the last of them */
	unsigned n_waiting;
	uint32_t flow, mac; /* state of the random sequences */
	uint64_t received, bytes;
	unsigned outer; /* bytes in front of a guest's frame */
};

/* What contenders.py tells the switch. */
#define OUTER 42 /* bytes: Ethernet, IPv4, GRE with a key */
#define PA_SWITCH RTE_IPV4(198, 51, 100, 11)
#define PA_WIRE RTE_IPV4(198, 51, 100, 12)
#define CA_GUEST RTE_IPV4(10, 0, 0, 5)
#define CA_PEERS RTE_IPV4(10, 1, 0, 0) /* the first of --peers */
#define VSID 5001u
static const struct rte_ether_addr mac_switch = {{2, 0x60, 0xff, 0, 0, 1}}, mac_wire = {{2, 0x60, 0xff, 0, 0, 2}};
static const struct rte_ether_addr mac_guest = {{0, 0x15, 0x5d, 0, 0, 5}}, mac_peer = {{0, 0x15, 0x5d, 0, 0, 6}};

static unsigned frame_size = 60, n_flows = 1, n_macs = 1, n_peers = 1, seconds = 5, warmup = 1;
static bool one_way, back, hold, tunnel;
static volatile bool stopped;

static void on_signal(int signal_number) { stopped = true; }

/* Station `mac` behind port; the first octet is local, unicast. */
static void mac_write(struct rte_ether_addr *to, uint16_t port, uint32_t mac)
{
	const uint8_t bytes[] = {0x02, 0x60, (uint8_t)port, (uint8_t)(mac >> 16), (uint8_t)(mac >> 8), (uint8_t)mac};
	memcpy(to->addr_bytes, bytes, sizeof(bytes));
}

static void frame_write(uint8_t *data, uint16_t port)
{
	struct rte_ether_hdr *eth = (void *)data;
	struct rte_ipv4_hdr *ip = (void *)(eth + 1);
	struct rte_udp_hdr *udp = (void *)(ip + 1);
	memset(data, 0, frame_size);
	mac_write(&eth->src_addr, port, 0);
	mac_write(&eth->dst_addr, !port, 0);
	eth->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(frame_size - sizeof(*eth)));
	ip->time_to_live = 64;
	ip->next_proto_id = IPPROTO_UDP;
	ip->src_addr = rte_cpu_to_be_32(RTE_IPV4(10, 0, port, 1));
	ip->dst_addr = rte_cpu_to_be_32(RTE_IPV4(10, 0, !port, 1));
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	udp->src_port = udp->dst_port = RTE_BE16(5001);
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)(frame_size - sizeof(*eth) - sizeof(*ip)));
}

/* A guest's frame between a customer address and another, and the tunnel around it where it is the wire's. */
static void tunnel_write(uint8_t *data, uint16_t port)
{
	struct rte_ether_hdr *eth = (void *)data;
	frame_write(data + (port ? OUTER : 0), port);
	if (port) {
		struct rte_ipv4_hdr *ip = (void *)(eth + 1);
		memset(data, 0, OUTER);
		*eth = (struct rte_ether_hdr){mac_switch, mac_wire, RTE_BE16(RTE_ETHER_TYPE_IPV4)};
		*ip = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
					    .total_length =
						    rte_cpu_to_be_16((uint16_t)(frame_size + OUTER - sizeof(*eth))),
					    .fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
					    .time_to_live = 64,
					    .next_proto_id = IPPROTO_GRE,
					    .src_addr = RTE_BE32(PA_WIRE),
					    .dst_addr = RTE_BE32(PA_SWITCH)};
		ip->hdr_checksum = rte_ipv4_cksum(ip);
		const uint32_t gre[] = {RTE_BE32(0x20006558), RTE_BE32(VSID << 8)};
		memcpy(ip + 1, gre, sizeof(gre));
		eth = (void *)(data + OUTER);
	}
	struct rte_ipv4_hdr *ip = (void *)(eth + 1);
	eth->src_addr = port ? mac_peer : mac_guest;
	eth->dst_addr = port ? mac_guest : mac_peer;
	ip->src_addr = port ? RTE_BE32(CA_PEERS) : RTE_BE32(CA_GUEST);
	ip->dst_addr = port ? RTE_BE32(CA_GUEST) : RTE_BE32(CA_PEERS);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

static inline uint32_t next_of(uint32_t *state, uint32_t n)
{
	*state = *state * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)*state * n >> 32);
}

/* Flows by ports, since a guest sends from its own address alone; customer addresses on the wire's side. */
static inline void tunnel_vary(struct side *s, uint8_t *data)
{
	struct rte_ipv4_hdr *ip = (void *)(data + s->outer + sizeof(struct rte_ether_hdr));
	struct rte_udp_hdr *udp = (void *)(ip + 1);
	if (n_flows > 1) {
		uint32_t flow = next_of(&s->flow, n_flows);
		udp->src_port = (uint16_t)flow;
		udp->dst_port = (uint16_t)(flow >> 16);
		if (s->outer)
			data[OUTER - 1] = (uint8_t)flow;
	}
	if (n_peers > 1) {
		rte_be32_t peer = rte_cpu_to_be_32(CA_PEERS + next_of(&s->mac, n_peers));
		*(s->outer ? &ip->src_addr : &ip->dst_addr) = peer;
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	}
}

/* The next flow and station into a buffer that is not in flight. Random order costs the switch most. */
static inline void frame_vary(struct side *s, struct rte_mbuf *m)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	if (tunnel) {
		tunnel_vary(s, data);
		return;
	}
	if (n_flows > 1) {
		s->flow = s->flow * 1664525u + 1013904223u;
		uint32_t flow = (uint32_t)((uint64_t)s->flow * n_flows >> 32);
		struct rte_ipv4_hdr *ip = (void *)(data + sizeof(struct rte_ether_hdr));
		ip->src_addr = rte_cpu_to_be_32(RTE_IPV4(10, 0, 0, 0) | flow);
	}
	if (n_macs > 1) {
		struct rte_ether_hdr *eth = (void *)data;
		s->mac = s->mac * 1664525u + 1013904223u;
		mac_write(&eth->src_addr, s->port, (uint32_t)((uint64_t)s->mac * n_macs >> 32));
		s->mac = s->mac * 1664525u + 1013904223u;
		mac_write(&eth->dst_addr, !s->port, (uint32_t)((uint64_t)s->mac * n_macs >> 32));
	}
}

/* A frame keeps what frame_write left in it, since nothing but the header room is written by the driver. */
static void frame_prepare(struct rte_mempool *pool, void *port, void *object, unsigned i)
{
	struct rte_mbuf *m = object;
	(tunnel ? tunnel_write : frame_write)((uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM, *(uint16_t *)port);
}

static inline void side_fill(struct side *s)
{
	if (s->n_waiting || rte_pktmbuf_alloc_bulk(s->frames, s->waiting, BURST))
		return;
	for (unsigned i = 0; i < BURST; i++)
		s->waiting[i]->data_len = (uint16_t)(s->waiting[i]->pkt_len = frame_size + s->outer);
	s->n_waiting = BURST;
	if (n_flows > 1 || n_macs > 1 || n_peers > 1)
		for (unsigned i = 0; i < BURST; i++)
			frame_vary(s, s->waiting[i]);
}

static inline void side_send(struct side *s)
{
	side_fill(s);
	unsigned sent = rte_eth_tx_burst(s->port, 0, s->waiting, (uint16_t)s->n_waiting);
	s->n_waiting -= sent;
	if (s->n_waiting && sent)
		memmove(s->waiting, s->waiting + sent, s->n_waiting * sizeof(*s->waiting));
}

/* Who has the wire's provider address? The question becomes the answer. */
static void arp_answer(struct side *s, struct rte_mbuf *m)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_arp_hdr *arp = (void *)(eth + 1);
	if (m->data_len < sizeof(*eth) + sizeof(*arp) || eth->ether_type != RTE_BE16(RTE_ETHER_TYPE_ARP) ||
	    arp->arp_opcode != RTE_BE16(RTE_ARP_OP_REQUEST) || arp->arp_data.arp_tip != RTE_BE32(PA_WIRE))
		return;
	struct rte_mbuf *answer = rte_pktmbuf_copy(m, m->pool, 0, UINT32_MAX);
	if (!answer)
		return;
	eth = rte_pktmbuf_mtod(answer, struct rte_ether_hdr *);
	arp = (void *)(eth + 1);
	eth->dst_addr = arp->arp_data.arp_tha = arp->arp_data.arp_sha;
	eth->src_addr = arp->arp_data.arp_sha = mac_wire;
	arp->arp_data.arp_tip = arp->arp_data.arp_sip;
	arp->arp_data.arp_sip = RTE_BE32(PA_WIRE);
	arp->arp_opcode = RTE_BE16(RTE_ARP_OP_REPLY);
	if (!rte_eth_tx_burst(s->port, 0, &answer, 1))
		rte_pktmbuf_free(answer);
}

/* So that the switch knows at once that the wire is there; it may have asked before, and wait. */
static void arp_announce(struct side *s, struct rte_mempool *pool)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct rte_ether_hdr *eth = m ? (void *)rte_pktmbuf_append(m, 60) : NULL;
	if (!eth)
		return;
	struct rte_arp_hdr *arp = memset(eth + 1, 0, 60 - sizeof(*eth));
	memset(&eth->dst_addr, 0xff, sizeof(eth->dst_addr));
	eth->src_addr = mac_wire;
	eth->ether_type = RTE_BE16(RTE_ETHER_TYPE_ARP);
	arp->arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER);
	arp->arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	arp->arp_hlen = RTE_ETHER_ADDR_LEN;
	arp->arp_plen = 4;
	arp->arp_opcode = RTE_BE16(RTE_ARP_OP_REQUEST);
	arp->arp_data.arp_sha = mac_wire;
	arp->arp_data.arp_sip = RTE_BE32(PA_WIRE);
	arp->arp_data.arp_tip = RTE_BE32(PA_SWITCH);
	if (!rte_eth_tx_burst(s->port, 0, &m, 1))
		rte_pktmbuf_free(m);
}

static inline void side_receive(struct side *s)
{
	struct rte_mbuf *burst[BURST];
	unsigned n = rte_eth_rx_burst(s->port, 0, burst, BURST);
	for (unsigned i = 0; i < n; i++) {
		s->bytes += burst[i]->pkt_len;
		if (s->outer && burst[i]->pkt_len <= RTE_ETHER_MIN_LEN)
			arp_answer(s, burst[i]);
	}
	s->received += n;
	rte_pktmbuf_free_bulk(burst, n);
}

static void side_start(struct side *s, uint16_t port, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = {0};
	s->port = port;
	s->outer = tunnel && port ? OUTER : 0;
	s->flow = s->mac = port + 1u;
	s->frames =
		rte_pktmbuf_pool_create(port ? "frames-1" : "frames-0", FRAMES, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	if (!s->frames)
		rte_exit(1, "no memory for frames\n");
	rte_mempool_obj_iter(s->frames, frame_prepare, &port);
	if (rte_eth_dev_configure(port, 1, 1, &conf) || rte_eth_rx_queue_setup(port, 0, RING, 0, NULL, pool) ||
	    rte_eth_tx_queue_setup(port, 0, RING, 0, NULL) || rte_eth_dev_start(port))
		rte_exit(1, "port %u does not start\n", port);
}

/* One frame from each of up to BURST stations, starting with `first`; waits a moment for them at the other side. */
static void learn_burst(struct side *from, struct side *to, uint32_t first)
{
	uint32_t n = RTE_MIN(n_macs - first, (uint32_t)BURST);
	struct rte_mbuf *m[BURST];
	if (rte_pktmbuf_alloc_bulk(from->frames, m, n))
		return;
	for (uint32_t i = 0; i < n; i++) {
		struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m[i], struct rte_ether_hdr *);
		m[i]->data_len = (uint16_t)(m[i]->pkt_len = frame_size);
		mac_write(&eth->src_addr, from->port, first + i);
		mac_write(&eth->dst_addr, to->port, 0);
	}
	uint64_t before = to->received, end = rte_rdtsc() + rte_get_tsc_hz() / 1000;
	unsigned sent = rte_eth_tx_burst(from->port, 0, m, (uint16_t)n);
	rte_pktmbuf_free_bulk(m + sent, n - sent);
	while (to->received < before + n && rte_rdtsc() < end) {
		side_receive(to);
		side_receive(from);
	}
}

/* Until tunnelled frames come through both ways, or LEARN_SECONDS; how many sides have heard the other. */
static uint64_t greet(struct side *a, struct side *b, struct rte_mempool *pool)
{
	uint64_t end = rte_rdtsc() + LEARN_SECONDS * rte_get_tsc_hz();
	bool heard_a = false, heard_b = false;
	while (!(heard_a && heard_b) && rte_rdtsc() < end && !stopped) {
		a->received = b->bytes = b->received = 0;
		arp_announce(b, pool);
		side_send(a);
		side_send(b);
		for (uint64_t late = rte_rdtsc() + rte_get_tsc_hz() / 50; rte_rdtsc() < late;) {
			side_receive(a);
			side_receive(b);
		}
		heard_a |= a->received >= BURST / 2;
		heard_b |= b->bytes >= (uint64_t)(frame_size + OUTER) * BURST / 2;
	}
	return (uint64_t)heard_a + heard_b;
}

/* Until a pass over all stations loses nothing, or LEARN_SECONDS; the number that arrived in the last pass. */
static uint64_t learn(struct side *a, struct side *b)
{
	uint64_t arrived = 0, end = rte_rdtsc() + LEARN_SECONDS * rte_get_tsc_hz();
	while (arrived < 2ul * n_macs && rte_rdtsc() < end && !stopped) {
		a->received = b->received = 0;
		for (uint32_t first = 0; first < n_macs && !stopped; first += BURST) {
			learn_burst(a, b, first);
			learn_burst(b, a, first);
		}
		for (uint64_t late = rte_rdtsc() + rte_get_tsc_hz() / 50; rte_rdtsc() < late;) {
			side_receive(a);
			side_receive(b);
		}
		arrived = a->received + b->received;
	}
	return arrived;
}

static void run_for(struct side *a, struct side *b, uint64_t cycles)
{
	uint64_t end = rte_rdtsc() + cycles;
	while (rte_rdtsc() < end && !stopped) {
		for (int i = 0; i < 8; i++) {
			if (!back)
				side_send(a);
			side_receive(b);
			if (!one_way)
				side_send(b);
			side_receive(a);
		}
	}
}

static void options_parse(int argc, char **argv)
{
	static const struct option options[] = {
		{"size", 1, NULL, 's'},	   {"flows", 1, NULL, 'f'},  {"macs", 1, NULL, 'm'},
		{"seconds", 1, NULL, 't'}, {"warmup", 1, NULL, 'w'}, {"one-way", 0, NULL, 'o'},
		{"hold", 0, NULL, 'h'},	   {"back", 0, NULL, 'b'},   {"tunnel", 0, NULL, 'u'},
		{"peers", 1, NULL, 'p'},   {NULL, 0, NULL, 0},
	};
	int c;
	optind = 1;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned value = optarg ? (unsigned)strtoul(optarg, NULL, 10) : 0;
		switch (c) {
		case 's':
			frame_size = value;
			break;
		case 'f':
			n_flows = value;
			break;
		case 'm':
			n_macs = value;
			break;
		case 't':
			seconds = value;
			break;
		case 'w':
			warmup = value;
			break;
		case 'o':
			one_way = true;
			break;
		case 'h':
			hold = true;
			break;
		case 'b':
			back = true;
			break;
		case 'u':
			tunnel = true;
			break;
		case 'p':
			n_peers = value;
			break;
		default:
			rte_exit(2, "unknown option\n");
		}
	}
	if (frame_size < 60 || frame_size > 1900 || !n_flows || !n_macs || !n_peers)
		rte_exit(2, "--size 60..1900, --flows, --macs and --peers from 1\n");
}

int main(int argc, char **argv)
{
	static struct side a, b;
	int used = rte_eal_init(argc, argv);
	if (used < 0)
		return 1;
	options_parse(argc - used, argv + used);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	struct rte_mempool *pool = rte_pktmbuf_pool_create("received", 8191, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	if (!pool || rte_eth_dev_count_avail() != 2)
		rte_exit(1, "two virtio-user ports and memory for frames are needed\n");
	side_start(&a, 0, pool);
	side_start(&b, 1, pool);
	uint64_t learned = tunnel ? greet(&a, &b, pool) : learn(&a, &b);
	run_for(&a, &b, warmup * rte_get_tsc_hz());
	a.received = b.received = a.bytes = b.bytes = 0;
	printf("measuring\n"); /* the caller reads the switch's own counters from here */
	fflush(stdout);
	uint64_t begin = rte_rdtsc();
	run_for(&a, &b, seconds * rte_get_tsc_hz());
	double took = (double)(rte_rdtsc() - begin) / (double)rte_get_tsc_hz();
	printf("{\"mpps\": %.4f, \"gbps\": %.3f, \"seconds\": %.3f, \"received\": [%lu, %lu], \"learned\": %lu}\n",
	       (double)(a.received + b.received) / took / 1e6, (double)(a.bytes + b.bytes) * 8 / took / 1e9, took,
	       a.received, b.received, learned);
	fflush(stdout);
	while (hold && !stopped)
		run_for(&a, &b, rte_get_tsc_hz());
	return 0;
}
