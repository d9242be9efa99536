/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On the way out of an uplink: what a guest sends to a customer address of rule nat becomes a plain packet between the
 * two provider addresses (row I23). Length, payload and what the sender left to be done stay as they are.
 */
#include <string.h>

#include <rte_ether.h>

#include "core/runtime/pipe.h"
#include "modules/hnv/hnv.h"
#include "modules/provider/provider.h"
#include "modules/rewrite/datapath/rewrite.h"

DROP(rewrite, rewrite_gone, "rewrite-gone",
     "the lookup record of rule nat that the frame was sent by changed while it waited; what is sent now takes the new way")
DROP(rewrite, rewrite_no_source, "rewrite-no-source",
     "sent to a customer address of rule nat from one that is not; give the sender's lookup record rule: nat and a provider "
     "address of its own")
DROP(rewrite, rewrite_through, "rewrite-through",
     "sent through a customer address of rule nat to another behind it, which has no place in a rewritten packet; use "
     "rule: encap for gateways and next hops")
DROP(rewrite, rewrite_not_ip, "rewrite-not-ip",
     "ARP, neighbour discovery or a redirect for a customer address of rule nat, where only IP packets go")
DROP(rewrite, rewrite_malformed, "rewrite-malformed",
     "a packet of or for a customer address of rule nat whose IP, TCP, UDP or ICMP header is cut off or wrong")
DROP(rewrite, rewrite_foreign_quote, "rewrite-foreign-quote",
     "an ICMP error that quotes no packet between two customer addresses of rule nat in its own routing domain")
DROP(rewrite, rewrite_no_memory, "no-memory-to-rewrite",
     "no frame buffer was free to rewrite in; raise weftd --memory")

enum rewrite_kind rewrite_begin(struct pipe *p, struct frame **f, unsigned room, bool *ret_no_memory)
{
	enum rewrite_kind kind = rewrite_kind_of(*f);
	bool wanted = kind == REWRITE_ERROR || kind == REWRITE_MALFORMED;
	bool short_head = wanted && frame_head_len(*f) < RTE_MIN(REWRITE_HEAD, frame_len(*f));
	*ret_no_memory = false;
	if (likely(!short_head && rte_mbuf_refcnt_read(&(*f)->m) == 1 && (*f)->m.data_off >= room))
		return kind;
	struct frame *own = frame_copy(*f, p->pools, UINT32_MAX);
	if (!own) {
		*ret_no_memory = true;
		return kind;
	}
	own->m.ol_flags &= ~FRAME_PARSED; /* more may be in reach */
	frame_free(*f);
	*f = own;
	return rewrite_kind_of(own);
}

void rewrite_explain(struct pipe *p, const struct dp_adapter *a, const struct frame *f, const struct ip *source,
		     const struct ip *destination)
{
	char text[4][IP_TEXT_SIZE];
	struct ip from, to;
	if (likely(p->trace == NULL))
		return;
	rewrite_addresses_of(f, &from, &to);
	PIPE_TRACE(p, a, "rewrite", "%s to %s becomes %s to %s", ip_format(&from, text[0]), ip_format(&to, text[1]),
		   ip_format(source, text[2]), ip_format(destination, text[3]));
}

/* The link layer of the way; the guest's own MAC address where its record says so. */
static void ether_write(struct frame *f, const struct provider_way *way, const struct hnv_rewrite *from)
{
	unsigned more = way->l3_off - (unsigned)RTE_ETHER_HDR_LEN;
	if (more) {
		f->m.data_off = (uint16_t)(f->m.data_off - more);
		f->m.data_len = (uint16_t)(f->m.data_len + more);
		f->m.pkt_len += more;
		frame_shifted(f, (int)more);
	}
	uint8_t *data = frame_data(f);
	memcpy(data, way->header, way->l3_off);
	if (from->use_vm_mac_address)
		memcpy(data + 6, from->mac.byte, 6);
}

/* An error about a packet that came by here: from its guest's peer to one of its guest's addresses. */
static bool quote_send(const struct dp_adapter *a, struct frame *f, const struct hnv_rewrite *from,
		       const struct hnv_rewrite *to)
{
	struct rewrite_quote q;
	if (!rewrite_quote_find(f, &q))
		return false;
	const struct hnv_rewrite *source =
		ip_equal(&q.source, &to->customer) ? to : hnv_rewrite_of_customer(a, to->vsid, &q.source);
	const struct hnv_rewrite *destination = ip_equal(&q.destination, &from->customer)
							? from
							: hnv_rewrite_of_customer(a, from->vsid, &q.destination);
	if (!source || !destination)
		return false;
	rewrite_quote(f, &q, &source->provider, &destination->provider);
	return true;
}

/* NULL: f is rewritten; else why not. */
static const struct drop_reason *rewrite(struct pipe *p, const struct dp_adapter *a, struct frame *f,
					 enum rewrite_kind kind, const struct provider_way *way)
{
	struct ip source, destination;
	if (unlikely(kind == REWRITE_NEVER))
		return &drop_rewrite_not_ip;
	if (unlikely(kind == REWRITE_MALFORMED))
		return &drop_rewrite_malformed;
	rewrite_addresses_of(f, &source, &destination);
	const struct hnv_rewrite *to = hnv_rewrite_of_provider(a, &way->remote);
	if (unlikely(!to || !hnv_same_domain(a, to->vsid, f->tenant.vsid)))
		return &drop_rewrite_gone;
	if (unlikely(!ip_equal(&to->customer, &destination)))
		return &drop_rewrite_through;
	const struct hnv_rewrite *from = hnv_rewrite_of_customer(a, f->tenant.vsid, &source);
	if (unlikely(!from || !from->local))
		return &drop_rewrite_no_source;
	if (unlikely(kind == REWRITE_ERROR) && !quote_send(a, f, from, to))
		return &drop_rewrite_foreign_quote;
	rewrite_explain(p, a, f, &from->provider, &to->provider);
	rewrite_addresses(f, &from->provider, &to->provider);
	ether_write(f, way, from);
	f->m.ol_flags &= ~FRAME_TENANT;
	return NULL;
}

/* f, or the copy that took its place; NULL: dropped. */
static struct frame *send_one(struct pipe *p, const struct dp_adapter *a, struct frame *f,
			      const struct provider_way *way)
{
	bool no_memory;
	if (unlikely(!way || way->uplink != a->id)) {
		pipe_drop(p, a, f, &drop_rewrite_gone);
		return NULL;
	}
	enum rewrite_kind kind = rewrite_begin(p, &f, way->l3_off - (unsigned)RTE_ETHER_HDR_LEN, &no_memory);
	const struct drop_reason *reason = no_memory ? &drop_rewrite_no_memory : rewrite(p, a, f, kind, way);
	if (likely(!reason))
		return f;
	pipe_drop(p, a, f, reason);
	return NULL;
}

static uint16_t ip_rewrite_send(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	uint16_t kept = 0;
	for (uint16_t i = 0; i < n; i++) {
		const struct provider_way *way;
		struct frame *f = frames[i];
		if (f->m.ol_flags & FRAME_TENANT && hnv_rewrite_wanted(f, &way))
			f = send_one(p, a, f, way);
		if (likely(f != NULL))
			frames[kept++] = f;
	}
	return kept;
}

NODE(ip_rewrite_send, ENCAPSULATE, ip_rewrite_send, hnv_carries)
