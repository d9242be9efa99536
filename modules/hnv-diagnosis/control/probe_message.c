/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/hnv-diagnosis/control/probe_message.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <rte_ether.h>

#include "core/runtime/offload.h"
#include "core/runtime/port.h"
#include "modules/hnv/probe.h"
#include "modules/hnv/reply.h"

static const uint8_t mark[8] = {'w', 'e', 'f', 't', 0xf0, 'p', 'r', 'b'};

enum { ECHO4 = 8, ECHO4_REPLY = 0, ECHO6 = 128, ECHO6_REPLY = 129 };
enum { AT_TYPE, AT_SUM = 2, AT_ID = 4, AT_SEQUENCE = 6, AT_MARK = 8, AT_NONCE = 16, AT_VERDICT = 24, AT_TEXT };

static void body_write(const struct probe_message *m, uint8_t *icmp)
{
	bool ip6 = m->from.family == AF_INET6;
	icmp[AT_TYPE] = (uint8_t)(ip6 ? m->reply ? ECHO6_REPLY : ECHO6 : m->reply ? ECHO4_REPLY : ECHO4);
	hnv_put_be16(icmp + AT_ID, (uint16_t)(m->nonce[0] << 8 | m->nonce[1]));
	hnv_put_be16(icmp + AT_SEQUENCE, m->sequence);
	memcpy(icmp + AT_MARK, mark, sizeof(mark));
	memcpy(icmp + AT_NONCE, m->nonce, PROBE_NONCE);
	if (!m->reply)
		return;
	icmp[AT_VERDICT] = m->reached;
	snprintf((char *)icmp + AT_TEXT, PROBE_TEXT, "%s", m->text);
}

struct frame *probe_message_make(const struct probe_message *m, const struct mac *mac, uint32_t payload)
{
	bool ip6 = m->from.family == AF_INET6;
	uint32_t header = ip6 ? HNV_IP6 : HNV_IP4,
		 least = m->reply ? AT_TEXT + PROBE_TEXT : AT_MARK + PROBE_PAYLOAD_MIN;
	uint32_t len = AT_MARK + payload > least ? AT_MARK + payload : least, whole = HNV_ETHER + header + len;
	struct frame *f = frame_with(port_pools(), NULL, whole);
	if (!f)
		return NULL;
	uint8_t *at = frame_data(f);
	uint8_t *ip = at + HNV_ETHER, *icmp = ip + header;
	hnv_put_ether(at, mac->byte, ip6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	memcpy(at + 6, HNV_PROBE_MAC.byte, 6);
	body_write(m, icmp);
	uint16_t sum;
	if (ip6) {
		hnv_put_ip6(ip, m->from.byte, m->to.byte, IPPROTO_ICMPV6, (uint16_t)len, 64);
		sum = hnv_sum6(ip, IPPROTO_ICMPV6, icmp, (uint16_t)len);
	} else {
		hnv_put_ip4(ip, m->from.byte, m->to.byte, IPPROTO_ICMP, (uint16_t)(header + len));
		sum = (uint16_t)~offload_sum_fold(offload_sum(icmp, len, 0));
	}
	memcpy(icmp + AT_SUM, &sum, 2);
	return f;
}

/* The ICMP message, as far as it is needed, to at[]. */
static bool icmp_read(struct frame *f, bool *ret_ip6, uint8_t *at, uint32_t n)
{
	frame_parse(f);
	const struct frame_headers *h = &f->headers;
	*ret_ip6 = h->ether_type == RTE_ETHER_TYPE_IPV6;
	if (h->l3_off != HNV_ETHER || h->fragmented || !h->l4_off ||
	    h->l4_off != HNV_ETHER + (*ret_ip6 ? HNV_IP6 : HNV_IP4) ||
	    h->l4_proto != (*ret_ip6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return false;
	return frame_read(f, h->l4_off, at, n);
}

bool probe_message_parse(struct frame *f, struct probe_message *ret, uint32_t *ret_payload)
{
	uint8_t icmp[AT_TEXT + PROBE_TEXT];
	bool ip6;
	struct probe_message m = {0};
	if (!icmp_read(f, &ip6, icmp, AT_VERDICT) || memcmp(icmp + AT_MARK, mark, sizeof(mark)) != 0 || icmp[1])
		return false;
	m.reply = icmp[AT_TYPE] == (ip6 ? ECHO6_REPLY : ECHO4_REPLY);
	if (!m.reply && icmp[AT_TYPE] != (ip6 ? ECHO6 : ECHO4))
		return false;
	m.from.family = m.to.family = ip6 ? AF_INET6 : AF_INET;
	m.sequence = (uint16_t)(icmp[AT_SEQUENCE] << 8 | icmp[AT_SEQUENCE + 1]);
	memcpy(m.nonce, icmp + AT_NONCE, PROBE_NONCE);
	if (!frame_read(f, HNV_ETHER + (ip6 ? 8 : 12), m.from.byte, ip6 ? 16 : 4) ||
	    !frame_read(f, HNV_ETHER + (ip6 ? 24 : 16), m.to.byte, ip6 ? 16 : 4))
		return false;
	if (m.reply) {
		if (!icmp_read(f, &ip6, icmp, sizeof(icmp)))
			return false;
		m.reached = icmp[AT_VERDICT];
		memcpy(m.text, icmp + AT_TEXT, PROBE_TEXT);
		m.text[PROBE_TEXT - 1] = 0;
	}
	*ret_payload = frame_len(f) - f->headers.l4_off - AT_MARK;
	*ret = m;
	return true;
}
