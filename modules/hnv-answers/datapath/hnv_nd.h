/* SPDX-License-Identifier: Apache-2.0 */
/* What hnv_nd.c found in a neighbour discovery message, for those who answer parts of it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/mac.h"
#include "core/runtime/pipe.h"

struct hnv_nd {
	uint8_t type; /* ICMPv6: 133-137 */
	uint8_t to[16];
	struct ip source; /* :: of one who has no address yet */
	struct ip target; /* of a solicitation and an advertisement */
	bool has_option; /* the sender's link-layer address came with it */
	struct mac option_mac;
};

struct hnv_port;

/* A router solicitation: answered where there is something to tell; as the functions of hnv_answer.h. */
bool hnv_ra_answer(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct hnv_nd *m);
#define HNV_RA_MAX 512 /* bytes of an advertisement, Ethernet header included */
/* A router advertisement for the adapter's guest, whole frame: to one address, or NULL: to all nodes. Returns its
 * length, 0: the subnet has nothing to advertise. */
uint16_t hnv_ra_write(const struct dp_adapter *a, const uint8_t *to_ip6, uint8_t frame[static HNV_RA_MAX]);
/* Advertises to the guests whose turn it is. Control thread, about once a second. */
void hnv_ra_beacon(uint64_t now_ms);
