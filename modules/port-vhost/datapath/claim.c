/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From our words for offloads to the library's (mbuf flags): it writes the virtio header from flags and lengths, and the
 * pseudo header's checksum into the frame. The way back is offload_from_mbuf().
 */
#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>

#include "core/runtime/offload.h"
#include "modules/port-vhost/datapath/vhost.h"

#define TCP_CHECKSUM 16
#define UDP_CHECKSUM 6
#define IP6_HEADER 40

/* Can the library name this checksum? It knows TCP and UDP right behind an IP header, by its pseudo header. */
static bool csum_nameable(const struct frame *f)
{
	const struct frame_headers *h = &f->headers;
	bool tcp = h->l4_proto == IPPROTO_TCP;
	if (!h->l4_off || f->offload.csum_start != h->l4_off || (!tcp && h->l4_proto != IPPROTO_UDP))
		return false;
	if (f->offload.csum_offset != (tcp ? TCP_CHECKSUM : UDP_CHECKSUM))
		return false;
	return h->ether_type == RTE_ETHER_TYPE_IPV4 || h->l4_off - h->l3_off == IP6_HEADER;
}

static void name_lengths(struct frame *f)
{
	const struct frame_headers *h = &f->headers;
	f->m.tx_offload = 0;
	f->m.l2_len = h->l3_off;
	f->m.l3_len = (uint16_t)(h->l4_off - h->l3_off);
	f->m.ol_flags |= h->ether_type == RTE_ETHER_TYPE_IPV4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
}

/*
 * For a segment to be cut, the library would write a pseudo header sum without the length, as some network cards
 * want it; a guest that forwards the segment and cuts it itself would make wrong checksums of that. It leaves
 * alone what does not have all headers in its first piece, so the Ethernet header goes into a piece of its own.
 */
static bool name_segments(struct frame **slot)
{
	struct frame *f = *slot, *head = frame_alloc(port_pools()->small);
	if (!head)
		return false;
	name_lengths(f);
	head->m.ol_flags = f->m.ol_flags & ~FRAME_FLAGS;
	head->m.ol_flags |= RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM;
	head->m.tx_offload = f->m.tx_offload;
	head->m.l4_len = (uint8_t)(f->offload.header_len - f->headers.l4_off);
	head->m.tso_segsz = f->offload.gso_size;
	head->m.port = f->m.port;
	memcpy(frame_data(head), frame_data(f), RTE_ETHER_HDR_LEN);
	head->m.data_len = RTE_ETHER_HDR_LEN;
	head->m.pkt_len = f->m.pkt_len;
	head->m.nb_segs = (uint16_t)(f->m.nb_segs + 1);
	head->m.next = &f->m;
	f->m.data_off += RTE_ETHER_HDR_LEN;
	f->m.data_len = (uint16_t)(f->m.data_len - RTE_ETHER_HDR_LEN);
	*slot = head;
	return true;
}

bool vhost_claim_make(struct frame **slot)
{
	struct frame *f = frame_unshare(*slot, port_pools());
	if (!f)
		return false;
	*slot = f;
	if (frame_own(f, port_pools()))
		return false;
	if (!(f->m.ol_flags & FRAME_OFFLOAD))
		return true;
	frame_parse(f);
	if (f->offload.gso != FRAME_GSO_NONE)
		return name_segments(slot);
	if (!csum_nameable(f))
		return offload_checksum(f) == 0;
	name_lengths(f);
	f->m.ol_flags |= f->headers.l4_proto == IPPROTO_TCP ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
	return true;
}
