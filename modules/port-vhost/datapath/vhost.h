/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A port of kind "vhost-user": one socket, one guest behind it, rings in the guest's memory, which rte_vhost
 * works on. Shared by the driver's files.
 *
 * The library's threads take rings and memory away when the guest says so, workers are on them at the same
 * moment. A worker says that it is inside by a flag and then looks whether it may (vhost_hold); who takes
 * away forbids and then waits for the flag (vhost_let_go). Workers pay no fence for that: the other side, a
 * few times in a guest's life, makes every processor pass one (membarrier).
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>

#include "core/runtime/port.h"

#define VHOST_NOBODY (-1)
#define VHOST_REGIONS_MAX 9 /* eight of memory and the log of a migration */
#define VHOST_INCIDENTS_MAX 16 /* refused messages after which the front end is refused itself */

/* Why a connected guest is not served; until its driver resets the device, or reconnects. */
enum vhost_fault {
	VHOST_FINE,
	VHOST_MEMORY_GONE, /* it took memory away that it had shared */
	VHOST_RING_BROKEN, /* its ring names descriptors that cannot be */
};

/* What rx looks at before it calls the library. Written only while rx_vid is VHOST_NOBODY. */
struct vhost_ring {
	const void *entries; /* struct vring_avail, or struct vring_packed_desc[] */
	uint16_t size; /* entries */
	bool packed, in_order;
	bool deaf; /* the guest gave no eventfd: it never kicks */
};

struct vhost_queue {
	/* The library's device for each direction (as the switch sees it), or VHOST_NOBODY: hands off. */
	atomic_int rx_vid, tx_vid;
	/* Workers inside: looking or receiving, which never waits; sending or arming, which may wait for the library's
	 * lock, so that whoever holds that lock must not wait for it in turn. */
	atomic_bool busy_fast, busy_slow;
	atomic_bool armed; /* kicks may be on; new rings come so */
	atomic_bool poked; /* the library has a frame of its own to give (the announcement after a migration) */
	struct vhost_ring ring;
	bool mergeable; /* a frame may take several of the guest's buffers. Written only while tx_vid is VHOST_NOBODY */
	uint64_t stuck_since; /* TSC; the ring said work and gave none; 0: it moves. Worker's */
	int wake_fd; /* an epoll set of its own around kick_fd, so that port_queue.fd never changes; -1: none */
	int kick_fd; /* duplicate of the guest's eventfd; -1: none. Under the driver's lock */
} __rte_cache_aligned;

struct vhost_region {
	uintptr_t start;
	size_t len;
};

struct vhost_port {
	struct port port; /* first */
	bool peer_listens;
	bool registered; /* the library knows the socket */
	int live; /* the device that is served, or VHOST_NOBODY. Under the driver's lock, as the next five */
	bool open; /* connections are let in */
	unsigned connections; /* open on the socket, whether served or not */
	unsigned incidents; /* messages refused */
	const char *last_incident; /* NULL: none */
	uint64_t features; /* negotiated; 0: nobody is connected */
	_Atomic(enum vhost_fault) fault;
	struct vhost_port *next; /* of all ports. Under the driver's lock */

	/* What tick has logged. */
	enum vhost_fault told_fault;
	unsigned told_incidents;
	bool told_served;

	struct vhost_queue queue[PORT_QUEUES_MAX];
};

static inline struct vhost_port *vhost_port_of(struct port *p) { return (struct vhost_port *)p; }
static inline struct vhost_queue *vhost_queue_of(struct port_queue *q)
{
	return &vhost_port_of(q->port)->queue[q->index];
}

/* fault.c: whose memory this thread is on, so that a fault there is that port's only; or VHOST_NOBODY. */
extern __thread int vhost_here;
extern bool vhost_fences_remote; /* membarrier is there; else workers fence themselves */

/* The device if this worker may go on (then vhost_release), or VHOST_NOBODY. */
static inline int vhost_hold(atomic_int *vid, atomic_bool *busy)
{
	if (atomic_load_explicit(vid, memory_order_relaxed) == VHOST_NOBODY)
		return VHOST_NOBODY;
	atomic_store_explicit(busy, true, memory_order_relaxed);
	if (likely(vhost_fences_remote))
		atomic_signal_fence(memory_order_seq_cst);
	else
		atomic_thread_fence(memory_order_seq_cst);
	int device = atomic_load_explicit(vid, memory_order_acquire);
	if (unlikely(device == VHOST_NOBODY)) {
		atomic_store_explicit(busy, false, memory_order_release);
		return VHOST_NOBODY;
	}
	vhost_here = device;
	return device;
}

static inline void vhost_release(atomic_bool *busy)
{
	vhost_here = VHOST_NOBODY;
	atomic_store_explicit(busy, false, memory_order_release);
}

/* rxtx.c, as in struct port_ops. */
uint16_t vhost_rx(struct port_queue *q, struct frame **frames, uint16_t n);
uint16_t vhost_tx(struct port_queue *q, struct frame **frames, uint16_t n);
bool vhost_arm(struct port_queue *q);
void vhost_disarm(struct port_queue *q);

/* claim.c: *slot made ready for the library: owned, unshared, offloads in its terms. False: out of memory. */
bool vhost_claim_make(struct frame **slot);

/* budget.c: the pool that the library fills frames from, bounded for one call. */
int vhost_budget_init(void);
struct rte_mempool *vhost_budget(uint16_t frames);
bool vhost_budget_starved(void); /* since the last vhost_budget, the real pools had nothing */
