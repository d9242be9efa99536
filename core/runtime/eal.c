/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments for rte_eal_init from what the machine has, and DPDK's messages into our log. */
#include "core/runtime/eal.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/mman.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_version.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "core/runtime/frame.h"

#define HUGEPAGE_MIB 2

/* DPDK says some things once per packet or per connection of a guest, who must not fill the host's log. */
#define LINES_BURST 20
#define LINES_REFILL_NS 1000000000ull

/* An allow-list of one device that cannot exist: the PCI bus is there, and devices named in the document can
 * be attached later, but none is seized at start. */
#define NO_PCI_DEVICE "pci:ffff:ff:1f.7"

static uint32_t memory_mib = EAL_MEMORY_DEFAULT_MIB;

/* One line being collected and the tokens for lines; guarded by the lock of the stream they come from. */
static struct {
	char text[512];
	size_t len;
	unsigned spent, suppressed;
	uint64_t refilled_ns;
} line;

static bool line_allowed(void)
{
	uint64_t now = clock_now_ns();
	if (now - line.refilled_ns >= LINES_REFILL_NS) {
		line.refilled_ns = now;
		line.spent = 0;
		if (line.suppressed)
			log_warning("dpdk", "%u more messages were left out", line.suppressed);
		line.suppressed = 0;
	}
	if (line.spent < LINES_BURST) {
		line.spent++;
		return true;
	}
	line.suppressed++;
	return false;
}

/* What the vhost library calls an error is often only a guest that went; the port says what that means. */
static void line_end(void)
{
	line.text[line.len] = '\0';
	line.len = 0;
	bool guests = strncmp(line.text, "VHOST_", 6) == 0;
	if (rte_log_cur_msg_loglevel() > (int)RTE_LOG_ERR || guests)
		log_debug("dpdk", "%s", line.text);
	else if (line_allowed())
		log_warning("dpdk", "%s", line.text);
}

static ssize_t log_cookie_write(void *cookie, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (data[i] == '\n')
			line_end();
		else if (line.len < sizeof(line.text) - 1)
			line.text[line.len++] = data[i];
	}
	return (ssize_t)size;
}

static int log_redirect(void)
{
	static FILE *stream;
	stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = log_cookie_write});
	if (!stream)
		return -ENOMEM;
	setvbuf(stream, NULL, _IOLBF, 0);
	rte_log_set_global_level(RTE_LOG_NOTICE);
	return rte_openlog_stream(stream);
}

/* By taking them for a moment: a count of free pages says nothing of those that are promised to others. */
static bool hugepages_suffice(uint32_t mib)
{
	size_t size = (size_t)((mib + HUGEPAGE_MIB - 1) / HUGEPAGE_MIB * HUGEPAGE_MIB) << 20;
	void *m = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | 21 << MAP_HUGE_SHIFT, -1, 0);
	if (m == MAP_FAILED)
		return false;
	munmap(m, size);
	return true;
}

/* "0@(0,1,5)": lcore 0 is this thread, on every core that it may use now. Without this EAL would pin it. */
static char *lcores_text(void)
{
	cpu_set_t set;
	struct str s = {0};
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return NULL;
	str_add(&s, "0@(");
	for (unsigned i = 0, n = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set))
			str_add(&s, "%s%u", n++ ? "," : "", i);
	str_add(&s, ")");
	return str_take(&s);
}

int eal_start(const struct eal_options *o, struct err *e)
{
	char memory[16];
	char *lcores = lcores_text();
	if (!lcores || log_redirect() < 0) {
		free(lcores);
		return err_set(e, ENOMEM, NULL, "out of memory");
	}
	memory_mib = o->memory_mib;
	snprintf(memory, sizeof(memory), "%u", memory_mib);
	bool huge = o->hugepages == EAL_HUGEPAGES_AUTO && hugepages_suffice(memory_mib);
	/* --in-memory needs no hugetlbfs mount, and is refused together with --no-huge. By physical address no
	 * 64 KiB frame would fit between two ordinary pages. */
	char *argv[] = {"weftd", "--no-shconf", "--no-telemetry", huge ? "--in-memory" : "--no-huge",
			"-m",	 memory,	"--lcores",	  lcores,
			"-a",	 NO_PCI_DEVICE, "--iova-mode=va", NULL};
	int r = rte_eal_init(sizeof(argv) / sizeof(argv[0]) - 1, argv);
	int code = rte_errno;
	free(lcores);
	if (r < 0)
		return err_set(
			e, code ? code : EIO, "--memory",
			"DPDK does not start with %u MiB of %s: %s; ask for less, or see what --log-level debug says",
			memory_mib, huge ? "hugepages (--hugepages never does without)" : "memory",
			rte_strerror(code));
	log_debug("dpdk", "%s with %u MiB of %s", rte_version(), memory_mib, huge ? "hugepages" : "ordinary memory");
	return 0;
}

void eal_stop(void) { rte_eal_cleanup(); }

void eal_frame_counts(unsigned *ret_small, unsigned *ret_big)
{
	/* What a frame costs: mempool's header and trailer, struct frame, its room. Three tenths of the memory, at
	 * least 16 MiB, are left to drivers, rings, and what the heap loses between the pools' pieces (measured: a
	 * quarter is not enough); of the rest 2/5 go to small frames, 3/5 to whole segments. */
	const uint64_t small_size = 128 + sizeof(struct frame) + FRAME_HEADROOM + FRAME_SMALL_ROOM;
	const uint64_t big_size = 128 + sizeof(struct frame) + FRAME_HEADROOM + FRAME_BIG_ROOM;
	uint64_t bytes = (uint64_t)memory_mib << 20, left = bytes * 3 / 10;
	if (left < 16u << 20)
		left = 16u << 20;
	bytes -= left;
	*ret_small = (unsigned)(bytes * 2 / 5 / small_size);
	*ret_big = (unsigned)(bytes * 3 / 5 / big_size);
}
