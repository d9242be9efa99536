/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other addresses in an IP packet, and the checksums that cover them corrected by the difference alone (RFC 1624), so
 * that nothing else of the packet is looked at: not its payload, not whether its checksums were right.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ip.h"
#include "core/runtime/frame.h"

enum rewrite_kind {
	REWRITE_PLAIN, /* addresses in the IP header, and in a pseudo-header at most */
	REWRITE_ERROR, /* an ICMP error, which quotes the packet that it is about */
	REWRITE_NEVER, /* no IP, or means something on one link only: neighbour discovery, redirects */
	REWRITE_MALFORMED, /* a header that is to be changed is cut off, or out of reach in the frame's head */
};
enum rewrite_kind rewrite_kind_of(struct frame *f);

/* Bytes of a head that are enough for all that is ever changed, but for absurd IPv6 extension headers. */
#define REWRITE_HEAD 256u

/* Source and destination of f, which is PLAIN or ERROR. */
void rewrite_addresses_of(const struct frame *f, struct ip *ret_source, struct ip *ret_destination);
/* New ones, of its family. Nobody else holds f; what was found in it stays true. */
void rewrite_addresses(struct frame *f, const struct ip *source, const struct ip *destination);

/* The packet that an ICMP error quotes: offsets from the frame's first byte. */
struct rewrite_quote {
	uint16_t ip; /* its IP header */
	uint16_t end; /* behind the last byte that changes; at an even distance from ip */
	uint16_t sum; /* the checksum of its L4 header; 0: it has none, or it is not quoted */
	uint8_t protocol;
	struct ip source, destination;
};
/* f is an ERROR. false: it quotes no packet of its own family, or less than an IP header. */
bool rewrite_quote_find(struct frame *f, struct rewrite_quote *ret);
/* New addresses in the quote, and the error's own checksum. Before rewrite_addresses or after it. */
void rewrite_quote(struct frame *f, const struct rewrite_quote *q, const struct ip *source,
		   const struct ip *destination);
