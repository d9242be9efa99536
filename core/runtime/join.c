/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inverse of segmentation: TCP segments that follow one another in a burst become one frame with the
 * segmentation left to be done, which a guest takes at the cost of one. What Linux calls GRO, with its rules
 * (net/ipv4/tcp_offload.c): cut again, a joined frame gives the segments that it was made of.
 */
#include <endian.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>

#include "base/bytes.h"
#include "core/runtime/offload.h"

#define WORTH_IT 256 /* bytes: of smaller frames alone nothing is gained */
#define FLOWS_MAX 8 /* that are gathered at once; the oldest makes room */
#define PIECES_MAX 32 /* of one joined frame: within FRAME_IOV_MAX, headers and a tap's own included */
#define IP4_LENGTH 2
#define IP4_FLAGS 6
#define IP6_LENGTH 4
#define IP6_HEADER 40
#define TCP_HEADER 20
#define TCP_SEQUENCE 4
#define TCP_FLAGS 13
#define TCP_WINDOW 14
#define TCP_CHECKSUM 16
#define FLAG_ACK 0x10
#define FLAG_PSH 0x08

/* One frame that others may be appended to. */
struct head {
	struct frame *f;
	struct rte_mbuf *last;
	uint32_t next_sequence; /* of the byte behind it */
	uint16_t size; /* payload bytes of each segment but the last */
	uint16_t l4_off, header_len;
	unsigned segments;
};

/* RFC 9293, 3.1; RFC 8200, 8.1. The length is the L4's, in bytes. */
static uint64_t pseudo_sum(const struct frame_headers *h, const uint8_t *ip, uint32_t l4_len)
{
	uint32_t tail[2] = {htobe32(l4_len), htobe32(IPPROTO_TCP)};
	bool ip4 = h->ether_type == RTE_ETHER_TYPE_IPV4;
	uint64_t sum = offload_sum(tail, sizeof(tail), 0);
	return offload_sum(ip + (ip4 ? 12 : 8), ip4 ? 8 : 32, sum);
}

/* Is the TCP checksum right, or vouched for, or still to be filled in from the pseudo-header? */
static bool checksum_good(struct frame *f, uint32_t l4_len)
{
	if (f->m.ol_flags & FRAME_CSUM_GOOD)
		return true;
	if (f->m.ol_flags & FRAME_OFFLOAD)
		return f->offload.csum && f->offload.csum_start == f->headers.l4_off &&
		       f->offload.csum_offset == TCP_CHECKSUM;
	const uint8_t *data = frame_data(f);
	uint64_t sum = pseudo_sum(&f->headers, data + f->headers.l3_off, l4_len);
	return offload_sum_fold(offload_sum(data + f->headers.l4_off, l4_len, sum)) == 0xffff;
}

/* Plain enough to be joined: the IP header as most send it, ACK and PSH at most, payload, nothing behind it. */
static bool eligible(struct frame *f, struct head *ret_h)
{
	if (f->m.ol_flags & FRAME_LENT || f->m.nb_segs != 1 || rte_mbuf_refcnt_read(&f->m) != 1 ||
	    (f->m.ol_flags & FRAME_OFFLOAD && f->offload.gso != FRAME_GSO_NONE))
		return false;
	frame_parse(f);
	const struct frame_headers *h = &f->headers;
	const uint8_t *data = frame_data(f), *ip = data + h->l3_off, *tcp = data + h->l4_off;
	bool ip4 = h->ether_type == RTE_ETHER_TYPE_IPV4;
	if (h->l4_proto != IPPROTO_TCP || !h->l4_off || h->fragmented ||
	    h->l4_off - h->l3_off != (ip4 ? 20 : IP6_HEADER))
		return false;
	uint32_t l4_len = ip4 ? bytes_be16(ip + IP4_LENGTH) - 20u : bytes_be16(ip + IP6_LENGTH);
	uint32_t header = (tcp[12] >> 4) * 4u;
	if (h->l4_off + l4_len != f->m.data_len || header < TCP_HEADER || header >= l4_len ||
	    (tcp[TCP_FLAGS] & ~FLAG_PSH) != FLAG_ACK || (ip4 && !(ip[IP4_FLAGS] & 0x40)) || !checksum_good(f, l4_len))
		return false;
	*ret_h = (struct head){.f = f,
			       .last = &f->m,
			       .next_sequence = bytes_be32(tcp + TCP_SEQUENCE) + l4_len - header,
			       .size = (uint16_t)(l4_len - header),
			       .l4_off = h->l4_off,
			       .header_len = (uint16_t)(h->l4_off + header),
			       .segments = 1};
	return true;
}

/* The same flow: Ethernet and IP addresses, TOS, TTL, ports. */
static bool same_flow(const struct head *a, const struct head *b)
{
	const uint8_t *x = frame_data(a->f), *y = frame_data(b->f);
	unsigned l3 = a->f->headers.l3_off;
	if (a->l4_off != b->l4_off || l3 != b->f->headers.l3_off || memcmp(x, y, l3) != 0 ||
	    memcmp(x + a->l4_off, y + a->l4_off, 4) != 0)
		return false;
	if (a->f->headers.ether_type == RTE_ETHER_TYPE_IPV4)
		return x[l3 + 1] == y[l3 + 1] && x[l3 + 8] == y[l3 + 8] && memcmp(x + l3 + 12, y + l3 + 12, 8) == 0;
	return memcmp(x + l3, y + l3, 4) == 0 && memcmp(x + l3 + 7, y + l3 + 7, 33) == 0;
}

/* b continues a: next byte, same acknowledgement, window and options, and a has ended nowhere. */
static bool continues(const struct head *a, const struct head *b)
{
	const uint8_t *x = frame_data(a->f) + a->l4_off, *y = frame_data(b->f) + b->l4_off;
	uint32_t joined = a->f->m.pkt_len - a->f->headers.l3_off + b->size;
	return a->next_sequence == bytes_be32(y + TCP_SEQUENCE) && a->header_len == b->header_len &&
	       memcmp(x + 8, y + 8, 4) == 0 && memcmp(x + TCP_WINDOW, y + TCP_WINDOW, 2) == 0 &&
	       memcmp(x + TCP_HEADER, y + TCP_HEADER, a->header_len - a->l4_off - TCP_HEADER) == 0 &&
	       !(x[TCP_FLAGS] & FLAG_PSH) && b->size <= a->size && joined <= UINT16_MAX && a->segments < PIECES_MAX &&
	       (a->f->m.pkt_len - a->header_len) % a->size == 0;
}

static void append(struct head *a, struct head *b)
{
	uint8_t *tcp = frame_data(a->f) + a->l4_off;
	tcp[TCP_FLAGS] |= frame_data(b->f)[b->l4_off + TCP_FLAGS] & FLAG_PSH;
	rte_pktmbuf_adj(&b->f->m, b->header_len);
	a->last->next = &b->f->m;
	a->last = &b->f->m;
	a->f->m.pkt_len += b->size;
	a->f->m.nb_segs++;
	a->next_sequence = b->next_sequence;
	a->segments++;
}

/* The lengths of the whole, and what is left to be done with it. */
static void finish(struct head *a)
{
	if (a->segments == 1)
		return;
	struct frame *f = a->f;
	uint8_t *data = frame_data(f), *ip = data + f->headers.l3_off;
	uint32_t l4_len = f->m.pkt_len - a->l4_off;
	bool ip4 = f->headers.ether_type == RTE_ETHER_TYPE_IPV4;
	if (ip4) {
		bytes_put_be16(ip + IP4_LENGTH, l4_len + 20);
		offload_ip4_checksum(ip, 20);
	} else {
		bytes_put_be16(ip + IP6_LENGTH, l4_len);
	}
	uint16_t seed = offload_sum_fold(pseudo_sum(&f->headers, ip, l4_len));
	memcpy(data + a->l4_off + TCP_CHECKSUM, &seed, 2);
	f->offload = (struct frame_offload){.gso = ip4 ? FRAME_GSO_TCP4 : FRAME_GSO_TCP6,
					    .csum = true,
					    .gso_size = a->size,
					    .header_len = a->header_len,
					    .csum_start = a->l4_off,
					    .csum_offset = TCP_CHECKSUM};
	f->m.ol_flags = (f->m.ol_flags & ~FRAME_CSUM_GOOD) | FRAME_OFFLOAD;
}

/* Most bursts are of small frames: those are not even parsed. */
static bool worth_it(struct frame *const *frames, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		if (frames[i]->m.pkt_len >= WORTH_IT)
			return true;
	return false;
}

uint16_t offload_join(struct frame **frames, uint16_t n)
{
	if (n < 2 || !worth_it(frames, n))
		return n;
	struct head open[FLOWS_MAX], h;
	unsigned n_open = 0;
	uint16_t kept = 0;
	for (uint16_t i = 0; i < n; i++) {
		struct frame *f = frames[i];
		unsigned k = 0;
		if (!eligible(f, &h)) {
			/* It may be of an open flow (a FIN, say) and must not be overtaken by what comes: all end here. */
			for (; k < n_open; k++)
				finish(&open[k]);
			n_open = 0;
			frames[kept++] = f;
			continue;
		}
		while (k < n_open && !same_flow(&open[k], &h))
			k++;
		if (k < n_open && continues(&open[k], &h)) {
			append(&open[k], &h);
			continue;
		}
		if (k < n_open || n_open == FLOWS_MAX) { /* its flow goes on anew, or the oldest makes room */
			k = k < n_open ? k : 0;
			finish(&open[k]);
			memmove(&open[k], &open[k + 1], (--n_open - k) * sizeof(*open));
		}
		open[n_open++] = h;
		frames[kept++] = f;
	}
	for (unsigned k = 0; k < n_open; k++)
		finish(&open[k]);
	return kept;
}
