/* SPDX-License-Identifier: Apache-2.0 */
/* A port of kind "dpdk": any device that DPDK has a driver for, by its device arguments. Shared by the driver's files. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>

#include "core/runtime/port.h"

#define NO_DEVICE RTE_MAX_ETHPORTS

struct err;
struct memif_relay;

/* What a queue received while its worker looked once more before it slept. */
struct dpdk_early {
	uint16_t at, n;
	struct rte_mbuf *frame[PORT_BURST];
};

struct dpdk_port {
	struct port port; /* first */
	uint16_t device; /* DPDK's port id; NO_DEVICE: none, it is waited for */
	uint16_t room; /* most queues it can have: the workers look at no more */
	uint16_t asked; /* queues that the document asks for */
	bool restarting; /* opened while weftd came up: a device that is not there is waited for */
	uint32_t wanted_mtu; /* the document's; 0: the device's own */
	bool scattered; /* it sends frames in several pieces */
	bool placed; /* it is to be started, now or as soon as it is there */
	bool up_told; /* the link as the log has it */
	bool needs_peer; /* a client: without its peer it is to be plugged in anew */
	struct memif_relay *relay; /* a memif device's; else NULL */
	atomic_bool memory_gone; /* a memif peer's; a worker met it */
	atomic_bool up, removed; /* as the device said last; DPDK's own thread writes them too */
	unsigned ticks; /* since the device was last looked for */
	char waiting_for[480];
	struct dpdk_early early[PORT_QUEUES_MAX]; /* the queues' workers' */
};

/* dpdk_device.c. Control thread, and no worker is in the port while it is plugged in or started. */
int dpdk_plug(struct dpdk_port *t, struct err *e); /* undone by unplug */
void dpdk_unplug(struct dpdk_port *t); /* takes it from the workers first; again does no harm */
int dpdk_start(struct dpdk_port *t, struct err *e); /* as the document wants it, within what the device can do */
void dpdk_link_look(struct dpdk_port *t); /* any thread */
int dpdk_error(int rc); /* -errno of what DPDK's calls return */
int dpdk_refuse(const struct dpdk_port *t, int rc, const char *what, struct err *e); /* returns rc */

/* dpdk_io.c */
uint16_t dpdk_rx(struct port_queue *q, struct frame **frames, uint16_t n);
uint16_t dpdk_tx(struct port_queue *q, struct frame **frames, uint16_t n);
bool dpdk_arm(struct port_queue *q);
void dpdk_disarm(struct port_queue *q);

/* memif_io.c: the same for a memif device, whose peer may take back memory under our hands. */
int memif_io_init(void); /* before each such port; -errno */
uint16_t memif_rx(struct port_queue *q, struct frame **frames, uint16_t n);
uint16_t memif_tx(struct port_queue *q, struct frame **frames, uint16_t n);
bool memif_arm(struct port_queue *q);

/* dpdk_offload.c: what is left to be done to a frame, as mbuf flags and lengths; writes the pseudo-header sums that
 * DPDK's drivers expect. The frame is not shared, its headers lie in its first piece. -EINVAL: not expressible. */
int dpdk_offload_fill(struct frame *f);
/* The way back: what the device says in mbuf flags becomes the frame's own. False: it does not bear that out. */
bool dpdk_offload_take(struct frame *f);
