/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames from and to a DPDK device. What the device receives is a frame as it stands; what it is to send it
 * keeps until it has sent it, so a frame goes out as its own memory: a loan is taken over, and a short frame in a
 * big buffer is copied, since a thousand of those may lie in a device's ring.
 */
#include <string.h>

#include "core/runtime/drop.h"
#include "core/runtime/offload.h"
#include "modules/port-wire/control/dpdk.h"

#define ETHER_HEADER 14

DROP(port_wire, dpdk_malformed, "dpdk-malformed", "the device received a frame shorter than an Ethernet header")
DROP(port_wire, dpdk_bad_offload, "dpdk-bad-offload",
     "the device left a checksum to be done that its frame does not bear out; look at the wire's other side")
DROP(port_wire, dpdk_ring_full, "dpdk-ring-full",
     "the device does not send frames as fast as they come; its link is slower than the senders")
DROP(port_wire, dpdk_down, "dpdk-down",
     "the device is not there or its link is down; `weft status` tells what is waited for")
DROP(port_wire, dpdk_refused, "dpdk-refused",
     "the device's driver cannot send this frame: its offloads, its pieces, or no memory for a copy")

/* False: no frame. */
static inline bool frame_receive(struct port_queue *q, struct frame *f)
{
	const struct drop_reason *reason = NULL;
	if (unlikely(frame_head_len(f) < ETHER_HEADER))
		reason = &drop_dpdk_malformed;
	else if (f->m.ol_flags && !dpdk_offload_take(f))
		reason = &drop_dpdk_bad_offload;
	if (unlikely(reason != NULL))
		port_rx_drop(q, reason, f);
	return !reason;
}

uint16_t dpdk_rx(struct port_queue *q, struct frame **frames, uint16_t n)
{
	struct dpdk_port *t = (struct dpdk_port *)q->port;
	if (!q->enabled)
		return 0;
	struct dpdk_early *early = &t->early[q->index];
	uint16_t got = RTE_MIN(n, early->n - early->at), good = 0;
	if (unlikely(got)) {
		memcpy(frames, early->frame + early->at, got * sizeof(*frames));
		early->at += got;
	} else {
		got = rte_eth_rx_burst(t->device, q->index, (struct rte_mbuf **)frames, n);
	}
	for (uint16_t i = 0; i < got; i++)
		if (likely(frame_receive(q, frames[i])))
			frames[good++] = frames[i];
	return good;
}

/* Not every driver can say whether there is something, but all can receive it. */
bool dpdk_arm(struct port_queue *q)
{
	struct dpdk_port *t = (struct dpdk_port *)q->port;
	struct dpdk_early *early = &t->early[q->index];
	if (!q->enabled || q->poll_only)
		return false;
	if (rte_eth_dev_rx_intr_enable(t->device, q->index)) {
		q->poll_only = true;
		return false;
	}
	if (early->at == early->n) {
		early->at = 0;
		early->n = rte_eth_rx_burst(t->device, q->index, early->frame, PORT_BURST);
	}
	return early->n > early->at;
}

void dpdk_disarm(struct port_queue *q)
{
	struct dpdk_port *t = (struct dpdk_port *)q->port;
	if (q->enabled && !q->poll_only)
		rte_eth_dev_rx_intr_disable(t->device, q->index);
}

/* A frame that the device can keep; the one it was made of is gone. NULL: not possible, f stays as it was. */
static struct frame *frame_for_device(const struct dpdk_port *t, struct frame *f)
{
	const struct frame_pools *pools = port_pools();
	bool big_and_short = f->m.pool == pools->big && frame_len(f) <= FRAME_SMALL_ROOM;
	if (big_and_short || (f->m.nb_segs > 1 && !t->scattered)) {
		struct frame *copy = frame_copy(f, pools, UINT32_MAX);
		if (!copy || (copy->m.nb_segs > 1 && !t->scattered)) {
			if (copy)
				frame_free(copy);
			return NULL;
		}
		frame_free(f);
		return copy;
	}
	if (f->m.ol_flags & FRAME_LENT && frame_own(f, pools))
		return NULL;
	return f->m.ol_flags & FRAME_OFFLOAD ? frame_unshare(f, pools) : f;
}

static bool offload_prepare(const struct dpdk_port *t, uint16_t queue, struct frame *f)
{
	struct rte_mbuf *m = &f->m;
	return !dpdk_offload_fill(f) && rte_eth_tx_prepare(t->device, queue, &m, 1) == 1;
}

/* frames[0..n), at most a burst, as the device wants them, in burst[]. Those that cannot be go to refused[], which may
 * be any place before frames + n that is not needed any more. Returns how many are in burst[]. */
static uint16_t burst_prepare(const struct dpdk_port *t, uint16_t queue, struct frame **frames, uint16_t n,
			      struct rte_mbuf **burst, struct frame **refused)
{
	uint16_t ready = 0, bad = 0;
	for (uint16_t i = 0; i < n; i++) {
		struct frame *f = frame_for_device(t, frames[i]);
		if (!f)
			refused[bad++] = frames[i];
		else if (f->m.ol_flags & FRAME_OFFLOAD && !offload_prepare(t, queue, f))
			refused[bad++] = f;
		else
			burst[ready++] = &f->m;
	}
	return ready;
}

uint16_t dpdk_tx(struct port_queue *q, struct frame **frames, uint16_t n)
{
	struct dpdk_port *t = (struct dpdk_port *)q->port;
	struct rte_mbuf *burst[PORT_BURST];
	uint16_t at = 0, refused = 0, left = 0;
	if (!q->enabled) {
		q->tx_drop = &drop_dpdk_down;
		return 0;
	}
	while (at < n && !left) {
		uint16_t chunk = RTE_MIN(n - at, PORT_BURST);
		uint16_t ready = burst_prepare(t, q->index, frames + at, chunk, burst, frames + refused);
		uint16_t took = rte_eth_tx_burst(t->device, q->index, burst, ready);
		at += chunk;
		refused += chunk - ready;
		left = ready - took;
		memcpy(frames + at - left, burst + took, left * sizeof(*frames));
	}
	/* Now: refused ones, places of sent ones, those left over, those not looked at. */
	uint16_t sent = at - left - refused;
	memmove(frames + sent, frames, refused * sizeof(*frames));
	q->tx_drop = &drop_dpdk_refused;
	if (left)
		q->tx_drop =
			atomic_load_explicit(&t->up, memory_order_relaxed) ? &drop_dpdk_ring_full : &drop_dpdk_down;
	return sent;
}
