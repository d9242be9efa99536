/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probes of `weft test-adapter` (row H9, Test-VMNetworkAdapter; modules/hnv-diagnosis): echo requests that a guest's port
 * sends and another's takes, without the guests. A probe is known by its source MAC address, a group's, which no station can have: what a
 * guest sends so is dropped as "not-own-mac" at once, for the control thread alone can make a frame a tenant's before it
 * enters. Nodes hand probes to the control thread, and no guest gets one.
 */
#pragma once

#include "core/runtime/pipe.h"

#define HNV_PROBE_MAC ((struct mac){{0x01, 0x15, 0x5d, 0xff, 0xff, 0x02}})

/* Is the source MAC address a group's? Whoever asks has the whole Ethernet header. */
static inline bool hnv_probe_is(const uint8_t *frame) { return frame[6] & 1; }

/* Of a frame at its adapter's ingress: did the control thread make it? */
static inline bool hnv_probe_is_ours(const struct frame *f) { return f->m.ol_flags & FRAME_TENANT; }

/* Worker. Takes f, a probe that came as far as it gets in a's ingress: to the control thread, its tenant metadata with it. */
void hnv_probe(struct pipe *p, const struct dp_adapter *a, struct frame *f);

/* Control thread: who takes them there, and owns f then. Nobody: they are freed. */
void hnv_probe_set(void (*arrived)(uint16_t adapter, struct frame *f));
