/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which vhost-user messages the library may see. It trusts the front end to keep the protocol's order: a ring
 * made longer while it is in use, restarted without its length, or changed from split to packed has it read
 * and write beyond its own memory and the guest's. Pure bookkeeping, no library, no I/O.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/runtime/port.h"

#define VHOST_VRINGS_MAX (2 * PORT_QUEUES_MAX)
#define VHOST_RING_MAX 4096 /* entries; more is memory that a guest could make us reserve */

enum vu_request {
	VU_GET_FEATURES = 1,
	VU_SET_FEATURES = 2,
	VU_SET_OWNER = 3,
	VU_SET_MEM_TABLE = 5,
	VU_SET_LOG_BASE = 6,
	VU_SET_LOG_FD = 7,
	VU_SET_VRING_NUM = 8,
	VU_SET_VRING_ADDR = 9,
	VU_SET_VRING_BASE = 10,
	VU_GET_VRING_BASE = 11,
	VU_SET_VRING_KICK = 12,
	VU_SET_VRING_CALL = 13,
	VU_SET_VRING_ERR = 14,
	VU_GET_PROTOCOL_FEATURES = 15,
	VU_SET_PROTOCOL_FEATURES = 16,
	VU_GET_QUEUE_NUM = 17,
	VU_SET_VRING_ENABLE = 18,
	VU_SEND_RARP = 19,
	VU_NET_SET_MTU = 20,
	VU_SET_BACKEND_REQ_FD = 21,
	VU_SET_STATUS = 39,
	VU_GET_STATUS = 40,
};

#define VHOST_NEED_REPLY (1u << 3)
#define VHOST_VRING_INDEX_MASK 0xffu

/* A message as it stands on the wire, in the host's byte order (vhost-user specification, "Message format"). */
struct vhost_message {
	uint32_t request, flags, size;
	union {
		uint64_t u64;
		struct {
			uint32_t index, num;
		} state;
		struct {
			uint32_t index, flags;
			uint64_t desc, used, avail, log;
		} addr;
		struct {
			uint32_t n, padding;
			struct {
				uint64_t guest, size, user, offset;
			} region[8];
		} memory;
		struct {
			uint64_t size, offset;
		} log;
	};
} __attribute__((packed));

struct vhost_guard {
	struct {
		uint16_t entries; /* 0: not told since the ring was last stopped */
		bool addressed; /* its addresses were told since */
	} ring[VHOST_VRINGS_MAX];
};

/* What the library knows at this moment. */
struct vhost_facts {
	unsigned n_vrings; /* that the adapter has */
	uint64_t features; /* negotiated */
	uint16_t base; /* where the message's ring would go on (packed: without the wrap bit) */
};

/* NULL: hand it on (then g has taken note of it), or what is wrong with it, for the status. */
const char *vhost_guard_judge(struct vhost_guard *g, const struct vhost_message *m, const struct vhost_facts *facts);
/* The ring that a message is about, or -1. */
int vhost_message_vring(const struct vhost_message *m);
/* Does it change rings or memory, so that workers must be off them? */
bool vhost_message_disturbs(const struct vhost_message *m);
