/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segmentation in software, for a port that does not take GSO frames whole. What each segment's headers must
 * say is what TSO and USO hardware makes of them; the checksum starts from the pseudo-header sum that the
 * sender left.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <rte_ether.h>

#include "base/bytes.h"
#include "core/runtime/offload.h"

#define IP4_LENGTH 2
#define IP4_ID 4
#define IP6_LENGTH 4
#define IP6_HEADER 40
#define TCP_SEQUENCE 4
#define TCP_FLAGS 13
#define NOT_LAST 0xf6 /* without FIN and PSH */
#define NOT_FIRST 0x7f /* without CWR */
#define UDP_HEADER 8
#define UDP_LENGTH 4

/* One frame's cutting: the repeated headers, what counts up in them, and the payload still to be cut. */
struct cut {
	const struct frame *frame;
	const uint8_t *header;
	const struct frame_offload *offload;
	const struct frame_headers *at;
	uint32_t whole_l4; /* bytes from the L4 header to the end: in the pseudo-header sum that the sender left */
	uint32_t payload; /* bytes */
	struct iovec piece[FRAME_IOV_MAX];
	unsigned now; /* piece that the payload goes on in */
	size_t off; /* bytes of it that are done */
};

/* Looks again before cutting: a node may have changed the frame since the sender's header was checked. */
static int cut_begin(struct cut *c, struct frame *f)
{
	if (!(f->m.ol_flags & FRAME_OFFLOAD) || f->offload.gso == FRAME_GSO_NONE)
		return -EINVAL;
	frame_parse(f);
	const struct frame_offload *o = &f->offload;
	const struct frame_headers *h = &f->headers;
	bool tcp = o->gso != FRAME_GSO_UDP;
	uint32_t fixed = tcp ? 20 : UDP_HEADER;
	if (!h->l4_off || h->fragmented || o->csum_start != h->l4_off || o->csum_offset != (tcp ? 16 : 6) ||
	    o->header_len < h->l4_off + fixed || o->header_len > frame_head_len(f) || !o->gso_size ||
	    (uint32_t)o->header_len + o->gso_size - h->l3_off > UINT16_MAX)
		return -EINVAL;

	*c = (struct cut){.frame = f, .header = frame_data(f), .offload = o, .at = h, .off = o->header_len};
	if (!frame_iov(f, c->piece, FRAME_IOV_MAX))
		return -EINVAL;
	c->whole_l4 = frame_len(f) - h->l4_off;
	c->payload = frame_len(f) - o->header_len;
	return 0;
}

static void cut_payload(struct cut *c, uint8_t *to, uint32_t len)
{
	while (len) {
		const struct iovec *piece = &c->piece[c->now];
		size_t n = RTE_MIN(piece->iov_len - c->off, (size_t)len);
		memcpy(to, (const uint8_t *)piece->iov_base + c->off, n);
		to += n;
		len -= (uint32_t)n;
		c->off += n;
		if (c->off == piece->iov_len) {
			c->now++;
			c->off = 0;
		}
	}
}

/* RFC 6864, 4.3: ids of one source differ; like hardware we count on from the sender's. */
static void fix_ip4(uint8_t *ip, uint16_t header, uint32_t len, unsigned index)
{
	bytes_put_be16(ip + IP4_LENGTH, len);
	bytes_put_be16(ip + IP4_ID, bytes_be16(ip + IP4_ID) + index);
	offload_ip4_checksum(ip, header);
}

/* FIN and PSH belong to the last byte (RFC 9293, 3.4 and 3.9.1.2), CWR to the first segment after the window
 * was reduced and to no other (RFC 3168, 6.1.2). */
static void fix_tcp(const struct cut *c, uint8_t *tcp, unsigned index, bool last)
{
	bytes_put_be32(tcp + TCP_SEQUENCE, bytes_be32(tcp + TCP_SEQUENCE) + index * (uint32_t)c->offload->gso_size);
	if (!last)
		tcp[TCP_FLAGS] &= NOT_LAST;
	if (index && c->offload->ecn)
		tcp[TCP_FLAGS] &= NOT_FIRST;
}

/* The sum that the sender left counts the whole frame's L4 length; a segment's is to count its own (RFC
 * 1624, 3: a field is replaced by adding its new value and the complement of its old one). */
static void fix_seed(const struct cut *c, uint8_t *field, uint32_t l4_len)
{
	uint16_t seed;
	memcpy(&seed, field, 2);
	seed = offload_sum_fold((uint64_t)seed + (uint32_t)~htobe32(c->whole_l4) + htobe32(l4_len));
	memcpy(field, &seed, 2);
}

static int cut_segment(struct cut *c, struct frame *s, unsigned index, uint32_t payload)
{
	const struct frame_headers *h = c->at;
	uint16_t header_len = c->offload->header_len;
	uint8_t *data = frame_data(s), *ip = data + h->l3_off, *l4 = data + h->l4_off;
	uint32_t l4_len = header_len - h->l4_off + payload;

	memcpy(data, c->header, header_len);
	if (h->ether_type == RTE_ETHER_TYPE_IPV4)
		fix_ip4(ip, (uint16_t)(h->l4_off - h->l3_off), l4_len + h->l4_off - h->l3_off, index);
	else
		bytes_put_be16(ip + IP6_LENGTH, l4_len + h->l4_off - h->l3_off - IP6_HEADER);
	if (c->offload->gso == FRAME_GSO_UDP)
		bytes_put_be16(l4 + UDP_LENGTH, l4_len);
	else
		fix_tcp(c, l4, index, payload == c->payload);
	fix_seed(c, data + h->l4_off + c->offload->csum_offset, l4_len);

	uint32_t skip = header_len;
	for (struct rte_mbuf *m = &s->m; m; m = m->next, skip = 0)
		cut_payload(c, rte_pktmbuf_mtod_offset(m, uint8_t *, skip), m->data_len - skip);
	c->payload -= payload;

	s->headers = *h;
	s->offload = (struct frame_offload){
		.csum = true, .csum_start = c->offload->csum_start, .csum_offset = c->offload->csum_offset};
	s->m.ol_flags |= FRAME_PARSED | FRAME_OFFLOAD;
	s->m.port = c->frame->m.port;
	s->m.hash = c->frame->m.hash;
	return offload_checksum(s);
}

/* Makes the empty s len bytes long. False: no memory, s as far as it came. */
static bool stretch(struct frame *s, struct rte_mempool *pool, uint32_t len)
{
	struct rte_mbuf *m = &s->m;
	s->m.pkt_len = len;
	for (;;) {
		m->data_len = (uint16_t)RTE_MIN(len, (uint32_t)FRAME_SMALL_ROOM);
		len -= m->data_len;
		if (!len)
			return true;
		m->next = rte_pktmbuf_alloc(pool);
		if (!m->next)
			return false;
		m = m->next;
		s->m.nb_segs++;
	}
}

int offload_segment(struct frame *f, const struct frame_pools *pools, struct frame **ret_segments, unsigned max)
{
	struct cut c;
	int r = cut_begin(&c, f);
	if (r)
		return r;
	uint32_t size = c.offload->gso_size;
	unsigned n = c.payload ? (c.payload + size - 1) / size : 1;
	if (n > max || n > OFFLOAD_SEGMENTS_MAX)
		return -E2BIG;

	struct rte_mbuf *made[OFFLOAD_SEGMENTS_MAX];
	if (rte_pktmbuf_alloc_bulk(pools->small, made, n))
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		uint32_t payload = RTE_MIN(size, c.payload);
		r = stretch(frame_of(made[i]), pools->small, c.offload->header_len + payload) ? 0 : -ENOMEM;
		if (!r)
			r = cut_segment(&c, frame_of(made[i]), i, payload);
		if (r) {
			rte_pktmbuf_free_bulk(made, n);
			return r;
		}
	}
	for (unsigned i = 0; i < n; i++)
		ret_segments[i] = frame_of(made[i]);
	return (int)n;
}
