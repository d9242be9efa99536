/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames from and to a packet socket, up to 32 a system call, each with its virtio header in front. A frame is
 * read into a small mbuf and, what does not fit, a big one behind it; both are kept for the next call where
 * they were not needed. How many are prepared follows how many came, so that a quiet port holds few.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "core/runtime/drop.h"
#include "core/runtime/offload.h"
#include "modules/port-wire/control/interface.h"
#include "modules/port-wire/datapath/packet_tag.h"

#define ETHER_HEADER 14
#define WINDOW_MIN 2

DROP(port_wire, packet_malformed, "packet-malformed",
     "a frame came in that is too short, too long, or whose offload header does not fit it; look at its sender")
DROP(port_wire, packet_socket_full, "packet-socket-full",
     "the interface does not take frames as fast as they come; it is slower than its senders")
DROP(port_wire, interface_down, "interface-down", "the interface is down or gone; `weft status` tells which")
DROP(port_wire, packet_refused, "packet-refused",
     "the kernel refused to send this frame on the interface; look at its length and the interface's MTU")

/* Makes slot i of the batch ready to be read into. */
static bool slot_fill(struct packet_rx *rx, uint16_t i)
{
	const struct frame_pools *pools = port_pools();
	if (!rx->head[i])
		rx->head[i] = frame_alloc(pools->small);
	if (!rx->rest[i]) {
		rx->rest[i] = rte_pktmbuf_alloc(pools->big);
		if (rx->rest[i])
			rx->rest[i]->data_off = 0; /* nobody puts anything in front of it */
	}
	if (!rx->head[i] || !rx->rest[i])
		return false;
	struct msghdr *msg = &rx->message[i].msg_hdr;
	rx->iov[i][0] = (struct iovec){&rx->header[i], sizeof(rx->header[i])};
	rx->iov[i][1] = (struct iovec){frame_data(rx->head[i]), rte_pktmbuf_tailroom(&rx->head[i]->m)};
	rx->iov[i][2] = (struct iovec){rte_pktmbuf_mtod(rx->rest[i], void *), rte_pktmbuf_tailroom(rx->rest[i])};
	*msg = (struct msghdr){.msg_iov = rx->iov[i],
			       .msg_iovlen = 3,
			       .msg_control = rx->control[i],
			       .msg_controllen = PACKET_CONTROL_SIZE};
	return true;
}

static void slot_free(struct packet_rx *rx, uint16_t i)
{
	if (rx->head[i])
		frame_free(rx->head[i]);
	rte_pktmbuf_free(rx->rest[i]);
	rx->head[i] = NULL;
	rx->rest[i] = NULL;
}

void packet_rx_free(struct packet_rx *rx)
{
	for (uint16_t i = 0; i < PACKET_BATCH; i++)
		slot_free(rx, i);
}

/* Wider as soon as a call came back full, narrower when it brought less than half. */
static void window_follow(struct packet_rx *rx, uint16_t asked, uint16_t got)
{
	if (got == asked) {
		if (asked == rx->window)
			rx->window = RTE_MIN(rx->window * 2, PACKET_BATCH);
		return;
	}
	if (got >= rx->window / 2 || rx->window <= WINDOW_MIN)
		return;
	rx->window /= 2;
	for (uint16_t i = rx->window; i < PACKET_BATCH; i++)
		slot_free(rx, i);
}

static struct frame *slot_take(struct packet_rx *rx, uint16_t i, uint32_t len)
{
	struct frame *f = rx->head[i];
	uint32_t room = rte_pktmbuf_tailroom(&f->m);
	rx->head[i] = NULL;
	f->m.pkt_len = len;
	f->m.data_len = (uint16_t)RTE_MIN(len, room);
	if (len > room) {
		f->m.next = rx->rest[i];
		f->m.nb_segs = 2;
		rx->rest[i]->data_len = (uint16_t)(len - room);
		rx->rest[i] = NULL;
	}
	return f;
}

static const struct tpacket_auxdata *slot_auxdata(struct packet_rx *rx, uint16_t i)
{
	static const struct tpacket_auxdata none;
	struct msghdr *msg = &rx->message[i].msg_hdr;
	const struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	if (c && c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA)
		return (const struct tpacket_auxdata *)CMSG_DATA(c);
	return &none;
}

/* What was read into slot i, as a frame; NULL: it never was one, and is counted. */
static struct frame *slot_finish(struct port_queue *q, struct packet_rx *rx, uint16_t i)
{
	uint32_t len = rx->message[i].msg_len, header = sizeof(rx->header[i]);
	struct frame *f = slot_take(rx, i, len < header ? 0 : len - header);
	if (frame_len(f) >= ETHER_HEADER && !(rx->message[i].msg_hdr.msg_flags & MSG_TRUNC) &&
	    packet_tag_restore(f, slot_auxdata(rx, i), &rx->header[i]) && !offload_from_virtio(f, &rx->header[i]))
		return f;
	port_rx_drop(q, &drop_packet_malformed, f);
	return NULL;
}

/* One system call. Returns how many frames it brought, of *ret_asked prepared. */
static uint16_t receive(struct port_queue *q, struct packet_rx *rx, uint16_t room, uint16_t *ret_asked)
{
	uint16_t asked = 0;
	while (asked < RTE_MIN(rx->window, room) && slot_fill(rx, asked))
		asked++;
	*ret_asked = asked;
	if (!asked)
		return 0;
	int n = recvmmsg(q->fd, rx->message, asked, MSG_DONTWAIT, NULL);
	/* The kernel could not say in a virtio header what it has received, and has thrown it away. */
	if (n < 0 && errno == EINVAL)
		port_rx_drop(q, &drop_packet_malformed, NULL);
	return n < 0 ? 0 : (uint16_t)n;
}

uint16_t packet_rx(struct port_queue *q, struct frame **frames, uint16_t n)
{
	struct packet_rx *rx = &((struct interface_port *)q->port)->rx;
	uint16_t good = 0, seen = 0, asked, got;
	do {
		got = receive(q, rx, n - seen, &asked);
		for (uint16_t i = 0; i < got; i++) {
			struct frame *f = slot_finish(q, rx, i);
			if (f)
				frames[good++] = f;
		}
		seen += got;
		window_follow(rx, asked, got);
	} while (got && got == asked && seen < n);
	return good;
}

/* Why the first of a batch was refused. *ret_all: the next would fare no better. */
static const struct drop_reason *send_failed(int error, bool *ret_all)
{
	*ret_all = true;
	switch (error) {
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		return &drop_packet_socket_full;
	case ENETDOWN:
	case ENXIO: /* bound to nothing: the interface is waited for */
	case ENODEV:
		return &drop_interface_down;
	default:
		*ret_all = false;
		return &drop_packet_refused;
	}
}

/* How many of the batch can be sent at once: a frame in too many pieces ends it. */
static uint16_t batch_fill(struct packet_tx *tx, struct frame *const *frames, uint16_t n)
{
	uint16_t i = 0;
	for (; i < n && i < PACKET_BATCH; i++) {
		unsigned pieces = frame_iov(frames[i], &tx->iov[i][1], FRAME_IOV_MAX);
		if (!pieces)
			break;
		offload_to_virtio(frames[i], &tx->header[i]);
		tx->iov[i][0] = (struct iovec){&tx->header[i], sizeof(tx->header[i])};
		tx->message[i].msg_hdr = (struct msghdr){.msg_iov = tx->iov[i], .msg_iovlen = pieces + 1};
	}
	return i;
}

uint16_t packet_tx(struct port_queue *q, struct frame **frames, uint16_t n)
{
	struct packet_tx *tx = &((struct interface_port *)q->port)->tx;
	uint16_t refused = 0, i = 0;
	bool all = false, again = true;
	while (i < n && !all) {
		uint16_t batch = batch_fill(tx, frames + i, n - i);
		int sent = batch ? sendmmsg(q->fd, tx->message, batch, MSG_DONTWAIT) : -1;
		int error = batch ? errno : EMSGSIZE;
		if (sent > 0) {
			for (int k = 0; k < sent; k++)
				frame_free(frames[i++]);
			continue; /* whatever stopped it stops the next call at its first */
		}
		/* The socket still remembers a time when the link was down; it tells so once. */
		if (error == ENETDOWN && again) {
			again = false;
			continue;
		}
		/* One frame that the kernel dislikes must not cost the others: it waits in front for its drop. */
		q->tx_drop = send_failed(error, &all);
		frames[refused++] = frames[i++];
	}
	uint16_t sent = i - refused;
	memmove(frames + sent, frames, refused * sizeof(*frames));
	return sent;
}
