/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Up: one ring from all workers to the control thread, which an eventfd wakes. Each adapter may have PUNT_EACH frames
 * in it, so that whoever storms finds his own share full and nobody else's.
 */
#include "core/runtime/punt.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include <rte_ring_elem.h>

#include "core/control/waker.h"
#include "core/runtime/pipe.h"

#define PUNT_RING 4096 /* frames waiting, of all adapters */
#define PUNT_EACH 64 /* of one adapter */
#define PUNT_TURN 256 /* handled before the loop's other sources have their turn */

DROP(core, punt_full, "punt-full",
     "the adapter's frames come faster than the control thread looks at them; a storm of questions or unknown addresses")

struct punt_item {
	struct frame *frame;
	const struct punt_kind *kind;
};

static struct rte_ring *ring;
static struct waker waker = WAKER_CLOSED;
static atomic_ushort waiting[DP_ADAPTERS_MAX]; /* in the ring, by adapter */

/* A private copy in our own memory, which may stay as long as the control thread likes; NULL: no memory, f is kept. */
static struct frame *detach(struct pipe *p, struct frame **f)
{
	struct frame *own = frame_unshare(*f, p->pools);
	if (!own)
		return NULL;
	*f = own;
	return frame_own(own, p->pools) ? NULL : own;
}

void punt(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct punt_kind *kind)
{
	if (unlikely(p->trace != NULL)) {
		PIPE_TRACE(p, a, "punt", "to the control thread: %s", kind->name);
		pipe_consume(p, a, f);
		return;
	}
	if (atomic_fetch_add_explicit(&waiting[a->id], 1, memory_order_relaxed) >= PUNT_EACH) {
		atomic_fetch_sub_explicit(&waiting[a->id], 1, memory_order_relaxed);
		pipe_drop(p, a, f, &drop_punt_full);
		return;
	}
	struct punt_item item = {.frame = detach(p, &f), .kind = kind};
	if (!item.frame) {
		atomic_fetch_sub_explicit(&waiting[a->id], 1, memory_order_relaxed);
		pipe_drop(p, a, f, &drop_no_memory);
		return;
	}
	f->m.port = a->id;
	if (rte_ring_mp_enqueue_elem(ring, &item, sizeof(item))) {
		atomic_fetch_sub_explicit(&waiting[a->id], 1, memory_order_relaxed);
		pipe_drop(p, a, f, &drop_punt_full);
		return;
	}
	pipe_row(p, a)->consumed++;
	waker_wake(&waker);
}

static bool take(struct punt_item *item)
{
	if (rte_ring_sc_dequeue_elem(ring, item, sizeof(*item)))
		return false;
	atomic_fetch_sub_explicit(&waiting[item->frame->m.port], 1, memory_order_relaxed);
	return true;
}

static void on_punt(void)
{
	struct punt_item item;
	for (unsigned i = 0; i < PUNT_TURN; i++) {
		if (!take(&item))
			return;
		item.kind->handle(item.frame->m.port, item.frame);
	}
	waker_wake(&waker);
}

int punt_init(void)
{
	ring = rte_ring_create_elem("punt", sizeof(struct punt_item), PUNT_RING, SOCKET_ID_ANY, RING_F_SC_DEQ);
	if (!ring)
		return -ENOMEM;
	int rc = waker_open(&waker, on_punt);
	if (rc)
		punt_fini();
	return rc;
}

void punt_fini(void)
{
	struct punt_item item;
	while (ring && take(&item))
		frame_free(item.frame);
	waker_close(&waker);
	rte_ring_free(ring);
	ring = NULL;
}
