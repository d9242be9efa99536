/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames from and to a memif device, as from and to any other; but a peer may take back the memory that it shares, or
 * name buffers beyond it. Whoever touches what is not there finds zeroes, and the device is taken out of service.
 */
#include <rte_interrupts.h>

#include "core/runtime/fault.h"
#include "modules/port-wire/control/dpdk.h"

static __thread struct dpdk_port *here; /* the device that this thread is in */

/* DPDK's own thread looks at rings while it connects them, and at nobody else's memory. */
static bool mend(uintptr_t at)
{
	struct dpdk_port *t = here;
	if ((!t && !rte_thread_is_intr()) || !fault_put_zero_page(at))
		return false;
	if (!t)
		return true;
	for (uint16_t i = 0; i < PORT_QUEUES_MAX; i++)
		t->port.queue[i].enabled = false;
	atomic_store(&t->memory_gone, true);
	return true;
}

int memif_io_init(void) { return fault_mend_by(mend); }

uint16_t memif_rx(struct port_queue *q, struct frame **frames, uint16_t n)
{
	here = (struct dpdk_port *)q->port;
	n = dpdk_rx(q, frames, n);
	here = NULL;
	return n;
}

uint16_t memif_tx(struct port_queue *q, struct frame **frames, uint16_t n)
{
	here = (struct dpdk_port *)q->port;
	n = dpdk_tx(q, frames, n);
	here = NULL;
	return n;
}

bool memif_arm(struct port_queue *q)
{
	here = (struct dpdk_port *)q->port;
	bool work = dpdk_arm(q);
	here = NULL;
	return work;
}
