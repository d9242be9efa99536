/* SPDX-License-Identifier: Apache-2.0 */
/* The honest guest's driver: frames into and out of its rings; see guest.h. */
#include <string.h>

#include "modules/port-vhost/test/guest.h"

#define NET_HEADER 12u /* struct virtio_net_hdr_mrg_rxbuf */
#define AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define USED (1u << VRING_PACKED_DESC_F_USED)

static bool packed(const struct guest *g) { return g->features & GUEST_PACKED; }

static uint8_t *buffer(struct guest *g, unsigned ring, unsigned i)
{
	return g->memory + (guest_physical(g, ring, i) - GUEST_PHYSICAL);
}

static void advance(const struct guest_ring *r, uint16_t *position, bool *wrap, unsigned n)
{
	*position = (uint16_t)(*position + n);
	if (*position >= r->entries) {
		*position = (uint16_t)(*position - r->entries);
		*wrap = !*wrap;
	}
}

static bool packed_used(struct guest *g, unsigned ring)
{
	struct guest_ring *r = &g->ring[ring];
	uint16_t flags = __atomic_load_n(&guest_packed(g, ring)[r->seen].flags, __ATOMIC_ACQUIRE);
	return !!(flags & AVAIL) == r->seen_wrap && !!(flags & USED) == r->seen_wrap;
}

/* Takes back what the other side is done with; it works in order. */
static void reclaim(struct guest *g, unsigned ring)
{
	struct guest_ring *r = &g->ring[ring];
	if (packed(g)) {
		while (r->free < r->entries && packed_used(g, ring)) {
			unsigned n = r->length[r->seen];
			r->free = (uint16_t)(r->free + n);
			advance(r, &r->seen, &r->seen_wrap, n);
		}
		return;
	}
	struct vring_used *used = guest_used(g, ring);
	for (; r->seen != __atomic_load_n(&used->idx, __ATOMIC_ACQUIRE); r->seen++)
		r->free = (uint16_t)(r->free + r->length[used->ring[r->seen % r->entries].id]);
}

/* Descriptors first..first+n of the ring's own buffers become available as one chain. */
static void publish(struct guest *g, unsigned ring, const uint32_t *len, unsigned n, uint16_t flags)
{
	struct guest_ring *r = &g->ring[ring];
	uint16_t first = r->next;
	r->length[first] = (uint16_t)n;
	r->free = (uint16_t)(r->free - n);
	if (!packed(g)) {
		for (unsigned i = 0; i < n; i++) {
			uint16_t at = (uint16_t)((first + i) % r->entries);
			guest_desc(g, ring)[at] = (struct vring_desc){guest_physical(g, ring, at), len[i],
								      flags | (i + 1 < n ? VRING_DESC_F_NEXT : 0),
								      (uint16_t)((at + 1) % r->entries)};
		}
		struct vring_avail *avail = guest_avail(g, ring);
		avail->ring[avail->idx % r->entries] = first;
		__atomic_store_n(&avail->idx, (uint16_t)(avail->idx + 1), __ATOMIC_RELEASE);
		r->next = (uint16_t)((first + n) % r->entries);
		return;
	}
	uint16_t head_flags = 0;
	for (unsigned i = 0; i < n; i++) {
		uint16_t at = r->next;
		uint16_t f = (uint16_t)(flags | (i + 1 < n ? VRING_DESC_F_NEXT : 0) | (r->wrap ? AVAIL : USED));
		struct vring_packed_desc *d = &guest_packed(g, ring)[at];
		d->addr = guest_physical(g, ring, at);
		d->len = len[i];
		d->id = first;
		if (i == 0)
			head_flags = f;
		else
			d->flags = f;
		advance(r, &r->next, &r->wrap, 1);
	}
	__atomic_store_n(&guest_packed(g, ring)[first].flags, head_flags, __ATOMIC_RELEASE);
}

bool guest_send(struct guest *g, unsigned queue, const struct virtio_net_hdr *h, const void *data, uint32_t len,
		uint32_t piece)
{
	unsigned ring = 2 * queue + 1, n = 0;
	struct guest_ring *r = &g->ring[ring];
	uint32_t lens[GUEST_ENTRIES], off = 0;
	uint8_t header[NET_HEADER] = {0};
	reclaim(g, ring);
	if (h)
		memcpy(header, h, sizeof(*h));
	if ((NET_HEADER + len + piece - 1) / piece > r->free)
		return false;
	for (uint32_t total = NET_HEADER + len; off < total; n++) {
		uint8_t *to = buffer(g, ring, (r->next + n) % r->entries);
		uint32_t take = total - off < piece ? total - off : piece;
		for (uint32_t i = 0; i < take; i++, off++)
			to[i] = off < NET_HEADER ? header[off] : ((const uint8_t *)data)[off - NET_HEADER];
		lens[n] = take;
	}
	publish(g, ring, lens, n, 0);
	guest_kick(g, ring);
	return true;
}

void guest_put_up(struct guest *g, unsigned queue)
{
	uint32_t len = GUEST_BUFFER;
	while (g->ring[2 * queue].free)
		publish(g, 2 * queue, &len, 1, VRING_DESC_F_WRITE);
}

/* The next buffer that the other side filled: its bytes, or NULL. */
static uint8_t *take(struct guest *g, unsigned ring, uint32_t *ret_len)
{
	struct guest_ring *r = &g->ring[ring];
	uint16_t id;
	if (r->free == r->entries)
		return NULL;
	if (packed(g)) {
		if (!packed_used(g, ring))
			return NULL;
		id = guest_packed(g, ring)[r->seen].id;
		*ret_len = guest_packed(g, ring)[r->seen].len;
		advance(r, &r->seen, &r->seen_wrap, 1);
	} else {
		struct vring_used *used = guest_used(g, ring);
		if (r->seen == __atomic_load_n(&used->idx, __ATOMIC_ACQUIRE))
			return NULL;
		id = (uint16_t)used->ring[r->seen % r->entries].id;
		*ret_len = used->ring[r->seen % r->entries].len;
		r->seen++;
	}
	r->free++;
	return buffer(g, ring, id);
}

uint32_t guest_receive(struct guest *g, unsigned queue, struct virtio_net_hdr *ret_h, uint8_t *to, uint32_t room)
{
	struct virtio_net_hdr_mrg_rxbuf h;
	uint32_t got = 0, len;
	uint8_t *from = take(g, 2 * queue, &len);
	if (!from || len < NET_HEADER)
		return 0;
	memcpy(&h, from, sizeof(h));
	*ret_h = h.hdr;
	from += NET_HEADER;
	len -= NET_HEADER;
	for (unsigned left = h.num_buffers; from; left--) {
		if (got + len > room)
			return 0;
		memcpy(to + got, from, len);
		got += len;
		from = left > 1 ? take(g, 2 * queue, &len) : NULL;
	}
	return got;
}
