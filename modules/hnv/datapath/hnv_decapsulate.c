/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On the way in by an uplink: tenants' frames are taken out of their tunnels. What is addressed to one of this host's
 * provider addresses and bears a known encapsulation either comes out or ends here by name; everything else is left
 * to others. Nothing in an outer packet is believed beyond what was checked.
 */
#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>

#include "core/runtime/offload.h"
#include "modules/hnv/datapath/hnv_alike.h"
#include "modules/hnv/datapath/hnv_control.h"
#include "modules/hnv/datapath/hnv_ecn.h"

DROP(hnv, encapsulation_malformed, "encapsulation-malformed",
     "an encapsulated packet that is cut off, or whose outer lengths or header checksum are wrong")
DROP(hnv, tunnel_fragment, "tunnel-fragment",
     "a fragment of an encapsulated packet; no weft host sends any (RFC 7637, 4.4): raise the provider network's MTU")
DROP(hnv, vsid_reserved, "vsid-reserved",
     "an encapsulated frame with a reserved virtual subnet id (0-4095 or 16777215); ids are 4096-16777214")
DROP(hnv, vsid_unknown, "vsid-unknown",
     "an encapsulated frame of a virtual subnet that this host's document does not have; add it, or correct the sender's "
     "lookup record")
DROP(hnv, inner_tag, "inner-tag",
     "the encapsulated frame bears a VLAN tag, which none may (RFC 7637, 3.2); the sending host has to strip it")
DROP(hnv, congestion, "congestion",
     "the provider's network marked congestion on a packet whose sender does not understand marks (RFC 6040, 4.2): as lost")
DROP(hnv, decapsulate_no_memory, "no-memory-to-decapsulate",
     "no frame buffer was free to decapsulate into; raise weftd --memory")

#define IP4_PLAIN 0x45
#define VSID_NONE UINT32_MAX

/* What a burst's frames mostly have in common. */
struct known {
	struct hnv_alike alike; /* the kind that passed last */
	uint32_t vsid; /* that passed last; VSID_NONE: none yet */
};

/* What frame_parse finds, where a look at a few bytes shows it: untagged, IPv4 without options, whole. */
static inline void parse(struct frame *f)
{
	const uint8_t *data = frame_data(f);
	bool plain = frame_head_len(f) >= 14 + 20 + 8 && bytes_be16(data + 12) == RTE_ETHER_TYPE_IPV4 &&
		     data[14] == IP4_PLAIN && !(bytes_be16(data + 20) & 0x3fff) &&
		     (data[23] == IPPROTO_GRE || data[23] == IPPROTO_UDP);
	if (likely(plain && bytes_be16(data + 16) >= 28)) {
		f->headers = (struct frame_headers){
			.ether_type = RTE_ETHER_TYPE_IPV4, .l3_off = 14, .l4_off = 34, .l4_proto = data[23]};
		f->m.ol_flags |= FRAME_PARSED;
		return;
	}
	frame_parse(f);
}

/* The encapsulation that f's outer headers speak of, or NULL. Later fragments have none to show: their protocol says. */
static inline const struct hnv_encapsulation *spoken(const struct frame *f)
{
	const struct frame_headers *h = &f->headers;
	const uint8_t *l4 = (const uint8_t *)rte_pktmbuf_mtod(&f->m, void *) + h->l4_off;
	for (const struct hnv_encapsulation *e = hnv_encapsulation_list(); e; e = e->next) {
		if (e->ip_protocol != h->l4_proto)
			continue;
		if (!e->udp_port || (h->l4_off && bytes_be16(l4 + 2) == e->udp_port))
			return e;
	}
	return NULL;
}

/* Of a frame to one of our stations. */
static bool is_local(const struct dp_adapter *a, struct frame *f)
{
	const uint8_t *ip = frame_data(f) + f->headers.l3_off;
	struct ip to = {0};
	if (f->headers.ether_type == RTE_ETHER_TYPE_IPV4) {
		to.family = AF_INET;
		memcpy(to.byte, ip + 16, 4);
	} else {
		to.family = AF_INET6;
		memcpy(to.byte, ip + 24, 16);
	}
	return provider_is_local(a->sw, &to);
}

/* Takes the last bytes off, which are in the last piece alone. */
static bool trim(struct frame *f, uint32_t bytes)
{
	if (f->m.ol_flags & FRAME_LENT) {
		if (f->loan.len < bytes)
			return false;
		f->loan.len -= bytes;
		return true;
	}
	return rte_pktmbuf_trim(&f->m, (uint16_t)bytes) == 0;
}

/* Is the outer packet whole, unhurt and as long as it says? Padding is cut off. */
static const struct drop_reason *judge(struct frame *f)
{
	const struct frame_headers *h = &f->headers;
	const uint8_t *ip = frame_data(f) + h->l3_off;
	if (unlikely(h->fragmented))
		return &drop_tunnel_fragment;
	if (unlikely(!h->l4_off))
		return &drop_encapsulation_malformed;
	uint32_t have = frame_len(f) - h->l3_off, says;
	if (likely(h->ether_type == RTE_ETHER_TYPE_IPV4)) {
		bool plain = likely(ip[0] == IP4_PLAIN); /* a length that the compiler knows */
		if (unlikely(plain ? !hnv_ip4_sum_good(ip, 20)
				   : !hnv_ip4_sum_good(ip, (unsigned)(h->l4_off - h->l3_off))))
			return &drop_encapsulation_malformed;
		says = bytes_be16(ip + 2);
	} else {
		says = 40u + bytes_be16(ip + 4);
	}
	if (unlikely(says > have || says < (uint32_t)(h->l4_off - h->l3_off)))
		return &drop_encapsulation_malformed;
	if (unlikely(f->m.ol_flags & FRAME_OFFLOAD && f->offload.gso != FRAME_GSO_NONE))
		return &drop_encapsulation_malformed;
	return likely(says == have) || trim(f, have - says) ? NULL : &drop_encapsulation_malformed;
}

static inline const struct drop_reason *judge_vsid(struct pipe *p, const struct dp_adapter *a, struct known *k,
						   uint32_t vsid)
{
	if (likely(vsid == k->vsid))
		return NULL;
	if (unlikely(vsid < HNV_VSID_MIN || vsid > HNV_VSID_MAX))
		return &drop_vsid_reserved;
	if (unlikely(!hnv_subnet_of(hnv_port_of(a)->net, vsid))) {
		PIPE_TRACE(p, a, "note", "virtual subnet %u is not one of this host's", vsid);
		return &drop_vsid_unknown;
	}
	k->vsid = vsid;
	return NULL;
}

/* What may be inside: an untagged frame whose IP header, if it has one, is there to be marked. */
static inline const struct drop_reason *judge_inner(struct frame *f, uint8_t outer_ecn)
{
	uint8_t *ether = frame_data(f);
	uint16_t type = bytes_be16(ether + 12);
	uint32_t len = frame_head_len(f);
	if (likely(type == RTE_ETHER_TYPE_IPV4)) {
		if (unlikely(len < HNV_ETHER + 20))
			return &drop_encapsulation_malformed;
	} else if (type == RTE_ETHER_TYPE_IPV6) {
		if (unlikely(len < HNV_ETHER + 40))
			return &drop_encapsulation_malformed;
	} else {
		bool tag = type == RTE_ETHER_TYPE_VLAN || type == RTE_ETHER_TYPE_QINQ || type == RTE_ETHER_TYPE_QINQ1;
		return tag ? &drop_inner_tag : NULL;
	}
	uint8_t inner = hnv_ecn_of(ether), mark = hnv_ecn_out(inner, outer_ecn);
	if (unlikely(mark == HNV_ECN_DROP))
		return &drop_congestion;
	if (unlikely(mark != inner))
		hnv_ecn_set(ether, mark);
	return NULL;
}

/* The tenant's frame, `bytes` deep in f, or NULL: dropped. */
static inline struct frame *unwrap(struct pipe *p, const struct dp_adapter *a, struct known *k,
				   const struct hnv_encapsulation *e, struct frame *f, unsigned bytes, uint32_t vsid,
				   uint8_t ecn)
{
	const struct drop_reason *reason = judge_vsid(p, a, k, vsid);
	if (unlikely(frame_head_len(f) < bytes + HNV_ETHER))
		reason = &drop_encapsulation_malformed;
	else if (unlikely(reason && hnv_control_stranger(p, a, f, bytes, vsid)))
		return NULL;
	if (likely(!reason)) {
		PIPE_TRACE(p, a, "decapsulate", "%s, virtual subnet %u", e->name, vsid);
		hnv_outer_off(f, bytes, vsid);
		reason = judge_inner(f, ecn);
	}
	if (likely(!reason))
		return f;
	pipe_drop(p, a, f, reason);
	return NULL;
}

static inline uint8_t ecn_of(const uint8_t *ip, bool ip6) { return (ip6 ? ip[1] >> 4 : ip[1]) & 3; }

/* f, which is e's and for one of our provider addresses, taken apart: the tenant's frame, or NULL: dropped. */
static struct frame *take_apart(struct pipe *p, const struct dp_adapter *a, struct known *k,
				const struct hnv_encapsulation *e, struct frame *f)
{
	const struct drop_reason *reason = judge(f);
	uint32_t vsid;
	if (unlikely(frame_head_len(f) < HNV_INNER_HEADERS && frame_head_len(f) < frame_len(f) && !reason)) {
		struct frame *whole = frame_copy(f, p->pools, UINT32_MAX);
		if (!whole) {
			pipe_drop(p, a, f, &drop_decapsulate_no_memory);
			return NULL;
		}
		frame_free(f);
		f = whole;
	}
	unsigned bytes = reason ? 0 : e->decapsulate(f, &vsid, &reason);
	if (unlikely(!bytes)) {
		pipe_drop(p, a, f, reason);
		return NULL;
	}
	hnv_alike_learn(&k->alike, f, e);
	const struct frame_headers *h = &f->headers;
	uint8_t ecn = ecn_of(frame_data(f) + h->l3_off, h->ether_type == RTE_ETHER_TYPE_IPV6);
	return unwrap(p, a, k, e, f, bytes, vsid, ecn);
}

/* What f is once it is out of its tunnel, f itself if it is in none of ours, or NULL: dropped. */
static inline struct frame *take_out(struct pipe *p, const struct dp_adapter *a, struct known *k, struct frame *f)
{
	const struct hnv_alike *o = &k->alike;
	if (likely(hnv_alike_is(o, f))) {
		const uint8_t *data = frame_data(f);
		return unwrap(p, a, k, o->encapsulation, f, o->bytes, hnv_alike_vsid(o, data),
			      ecn_of(data + o->l3_off, o->ip6));
	}
	if (!provider_frame_is_ours(a->sw, f))
		return f;
	parse(f);
	if (f->headers.l4_proto == 0) /* nor has any encapsulation */
		return f;
	const struct hnv_encapsulation *e = spoken(f);
	return e && is_local(a, f) ? take_apart(p, a, k, e, f) : f;
}

static uint16_t hnv_decapsulate(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	struct known known = {.alike.encapsulation = NULL, .vsid = VSID_NONE};
	uint16_t kept = 0;
	for (uint16_t i = 0; i < n; i++) {
		struct frame *f = take_out(p, a, &known, frames[i]);
		if (likely(f != NULL))
			frames[kept++] = f;
	}
	return kept;
}

static bool wanted(const struct dp_adapter *a) { return a->role == PORT_UPLINK && hnv_port_of(a); }
NODE(hnv_decapsulate, DECAPSULATE, hnv_decapsulate, wanted)
