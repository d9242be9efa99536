/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runtime/fault.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define MENDERS_MAX 4

static fault_mend_fn *mender[MENDERS_MAX];
static atomic_uint n_menders;
static struct sigaction before;

bool fault_put_zeroes(uintptr_t start, size_t len)
{
	return mmap((void *)start, len, PROT_READ | PROT_WRITE,
		    MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED;
}

bool fault_put_zero_page(uintptr_t at)
{
	static const size_t sizes[] = {4096, 2UL << 20, 1UL << 30};
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		if (fault_put_zeroes(at & ~(sizes[i] - 1), sizes[i]))
			return true;
	return false;
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
	unsigned n = atomic_load_explicit(&n_menders, memory_order_acquire);
	for (unsigned i = 0; i < n && info->si_code == BUS_ADRERR; i++)
		if (mender[i]((uintptr_t)info->si_addr))
			return;
	sigaction(SIGBUS, &before, NULL); /* and have it again */
}

/* Whoever took the signal in between stands behind us. */
static int signal_take(void)
{
	struct sigaction now, ours = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
	if (sigaction(SIGBUS, NULL, &now))
		return -errno;
	if (now.sa_sigaction == on_fault)
		return 0;
	before = now;
	return sigaction(SIGBUS, &ours, NULL) ? -errno : 0;
}

int fault_mend_by(fault_mend_fn *fn)
{
	unsigned n = atomic_load(&n_menders), i = 0;
	while (i < n && mender[i] != fn)
		i++;
	if (i == MENDERS_MAX)
		return -ENOSPC;
	if (i == n) {
		mender[n] = fn;
		atomic_store_explicit(&n_menders, n + 1, memory_order_release);
	}
	return signal_take();
}
