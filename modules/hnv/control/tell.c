/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whoever sent a frame here for a guest that is not here is told where it is (REDIRECT), or that nobody knows (UNREACHABLE).
 * The worker saw to it that it is a known peer and is not told too often; what to say is decided here, by what is so now.
 */
#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>

#include "core/runtime/offload.h"
#include "core/runtime/port.h"
#include "core/runtime/punt.h"
#include "modules/hnv/control/message.h"
#include "modules/hnv/control/picture.h"
#include "modules/hnv/datapath/hnv_control.h"
#include "modules/hnv/datapath/hnv_lookup.h"
#include "modules/hnv/datapath/hnv_stray.h"
#include "modules/hnv/packet.h"
#include "modules/hnv/tunnel.h"
#include "modules/provider/provider.h"

/* The message around which the path's header goes; its outer addresses are those of the frame that it is about, turned. */
static struct frame *message_frame(const struct hnvc_message *m, const struct provider_way *way, uint32_t vsid,
				   const uint8_t *quote, size_t quote_len)
{
	const struct hnv_encapsulation *nvgre = hnv_encapsulation_find("nvgre");
	struct frame *f = nvgre ? frame_alloc(port_pools()->small) : NULL;
	struct mac to_mac, from_mac;
	struct hnv_tunnel t;
	if (!f)
		return NULL;
	hnv_tunnel_fill(&t, nvgre, way);
	uint8_t *at = (uint8_t *)rte_pktmbuf_append(&f->m, (uint16_t)(t.header_len + HNVC_MESSAGE_MAX));
	memcpy(at, t.header + HNV_HEADER_ROOM - t.header_len, t.header_len);
	memcpy(to_mac.byte, way->header, sizeof(to_mac.byte));
	memcpy(from_mac.byte, way->header + 6, sizeof(from_mac.byte));
	size_t len = t.header_len + hnvc_message_write(at + t.header_len, m, &to_mac, &from_mac, quote, quote_len);
	rte_pktmbuf_trim(&f->m, (uint16_t)(t.header_len + HNVC_MESSAGE_MAX - len));
	uint8_t *ip = at + way->l3_off;
	uint16_t total = rte_cpu_to_be_16((uint16_t)(len - way->l3_off - (way->ip6 ? 40 : 0)));
	memcpy(ip + (way->ip6 ? 4 : 2), &total, 2);
	memcpy(ip + (way->ip6 ? 8 : 12), m->from.byte, way->ip6 ? 16 : 4);
	if (!way->ip6) {
		offload_ip4_checksum(ip, 20);
	}
	hnv_flow_put(nvgre, at + t.header_len, (struct hnv_flow){.vsid = vsid});
	return f;
}

static void tell(const struct hnvc_network *net, uint16_t adapter, const struct hnvc_message *m, const uint8_t *quote,
		 size_t quote_len)
{
	struct provider_path *path = provider_path_hold(net->pub.index, &m->to);
	const struct provider_way *way = path ? atomic_load(&path->way) : NULL;
	uint32_t vsid = net->control_vsid_reserved ? HNV_VSID_CONTROL : m->vsid;
	struct frame *f = way && way->uplink == adapter && way->mtu >= 576
				  ? message_frame(m, way, vsid, quote, quote_len)
				  : NULL;
	if (f) {
		inject(adapter, &f, 1);
		hnvc_messages_sent[m->kind]++;
	}
	provider_path_release(path);
}

/* The frame's own destination, for whom a record is looked for. False: nobody's. */
static bool destination(const uint8_t *frame, size_t len, struct ip *ret)
{
	struct ip ip = {.family = AF_INET};
	uint16_t type = len > HNV_IP ? bytes_raw16(frame + HNV_TYPE) : 0;
	if (frame[0] & 1)
		return false;
	if (type == RTE_BE16(RTE_ETHER_TYPE_IPV4) && len >= HNV_IP4_END)
		memcpy(ip.byte, frame + HNV_IP4_TO, 4);
	else if (type == RTE_BE16(RTE_ETHER_TYPE_ARP) && len >= HNV_ARP_END)
		memcpy(ip.byte, frame + HNV_ARP_TO, 4);
	else if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6) && len >= HNV_IP6_END &&
		 !hnv_is_link_local(frame + HNV_IP6_TO)) {
		ip.family = AF_INET6;
		memcpy(ip.byte, frame + HNV_IP6_TO, 16);
	} else {
		return false;
	}
	*ret = ip;
	return true;
}

/* What there is to say. False: nothing, the guest is here by now, or where it was sent from. */
static bool find_out(const struct hnvc_network *net, const uint8_t *frame, const struct ip *address,
		     struct hnvc_message *m)
{
	const struct hnv_subnet *s = hnv_subnet_of(&net->pub, m->vsid);
	struct hnv_answer answer = s ? hnv_stray_answer(&net->pub, s, address) : (struct hnv_answer){0};
	const struct hnv_next *next = answer.next ? hnv_next_at(answer.next) : NULL;
	m->kind = HNVC_UNREACHABLE;
	if (!next || next->kind == HNV_NOWHERE)
		return true;
	if (next->kind != HNV_TUNNEL || memcmp(answer.mac.byte, frame, sizeof(answer.mac.byte)) != 0)
		return false;
	m->kind = HNVC_REDIRECT;
	m->target = next->path->remote;
	return !ip_equal(&m->target, &m->to);
}

void hnvc_on_stray(uint16_t adapter, struct frame *f)
{
	const struct dataplane *dp = dataplane_current();
	const struct dp_adapter *a = dp && adapter < dp->n_adapters ? dp->adapters[adapter] : NULL;
	const struct hnv_port *port = a && a->role == PORT_UPLINK ? hnv_port_of(a) : NULL;
	const struct hnvc_network *net = port ? (const struct hnvc_network *)port->net : NULL;
	uint8_t quote[HNVC_MESSAGE_QUOTE];
	size_t len = RTE_MIN(frame_len(f), sizeof(quote));
	struct hnv_outer o;
	struct ip address;
	if (net && hnv_outer_read(f, &o) && frame_read(f, 0, quote, (uint32_t)len) &&
	    destination(quote, len, &address)) {
		struct hnvc_message m = {.from = o.to, .to = o.from, .vsid = f->tenant.vsid};
		if (find_out(net, quote, &address, &m))
			tell(net, adapter, &m, quote, len);
	}
	frame_free(f);
}
