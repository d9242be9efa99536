/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/hnv/datapath/hnv_alike.h"

#include <string.h>

#include <rte_ether.h>

/* Which bits of each header say what kind it is. Who sent it does not. */
static const uint8_t ether_mask[14] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
static const uint8_t tag_mask[4] = {0x0f, 0xff, 0xff, 0xff}; /* not its priority */
static const uint8_t ip4_mask[20] = {0xff, 0, 0, 0, 0, 0, 0xbf, 0xff, 0,    0xff,
				     0,	   0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};
static const uint8_t ip6_mask[40] = {0xf0, [6] = 0xff, [24] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				     0xff, 0xff,       0xff,	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* Only what comes day by day: at most one tag, no options, and UDP without a checksum to verify. */
static bool is_usual(const struct frame_headers *h, const uint8_t *data, const struct hnv_encapsulation *e)
{
	bool ip6 = h->ether_type == RTE_ETHER_TYPE_IPV6;
	return h->l3_off <= 18 && h->l4_off == h->l3_off + (ip6 ? 40 : 20) && !h->fragmented &&
	       (!e->udp_port || !bytes_be16(data + h->l4_off + 6));
}

void hnv_alike_learn(struct hnv_alike *o, struct frame *f, const struct hnv_encapsulation *e)
{
	const struct frame_headers *h = &f->headers;
	const uint8_t *data = frame_data(f);
	*o = (struct hnv_alike){.l3_off = (uint8_t)h->l3_off,
				.l4_off = (uint8_t)h->l4_off,
				.ip6 = h->ether_type == RTE_ETHER_TYPE_IPV6};
	if (!is_usual(h, data, e))
		return;
	uint8_t *mask = (uint8_t *)o->mask;
	memcpy(mask, ether_mask, sizeof(ether_mask));
	if (o->l3_off > sizeof(ether_mask))
		memcpy(mask + sizeof(ether_mask), tag_mask, sizeof(tag_mask));
	memcpy(mask + o->l3_off, o->ip6 ? ip6_mask : ip4_mask, o->ip6 ? sizeof(ip6_mask) : sizeof(ip4_mask));
	memcpy(mask + o->l4_off, e->same, e->header_len);
	o->vsid_off = (uint8_t)(o->l4_off + e->vsid_off);
	o->bytes = (uint8_t)(o->l4_off + e->header_len);
	o->words = (uint8_t)((o->bytes + 7) / 8);
	if (frame_head_len(f) < o->words * 8u)
		return;
	memcpy(o->bits, data, o->words * 8u);
	o->encapsulation = e;
}
