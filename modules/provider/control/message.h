/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that the provider side sends of its own accord. Each is a new frame; NULL: no memory. */
#pragma once

#include "modules/provider/control/network.h"

/* ARP request or neighbour solicitation for `target`: to all, or (to not NULL) to the MAC address it was last at. */
struct frame *message_ask(const struct network_address *from, const struct ip *target, const struct mac *to);
/* "Is anybody here by my address?": ARP probe (RFC 5227), solicitation from :: (RFC 4862). */
struct frame *message_probe(const struct network_address *own);
/* "Here I am": gratuitous ARP, unsolicited neighbour advertisement. */
struct frame *message_announce(const struct network_address *own);
/* IGMPv2 or MLDv1: a report, or that the group is left. */
struct frame *message_membership(const struct network_address *from, const struct ip *group, bool leave);

#define MESSAGE_NONCE 8
/* An echo request of `length` L3 bytes (at least header, ICMP and nonce) that may not be fragmented. */
/* Is that the beginning of such an echo request, behind its IP header? At least 8 bytes; as much of the nonce as is there. */
bool message_is_echo(bool ip6, uint16_t id, const uint8_t nonce[static MESSAGE_NONCE], uint8_t protocol,
		     const uint8_t *bytes, uint32_t len);
struct frame *message_echo(const struct provider_way *way, uint16_t id, uint16_t sequence,
			   const uint8_t nonce[static MESSAGE_NONCE], uint16_t length);
