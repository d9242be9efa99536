/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes long packets fit a tunnel: TCP segments get shorter, IPv4 without DF is cut (RFC 791, 3.2) before it is
 * encapsulated, and the sender of everything else is told (RFC 1191, 4; RFC 8201, 4).
 */
#include "modules/hnv/datapath/hnv_mtu.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>

#include "core/runtime/offload.h"
#include "modules/hnv/datapath/hnv_error.h"
#include "modules/hnv/reply.h"

DROP(hnv, tunnel_too_long, "tunnel-too-long",
     "longer than what fits the tunnel, and not to be cut; its sender was told the size that fits")
DROP(hnv, tunnel_malformed, "tunnel-malformed",
     "longer than what fits the tunnel, with lengths, options or offloads that do not agree")

#define FRAGMENTS_MAX 160 /* of one packet: the longest at an MTU of 440 */
#define IP4_HEADER_MAX 60
#define DONT_FRAGMENT 0x40
#define MORE_FRAGMENTS 0x2000
#define OPTION_COPIED 0x80 /* RFC 791, 3.1: into every fragment */

/* One packet's cutting. */
struct cut {
	const struct frame *frame;
	uint8_t first[HNV_ETHER + IP4_HEADER_MAX], later[HNV_ETHER + IP4_HEADER_MAX]; /* headers */
	uint32_t first_len, later_len; /* bytes, Ethernet included */
	uint32_t payload; /* bytes */
	uint32_t payload_off; /* of the frame */
	uint16_t fragment; /* flags and offset as the packet has them: it may be a fragment itself */
};

/* The header that fragments but the first have: without options that are not to be copied (RFC 791, 3.1). False:
 * malformed options. */
static bool write_later(struct cut *c, const uint8_t *options, uint32_t len)
{
	uint8_t *to = c->later + HNV_ETHER + HNV_IP4;
	memcpy(c->later, c->first, HNV_ETHER + HNV_IP4);
	while (len && options[0] != 0) {
		uint32_t size = options[0] == 1 ? 1 : len > 1 ? options[1] : 0;
		if (!size || size > len || (options[0] != 1 && size < 2))
			return false;
		if (options[0] & OPTION_COPIED) {
			memcpy(to, options, size);
			to += size;
		}
		options += size;
		len -= size;
	}
	while ((to - c->later - HNV_ETHER) % 4)
		*to++ = 0;
	c->later_len = (uint32_t)(to - c->later);
	c->later[HNV_ETHER] = (uint8_t)(0x40 | (c->later_len - HNV_ETHER) / 4);
	return true;
}

static bool cut_begin(struct cut *c, const struct frame *f)
{
	const uint8_t *data = rte_pktmbuf_mtod(&f->m, const uint8_t *), *ip = data + HNV_ETHER;
	if (frame_head_len(f) < HNV_ETHER + HNV_IP4)
		return false;
	uint32_t header = (ip[0] & 0xfu) * 4, total = (uint32_t)(ip[2] << 8 | ip[3]);
	if (header < HNV_IP4 || frame_head_len(f) < HNV_ETHER + header || total != frame_len(f) - HNV_ETHER ||
	    total <= header)
		return false;
	*c = (struct cut){.frame = f, .first_len = HNV_ETHER + header, .payload = total - header};
	c->payload_off = c->first_len;
	c->fragment = (uint16_t)(ip[6] << 8 | ip[7]);
	memcpy(c->first, data, c->first_len);
	return write_later(c, ip + HNV_IP4, header - HNV_IP4);
}

/* len payload bytes from `at` on behind `header`; NULL: no memory. */
static struct frame *fragment_make(const struct cut *c, const struct frame_pools *pools, uint32_t at, uint32_t len)
{
	const uint8_t *header = at ? c->later : c->first;
	uint32_t header_len = at ? c->later_len : c->first_len;
	struct frame *f = frame_alloc(pools->small);
	if (!f)
		return NULL;
	uint8_t *data = (uint8_t *)rte_pktmbuf_append(&f->m, (uint16_t)header_len), *ip = data + HNV_ETHER;
	memcpy(data, header, header_len);
	bool last = at + len == c->payload;
	hnv_put_be16(ip + 2, (uint16_t)(header_len - HNV_ETHER + len));
	hnv_put_be16(ip + 6, (uint16_t)(((c->fragment & 0x1fffu) + at / 8) |
					(last ? c->fragment & MORE_FRAGMENTS : MORE_FRAGMENTS)));
	offload_ip4_checksum(ip, header_len - HNV_ETHER);
	for (uint32_t off = c->payload_off + at; len;) {
		uint32_t room = rte_pktmbuf_tailroom(rte_pktmbuf_lastseg(&f->m)), n = RTE_MIN(len, room);
		if (n) {
			frame_read(c->frame, off, rte_pktmbuf_append(&f->m, (uint16_t)n), n);
		} else {
			struct rte_mbuf *more = rte_pktmbuf_alloc(pools->small);
			if (!more || rte_pktmbuf_chain(&f->m, more)) {
				rte_pktmbuf_free(more);
				frame_free(f);
				return NULL;
			}
		}
		off += n;
		len -= n;
	}
	f->tenant = c->frame->tenant;
	f->m.ol_flags |= c->frame->m.ol_flags & FRAME_TENANT;
	f->m.port = c->frame->m.port;
	f->m.hash = c->frame->m.hash;
	return f;
}

/* All fragments or none: how many, or -errno. */
static int fragments_make(const struct cut *c, const struct frame_pools *pools, uint16_t mtu, struct frame **fragment)
{
	uint32_t n = 0;
	for (uint32_t at = 0, len; at < c->payload; at += len) {
		uint32_t header = (at ? c->later_len : c->first_len) - HNV_ETHER;
		uint32_t room = mtu > header ? (mtu - header) & ~7u : 0;
		len = c->payload - at + header <= mtu ? c->payload - at : room;
		fragment[n] = len && n < FRAGMENTS_MAX - 1 ? fragment_make(c, pools, at, len) : NULL;
		if (!fragment[n]) {
			int why = len && n < FRAGMENTS_MAX - 1 ? -ENOMEM : -E2BIG;
			while (n--)
				frame_free(fragment[n]);
			return why;
		}
		n++;
	}
	return (int)n;
}

static void output_fragments(struct pipe *p, const struct dp_adapter *a, const struct dp_adapter *to, struct frame *f,
			     uint16_t mtu)
{
	struct frame *fragment[FRAGMENTS_MAX];
	struct cut c;
	struct frame *own = frame_unshare(f, p->pools); /* its checksum may have to be filled in */
	if (!own) {
		pipe_drop(p, a, f, &drop_no_memory);
		return;
	}
	if (offload_checksum(own) || !cut_begin(&c, own)) {
		pipe_drop(p, a, own, &drop_tunnel_malformed);
		return;
	}
	int n = fragments_make(&c, p->pools, mtu, fragment);
	if (n < 0) {
		pipe_drop(p, a, own, n == -ENOMEM ? &drop_no_memory : &drop_tunnel_too_long);
		return;
	}
	PIPE_TRACE(p, a, "note", "%u bytes do not fit the tunnel's %u: cut into %d fragments",
		   frame_len(own) - HNV_ETHER, mtu, n);
	pipe_copied(p, a, (unsigned)n - 1);
	for (int i = 0; i < n; i++)
		pipe_output(p, a, to, fragment[i]);
	frame_free(own);
}

static bool may_cut(const struct frame *f)
{
	return f->headers.ether_type == RTE_ETHER_TYPE_IPV4 && frame_head_len(f) >= HNV_ETHER + HNV_IP4 &&
	       !(rte_pktmbuf_mtod_offset(&f->m, const uint8_t *, HNV_ETHER + 6)[0] & DONT_FRAGMENT);
}

/* Datagrams are what they are: they are made, and those that are too long are cut. */
static void output_datagrams(struct pipe *p, const struct dp_adapter *a, const struct dp_adapter *to, struct frame *f,
			     uint16_t mtu)
{
	struct frame *datagram[OFFLOAD_SEGMENTS_MAX];
	int n = offload_segment(f, p->pools, datagram, OFFLOAD_SEGMENTS_MAX);
	if (n <= 0) {
		pipe_drop(p, a, f, n == -ENOMEM ? &drop_no_memory : &drop_tunnel_malformed);
		return;
	}
	pipe_copied(p, a, (unsigned)n - 1);
	for (int i = 0; i < n; i++) {
		datagram[i]->tenant = f->tenant;
		datagram[i]->m.ol_flags |= f->m.ol_flags & FRAME_TENANT;
		if (hnv_mtu_exceeded(datagram[i], mtu))
			output_fragments(p, a, to, datagram[i], mtu);
		else
			pipe_output(p, a, to, datagram[i]);
	}
	frame_free(f);
}

/* A frame that will be cut into segments when it leaves. False: it cannot be made to fit, and is the caller's. */
static bool output_gso(struct pipe *p, const struct dp_adapter *a, const struct dp_adapter *to, struct frame *f,
		       uint16_t mtu)
{
	struct frame_offload *o = &f->offload;
	uint32_t header = o->header_len > HNV_L3_OFF ? o->header_len - HNV_L3_OFF : 0;
	uint32_t room = mtu > header ? mtu - header : 0;
	if (header && o->gso_size <= room) {
		pipe_output(p, a, to, f);
	} else if (o->gso == FRAME_GSO_UDP && may_cut(f)) {
		output_datagrams(p, a, to, f, mtu);
	} else if (o->gso == FRAME_GSO_UDP || !header || frame_len(f) - o->header_len > room * OFFLOAD_SEGMENTS_MAX) {
		return false;
	} else {
		PIPE_TRACE(p, a, "note", "TCP segments of %u bytes become %u to fit the tunnel", o->gso_size, room);
		struct frame *own = frame_unshare(f, p->pools);
		if (!own) {
			pipe_drop(p, a, f, &drop_no_memory);
			return true;
		}
		own->offload.gso_size = (uint16_t)room;
		pipe_output(p, a, to, own);
	}
	return true;
}

bool hnv_mtu_fit(struct pipe *p, const struct dp_adapter *a, const struct dp_adapter *to, struct frame *f,
		 uint16_t mtu)
{
	frame_parse(f);
	if (f->m.ol_flags & FRAME_OFFLOAD && f->offload.gso != FRAME_GSO_NONE)
		return output_gso(p, a, to, f, mtu);
	if (!may_cut(f))
		return false;
	output_fragments(p, a, to, f, mtu);
	return true;
}

void hnv_mtu_output(struct pipe *p, const struct dp_adapter *a, const struct dp_adapter *to, struct frame *f,
		    uint16_t mtu)
{
	if (hnv_mtu_fit(p, a, to, f, mtu))
		return;
	PIPE_TRACE(p, a, "note", "%u bytes do not fit the tunnel's %u", frame_len(f) - HNV_ETHER, mtu);
	hnv_error_too_long(p, a, f, mtu);
	pipe_drop(p, a, f, &drop_tunnel_too_long);
}
