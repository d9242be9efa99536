/* SPDX-License-Identifier: Apache-2.0 */
/* The headers of packets that the distributed router makes. */
#include "modules/hnv/reply.h"

#include <endian.h>

#include "core/runtime/offload.h"
#include "modules/hnv/tables.h"

#define TTL 64

const uint8_t hnv_router_ip6[16] = HNV_ROUTER_IP6;

uint8_t *hnv_reply_room(struct pipe *p, const struct dp_adapter *a, struct frame *f, uint16_t len)
{
	/* A loan goes back by way of frame_own; a long one does not come with questions, so this is rare. */
	if (frame_own(f, p->pools) || len > f->m.buf_len - f->m.data_off) {
		pipe_drop(p, a, f, &drop_no_memory);
		return NULL;
	}
	rte_pktmbuf_free(f->m.next);
	f->m.next = NULL;
	f->m.nb_segs = 1;
	f->m.data_len = len;
	f->m.pkt_len = len;
	f->m.ol_flags &= ~FRAME_FLAGS;
	return frame_data(f);
}

void hnv_put_be16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

void hnv_put_ether(uint8_t *at, const uint8_t to[6], uint16_t ether_type)
{
	memcpy(at, to, 6);
	memcpy(at + 6, HNV_ROUTER_MAC.byte, 6);
	hnv_put_be16(at + 12, ether_type);
}

/* Id 0 is right for a packet that is never cut (RFC 6864, 4.1): DF is set. */
void hnv_put_ip4(uint8_t *at, const uint8_t from[4], const uint8_t to[4], uint8_t protocol, uint16_t len)
{
	memset(at, 0, HNV_IP4);
	at[0] = 0x45;
	hnv_put_be16(at + 2, len);
	at[6] = 0x40;
	at[8] = TTL;
	at[9] = protocol;
	memcpy(at + 12, from, 4);
	memcpy(at + 16, to, 4);
	uint16_t sum = (uint16_t)~offload_sum_fold(offload_sum(at, HNV_IP4, 0));
	memcpy(at + 10, &sum, 2);
}

void hnv_put_ip6(uint8_t *at, const uint8_t from[16], const uint8_t to[16], uint8_t next, uint16_t len, uint8_t hops)
{
	memset(at, 0, 8);
	at[0] = 0x60;
	hnv_put_be16(at + 4, len);
	at[6] = next;
	at[7] = hops;
	memcpy(at + 8, from, 16);
	memcpy(at + 24, to, 16);
}

/* 0 would say that there is none (RFC 768); 0xffff is the same number and good for every protocol. */
static uint16_t finish(uint64_t sum)
{
	uint16_t folded = (uint16_t)~offload_sum_fold(sum);
	return folded ? folded : 0xffff;
}

uint16_t hnv_sum4(const uint8_t *ip, uint8_t protocol, const uint8_t *l4, uint16_t len)
{
	uint64_t sum = offload_sum(ip + 12, 8, 0) + htobe16(protocol) + htobe16(len);
	return finish(offload_sum(l4, len, sum));
}

uint16_t hnv_sum6(const uint8_t *ip, uint8_t next, const uint8_t *l4, uint16_t len)
{
	uint64_t sum = offload_sum(ip + 8, 32, 0) + htobe16(next) + htobe16(len);
	return finish(offload_sum(l4, len, sum));
}
