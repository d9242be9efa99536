/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/hnv/datapath/hnv_control.h"

#include <sys/random.h>

#include <rte_ether.h>

#include "core/runtime/punt.h"
#include "modules/hnv/datapath/hnv_lookup.h"
#include "modules/provider/provider.h"

DROP(hnv, control_limit, "control-limit",
     "more REDIRECT and UNREACHABLE messages from other hosts than are looked at (1000 a second, 100 of each); look at "
     "who sends them")
PUNT(hnv_control, hnvc_on_control);
PUNT(hnv_stray, hnvc_on_stray);

#define ALL_A_SECOND 1000
#define ALL_BURST 200
#define EACH_A_SECOND 100
#define EACH_BURST 50
#define ABOUT_A_SECOND 10
#define ABOUT_BURST 3
#define QUOTED 192u /* bytes of the frame itself that go up with its outer headers */

/* An ICMP packet of these kinds, without options and whole as far as can be seen. */
static bool is_message(struct frame *f, struct ip *ret_from, struct ip *ret_to)
{
	const uint8_t *data = frame_data(f);
	uint32_t len = frame_head_len(f);
	bool ip6 = bytes_raw16(data + HNV_TYPE) == RTE_BE16(RTE_ETHER_TYPE_IPV6);
	uint32_t end = ip6 ? HNV_IP6_END : HNV_IP4_END;
	if ((!ip6 && bytes_raw16(data + HNV_TYPE) != RTE_BE16(RTE_ETHER_TYPE_IPV4)) || len < end + 8)
		return false;
	if (data[HNV_IP] >> 4 != (ip6 ? 6 : 4) || data[ip6 ? HNV_IP + 6 : HNV_IP + 9] != (ip6 ? 58 : 1) ||
	    !hnv_control_kind(ip6, data[end], data[end + 1]))
		return false;
	ret_from->family = ret_to->family = ip6 ? AF_INET6 : AF_INET;
	memcpy(ret_from->byte, data + (ip6 ? HNV_IP6_FROM : HNV_IP4_FROM), ip6 ? 16 : 4);
	memcpy(ret_to->byte, data + (ip6 ? HNV_IP6_TO : HNV_IP4_TO), ip6 ? 16 : 4);
	*ret_from = ip_unmapped(ret_from); /* message.h: IPv4 hosts may speak of an IPv6 one */
	*ret_to = ip_unmapped(ret_to);
	return true;
}

/* Nobody can choose addresses that share a limit with somebody else's. */
static uint64_t seed[2];

__attribute__((constructor)) static void seed_make(void)
{
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		seed[0] = (uintptr_t)seed * 0x9e3779b97f4a7c15ULL; /* worth less, works the same */
}

static uint64_t host_hash(const struct ip *from)
{
	uint64_t words[2];
	memcpy(words, from->byte, sizeof(words));
	return hnv_mix(words[0] ^ seed[0], words[1] ^ seed[1]);
}

/* For this host, and for all. */
static bool within(struct hnv_limits *l, const struct ip *from, uint64_t now_ms)
{
	return hnv_limit_take(&l->each[host_hash(from) % RTE_DIM(l->each)], now_ms, EACH_A_SECOND, EACH_BURST) &&
	       hnv_limit_take(&l->all, now_ms, ALL_A_SECOND, ALL_BURST);
}

/* One stream to a guest that has moved leaves room to be told of the others. */
static bool within_about(struct hnv_limits *l, const struct ip *from, struct frame *f, uint64_t now_ms)
{
	struct mac mac;
	memcpy(mac.byte, frame_data(f), sizeof(mac.byte));
	uint64_t guest = (uint64_t)f->tenant.vsid << 40 ^ mac_to_u64(&mac);
	uint64_t at = hnv_mix(host_hash(from) | 1, guest + 0x9e3779b97f4a7c15ULL) % RTE_DIM(l->about);
	return hnv_limit_take(&l->about[at], now_ms, ABOUT_A_SECOND, ABOUT_BURST);
}

bool hnv_control_take(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct hnv_outer *o)
{
	struct ip from = {0}, to = {0};
	if (!is_message(f, &from, &to) || rte_mbuf_refcnt_read(&f->m) > 1)
		return false;
	/* To our own station, as it was addressed outside; or, through a router, whose MAC address the sender had in its
	 * place, between the very provider addresses of the tunnel. No guest has either. */
	if (memcmp(frame_data(f), o->at, 6) != 0 && (!ip_equal(&from, &o->from) || !ip_equal(&to, &o->to)))
		return false;
	if (p->trace || within(&hnv_port_of(a)->net->heard, &o->from, p->now_ms))
		punt(p, a, f, &punt_hnv_control);
	else
		pipe_drop(p, a, f, &drop_control_limit);
	return true;
}

void hnv_control_tell(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct hnv_outer *o)
{
	char text[IP_TEXT_SIZE];
	uint16_t bytes = f->tenant.generation;
	if (!provider_is_peer(a->sw, &o->from))
		return;
	PIPE_TRACE(p, a, "note", "provider address %s, which sent it, is told", ip_format(&o->from, text));
	struct hnv_limits *told = &hnv_port_of(a)->net->told;
	if (p->trace || !within_about(told, &o->from, f, p->now_ms) || !within(told, &o->from, p->now_ms))
		return;
	rte_pktmbuf_prepend(&f->m, bytes);
	struct frame *copy = frame_copy(f, p->pools, bytes + QUOTED);
	rte_pktmbuf_adj(&f->m, bytes);
	if (!copy)
		return;
	copy->m.ol_flags &= ~FRAME_PARSED;
	copy->m.ol_flags |= FRAME_TENANT;
	rte_pktmbuf_adj(&copy->m, bytes);
	pipe_copied(p, a, 1);
	punt(p, a, copy, &punt_hnv_stray);
}

bool hnv_control_stranger(struct pipe *p, const struct dp_adapter *a, struct frame *f, unsigned bytes, uint32_t vsid)
{
	struct hnv_outer o;
	hnv_outer_off(f, bytes, vsid);
	bool outer = hnv_outer_read(f, &o);
	if (outer && hnv_control_take(p, a, f, &o)) /* of any virtual subnet: nobody is told of being told */
		return true;
	if (outer && vsid >= HNV_VSID_MIN && vsid <= HNV_VSID_MAX)
		hnv_control_tell(p, a, f, &o);
	rte_pktmbuf_prepend(&f->m, (uint16_t)bytes); /* as it came, to be dropped */
	f->m.ol_flags &= ~FRAME_TENANT;
	return false;
}
