/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pages.h"

#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

void *pages_map(size_t *bytes)
{
	/* The kernel lays only whole multiples of a huge page where huge pages can be. */
	if (*bytes >= HUGE_PAGE)
		*bytes = (*bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	void *pages = mmap(NULL, *bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return NULL;
	if (*bytes >= HUGE_PAGE)
		madvise(pages, *bytes, MADV_HUGEPAGE);
	return pages;
}

void pages_unmap(void *pages, size_t bytes) { munmap(pages, bytes); }
