/* SPDX-License-Identifier: Apache-2.0 */
/* Notes where each source address is. The frames of a burst usually have one source: then one look-up does. */
#include <rte_prefetch.h>

#include "core/runtime/pipe.h"
#include "modules/l2/datapath/fdb.h"
#include "modules/l2/datapath/l2_data.h"

DROP_POLICY(l2, source_owned, "source-owned",
	    "the source address belongs to another adapter of this switch; two adapters may not share a MAC address")

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

static inline uint32_t seconds(const struct pipe *p) { return (uint32_t)(p->now_ms / 1000); }

static enum fdb_verdict learn(struct pipe *p, const struct dp_adapter *a, struct fdb *t, uint64_t key, uint64_t hash)
{
	if (likely(p->trace == NULL))
		return fdb_learn(t, key, hash, a->id, seconds(p));
	enum fdb_verdict v = fdb_would_learn(t, key, hash, a->id);
	explain_learn(p, a, v);
	return v;
}

static uint16_t learn_each(struct pipe *p, const struct dp_adapter *a, struct fdb *t, struct frame **frames,
			   uint16_t n)
{
	uint64_t key[PORT_BURST], hash[PORT_BURST];
	struct fdb_buckets *b = fdb_buckets(t);
	uint32_t now_s = seconds(p);
	uint16_t kept = 0;
	for (uint16_t i = 0; i < n; i++) {
		const uint8_t *data = frame_data(frames[i]);
		key[i] = fdb_key(data + 6, 0);
		hash[i] = fdb_hash(t, key[i]);
		rte_prefetch0(fdb_first(b, hash[i]));
	}
	for (uint16_t i = 0; i < n; i++) {
		if (likely(!p->trace && fdb_noted(t, key[i], hash[i], a->id, now_s)))
			frames[kept++] = frames[i];
		else if (unlikely(learn(p, a, t, key[i], hash[i]) == FDB_OWNED_BY_OTHER))
			pipe_drop(p, a, frames[i], &drop_source_owned);
		else
			frames[kept++] = frames[i];
	}
	return kept;
}

static uint16_t learn_all(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	struct fdb *t = l2_table(a->sw);
	if (unlikely(!fdb_same_key(frames, n, 6)))
		return learn_each(p, a, t, frames, n);
	uint64_t key = fdb_key(frame_data(frames[0]) + 6, 0);
	if (likely(learn(p, a, t, key, fdb_hash(t, key)) != FDB_OWNED_BY_OTHER))
		return n;
	for (uint16_t i = 0; i < n; i++)
		pipe_drop(p, a, frames[i], &drop_source_owned);
	return 0;
}

/* What is tagged here is another module's: who sends it on his VLAN says nothing of where he is on ours. */
static uint16_t learn_untagged(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	uint16_t kept = 0;
	for (uint16_t i = 0, end; i < n; i = end) {
		for (end = i; end < n && !l2_is_tagged(frames[end]); end++)
			;
		uint16_t k = end > i ? learn_all(p, a, frames + i, end - i) : 0;
		memmove(frames + kept, frames + i, k * sizeof(*frames));
		kept += k;
		for (; end < n && l2_is_tagged(frames[end]); end++)
			frames[kept++] = frames[end];
	}
	return kept;
}

static uint16_t l2_learn(struct pipe *p, const struct dp_adapter *a, struct frame **frames, uint16_t n)
{
	return likely(!a->takes_tagged) ? learn_all(p, a, frames, n) : learn_untagged(p, a, frames, n);
}

NODE(l2_learn, LEARN, l2_learn, l2_switched)
