/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two guests on rings of their own: so many frames from the first to the second, and a sum over all payloads in their
 * order at either end. Only as many are on their way as a ring holds, so that none has to be lost.
 *
 *     stream EAL-ARGUMENTS -- FRAMES
 *
 * With two virtio-user ports. Prints "running" when both see each other, then {"received", "sent-sum",
 * "received-sum", "seconds"}, the sums equal if every payload came, whole and in order. Gives up after GIVE_UP_SECONDS
 * without a frame.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#define BURST 32
#define RING 1024
#define WINDOW 512
#define PAYLOAD 46 /* bytes: an Ethernet frame of 60 */
#define WORDS (PAYLOAD / sizeof(uint64_t))
#define GIVE_UP_SECONDS 10
#define RETRY_MS 100

struct end {
	uint16_t port;
	uint64_t frames, sum;
};

/* FNV-1a by words: depends on each word and on their order. */
static inline uint64_t sum_words(uint64_t sum, const uint64_t *words)
{
	for (unsigned i = 0; i < WORDS; i++)
		sum = (sum ^ words[i]) * 0x100000001b3;
	return sum;
}

/* To the other end's station. One that does not count has no numbers in it. */
static void frame_write(struct end *e, struct rte_mbuf *m, bool counts)
{
	const struct rte_ether_hdr header = {
		{{2, 0, 0, 0, 0, !e->port}}, {{2, 0, 0, 0, 0, (uint8_t)e->port}}, RTE_BE16(0x88b5)};
	uint8_t *data = (uint8_t *)rte_pktmbuf_append(m, sizeof(header) + PAYLOAD);
	uint64_t words[WORDS];
	memcpy(data, &header, sizeof(header));
	memset(data + sizeof(header), 0, PAYLOAD);
	if (!counts)
		return;
	for (unsigned i = 0; i < WORDS; i++)
		words[i] = (e->frames * WORDS + i) * 0x9e3779b97f4a7c15;
	memcpy(data + sizeof(header), words, sizeof(words));
	e->sum = sum_words(e->sum, words);
	e->frames++;
}

static void frames_send(struct end *e, struct rte_mempool *pool, uint64_t n)
{
	struct rte_mbuf *burst[BURST];
	if (!n || rte_pktmbuf_alloc_bulk(pool, burst, (unsigned)n))
		return;
	for (uint64_t i = 0; i < n; i++)
		frame_write(e, burst[i], true);
	for (uint16_t sent = 0; sent < n;)
		sent += rte_eth_tx_burst(e->port, 0, burst + sent, (uint16_t)(n - sent));
}

static unsigned frames_receive(struct end *e)
{
	struct rte_mbuf *burst[BURST];
	uint16_t n = rte_eth_rx_burst(e->port, 0, burst, BURST);
	for (uint16_t i = 0; i < n; i++) {
		uint64_t words[WORDS];
		memcpy(words, rte_pktmbuf_mtod_offset(burst[i], void *, sizeof(struct rte_ether_hdr)), sizeof(words));
		if (words[0] | words[1]) { /* not one that knocks */
			e->sum = sum_words(e->sum, words);
			e->frames++;
		}
	}
	rte_pktmbuf_free_bulk(burst, n);
	return n;
}

static void knock(struct end *from, struct rte_mempool *pool)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	if (!m)
		return;
	frame_write(from, m, false);
	if (!rte_eth_tx_burst(from->port, 0, &m, 1))
		rte_pktmbuf_free(m);
}

/* The switch takes a moment until it serves both rings: frames that do not count, until one is through each way, and so both
 * stations are learned. */
static bool greet(struct end *a, struct end *b, struct rte_mempool *pool)
{
	bool heard_a = false, heard_b = false;
	for (unsigned i = 0; i < GIVE_UP_SECONDS * 1000 / RETRY_MS && !(heard_a && heard_b); i++) {
		knock(a, pool);
		knock(b, pool);
		rte_delay_us_sleep(RETRY_MS * 1000);
		heard_a |= frames_receive(a) > 0;
		heard_b |= frames_receive(b) > 0;
	}
	return heard_a && heard_b;
}

static void stream(struct end *from, struct end *to, struct rte_mempool *pool, uint64_t frames)
{
	uint64_t patience = GIVE_UP_SECONDS * rte_get_tsc_hz(), last = rte_rdtsc();
	while (to->frames < frames && rte_rdtsc() - last < patience) {
		uint64_t room = WINDOW - (from->frames - to->frames);
		frames_send(from, pool, RTE_MIN(RTE_MIN(room, frames - from->frames), (uint64_t)BURST));
		if (frames_receive(to))
			last = rte_rdtsc();
	}
}

static void end_start(struct end *e, uint16_t port, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = {0};
	*e = (struct end){.port = port};
	if (rte_eth_dev_configure(port, 1, 1, &conf) || rte_eth_rx_queue_setup(port, 0, RING, 0, NULL, pool) ||
	    rte_eth_tx_queue_setup(port, 0, RING, 0, NULL) || rte_eth_dev_start(port))
		rte_exit(1, "port %u does not start\n", port);
}

int main(int argc, char **argv)
{
	struct end from, to;
	int used = rte_eal_init(argc, argv);
	uint64_t frames = used >= 0 && used + 1 < argc ? strtoull(argv[used + 1], NULL, 10) : 0;
	struct rte_mempool *pool =
		used < 0 ? NULL : rte_pktmbuf_pool_create("frames", 8191, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	if (!frames || !pool || rte_eth_dev_count_avail() != 2)
		rte_exit(2, "two virtio-user ports, memory and a number of frames are needed\n");
	end_start(&from, 0, pool);
	end_start(&to, 1, pool);
	if (!greet(&from, &to, pool))
		rte_exit(1, "no frame came through\n");
	printf("running\n");
	fflush(stdout);
	uint64_t begin = rte_rdtsc();
	stream(&from, &to, pool, frames);
	printf("{\"received\": %" PRIu64 ", \"sent-sum\": %" PRIu64 ", \"received-sum\": %" PRIu64
	       ", \"seconds\": %.3f}\n",
	       to.frames, from.sum, to.sum, (double)(rte_rdtsc() - begin) / (double)rte_get_tsc_hz());
	fflush(stdout);
	rte_eal_cleanup();
	return 0;
}
