/* SPDX-License-Identifier: Apache-2.0 */
/* Packets to the distributed router itself that nothing answers (row I5). */
#include <netinet/in.h>

#include <rte_ether.h>

#include "modules/hnv/datapath/hnv_error.h"
#include "modules/hnv/guest.h"
#include "modules/hnv/packet.h"
#include "modules/hnv/reply.h"

DROP(hnv, router_no_service, "router-no-service",
     "sent to the distributed router itself, which answers whole echo requests without IP options, and UDP by port "
     "unreachable")

bool hnv_to_router(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	frame_parse(f);
	const struct frame_headers *h = &f->headers;
	bool ip6 = h->ether_type == RTE_ETHER_TYPE_IPV6;
	struct ip to = {.family = ip6 ? AF_INET6 : AF_INET};
	if ((!ip6 && h->ether_type != RTE_ETHER_TYPE_IPV4) || h->l3_off != HNV_ETHER ||
	    frame_head_len(f) < HNV_ETHER + (ip6 ? HNV_IP6 : HNV_IP4))
		return true;
	memcpy(to.byte, frame_data(f) + HNV_ETHER + (ip6 ? 24 : 16), ip6 ? 16 : 4);
	if (!hnv_is_gateway(hnv_port_of(a)->net, hnv_port_of(a)->subnet, &to) &&
	    !(ip6 && !memcmp(to.byte, hnv_router_ip6, 16)))
		return true;
	if (h->l4_proto == IPPROTO_UDP)
		hnv_error_no_port(p, a, f, &to);
	pipe_drop(p, a, f, &drop_router_no_service);
	return false;
}
