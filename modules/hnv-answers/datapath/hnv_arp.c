/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ARP in a virtual subnet (RFC 826, 5227; row I7): broadcast requests are answered from the lookup records, unicast
 * ones reach their guest, and nobody speaks for an address that is not its own (row B16).
 */
#include <netinet/in.h>

#include <rte_ether.h>

#include "base/cursor.h"
#include "modules/hnv-answers/datapath/hnv_answer.h"
#include "modules/hnv-answers/datapath/hnv_asked.h"
#include "modules/hnv/guest.h"
#include "modules/hnv/reply.h"

DROP(hnv_answers, arp_malformed, "arp-malformed", "an ARP frame that is cut off or not about IPv4 over Ethernet")
DROP_POLICY(
	hnv_answers, arp_spoofed, "arp-spoofed",
	"ARP with a sender address that is not the adapter's own; give the adapter a lookup record for the address, or a "
	"dynamic-ip-address-limit")

#define ARP_LEN 28
enum { ARP_REQUEST = 1, ARP_REPLY = 2 };

struct arp {
	uint16_t op;
	struct mac sender_mac;
	struct ip sender, target; /* a sender of 0.0.0.0 probes (RFC 5227, 2.1.1) */
};

static bool arp_read(struct frame *f, struct arp *ret_arp)
{
	struct cursor c = cursor_over(frame_data(f), frame_head_len(f));
	struct arp m = {.sender.family = AF_INET, .target.family = AF_INET};
	cursor_skip(&c, HNV_ETHER);
	uint16_t hardware = cursor_be16(&c), protocol = cursor_be16(&c), lengths = cursor_be16(&c);
	m.op = cursor_be16(&c);
	cursor_copy(&c, m.sender_mac.byte, 6);
	cursor_copy(&c, m.sender.byte, 4);
	cursor_skip(&c, 6);
	cursor_copy(&c, m.target.byte, 4);
	if (c.bad || hardware != 1 || protocol != RTE_ETHER_TYPE_IPV4 || lengths != 0x0604 ||
	    (m.op != ARP_REQUEST && m.op != ARP_REPLY))
		return false;
	*ret_arp = m;
	return true;
}

/* The request becomes the reply; a probe's answer names no target either (RFC 5227, 2.1.1: any answer will do). */
static void reply(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct arp *m,
		  const struct mac *is)
{
	uint8_t *at = hnv_reply_room(p, a, f, HNV_ETHER + ARP_LEN);
	if (!at)
		return;
	struct hnv_writer w = hnv_writer_over(at, HNV_ETHER + ARP_LEN);
	hnv_write(&w, m->sender_mac.byte, 6);
	hnv_write(&w, is->byte, 6);
	hnv_write_be16(&w, RTE_ETHER_TYPE_ARP);
	hnv_write_be16(&w, 1);
	hnv_write_be16(&w, RTE_ETHER_TYPE_IPV4);
	hnv_write_be16(&w, 0x0604);
	hnv_write_be16(&w, ARP_REPLY);
	hnv_write(&w, is->byte, 6);
	hnv_write(&w, m->target.byte, 4);
	hnv_write(&w, m->sender_mac.byte, 6);
	hnv_write(&w, m->sender.byte, 4);
	pipe_answer(p, a, f);
}

/* To all, or to the router. */
static bool request(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct arp *m)
{
	char text[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE];
	struct mac is;
	switch (hnv_whose(hnv_port_of(a), &m->target, &is)) {
	case HNV_KNOWN_OWN:
		PIPE_TRACE(p, a, "consume", "ARP for the adapter's own address %s: nobody else answers",
			   ip_format(&m->target, text));
		pipe_consume(p, a, f);
		return false;
	case HNV_KNOWN_ROUTER:
	case HNV_KNOWN_RECORD:
		if (!hnv_answer_may(p, a, f))
			return false;
		PIPE_TRACE(p, a, "answer", "%s is at %s", ip_format(&m->target, text), mac_format(&is, mac));
		reply(p, a, f, m, &is);
		return false;
	case HNV_KNOWN_BESIDE:
		PIPE_TRACE(p, a, "note", "%s is on this host and answers itself (2012)", ip_format(&m->target, text));
		hnv_to_locals(p, a, f);
		return false;
	case HNV_KNOWN_NOT:
		break;
	}
	return hnv_unanswered(p, a, f, &m->target);
}

/* An announcement of the sender's own address goes to those who may hold an older one. */
static bool announce(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	if (atomic_load_explicit(&hnv_port_of(a)->subnet->l2only, memory_order_relaxed))
		return true;
	PIPE_TRACE(p, a, "note", "announces its own address: the records of other hosts say so already");
	hnv_to_locals(p, a, f);
	return false;
}

bool hnv_arp(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	static const struct ip nobody = {.family = AF_INET};
	struct arp m;
	if (!arp_read(f, &m)) {
		pipe_drop(p, a, f, &drop_arp_malformed);
		return false;
	}
	if (mac_to_u64(&m.sender_mac) != mac_to_u64(&a->mac) || (m.op == ARP_REPLY && ip_equal(&m.sender, &nobody))) {
		pipe_drop(p, a, f, &drop_arp_spoofed);
		return false;
	}
	if (!ip_equal(&m.sender, &nobody) && !hnv_may_claim(hnv_port_of(a), &m.sender)) {
		hnv_learn(p, a, f, &m.sender, &drop_arp_spoofed);
		return false;
	}
	const uint8_t *to = frame_data(f);
	bool to_router = !memcmp(to, HNV_ROUTER_MAC.byte, 6);
	if (!(to[0] & 1) && !to_router && (m.op == ARP_REPLY || !hnv_is_rewritten(hnv_port_of(a), &m.target)))
		return true; /* unicast: the guest's own to answer, or an answer to it */
	bool announces = m.op == ARP_REPLY || ip_equal(&m.sender, &m.target);
	if (!announces)
		return request(p, a, f, &m);
	if (!to_router)
		return announce(p, a, f);
	PIPE_TRACE(p, a, "consume", "announced to the distributed router, which goes by the lookup records");
	pipe_consume(p, a, f);
	return false;
}
