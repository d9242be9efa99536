/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the neighbours where an address is now, so that none waits for its cache to run out. */
#pragma once

#include <stdint.h>

#include "base/ip.h"
#include "base/mac.h"

#define ANNOUNCE_FRAME_MAX 86

/* A gratuitous ARP request (RFC 5227, clause 3) or an unsolicited neighbour advertisement (RFC 4861, clause
 * 7.2.6) of the address. Returns its length; 0: not an address to announce. */
unsigned announce_frame(const struct mac *mac, const struct ip *ip, uint8_t frame[static ANNOUNCE_FRAME_MAX]);
/* Sends it out of the interface once. 0 or -errno. */
int announce_send(uint32_t ifindex, const struct mac *mac, const struct ip *ip);
