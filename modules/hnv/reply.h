/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets that the distributed router makes for a guest, mostly in the frame that asked for them. The writer is to
 * base/cursor.h what writing is to reading: it never leaves its range.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/ip.h"
#include "base/mac.h"
#include "core/runtime/pipe.h"
#include "modules/hnv/packet.h"

struct hnv_writer {
	uint8_t *at, *end;
	bool full; /* something did not fit; checked once at the end */
};

static inline struct hnv_writer hnv_writer_over(void *to, size_t len)
{
	return (struct hnv_writer){.at = to, .end = (uint8_t *)to + len};
}

static inline void hnv_write(struct hnv_writer *w, const void *data, size_t len)
{
	if (w->full || (size_t)(w->end - w->at) < len) {
		w->full = true;
		return;
	}
	if (len)
		memcpy(w->at, data, len);
	w->at += len;
}

static inline void hnv_write_u8(struct hnv_writer *w, uint8_t v) { hnv_write(w, &v, 1); }

static inline void hnv_write_be16(struct hnv_writer *w, uint16_t v)
{
	hnv_write(w, (const uint8_t[2]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

static inline void hnv_write_be32(struct hnv_writer *w, uint32_t v)
{
	hnv_write_be16(w, (uint16_t)(v >> 16));
	hnv_write_be16(w, (uint16_t)v);
}

static inline void hnv_write_zero(struct hnv_writer *w, size_t len)
{
	while (len--)
		hnv_write_u8(w, 0);
}

/* Makes f, a frame nobody else holds, len owned bytes in one piece with nothing open or known about them, and
 * returns them; what they were is lost where it lay behind its first piece. NULL: f ended as "no-memory". */
uint8_t *hnv_reply_room(struct pipe *p, const struct dp_adapter *a, struct frame *f, uint16_t len);

void hnv_put_be16(uint8_t *at, uint16_t v);
/* Headers of fixed length, complete; from the router's MAC address. */
void hnv_put_ether(uint8_t *at, const uint8_t to[6], uint16_t ether_type);
void hnv_put_ip4(uint8_t *at, const uint8_t from[4], const uint8_t to[4], uint8_t protocol, uint16_t len);
void hnv_put_ip6(uint8_t *at, const uint8_t from[16], const uint8_t to[16], uint8_t next, uint16_t len, uint8_t hops);
/* The checksum field's bytes for an L4 packet (its field zero) whose IP header `ip` has its addresses; wire order. */
uint16_t hnv_sum4(const uint8_t *ip, uint8_t protocol, const uint8_t *l4, uint16_t len);
uint16_t hnv_sum6(const uint8_t *ip, uint8_t next, const uint8_t *l4, uint16_t len);

/* fe80::215:5dff:feff:ff01, the router's link-local address (RFC 4291, appendix A). */
extern const uint8_t hnv_router_ip6[16];
