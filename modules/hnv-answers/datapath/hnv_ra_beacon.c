/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unsolicited router advertisements (RFC 4861, 6.2.4): a guest asks only when it comes up, and what it was told would
 * run out. At once to adapters that are new or whose subnet has changed. Control thread.
 */
#include <string.h>

#include "core/runtime/punt.h"
#include "modules/hnv-answers/datapath/hnv_nd.h"
#include "modules/hnv/tables.h"

#define INTERVAL_MS (600 * 1000) /* MaxRtrAdvInterval's default */
#define AT_ONCE 32 /* adapters of one turn, so that no worker's inbox is flooded; the others' turn comes next */

static bool advertise(const struct dp_adapter *a)
{
	uint8_t made[HNV_RA_MAX];
	uint16_t len = hnv_ra_write(a, NULL, made);
	struct frame *f = len ? frame_alloc(port_pools()->small) : NULL;
	if (!f)
		return false;
	memcpy(rte_pktmbuf_append(&f->m, len), made, len);
	inject(a->id, &f, 1);
	return true;
}

void hnv_ra_beacon(uint64_t now_ms)
{
	const struct dataplane *dp = dataplane_current();
	unsigned sent = 0;
	for (uint16_t i = 0; dp && i < dp->n_adapters && sent < AT_ONCE; i++) {
		const struct dp_adapter *a = dp->adapters[i];
		struct hnv_port *port = a && a->vsid ? hnv_port_of(a) : NULL;
		if (!port || !port->subnet || now_ms < port->beacon_ms)
			continue;
		port->beacon_ms = now_ms + INTERVAL_MS;
		sent += advertise(a);
	}
}
