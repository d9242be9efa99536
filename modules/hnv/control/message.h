/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control messages of NVGRE ([MS-NVGREE] 2.2.2, 2.2.3), as bytes. Whoever gets a frame for a guest that is not with it
 * tells who sent it: REDIRECT, the guest is at another provider address; UNREACHABLE, nobody knows of it here. Each is an ICMP
 * message between the two hosts' provider addresses, inside NVGRE, that quotes the frame. Not of one process only: all
 * that is read here was written by somebody else.
 *
 * An ICMPv4 REDIRECT has room for an IPv4 target alone, and [MS-NVGREE] knows of no other. One about a target of the other family
 * is an ICMPv6 message, whichever family the hosts' own addresses are of; IPv4 addresses are written in it as IPv4-mapped ones
 * (::ffff:192.0.2.1; RFC 4291, 2.5.5.2).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/mac.h"

enum hnvc_message_kind { HNVC_REDIRECT, HNVC_UNREACHABLE };

struct hnvc_message {
	enum hnvc_message_kind kind;
	struct ip from, to; /* provider addresses: the host that tells, the host that is told; of one family */
	struct ip target; /* REDIRECT: where the guest is; of either family */
	uint32_t vsid; /* of the quoted frame, as are: */
	struct ip sender, customer; /* its source and destination */
	struct mac mac; /* and destination MAC address */
};

#define HNVC_MESSAGE_QUOTE 128 /* bytes of the inner frame that are quoted at most: its headers, in practice */
#define HNVC_MESSAGE_MAX 320 /* bytes from the inner Ethernet header on */

/*
 * Writes the message from its inner Ethernet header on, with the first quote_len bytes of the frame that it is about: as it
 * came in NVGRE from m->to to m->from, whatever it did come in. Returns how many bytes that is.
 */
size_t hnvc_message_write(uint8_t to[static HNVC_MESSAGE_MAX], const struct hnvc_message *m, const struct mac *to_mac,
			  const struct mac *from_mac, const uint8_t *quote, size_t quote_len);

/* Why a message is not believed; also the names of counters (hnvc_message_reasons). */
enum hnvc_message_reason {
	HNVC_MESSAGE_GOOD,
	HNVC_MESSAGE_TRUNCATED, /* ends before the inner IP header of what it quotes */
	HNVC_MESSAGE_OTHER, /* no such message */
	HNVC_MESSAGE_CHECKSUM,
	HNVC_MESSAGE_ADDRESSES, /* inner and outer provider addresses differ */
	HNVC_MESSAGE_QUOTE_WRONG, /* quotes what we did not send there */
	HNVC_MESSAGE_UNKNOWN_HOST, /* is from a host that the record does not lead to */
	HNVC_MESSAGE_UNKNOWN_SUBNET, /* quotes a virtual subnet that is not here */
	HNVC_MESSAGE_NO_RECORD, /* quotes a frame for whom no record is */
	HNVC_MESSAGE_NOT_SENDER, /* quotes a frame of a guest that is not here */
	HNVC_MESSAGE_TARGET, /* names a target that is no other host's provider address */
	HNVC_MESSAGE_REASONS
};
extern const char *const hnvc_message_reasons[HNVC_MESSAGE_REASONS];

/*
 * Reads len bytes from the inner Ethernet header on, that came between two provider addresses in virtual subnet vsid
 * (HNV_VSID_CONTROL: that of nobody). Fills *ret_m when it is good as far as it can tell.
 */
enum hnvc_message_reason hnvc_message_read(const uint8_t *bytes, size_t len, const struct ip *from,
					   const struct ip *to, uint32_t vsid, struct hnvc_message *ret_m);

/* What was sent, believed and not believed since the start. */
extern uint64_t hnvc_messages_sent[2], hnvc_messages_believed[2], hnvc_messages_refused[HNVC_MESSAGE_REASONS];
