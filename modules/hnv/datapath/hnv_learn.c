/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Customer addresses that guests take by themselves: the worker judges cheaply what is worth a report, and the control
 * thread makes the record and sends the frame on, so that not even the first one is lost.
 */
#include "modules/hnv/datapath/hnv_learn.h"

#include <netinet/in.h>
#include <stdio.h>

#include <rte_ether.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "core/runtime/punt.h"
#include "modules/hnv/guest.h"
#include "modules/hnv/reply.h"

DROP(hnv, learn_outside, "address-outside-subnet",
     "a guest took a customer address that lies in no prefix of its virtual subnet; give it one that does")
DROP(hnv, learn_limit, "learn-limit", "the guest takes customer addresses faster than they are learned")

#define LEARN_A_SECOND 100 /* for each port */
#define LEARN_BURST 50
#define REFUSALS_A_SECOND 1 /* events for each port; the drops are counted all */
#define REFUSALS_BURST 5
#define ND_ADVERTISEMENT 136

static const struct ip_prefix *prefix_of(const struct hnv_subnet *s, const struct ip *address)
{
	for (uint8_t i = 0; i < s->n_prefixes; i++)
		if (ip_prefix_contains(&s->prefix[i], address))
			return &s->prefix[i];
	return NULL;
}

static bool is_link_local(const struct ip *ip)
{
	return ip->family == AF_INET6 && ip->byte[0] == 0xfe && (ip->byte[1] & 0xc0) == 0x80;
}

/* The address in f that the adapter has no right to, in the order in which the nodes look. False: there is none. */
static bool claimed(const struct hnv_port *port, struct frame *f, struct ip *ret_address)
{
	static const struct ip any4 = {.family = AF_INET}, any6 = {.family = AF_INET6};
	struct ip ip = {0};
	frame_parse(f);
	const struct frame_headers *h = &f->headers;
	switch (h->ether_type) {
	case RTE_ETHER_TYPE_ARP:
	case RTE_ETHER_TYPE_IPV4:
		ip.family = AF_INET;
		if (!frame_read(f, h->l3_off + (h->ether_type == RTE_ETHER_TYPE_ARP ? 14u : 12u), ip.byte, 4))
			return false;
		break;
	case RTE_ETHER_TYPE_IPV6:
		ip.family = AF_INET6;
		if (!frame_read(f, h->l3_off + 8u, ip.byte, 16))
			return false;
		bool settled = ip_equal(&ip, &any6) || is_link_local(&ip) || hnv_is_own(port, &ip);
		if (settled && h->l4_proto == IPPROTO_ICMPV6 && h->l4_off &&
		    frame_data(f)[h->l4_off] == ND_ADVERTISEMENT && !frame_read(f, h->l4_off + 8u, ip.byte, 16))
			return false;
		break;
	default:
		return false;
	}
	if (ip_equal(&ip, &any4) || ip_equal(&ip, &any6) || hnv_is_own(port, &ip))
		return false;
	*ret_address = ip;
	return true;
}

static bool may_tell(struct hnv_limit *l, uint64_t now_ms)
{
	return hnv_limit_take(l, now_ms, REFUSALS_A_SECOND, REFUSALS_BURST);
}

/* Control thread. */
static void learn(uint16_t adapter, struct frame *f)
{
	const struct dataplane *dp = dataplane_current();
	const struct dp_adapter *a = dp && adapter < dp->n_adapters ? dp->adapters[adapter] : NULL;
	struct hnv_port *port = a ? hnv_port_of(a) : NULL;
	char object[80], text[IP_TEXT_SIZE], why[256];
	struct err e = {0};
	struct ip address;
	if (!port || !port->subnet) {
		frame_free(f);
		return;
	}
	if (!claimed(port, f, &address)) {
		inject_resume(adapter, &f, 1); /* its own meanwhile */
		return;
	}
	snprintf(object, sizeof(object), "adapter %s", a->name);
	if (hnv_dynamic_add(adapter, &address, &e)) {
		if (may_tell(&port->told, clock_now_ns() / 1000000))
			log_warning(object, "customer address %s of virtual subnet %u is not learned: %s",
				    ip_format(&address, text), a->vsid, err_format(&e, why, sizeof(why)));
		frame_free(f);
		return;
	}
	log_info(object, "customer address %s of virtual subnet %u learned", ip_format(&address, text), a->vsid);
	inject_resume(adapter, &f, 1);
}

PUNT(hnv_learn, learn);

void hnv_learn(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct ip *address,
	       const struct drop_reason *spoofed)
{
	struct hnv_port *port = hnv_port_of(a);
	char text[IP_TEXT_SIZE];
	struct mac mac;
	PIPE_TRACE(p, a, "note", "%s is none of adapter %s's customer addresses%s", ip_format(address, text), a->name,
		   port->dynamic_limit ? "" : ", and its dynamic-ip-address-limit is 0");
	enum hnv_known whose = port->dynamic_limit ? hnv_whose(port, address, &mac) : HNV_KNOWN_ROUTER;
	if (whose == HNV_KNOWN_ROUTER || is_link_local(address)) {
		pipe_drop(p, a, f, spoofed);
	} else if (!prefix_of(port->subnet, address)) {
		pipe_drop(p, a, f, &drop_learn_outside);
	} else if (whose != HNV_KNOWN_NOT && !p->trace && !may_tell(&port->refusals, p->now_ms)) {
		pipe_drop(p, a, f, spoofed); /* another's, who keeps it, and that was said */
	} else if (!p->trace && !hnv_limit_take(&port->learning, p->now_ms, LEARN_A_SECOND, LEARN_BURST)) {
		pipe_drop(p, a, f, &drop_learn_limit);
	} else {
		punt(p, a, f, &punt_hnv_learn);
	}
}
