/* SPDX-License-Identifier: Apache-2.0 */
/* A port of kind "dpdk": any device that DPDK has a driver for, by its device arguments. Shared by the driver's files. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>

#include "core/runtime/port.h"

struct dpdk_port {
	struct port port; /* first */
	uint16_t device; /* DPDK's port id; RTE_MAX_ETHPORTS: none, it is waited for */
	bool restarting; /* opened while weftd came up: a device that is not there is waited for */
	uint32_t wanted_mtu; /* the document's; 0: the device's own */
	bool scattered; /* it sends frames in several pieces */
	bool placed; /* it is to be started, now or as soon as it is there */
	unsigned ticks; /* since the device was last looked for */
	char waiting_for[480];
};

/* dpdk_io.c */
uint16_t dpdk_rx(struct port_queue *q, struct frame **frames, uint16_t n);
uint16_t dpdk_tx(struct port_queue *q, struct frame **frames, uint16_t n);

/* dpdk_offload.c: what is left to be done to a frame, as mbuf flags and lengths; writes the pseudo-header sums that
 * DPDK's drivers expect. The frame is not shared, its headers lie in its first piece. -EINVAL: not expressible. */
int dpdk_offload_fill(struct frame *f);
