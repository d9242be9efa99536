/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bursts from and to a guest's rings, and sleeping on them. Before the library is called, the ring itself is
 * looked at: an empty poll then costs a few loads (the library takes a lock, and for a packed ring allocates
 * and frees a burst of buffers), and sleeping needs the look anyway, since the library's own count is wrong
 * for packed rings.
 */
#include <string.h>
#include <sys/epoll.h>

#include <rte_cycles.h>
#include <rte_vhost.h>

#include "core/runtime/drop.h"
#include "core/runtime/offload.h"
#include "modules/port-vhost/datapath/vhost.h"

#define LIBRARY_BURST 32 /* more in one call it does not take */
#define STUCK_MS 200 /* a ring that says work this long and gives none is broken */

DROP(port_vhost, vhost_bad_offload, "vhost-bad-offload",
     "the guest left a checksum or segmentation to be done that its frame does not bear out; look at the guest's driver")
DROP(port_vhost, vhost_bad_descriptor, "vhost-bad-descriptor",
     "the guest's ring named memory or lengths that cannot be; look at the guest's driver")
DROP(port_vhost, vhost_too_long, "vhost-too-long",
     "longer or in more pieces than a frame can be, or than the buffers that the guest has put up to receive")
DROP(port_vhost, vhost_ring_full, "vhost-ring-full",
     "the guest does not take frames as fast as they come: its receive ring is full")
DROP(port_vhost, vhost_not_connected, "vhost-not-connected",
     "no guest is connected to the adapter's socket, or its driver has not brought the device up")
DROP(port_vhost, vhost_no_memory, "vhost-no-memory",
     "no frame buffer was free to hand the frame over in; raise weftd --memory")

static inline unsigned vring_rx(const struct port_queue *q) { return 2u * q->index + 1; }
static inline unsigned vring_tx(const struct port_queue *q) { return 2u * q->index; }

/* Does the ring offer something at position `at` (packed: bit 15 is the wrap counter)? */
static bool ring_has_work(const struct vhost_ring *r, uint16_t at)
{
	if (!r->packed) {
		const struct vring_avail *avail = r->entries;
		return *(const volatile uint16_t *)&avail->idx != at;
	}
	const struct vring_packed_desc *desc = r->entries;
	uint16_t flags = *(const volatile uint16_t *)&desc[at & 0x7fff].flags;
	bool wrap = at >> 15;
	return !!(flags & 1 << VRING_PACKED_DESC_F_AVAIL) == wrap &&
	       !!(flags & 1 << VRING_PACKED_DESC_F_USED) != wrap;
}

/* Chains in from..to of a packed ring, one that is cut short included. The library returns descriptors with the guest's
 * NEXT still in them. A guest that writes them meanwhile is counted wrong, which is its own affair. */
static unsigned packed_chains(const struct vhost_ring *r, uint16_t from, uint16_t to)
{
	const volatile struct vring_packed_desc *desc = r->entries;
	uint16_t at = from & 0x7fff, end = to & 0x7fff;
	unsigned chains = 0;
	bool more = false;
	for (uint16_t seen = 0; seen < r->size && (at != end || !seen); seen++) {
		more = desc[at].flags & VRING_DESC_F_NEXT;
		chains += !more;
		at = at + 1 < r->size ? at + 1 : 0;
	}
	return chains + more;
}

/* Frames that the library took from the ring and could not make anything of: at most one a call, the last. */
static bool one_is_lost(const struct vhost_ring *r, uint16_t before, uint16_t after, uint16_t got)
{
	uint16_t moved = after - before;
	if (!r->packed)
		return (int16_t)(moved - got) > 0;
	if (!got || !moved)
		return moved;
	uint16_t descriptors = (after & 0x7fff) - (before & 0x7fff) + ((after ^ before) & 0x8000 ? r->size : 0);
	/* In order, the first chain returned has lost its flags: what is lost behind good ones stays unknown. */
	return descriptors > got && !r->in_order && packed_chains(r, before, after) > got;
}

static void stuck(struct port_queue *q, struct vhost_queue *v)
{
	uint64_t now = rte_rdtsc();
	if (!v->stuck_since || vhost_budget_starved()) {
		v->stuck_since = now;
	} else if (now - v->stuck_since > STUCK_MS * rte_get_tsc_hz() / 1000) {
		atomic_store(&v->rx_vid, VHOST_NOBODY);
		atomic_store(&vhost_port_of(q->port)->fault, VHOST_RING_BROKEN);
	}
}

static uint16_t dequeue(struct port_queue *q, struct vhost_queue *v, int vid, struct rte_mbuf **m, uint16_t n)
{
	uint16_t before = 0, after = 0, used;
	uint16_t vring = (uint16_t)vring_rx(q);
	if (rte_vhost_get_vring_base(vid, vring, &before, &used))
		return 0;
	if (!ring_has_work(&v->ring, before)) {
		if (likely(!atomic_load_explicit(&v->poked, memory_order_relaxed)))
			return 0;
		atomic_store_explicit(&v->poked, false, memory_order_relaxed);
	}
	uint16_t got = rte_vhost_dequeue_burst(vid, vring, vhost_budget(n), m, n);
	if (likely(got == n))
		return got;
	rte_vhost_get_vring_base(vid, vring, &after, &used);
	if (unlikely(after == before && !got)) {
		stuck(q, v);
		return 0;
	}
	v->stuck_since = 0;
	if (unlikely(one_is_lost(&v->ring, before, after, got)))
		port_rx_drop(q, vhost_budget_starved() ? &drop_vhost_no_memory : &drop_vhost_bad_descriptor, NULL);
	return got;
}

/* The frames that are frames, in order. Plain ones, nearly all, cost the look at one line that is warm. */
static uint16_t accept_frames(struct port_queue *q, struct frame **frames, uint16_t n)
{
	uint16_t kept = 0;
	for (uint16_t i = 0; i < n; i++) {
		struct frame *f = frames[i];
		if (likely(!f->m.ol_flags && f->m.nb_segs == 1)) {
			frames[kept++] = f;
		} else if (f->m.nb_segs > FRAME_IOV_MAX || f->m.pkt_len > FRAME_MAX) {
			port_rx_drop(q, &drop_vhost_too_long, f);
		} else if (f->m.ol_flags && offload_from_mbuf(f)) {
			port_rx_drop(q, &drop_vhost_bad_offload, f);
		} else {
			frames[kept++] = f;
		}
	}
	return kept;
}

uint16_t vhost_rx(struct port_queue *q, struct frame **frames, uint16_t n)
{
	struct vhost_queue *v = vhost_queue_of(q);
	int vid = vhost_hold(&v->rx_vid, &v->busy_fast);
	if (vid == VHOST_NOBODY)
		return 0;
	uint16_t got = dequeue(q, v, vid, (struct rte_mbuf **)frames, RTE_MIN(n, LIBRARY_BURST));
	vhost_release(&v->busy_fast);
	return got ? accept_frames(q, frames, got) : 0;
}

/* How many of frames[0..n) are ready for the library; the next one cannot be made so. */
static uint16_t prepare(struct frame **frames, uint16_t n)
{
	uint64_t flags = 0;
	for (uint16_t i = 0; i < n; i++)
		flags |= frames[i]->m.ol_flags;
	if (likely(!(flags & (FRAME_OFFLOAD | FRAME_LENT))))
		return n;
	for (uint16_t i = 0; i < n; i++)
		if (frames[i]->m.ol_flags & (FRAME_OFFLOAD | FRAME_LENT) && !vhost_claim_make(&frames[i]))
			return i;
	return n;
}

static uint16_t enqueue(int vid, uint16_t vring, struct frame **frames, uint16_t n)
{
	uint16_t sent = 0;
	while (sent < n) {
		uint16_t want = RTE_MIN((uint16_t)(n - sent), LIBRARY_BURST);
		uint16_t took = rte_vhost_enqueue_burst(vid, vring, (struct rte_mbuf **)frames + sent, want);
		sent += took;
		if (took < want)
			break;
	}
	return sent;
}

/*
 * Without mergeable buffers the library stops at a frame longer than the buffer at the ring's head just as it stops
 * at a full ring. So the one it stopped at and those no shorter go behind the others, which are tried once more.
 */
static uint16_t enqueue_around(int vid, uint16_t vring, struct frame **frames, uint16_t n, bool *ret_too_long)
{
	uint16_t took = enqueue(vid, vring, frames, n), sent = took, rest = n;
	while (sent < rest) {
		uint32_t refused = frames[sent]->m.pkt_len;
		while (sent < rest && frames[sent]->m.pkt_len >= refused) {
			struct frame *f = frames[sent];
			memmove(frames + sent, frames + sent + 1, (size_t)(n - sent - 1) * sizeof(*frames));
			frames[n - 1] = f;
			rest--;
		}
		took = enqueue(vid, vring, frames + sent, (uint16_t)(rest - sent));
		sent += took;
	}
	*ret_too_long = sent < n && took;
	return sent;
}

uint16_t vhost_tx(struct port_queue *q, struct frame **frames, uint16_t n)
{
	struct vhost_queue *v = vhost_queue_of(q);
	uint16_t ready = prepare(frames, n), sent;
	bool too_long = false;
	int vid = vhost_hold(&v->tx_vid, &v->busy_slow);
	if (vid == VHOST_NOBODY) {
		q->tx_drop = &drop_vhost_not_connected;
		return 0;
	}
	if (likely(v->mergeable))
		sent = enqueue(vid, (uint16_t)vring_tx(q), frames, ready);
	else
		sent = enqueue_around(vid, (uint16_t)vring_tx(q), frames, ready, &too_long);
	vhost_release(&v->busy_slow);
	rte_pktmbuf_free_bulk((struct rte_mbuf **)frames, sent);
	if (unlikely(sent < n)) {
		if (sent == ready)
			q->tx_drop = &drop_vhost_no_memory;
		else
			q->tx_drop = too_long ? &drop_vhost_too_long : &drop_vhost_ring_full;
	}
	return sent;
}

bool vhost_arm(struct port_queue *q)
{
	struct vhost_queue *v = vhost_queue_of(q);
	struct epoll_event event;
	epoll_wait(v->wake_fd, &event, 1,
		   0); /* edge-triggered inside: takes back what woke us, whoever's kick it was */
	int vid = vhost_hold(&v->rx_vid, &v->busy_slow);
	if (vid == VHOST_NOBODY)
		return false;
	atomic_store_explicit(&v->armed, true, memory_order_relaxed);
	rte_vhost_enable_guest_notification(vid, (uint16_t)vring_rx(q), 1);
	vhost_release(&v->busy_slow);
	/* The guest reads "notify me" after it offers; we offer "notify me" and then read. */
	atomic_thread_fence(memory_order_seq_cst);
	uint16_t at = 0, used;
	bool work = atomic_load_explicit(&v->poked, memory_order_relaxed);
	vid = vhost_hold(&v->rx_vid, &v->busy_fast);
	if (vid != VHOST_NOBODY) {
		rte_vhost_get_vring_base(vid, (uint16_t)vring_rx(q), &at, &used);
		work |= v->ring.deaf || ring_has_work(&v->ring, at);
		vhost_release(&v->busy_fast);
	}
	return work;
}

void vhost_disarm(struct port_queue *q)
{
	struct vhost_queue *v = vhost_queue_of(q);
	if (!atomic_load_explicit(&v->armed, memory_order_relaxed))
		return;
	int vid = vhost_hold(&v->rx_vid, &v->busy_slow);
	if (vid == VHOST_NOBODY)
		return;
	atomic_store_explicit(&v->armed, false, memory_order_relaxed);
	rte_vhost_enable_guest_notification(vid, (uint16_t)vring_rx(q), 0);
	rte_vhost_enable_guest_notification(vid, (uint16_t)vring_tx(q), 0); /* nobody waits for its buffers */
	vhost_release(&v->busy_slow);
}
