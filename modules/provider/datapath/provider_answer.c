/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/provider/datapath/provider_answer.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>

#include "base/bytes.h"
#include "core/runtime/offload.h"

#define NA_LENGTH 32 /* bytes: the advertisement and one option */
#define NA_SOLICITED 0x40
#define NA_OVERRIDE 0x20
#define HOPS 64

/* Back to whom it came from. */
static void turn(uint8_t *data, const struct mac *from)
{
	memcpy(data, data + 6, 6);
	memcpy(data + 6, from->byte, 6);
}

void provider_answer_arp(struct frame *f, const struct provider_local *pa)
{
	uint8_t *data = frame_data(f), *arp = data + f->headers.l3_off, target[4];
	turn(data, &pa->mac);
	memcpy(target, arp + 24, 4);
	bytes_put_be16(arp + 6, 2);
	memcpy(arp + 18, arp + 8, 10); /* whoever asked is told */
	memcpy(arp + 8, pa->mac.byte, 6);
	memcpy(arp + 14, target, 4);
}

static void na_write(uint8_t *icmp, uint8_t flags, const struct provider_local *pa)
{
	memset(icmp, 0, NA_LENGTH);
	icmp[0] = 136;
	icmp[4] = flags;
	memcpy(icmp + 8, pa->ip.byte, 16);
	icmp[24] = 2;
	icmp[25] = 1;
	memcpy(icmp + 26, pa->mac.byte, 6);
}

static void icmp6_sum_write(uint8_t *ip, uint8_t *icmp, uint32_t len)
{
	uint32_t tail[2] = {rte_cpu_to_be_32(len), rte_cpu_to_be_32(IPPROTO_ICMPV6)};
	uint64_t sum = offload_sum(tail, sizeof(tail), offload_sum(ip + 8, 32, 0));
	icmp[2] = icmp[3] = 0;
	uint16_t folded = (uint16_t)~offload_sum_fold(offload_sum(icmp, len, sum));
	memcpy(icmp + 2, &folded, 2);
}

bool provider_answer_nd(struct frame *f, const struct provider_message *m, const struct provider_local *pa)
{
	static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1}, all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
	uint32_t len = f->headers.l3_off + 40u + NA_LENGTH;
	if (f->m.nb_segs != 1 || f->m.ol_flags & FRAME_LENT)
		return false;
	if (f->m.data_len > len)
		rte_pktmbuf_trim(&f->m, (uint16_t)(f->m.data_len - len));
	else if (!rte_pktmbuf_append(&f->m, (uint16_t)(len - f->m.data_len)))
		return false;
	uint8_t *data = frame_data(f), *ip = data + f->headers.l3_off, *icmp = ip + 40;
	bool probe = provider_ip6_is_nobody(&m->sender);
	turn(data, &pa->mac);
	if (probe)
		memcpy(data, all_nodes_mac, 6);
	bytes_put_be16(ip + 4, NA_LENGTH);
	memcpy(ip + 24, probe ? all_nodes : ip + 8, 16); /* RFC 4861, 7.2.4 */
	memcpy(ip + 8, pa->ip.byte, 16);
	na_write(icmp, NA_OVERRIDE | (probe ? 0 : NA_SOLICITED), pa);
	icmp6_sum_write(ip, icmp, NA_LENGTH);
	f->m.ol_flags &= ~(FRAME_PARSED | FRAME_OFFLOAD | FRAME_CSUM_GOOD);
	return true;
}

/* One 16-bit word of what the checksum at `sum` covers changed, RFC 1624. */
static void sum_adjust(uint8_t *sum, uint16_t before, uint16_t after)
{
	uint32_t s = (uint16_t) ~(sum[0] << 8 | sum[1]);
	s += (uint16_t)~before;
	s += after;
	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	bytes_put_be16(sum, (uint16_t)~s);
}

void provider_answer_echo(struct frame *f, const struct provider_local *pa)
{
	uint8_t *data = frame_data(f), *ip = data + f->headers.l3_off, *icmp = data + f->headers.l4_off;
	bool ip6 = pa->ip.family == AF_INET6;
	uint8_t *from = ip6 ? ip + 8 : ip + 12, *to = ip6 ? ip + 24 : ip + 16, address[16];
	size_t n = ip6 ? 16 : 4;
	turn(data, &pa->mac);
	memcpy(address, from, n);
	memcpy(from, to, n);
	memcpy(to, address, n);
	ip[ip6 ? 7 : 8] = HOPS;
	if (!ip6) {
		uint32_t header = (ip[0] & 0xfu) * 4;
		bytes_put_be16(ip + 10, 0);
		uint16_t folded = (uint16_t)~offload_sum_fold(offload_sum(ip, header, 0));
		memcpy(ip + 10, &folded, 2);
	}
	uint8_t answer = ip6 ? 129 : 0;
	/* A sum left open covers type and code anyway, and the pseudo header is the same both ways. */
	if (!(f->m.ol_flags & FRAME_OFFLOAD))
		sum_adjust(icmp + 2, (uint16_t)(icmp[0] << 8 | icmp[1]), (uint16_t)(answer << 8 | icmp[1]));
	icmp[0] = answer;
}
