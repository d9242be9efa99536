/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routers quote the packet that they complain of. One of our tunnels' has the constant bits of its encapsulation and, as
 * far as it is quoted, a virtual subnet of this host; nobody else's complaint narrows a path.
 */
#include "modules/hnv/control/quoted.h"

#include <rte_common.h>

#include "modules/hnv/control/networks.h"

#define QUOTED_MIN 8u /* RFC 792 */

static bool is_tunnel_of(const struct hnvc_network *net, const struct hnv_encapsulation *e, const uint8_t *bytes,
			 uint32_t len)
{
	uint8_t own[sizeof(e->same)] = {0};
	uint32_t n = RTE_MIN(len, (uint32_t)e->header_len);
	const uint8_t *vsid = bytes + e->vsid_off;
	e->prepare(own);
	if (n < QUOTED_MIN)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if ((own[i] ^ bytes[i]) & e->same[i])
			return false;
	return n < e->vsid_off + 3u ||
	       hnv_subnet_of(&net->pub, (uint32_t)vsid[0] << 16 | (uint32_t)vsid[1] << 8 | vsid[2]);
}

bool hnvc_quoted_is_ours(uint8_t network, uint8_t protocol, const uint8_t *bytes, uint32_t len)
{
	const struct hnvc_network *net = hnvc_network_of(RUNS, network);
	for (const struct hnv_encapsulation *e = net ? hnv_encapsulation_list() : NULL; e; e = e->next)
		if (e->ip_protocol == protocol && is_tunnel_of(net, e, bytes, len))
			return true;
	return false;
}
