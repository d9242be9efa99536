/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/provider/control/nud.h"

void nud_begin(struct nud *n, uint64_t now_ms) { *n = (struct nud){.state = NUD_SEARCHED, .due_ms = now_ms}; }

static enum nud_action search(struct nud *n, uint64_t now_ms)
{
	n->wait_ms = !n->wait_ms ? NUD_RETRY_MS : n->wait_ms * 2;
	if (n->wait_ms > NUD_RETRY_MAX_MS)
		n->wait_ms = NUD_RETRY_MAX_MS;
	n->due_ms = now_ms + n->wait_ms;
	return NUD_ASK_ALL;
}

enum nud_action nud_step(struct nud *n, uint64_t now_ms, bool *ret_lost)
{
	*ret_lost = false;
	if (now_ms < n->due_ms)
		return NUD_NOTHING;
	switch (n->state) {
	case NUD_SEARCHED:
		return search(n, now_ms);
	case NUD_REACHABLE:
		n->state = NUD_PROBED;
		n->missed = 0;
		break;
	case NUD_PROBED:
		if (++n->missed < NUD_MISSED_MAX)
			break;
		nud_begin(n, now_ms);
		n->lost = *ret_lost = true;
		return search(n, now_ms);
	}
	n->due_ms = now_ms + NUD_RETRY_MS;
	return NUD_ASK_IT;
}

bool nud_heard(struct nud *n, const struct mac *mac, uint64_t now_ms)
{
	bool news = n->state == NUD_SEARCHED || mac_to_u64(&n->mac) != mac_to_u64(mac);
	*n = (struct nud){.state = NUD_REACHABLE, .mac = *mac, .heard_ms = now_ms, .due_ms = now_ms + NUD_REFRESH_MS};
	return news;
}
