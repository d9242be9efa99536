/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A port of kind "interface": a packet socket on any Linux interface of weftd's own namespace, and that
 * interface's own stack kept silent. The socket stays one and the same while the interface goes and comes:
 * it is bound to what is there, and to nothing in between.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <linux/if_packet.h>
#include <linux/virtio_net.h>

#include "core/runtime/port.h"

struct err;
struct netlink;
struct netlink_link;

#define PACKET_BATCH 32 /* frames a system call */
#define PACKET_CONTROL_SIZE CMSG_SPACE(sizeof(struct tpacket_auxdata))

/* The arguments of recvmmsg and the frames prepared for it. What is not used up waits for the next call. */
struct packet_rx {
	uint16_t window; /* how many the next call is prepared for: follows what the last ones brought */
	struct frame *head[PACKET_BATCH]; /* small */
	struct rte_mbuf *rest[PACKET_BATCH]; /* big: what does not fit */
	struct mmsghdr message[PACKET_BATCH];
	struct iovec iov[PACKET_BATCH][3];
	struct virtio_net_hdr header[PACKET_BATCH];
	uint8_t control[PACKET_BATCH][PACKET_CONTROL_SIZE] __attribute__((aligned(8)));
};

struct packet_tx {
	struct mmsghdr message[PACKET_BATCH];
	struct iovec iov[PACKET_BATCH][1 + FRAME_IOV_MAX];
	struct virtio_net_hdr header[PACKET_BATCH];
};

struct interface_port {
	struct port port; /* first */
	struct interface_port *next; /* all that are open: two may share an interface while one takes over */
	int index; /* the interface that the socket is bound to; 0: none, it is waited for */
	bool placed; /* it is to be attached, now or as soon as it can be */
	bool restarting; /* opened while weftd came up: what is not there is waited for */
	uint32_t wanted_mtu; /* the document's; 0: whatever it has */
	char waiting_for[480];
	uint64_t kernel_drops; /* frames that the kernel had no room for in the socket */
	struct packet_rx rx;
	struct packet_tx tx;
};

/* silence.c: the interface's own stack. What was there before is kept with the silence itself, so that any later
 * weftd can put it back, and it is all gone when the interface is. */

/* Nothing that arrives reaches the host's stack, which does no IPv6 there; MTU at least `mtu` (0: as it is), up.
 * Again on a silent interface: only what differs. *ret_mtu: the MTU it has now. */
int silence_begin(struct netlink *nl, const struct netlink_link *link, uint32_t mtu, uint32_t *ret_mtu,
		  struct err *e);
/* Up, and without IPv6, if somebody changed that meanwhile. Not silent: nothing happens. */
void silence_hold(struct netlink *nl, const struct netlink_link *link);
/* As it was before. Not silent: nothing happens, but an empty hook that an interrupted begin left goes. */
void silence_end(struct netlink *nl, const struct netlink_link *link);

/* packet_io.c */
uint16_t packet_rx(struct port_queue *q, struct frame **frames, uint16_t n);
uint16_t packet_tx(struct port_queue *q, struct frame **frames, uint16_t n);
void packet_rx_free(struct packet_rx *rx);
