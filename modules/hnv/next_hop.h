/* SPDX-License-Identifier: Apache-2.0 */
/* The data plane's decision about one packet, asked for. */
#pragma once

#include <stdbool.h>

#include "modules/hnv/tables.h"

struct hnv_hop {
	const struct hnv_route *route; /* NULL: none */
	bool on_link; /* a link-local address: no route is asked for */
	uint32_t vsid; /* where the record was looked for */
	struct ip asked; /* and of which address */
	struct mac mac;
	uint16_t next; /* HNV_NEXT_NONE: no record */
	bool wildcard; /* by the subnet's gateway-wildcard record */
	bool router; /* no record: it is the routing domain's own address, or its link-local one */
	bool flooded; /* no record: all of the subnet gets it, for it has l2only records */
};

/* Of a packet sent in the subnet to a single customer address. */
struct hnv_hop hnv_next_hop(const struct hnv_network *net, const struct hnv_subnet *from, const struct ip *to);
