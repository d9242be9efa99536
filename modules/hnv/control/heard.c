/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What another host tells of a guest: believed only from the very host that the guest's lookup record leads to, about a frame
 * that a guest of this host sent there ([MS-NVGREE] 5; row D4). Whatever else comes changes nothing and is counted.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "modules/hnv/control/detours.h"
#include "modules/hnv/control/held.h"
#include "modules/hnv/control/inforce.h"
#include "modules/hnv/control/locals.h"
#include "modules/hnv/control/message.h"
#include "modules/hnv/control/networks.h"
#include "modules/hnv/control/nexts.h"
#include "modules/hnv/datapath/hnv_control.h"
#include "modules/hnv/datapath/routes.h"
#include "modules/provider/provider.h"

#define EVENTS_A_SECOND 5
#define EVENTS_BURST 50
#define READ_MAX 1024 /* bytes of a message that are looked at; any message fits */

static struct hnv_limit events;

static bool may_say(void) { return hnv_limit_take(&events, clock_now_ns() / 1000000, EVENTS_A_SECOND, EVENTS_BURST); }

/* The record that the quoted frame went by: the destination's, that of its route's next hop, that of what is outside. */
static struct hnvc_record *record_of(const struct hnvc_subnet *s, const struct ip *customer)
{
	const struct ip any = {.family = customer->family};
	struct hnvc_record *r = hnvc_held_find(s, customer, NULL);
	if (r)
		return r;
	const struct hnv_route *route = hnv_routes_lookup(atomic_load(&s->pub[RUNS]->domain->routes), customer);
	if (route && route->vsid == s->vsid && route->next_hop.family)
		r = hnvc_held_find(s, &route->next_hop, NULL);
	return r ? r : hnvc_held_find(s, &any, NULL);
}

/* Is that customer address one of a guest here, in the routing domain of s? A gateway's guest may send from any. */
static bool is_our_sender(const struct hnvc_subnet *s, const struct ip *sender)
{
	const struct ip any = {.family = sender->family};
	for (size_t i = 0; i < hnvc_locals[RUNS].n; i++) {
		const struct hnvc_local *l = hnvc_locals[RUNS].list[i];
		if (!l->subnet->pub[RUNS] || l->subnet->pub[RUNS]->domain != s->pub[RUNS]->domain)
			continue;
		for (size_t k = 0; k < l->n_own; k++)
			if (ip_equal(&l->own[k], sender) || ip_equal(&l->own[k], &any))
				return true;
	}
	return false;
}

/* Does the record lead to the host that tells, or is it about to be led away from there? */
static bool leads_to(const struct hnvc_record *r, const struct ip *provider)
{
	const struct hnv_peer *peer = hnv_peer_of(r->next);
	return peer && peer->next.kind == HNV_TUNNEL && ip_equal(&peer->provider, provider);
}

static enum hnvc_message_reason judge(const struct hnvc_network *net, const struct hnvc_message *m,
				      struct hnvc_record **ret_record)
{
	const struct hnvc_subnet *s = hnvc_subnet_find(net, m->vsid);
	if (!s || !s->pub[RUNS])
		return HNVC_MESSAGE_UNKNOWN_SUBNET;
	struct hnvc_record *r = record_of(s, &m->customer);
	if (!r || mac_to_u64(&r->pub.mac) != mac_to_u64(&m->mac))
		return HNVC_MESSAGE_NO_RECORD;
	if (!leads_to(r, &m->from))
		return HNVC_MESSAGE_UNKNOWN_HOST;
	if (!is_our_sender(s, &m->sender))
		return HNVC_MESSAGE_NOT_SENDER;
	if (m->kind == HNVC_REDIRECT &&
	    (ip_equal(&m->target, &m->from) || !provider_reaches(net->pub.index, &m->target)))
		return HNVC_MESSAGE_TARGET;
	*ret_record = r;
	return HNVC_MESSAGE_GOOD;
}

static void redirected(struct hnvc_record *r, const struct hnvc_message *m)
{
	char record[HNVC_RECORD_TEXT], from[IP_TEXT_SIZE], to[IP_TEXT_SIZE];
	const struct ip *already = hnvc_redirected_to(r);
	bool back = ip_equal(&m->target, &r->pub.provider);
	if (already && ip_equal(already, &m->target))
		return; /* it goes there as soon as the path is known */
	hnvc_record_text(r->subnet->vsid, &r->pub.customer, record);
	if (back)
		hnvc_redirect_end(r);
	else if (hnvc_redirect(r, &m->target)) {
		log_error(record, "out of memory: it is not redirected");
		return;
	}
	if (may_say())
		log_info(record, "redirected to %s by %s%s", ip_format(&m->target, to), ip_format(&m->from, from),
			 back ? ", as it says itself" : "");
}

/* The host that a record leads to does not know the guest. That it was redirected there does not count any more; whose own
 * record is wrong has to be told (events), until somebody is asked for a better one. */
static void unreachable(struct hnvc_record *r, const struct hnvc_message *m)
{
	char record[HNVC_RECORD_TEXT], from[IP_TEXT_SIZE];
	bool was = hnvc_redirected_to(r);
	hnvc_redirect_end(r);
	if (may_say())
		log_warning(hnvc_record_text(r->subnet->vsid, &r->pub.customer, record),
			    "%s does not know the guest%s", ip_format(&m->from, from),
			    was ? "; it is sent where the record says again"
				: "; the record is out of date, or theirs");
}

static enum hnvc_message_reason hear(const struct hnvc_network *net, struct frame *f, const struct hnv_outer *o)
{
	uint8_t bytes[READ_MAX];
	uint32_t len = RTE_MIN(frame_len(f), sizeof(bytes));
	struct hnvc_record *r = NULL;
	struct hnvc_message m;
	if (!frame_read(f, 0, bytes, len))
		return HNVC_MESSAGE_TRUNCATED;
	enum hnvc_message_reason reason = hnvc_message_read(bytes, len, &o->from, &o->to, f->tenant.vsid, &m);
	if (!reason)
		reason = judge(net, &m, &r);
	if (reason)
		return reason;
	hnvc_messages_believed[m.kind]++;
	if (m.kind == HNVC_REDIRECT)
		redirected(r, &m);
	else
		unreachable(r, &m);
	hnvc_flush();
	return HNVC_MESSAGE_GOOD;
}

static void refused(const struct hnv_outer *o, enum hnvc_message_reason reason)
{
	char from[IP_TEXT_SIZE];
	hnvc_messages_refused[reason]++;
	if (may_say())
		log_warning("host", "a control message from provider address %s is not believed (%s)",
			    ip_format(&o->from, from), hnvc_message_reasons[reason]);
}

void hnvc_on_control(uint16_t adapter, struct frame *f)
{
	const struct dataplane *dp = dataplane_current();
	const struct dp_adapter *a = dp && adapter < dp->n_adapters ? dp->adapters[adapter] : NULL;
	const struct hnv_port *port = a && a->role == PORT_UPLINK ? hnv_port_of(a) : NULL;
	struct hnv_outer o;
	if (port && hnv_outer_read(f, &o)) {
		enum hnvc_message_reason reason = hear((const struct hnvc_network *)port->net, f, &o);
		if (reason)
			refused(&o, reason);
	}
	frame_free(f);
}
