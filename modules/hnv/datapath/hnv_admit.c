/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May this guest of a virtual subnet send that? From its own MAC address and, if it is an IP packet, from one of its
 * own customer addresses (ARP and neighbour discovery are judged by hnv_answer). A virtual subnet knows no VLANs: tags
 * are taken off (RFC 7637, 3.2: the inner frame has none). What passes is long enough for its fixed headers, which later
 * nodes rely on.
 */
#include <rte_ether.h>

#include "modules/hnv/datapath/hnv_learn.h"
#include "modules/hnv/datapath/hnv_lookup.h"
#include "modules/hnv/guest.h"
#include "modules/hnv/probe.h"
#include "modules/hnv/tables.h"

DROP(hnv, cut_off, "cut-off", "shorter than its Ethernet, IP or ARP header")
DROP_POLICY(
	hnv, not_own_mac, "not-own-mac",
	"sent from a MAC address that is not the adapter's own; in a virtual subnet the lookup records go by mac-address")
DROP_POLICY(
	hnv, tagged, "tagged",
	"three VLAN tags, of which no more than two are taken off; or, from a guest with isolation, a tag where none of its "
	"isolation ids is meant: send untagged frames")
DROP(hnv, not_ip, "not-ip",
     "neither IPv4, IPv6 nor ARP: virtual subnets forward by IP address (forwarding: 2012 lets others pass inside a host)")
DROP_POLICY(
	hnv, not_own_address, "not-own-address",
	"sent from an address that is none of the adapter's customer addresses; add a lookup record with its MAC address, or "
	"set dynamic-ip-address-limit")
DROP_POLICY(
	hnv, moved_away, "moved-away",
	"sent by an adapter whose guest has moved to another host, where its lookup records lead; 'weft move retire' takes "
	"the adapter away, 'weft move prepare' lets the guest come back")

#define TAGS_MAX 2

static inline bool is_tag(uint16_t type)
{
	return type == RTE_BE16(RTE_ETHER_TYPE_VLAN) || type == RTE_BE16(RTE_ETHER_TYPE_QINQ) ||
	       type == RTE_BE16(RTE_ETHER_TYPE_QINQ1);
}

/* Takes a tag off; false: it is cut off, or says something to this adapter. Nobody else holds a frame that just came in. */
static bool untag(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	uint8_t *data = frame_data(f);
	unsigned vlan = frame_head_len(f) < 18 ? 0 : bytes_be16(data + 14) & 0xfffu;
	if (frame_head_len(f) < 18 || (vlan && a->tags_are_ids))
		return false;
	memmove(data + 4, data, 12);
	rte_pktmbuf_adj(&f->m, 4);
	frame_shifted(f, -4);
	PIPE_TRACE(p, a, "note",
		   vlan ? "tag of VLAN %u taken off: a virtual subnet has no VLANs"
			: "priority tag (VLAN %u) taken off",
		   vlan);
	return true;
}

static bool untag_all(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	for (int i = 0; i < TAGS_MAX && is_tag(bytes_raw16(frame_data(f) + HNV_TYPE)); i++)
		if (!untag(p, a, f))
			return false;
	return !is_tag(bytes_raw16(frame_data(f) + HNV_TYPE));
}

/* Two calls of constant size, which become a compare or two. */
static inline bool same_bytes(uint8_t family, const uint8_t *a, const uint8_t *b)
{
	return likely(family == AF_INET) ? !memcmp(a, b, 4) : !memcmp(a, b, 16);
}

static inline bool same_address(const struct ip *own, uint8_t family, const uint8_t *address)
{
	return own->family == family && same_bytes(family, own->byte, address);
}

static inline bool unspecified(uint8_t family, const uint8_t *address)
{
	static const struct ip none;
	return same_bytes(family, none.byte, address);
}

/* Its own; none, which asks for one (DHCP, duplicate address detection); IPv6 link-local, which hnv_answer binds; or any,
 * if the adapter has a gateway-wildcard record, whose address is 0.0.0.0 or ::. */
static bool may_send_from(const struct hnv_port *port, uint8_t family, const uint8_t *address)
{
	static const struct ip any;
	const struct hnv_addresses *own = atomic_load_explicit(&port->own, memory_order_acquire);
	for (uint16_t i = 0; own && i < own->n; i++)
		if (same_address(&own->address[i], family, address) ||
		    same_address(&own->address[i], family, any.byte))
			return true;
	return unspecified(family, address) || (family == AF_INET6 && hnv_is_link_local(address));
}

static inline const struct drop_reason *judge_ether(const struct dp_adapter *a, struct frame *f)
{
	if (unlikely(frame_head_len(f) < HNV_IP))
		return &drop_cut_off;
	if (unlikely(memcmp(frame_data(f) + 6, a->mac.byte, 6) != 0) && !hnv_probe_is_ours(f))
		return &drop_not_own_mac;
	return NULL;
}

/* The source address of an IP packet, its family, or 0 with *ret_reason NULL (ARP, others) or why it may not pass. */
static inline uint8_t source_of(const struct hnv_port *port, struct frame *f, const uint8_t **ret_source,
				const struct drop_reason **ret_reason)
{
	const uint8_t *data = frame_data(f);
	uint32_t len = frame_head_len(f);
	uint16_t type = bytes_raw16(data + HNV_TYPE);
	*ret_reason = &drop_cut_off;
	if (likely(type == RTE_BE16(RTE_ETHER_TYPE_IPV4))) {
		*ret_source = data + HNV_IP4_FROM;
		return len >= HNV_IP4_END && data[HNV_IP] >> 4 == 4 ? AF_INET : 0;
	}
	if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6)) {
		*ret_source = data + HNV_IP6_FROM;
		return len >= HNV_IP6_END && data[HNV_IP] >> 4 == 6 ? AF_INET6 : 0;
	}
	if (type == RTE_BE16(RTE_ETHER_TYPE_ARP))
		*ret_reason = len >= HNV_ARP_END ? NULL : &drop_cut_off;
	else
		*ret_reason = port->net->forwarding == HNV_FORWARDING_2012 ? NULL : &drop_not_ip;
	return 0;
}

/* The address is not the adapter's: it may become so. Takes f. */
static void learn(struct pipe *p, const struct dp_adapter *a, struct frame *f, uint8_t family, const uint8_t *address)
{
	struct ip from = {.family = family};
	memcpy(from.byte, address, family == AF_INET ? 4 : 16);
	if (unlikely(p->trace != NULL)) {
		char text[IP_TEXT_SIZE];
		PIPE_TRACE(p, a, "note", "%s is no customer address of the adapter", ip_format(&from, text));
	}
	hnv_learn(p, a, f, &from, &drop_not_own_address);
}

/* The source that was let pass last; most bursts have one. */
struct passed {
	uint8_t family; /* 0: none yet */
	uint8_t byte[16];
};

/* f, to go on; NULL: it ended. */
static inline struct frame *admit(struct pipe *p, const struct dp_adapter *a, const struct hnv_port *port,
				  struct passed *last, struct frame *f)
{
	const uint8_t *from;
	const struct drop_reason *reason = judge_ether(a, f);
	if (likely(!reason) && unlikely(is_tag(bytes_raw16(frame_data(f) + HNV_TYPE))) && !untag_all(p, a, f))
		reason = &drop_tagged;
	uint8_t family = reason ? 0 : source_of(port, f, &from, &reason);
	if (likely(family)) {
		if (likely(family == last->family && same_bytes(family, last->byte, from)))
			return f;
		if (unlikely(!may_send_from(port, family, from)) && !hnv_probe_is_ours(f)) {
			learn(p, a, f, family, from);
			return NULL;
		}
		last->family = family;
		memcpy(last->byte, from, family == AF_INET ? 4 : 16);
		return f;
	}
	if (!reason)
		return f;
	pipe_drop(p, a, f, reason);
	return NULL;
}

static uint16_t hnv_admit(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	const struct hnv_port *port = hnv_port_of(a);
	struct passed last = {0};
	uint16_t kept = 0;
	if (unlikely(atomic_load_explicit(&port->away, memory_order_relaxed))) {
		for (uint16_t i = 0; i < n; i++)
			pipe_drop(p, a, frames[i], &drop_moved_away);
		return 0;
	}
	for (uint16_t i = 0; i < n; i++) {
		struct frame *f = admit(p, a, port, &last, frames[i]);
		if (likely(f != NULL))
			frames[kept++] = f;
	}
	return kept;
}

static bool wanted(const struct dp_adapter *a)
{
	const struct hnv_port *port = hnv_port_of(a);
	return a->vsid && port && port->subnet;
}

NODE(hnv_admit, ADMIT, hnv_admit, wanted)
