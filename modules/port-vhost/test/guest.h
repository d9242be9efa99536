/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest for tests: the front end of the vhost-user protocol and a driver for split and packed rings, in
 * this process, on memory of its own that the driver under test maps. It does what it is told, so that it can
 * be an honest guest or any other: rings and memory lie open.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#include "modules/port-vhost/control/guard.h"

#define GUEST_QUEUES_MAX 4
#define GUEST_ENTRIES 256
#define GUEST_BUFFER 2048 /* bytes of each descriptor's own buffer */
#define GUEST_RING_SPAN (0x10000u + GUEST_ENTRIES * GUEST_BUFFER)
#define GUEST_MEMORY (2u * GUEST_QUEUES_MAX * GUEST_RING_SPAN)
#define GUEST_PHYSICAL 0x100000ull /* where the memory begins for the guest */
#define GUEST_USER 0x500000000000ull /* and for its front end */

#define GUEST_OFFLOADS                                                                                               \
	(1ULL << VIRTIO_NET_F_CSUM | 1ULL << VIRTIO_NET_F_HOST_TSO4 | 1ULL << VIRTIO_NET_F_HOST_TSO6 |               \
	 1ULL << VIRTIO_NET_F_GUEST_CSUM | 1ULL << VIRTIO_NET_F_GUEST_TSO4 | 1ULL << VIRTIO_NET_F_GUEST_TSO6)
#define GUEST_PACKED (1ULL << VIRTIO_F_RING_PACKED)
#define GUEST_MERGEABLE (1ULL << VIRTIO_NET_F_MRG_RXBUF)
#define GUEST_MULTIQUEUE (1ULL << VIRTIO_NET_F_MQ)

struct guest_ring {
	uint32_t at; /* of the ring, in the memory */
	uint16_t entries, next, free, seen; /* packed: seen is the position of the oldest not returned */
	bool wrap, seen_wrap;
	uint16_t length[GUEST_ENTRIES]; /* descriptors of the chain that begins at each */
	int kick, call;
};

struct guest {
	int socket, memory_fd;
	uint8_t *memory;
	uint64_t features;
	unsigned queues;
	struct guest_ring ring[2 * GUEST_QUEUES_MAX]; /* 2q receives, 2q + 1 sends */
};

/* Memory and nothing else; -errno. */
int guest_make(struct guest *g, uint64_t features, unsigned queues);
int guest_connect(struct guest *g, const char *path); /* within two seconds; -errno */
int guest_accept(struct guest *g, int listener); /* the same where the guest listens */
/* Talks the whole way up to rings that run; -EPROTO when the other side would not. */
int guest_start(struct guest *g);
void guest_close(struct guest *g); /* the connection; memory and rings stay */
void guest_free(struct guest *g);

/* One message with up to one descriptor (-1: none); 0 or -errno. Answers are read by guest_ask. */
int guest_say(struct guest *g, uint32_t request, const void *payload, uint32_t len, int fd);
int guest_ask(struct guest *g, uint32_t request, const void *payload, uint32_t len, uint64_t *ret_answer);
int guest_share_memory(struct guest *g);
int guest_ring_address(struct guest *g, unsigned ring); /* one step of the next */
int guest_ring_start(struct guest *g, unsigned ring);
int guest_ring_stop(struct guest *g, unsigned ring);
bool guest_gone(struct guest *g); /* the other side closed, or does within two seconds */

/* Puts a frame up to be sent, cut into buffers of at most `piece` bytes, and kicks. False: the ring is full. */
bool guest_send(struct guest *g, unsigned queue, const struct virtio_net_hdr *h, const void *data, uint32_t len,
		uint32_t piece);
/* Puts up all buffers for receiving. */
void guest_put_up(struct guest *g, unsigned queue);
/* The next frame received: its length, 0: none. */
uint32_t guest_receive(struct guest *g, unsigned queue, struct virtio_net_hdr *ret_h, uint8_t *to, uint32_t room);

/* For guests that are not honest. */
struct vring_desc *guest_desc(struct guest *g, unsigned ring);
struct vring_packed_desc *guest_packed(struct guest *g, unsigned ring);
struct vring_avail *guest_avail(struct guest *g, unsigned ring);
struct vring_used *guest_used(struct guest *g, unsigned ring);
uint64_t guest_physical(const struct guest *g, unsigned ring, unsigned buffer); /* address of a ring's own buffer */
void guest_kick(struct guest *g, unsigned ring);
