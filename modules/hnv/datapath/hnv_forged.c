/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests that speak as if they were hosts (row D4): the control messages of NVGRE are ICMP messages, and a guest may send
 * ICMP. Between provider addresses it has no business.
 */
#include <stdio.h>

#include <rte_ether.h>

#include "base/log.h"
#include "core/runtime/punt.h"
#include "modules/hnv/datapath/hnv_control.h"
#include "modules/hnv/datapath/hnv_lookup.h"
#include "modules/hnv/guest.h"
#include "modules/provider/provider.h"

DROP(hnv, control_forged, "control-forged",
     "ALARM: a guest sent a message that only hosts send each other (ICMP 5/10 or 3/10, ICMPv6 137/1 or 1/1, to a provider "
     "address), to have others' traffic led elsewhere; it went nowhere")

#define ALARMS_A_SECOND 1 /* events for each port; the drops are counted all */
#define ALARMS_BURST 5
#define TOLD 64u /* bytes of the frame, as far as its addresses */

/* To whom it was sent. */
static struct ip target_of(struct frame *f, bool ip6)
{
	struct ip to = {.family = ip6 ? AF_INET6 : AF_INET};
	if (!frame_read(f, ip6 ? HNV_IP6_TO : HNV_IP4_TO, to.byte, ip6 ? 16 : 4))
		to.family = AF_UNSPEC;
	return ip_unmapped(&to); /* as hosts write IPv4 in an ICMPv6 message */
}

/* Control thread. */
static void alarm_tell(uint16_t adapter, struct frame *f)
{
	const struct dataplane *dp = dataplane_current();
	const struct dp_adapter *a = dp && adapter < dp->n_adapters ? dp->adapters[adapter] : NULL;
	char object[80], text[IP_TEXT_SIZE];
	struct ip to = target_of(f, bytes_raw16(frame_data(f) + HNV_TYPE) == RTE_BE16(RTE_ETHER_TYPE_IPV6));
	if (a) {
		snprintf(object, sizeof(object), "adapter %s", a->name);
		log_warning(
			object,
			"ALARM: its guest sent to %s what only hosts send each other, a forged control message; it "
			"went nowhere (control-forged)",
			ip_format(&to, text));
	}
	frame_free(f);
}

PUNT(hnv_forged, alarm_tell);

static void alarm_raise(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	if (p->trace || !hnv_limit_take(&hnv_port_of(a)->alarms, p->now_ms, ALARMS_A_SECOND, ALARMS_BURST))
		return;
	struct frame *copy = frame_copy(f, p->pools, TOLD);
	if (!copy)
		return;
	pipe_copied(p, a, 1);
	punt(p, a, copy, &punt_hnv_forged);
}

bool hnv_control_forged(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	const struct frame_headers *h = &f->headers;
	const uint8_t *data = frame_data(f);
	bool ip6 = h->ether_type == RTE_ETHER_TYPE_IPV6;
	if (h->fragment || !h->l4_off || !hnv_control_kind(ip6, data[h->l4_off], data[h->l4_off + 1]))
		return false;
	struct ip to = target_of(f, ip6);
	if (!provider_is_local(a->sw, &to) && !provider_is_peer(a->sw, &to) && !provider_frame_is_ours(a->sw, f))
		return false;
	alarm_raise(p, a, f);
	pipe_drop(p, a, f, &drop_control_forged);
	return true;
}
