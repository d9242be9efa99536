/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On the way in, a frame is received by the compartment that its tag names; one that names none is its port's own
 * and ends there. On the way out the tag is put on as late as can be, behind everything that judges the frame.
 */
#include "core/runtime/compartment.h"

#include <string.h>

#include <rte_ether.h>

#include "core/runtime/capture.h"

DROP_POLICY(
	core, no_compartment, "no-isolation-id",
	"bears a VLAN tag that none of the adapter's isolation ids has, or none where untagged traffic is not allowed; see "
	"routing-domain-mappings and isolation")
DROP(core, compartment_no_memory, "no-memory-to-tag",
     "no frame buffer was free to put a tag on; raise weftd --memory")

#define TAG 4u /* bytes */

/* The VLAN that f bears, 0: none (or a priority alone, which the adapter takes off). */
static uint16_t vlan_of(struct frame *f)
{
	const uint8_t *data = frame_data(f);
	if (frame_head_len(f) < RTE_ETHER_HDR_LEN + TAG || data[12] != 0x81 || data[13] != 0)
		return 0;
	return (uint16_t)((data[14] << 8 | data[15]) & 0xfff);
}

static void tag_take_off(struct frame *f)
{
	uint8_t *data = frame_data(f); /* nobody else holds a frame that just came in */
	memmove(data + TAG, data, 2 * RTE_ETHER_ADDR_LEN);
	rte_pktmbuf_adj(&f->m, TAG);
	frame_shifted(f, -(int)TAG);
}

/* There is room in front, and nobody else holds f. */
static void tag_put_on(struct frame *f, uint16_t vlan)
{
	f->m.data_off -= TAG;
	f->m.data_len += TAG;
	f->m.pkt_len += TAG;
	uint8_t *data = frame_data(f);
	memmove(data, data + TAG, 2 * RTE_ETHER_ADDR_LEN);
	memcpy(data + 12, (const uint8_t[]){0x81, 0, (uint8_t)(vlan >> 8), (uint8_t)vlan}, TAG);
	frame_shifted(f, (int)TAG);
}

/* Nobody's: received, and dropped, by the port itself. */
static void refuse(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	struct counter_row *row = pipe_row(p, a);
	row->received++;
	row->received_bytes += frame_len(f);
	if (unlikely(p->capture != NULL))
		capture_tap(p, a, &f, 1, CAPTURE_IN, NULL);
	pipe_drop(p, a, f, &drop_no_compartment);
}

void compartments_input(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	const struct dp_adapter *run_to = NULL;
	uint16_t run = 0; /* frames that end before i, all of run_to */
	for (uint16_t i = 0; i < n; i++) {
		uint16_t vlan = vlan_of(frames[i]), id = a->compartments->adapter[vlan];
		const struct dp_adapter *to = id == DP_COMPARTMENT_NONE ? NULL : p->dp->adapters[id];
		if (run && to != run_to) {
			pipe_input(p, run_to, frames + i - run, run);
			run = 0;
		}
		run_to = to;
		if (!to) {
			refuse(p, a, frames[i]);
			continue;
		}
		if (vlan)
			tag_take_off(frames[i]);
		PIPE_TRACE(p, a, "note", "VLAN %u (0: untagged) is isolation id %u, received by %s", vlan, to->vsid,
			   to->name);
		run++;
	}
	if (run)
		pipe_input(p, run_to, frames + n - run, run);
}

/* f, or a copy that may be written to and has room in front. NULL: f was dropped. */
static struct frame *writable(struct pipe *p, const struct dp_adapter *a, struct frame *f)
{
	if (rte_mbuf_refcnt_read(&f->m) == 1 && rte_pktmbuf_headroom(&f->m) >= TAG)
		return f;
	struct frame *own = frame_copy(f, p->pools, UINT32_MAX);
	if (!own) {
		pipe_drop(p, a, f, &drop_compartment_no_memory);
		return NULL;
	}
	frame_free(f);
	return own;
}

static uint16_t compartment_tag(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	uint16_t kept = 0;
	for (uint16_t i = 0; i < n; i++) {
		struct frame *f = writable(p, a, frames[i]);
		if (!f)
			continue;
		tag_put_on(f, a->vlan);
		frames[kept++] = f;
	}
	if (kept)
		PIPE_TRACE(p, a, "note", "VLAN tag %u put on, by which the guest knows isolation id %u", a->vlan,
			   a->vsid);
	return kept;
}

static bool wanted(const struct dp_adapter *a) { return a->is_compartment && a->vlan; }
NODE(compartment_tag, TEAM, compartment_tag, wanted)
