/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/provider/control/neighbour.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "modules/provider/control/message.h"
#include "modules/provider/control/path.h"

/* From where it is asked for; NULL: from nowhere at the moment. */
static const struct network_address *asker(const struct neighbour *n)
{
	const struct network_config *c = n->net->config;
	return c && c->switch_name[0] ? network_on_link(c, &n->peer->ip) : NULL;
}

static void place(struct neighbour *n)
{
	const struct network_address *from = asker(n);
	n->vlan = from ? from->vlan : 0;
	snprintf(n->switch_name, sizeof(n->switch_name), "%s", from ? n->net->config->switch_name : "");
}

/* What the workers see of it. */
static void show(struct neighbour *n)
{
	uint64_t mac = n->nud.state == NUD_SEARCHED ? 0 : mac_to_u64(&n->nud.mac);
	atomic_store_explicit(&n->peer->mac, mac, memory_order_relaxed);
}

struct neighbour *neighbour_get(struct network *net, const struct ip *ip)
{
	struct peer *peer = peers_get(net->data->peers, ip);
	if (!peer || peer->neighbour)
		return peer ? peer->neighbour : NULL;
	struct neighbour *n = calloc(1, sizeof(*n));
	if (n) {
		n->net = net;
		n->peer = peer;
		place(n);
		nud_begin(&n->nud, network_now_ms());
		LIST_INSERT_HEAD(&net->neighbours, n, link);
	}
	peer->neighbour = n;
	peers_put(net->data->peers, peer);
	return n;
}

void neighbour_put(struct neighbour *n)
{
	if (!LIST_EMPTY(&n->paths))
		return;
	LIST_REMOVE(n, link);
	n->peer->neighbour = NULL;
	atomic_store_explicit(&n->peer->mac, 0, memory_order_relaxed);
	peers_put(n->net->data->peers, n->peer);
	free(n);
}

void neighbour_moved(struct neighbour *n)
{
	const struct network_address *from = asker(n);
	if (from && from->vlan == n->vlan && !strcmp(n->switch_name, n->net->config->switch_name))
		return;
	place(n);
	nud_begin(&n->nud, network_now_ms());
	show(n);
}

static void tell_paths(struct neighbour *n)
{
	struct path *p, *next;
	for (p = LIST_FIRST(&n->paths); p; p = next) {
		next = LIST_NEXT(p, of_neighbour);
		path_update(p);
	}
}

static void log_it(const struct neighbour *n, bool lost)
{
	char object[NETWORK_NAME_SIZE + 24], text[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE];
	snprintf(object, sizeof(object), "provider network %s", n->net->name);
	if (lost)
		log_warning(object, "%s does not answer any more; paths over it wait for it",
			    ip_format(&n->peer->ip, text));
	else
		log_info(object, "%s is at %s", ip_format(&n->peer->ip, text), mac_format(&n->nud.mac, mac));
}

void neighbour_tick(struct neighbour *n, uint64_t now_ms)
{
	const struct network_address *from = asker(n);
	bool lost;
	if (network_quiet || !from)
		return;
	enum nud_action action = nud_step(&n->nud, now_ms, &lost);
	if (action != NUD_NOTHING)
		network_send(n->net, message_ask(from, &n->peer->ip, action == NUD_ASK_IT ? &n->nud.mac : NULL));
	if (!lost)
		return;
	log_it(n, true);
	show(n);
	tell_paths(n);
}

void neighbour_heard(struct neighbour *n, const struct mac *mac, uint64_t now_ms)
{
	if (!nud_heard(&n->nud, mac, now_ms))
		return;
	log_it(n, false);
	show(n);
	tell_paths(n);
}
