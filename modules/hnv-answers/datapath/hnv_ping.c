/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Echo requests to the distributed router (row I5): any gateway address of the guest's routing domain, and the
 * router's link-local address. The request becomes the reply, so that its payload stays where it is, and its
 * checksum is the sender's, corrected for what changes: what came damaged goes back damaged.
 */
#include <netinet/in.h>

#include <rte_ether.h>

#include "core/runtime/offload.h"
#include "modules/hnv-answers/datapath/hnv_answer.h"
#include "modules/hnv-answers/datapath/hnv_asked.h"
#include "modules/hnv/guest.h"
#include "modules/hnv/reply.h"

#define TTL 64
enum { ECHO4_REPLY = 0, ECHO4_REQUEST = 8, ECHO6_REQUEST = 128, ECHO6_REPLY = 129 };

static void swap(uint8_t *x, uint8_t *y, size_t len)
{
	uint8_t kept[16];
	memcpy(kept, x, len);
	memcpy(x, y, len);
	memcpy(y, kept, len);
}

/* RFC 1624, eqn. 3, for the 16-bit word that begins with the type. A sum that is still open is made of what is
 * there then. */
static void retype(const struct frame *f, uint8_t *icmp, uint8_t type)
{
	uint16_t sum, old, new;
	memcpy(&old, icmp, 2);
	icmp[0] = type;
	memcpy(&new, icmp, 2);
	if (f->m.ol_flags & FRAME_OFFLOAD)
		return;
	memcpy(&sum, icmp + 2, 2);
	sum = (uint16_t)~offload_sum_fold((uint64_t)(uint16_t)~sum + (uint16_t)~old + new);
	memcpy(icmp + 2, &sum, 2);
}

static void send_back(struct pipe *p, const struct dp_adapter *a, struct frame *f, const struct ip *gateway)
{
	char text[IP_TEXT_SIZE];
	uint8_t *data = frame_data(f);
	PIPE_TRACE(p, a, "answer", "echo reply from %s, the distributed router", ip_format(gateway, text));
	memcpy(data, a->mac.byte, 6);
	memcpy(data + 6, HNV_ROUTER_MAC.byte, 6);
	pipe_answer(p, a, f);
}

/* Nothing is sent back that is shorter than it says. */
static bool is_whole(const struct frame *f, uint32_t packet) { return packet <= frame_len(f) - HNV_ETHER; }

/* Later fragments say no type: they go back as the first does, or are of no use to whoever gets them. */
static bool is_request(const struct frame_headers *h, const uint8_t *data, uint8_t request)
{
	return h->fragment || (h->l4_off && data[h->l4_off] == request && !data[h->l4_off + 1]);
}

bool hnv_ping4(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	const struct frame_headers *h = &f->headers;
	uint8_t *data = frame_data(f), *ip = data + HNV_ETHER;
	struct ip to = {.family = AF_INET};
	if (hnv_control_forged(p, a, f))
		return false;
	if (frame_head_len(f) < HNV_ETHER + HNV_IP4)
		return true;
	memcpy(to.byte, ip + 16, 4);
	if (!hnv_is_gateway(hnv_port_of(a)->net, hnv_port_of(a)->subnet, &to))
		return true;
	/* Options, a source route above all, are not for us to follow. */
	uint32_t packet = (uint32_t)(ip[2] << 8 | ip[3]);
	if (ip[0] != 0x45 || packet < HNV_IP4 || !is_whole(f, packet) || !is_request(h, data, ECHO4_REQUEST)) {
		pipe_drop(p, a, f, &drop_router_no_service);
		return false;
	}
	if (!hnv_answer_may(p, a, f))
		return false;
	swap(ip + 12, ip + 16, 4);
	ip[8] = TTL;
	offload_ip4_checksum(ip, HNV_IP4);
	if (!h->fragment)
		retype(f, data + h->l4_off, ECHO4_REPLY);
	send_back(p, a, f, &to);
	return false;
}

bool hnv_ping6(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	const struct frame_headers *h = &f->headers;
	uint8_t *data = frame_data(f), *ip = data + HNV_ETHER;
	struct ip to = {.family = AF_INET6};
	if (hnv_control_forged(p, a, f))
		return false;
	if (frame_head_len(f) < HNV_ETHER + HNV_IP6)
		return true;
	memcpy(to.byte, ip + 24, 16);
	if (memcmp(to.byte, hnv_router_ip6, 16) != 0 &&
	    !hnv_is_gateway(hnv_port_of(a)->net, hnv_port_of(a)->subnet, &to))
		return true;
	bool optioned = ip[6] != IPPROTO_ICMPV6 && !(ip[6] == IPPROTO_FRAGMENT && h->fragmented);
	uint32_t packet = HNV_IP6 + (uint32_t)(ip[4] << 8 | ip[5]);
	if (optioned || !is_whole(f, packet) || !is_request(h, data, ECHO6_REQUEST)) {
		pipe_drop(p, a, f, &drop_router_no_service);
		return false;
	}
	if (!hnv_answer_may(p, a, f))
		return false;
	swap(ip + 8, ip + 24, 16); /* the pseudo-header's sum stays */
	ip[7] = TTL;
	if (!h->fragment)
		retype(f, data + h->l4_off, ECHO6_REPLY);
	send_back(p, a, f, &to);
	return false;
}
