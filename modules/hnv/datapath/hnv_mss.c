/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP's maximum segment size (RFC 9293, 3.7.1) lowered to what fits every tunnel, in both directions, for subnets
 * with mss-clamp. Connections inside a host too: either end may move to another while they last.
 */
#include <endian.h>
#include <netinet/in.h>

#include <rte_ether.h>

#include "core/runtime/offload.h"
#include "modules/hnv/reply.h"
#include "modules/hnv/tables.h"

#define TCP 20u
#define TCP_FLAGS 13
#define TCP_CHECKSUM 16
#define SYN 0x02
#define LOOKED_AT (HNV_ETHER + HNV_IP6 + TCP)
enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_MSS = 2 };

/* Nearly all that passes is no SYN, which one more byte tells. */
static inline bool may_be_syn(struct frame *f)
{
	const uint8_t *data = frame_data(f), *ip = data + HNV_ETHER;
	if (unlikely(frame_head_len(f) < LOOKED_AT))
		return true;
	if (data[12] == 0x08 && data[13] == 0)
		return ip[9] == IPPROTO_TCP && (ip[0] != 0x45 || ip[HNV_IP4 + TCP_FLAGS] & SYN);
	if (data[12] != 0x86 || data[13] != 0xdd)
		return false;
	return ip[6] == IPPROTO_TCP ? ip[HNV_IP6 + TCP_FLAGS] & SYN : ip[6] != IPPROTO_UDP && ip[6] != IPPROTO_ICMPV6;
}

/* Where the frame says its MSS, as an offset; 0: it says none. */
static uint16_t mss_find(struct frame *f)
{
	frame_parse(f);
	const struct frame_headers *h = &f->headers;
	const uint8_t *data = frame_data(f);
	bool ip = h->ether_type == RTE_ETHER_TYPE_IPV4 || h->ether_type == RTE_ETHER_TYPE_IPV6;
	if (!ip || !h->l4_off || h->l4_proto != IPPROTO_TCP || !(data[h->l4_off + TCP_FLAGS] & SYN))
		return 0;
	uint32_t at = h->l4_off + TCP, end = h->l4_off + (data[h->l4_off + 12] >> 4) * 4u;
	if (end > frame_head_len(f))
		return 0;
	while (at < end && data[at] != OPTION_END) {
		if (data[at] == OPTION_NOP) {
			at++;
			continue;
		}
		if (end - at < 2 || data[at + 1] < 2 || data[at + 1] > end - at)
			return 0;
		if (data[at] == OPTION_MSS)
			return data[at + 1] == 4 ? (uint16_t)(at + 2) : 0;
		at += data[at + 1];
	}
	return 0;
}

/* RFC 1624, eqn. 3; the two bytes may lie across two words of the sum, which then counts them swapped. */
static void mss_store(struct frame *f, uint16_t at, uint16_t mss)
{
	uint8_t *data = frame_data(f), *tcp = data + f->headers.l4_off;
	uint16_t old, new, sum;
	memcpy(&old, data + at, 2);
	hnv_put_be16(data + at, mss);
	memcpy(&new, data + at, 2);
	if (f->m.ol_flags & FRAME_OFFLOAD)
		return; /* still open: made of what is there when it is filled in */
	if ((at - f->headers.l4_off) & 1) {
		old = __builtin_bswap16(old);
		new = __builtin_bswap16(new);
	}
	memcpy(&sum, tcp + TCP_CHECKSUM, 2);
	sum = (uint16_t)~offload_sum_fold((uint64_t)(uint16_t)~sum + (uint16_t)~old + new);
	memcpy(tcp + TCP_CHECKSUM, &sum, 2);
}

/* f, or the private copy that took its place. */
static struct frame *clamp(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	uint32_t mtu = atomic_load_explicit(&hnv_port_of(a)->net->inner_mtu, memory_order_relaxed);
	uint16_t at = mtu ? mss_find(f) : 0;
	if (!at)
		return f;
	uint32_t headers = TCP + (f->headers.ether_type == RTE_ETHER_TYPE_IPV4 ? HNV_IP4 : HNV_IP6);
	const uint8_t *said = frame_data(f) + at;
	mtu = RTE_MIN(mtu, a->mtu);
	if (mtu <= headers || (uint32_t)(said[0] << 8 | said[1]) <= mtu - headers)
		return f;
	struct frame *own = frame_unshare(f, p->pools);
	if (!own)
		return f; /* nothing is lost: who sends too much is told */
	frame_parse(own);
	PIPE_TRACE(p, a, "note", "TCP MSS lowered to %u", mtu - headers);
	mss_store(own, at, (uint16_t)(mtu - headers));
	return own;
}

static uint16_t hnv_mss(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		if (unlikely(may_be_syn(frames[i])))
			frames[i] = clamp(p, a, frames[i]);
	return n;
}

static bool wanted(const struct dp_adapter *a)
{
	const struct hnv_port *port = hnv_port_of(a);
	return a->vsid && port && port->subnet && port->subnet->mss_clamp;
}

NODE(hnv_mss_in, INGRESS_POLICY, hnv_mss, wanted)
NODE(hnv_mss_out, EGRESS_POLICY, hnv_mss, wanted)
