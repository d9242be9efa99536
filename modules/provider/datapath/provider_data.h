/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the workers know of a provider network: the host's own addresses, and who is a peer or a neighbour. Made
 * by the control side; one writer, any readers, no lock.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/runtime/dataplane.h"
#include "modules/provider/datapath/peers.h"
#include "modules/provider/provider.h"

/* An address that frames are taken for: a PA, or a group that was joined. */
struct provider_local {
	struct ip ip; /* family 0: an empty slot */
	struct mac mac; /* the PA's; of a group, the one that it maps to */
	uint16_t vlan; /* 0: untagged */
	bool group;
	bool lent; /* answered for, but no end of tunnels: what else comes for it is its guest's */
};

/* Open addressing, half full at most; immutable. */
struct provider_locals {
	uint32_t mask; /* slots - 1, of either table */
	uint32_t n_groups;
	uint64_t *station; /* whose frames are ours: provider_station; 0: an empty slot */
	struct provider_local local[];
};

/* Two a millisecond, PROVIDER_BURST saved up; any worker. */
#define PROVIDER_BURST 1000u
struct provider_bucket {
	_Atomic uint64_t state; /* milliseconds << 16 | tokens left */
};
bool provider_bucket_take(struct provider_bucket *b, uint64_t now_ms);

struct provider_switch {
	const struct provider_locals *_Atomic locals;
	struct peers *peers;
	struct provider_bucket answers, punts;
};

static inline struct provider_switch *provider_switch_of(const struct dp_switch *sw)
{
	return sw->module_data[provider_slot];
}

static inline const struct provider_locals *provider_locals_of(const struct provider_switch *s)
{
	return atomic_load_explicit(&s->locals, memory_order_acquire);
}

/* From a list in which each address is once. NULL: no memory. */
struct provider_locals *provider_locals_make(const struct provider_local *list, uint32_t n);
void provider_locals_free(void *locals); /* NULL ok */
const struct provider_local *provider_locals_find(const struct provider_locals *t, const struct ip *address);

/* A MAC address, as it lies in a frame, and a VLAN in one number. */
static inline uint64_t provider_station(const uint8_t *mac, uint16_t vlan)
{
	uint32_t first;
	uint16_t last;
	memcpy(&first, mac, sizeof(first));
	memcpy(&last, mac + 4, sizeof(last));
	return ((uint64_t)last << 32 | first) << 12 | vlan;
}

/* The slot that the station is in, or else the empty one that it would be in. */
static inline uint64_t *provider_station_slot(const struct provider_locals *t, uint64_t station)
{
	uint32_t at = (uint32_t)((station * 0x9e3779b97f4a7c15ULL) >> 32) & t->mask;
	while (t->station[at] && t->station[at] != station)
		at = (at + 1) & t->mask;
	return &t->station[at];
}

static inline bool provider_locals_station(const struct provider_locals *t, const uint8_t *mac, uint16_t vlan)
{
	return *provider_station_slot(t, provider_station(mac, vlan)) != 0;
}

/* The VLAN of a frame: 0 untagged or priority-tagged, -1: cut off or a service tag, which is never ours. */
static inline int provider_vlan_of(struct frame *f)
{
	const uint8_t *data = frame_data(f);
	if (frame_head_len(f) < 14 || (data[12] == 0x88 && data[13] == 0xa8))
		return -1;
	if (data[12] != 0x81 || data[13] != 0x00)
		return 0;
	return frame_head_len(f) < 18 ? -1 : (data[14] << 8 | data[15]) & 0xfff;
}
