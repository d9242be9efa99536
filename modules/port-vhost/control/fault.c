/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest may take back memory that it shares (truncate the file behind it): whoever touches a page that is gone
 * gets SIGBUS. Zero pages are put there instead, what was under way ends harmlessly, and the port is taken out
 * of service. Any other fault goes where it went before.
 */
#include "modules/port-vhost/control/control.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/membarrier.h>

__thread int vhost_here = VHOST_NOBODY;
bool vhost_fences_remote;

static struct sigaction before;

static bool put_zeroes(uintptr_t start, size_t len)
{
	return mmap((void *)start, len, PROT_READ | PROT_WRITE,
		    MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED;
}

/* The library's own thread meets memory before we are told of its extent: page by page, whatever their size. */
static bool put_zero_page(uintptr_t at)
{
	static const size_t sizes[] = {4096, 2UL << 20, 1UL << 30};
	for (unsigned i = 0; i < RTE_DIM(sizes); i++)
		if (put_zeroes(at & ~(sizes[i] - 1), sizes[i]))
			return true;
	return false;
}

static bool mend(struct vhost_port *p, int vid, uintptr_t at)
{
	const struct vhost_region *region;
	unsigned n = vhost_device_regions(vid, &region);
	bool mended = false;
	for (unsigned i = 0; i < n && !mended; i++)
		if (at - region[i].start < region[i].len)
			mended = put_zeroes(region[i].start, region[i].len);
	if (!mended && vhost_in_message)
		mended = put_zero_page(at);
	if (!mended)
		return false;
	atomic_store(&p->fault, VHOST_MEMORY_GONE);
	for (unsigned i = 0; i < PORT_QUEUES_MAX; i++) {
		atomic_store(&p->queue[i].rx_vid, VHOST_NOBODY);
		atomic_store(&p->queue[i].tx_vid, VHOST_NOBODY);
	}
	return true;
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
	struct vhost_port *p = vhost_here == VHOST_NOBODY ? NULL : vhost_device_port(vhost_here);
	if (p && info->si_code == BUS_ADRERR && mend(p, vhost_here, (uintptr_t)info->si_addr))
		return;
	sigaction(SIGBUS, &before, NULL); /* and have it again */
}

/* Again for every port: whoever took the signal in between stands behind us. */
int vhost_fault_init(void)
{
	struct sigaction now, ours = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
	if (sigaction(SIGBUS, NULL, &now))
		return -errno;
	if (now.sa_sigaction == on_fault)
		return 0;
	before = now;
	if (sigaction(SIGBUS, &ours, NULL))
		return -errno;
	vhost_fences_remote = !syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
	return 0;
}

void vhost_fence_workers(void)
{
	if (!vhost_fences_remote || syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0))
		atomic_thread_fence(memory_order_seq_cst);
}
