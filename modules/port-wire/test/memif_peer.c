/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/port-wire/test/memif_peer.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/control/loop.h"
#include "modules/port-wire/control/memif.h"

#define COOKIE 0x3E31F20
#define WAIT_MS 5000

_Static_assert(offsetof(struct peer_ring, tail) == 64 && offsetof(struct peer_ring, desc) == MEMIF_RING_HEADER,
	       "layout");

void peer_rings_reset(struct peer *p)
{
	for (unsigned c2s = 0; c2s < 2; c2s++) {
		struct peer_ring *ring = p->ring[c2s];
		memset(ring, 0, sizeof(*ring));
		ring->cookie = COOKIE;
		for (unsigned i = 0; i < PEER_ENTRIES; i++)
			ring->desc[i] = (struct peer_desc){.length = c2s ? 60 : PEER_BUFFER,
							   .offset = 2 * PEER_RING_BYTES +
								     (c2s * PEER_ENTRIES + i) * PEER_BUFFER};
	}
}

void peer_make(struct peer *p)
{
	p->fd = -1;
	p->doorbell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	p->memory = memfd_create("peer", MFD_CLOEXEC);
	assert_return_code(ftruncate(p->memory, PEER_REGION), errno);
	uint8_t *m = mmap(NULL, PEER_REGION, PROT_READ | PROT_WRITE, MAP_SHARED, p->memory, 0);
	assert_ptr_not_equal(m, MAP_FAILED);
	p->ring[1] = (struct peer_ring *)m;
	p->ring[0] = (struct peer_ring *)(m + PEER_RING_BYTES);
	peer_rings_reset(p);
}

void peer_free(struct peer *p)
{
	peer_leave(p);
	munmap(p->ring[1], PEER_REGION);
	close(p->memory);
	close(p->doorbell);
}

void peer_rings_turn(struct peer *p)
{
	for (unsigned c2s = 0; c2s < 2; c2s++) {
		struct peer_ring *ring = p->ring[c2s];
		uint16_t tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
		__atomic_store_n(&ring->head, (uint16_t)(tail + PEER_ENTRIES), __ATOMIC_RELEASE);
	}
}

/* False: the other side hung up. */
static bool hear(struct peer *p, struct memif_message *ret_m)
{
	for (unsigned ms = 0; ms < WAIT_MS; ms++) {
		int with = -1;
		loop_turn();
		int rc = memif_socket_receive(p->fd, ret_m, &with);
		if (rc)
			return rc > 0;
		struct pollfd ready = {.fd = p->fd, .events = POLLIN};
		poll(&ready, 1, 1);
	}
	fail_msg("nothing is said");
	return false;
}

void peer_say(struct peer *p, const struct memif_message *m, int with)
{
	assert_true(memif_socket_send(p->fd, m, with));
}

void peer_hear(struct peer *p, uint16_t type, struct memif_message *ret_m)
{
	struct memif_message m;
	if (!hear(p, &m))
		fail_msg("hung up instead of saying %u", type);
	if (m.type == MEMIF_DISCONNECT && type != MEMIF_DISCONNECT)
		fail_msg("refused: %s", m.disconnect.why);
	assert_int_equal(m.type, type);
	if (ret_m)
		*ret_m = m;
}

void peer_refused(struct peer *p, const char *why)
{
	struct memif_message m;
	peer_hear(p, MEMIF_DISCONNECT, &m);
	assert_string_equal(m.disconnect.why, why);
	assert_false(hear(p, &m));
	peer_leave(p);
}

bool peer_hung_up(struct peer *p)
{
	struct memif_message m;
	bool up = hear(p, &m);
	peer_leave(p);
	return !up;
}

void peer_connect(struct peer *p, const char *name)
{
	p->fd = memif_socket_connect(name, true);
	assert_true(p->fd >= 0);
	peer_hear(p, MEMIF_HELLO, NULL);
}

struct memif_message peer_init(uint32_t id)
{
	return (struct memif_message){.type = MEMIF_INIT, .init = {.version = MEMIF_VERSION, .id = id}};
}

struct memif_message peer_region(void)
{
	return (struct memif_message){.type = MEMIF_ADD_REGION, .region = {.size = PEER_REGION}};
}

struct memif_message peer_ring_message(bool c2s)
{
	return (struct memif_message){.type = MEMIF_ADD_RING,
				      .ring = {.flags = c2s ? MEMIF_RING_C2S : 0,
					       .offset = c2s ? 0 : PEER_RING_BYTES,
					       .log2_ring_size = PEER_LOG2}};
}

void peer_introduce(struct peer *p, uint32_t id, unsigned n)
{
	const struct memif_message all[] = {peer_init(id),
					    peer_region(),
					    peer_ring_message(true),
					    peer_ring_message(false),
					    {.type = MEMIF_CONNECT}};
	const int with[] = {-1, p->memory, p->doorbell, p->doorbell, -1};
	for (unsigned i = 0; i < n; i++) {
		peer_say(p, &all[i], with[i]);
		peer_hear(p, all[i].type == MEMIF_CONNECT ? MEMIF_CONNECTED : MEMIF_ACK, NULL);
	}
}

void peer_join(struct peer *p, const char *name, uint32_t id)
{
	peer_connect(p, name);
	peer_introduce(p, id, 5);
}

void peer_leave(struct peer *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}
