/* SPDX-License-Identifier: Apache-2.0 */
/* Probes on their way: those of this host's test-adapter, and those of other hosts. Control thread. */
#pragma once

#include "modules/hnv-diagnosis/control/probe_message.h"
#include "modules/hnv/tables.h"

struct dp_adapter;
struct frame;

/* m leaves adapter `from` as if its guest had sent it, through all that frames of the guest pass. */
void probe_send(const struct dp_adapter *from, const struct probe_message *m, const struct mac *mac,
		uint32_t payload);

/* What hnv takes off the way of frames (hnv_probe_set); takes f. */
void probe_arrived(uint16_t adapter, struct frame *f);

/* test_adapter.c: what became of a probe of this host's own. adapter: by which the answer came, 0xffff for one that did
 * not get that far. */
void test_adapter_result(uint16_t adapter, const struct probe_message *m);
