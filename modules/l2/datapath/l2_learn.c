/* SPDX-License-Identifier: Apache-2.0 */
/* Notes where each source address is. Frames of one station usually come together, so the last key is kept. */
#include <rte_prefetch.h>

#include "core/runtime/pipe.h"
#include "modules/l2/datapath/fdb.h"
#include "modules/l2/datapath/l2_data.h"

DROP(l2, source_owned, "source-owned", "the source address belongs to another adapter of this switch; two adapters may not share a MAC address")

static void explain_learn(struct pipe *p, const struct dp_adapter *a, enum fdb_verdict v)
{
	static const char *const text[] = {
		[FDB_KNOWN] = "source address is known here",
		[FDB_LEARNED] = "source address would be learned here",
		[FDB_MOVED] = "source address is known at another adapter and would move here",
		[FDB_REFUSED] = "source address would not be learned: mac-address-limit of the adapter is reached",
		[FDB_OWNED_BY_OTHER] = "source address is another adapter's own mac-address",
	};
	PIPE_TRACE(p, a, "note", "%s", text[v]);
}

static uint16_t l2_learn(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	struct fdb *t = l2_table(a->sw);
	uint64_t key[PORT_BURST], hash[PORT_BURST], last = 0;
	uint16_t kept = 0;
	for (uint16_t i = 0; i < n; i++) {
		key[i] = fdb_key(frame_data(frames[i]) + 6, 0);
		hash[i] = fdb_hash(t, key[i]);
		if (key[i] != last)
			rte_prefetch0(fdb_first(t, hash[i]));
		last = key[i];
	}
	last = 0;
	for (uint16_t i = 0; i < n; i++) {
		enum fdb_verdict v = FDB_KNOWN;
		if (unlikely(p->trace != NULL)) {
			v = fdb_would_learn(t, key[i], hash[i], a->id);
			explain_learn(p, a, v);
		} else if (key[i] != last) {
			v = fdb_learn(t, key[i], hash[i], a->id, p->now_ms);
		}
		if (unlikely(v == FDB_OWNED_BY_OTHER)) {
			pipe_drop(p, a, frames[i], &drop_source_owned);
			continue;
		}
		last = key[i];
		frames[kept++] = frames[i];
	}
	return kept;
}

NODE(l2_learn, LEARN, l2_learn, l2_switched)
