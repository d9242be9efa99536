/* SPDX-License-Identifier: Apache-2.0 */
/* Where the headers of a frame are: written once, so that nodes and ports agree about it. */
#include <netinet/in.h>

#include <rte_ether.h>

#include "base/cursor.h"
#include "core/runtime/frame.h"

#define ETHER_ADDRESSES (2 * RTE_ETHER_ADDR_LEN)
#define TAGS_MAX 2
#define IP6_HEADER 40

static bool is_tag(uint16_t ether_type)
{
	return ether_type == RTE_ETHER_TYPE_VLAN || ether_type == RTE_ETHER_TYPE_QINQ; /* 802.1Q, 802.1ad */
}

/* Padding behind the packet is no part of it: nothing is found beyond the length that the IP header gives. A
 * length of 0 says nothing (a GSO frame or jumbogram whose length does not fit the field). */
static void limit(struct cursor *c, const uint8_t *packet, uint32_t len)
{
	if (len && len < (size_t)(c->end - packet))
		c->end = packet + len;
}

/* c stands behind the L3 header: is the fixed part of the L4 header within it? */
static void find_l4(struct frame_headers *h, const struct cursor *c, const uint8_t *frame)
{
	size_t need = h->l4_proto == IPPROTO_TCP ? 20 : h->l4_proto == IPPROTO_UDP ? 8 : 4;
	size_t off = (size_t)(c->at - frame);
	if (!c->bad && !h->fragment && c->at <= c->end && cursor_left(c) >= need && off <= UINT8_MAX)
		h->l4_off = (uint8_t)off;
}

/* RFC 791, 3.1 */
static void parse_ip4(struct frame_headers *h, struct cursor c, const uint8_t *frame)
{
	const uint8_t *ip = cursor_take(&c, 20);
	if (!ip || ip[0] >> 4 != 4)
		return;
	uint8_t header = (uint8_t)((ip[0] & 0xf) * 4);
	uint16_t fragment = (uint16_t)(ip[6] << 8 | ip[7]); /* 0, DF, MF, 13 bits of offset */
	h->l4_proto = ip[9];
	h->fragment = fragment & 0x1fff;
	h->fragmented = fragment & 0x3fff;
	if (header < 20)
		return;
	cursor_skip(&c, header - 20u);
	limit(&c, ip, (uint32_t)(ip[2] << 8 | ip[3]));
	find_l4(h, &c, frame);
}

/* RFC 8200, 4: extension headers are eight bytes and more, so that the walk ends with the cursor at the
 * latest. */
static void parse_ip6(struct frame_headers *h, struct cursor c, const uint8_t *frame)
{
	const uint8_t *ip = cursor_take(&c, IP6_HEADER);
	if (!ip || ip[0] >> 4 != 6)
		return;
	uint16_t payload = (uint16_t)(ip[4] << 8 | ip[5]);
	limit(&c, ip, payload ? IP6_HEADER + (uint32_t)payload : 0);
	h->l4_proto = ip[6];
	while (!c.bad && !h->fragment) {
		const uint8_t *ext;
		switch (h->l4_proto) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
		case IPPROTO_MH:
		case 139: /* HIP, RFC 7401 */
		case 140: /* Shim6, RFC 5533 */
			ext = cursor_take(&c, 8);
			cursor_skip(&c, ext ? ext[1] * 8u : 0);
			break;
		case IPPROTO_FRAGMENT:
			ext = cursor_take(&c, 8);
			h->fragmented = true;
			h->fragment = ext && (ext[2] << 8 | ext[3]) >> 3;
			break;
		case IPPROTO_AH: /* RFC 4302, 2.2: in words of four bytes, less two */
			ext = cursor_take(&c, 8);
			cursor_skip(&c, ext ? ext[1] * 4u : 0);
			break;
		case IPPROTO_NONE:
			return;
		default:
			find_l4(h, &c, frame);
			return;
		}
		if (ext)
			h->l4_proto = ext[0];
	}
}

void frame_parse(struct frame *f)
{
	if (f->m.ol_flags & FRAME_PARSED)
		return;
	const uint8_t *frame = frame_data(f);
	struct cursor c = cursor_over(frame, frame_head_len(f));
	struct frame_headers h = {.l3_off = RTE_ETHER_HDR_LEN};

	cursor_skip(&c, ETHER_ADDRESSES);
	h.ether_type = cursor_be16(&c);
	for (int tags = 0; tags < TAGS_MAX && is_tag(h.ether_type); tags++) {
		cursor_skip(&c, 2);
		h.ether_type = cursor_be16(&c);
		h.l3_off = (uint8_t)(h.l3_off + 4);
	}
	if (h.ether_type == RTE_ETHER_TYPE_IPV4)
		parse_ip4(&h, c, frame);
	else if (h.ether_type == RTE_ETHER_TYPE_IPV6)
		parse_ip6(&h, c, frame);
	f->headers = h;
	f->m.ol_flags |= FRAME_PARSED;
}
