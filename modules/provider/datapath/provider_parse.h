/* SPDX-License-Identifier: Apache-2.0 */
/* ARP (RFC 826), neighbour discovery (RFC 4861) and ICMP as they come from the wire: checked, then told. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/mac.h"
#include "core/runtime/frame.h"

enum provider_said { PROVIDER_ASKS, PROVIDER_TELLS };

/* An ARP message, or a neighbour solicitation or advertisement. */
struct provider_message {
	enum provider_said said;
	struct ip sender; /* ASKS: who asks, 0.0.0.0 or :: when it probes; TELLS: the address told of */
	struct ip target; /* ASKS: the address asked for */
	struct mac mac; /* the sender's; zero: not told (a probe without the option) */
};

/* f is parsed. false: not one, or not as it has to be (then nothing is told). Looks at the head alone. */
bool provider_parse_arp(const struct frame *f, struct provider_message *ret);
bool provider_parse_nd(const struct frame *f, struct provider_message *ret);
/* Either, by the frame's type. */
bool provider_parse_neighbour(struct frame *f, struct provider_message *ret);

/* The ICMP or ICMPv6 message of a packet; false: none, cut off, or a checksum that is wrong where it can be seen. */
struct provider_icmp {
	struct ip from, to;
	uint8_t type, code;
	uint16_t id, sequence; /* of an echo */
	uint32_t mtu; /* of "fragmentation needed" and "packet too big" */
	uint16_t length; /* L3 bytes of the packet */
	const uint8_t *body; /* behind the eight bytes of the header, as far as it is in the head */
	uint16_t body_len;
};
bool provider_parse_icmp(const struct frame *f, struct provider_icmp *ret);

/* Source and destination of an IP header at `at`, 20 or 40 bytes long at least. */
struct ip provider_ip4_at(const uint8_t *at);
struct ip provider_ip6_at(const uint8_t *at);
bool provider_ip6_is_nobody(const struct ip *ip); /* :: */
