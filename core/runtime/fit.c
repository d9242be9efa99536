/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runtime/fit.h"

#include <errno.h>

#include "core/runtime/offload.h"

DROP(core, too_big, "too-big",
     "longer than the receiving adapter's MTU; raise the adapter's and the switch's mtu or lower the sender's")
DROP(core, bad_offload, "bad-offload",
     "the sender left a checksum or segmentation to be done that the frame does not bear out")
DROP(core, fit_no_memory, "no-memory-to-fit", "no frame buffer was free to segment into; raise weftd --memory")

enum fit { FIT_AS_IT_IS, FIT_CHECKSUM, FIT_SEGMENT, FIT_TOO_BIG };

static uint32_t capability_for(const struct frame_offload *o)
{
	static const uint32_t needed[] = {
		[FRAME_GSO_NONE] = 0,
		[FRAME_GSO_TCP4] = PORT_CAN_TSO4,
		[FRAME_GSO_TCP6] = PORT_CAN_TSO6,
		[FRAME_GSO_UDP] = PORT_CAN_USO,
	};
	return needed[o->gso] | (o->ecn ? PORT_CAN_ECN : 0);
}

static enum fit judge(const struct dp_adapter *to, struct frame *f)
{
	bool offload = f->m.ol_flags & FRAME_OFFLOAD;
	bool gso = offload && f->offload.gso != FRAME_GSO_NONE;
	if (likely(!offload && frame_len(f) <= to->mtu + 14u))
		return FIT_AS_IT_IS;
	frame_parse(f);
	uint32_t longest = gso ? (uint32_t)f->offload.header_len + f->offload.gso_size : frame_len(f);
	if (longest > to->mtu + f->headers.l3_off)
		return FIT_TOO_BIG;
	if (!offload)
		return FIT_AS_IT_IS;
	uint32_t can = to->port->capabilities;
	if (gso)
		return (can & capability_for(&f->offload)) == capability_for(&f->offload) ? FIT_AS_IT_IS
											  : FIT_SEGMENT;
	return can & PORT_CAN_CSUM || !f->offload.csum ? FIT_AS_IT_IS : FIT_CHECKSUM;
}

static void send(struct pipe *p, const struct dp_adapter *to, struct frame **frames, uint16_t n)
{
	pipe_transmit(p, to, frames, n, frames_bytes(frames, n));
}

static void send_segments(struct pipe *p, const struct dp_adapter *to, struct frame *f)
{
	struct frame *segment[OFFLOAD_SEGMENTS_MAX];
	int n = offload_segment(f, p->pools, segment, OFFLOAD_SEGMENTS_MAX);
	if (n <= 0) {
		pipe_drop(p, to, f, n == -ENOMEM ? &drop_fit_no_memory : &drop_bad_offload);
		return;
	}
	PIPE_TRACE(p, to, "note", "cut into %d segments, checksums filled in: the port does not take them whole", n);
	pipe_row(p, to)->egress_copies += (unsigned)n - 1;
	frame_free(f);
	for (int i = 0; i < n; i += PIPE_OUT_MAX)
		send(p, to, segment + i, (uint16_t)RTE_MIN(n - i, PIPE_OUT_MAX));
}

/* f with its checksum filled in, or NULL when it was dropped. */
static struct frame *with_checksum(struct pipe *p, const struct dp_adapter *to, struct frame *f)
{
	struct frame *own = frame_unshare(f, p->pools);
	if (!own) {
		pipe_drop(p, to, f, &drop_fit_no_memory);
		return NULL;
	}
	if (offload_checksum(own)) {
		pipe_drop(p, to, own, &drop_bad_offload);
		return NULL;
	}
	return own;
}

/* frames[0..n) hold at least one that may not fit as it is. Order is kept. */
static void fit_slowly(struct pipe *p, const struct dp_adapter *to, struct frame **frames, uint16_t n)
{
	struct frame *ready[PIPE_OUT_MAX];
	uint16_t n_ready = 0;
	for (uint16_t i = 0; i < n; i++) {
		struct frame *f = frames[i];
		switch (judge(to, f)) {
		case FIT_AS_IT_IS:
			ready[n_ready++] = f;
			break;
		case FIT_CHECKSUM:
			f = with_checksum(p, to, f);
			if (f)
				ready[n_ready++] = f;
			break;
		case FIT_SEGMENT:
			if (n_ready)
				send(p, to, ready, n_ready);
			n_ready = 0;
			send_segments(p, to, f);
			break;
		case FIT_TOO_BIG:
			pipe_drop(p, to, f, &drop_too_big);
			break;
		}
	}
	if (n_ready)
		send(p, to, ready, n_ready);
}

void fit_and_send(struct pipe *p, const struct dp_adapter *to, struct frame **frames, uint16_t n)
{
	uint64_t flags = 0, bytes = 0;
	uint32_t longest = 0;
	for (uint16_t i = 0; i < n; i++) {
		uint32_t len = frames[i]->m.pkt_len;
		flags |= frames[i]->m.ol_flags;
		longest = RTE_MAX(longest, len);
		bytes += len;
	}
	if (unlikely(flags & (FRAME_OFFLOAD | FRAME_LENT) || longest > to->mtu + 14u))
		fit_slowly(p, to, frames, n);
	else
		pipe_transmit(p, to, frames, n, bytes);
}
