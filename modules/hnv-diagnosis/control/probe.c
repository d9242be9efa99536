/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A probe passes its adapter's ingress nodes on a worker and comes up here where a frame would be forwarded: by
 * hnv_next_hop, which decides as hnv_forward does (tests/packet/hnv_next_hop_test.c). From there it goes into its
 * tunnel, or it has arrived. Whoever it arrives at answers in its guest's place, and the answer goes the same way back.
 */
#include "modules/hnv-diagnosis/control/probe.h"

#include <stdio.h>
#include <string.h>

#include "api/document.h"
#include "core/control/engine.h"
#include "core/runtime/punt.h"
#include "modules/hnv/next_hop.h"
#include "modules/hnv/probe.h"
#include "modules/hnv/tunnel.h"

#define NOWHERE UINT16_MAX

static const struct dp_adapter *adapter_at(uint16_t id)
{
	const struct dataplane *dp = dataplane_current();
	return dp && id < dp->n_adapters ? dp->adapters[id] : NULL;
}

/* "no-record: no lookup record has ..." */
static const char *refusal(const char *name, char text[static PROBE_TEXT])
{
	const struct drop_reason *r = drop_by_name(name);
	snprintf(text, PROBE_TEXT, "%s: %s", name, r ? r->help : "");
	return text;
}

void probe_send(const struct dp_adapter *from, const struct probe_message *m, const struct mac *mac, uint32_t payload)
{
	struct frame *f = probe_message_make(m, mac, payload);
	if (!f)
		return; /* as if it was lost */
	f->m.ol_flags |= FRAME_TENANT; /* says to hnv_admit that it is none of a guest's: those are no tenant's yet */
	inject_resume(from->id, &f, 1);
}

/* In the place of adapter `to`'s guest. */
static void answer(const struct dp_adapter *to, const struct probe_message *request, uint32_t payload)
{
	const struct api_document *doc = engine_document();
	struct probe_message m = *request;
	m.reply = m.reached = true;
	m.from = request->to;
	m.to = request->from;
	snprintf(m.text, sizeof(m.text), "%s %s", doc && doc->host.name ? doc->host.name : "-", to->name);
	probe_send(to, &m, &HNV_ROUTER_MAC, payload);
}

static void arrived(const struct dp_adapter *to, const struct probe_message *m, uint32_t payload)
{
	if (m->reply)
		test_adapter_result(to->id, m);
	else
		answer(to, m, payload);
}

static const struct hnv_next *next_of(const struct hnv_hop *hop) { return hop->next ? hnv_next_at(hop->next) : NULL; }

/* Into the tunnel. NULL, or why not. */
static const char *into_tunnel(struct frame **f, const struct hnv_hop *hop, const struct hnv_next *next)
{
	const struct hnv_tunnel *t = hnv_next_tunnel(next);
	const struct dp_adapter *uplink = t ? adapter_at(t->way->uplink) : NULL;
	if (!uplink || uplink->role != PORT_UPLINK)
		return "no-provider-path";
	if (frame_len(*f) > t->inner_mtu + HNV_ETHER)
		return "tunnel-too-long";
	memcpy(frame_data(*f), hop->mac.byte, sizeof(hop->mac.byte));
	hnv_tenant_set(*f, hop->vsid, next);
	inject(uplink->id, f, 1);
	*f = NULL;
	return NULL;
}

/* What hnv_forward would drop it as. */
static const char *why_not(const struct hnv_hop *hop, const struct hnv_next *next)
{
	if (!hop->route)
		return "no-route";
	if (hop->router)
		return "router-no-service";
	if (!hop->next)
		return "no-record";
	return next && next->kind == HNV_REWRITE ? "probe-nat" : "record-nowhere";
}

DROP(hnv_diagnosis, probe_nat, "probe-nat",
     "the record has rule nat, and outside of a tunnel a probe cannot be told from a guest's packet; 'weft ping-provider "
     "ADDRESS --vsid N' goes the same way as far as the other host, which answers for its guest")

/* From a guest's port of this host. Takes *f if it goes on. */
static void leaves(const struct dp_adapter *a, const struct hnv_port *port, struct frame **f, struct probe_message *m,
		   uint32_t payload)
{
	struct hnv_hop hop = hnv_next_hop(port->net, port->subnet, &m->to);
	const struct hnv_next *next = next_of(&hop);
	const struct dp_adapter *to = next && next->kind == HNV_LOCAL ? adapter_at(next->adapter) : NULL;
	const char *refused;
	if (to) {
		arrived(to, m, payload);
		return;
	}
	refused = next && next->kind == HNV_TUNNEL ? into_tunnel(f, &hop, next) : why_not(&hop, next);
	if (!refused || m->reply)
		return;
	refusal(refused, m->text);
	m->reached = false;
	test_adapter_result(NOWHERE, m);
}

/* The adapter that hnv_deliver would give it to. */
static const struct dp_adapter *receiver(const struct hnv_network *net, uint32_t vsid, const struct frame *f,
					 const struct ip *to, const char **ret_refused)
{
	const struct hnv_subnet *s = hnv_subnet_of(net, vsid);
	struct hnv_hop hop = {0};
	*ret_refused = "not-here";
	if (!s)
		return NULL;
	hop.vsid = vsid;
	struct hnv_answer found = hnv_records_find(net, vsid, to);
	if (found.next) {
		hop.next = found.next;
		hop.mac = found.mac;
	} else {
		hop = hnv_next_hop(net, s, to); /* what lies behind a gateway */
	}
	const struct hnv_next *next = next_of(&hop);
	const struct dp_adapter *a =
		next && next->kind == HNV_LOCAL && hop.vsid == vsid ? adapter_at(next->adapter) : NULL;
	if (!a || a->vsid != vsid)
		return NULL;
	*ret_refused = "record-mac";
	return memcmp(hop.mac.byte, rte_pktmbuf_mtod(&f->m, const uint8_t *), 6) ? NULL : a;
}

/* The sender is told why, by the way back that this host knows. */
static void send_back(const struct hnv_network *net, uint32_t vsid, const struct probe_message *request,
		      const char *refused)
{
	const struct hnv_subnet *s = hnv_subnet_of(net, vsid);
	struct probe_message m = *request;
	if (!s)
		return;
	struct hnv_hop hop = hnv_next_hop(net, s, &request->from);
	const struct hnv_next *next = next_of(&hop);
	if (!next || next->kind != HNV_TUNNEL)
		return;
	m.reply = true;
	m.from = request->to;
	m.to = request->from;
	refusal(refused, m.text);
	struct frame *f = probe_message_make(&m, &hop.mac, 0);
	if (f)
		(void)into_tunnel(&f, &hop, next);
	if (f)
		frame_free(f);
}

/* Out of a tunnel. */
static void comes(const struct hnv_network *net, struct frame *f, const struct probe_message *m, uint32_t payload)
{
	const char *refused;
	const struct dp_adapter *to = receiver(net, f->tenant.vsid, f, &m->to, &refused);
	if (to)
		arrived(to, m, payload);
	else if (!m->reply)
		send_back(net, f->tenant.vsid, m, refused);
}

void probe_arrived(uint16_t adapter, struct frame *f)
{
	const struct dp_adapter *a = adapter_at(adapter);
	const struct hnv_port *port = a ? hnv_port_of(a) : NULL;
	struct probe_message m;
	uint32_t payload;
	if (port && probe_message_parse(f, &m, &payload)) {
		if (a->vsid && port->subnet)
			leaves(a, port, &f, &m, payload);
		else if (f->m.ol_flags & FRAME_TENANT)
			comes(port->net, f, &m, payload);
	}
	if (f)
		frame_free(f);
}
