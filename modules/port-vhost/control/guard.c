/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/port-vhost/control/guard.h"

#include <string.h>

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>

#define PAYLOAD(member) sizeof(((struct vhost_message *)0)->member)

/* Bytes of payload that a request has at least; 255: not a request that this back end has use for. */
static uint8_t payload_needed(uint32_t request)
{
	static const uint8_t needed[] = {
		[0] = 255,
		[VU_GET_FEATURES] = 0,
		[VU_SET_FEATURES] = PAYLOAD(u64),
		[VU_SET_OWNER] = 0,
		[4] = 255, /* RESET_OWNER: long given up, and the library forgets memory over it */
		[VU_SET_MEM_TABLE] = 8,
		[VU_SET_LOG_BASE] = PAYLOAD(log),
		[VU_SET_LOG_FD] = 0,
		[VU_SET_VRING_NUM] = PAYLOAD(state),
		[VU_SET_VRING_ADDR] = PAYLOAD(addr),
		[VU_SET_VRING_BASE] = PAYLOAD(state),
		[VU_GET_VRING_BASE] = PAYLOAD(state),
		[VU_SET_VRING_KICK] = PAYLOAD(u64),
		[VU_SET_VRING_CALL] = PAYLOAD(u64),
		[VU_SET_VRING_ERR] = PAYLOAD(u64),
		[VU_GET_PROTOCOL_FEATURES] = 0,
		[VU_SET_PROTOCOL_FEATURES] = PAYLOAD(u64),
		[VU_GET_QUEUE_NUM] = 0,
		[VU_SET_VRING_ENABLE] = PAYLOAD(state),
		[VU_SEND_RARP] = PAYLOAD(u64),
		[VU_NET_SET_MTU] = PAYLOAD(u64),
		[VU_SET_BACKEND_REQ_FD] = 0,
	};
	if (request == VU_SET_STATUS)
		return PAYLOAD(u64);
	if (request == VU_GET_STATUS)
		return 0;
	return request < sizeof(needed) ? needed[request] : 255;
}

int vhost_message_vring(const struct vhost_message *m)
{
	switch (m->request) {
	case VU_SET_VRING_NUM:
	case VU_SET_VRING_BASE:
	case VU_GET_VRING_BASE:
	case VU_SET_VRING_ENABLE:
		return m->state.index <= VHOST_VRING_INDEX_MASK ? (int)m->state.index : (int)VHOST_VRING_INDEX_MASK;
	case VU_SET_VRING_ADDR:
		return m->addr.index <= VHOST_VRING_INDEX_MASK ? (int)m->addr.index : (int)VHOST_VRING_INDEX_MASK;
	case VU_SET_VRING_KICK:
	case VU_SET_VRING_CALL:
	case VU_SET_VRING_ERR:
		return (int)(m->u64 & VHOST_VRING_INDEX_MASK);
	default:
		return -1;
	}
}

bool vhost_message_disturbs(const struct vhost_message *m)
{
	switch (m->request) {
	case VU_SET_FEATURES:
	case VU_SET_MEM_TABLE:
	case VU_SET_LOG_BASE:
	case VU_SET_VRING_NUM:
	case VU_SET_VRING_ADDR:
	case VU_SET_VRING_BASE:
	case VU_SET_VRING_KICK:
		return true;
	default:
		return false;
	}
}

/* A region at address 0 would make a ring whose addresses were never told look mapped. */
static const char *judge_memory(const struct vhost_message *m)
{
	if (m->memory.n > 8 || m->size < 8 + m->memory.n * sizeof(m->memory.region[0]))
		return "a memory table that is cut short or has more than 8 regions";
	for (uint32_t i = 0; i < m->memory.n; i++) {
		uint64_t guest = m->memory.region[i].guest, user = m->memory.region[i].user;
		uint64_t size = m->memory.region[i].size, offset = m->memory.region[i].offset;
		if (!size || guest + size < guest || user + size < user || offset + size < offset || user < 4096)
			return "a memory region that cannot be";
	}
	return NULL;
}

static const char *judge_features(struct vhost_guard *g, const struct vhost_message *m,
				  const struct vhost_facts *facts)
{
	bool other_layout = (m->u64 ^ facts->features) & 1ULL << VIRTIO_F_RING_PACKED;
	for (unsigned i = 0; i < VHOST_VRINGS_MAX; i++) {
		bool forgotten = i >= 2 && !(m->u64 & 1ULL << VIRTIO_NET_F_MQ); /* the library frees these */
		if (other_layout && g->ring[i].addressed)
			return "another ring layout while rings are in use";
		if (other_layout || forgotten)
			memset(&g->ring[i], 0, sizeof(g->ring[i]));
	}
	return NULL;
}

static const char *judge_ring(struct vhost_guard *g, unsigned i, const struct vhost_message *m, bool packed,
			      uint16_t base)
{
	uint32_t num = m->state.num;
	switch (m->request) {
	case VU_SET_VRING_NUM:
		if (!num || num > VHOST_RING_MAX || (!packed && num & (num - 1)))
			return "a ring of 0, of more than 4096 entries, or split and of a number that is no power of two";
		if (g->ring[i].addressed && num != g->ring[i].entries)
			return "another length for a ring in use";
		g->ring[i].entries = (uint16_t)num;
		return NULL;
	case VU_SET_VRING_BASE:
		if (packed && g->ring[i].addressed && (num & 0x7fff) >= g->ring[i].entries)
			return "a ring position beyond the ring";
		return NULL;
	case VU_SET_VRING_ADDR:
		if (!g->ring[i].entries)
			return "a ring without a length";
		if (packed && base >= g->ring[i].entries)
			return "a ring position beyond the ring";
		g->ring[i].addressed = true;
		return NULL;
	case VU_GET_VRING_BASE: /* stops the ring; the library frees what goes by its length */
		memset(&g->ring[i], 0, sizeof(g->ring[i]));
		return NULL;
	default:
		return NULL;
	}
}

const char *vhost_guard_judge(struct vhost_guard *g, const struct vhost_message *m, const struct vhost_facts *facts)
{
	uint8_t needed = payload_needed(m->request);
	int ring = vhost_message_vring(m);
	if (needed == 255)
		return "a request that was never offered";
	if (m->size < needed)
		return "a message that is cut short";
	if (ring >= 0) {
		if ((unsigned)ring >= facts->n_vrings)
			return "more queues than the adapter has; give both the same number (`queues`)";
		return judge_ring(g, (unsigned)ring, m, facts->features & 1ULL << VIRTIO_F_RING_PACKED, facts->base);
	}
	switch (m->request) {
	case VU_SET_FEATURES:
		return judge_features(g, m, facts);
	case VU_SET_MEM_TABLE:
		return judge_memory(m);
	case VU_SET_LOG_BASE:
		return m->log.offset ? "a migration log that does not begin at 0" : NULL;
	default:
		return NULL;
	}
}
