/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each capture has a fixed number of slots that go round: workers take free ones, fill them and queue them,
 * the reader writes them out and frees them. Both queues let others go on when a worker is preempted in the
 * middle.
 */
#include "core/runtime/capture.h"

#include <errno.h>
#include <nss.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include <pcap/pcap.h>
#include <rte_cycles.h>
#include <rte_ring.h>

#include "base/err.h"
#include "core/runtime/pcapng.h"

#define SLOTS 8192 /* 16 MiB a capture, touched only as frames come */
#define SLOT_SIZE 2048
#define SLOT_DATA (SLOT_SIZE - 104)
#define CHAIN_MAX ((FRAME_MAX + SLOT_DATA - 1) / SLOT_DATA) /* slots that the longest frame takes */
#define FILTER_BYTES 256 /* what a filter sees of a frame in pieces */
#define READ_AHEAD (64u << 10) /* bytes encoded at a time, about */
#define CLOCK_CHECK_NS 1000000000ll /* how often the TSC is compared with the wall clock again */

static_assert(sizeof(((struct dp_adapter *)0)->name) == 64, "a slot keeps an adapter's whole name");

/* Where and when a worker saw a frame. */
struct sighting {
	uint64_t tsc;
	const struct drop_reason *reason; /* NULL: not dropped */
	enum pcapng_direction direction;
	char adapter[64];
};

/* A frame, or the first part of it; what does not fit into data goes on in the next slot's. */
struct slot {
	struct sighting seen;
	struct slot *next;
	uint32_t length; /* the whole frame's, bytes */
	uint32_t in_slot; /* bytes in data */
	uint8_t data[SLOT_DATA];
};
static_assert(sizeof(struct slot) == SLOT_SIZE, "slots are cut from one piece of memory");

/* An adapter that frames were written of: an interface of the file, its index there the same as here. */
struct interface {
	char name[64];
	uint64_t received;
};

struct capture {
	/* fixed from open to close */
	char adapter[64]; /* empty: all */
	char *filter; /* NULL: none */
	struct bpf_program program; /* of filter */
	uint32_t snaplen;
	uint64_t count;
	struct slot *slots;
	struct rte_ring *free, *filled;

	atomic_ullong missed; /* workers found no free slot */

	/* the reader's */
	struct str out; /* encoded */
	size_t given; /* bytes of out that the caller has */
	bool finished;
	struct interface *interface;
	unsigned n_interfaces;
	uint64_t written; /* frames */
	uint64_t missed_told; /* what the file says of missed so far */
	int64_t told_ns; /* when it was told so */
	uint64_t clock_tsc; /* one moment by both clocks */
	int64_t clock_ns;
};

struct capture_set {
	unsigned n;
	struct capture *capture[CAPTURE_MAX];
};

/* The set that workers go by, or NULL; the other one is where the next is made ready. */
static struct capture_set sets[2];
static _Atomic(struct capture_set *) set_published;

/* ---- worker side ---- */

struct capture_set *capture_current(void) { return atomic_load_explicit(&set_published, memory_order_acquire); }

static bool filter_passes(const struct capture *c, const struct frame *f, uint32_t length)
{
	uint8_t start[FILTER_BYTES];
	const uint8_t *data = rte_pktmbuf_mtod(&f->m, const uint8_t *);
	uint32_t have = frame_head_len(f);
	if (have < length && have < FILTER_BYTES) {
		have = RTE_MIN(length, (uint32_t)FILTER_BYTES);
		frame_read(f, 0, start, have);
		data = start;
	}
	return bpf_filter(c->program.bf_insns, data, length, have);
}

static void take_frame(struct capture *c, const struct sighting *seen, const struct frame *f)
{
	uint32_t length = frame_len(f);
	if (c->filter && !filter_passes(c, f, length))
		return;
	uint32_t left = RTE_MIN(length, c->snaplen), off = 0;
	unsigned n = left ? (left + SLOT_DATA - 1) / SLOT_DATA : 1;
	struct slot *slot[CHAIN_MAX];
	if (!rte_ring_dequeue_bulk(c->free, (void **)slot, n, NULL)) {
		atomic_fetch_add_explicit(&c->missed, 1, memory_order_relaxed);
		return;
	}
	slot[0]->seen = *seen;
	slot[0]->length = length;
	for (unsigned i = 0; i < n; i++) {
		slot[i]->in_slot = RTE_MIN(left, (uint32_t)SLOT_DATA);
		slot[i]->next = i + 1 < n ? slot[i + 1] : NULL;
		frame_read(f, off, slot[i]->data, slot[i]->in_slot);
		off += slot[i]->in_slot;
		left -= slot[i]->in_slot;
	}
	rte_ring_enqueue(c->filled, slot[0]); /* holds all slots there are */
}

/* Is it called so, or a compartment of the adapter that is? */
static bool is_of(const struct dp_adapter *a, const char *name)
{
	size_t len = strlen(name);
	return !strcmp(a->name, name) || (a->is_compartment && !strncmp(a->name, name, len) && a->name[len] == ':');
}

void capture_take(struct pipe *p, const struct dp_adapter *a, struct frame *const *frames, uint16_t n,
		  enum capture_point point, const struct drop_reason *reason)
{
	struct sighting seen = {
		.tsc = rte_rdtsc(),
		.reason = reason,
		.direction = point == CAPTURE_IN ? PCAPNG_INBOUND : PCAPNG_OUTBOUND,
	};
	memcpy(seen.adapter, a->name, sizeof(seen.adapter));

	const struct capture_set *set = p->capture;
	for (unsigned i = 0; i < set->n; i++) {
		struct capture *c = set->capture[i];
		if (c->adapter[0] && !is_of(a, c->adapter))
			continue;
		for (uint16_t j = 0; j < n; j++)
			take_frame(c, &seen, frames[j]);
	}
}

/* ---- control side ---- */

/* Workers see the captures that run, with `more` and without `less` (NULL ok); returns when none uses the
 * old set. */
static void publish(struct capture *more, const struct capture *less)
{
	const struct capture_set *old = capture_current();
	struct capture_set *set = &sets[old == &sets[0]];
	set->n = 0;
	for (unsigned i = 0; old && i < old->n; i++)
		if (old->capture[i] != less)
			set->capture[set->n++] = old->capture[i];
	if (more)
		set->capture[set->n++] = more;
	atomic_store_explicit(&set_published, set->n ? set : NULL, memory_order_release);
	dataplane_synchronize();
}

static int64_t wall_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static void clock_compare(struct capture *c)
{
	int64_t now = wall_ns();
	if (c->clock_tsc && llabs(now - c->clock_ns) < CLOCK_CHECK_NS)
		return;
	c->clock_ns = now;
	c->clock_tsc = rte_rdtsc();
}

static uint64_t clock_convert(const struct capture *c, uint64_t tsc)
{
	double cycles = (double)(int64_t)(tsc - c->clock_tsc);
	return (uint64_t)(c->clock_ns + (int64_t)(cycles * 1e9 / (double)rte_get_tsc_hz()));
}

static struct rte_ring *ring_create(unsigned n, unsigned flags)
{
	ssize_t size = rte_ring_get_memsize(n);
	struct rte_ring *ring = size > 0 ? aligned_alloc(RTE_CACHE_LINE_SIZE, (size_t)size) : NULL;
	if (ring && rte_ring_init(ring, "capture", n, flags)) {
		free(ring);
		return NULL;
	}
	return ring;
}

static int slots_create(struct capture *c)
{
	c->slots = malloc(SLOTS * sizeof(*c->slots));
	c->free = ring_create(SLOTS * 2, RING_F_SP_ENQ | RING_F_MC_RTS_DEQ);
	c->filled = ring_create(SLOTS * 2, RING_F_MP_RTS_ENQ | RING_F_SC_DEQ);
	if (!c->slots || !c->free || !c->filled)
		return -ENOMEM;
	for (unsigned i = 0; i < SLOTS; i++)
		rte_ring_enqueue(c->free, &c->slots[i]);
	return 0;
}

/* Names in a filter are looked up in files only: the control thread waits for no name server. */
static void names_stay_here(void)
{
	static const char *const databases[] = {"hosts", "networks", "ethers"};
	for (unsigned i = 0; i < RTE_DIM(databases); i++)
		__nss_configure_lookup(databases[i], "files");
}

static int filter_compile(struct capture *c, const char *filter, struct err *e)
{
	if (strlen(filter) > CAPTURE_FILTER_MAX)
		return err_set(e, EINVAL, "filter", "longer than %d bytes", CAPTURE_FILTER_MAX);
	pcap_t *p = pcap_open_dead(DLT_EN10MB, FRAME_MAX);
	if (!p)
		return err_set(e, ENOMEM, NULL, "out of memory");
	int r = 0;
	names_stay_here();
	if (pcap_compile(p, &c->program, filter, 1, PCAP_NETMASK_UNKNOWN) < 0) {
		const char *why = pcap_geterr(p);
		r = err_set(e, EINVAL, "filter", "'%.200s' is no filter as tcpdump takes it: %s%s", filter, why,
			    strstr(why, "unknown host") || strstr(why, "unknown network")
				    ? "; no name server is asked: write the address"
				    : "");
	}
	pcap_close(p);
	if (!r && !(c->filter = str_dup(filter)))
		r = err_set(e, ENOMEM, NULL, "out of memory");
	return r;
}

static bool adapter_exists(const char *name)
{
	const struct dataplane *dp = dataplane_current();
	for (uint16_t i = 0; dp && i < dp->n_adapters; i++)
		if (dp->adapters[i] && strcmp(dp->adapters[i]->name, name) == 0)
			return true;
	return false;
}

static void capture_free(struct capture *c)
{
	pcap_freecode(&c->program);
	free(c->filter);
	free(c->slots);
	free(c->free);
	free(c->filled);
	free(c->interface);
	str_free(&c->out);
	free(c);
}

static void section_begin(struct capture *c)
{
	struct utsname host;
	char os[sizeof(host.sysname) + sizeof(host.release) + 2];
	uname(&host);
	snprintf(os, sizeof(os), "%s %s", host.sysname, host.release);
	pcapng_section(&c->out, host.machine, os, "weft");
}

int capture_open(const struct capture_options *options, struct capture **ret_capture, struct err *e)
{
	const struct capture_set *set = capture_current();
	if (set && set->n == CAPTURE_MAX)
		return err_set(e, EBUSY, NULL, "%d captures run already; end one of them first", CAPTURE_MAX);
	if (options->adapter && !adapter_exists(options->adapter))
		return err_set(e, ENOENT, "adapter", "there is no adapter %s", options->adapter);

	struct capture *c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(e, ENOMEM, NULL, "out of memory");
	c->snaplen = options->snaplen && options->snaplen < FRAME_MAX ? options->snaplen : FRAME_MAX;
	c->count = options->count;
	snprintf(c->adapter, sizeof(c->adapter), "%s", options->adapter ? options->adapter : "");

	int r = options->filter && *options->filter ? filter_compile(c, options->filter, e) : 0;
	if (!r && slots_create(c))
		r = err_set(e, ENOMEM, NULL, "out of memory");
	if (r) {
		capture_free(c);
		return r;
	}
	section_begin(c);
	publish(c, NULL);
	*ret_capture = c;
	return 0;
}

void capture_close(struct capture *c)
{
	if (!c)
		return;
	publish(NULL, c);
	capture_free(c);
}

/* The index of an adapter's interface, which is described to the reader the first time. */
static uint32_t interface_index(struct capture *c, const char *name)
{
	for (unsigned i = 0; i < c->n_interfaces; i++)
		if (strcmp(c->interface[i].name, name) == 0)
			return i;
	struct interface *grown = reallocarray(c->interface, c->n_interfaces + 1, sizeof(*grown));
	if (!grown) {
		c->out.failed = true;
		return 0;
	}
	c->interface = grown;
	grown[c->n_interfaces] = (struct interface){0};
	snprintf(grown[c->n_interfaces].name, sizeof(grown->name), "%s", name);
	pcapng_interface(&c->out, name, c->filter, c->snaplen < FRAME_MAX ? c->snaplen : 0);
	return c->n_interfaces++;
}

static void write_frame(struct capture *c, const struct slot *first)
{
	uint32_t interface = interface_index(c, first->seen.adapter);
	if (c->out.failed)
		return;
	uint8_t whole[CHAIN_MAX * SLOT_DATA];
	uint32_t captured = 0;
	for (const struct slot *s = first; s; s = s->next) {
		memcpy(whole + captured, s->data, s->in_slot);
		captured += s->in_slot;
	}
	char comment[512];
	const struct drop_reason *reason = first->seen.reason;
	if (reason)
		snprintf(comment, sizeof(comment), "dropped: %s - %s", reason->name, reason->help);
	pcapng_packet(&c->out, &(struct pcapng_packet){
				       .interface = interface,
				       .time_ns = clock_convert(c, first->seen.tsc),
				       .direction = first->seen.direction,
				       .data = whole,
				       .captured = captured,
				       .length = first->length,
				       .comment = reason ? comment : NULL,
			       });
	c->interface[interface].received++;
	c->written++;
}

/* Of the first n interfaces. Workers cannot say whose frames they missed for a file that may never name the
 * adapter: the first interface bears them all. */
static void write_statistics(struct capture *c, unsigned n)
{
	char comment[128];
	c->missed_told = atomic_load_explicit(&c->missed, memory_order_relaxed);
	c->told_ns = wall_ns();
	snprintf(comment, sizeof(comment), "%llu frames of all interfaces were missed: the reader was too slow",
		 (unsigned long long)c->missed_told);
	for (unsigned i = 0; i < n; i++)
		pcapng_statistics(&c->out, &(struct pcapng_statistics){
						   .interface = i,
						   .time_ns = (uint64_t)c->told_ns,
						   .received = c->interface[i].received,
						   .missed = i ? 0 : c->missed_told,
						   .comment = i || !c->missed_told ? NULL : comment,
					   });
}

/* Frames were missed and the file does not say so yet; told at once, then once a second, as a reader may go
 * any time. */
static bool statistics_due(const struct capture *c)
{
	return c->n_interfaces && c->missed_told != atomic_load_explicit(&c->missed, memory_order_relaxed) &&
	       llabs(wall_ns() - c->told_ns) >= CLOCK_CHECK_NS;
}

/* The next piece of the file into out. */
static void encode(struct capture *c)
{
	struct slot *s;
	clock_compare(c);
	while (c->out.len < READ_AHEAD && !c->finished && rte_ring_dequeue(c->filled, (void **)&s) == 0) {
		write_frame(c, s);
		for (struct slot *next; s; s = next) {
			next = s->next;
			rte_ring_enqueue(c->free, s);
		}
		c->finished = c->count && c->written == c->count;
	}
	if (c->finished)
		write_statistics(c, c->n_interfaces);
	else if (statistics_due(c))
		write_statistics(c, 1);
}

long capture_read(struct capture *c, char *buf, size_t max)
{
	if (c->given == c->out.len && !c->finished) {
		if (c->given)
			c->out.len = c->given = 0;
		encode(c);
	}
	if (c->out.failed)
		return -1;
	size_t n = RTE_MIN(max, c->out.len - c->given);
	if (n)
		memcpy(buf, c->out.text + c->given, n);
	c->given += n;
	return n ? (long)n : c->finished ? -1 : 0;
}
