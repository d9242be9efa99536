/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest may take back memory that it shares. Zero pages are put there instead, what was under way ends harmlessly, and
 * the port is taken out of service.
 */
#include "modules/port-vhost/control/control.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <linux/membarrier.h>

#include "core/runtime/fault.h"

__thread int vhost_here = VHOST_NOBODY;
bool vhost_fences_remote;

static bool mend(uintptr_t at)
{
	int vid = vhost_here;
	struct vhost_port *p = vid == VHOST_NOBODY ? NULL : vhost_device_port(vid);
	if (!p)
		return false;
	const struct vhost_region *region;
	unsigned n = vhost_device_regions(vid, &region);
	bool mended = false;
	for (unsigned i = 0; i < n && !mended; i++)
		if (at - region[i].start < region[i].len)
			mended = fault_put_zeroes(region[i].start, region[i].len);
	if (!mended && vhost_in_message)
		mended = fault_put_zero_page(at); /* of an extent that we were not told yet */
	if (!mended)
		return false;
	atomic_store(&p->fault, VHOST_MEMORY_GONE);
	for (unsigned i = 0; i < PORT_QUEUES_MAX; i++) {
		atomic_store(&p->queue[i].rx_vid, VHOST_NOBODY);
		atomic_store(&p->queue[i].tx_vid, VHOST_NOBODY);
	}
	return true;
}

int vhost_fault_init(void)
{
	if (!vhost_fences_remote)
		vhost_fences_remote = !syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
	return fault_mend_by(mend);
}

void vhost_fence_workers(void)
{
	if (!vhost_fences_remote || syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0))
		atomic_thread_fence(memory_order_seq_cst);
}
