/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests that speak as if they were hosts (row D4): the control messages of NVGRE are ICMP messages, and a guest may send
 * ICMP. Between provider addresses it has no business.
 */
#include <rte_ether.h>

#include "modules/hnv/datapath/hnv_control.h"
#include "modules/hnv/datapath/hnv_lookup.h"
#include "modules/provider/provider.h"

DROP(hnv, control_forged, "control-forged",
     "ALARM: a guest sent a message that only hosts send each other (ICMP 5/10 or 3/10, ICMPv6 137/1 or 1/1, to a provider "
     "address), to have others' traffic led elsewhere; it went nowhere")

bool hnv_control_forged(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	const struct frame_headers *h = &f->headers;
	const uint8_t *data = frame_data(f);
	bool ip6 = h->ether_type == RTE_ETHER_TYPE_IPV6;
	struct ip to = {.family = ip6 ? AF_INET6 : AF_INET};
	if (h->fragment || !h->l4_off || !hnv_control_kind(ip6, data[h->l4_off], data[h->l4_off + 1]) ||
	    !frame_read(f, ip6 ? HNV_IP6_TO : HNV_IP4_TO, to.byte, ip6 ? 16 : 4))
		return false;
	if (!provider_is_local(a->sw, &to) && !provider_is_peer(a->sw, &to) && !provider_frame_is_ours(a->sw, f))
		return false;
	pipe_drop(p, a, f, &drop_control_forged);
	return true;
}
