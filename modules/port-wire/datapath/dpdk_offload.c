/* SPDX-License-Identifier: Apache-2.0 */
/* Between a frame's offloads, which are virtio's, and an mbuf's. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "core/runtime/offload.h"
#include "modules/port-wire/control/dpdk.h"

/* The sum over the pseudo-header goes where the whole sum is to be; with TSO it leaves the length out. */
static uint16_t pseudo_header_sum(const uint8_t *ip, uint64_t flags)
{
	return flags & RTE_MBUF_F_TX_IPV4 ? rte_ipv4_phdr_cksum((const struct rte_ipv4_hdr *)ip, flags)
					  : rte_ipv6_phdr_cksum((const struct rte_ipv6_hdr *)ip, flags);
}

/* Some drivers say of a UDP datagram without a checksum that it is open; one that is has its pseudo header's sum. */
static bool sends_no_checksum(struct frame *f)
{
	frame_parse(f);
	const struct rte_udp_hdr *udp = rte_pktmbuf_mtod_offset(&f->m, const struct rte_udp_hdr *, f->headers.l4_off);
	return f->headers.l4_off && f->headers.l4_proto == IPPROTO_UDP && !udp->dgram_cksum;
}

bool dpdk_offload_take(struct frame *f)
{
	uint64_t sum = f->m.ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	if (unlikely(sum == RTE_MBUF_F_RX_L4_CKSUM_NONE && sends_no_checksum(f)))
		f->m.ol_flags &= ~RTE_MBUF_F_RX_L4_CKSUM_MASK;
	if (offload_from_mbuf(f))
		return false;
	if (sum == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		f->m.ol_flags |= FRAME_CSUM_GOOD;
	return true;
}

int dpdk_offload_fill(struct frame *f)
{
	const struct frame_offload *o = &f->offload;
	frame_parse(f);
	const struct frame_headers *h = &f->headers;
	bool ip4 = h->ether_type == RTE_ETHER_TYPE_IPV4, ip6 = h->ether_type == RTE_ETHER_TYPE_IPV6;
	if ((!ip4 && !ip6) || !h->l4_off || h->l4_off != o->csum_start)
		return -EINVAL;

	uint64_t flags = ip4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
	uint16_t sum_off;
	if (h->l4_proto == IPPROTO_TCP) {
		flags |= o->gso ? RTE_MBUF_F_TX_TCP_SEG : RTE_MBUF_F_TX_TCP_CKSUM;
		sum_off = offsetof(struct rte_tcp_hdr, cksum);
	} else if (h->l4_proto == IPPROTO_UDP && !o->gso) {
		flags |= RTE_MBUF_F_TX_UDP_CKSUM;
		sum_off = offsetof(struct rte_udp_hdr, dgram_cksum);
	} else {
		return -EINVAL;
	}
	if (o->csum_offset != sum_off || (uint32_t)h->l4_off + sum_off + 2 > frame_head_len(f))
		return -EINVAL;

	uint8_t *ip = frame_data(f) + h->l3_off;
	if (o->gso) {
		f->m.tso_segsz = o->gso_size;
		if (ip4) { /* each segment's length differs, and so does the sum over its header */
			flags |= RTE_MBUF_F_TX_IP_CKSUM;
			memset(ip + offsetof(struct rte_ipv4_hdr, hdr_checksum), 0, sizeof(uint16_t));
		}
	}
	uint16_t sum = pseudo_header_sum(ip, flags);
	memcpy(frame_data(f) + h->l4_off + sum_off, &sum, sizeof(sum));
	f->m.l2_len = h->l3_off;
	f->m.l3_len = h->l4_off - h->l3_off;
	f->m.l4_len = o->gso ? o->header_len - h->l4_off : 0;
	f->m.ol_flags |= flags;
	return 0;
}
