/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that does anything: puts descriptors of any kind into its rings, writes over them, lies in headers, takes
 * memory away, and says any vhost-user message, between honest polls and sends. Nothing may crash, be written beyond
 * a buffer, or be lost: afterwards every buffer is back in its pool, and an honest guest is served.
 *
 * Input: a byte of features, then steps. A step is a byte that says what, and what it takes of what follows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_mempool.h>

#include "base/cursor.h"
#include "base/err.h"
#include "core/runtime/drop.h"
#include "core/runtime/worker.h"
#include "modules/port-vhost/test/guest.h"
#include "tests/fuzz/fuzz.h"

#define STEPS_MAX 256
#define TEST_FRAME 60

static struct frame_pools pools;
static struct counter_row row;
static struct counter_row *rows[] = {&row};
static struct worker worker;
static char socket_path[64];
static struct port *port;
static struct guest guest;
static bool connected, cut; /* cut: its memory is shorter than it was, so that it must not go there itself */

static void port_make(void)
{
	struct port_spec spec = {.name = "vm1",
				 .role = PORT_GUEST,
				 .kind = "vhost-user",
				 .target = socket_path,
				 .queues = 1,
				 .mtu = 1500};
	struct err e = {0};
	CHECK(port_driver_find("vhost-user")->open(&spec, &port, &e) == 0);
	port->queue[0].worker = &worker;
	CHECK(port->ops->place(port, &e) == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char *args[] = {"fuzz",	   "--no-huge", "--no-shconf", "--no-telemetry",
			       "--no-pci", "-m128",	"-l0",	       "--log-level=4"};
	CHECK(rte_eal_init(RTE_DIM(args), args) >= 0);
	drop_init();
	CHECK(frame_init() == 0);
	CHECK(frame_pools_create(&pools, 4096, 128) == 0);
	port_pools_set(&pools);
	worker.pipe.rows = rows;
	snprintf(socket_path, sizeof(socket_path), "/tmp/weft-fuzz-virtio-%d.sock", (int)getpid());
	port_make();
	return 0;
}

static void receive_all(void)
{
	struct frame *frames[PORT_BURST];
	static uint8_t bytes[FRAME_MAX];
	for (unsigned rounds = 0; rounds < 4; rounds++) {
		uint16_t n = port->ops->rx(&port->queue[0], frames, PORT_BURST);
		for (uint16_t i = 0; i < n; i++) {
			CHECK(frame_len(frames[i]) <= FRAME_MAX);
			CHECK(frame_read(frames[i], 0, bytes, frame_len(frames[i])));
			if (frames[i]->m.ol_flags & FRAME_OFFLOAD)
				CHECK(frames[i]->offload.csum_start + frames[i]->offload.csum_offset + 2u <=
				      frame_len(frames[i]));
		}
		/* And back, which tries the guest's other ring and the offloads on their way out. */
		uint16_t sent = port->ops->tx(&port->queue[0], frames, n);
		for (uint16_t i = sent; i < n; i++)
			frame_free(frames[i]);
	}
}

static void send_some(unsigned n, uint32_t len)
{
	for (unsigned i = 0; i < n; i++) {
		struct frame *f = frame_alloc(len > FRAME_SMALL_ROOM ? pools.big : pools.small);
		CHECK(f);
		memset(rte_pktmbuf_append(&f->m, (uint16_t)len), 2, len);
		if (!port->ops->tx(&port->queue[0], &f, 1))
			frame_free(f);
	}
}

/* Mostly inside the guest's memory, and now and then just outside or anywhere. */
static uint64_t address(struct cursor *c)
{
	uint32_t v = cursor_be32(c);
	switch (v >> 29) {
	case 0:
		return cursor_be32(c) * 0x100000001ull;
	case 1:
		return GUEST_PHYSICAL + GUEST_MEMORY - v % 64;
	case 2:
		return GUEST_PHYSICAL + v % 0x10000; /* the rings themselves */
	default:
		return GUEST_PHYSICAL + v % GUEST_MEMORY;
	}
}

static uint32_t length(struct cursor *c)
{
	uint16_t v = cursor_be16(c);
	return v & 0x8000 ? (uint32_t)(v & 0x7fff) << 12 : v & 0xfff;
}

static void step_descriptor(struct cursor *c)
{
	unsigned ring = cursor_u8(c) & 1, at = cursor_u8(c);
	uint64_t addr = address(c);
	uint32_t len = length(c);
	uint16_t flags = cursor_be16(c), next = cursor_u8(c);
	if (guest.features & GUEST_PACKED)
		guest_packed(&guest, ring)[at] = (struct vring_packed_desc){addr, len, next, flags};
	else
		guest_desc(&guest, ring)[at] = (struct vring_desc){addr, len, flags & 7, next};
}

static void step_offer(struct cursor *c)
{
	unsigned ring = cursor_u8(c) & 1;
	struct vring_avail *avail = guest_avail(&guest, ring);
	avail->ring[avail->idx % GUEST_ENTRIES] = cursor_u8(c);
	__atomic_store_n(&avail->idx, (uint16_t)(avail->idx + 1), __ATOMIC_RELEASE);
}

/* An honest chain whose frame and header are whatever follows. */
static void step_frame(struct cursor *c)
{
	struct virtio_net_hdr h;
	uint8_t bytes[512];
	uint32_t len = cursor_be16(c) % sizeof(bytes), piece = cursor_u8(c) * 8u + 1;
	cursor_copy(c, &h, sizeof(h));
	memset(bytes, 0, sizeof(bytes));
	cursor_copy(c, bytes, RTE_MIN(len, cursor_left(c)));
	guest_send(&guest, 0, &h, bytes, len, RTE_MIN(piece, GUEST_BUFFER));
}

static void step_write(struct cursor *c)
{
	uint32_t at = cursor_be32(c) % (2 * GUEST_RING_SPAN - 8);
	cursor_copy(c, guest.memory + (at % 2 ? at : at % 0x10000), 8);
}

/* With a descriptor or without; whole, since what is never finished is another test's. */
static void step_message(struct cursor *c)
{
	uint8_t payload[sizeof(struct vhost_message)] = {0};
	uint32_t request = cursor_u8(c) % 48, len = cursor_u8(c);
	int fds[] = {-1, guest.memory_fd, guest.ring[0].kick, guest.ring[1].kick};
	int fd = fds[cursor_u8(c) % 4];
	cursor_copy(c, payload, RTE_MIN(RTE_MIN(len, cursor_left(c)), sizeof(payload)));
	guest_say(&guest, request, payload, RTE_MIN(len, (uint32_t)sizeof(payload) - 12), fd);
	uint64_t answer;
	connected = guest_ask(&guest, VU_GET_FEATURES, NULL, 0, &answer) == 0;
}

static void step(struct cursor *c)
{
	unsigned what = cursor_u8(c) % 12;
	switch (cut && what < 7 ? 11 : what) {
	case 0:
	case 1:
	case 2:
		step_descriptor(c);
		break;
	case 3:
	case 4:
		step_offer(c);
		break;
	case 5:
		step_frame(c);
		break;
	case 6:
		step_write(c);
		break;
	case 7:
		step_message(c);
		break;
	case 8:
		send_some(cursor_u8(c) % 40, 14 + cursor_be16(c) % 9000);
		break;
	case 9:
		port->ops->arm(&port->queue[0]);
		port->ops->disarm(&port->queue[0]);
		break;
	case 10:
		cut |= cursor_u8(c) < 16;
		if (cut)
			CHECK(ftruncate(guest.memory_fd, cursor_be16(c) % (GUEST_MEMORY / 4096) * 4096) == 0);
		break;
	default:
		receive_all();
		break;
	}
}

static void guest_up(uint64_t features)
{
	CHECK(guest_make(&guest, features, 1) == 0);
	CHECK(guest_connect(&guest, socket_path) == 0);
	CHECK(guest_start(&guest) == 0);
	guest_put_up(&guest, 0);
	connected = true;
}

/* Whatever came before, an honest guest is served. */
static void check_service(void)
{
	uint8_t bytes[TEST_FRAME] = {2};
	struct frame *f;
	guest_free(&guest);
	port->ops->close(port, true);
	port_make();
	guest_up(GUEST_PACKED);
	CHECK(guest_send(&guest, 0, NULL, bytes, sizeof(bytes), GUEST_BUFFER));
	CHECK(port->ops->rx(&port->queue[0], &f, 1) == 1 && frame_len(f) == sizeof(bytes));
	frame_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned inputs;
	struct cursor c = cursor_over(data, size);
	uint8_t features = cursor_u8(&c);
	guest_up((features & 1 ? GUEST_PACKED : 0) | (features & 2 ? GUEST_MERGEABLE : 0) |
		 (features & 4 ? GUEST_OFFLOADS : 0));
	cut = false;
	for (unsigned steps = 0; steps < STEPS_MAX && cursor_left(&c) && connected; steps++)
		step(&c);
	receive_all();
	if (cut || !connected || ++inputs % 64 == 0)
		check_service();
	guest_free(&guest);
	CHECK(rte_mempool_in_use_count(pools.small) == 0 && rte_mempool_in_use_count(pools.big) == 0);
	return 0;
}
