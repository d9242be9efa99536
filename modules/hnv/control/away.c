/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/hnv/control/away.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "base/log.h"
#include "core/control/engine.h"
#include "modules/hnv/control/held.h"
#include "modules/hnv/control/nexts.h"

#define FACT "guests-away"

static json_t *saved; /* [NAME MAC...]; NULL: nothing is read or written */
static bool changed;

void hnvc_away_load(void)
{
	saved = engine_fact_get(FACT);
	if (json_is_array(saved))
		return;
	json_decref(saved);
	saved = json_array();
}

void hnvc_away_unload(void)
{
	json_decref(saved);
	saved = NULL;
}

/* The name alone may be another guest's by now. */
static json_t *key_of(const struct hnvc_local *l)
{
	char mac[MAC_TEXT_SIZE];
	return json_sprintf("%s %s", l->name, mac_format(&l->mac, mac));
}

bool hnvc_away_was(const struct hnvc_local *l)
{
	json_t *key = json_array_size(saved) ? key_of(l) : NULL, *kept;
	bool found = false;
	size_t i;
	json_array_foreach(saved, i, kept)
		found |= key && json_equal(kept, key);
	json_decref(key);
	return found;
}

static void away_set(struct hnvc_local *l, bool away)
{
	if (atomic_load(&l->port[RUNS]->away) == away)
		return;
	atomic_store(&l->port[RUNS]->away, away);
	if (l->replaced)
		atomic_store(&l->replaced->away, away);
	changed = true;
}

static bool is_tunnel(uint16_t next)
{
	const struct hnv_peer *peer = hnv_peer_of(next);
	return peer && peer->next.kind == HNV_TUNNEL;
}

void hnvc_away_judge(struct hnvc_local *l)
{
	bool elsewhere = false;
	for (size_t i = 0; i < l->n_own; i++) {
		const struct hnvc_record *r = hnvc_held_find(l->subnet, &l->own[i], NULL);
		if (!r)
			continue;
		if (r->next == l->next->index) {
			l->was_here = true;
			away_set(l, false);
			return;
		}
		elsewhere |= is_tunnel(r->next);
	}
	away_set(l, elsewhere && l->was_here);
}

void hnvc_away_leaves(const struct hnvc_local *l) { changed |= atomic_load(&l->port[RUNS]->away); }

void hnvc_away_save(struct hnvc_local *const *all, size_t n)
{
	json_t *now = saved && changed ? json_array() : NULL;
	if (!now)
		return;
	changed = false;
	for (size_t i = 0; i < n; i++)
		if (atomic_load(&all[i]->port[RUNS]->away))
			json_array_append_new(now, key_of(all[i]));
	int rc = json_equal(now, saved) ? 0 : engine_fact_set(FACT, json_array_size(now) ? now : NULL);
	if (rc && rc != -ESHUTDOWN)
		log_warning("host", "which guests have moved away cannot be kept: %s", strerror(-rc));
	json_decref(saved);
	saved = now;
}
