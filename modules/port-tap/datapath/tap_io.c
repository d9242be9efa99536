/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames from and to a tap, one readv or writev each, the virtio header in front. A frame is read into a small
 * mbuf and, what does not fit, a big one behind it: a short frame costs no big buffer, and a 64 KiB segment
 * comes in two pieces. What was prepared and not needed goes back: a port that kept it would, with its thousand
 * neighbours, keep all there is.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/runtime/drop.h"
#include "core/runtime/offload.h"
#include "modules/port-tap/control/tap.h"

#define ETHER_HEADER 14

DROP(port_tap, tap_malformed, "tap-malformed",
     "the guest sent a frame that is too short, too long, or whose offload header does not fit it; look at the guest's driver")
DROP(port_tap, tap_queue_full, "tap-queue-full",
     "the guest's kernel did not take the frame in time: its receive queue is full; the guest is too slow")
DROP(port_tap, tap_down, "tap-down",
     "the tap is down or gone, so nobody receives; set the link up inside its namespace")
DROP(port_tap, tap_refused, "tap-refused", "the kernel refused to write this frame to the tap; look at its sender")

/* What is ready to be read into. */
struct tap_spare {
	struct frame *head; /* small */
	struct rte_mbuf *rest; /* big: what of a frame does not fit in the small one */
};

static bool spare_fill(struct tap_spare *spare)
{
	const struct frame_pools *pools = port_pools();
	if (!spare->head)
		spare->head = frame_alloc(pools->small);
	if (!spare->rest) {
		spare->rest = rte_pktmbuf_alloc(pools->big);
		if (spare->rest)
			spare->rest->data_off = 0; /* nobody puts anything in front of it */
	}
	return spare->head && spare->rest;
}

static void spare_free(struct tap_spare *spare)
{
	if (spare->head)
		frame_free(spare->head);
	rte_pktmbuf_free(spare->rest);
}

/* A frame of len bytes was read into the spare; it becomes one. */
static struct frame *spare_take(struct tap_spare *spare, uint32_t len)
{
	struct frame *f = spare->head;
	uint32_t room = rte_pktmbuf_tailroom(&f->m);
	spare->head = NULL;
	f->m.pkt_len = len;
	f->m.data_len = (uint16_t)RTE_MIN(len, room);
	if (len > room) {
		f->m.next = spare->rest;
		f->m.nb_segs = 2;
		spare->rest->data_len = (uint16_t)(len - room);
		spare->rest = NULL;
	}
	return f;
}

/* The tap is gone: without this its descriptor would be readable for ever. Once in its life. */
static void lose(struct tap_port *t, struct port_queue *q)
{
	dup3(tap_nowhere, q->fd, O_CLOEXEC);
	q->enabled = false;
	atomic_store_explicit(&t->lost, true, memory_order_release);
}

uint16_t tap_rx(struct port_queue *q, struct frame **frames, uint16_t n)
{
	struct tap_port *t = (struct tap_port *)q->port;
	struct tap_spare spare = {0};
	struct virtio_net_hdr h;
	uint16_t got = 0;
	while (got < n && spare_fill(&spare)) {
		struct iovec iov[] = {
			{&h, sizeof(h)},
			{frame_data(spare.head), rte_pktmbuf_tailroom(&spare.head->m)},
			{rte_pktmbuf_mtod(spare.rest, void *), rte_pktmbuf_tailroom(spare.rest)},
		};
		size_t room = sizeof(h) + iov[1].iov_len + iov[2].iov_len;
		ssize_t r = readv(q->fd, iov, 3);
		if (r < 0) {
			if (errno == EBADFD)
				lose(t, q);
			break;
		}
		struct frame *f = spare_take(&spare, r < (ssize_t)sizeof(h) ? 0 : (uint32_t)r - sizeof(h));
		/* A frame that filled all the room was cut. */
		if (frame_len(f) < ETHER_HEADER || (size_t)r == room || offload_from_virtio(f, &h)) {
			port_rx_drop(q, &drop_tap_malformed, f);
			continue;
		}
		frames[got++] = f;
	}
	spare_free(&spare);
	return got;
}

/* Why a write failed. *ret_all: the tap itself is in the way, so the next frame would fare no better. */
static const struct drop_reason *write_failed(int error, bool *ret_all)
{
	*ret_all = true;
	switch (error) {
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		return &drop_tap_queue_full;
	case EIO: /* the link is down */
	case EBADFD: /* the tap was deleted */
		return &drop_tap_down;
	default:
		*ret_all = false;
		return &drop_tap_refused;
	}
}

static int tap_write(int fd, const struct frame *f)
{
	struct virtio_net_hdr h;
	struct iovec iov[1 + FRAME_IOV_MAX];
	offload_to_virtio(f, &h);
	iov[0] = (struct iovec){&h, sizeof(h)};
	unsigned pieces = frame_iov(f, iov + 1, FRAME_IOV_MAX);
	if (!pieces)
		return EMSGSIZE;
	return writev(fd, iov, (int)pieces + 1) < 0 ? errno : 0;
}

uint16_t tap_tx(struct port_queue *q, struct frame **frames, uint16_t n)
{
	if (!q->enabled) {
		q->tx_drop = &drop_tap_down;
		return 0;
	}
	uint16_t refused = 0, i = 0;
	for (bool all = false; i < n && !all; i++) {
		int error = tap_write(q->fd, frames[i]);
		if (!error) {
			frame_free(frames[i]);
			continue;
		}
		/* One frame that the kernel dislikes must not cost the others: it waits in front for its drop. */
		q->tx_drop = write_failed(error, &all);
		frames[refused++] = frames[i];
	}
	uint16_t sent = i - refused;
	memmove(frames + sent, frames, refused * sizeof(*frames));
	return sent;
}
