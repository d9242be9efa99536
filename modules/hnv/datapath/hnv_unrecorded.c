/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest sends and no lookup record decides about: groups, what only flooding finds, and the 2012 model. */
#include "modules/hnv/datapath/hnv_unrecorded.h"

#include <rte_ether.h>

#include "modules/hnv/datapath/hnv_replicate.h"
#include "modules/hnv/guest.h"
#include "modules/hnv/resolver.h"
#include "modules/hnv/tunnel.h"

DROP(hnv, no_route, "no-route",
     "no virtual subnet and no customer route of the sender's routing domain has the destination")
DROP(hnv, directed_broadcast, "directed-broadcast",
     "sent to the broadcast address of another virtual subnet; broadcasts are not routed (RFC 2644)")
DROP(hnv, no_record, "no-record",
     "no lookup record has the destination; add one, or a gateway-wildcard record for what is outside")

void hnv_to_group(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	const struct hnv_port *port = hnv_port_of(a);
	const uint8_t *data = frame_data(f);
	uint16_t type = bytes_raw16(data + HNV_TYPE);
	struct ip group = {.family = type == RTE_BE16(RTE_ETHER_TYPE_IPV6) ? AF_INET6 : AF_INET,
			   .byte = {255, 255, 255, 255}};
	if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6))
		memcpy(group.byte, data + HNV_IP6_TO, 16);
	else if (type == RTE_BE16(RTE_ETHER_TYPE_IPV4))
		memcpy(group.byte, data + HNV_IP4_TO, 4);
	struct hnv_answer answer = hnv_records_find(port->net, port->subnet->vsid, &group);
	hnv_replicate(p, a, port->subnet, f, answer.next ? hnv_next_at(answer.next) : NULL);
}

bool hnv_is_directed(const struct hnv_network *net, struct frame *f, const struct hnv_ask *ask)
{
	const uint8_t *data = frame_data(f), *to = data + HNV_IP4_TO;
	if (bytes_raw16(data + HNV_TYPE) != RTE_BE16(RTE_ETHER_TYPE_IPV4) ||
	    ask->key != hnv_ask4(hnv_ask_vsid(ask), bytes_raw32(to)))
		return false;
	const struct hnv_subnet *s = hnv_subnet_of(net, hnv_ask_vsid(ask));
	return s && hnv_is_broadcast(s, to);
}

void hnv_broadcast(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct hnv_ask *ask)
{
	if (bytes_raw16(frame_data(f) + HNV_TYPE) == RTE_BE16(RTE_ETHER_TYPE_ARP))
		hnv_unrecorded(p, a, f, ask); /* a group's address is nobody's */
	else if (hnv_ask_vsid(ask) == hnv_port_of(a)->subnet->vsid)
		hnv_to_group(p, a, f);
	else
		pipe_drop(p, a, f, &drop_directed_broadcast);
}

void hnv_unrecorded(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct hnv_ask *ask)
{
	const struct hnv_port *port = hnv_port_of(a);
	const uint8_t *data = frame_data(f);
	uint32_t vsid = hnv_ask_vsid(ask);
	struct ip address = hnv_ask_address(ask);
	bool here = vsid == port->subnet->vsid;
	bool link_local = address.family == AF_INET6 && hnv_is_link_local(address.byte);
	const struct dp_adapter *to =
		here && (link_local || port->subnet->l2only) ? hnv_local_by_mac(p, port->subnet, data) : NULL;
	if (to && to != a) {
		PIPE_TRACE(p, a, "forward", "no record; the MAC address is adapter %s's", to->name);
		hnv_tenant_set(f, vsid, NULL);
		pipe_output(p, a, to, f);
	} else if (here && port->subnet->l2only) {
		PIPE_TRACE(p, a, "note", "no record; virtual subnet %u has l2only records, so all of it gets it",
			   vsid);
		hnv_replicate(p, a, port->subnet, f, NULL);
	} else if (!vsid || link_local || !hnv_missed(p, a, f, vsid, &address)) {
		pipe_drop(p, a, f, vsid ? &drop_no_record : &drop_no_route);
	}
}

bool hnv_beside(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	const struct hnv_port *port = hnv_port_of(a);
	const uint8_t *data = frame_data(f);
	uint16_t type = bytes_raw16(data + HNV_TYPE);
	bool ip = type == RTE_BE16(RTE_ETHER_TYPE_IPV4) || type == RTE_BE16(RTE_ETHER_TYPE_IPV6);
	if (data[0] & 1) {
		if (ip || type == RTE_BE16(RTE_ETHER_TYPE_ARP))
			return false;
		hnv_to_locals(p, a, f);
		return true;
	}
	const struct dp_adapter *to = hnv_local_by_mac(p, port->subnet, data);
	if (!to || to == a)
		return false;
	PIPE_TRACE(p, a, "forward", "the MAC address is adapter %s's (2012)", to->name);
	hnv_tenant_set(f, port->subnet->vsid, NULL);
	pipe_output(p, a, to, f);
	return true;
}
