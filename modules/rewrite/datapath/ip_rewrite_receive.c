/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On the way in by an uplink: packets for the provider address of a guest of this host (rule nat) become what its peer
 * sent. Only another provider address of the same routing domain gets through to a guest, and ICMP errors about what
 * the guest sent itself, from whatever router. By its name the node stands between hnv_decapsulate, which leaves such
 * packets alone, and provider_receive, which answers ARP, neighbour discovery and the pings of strangers.
 */
#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>

#include "core/runtime/offload.h"
#include "core/runtime/pipe.h"
#include "modules/hnv/hnv.h"
#include "modules/provider/provider.h"
#include "modules/rewrite/datapath/rewrite.h"

DROP(rewrite, rewrite_unknown_source, "rewrite-unknown-source",
     "came to the provider address of a guest from an address that no lookup record of rule nat has in the guest's routing "
     "domain; add the sender's record if it is the tenant's")

#define ECHO_REQUEST_4 8
#define ECHO_REQUEST_6 128

/* The record of a guest of this host that f is for, or NULL: it is none of ours. */
static const struct hnv_rewrite *receiver_of(const struct dp_adapter *a, struct frame *f)
{
	struct ip source, destination;
	frame_parse(f);
	const struct frame_headers *h = &f->headers;
	bool ip4 = h->ether_type == RTE_ETHER_TYPE_IPV4, ip6 = h->ether_type == RTE_ETHER_TYPE_IPV6;
	if ((!ip4 && !ip6) || h->l3_off > 18 || frame_head_len(f) < h->l3_off + (ip4 ? 20u : 40u))
		return NULL;
	rewrite_addresses_of(f, &source, &destination);
	const struct hnv_rewrite *to = hnv_rewrite_of_provider(a, &destination);
	return to && to->local && provider_frame_is_ours(a->sw, f) ? to : NULL;
}

/* Is the packet whole, by its own header? A length of 0 says nothing (a segment longer than the field). */
static bool header_good(const struct frame *f)
{
	const struct frame_headers *h = &f->headers;
	const uint8_t *ip = rte_pktmbuf_mtod_offset(&f->m, const uint8_t *, h->l3_off);
	uint32_t have = frame_len(f) - h->l3_off;
	if (h->ether_type == RTE_ETHER_TYPE_IPV6)
		return 40u + (uint32_t)(ip[4] << 8 | ip[5]) <= have;
	uint32_t header = (ip[0] & 0xfu) * 4, total = (uint32_t)(ip[2] << 8 | ip[3]);
	return header >= 20 && h->l3_off + header <= frame_head_len(f) && (!total || total >= header) &&
	       total <= have && offload_sum_fold(offload_sum(ip, header, 0)) == 0xffff;
}

static bool is_echo_request(const struct frame *f)
{
	const struct frame_headers *h = &f->headers;
	const uint8_t *data = rte_pktmbuf_mtod(&f->m, const uint8_t *);
	if (!h->l4_off || h->fragmented)
		return false;
	return h->ether_type == RTE_ETHER_TYPE_IPV4
		       ? h->l4_proto == IPPROTO_ICMP && data[h->l4_off] == ECHO_REQUEST_4
		       : h->l4_proto == IPPROTO_ICMPV6 && data[h->l4_off] == ECHO_REQUEST_6;
}

/* The record with this address in the guest's routing domain, or NULL. */
static const struct hnv_rewrite *peer_of(const struct dp_adapter *a, const struct hnv_rewrite *guest,
					 const struct ip *provider)
{
	const struct hnv_rewrite *r = hnv_rewrite_of_provider(a, provider);
	return r && hnv_same_domain(a, r->vsid, guest->vsid) ? r : NULL;
}

/* An error is about what the guest sent to a peer, and nothing else. */
static bool quote_receive(const struct dp_adapter *a, struct frame *f, const struct hnv_rewrite *guest)
{
	struct rewrite_quote q;
	if (!rewrite_quote_find(f, &q) || !ip_equal(&q.source, &guest->provider))
		return false;
	const struct hnv_rewrite *peer = peer_of(a, guest, &q.destination);
	if (!peer)
		return false;
	rewrite_quote(f, &q, &guest->customer, &peer->customer);
	return true;
}

/* As the frame was when its sender's host took it, or routed it; untagged. */
static void ether_write(struct frame *f, const struct mac *from, const struct hnv_rewrite *to)
{
	unsigned less = f->headers.l3_off - (unsigned)RTE_ETHER_HDR_LEN;
	uint16_t type = rte_cpu_to_be_16(f->headers.ether_type);
	if (less) {
		rte_pktmbuf_adj(&f->m, (uint16_t)less);
		frame_shifted(f, -(int)less);
	}
	uint8_t *data = frame_data(f);
	memcpy(data, to->mac.byte, 6);
	memcpy(data + 6, from->byte, 6);
	memcpy(data + 12, &type, sizeof(type));
}

/* f, whose source is `from`'s (NULL: a stranger's, who may only tell of an error), becomes the guest's. */
static const struct drop_reason *rewrite(struct pipe *p, const struct dp_adapter *a, struct frame *f,
					 enum rewrite_kind kind, const struct hnv_rewrite *from,
					 const struct hnv_rewrite *to)
{
	static const struct mac router = HNV_ROUTER_MAC;
	const struct ip *source = from ? &from->customer : hnv_gateway_beside(a, to->vsid, &to->customer);
	if (!source || (!from && kind != REWRITE_ERROR))
		return &drop_rewrite_unknown_source;
	if (kind == REWRITE_ERROR && !quote_receive(a, f, to))
		return &drop_rewrite_foreign_quote;
	rewrite_explain(p, a, f, source, &to->customer);
	rewrite_addresses(f, source, &to->customer);
	ether_write(f, from && from->vsid == to->vsid ? &from->mac : &router, to);
	f->tenant = (struct frame_tenant){.vsid = to->vsid};
	f->m.ol_flags |= FRAME_TENANT;
	return NULL;
}

/* f, or the copy that took its place; NULL: dropped. */
static struct frame *receive_one(struct pipe *p, const struct dp_adapter *a, struct frame *f,
				 const struct hnv_rewrite *to)
{
	bool no_memory;
	enum rewrite_kind kind = rewrite_begin(p, &f, 0, &no_memory);
	struct ip source, destination;
	const struct drop_reason *reason = NULL;
	if (unlikely(kind == REWRITE_NEVER))
		return f;
	if (unlikely(no_memory))
		reason = &drop_rewrite_no_memory;
	else if (unlikely(kind == REWRITE_MALFORMED || !header_good(f)))
		reason = &drop_rewrite_malformed;
	if (likely(!reason)) {
		rewrite_addresses_of(f, &source, &destination);
		const struct hnv_rewrite *from = peer_of(a, to, &source);
		if (!from && is_echo_request(f))
			return f;
		reason = rewrite(p, a, f, kind, from, to);
	}
	if (likely(!reason))
		return f;
	pipe_drop(p, a, f, reason);
	return NULL;
}

static uint16_t ip_rewrite_receive(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	uint16_t kept = 0;
	if (!hnv_rewrites_any(a))
		return n;
	for (uint16_t i = 0; i < n; i++) {
		struct frame *f = frames[i];
		const struct hnv_rewrite *to = f->m.ol_flags & FRAME_TENANT ? NULL : receiver_of(a, f);
		if (to)
			f = receive_one(p, a, f, to);
		if (likely(f != NULL))
			frames[kept++] = f;
	}
	return kept;
}

NODE(ip_rewrite_receive, DECAPSULATE, ip_rewrite_receive, hnv_carries)
