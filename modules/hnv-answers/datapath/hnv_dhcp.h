/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DHCP without a server (row I25): who asks gets the customer address that the lookup records give its adapter. No
 * state is kept, so any host answers alike, whichever the guest is on when it renews.
 */
#pragma once

#include <stdint.h>

#include "base/cursor.h"
#include "modules/hnv/tables.h"

#define HNV_DHCP_LEASE 3600u /* s: resolvers and MTU that change are known everywhere in half of it */
#define HNV_DHCP_BYTES_MAX 1600u /* of a question, the whole frame */
#define HNV_DHCP_ADDRESSES_MAX 8 /* of one adapter that are told */

extern struct drop_reason drop_dhcp_refused, drop_dhcp_no_address;

/* What a UDP datagram carries, copied to bytes, and its ports. False: its lengths or its checksum are wrong. */
bool hnv_dhcp_read(struct frame *f, uint8_t bytes[static HNV_DHCP_BYTES_MAX], struct cursor *ret_payload,
		   uint16_t *ret_to_port);

/* The adapter's own addresses of a family that lie in prefixes of its subnet; how many. */
unsigned hnv_dhcp_addresses(const struct hnv_port *port, uint8_t family,
			    struct ip ret_address[static HNV_DHCP_ADDRESSES_MAX]);
/* The subnet's prefix that address is in; NULL: none. */
const struct ip_prefix *hnv_dhcp_prefix(const struct hnv_subnet *s, const struct ip *address);
