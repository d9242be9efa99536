/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a test of a port driver stands on: EAL without hugepages, frame pools, a worker's books so that drops
 * inside rx can be counted and, for root tests, a network namespace and a /run/netns of its own.
 */
#pragma once

#include <linux/virtio_net.h>

#include "core/runtime/port.h"

int port_rig_start(bool drivers); /* EAL, its drivers if wanted, pools, drop reasons; -errno */
int port_rig_isolate(void); /* a private network namespace and mount table; root; -errno */

/* The last test: drivers gave back every frame and every descriptor. */
void port_rig_nothing_left(void **state);

/* printf for the shell; fails the running cmocka test when the command does. */
void port_rig_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Opens and places; fails the running test when refused. */
struct port *port_rig_open(const struct port_spec *spec);
/* Tries to open and place; fails the running test unless it is refused with `code` and a text that has `words`. */
void port_rig_refused(const struct port_spec *spec, int code, const char *words);

/* The next frame of queue 0 with these two bytes after its addresses, within two seconds of waiting on the
 * descriptor; NULL: none came. Others (the kernel's own IPv6 chatter) are passed over. */
struct frame *port_rig_receive(struct port *p, uint16_t ether_type);
/* The same at a peer's packet socket: the frame's length, its bytes behind *ret_h; 0: none came. */
uint32_t port_rig_peer_receive(int fd, uint16_t ether_type, struct virtio_net_hdr *ret_h, void *frame, uint32_t room);
/* Fails the running test unless all of it is sent. */
void port_rig_peer_send(int fd, const struct virtio_net_hdr *h, const void *frame, uint32_t len);
/* Sends one frame with these bytes; the reason why it was refused, or NULL: it went. */
const char *port_rig_send(struct port *p, const void *data, uint32_t len);
#define PORT_RIG_PROBE 0x88b5 /* local experimental EtherType: nothing else sends it */
/* Writes a broadcast frame of that type, every byte at its place telling where it is; returns len. */
uint32_t port_rig_probe(uint8_t *frame, uint32_t len);
/* Writes an IPv4 TCP segment behind `tag_len` bytes of VLAN tags, to be cut into pieces of 1460 bytes and its checksum left
 * open, as *ret_h tells. Returns its length. */
uint32_t port_rig_tcp_segment(uint8_t *frame, const void *tag, uint16_t tag_len, uint16_t payload,
			      struct virtio_net_hdr *ret_h);
/* A frame with these bytes in the fewest pieces. */
struct frame *port_rig_frame(const void *data, uint32_t len);
/* How many frames ended inside rx under this name. */
uint64_t port_rig_rx_drops(const char *reason);
/* The text under `key` in the port's status; valid until the next call; NULL: none. */
const char *port_rig_status(struct port *p, const char *key);

/* A packet socket with a virtio header on an interface of a namespace (NULL: the test's own): the other end. */
int port_rig_peer(const char *netns, const char *interface);
int port_rig_netns(const char *name); /* its descriptor */
