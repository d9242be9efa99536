/* SPDX-License-Identifier: Apache-2.0 */
/* Guests that lie: in rings, in headers, about their memory, and by changing all of it meanwhile. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/runtime/drop.h"
#include "modules/port-vhost/test/rig.h"

#define TX 1 /* the ring that the guest sends by */

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* What this thread used of a processor: a busy machine makes nothing longer. */
static uint64_t spent_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Everything that the port makes of what is in the rings; frames are looked through as nodes would. */
static unsigned drain(struct port *p)
{
	struct frame *frames[PORT_BURST];
	unsigned total = 0;
	for (int empty = 0; empty < 3;) {
		uint16_t n = p->ops->rx(&p->queue[0], frames, PORT_BURST);
		empty = n ? 0 : empty + 1;
		total += n;
		for (uint16_t i = 0; i < n; i++) {
			struct iovec iov[FRAME_IOV_MAX];
			uint32_t len = 0;
			unsigned pieces = frame_iov(frames[i], iov, FRAME_IOV_MAX);
			for (unsigned k = 0; k < pieces; k++)
				len += (uint32_t)iov[k].iov_len;
			assert_int_equal(len, frame_len(frames[i]));
			assert_true(len <= FRAME_MAX);
			frame_parse(frames[i]);
			frame_free(frames[i]);
		}
		if (total > 100000)
			break;
	}
	return total;
}

/* A frame offered by descriptors as they lie. */
static void offer_split(struct guest *g, uint16_t head)
{
	struct vring_avail *avail = guest_avail(g, TX);
	avail->ring[avail->idx % GUEST_ENTRIES] = head;
	__atomic_store_n(&avail->idx, (uint16_t)(avail->idx + 1), __ATOMIC_RELEASE);
}

static void chain_split(struct guest *g, const struct vring_desc *d, uint16_t n)
{
	memcpy(guest_desc(g, TX), d, n * sizeof(*d));
	offer_split(g, 0);
}

static void honest_still(struct port *p, struct guest *g)
{
	uint8_t data[60];
	guest_close(g);
	guest_free(g);
	rig_wait_status(p, "peer", "waiting");
	rig_guest(g, GUEST_OFFLOADS | GUEST_PACKED, 1);
	rig_frame(data, sizeof(data), 3);
	assert_true(guest_send(g, 0, NULL, data, sizeof(data), GUEST_BUFFER));
	struct frame *f = rig_receive(p, 0);
	assert_non_null(f);
	assert_int_equal(frame_len(f), sizeof(data));
	frame_free(f);
	guest_free(g);
	rig_close(p);
}

static void descriptors_that_cannot_be(void **state)
{
	const uint64_t inside = GUEST_PHYSICAL + GUEST_RING_SPAN;
	const struct {
		struct vring_desc d[3];
		uint16_t n;
	} cases[] = {
		{{{0, 100, 0, 0}}, 1}, /* an address of nobody's */
		{{{UINT64_MAX - 50, 100, 0, 0}}, 1}, /* that wraps */
		{{{inside, UINT32_MAX, 0, 0}}, 1}, /* more than there is memory */
		{{{GUEST_PHYSICAL + GUEST_MEMORY - 10, 100, 0, 0}}, 1}, /* over the end */
		{{{inside, 0, 0, 0}}, 1}, /* nothing */
		{{{inside, 12, 0, 0}}, 1}, /* a header and no frame */
		{{{inside, 5, 0, 0}}, 1}, /* not even a header */
		{{{inside, 100, VRING_DESC_F_NEXT, 0}}, 1}, /* its own next */
		{{{inside, 100, VRING_DESC_F_NEXT, 1}, {inside, 100, VRING_DESC_F_NEXT, 0}}, 2}, /* a loop */
		{{{inside, 100, VRING_DESC_F_NEXT, 60000}}, 1}, /* next outside the ring */
		{{{inside, 100, VRING_DESC_F_INDIRECT, 0}}, 1}, /* a table of frame bytes */
		{{{inside, 16 * 1000, VRING_DESC_F_INDIRECT, 0}}, 1}, /* longer than the ring */
		{{{inside, 7, VRING_DESC_F_INDIRECT, 0}}, 1}, /* not one entry */
		{{{GUEST_PHYSICAL + GUEST_MEMORY - 8, 32, VRING_DESC_F_INDIRECT, 0}}, 1}, /* a table over the end */
		{{{GUEST_PHYSICAL, 16 * 200, VRING_DESC_F_INDIRECT, 0}}, 1}, /* the ring itself as a table */
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct port *p = rig_port(1, false);
		struct guest g;
		rig_guest(&g, GUEST_OFFLOADS, 1);
		chain_split(&g, cases[i].d, cases[i].n);
		drain(p);
		honest_still(p, &g);
	}
}

static void a_ring_that_stands_still_is_given_up_and_said(void **state)
{
	struct port *p = rig_port(1, false);
	struct guest g;
	rig_guest(&g, 0, 1);
	offer_split(&g, 60000);
	uint64_t end = now_ns() + 2000000000u;
	while (!port_rig_status(p, "fault") && now_ns() < end)
		drain(p);
	assert_non_null(strstr(port_rig_status(p, "fault"), "must reset"));
	assert_false(p->ops->arm(&p->queue[0])); /* no worker is kept awake by it */
	/* The driver resets the device: all is well. */
	assert_int_equal(guest_ring_stop(&g, 0), 0);
	assert_int_equal(guest_ring_stop(&g, 1), 0);
	assert_int_equal(guest_start(&g), 0);
	assert_null(port_rig_status(p, "fault"));
	honest_still(p, &g);
}

static void empty_frames_are_counted(void **state)
{
	struct port *p = rig_port(1, false);
	struct guest g;
	uint64_t before = port_rig_rx_drops("vhost-bad-descriptor");
	rig_guest(&g, 0, 1);
	for (uint16_t i = 0; i < 10; i++) {
		guest_desc(&g, TX)[i] = (struct vring_desc){guest_physical(&g, TX, i), 12, 0, 0};
		offer_split(&g, i);
	}
	for (int i = 0; i < 20; i++)
		drain(p);
	assert_int_equal(port_rig_rx_drops("vhost-bad-descriptor") - before, 10);
	honest_still(p, &g);
}

/* One that is nothing behind good ones of several pieces, in a ring that does not say how many frames were taken. */
static void empty_frames_behind_good_ones_are_counted(void **state)
{
	struct port *p = rig_port(1, false);
	struct guest g;
	uint8_t data[60];
	uint64_t before = port_rig_rx_drops("vhost-bad-descriptor");
	rig_guest(&g, GUEST_PACKED, 1);
	rig_frame(data, sizeof(data), 3);
	for (unsigned i = 0; i < 100; i++) { /* several times round */
		for (unsigned good = 0; good < i % 4; good++)
			assert_true(guest_send(&g, 0, NULL, data, sizeof(data), i % 2 ? 20 : GUEST_BUFFER));
		assert_true(guest_send(&g, 0, NULL, data, 0, i % 3 ? 6 : GUEST_BUFFER));
		assert_int_equal(drain(p), i % 4);
		assert_int_equal(port_rig_rx_drops("vhost-bad-descriptor") - before, i + 1);
		assert_true(guest_send(&g, 0, NULL, data, sizeof(data), 20));
		assert_int_equal(drain(p), 1);
		assert_int_equal(port_rig_rx_drops("vhost-bad-descriptor") - before, i + 1);
	}
	honest_still(p, &g);
}

/* A frame as long as the whole memory many times over: what it costs is bounded, and it is counted. */
static void endless_frames_cost_little(void **state)
{
	struct port *p = rig_port(1, false);
	struct guest g;
	uint64_t before = port_rig_rx_drops("vhost-bad-descriptor") + port_rig_rx_drops("vhost-too-long");
	rig_guest(&g, GUEST_OFFLOADS, 1);
	for (uint16_t i = 0; i < 200; i++)
		guest_desc(&g, TX)[i] = (struct vring_desc){GUEST_PHYSICAL, GUEST_MEMORY,
							    i < 199 ? VRING_DESC_F_NEXT : 0, (uint16_t)(i + 1)};
	offer_split(&g, 0);
	uint64_t begin = spent_ns();
	assert_int_equal(drain(p), 0);
	assert_true(spent_ns() - begin < 100000000u); /* 800 MiB would take longer; usually under 1 ms */
	assert_int_equal(port_rig_rx_drops("vhost-bad-descriptor") + port_rig_rx_drops("vhost-too-long") - before, 1);

	before = port_rig_rx_drops("vhost-too-long");
	/* Two of a size that a frame cannot have, though the budget allows it. */
	for (uint16_t i = 0; i < 2; i++) {
		guest_desc(&g, TX)[i] = (struct vring_desc){GUEST_PHYSICAL, 200000, 0, 0};
		offer_split(&g, i);
	}
	assert_int_equal(drain(p), 0);
	assert_int_equal(port_rig_rx_drops("vhost-too-long") - before, 2);
	honest_still(p, &g);
}

static void headers_that_lie_are_dropped_under_their_name(void **state)
{
	static uint8_t data[4000];
	struct port *p = rig_port(1, false);
	struct guest g;
	struct virtio_net_hdr h;
	uint64_t before = port_rig_rx_drops("vhost-bad-offload");
	rig_guest(&g, GUEST_OFFLOADS, 1);
	unsigned lies = 0;
	uint32_t len = rig_segment(data, 3000, 1448, &h);
	data[46] = 0xf0; /* a TCP header longer than it can be is still within the frame */
	assert_true(guest_send(&g, 0, &h, data, 60, GUEST_BUFFER)); /* but here it is not */
	lies++;
	rig_segment(data, 3000, 1448, &h);
	data[46] = 0x10; /* a TCP header of 4 bytes */
	assert_true(guest_send(&g, 0, &h, data, len, GUEST_BUFFER));
	lies++;
	rig_segment(data, 3000, 1, &h); /* 3000 segments */
	assert_true(guest_send(&g, 0, &h, data, len, GUEST_BUFFER));
	lies++;
	drain(p);
	assert_int_equal(port_rig_rx_drops("vhost-bad-offload") - before, lies);

	/* A header at odds with an ARP frame: whatever becomes of it, nothing breaks. */
	for (unsigned i = 0; i < 2000; i++) {
		uint32_t bytes[3] = {(uint32_t)rand(), (uint32_t)rand(), (uint32_t)rand()};
		memcpy(&h, bytes, sizeof(h));
		rig_segment(data, 100 + i, 1448, &(struct virtio_net_hdr){0});
		data[(unsigned)rand() % 60] = (uint8_t)rand();
		guest_send(&g, 0, &h, data, 14 + i % 1500, GUEST_BUFFER);
		drain(p);
	}
	honest_still(p, &g);
}

struct mutator {
	struct guest *g;
	atomic_bool stop;
	unsigned seed;
};

/* Rings and headers change under the reader's eyes. */
static void *mutate(void *arg)
{
	struct mutator *m = arg;
	while (!atomic_load(&m->stop)) {
		unsigned r = (unsigned)rand_r(&m->seed);
		struct guest_ring *ring = &m->g->ring[r & 1];
		uint32_t area = r >> 1 & 1 ? GUEST_ENTRIES * 16 : 0x10000;
		m->g->memory[ring->at + (unsigned)rand_r(&m->seed) % area] = (uint8_t)rand_r(&m->seed);
		if (r % 64 == 0)
			guest_avail(m->g, r >> 6 & 1)->idx++;
	}
	return NULL;
}

static void memory_that_changes_meanwhile(void **state)
{
	static const uint64_t layouts[] = {GUEST_OFFLOADS, GUEST_OFFLOADS | GUEST_PACKED,
					   GUEST_OFFLOADS | GUEST_MERGEABLE | GUEST_PACKED, GUEST_MERGEABLE};
	const char *seconds = getenv("WEFT_TEST_SECONDS"); /* longer by hand */
	uint64_t span = seconds ? (uint64_t)atoi(seconds) * 1000000000u : 60000000u;
	uint8_t data[1500];
	rig_frame(data, sizeof(data), 9);
	for (unsigned i = 0; i < 4; i++) {
		struct port *p = rig_port(1, false);
		struct guest g;
		rig_guest(&g, layouts[i], 1);
		struct mutator m = {.g = &g, .seed = 7 + i};
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, mutate, &m), 0);
		for (uint64_t end = now_ns() + span; now_ns() < end;) {
			drain(p);
			struct frame *frames[32];
			for (unsigned k = 0; k < 32; k++)
				frames[k] = port_rig_frame(data, 60 + k * 40);
			rig_tx(p, 0, frames, 32);
			p->ops->arm(&p->queue[0]);
			p->ops->disarm(&p->queue[0]);
			/* The mutations also stop rings for good; a driver would reset. */
			if (port_rig_status(p, "fault")) {
				guest_ring_stop(&g, 0);
				guest_ring_stop(&g, 1);
				assert_int_equal(guest_start(&g), 0);
			}
		}
		atomic_store(&m.stop, true);
		pthread_join(thread, NULL);
		honest_still(p, &g);
	}
}

static void memory_that_is_taken_away(void **state)
{
	static const uint64_t layouts[] = {0, GUEST_PACKED, GUEST_MERGEABLE | GUEST_OFFLOADS};
	uint8_t data[60];
	rig_frame(data, sizeof(data), 5);
	for (unsigned i = 0; i < 9; i++) {
		struct port *p = rig_port(1, false);
		struct guest g;
		rig_guest(&g, layouts[i % 3], 1);
		assert_true(guest_send(&g, 0, NULL, data, sizeof(data), GUEST_BUFFER));
		/* All of it, or all but the rings. */
		assert_int_equal(ftruncate(g.memory_fd, i % 2 ? 0 : 2 * 0x10000), 0);
		switch (i / 3) {
		case 0:
			drain(p);
			break;
		case 1:
			port_rig_send(p, data, sizeof(data));
			drain(p);
			break;
		default:
			p->ops->arm(&p->queue[0]);
			drain(p);
			break;
		}
		assert_non_null(port_rig_status(p, "fault"));
		assert_string_equal(port_rig_send(p, data, sizeof(data)), "vhost-not-connected");
		p->ops->tick(p); /* closes the connection */
		assert_true(guest_gone(&g));
		assert_int_equal(ftruncate(g.memory_fd, GUEST_MEMORY), 0);
		honest_still(p, &g);
	}
}

/* Before a ring runs, it is the library's own thread that touches it first. */
static void memory_that_was_never_there(void **state)
{
	struct port *p = rig_port(1, false);
	struct guest g;
	uint64_t answer;
	assert_int_equal(guest_make(&g, 0, 1), 0);
	assert_int_equal(ftruncate(g.memory_fd, 4096), 0);
	assert_int_equal(ftruncate(g.memory_fd, 0), 0);
	assert_int_equal(guest_connect(&g, rig_path()), 0);
	assert_int_equal(guest_say(&g, VU_SET_FEATURES, &g.features, 8, -1), 0);
	assert_int_equal(guest_share_memory(&g), 0);
	struct {
		uint32_t index, num;
	} size = {1, 256};
	uint64_t index = 1;
	guest_say(&g, VU_SET_VRING_NUM, &size, sizeof(size), -1);
	guest_ring_address(&g, 1);
	guest_say(&g, VU_SET_VRING_KICK, &index, sizeof(index), g.ring[1].kick);
	guest_ask(&g, VU_GET_FEATURES, NULL, 0, &answer);
	assert_non_null(port_rig_status(p, "fault"));
	p->ops->tick(p);
	assert_true(guest_gone(&g));
	assert_int_equal(ftruncate(g.memory_fd, GUEST_MEMORY), 0);
	honest_still(p, &g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors_that_cannot_be),
		cmocka_unit_test(a_ring_that_stands_still_is_given_up_and_said),
		cmocka_unit_test(empty_frames_are_counted),
		cmocka_unit_test(empty_frames_behind_good_ones_are_counted),
		cmocka_unit_test(endless_frames_cost_little),
		cmocka_unit_test(headers_that_lie_are_dropped_under_their_name),
		cmocka_unit_test(memory_that_changes_meanwhile),
		cmocka_unit_test(memory_that_is_taken_away),
		cmocka_unit_test(memory_that_was_never_there),
	};
	return cmocka_run_group_tests_name("vhost-hostile", tests, rig_setup, rig_teardown);
}
