/* SPDX-License-Identifier: Apache-2.0 */
/* The header of a tunnel, made once for all its frames. */
#include "modules/hnv/tunnel.h"

#include <string.h>

static_assert(PROVIDER_HEADER_MAX <= HNV_HEADER_ROOM && HNV_HEADER_ROOM <= FRAME_HEADROOM,
	      "what is pushed has room in front of a frame");

DROP(hnv, no_provider_path, "no-provider-path",
     "the remote provider address cannot be reached at the moment: no route to it, no provider address of its family "
     "here, or its next hop does not answer; `weft provider` says which")

void hnv_tunnel_fill(struct hnv_tunnel *t, const struct hnv_encapsulation *e, const struct provider_way *way)
{
	/* Without a way it is not length that keeps packets from going. */
	*t = (struct hnv_tunnel){.encapsulation = e, .way = way, .inner_mtu = UINT16_MAX};
	if (!way)
		return;
	uint8_t *own = t->header + HNV_HEADER_ROOM - e->header_len;
	memcpy(own - way->header_len, way->header, way->header_len);
	/* The way leaves the protocol to the encapsulation. */
	uint8_t *ip = own - way->header_len + way->l3_off;
	ip[way->ip6 ? 6 : 9] = e->ip_protocol;
	e->prepare(own);
	t->header_len = (uint8_t)(way->header_len + e->header_len);
	for (unsigned i = 0; !way->ip6 && i < 20; i += 2) {
		uint16_t word;
		memcpy(&word, ip + i, 2);
		t->sum += word;
	}
	uint16_t outer = (uint16_t)(way->header_len - way->l3_off + e->overhead);
	t->inner_mtu = way->mtu > outer ? (uint16_t)(way->mtu - outer) : 0;
}
