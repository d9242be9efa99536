/* SPDX-License-Identifier: Apache-2.0 */
/* By destination address: to the adapter that has it, or to all while nobody is known to. */
#include <rte_prefetch.h>

#include "core/runtime/pipe.h"
#include "modules/l2/datapath/fdb.h"
#include "modules/l2/datapath/l2_data.h"

DROP(l2, l2_nobody_else, "nobody-else",
     "a broadcast, multicast or unknown address, and no other adapter on the switch")
DROP(l2, l2_same_port, "same-port", "the destination is behind the adapter that sent the frame")

static void flood(struct pipe *p, const struct dp_adapter *a, struct frame *f, const char *why)
{
	PIPE_TRACE(p, a, "flood", "%s: to every other adapter of switch %s", why, a->sw->name);
	pipe_flood(p, a, a->sw->members, a->sw->n_members, f, &drop_l2_nobody_else);
}

static inline uint16_t station(const struct fdb *t, uint64_t key, uint64_t hash)
{
	return unlikely(fdb_key_is_group(key)) ? FDB_NONE : fdb_lookup(t, key, hash);
}

/* The adapter that f goes to alone; NULL: flooded or dropped. */
static inline const struct dp_adapter *target(struct pipe *p, const struct dp_adapter *a, struct frame *f,
					      uint16_t id)
{
	const struct dp_adapter *to = id < p->dp->n_adapters ? p->dp->adapters[id] : NULL;
	if (unlikely(!to || to->sw != a->sw)) {
		flood(p, a, f, frame_data(f)[0] & 1 ? "group address" : "destination not learned yet");
		return NULL;
	}
	if (unlikely(to == a)) {
		pipe_drop(p, a, f, &drop_l2_same_port);
		return NULL;
	}
	PIPE_TRACE(p, a, "forward", "destination is at adapter %s", to->name);
	return to;
}

/* Neighbours that go to one adapter are handed on together. */
static void forward_each(struct pipe *p, const struct dp_adapter *a, struct fdb *t, struct frame **frames, uint16_t n)
{
	uint64_t key[PORT_BURST], hash[PORT_BURST];
	struct fdb_buckets *b = fdb_buckets(t);
	const struct dp_adapter *run_to = NULL;
	uint16_t run = 0, run_id = 0;
	for (uint16_t i = 0; i < n; i++) {
		key[i] = fdb_key(frame_data(frames[i]), 0);
		hash[i] = fdb_hash(t, key[i]);
		rte_prefetch0(fdb_first(b, hash[i]));
	}
	for (uint16_t i = 0; i < n; i++) {
		uint16_t id = station(t, key[i], hash[i]);
		if (likely(run && id == run_id && !p->trace)) {
			run++;
			continue;
		}
		const struct dp_adapter *to = target(p, a, frames[i], id);
		if (to != run_to && run) {
			pipe_output_burst(p, a, run_to, frames + i - run, run);
			run = 0;
		}
		run_to = to;
		run_id = id;
		run += to != NULL;
	}
	if (run)
		pipe_output_burst(p, a, run_to, frames + n - run, run);
}

static uint16_t l2_forward(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	struct fdb *t = l2_table(a->sw);
	if (likely(fdb_same_key(frames, n, 0))) {
		uint64_t key = fdb_key(frame_data(frames[0]), 0);
		uint16_t id = station(t, key, fdb_hash(t, key));
		const struct dp_adapter *to = id < p->dp->n_adapters ? p->dp->adapters[id] : NULL;
		if (likely(to && to->sw == a->sw && to != a && !p->trace)) {
			pipe_output_burst(p, a, to, frames, n);
			return 0;
		}
	}
	forward_each(p, a, t, frames, n);
	return 0;
}

NODE(l2_forward, FORWARD, l2_forward, l2_switched)
