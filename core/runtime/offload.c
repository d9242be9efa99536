/* SPDX-License-Identifier: Apache-2.0 */
/* The virtio-net header, judged on the way in and written on the way out, and checksums in software. */
#include "core/runtime/offload.h"

#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>

#define IP4_CHECKSUM 10
#define TCP_DATA_OFFSET 12 /* its upper four bits, in words */
#define TCP_FLAGS 13
#define TCP_CWR 0x80
#define TCP_CHECKSUM 16
#define UDP_HEADER 8
#define UDP_CHECKSUM 6

/* 64-bit lanes add up 2^32 words of 32 bits before a carry could be lost, and compilers make vectors of the
 * loop. */
uint64_t offload_sum(const void *data, uint32_t len, uint64_t sum)
{
	const uint8_t *at = data;
	uint32_t words = len / 4;
	for (uint32_t i = 0; i < words; i++) {
		uint32_t word;
		memcpy(&word, at + 4 * (size_t)i, 4);
		sum += word;
	}
	at += 4 * (size_t)words;
	if (len & 2) {
		uint16_t half;
		memcpy(&half, at, 2);
		sum += half;
		at += 2;
	}
	if (len & 1)
		sum += htobe16((uint16_t)(*at << 8)); /* as if a zero byte followed */
	return sum;
}

uint16_t offload_sum_fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)sum;
}

void offload_ip4_checksum(uint8_t *ip, uint32_t header_len)
{
	memset(ip + IP4_CHECKSUM, 0, 2);
	uint16_t sum = (uint16_t)~offload_sum_fold(offload_sum(ip, header_len, 0));
	memcpy(ip + IP4_CHECKSUM, &sum, 2);
}

/* One piece after `*odd` bytes: a piece that begins at an odd byte counts with its bytes swapped (RFC 1071,
 * 2.B). */
static uint64_t sum_piece(const uint8_t *data, uint32_t len, bool *odd)
{
	uint64_t sum = offload_sum(data, len, 0);
	if (*odd)
		sum = __builtin_bswap16(offload_sum_fold(sum));
	*odd ^= len & 1;
	return sum;
}

uint16_t offload_frame_sum(const struct frame *f, uint32_t off)
{
	uint64_t sum = 0;
	bool odd = false;
	for (const struct rte_mbuf *m = &f->m; m; m = m->next) {
		if (off >= m->data_len) {
			off -= m->data_len;
			continue;
		}
		sum += sum_piece(rte_pktmbuf_mtod_offset(m, const uint8_t *, off), m->data_len - off, &odd);
		off = 0;
	}
	if (f->m.ol_flags & FRAME_LENT)
		sum += sum_piece((const uint8_t *)f->loan.base + off, f->loan.len - off, &odd);
	return offload_sum_fold(sum);
}

int offload_checksum(struct frame *f)
{
	if (!(f->m.ol_flags & FRAME_OFFLOAD))
		return 0;
	const struct frame_offload *o = &f->offload;
	uint32_t at = (uint32_t)o->csum_start + o->csum_offset;
	if (o->gso || !o->csum || at + 2 > frame_head_len(f))
		return -EINVAL;
	/* 0 means "no checksum" in UDP (RFC 768); 0xffff is the same number and good for every protocol. */
	uint16_t sum = (uint16_t)~offload_frame_sum(f, o->csum_start);
	sum = sum ? sum : 0xffff;
	memcpy(frame_data(f) + at, &sum, 2);
	f->m.ol_flags &= ~FRAME_OFFLOAD;
	return 0;
}

/* The bytes that each segment repeats, or 0: not what `gso` says, or not to be cut (fragments). */
static uint16_t gso_header_len(const struct frame *f, enum frame_gso gso)
{
	const struct frame_headers *h = &f->headers;
	bool ip4 = h->ether_type == RTE_ETHER_TYPE_IPV4, ip6 = h->ether_type == RTE_ETHER_TYPE_IPV6;
	bool ip_agrees = gso == FRAME_GSO_TCP4 ? ip4 : gso == FRAME_GSO_TCP6 ? ip6 : ip4 || ip6;
	if (!ip_agrees || !h->l4_off || h->fragmented)
		return 0;
	if (gso == FRAME_GSO_UDP)
		return h->l4_proto == IPPROTO_UDP ? h->l4_off + UDP_HEADER : 0;
	if (h->l4_proto != IPPROTO_TCP)
		return 0;
	const uint8_t *tcp = rte_pktmbuf_mtod_offset(&f->m, const uint8_t *, h->l4_off);
	uint16_t len = (uint16_t)((tcp[TCP_DATA_OFFSET] >> 4) * 4);
	if (len < 20 || h->l4_off + (uint32_t)len > RTE_MIN(frame_head_len(f), (uint32_t)FRAME_SMALL_ROOM))
		return 0;
	return h->l4_off + len;
}

/* Fills in the GSO side of o. -EINVAL: the header lies. */
static int believe_gso(struct frame *f, const struct virtio_net_hdr *h, struct frame_offload *o)
{
	switch (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		o->gso = FRAME_GSO_TCP4;
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		o->gso = FRAME_GSO_TCP6;
		break;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		o->gso = FRAME_GSO_UDP;
		break;
	default:
		return -EINVAL;
	}
	o->ecn = h->gso_type & VIRTIO_NET_HDR_GSO_ECN;
	if (!o->csum || !h->gso_size || (o->ecn && o->gso == FRAME_GSO_UDP))
		return -EINVAL;

	frame_parse(f);
	o->header_len = gso_header_len(f, o->gso);
	uint16_t csum_offset = o->gso == FRAME_GSO_UDP ? UDP_CHECKSUM : TCP_CHECKSUM;
	if (!o->header_len || o->csum_start != f->headers.l4_off || o->csum_offset != csum_offset)
		return -EINVAL;

	uint32_t payload = frame_len(f) - o->header_len;
	if (payload <= h->gso_size) {
		o->gso = FRAME_GSO_NONE;
		o->ecn = false;
		o->header_len = 0;
		return 0;
	}
	uint32_t longest = (uint32_t)o->header_len + h->gso_size - f->headers.l3_off;
	if (payload > (uint32_t)h->gso_size * OFFLOAD_SEGMENTS_MAX || longest > UINT16_MAX)
		return -EINVAL;
	o->gso_size = h->gso_size;
	return 0;
}

int offload_from_virtio(struct frame *f, const struct virtio_net_hdr *h)
{
	struct frame_offload o = {.csum = h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM};
	if (likely(!o.csum && h->gso_type == VIRTIO_NET_HDR_GSO_NONE)) {
		if (h->flags & VIRTIO_NET_HDR_F_DATA_VALID)
			f->m.ol_flags |= FRAME_CSUM_GOOD;
		return 0;
	}
	/* Only the head is ours to write to, and headers that straddle pieces no port of ours makes. A copy may have
	 * a smaller head. */
	uint32_t head = RTE_MIN(frame_head_len(f), (uint32_t)FRAME_SMALL_ROOM);
	o.csum_start = h->csum_start;
	o.csum_offset = h->csum_offset;
	if (o.csum && (o.csum_start < RTE_ETHER_HDR_LEN || o.csum_start + o.csum_offset + 2u > head))
		return -EINVAL;
	if (h->gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		int r = believe_gso(f, h, &o);
		if (r)
			return r;
	}
	f->offload = o;
	f->m.ol_flags |= FRAME_OFFLOAD;
	return 0;
}

/* A driver that has read a virtio header drops its ECN bit; a segment with CWR set is what that bit stands for (virtio
 * 1.1, 5.1.6.2). */
static uint8_t lro_gso_type(const struct frame *f)
{
	uint8_t type =
		f->headers.ether_type == RTE_ETHER_TYPE_IPV4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
	const uint8_t *tcp = rte_pktmbuf_mtod_offset(&f->m, const uint8_t *, f->headers.l4_off);
	return tcp[TCP_FLAGS] & TCP_CWR ? type | VIRTIO_NET_HDR_GSO_ECN : type;
}

/* The driver says less than the virtio header that it may have read: written down as one again, it is put to the judgement
 * that every port's headers go through. */
int offload_from_mbuf(struct frame *f)
{
	uint64_t said = f->m.ol_flags;
	f->m.ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL; /* how it is to be freed */
	if ((said & RTE_MBUF_F_RX_L4_CKSUM_MASK) != RTE_MBUF_F_RX_L4_CKSUM_NONE)
		return said & RTE_MBUF_F_RX_LRO ? -EINVAL : 0;
	frame_parse(f);
	bool tcp = f->headers.l4_proto == IPPROTO_TCP;
	if (!f->headers.l4_off || (!tcp && f->headers.l4_proto != IPPROTO_UDP))
		return -EINVAL;
	struct virtio_net_hdr h = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = f->headers.l4_off,
		.csum_offset = tcp ? TCP_CHECKSUM : UDP_CHECKSUM,
	};
	if (said & RTE_MBUF_F_RX_LRO) {
		if (!tcp)
			return -EINVAL;
		h.gso_type = lro_gso_type(f);
		h.gso_size = f->m.tso_segsz;
	}
	return offload_from_virtio(f, &h);
}

void offload_to_virtio(const struct frame *f, struct virtio_net_hdr *ret_h)
{
	static const uint8_t gso_type[] = {
		[FRAME_GSO_NONE] = VIRTIO_NET_HDR_GSO_NONE,
		[FRAME_GSO_TCP4] = VIRTIO_NET_HDR_GSO_TCPV4,
		[FRAME_GSO_TCP6] = VIRTIO_NET_HDR_GSO_TCPV6,
		[FRAME_GSO_UDP] = VIRTIO_NET_HDR_GSO_UDP_L4,
	};
	*ret_h = (struct virtio_net_hdr){0};
	if (likely(!(f->m.ol_flags & FRAME_OFFLOAD))) {
		if (f->m.ol_flags & FRAME_CSUM_GOOD)
			ret_h->flags = VIRTIO_NET_HDR_F_DATA_VALID;
		return;
	}
	const struct frame_offload *o = &f->offload;
	if (o->csum) {
		ret_h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		ret_h->csum_start = o->csum_start;
		ret_h->csum_offset = o->csum_offset;
	}
	if (o->gso != FRAME_GSO_NONE) {
		ret_h->gso_type = gso_type[o->gso] | (o->ecn ? VIRTIO_NET_HDR_GSO_ECN : 0);
		ret_h->gso_size = o->gso_size;
		ret_h->hdr_len = o->header_len;
	}
}
