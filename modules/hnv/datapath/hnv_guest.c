/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/hnv/guest.h"

bool hnv_is_own(const struct hnv_port *port, const struct ip *address)
{
	const struct hnv_addresses *own = atomic_load_explicit(&port->own, memory_order_acquire);
	for (uint16_t i = 0; own && i < own->n; i++)
		if (ip_equal(&own->address[i], address))
			return true;
	return false;
}

bool hnv_is_rewritten(const struct hnv_port *port, const struct ip *address)
{
	struct hnv_answer answer = hnv_records_find(port->net, port->subnet->vsid, address);
	const struct hnv_next *next =
		answer.next ? atomic_load_explicit(&hnv_nexts[answer.next], memory_order_acquire) : NULL;
	return next && next->kind == HNV_REWRITE;
}

bool hnv_may_claim(const struct hnv_port *port, const struct ip *address)
{
	const struct ip any = {.family = address->family};
	struct mac mac;
	return hnv_is_own(port, address) ||
	       (hnv_is_own(port, &any) && hnv_whose(port, address, &mac) == HNV_KNOWN_NOT);
}

enum hnv_known hnv_whose(const struct hnv_port *port, const struct ip *asked, struct mac *ret_mac)
{
	const struct hnv_subnet *s = port->subnet;
	for (uint8_t i = 0; i < s->n_prefixes; i++)
		if (ip_equal(&s->gateway[i], asked)) {
			*ret_mac = HNV_ROUTER_MAC;
			return HNV_KNOWN_ROUTER;
		}
	static const uint8_t unspecified[16]; /* what gateway-wildcard records are found by */
	if (!memcmp(asked->byte, unspecified, sizeof(unspecified)))
		return HNV_KNOWN_NOT;
	if (hnv_is_own(port, asked))
		return HNV_KNOWN_OWN;
	struct hnv_answer answer = hnv_records_find(port->net, s->vsid, asked);
	/* A group's record has a group's MAC address or none: nobody answers for it. */
	if (answer.next == HNV_NEXT_NONE || mac_is_zero(&answer.mac) || mac_is_multicast(&answer.mac))
		return HNV_KNOWN_NOT;
	*ret_mac = answer.mac;
	const struct hnv_next *next = atomic_load_explicit(&hnv_nexts[answer.next], memory_order_acquire);
	bool beside = port->net->forwarding == HNV_FORWARDING_2012 && next && next->kind == HNV_LOCAL;
	return beside ? HNV_KNOWN_BESIDE : HNV_KNOWN_RECORD;
}

void hnv_to_locals(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	const struct hnv_locals *locals = atomic_load_explicit(&hnv_port_of(a)->subnet->locals, memory_order_acquire);
	unsigned sent = 0;
	for (uint16_t i = 0; locals && i < locals->n; i++) {
		uint16_t id = locals->adapter[i];
		const struct dp_adapter *to = id < p->dp->n_adapters ? p->dp->adapters[id] : NULL;
		if (!to || to == a || to->vsid != a->vsid)
			continue;
		if (sent++)
			frame_hold(f);
		pipe_output(p, a, to, f);
	}
	if (sent)
		pipe_copied(p, a, sent - 1);
	else
		pipe_consume(p, a, f);
}
