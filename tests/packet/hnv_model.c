/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/packet/hnv_model_private.h"

#include <netinet/in.h>
#include <string.h>

const struct mac model_router = {{0x00, 0x15, 0x5d, 0xff, 0xff, 0x01}};

static bool same_mac(const struct mac *a, const struct mac *b) { return mac_to_u64(a) == mac_to_u64(b); }

static bool is_unspecified(const struct ip *ip)
{
	const struct ip none = {.family = ip->family};
	return ip_equal(ip, &none);
}

static bool is_link_local(const struct ip *ip)
{
	return ip->family == AF_INET6 && ip->byte[0] == 0xfe && (ip->byte[1] & 0xc0) == 0x80;
}

static bool is_group(const struct ip *ip) { return ip->family == AF_INET ? ip->byte[0] >= 224 : ip->byte[0] == 0xff; }

/* 10.0.N.255 of the subnet. */
static bool is_broadcast(const struct world *w, unsigned subnet, const struct ip *ip)
{
	struct ip all = world_host(&w->subnet[subnet], 0, 255);
	return ip_equal(&all, ip);
}

static bool is_router(const struct world *w, unsigned subnet, const struct ip *ip)
{
	return ip_equal(&w->subnet[subnet].router[0], ip) || ip_equal(&w->subnet[subnet].router[1], ip);
}

int model_adapter_of(const struct world *w, unsigned subnet, const struct mac *mac)
{
	for (int i = 0; i < WORLD_ADAPTERS; i++)
		if (w->adapter[i].subnet == (int)subnet && same_mac(&w->adapter[i].mac, mac))
			return i;
	return -1;
}

static const struct world_record *wildcard_of(const struct world *w, unsigned subnet, int family)
{
	for (unsigned i = 0; i < w->n_records; i++)
		if (w->record[i].subnet == subnet && w->record[i].type == WORLD_WILDCARD &&
		    w->record[i].customer.family == family)
			return &w->record[i];
	return NULL;
}

static bool has_l2only(const struct world *w, unsigned subnet)
{
	for (unsigned i = 0; i < w->n_records; i++)
		if (w->record[i].subnet == subnet && w->record[i].type == WORLD_L2ONLY)
			return true;
	return false;
}

/* May the guest send from there, by a record of its MAC address? */
static bool is_own(const struct world *w, unsigned adapter, const struct ip *ip)
{
	const struct world_adapter *a = &w->adapter[adapter];
	for (unsigned i = 0; i < w->n_records; i++) {
		const struct world_record *r = &w->record[i];
		if ((int)r->subnet == a->subnet && same_mac(&r->mac, &a->mac) &&
		    (r->type == WORLD_GUEST || r->type == WORLD_WILDCARD) && ip_equal(&r->customer, ip))
			return true;
	}
	return false;
}

static bool is_wildcard_for(const struct world *w, unsigned adapter, const struct ip *ip)
{
	const struct ip any = {.family = ip->family};
	return is_own(w, adapter, &any);
}

/* The longest prefix of the routing domain, the lowest metric. */
struct route model_route_of(const struct world *w, unsigned domain, const struct ip *to)
{
	struct route best = {0};
	unsigned best_metric = 0;
	int best_len = -1;
	for (unsigned i = 0; i < WORLD_SUBNETS; i++)
		for (unsigned k = 0; k < 2; k++) {
			const struct ip_prefix *prefix = &w->subnet[i].prefix[k];
			if (w->subnet[i].domain != domain || !ip_prefix_contains(prefix, to))
				continue;
			best = (struct route){.found = true, .subnet = i};
			best_len = prefix->len;
		}
	for (unsigned i = 0; i < w->n_routes; i++) {
		const struct world_route *r = &w->route[i];
		if (w->subnet[r->subnet].domain != domain || !ip_prefix_contains(&r->prefix, to) ||
		    r->prefix.len < best_len || (r->prefix.len == best_len && r->metric >= best_metric))
			continue;
		best = (struct route){.found = true, .subnet = r->subnet};
		if (!is_unspecified(&r->next_hop))
			best.next_hop = r->next_hop;
		best_len = r->prefix.len;
		best_metric = r->metric;
	}
	return best;
}

struct delivery *model_deliver(struct ask *q, int adapter)
{
	struct delivery *d = &q->o->delivery[q->o->n++];
	*d = (struct delivery){.adapter = adapter, .vsid = q->w->subnet[q->subnet].vsid, .packet = *q->p};
	d->packet.n_tags = 0;
	return d;
}

void model_ends(struct ask *q, const char *why) { q->o->why = why; }

static void to_locals(struct ask *q)
{
	for (int i = 0; i < WORLD_ADAPTERS; i++)
		if (i != q->adapter && q->w->adapter[i].subnet == (int)q->subnet)
			model_deliver(q, i);
}

/* The record that names one group for all of the subnet's broadcasts, or for this address. */
static const struct world_record *group_for(const struct ask *q, const struct ip *to)
{
	const struct ip all4 = world_ip("255.255.255.255"), all6 = world_ip("ff02::1");
	const struct ip *const order[] = {to, &all4, &all6};
	for (unsigned i = 0; i < 3; i++) {
		const struct world_record *r = order[i] ? world_record_at(q->w, q->subnet, order[i]) : NULL;
		if (r && r->type == WORLD_GROUP)
			return r;
	}
	return NULL;
}

/* Each guest here once, each other host once, or the group once. What came by the wire stays here. */
static void replicate(struct ask *q, const struct ip *to)
{
	const struct world_record *group = group_for(q, to);
	bool sent[WORLD_PROVIDERS] = {0};
	model_ends(q, "to all of the subnet");
	to_locals(q);
	if (q->adapter == MODEL_WIRE)
		return;
	if (group) {
		struct delivery *d = model_deliver(q, MODEL_WIRE);
		d->provider = group->provider;
		d->vxlan = group->vxlan;
		return;
	}
	for (unsigned i = 0; i < q->w->n_records; i++) {
		const struct world_record *r = &q->w->record[i];
		if (r->subnet != q->subnet || r->type == WORLD_GROUP || r->provider < WORLD_OWN || r->nat ||
		    sent[r->provider])
			continue;
		sent[r->provider] = true;
		struct delivery *d = model_deliver(q, MODEL_WIRE);
		d->provider = r->provider;
		d->vxlan = -1;
	}
}

/* No record decides: a subnet with l2only records is asked, others drop. */
static void unrecorded(struct ask *q)
{
	bool link_local = q->p->kind == PACKET_IP6 && is_link_local(&q->p->destination);
	bool l2only = has_l2only(q->w, q->subnet);
	int to = link_local || l2only ? model_adapter_of(q->w, q->subnet, &q->p->to) : -1;
	model_ends(q, "no record");
	if (to >= 0 && to != q->adapter) {
		model_ends(q, "no record, by MAC address");
		model_deliver(q, to);
	} else if (l2only) {
		replicate(q, NULL);
	}
}

/* By a record, whose virtual subnet is `subnet`. */
static void lead(struct ask *q, const struct world_record *r, unsigned subnet)
{
	bool routed = subnet != q->subnet;
	int to = r->provider >= WORLD_OWN ? MODEL_WIRE : model_adapter_of(q->w, subnet, &r->mac);
	if (r->provider < WORLD_OWN && (to < 0 || to == q->adapter)) {
		model_ends(q, to < 0 ? "the record leads nowhere" : "to itself");
		return;
	}
	if (routed && q->p->ttl <= 1) {
		model_ends(q, "TTL ends");
		q->o->answer = ANSWER_ERROR;
		return;
	}
	model_ends(q, routed ? "routed" : "by its record");
	struct delivery *d = model_deliver(q, to);
	d->vsid = q->w->subnet[subnet].vsid;
	d->provider = r->provider;
	d->vxlan = r->vxlan;
	d->packet.to = r->mac;
	if (routed) {
		d->packet.from = model_router;
		d->packet.ttl--;
	}
	if (r->provider == WORLD_NAT)
		model_by_nat(q, r, d);
}

/* One of the routing domain's gateway addresses, or the router's link-local one. */
static bool is_for_router(const struct ask *q)
{
	const struct ip *to = &q->p->destination, local = world_ip("fe80::215:5dff:feff:ff01");
	struct route route = model_route_of(q->w, q->w->subnet[q->subnet].domain, to);
	return is_router(q->w, q->subnet, to) || ip_equal(to, &local) ||
	       (route.found && !route.next_hop.family && is_router(q->w, route.subnet, to));
}

static void forward_ip(struct ask *q)
{
	const struct ip *to = &q->p->destination;
	unsigned domain = q->w->subnet[q->subnet].domain, family = to->family == AF_INET6;
	if (is_group(to) || (mac_is_multicast(&q->p->to) && is_broadcast(q->w, q->subnet, to))) {
		replicate(q, to);
		return;
	}
	struct route route = model_route_of(q->w, domain, to);
	if (is_link_local(to))
		route = (struct route){.found = true, .subnet = q->subnet};
	if (!route.found) {
		model_ends(q, "no route");
		return;
	}
	struct ip ask = route.next_hop.family ? route.next_hop : *to;
	if (q->w->external_router && route.subnet != q->subnet) {
		ask = q->w->subnet[q->subnet].router[family];
		route.subnet = q->subnet;
	}
	if (ip_equal(&ask, to) && is_broadcast(q->w, route.subnet, to)) {
		model_ends(q, "a broadcast into another subnet"); /* RFC 2644: routers do not forward it */
		if (route.subnet == q->subnet)
			replicate(q, to);
		return;
	}
	const struct world_record *r = world_record_at(q->w, route.subnet, &ask);
	if (!r && is_for_router(q)) {
		model_ends(q, "the router has no such service");
		q->o->answer = ANSWER_NO_PORT;
		return;
	}
	if (!r && !is_link_local(to))
		r = wildcard_of(q->w, route.subnet, to->family);
	if (r)
		lead(q, r, route.subnet);
	else if (route.subnet == q->subnet)
		unrecorded(q);
	else
		model_ends(q, "no record in the other subnet");
}

/* 2012: by MAC address inside the host. True: that decided. */
static bool beside(struct ask *q)
{
	int to = model_adapter_of(q->w, q->subnet, &q->p->to);
	if (!q->w->forwarding_2012 || mac_is_multicast(&q->p->to) || to < 0 || to == q->adapter)
		return false;
	model_ends(q, "by MAC address inside the host");
	model_deliver(q, to);
	return true;
}

static void guest_ip(struct ask *q)
{
	const struct ip *from = &q->p->source;
	unsigned adapter = (unsigned)q->adapter;
	if (!is_unspecified(from) && !is_link_local(from) && !is_own(q->w, adapter, from) &&
	    !is_wildcard_for(q->w, adapter, from)) {
		model_ends(q, "not its own address");
	} else if (q->p->echo && is_for_router(q)) {
		model_ends(q, "pings the router");
		q->o->answer = ANSWER_ECHO;
	} else if (!beside(q)) {
		forward_ip(q);
	}
}

/* To all, or to the router: answered by what is known. */
static void arp_question(struct ask *q)
{
	const struct ip *asked = &q->p->destination;
	const struct world_record *r = is_unspecified(asked) ? NULL : world_record_at(q->w, q->subnet, asked);
	bool known = r && r->type == WORLD_GUEST;
	bool here = known && r->provider < WORLD_OWN && model_adapter_of(q->w, q->subnet, &r->mac) >= 0;
	if (is_router(q->w, q->subnet, asked)) {
		q->o->answer = ANSWER_ARP;
		q->o->answer_mac = model_router;
	} else if (known && is_own(q->w, (unsigned)q->adapter, asked)) {
		model_ends(q, "asks for its own address");
	} else if (known && (!here || !q->w->forwarding_2012)) {
		q->o->answer = ANSWER_ARP;
		q->o->answer_mac = r->mac;
	} else if (known) {
		to_locals(q); /* 2012: guests of this host answer themselves */
	} else if (has_l2only(q->w, q->subnet)) {
		if (mac_is_multicast(&q->p->to) || !beside(q))
			replicate(q, NULL);
	} else if (q->w->forwarding_2012) {
		to_locals(q);
	}
}

static void guest_arp(struct ask *q)
{
	const struct packet *p = q->p;
	const struct world_record *r = world_record_at(q->w, q->subnet, &p->source);
	unsigned adapter = (unsigned)q->adapter;
	bool owned = is_own(q->w, adapter, &p->source) ||
		     (is_wildcard_for(q->w, adapter, &p->source) && (!r || r->type != WORLD_GUEST) &&
		      !is_router(q->w, q->subnet, &p->source));
	bool to_router = same_mac(&p->to, &model_router);
	if (!same_mac(&p->arp_mac, &p->from) || (!is_unspecified(&p->source) && !owned)) {
		model_ends(q, "ARP for others");
		return;
	}
	model_ends(q, "ARP");
	if (!mac_is_multicast(&p->to) && !to_router) { /* from guest to guest */
		r = world_record_at(q->w, q->subnet, &p->destination);
		if (r && r->provider == WORLD_NAT) { /* whom no question reaches: answered here */
			q->o->answer = ANSWER_ARP;
			q->o->answer_mac = r->mac;
			return;
		}
		if (beside(q))
			return;
		if (r && r->type == WORLD_GUEST)
			lead(q, r, q->subnet);
		else
			unrecorded(q);
	} else if (!ip_equal(&p->source, &p->destination)) {
		arp_question(q);
	} else if (to_router) {
		model_ends(q, "announced to the router");
	} else if (!has_l2only(q->w, q->subnet)) { /* announced: other hosts have the record */
		to_locals(q);
	} else {
		replicate(q, NULL);
	}
}

static bool has_vlan(const struct packet *p)
{
	for (unsigned i = 0; i < p->n_tags; i++)
		if (p->tag[i] & 0xfff)
			return true;
	return false;
}

/* Do all of the guest's records lead elsewhere? To one provider address; MODEL_SOME: to several. */
static bool moved(const struct world *w, int adapter, int *ret_provider, int *ret_vxlan)
{
	const struct world_adapter *a = &w->adapter[adapter];
	bool away = false;
	for (unsigned i = 0; i < w->n_records; i++) {
		const struct world_record *r = &w->record[i];
		if ((int)r->subnet != a->subnet || !same_mac(&r->mac, &a->mac) ||
		    (r->type != WORLD_GUEST && r->type != WORLD_WILDCARD))
			continue;
		if (r->provider < WORLD_OWN)
			return false;
		bool same = !away || (*ret_provider == r->provider && *ret_vxlan == r->vxlan);
		*ret_provider = same ? r->provider : MODEL_SOME;
		*ret_vxlan = same ? r->vxlan : -1;
		away = true;
	}
	return away;
}

void model_guest(const struct world *w, unsigned adapter, const struct packet *p, struct outcome *ret)
{
	const struct world_adapter *a = &w->adapter[adapter];
	struct ask q = {.w = w, .adapter = (int)adapter, .subnet = (unsigned)a->subnet, .p = p, .o = ret};
	int to, vxlan;
	*ret = (struct outcome){.why = "?"};
	if (a->was_here && moved(w, (int)adapter, &to, &vxlan)) {
		model_ends(&q, "its guest has moved away");
	} else if (!same_mac(&p->from, &a->mac)) {
		model_ends(&q, "not its own MAC address");
	} else if (a->vlan && has_vlan(p)) { /* it means isolation ids by its tags */
		model_ends(&q, "tagged");
	} else if (p->kind == PACKET_ARP) {
		guest_arp(&q);
	} else if (p->kind != PACKET_OTHER) {
		guest_ip(&q);
	} else if (!w->forwarding_2012) {
		model_ends(&q, "not IP");
	} else if (mac_is_multicast(&p->to)) {
		to_locals(&q);
	} else if (!beside(&q)) {
		model_ends(&q, "not IP, to nobody of this host");
	}
}

/* The adapter of this host that the record of a customer address leads to; -1: none. */
static int local_of(const struct world *w, const struct world_record *r)
{
	return r && r->provider >= 0 && r->provider < WORLD_OWN ? model_adapter_of(w, r->subnet, &r->mac) : -1;
}

/* To where the guest is now, but not back to where it came from. */
static void goes_on(struct ask *q, int from, int provider, int vxlan)
{
	if (provider == from) {
		model_ends(q, "moved, to where it came from");
		return;
	}
	model_ends(q, "moved: it goes on");
	struct delivery *d = model_deliver(q, MODEL_WIRE);
	d->provider = provider;
	d->vxlan = vxlan;
	d->maybe = provider == MODEL_SOME; /* one of them may be where it came from */
}

/* For no adapter here, as records say: whose adapter is here has moved (modules/hnv/README.md, Moves). */
static void strays(struct ask *q, int from)
{
	const struct packet *p = q->p;
	struct route route = model_route_of(q->w, q->w->subnet[q->subnet].domain, &p->destination);
	const struct world_record *r = world_record_at(q->w, q->subnet, &p->destination);
	bool link_local = is_link_local(&p->destination), arp = p->kind == PACKET_ARP;
	int here = model_adapter_of(q->w, q->subnet, &p->to), provider, vxlan;
	if (!r && !link_local && route.found && route.subnet == q->subnet && route.next_hop.family)
		r = world_record_at(q->w, q->subnet, &route.next_hop);
	if (!r && !link_local)
		r = wildcard_of(q->w, q->subnet, p->destination.family);
	if (here < 0)
		return;
	if (r && same_mac(&r->mac, &p->to)) {
		if (r->provider >= WORLD_OWN)
			goes_on(q, from, r->provider, r->vxlan);
	} else if ((arp || (!r && (link_local || has_l2only(q->w, q->subnet)))) &&
		   moved(q->w, here, &provider, &vxlan)) {
		goes_on(q, from, provider, vxlan);
	}
}

/* One guest's, of which the record has to say that it is here and has that MAC address. */
static void wire_ip(struct ask *q, int from)
{
	int provider, vxlan;
	const struct packet *p = q->p;
	struct route route = model_route_of(q->w, q->w->subnet[q->subnet].domain, &p->destination);
	const struct world_record *r = world_record_at(q->w, q->subnet, &p->destination);
	bool recorded = r != NULL;
	if (!r && local_of(q->w, wildcard_of(q->w, q->subnet, p->destination.family)) >= 0)
		r = wildcard_of(q->w, q->subnet, p->destination.family);
	if (!r && route.found && route.subnet == q->subnet && route.next_hop.family) {
		r = world_record_at(q->w, q->subnet, &route.next_hop);
		recorded = true;
	}
	int to = local_of(q->w, r);
	if (!r && !recorded && (has_l2only(q->w, q->subnet) || is_link_local(&p->destination)))
		to = model_adapter_of(q->w, q->subnet, &p->to);
	if (!r && to >= 0 && moved(q->w, to, &provider, &vxlan))
		to = -1;
	model_ends(q, "not here, or another MAC address than the record's");
	if (to < 0 || (r && !same_mac(&r->mac, &p->to))) {
		strays(q, from);
		return;
	}
	model_ends(q, "here");
	model_deliver(q, to);
}

void model_wire(const struct world *w, uint32_t vsid, int from, const struct packet *p, struct outcome *ret)
{
	int provider, vxlan;
	struct ask q = {.w = w, .adapter = MODEL_WIRE, .p = p, .o = ret};
	*ret = (struct outcome){.why = "no virtual subnet of this host"};
	while (q.subnet < WORLD_SUBNETS && w->subnet[q.subnet].vsid != vsid)
		q.subnet++;
	if (q.subnet == WORLD_SUBNETS)
		return;
	if (p->n_tags || p->kind == PACKET_OTHER) {
		model_ends(&q, p->n_tags ? "an inner tag" : "not IP");
	} else if (mac_is_multicast(&p->to)) {
		replicate(&q, &p->destination);
	} else if (p->kind == PACKET_ARP) {
		int to = model_adapter_of(w, q.subnet, &p->to);
		model_ends(&q, "ARP between guests");
		if (to >= 0 && !moved(w, to, &provider, &vxlan))
			model_deliver(&q, to);
		else
			strays(&q, from);
	} else {
		wire_ip(&q, from);
	}
}
