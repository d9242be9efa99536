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
#include "modules/hnv/datapath/hnv_control.h"
#include "modules/hnv/datapath/hnv_ecn.h"
#include "modules/hnv/datapath/hnv_tunnel.h"

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

#define INNER_HEADERS 192u /* bytes that later nodes may want to see in one piece */
#define IP4_PLAIN 0x45
#define VSID_NONE UINT32_MAX

/* What lets an outer header pass like the one before it in the burst: same MAC address and tag, same provider
 * addresses, same encapsulation. */
struct known {
	const struct hnv_encapsulation *encapsulation; /* NULL: none yet */
	uint64_t mac;
	uint32_t tag;
	bool ip6;
	uint64_t address[4]; /* both, as they stand; IPv4: one word */
	uint32_t vsid; /* that passed last; VSID_NONE: none yet */
};

static inline uint64_t load64(const uint8_t *at)
{
	uint64_t v;
	memcpy(&v, at, sizeof(v));
	return v;
}

static inline uint32_t load32(const uint8_t *at)
{
	uint32_t v;
	memcpy(&v, at, sizeof(v));
	return v;
}

static inline uint16_t load16(const uint8_t *at)
{
	uint16_t v;
	memcpy(&v, at, sizeof(v));
	return v;
}

/* What frame_parse finds, where a look at a few bytes shows it: untagged, IPv4 without options, whole. */
static inline void parse(struct frame *f)
{
	const uint8_t *data = frame_data(f);
	bool plain = frame_head_len(f) >= 14 + 20 + 8 && load16(data + 12) == RTE_BE16(RTE_ETHER_TYPE_IPV4) &&
		     data[14] == IP4_PLAIN && !(load16(data + 20) & RTE_BE16(0x3fff)) &&
		     (data[23] == IPPROTO_GRE || data[23] == IPPROTO_UDP);
	if (likely(plain && rte_be_to_cpu_16(load16(data + 16)) >= 28)) {
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
		if (!e->udp_port || (h->l4_off && load16(l4 + 2) == rte_cpu_to_be_16(e->udp_port)))
			return e;
	}
	return NULL;
}

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
	return provider_frame_is_ours(a->sw, f) && provider_is_local(a->sw, &to);
}

static inline bool ip4_sum_good(const uint8_t *ip, unsigned len)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < len; i += 4)
		sum += load32(ip + i);
	sum = (sum & UINT16_MAX) + (sum >> 16 & UINT16_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return sum == UINT16_MAX;
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
		if (unlikely(plain ? !ip4_sum_good(ip, 20) : !ip4_sum_good(ip, (unsigned)(h->l4_off - h->l3_off))))
			return &drop_encapsulation_malformed;
		says = rte_be_to_cpu_16(load16(ip + 2));
	} else {
		says = 40u + rte_be_to_cpu_16(load16(ip + 4));
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
	uint16_t type = load16(ether + 12);
	uint32_t len = frame_head_len(f);
	if (likely(type == RTE_BE16(RTE_ETHER_TYPE_IPV4))) {
		if (unlikely(len < HNV_ETHER_HEADER + 20))
			return &drop_encapsulation_malformed;
	} else if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6)) {
		if (unlikely(len < HNV_ETHER_HEADER + 40))
			return &drop_encapsulation_malformed;
	} else {
		bool tag = type == RTE_BE16(RTE_ETHER_TYPE_VLAN) || type == RTE_BE16(RTE_ETHER_TYPE_QINQ) ||
			   type == RTE_BE16(RTE_ETHER_TYPE_QINQ1);
		return tag ? &drop_inner_tag : NULL;
	}
	uint8_t inner = hnv_ecn_of(ether), mark = hnv_ecn_out(inner, outer_ecn);
	if (unlikely(mark == HNV_ECN_DROP))
		return &drop_congestion;
	if (unlikely(mark != inner))
		hnv_ecn_set(ether, mark);
	return NULL;
}

/* f, which is e's and for one of our provider addresses: the tenant's frame, or NULL: dropped. */
static struct frame *take_out(struct pipe *p, const struct dp_adapter *a, struct known *k,
			      const struct hnv_encapsulation *e, struct frame *f)
{
	const struct drop_reason *reason = judge(f);
	uint32_t vsid;
	if (unlikely(frame_head_len(f) < INNER_HEADERS && frame_head_len(f) < frame_len(f) && !reason)) {
		struct frame *whole = frame_copy(f, p->pools, UINT32_MAX);
		if (!whole) {
			pipe_drop(p, a, f, &drop_decapsulate_no_memory);
			return NULL;
		}
		frame_free(f);
		f = whole;
	}
	uint8_t ecn = f->headers.ether_type == RTE_ETHER_TYPE_IPV4 ? frame_data(f)[f->headers.l3_off + 1] & 3
								   : frame_data(f)[f->headers.l3_off + 1] >> 4 & 3;
	unsigned bytes = reason ? 0 : e->decapsulate(f, &vsid, &reason);
	if (likely(bytes)) {
		reason = judge_vsid(p, a, k, vsid);
		if (unlikely(frame_head_len(f) < bytes + HNV_ETHER_HEADER))
			reason = &drop_encapsulation_malformed;
		else if (unlikely(reason && hnv_control_stranger(p, a, f, bytes, vsid)))
			return NULL;
		if (likely(!reason)) {
			PIPE_TRACE(p, a, "decapsulate", "%s, virtual subnet %u", e->name, vsid);
			hnv_outer_off(f, bytes, vsid);
			reason = judge_inner(f, ecn);
		}
	}
	if (likely(!reason))
		return f;
	pipe_drop(p, a, f, reason);
	return NULL;
}

static inline bool same_outer(const struct known *k, const uint8_t *data, const struct frame_headers *h)
{
	const uint8_t *ip = data + h->l3_off;
	const struct hnv_encapsulation *e = k->encapsulation;
	if (!e || e->ip_protocol != h->l4_proto || k->mac != load64(data) << 16 ||
	    k->tag != (h->l3_off == 14 ? 0 : load32(data + 12)) || k->ip6 != (h->ether_type == RTE_ETHER_TYPE_IPV6) ||
	    (e->udp_port && (!h->l4_off || load16(data + h->l4_off + 2) != rte_cpu_to_be_16(e->udp_port))))
		return false;
	return k->ip6 ? !memcmp(k->address, ip + 8, 32) : k->address[0] == load64(ip + 12);
}

static void remember(struct known *k, const uint8_t *data, const struct frame_headers *h,
		     const struct hnv_encapsulation *e)
{
	const uint8_t *ip = data + h->l3_off;
	k->encapsulation = h->l3_off > 18 ? NULL : e;
	k->mac = load64(data) << 16;
	k->tag = h->l3_off == 14 ? 0 : load32(data + 12);
	k->ip6 = h->ether_type == RTE_ETHER_TYPE_IPV6;
	if (k->ip6)
		memcpy(k->address, ip + 8, 32);
	else
		k->address[0] = load64(ip + 12);
}

/* Whose tunnel f came through, or NULL: it is no tenant's. The frames of a burst mostly have one. */
static inline const struct hnv_encapsulation *recognise(const struct dp_adapter *a, struct known *k, struct frame *f)
{
	parse(f);
	const struct frame_headers *h = &f->headers;
	const uint8_t *data = frame_data(f);
	if (h->l4_proto == 0) /* nor has any encapsulation */
		return NULL;
	if (likely(same_outer(k, data, h)))
		return k->encapsulation;
	const struct hnv_encapsulation *e = spoken(f);
	if (!e || !is_local(a, f))
		return NULL;
	remember(k, data, h, e);
	return e;
}

static uint16_t hnv_decapsulate(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	struct known known = {.vsid = VSID_NONE};
	uint16_t kept = 0;
	for (uint16_t i = 0; i < n; i++) {
		struct frame *f = frames[i];
		if (likely(i + 2 < n))
			rte_prefetch0(&frames[i + 2]->offload);
		const struct hnv_encapsulation *e = recognise(a, &known, f);
		if (e)
			f = take_out(p, a, &known, e, f);
		if (likely(f != NULL))
			frames[kept++] = f;
	}
	return kept;
}

static bool wanted(const struct dp_adapter *a) { return a->role == PORT_UPLINK && hnv_port_of(a); }
NODE(hnv_decapsulate, DECAPSULATE, hnv_decapsulate, wanted)
