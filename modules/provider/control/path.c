/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A path is what several users share to reach one remote PA. path_update() decides anew from the document, the routes
 * and the neighbour; what comes out the same changes nothing for the workers. One that nobody holds any more is kept for a
 * minute, so that a record that moves back, or a host that many are redirected to, is reached at once.
 */
#include "modules/provider/control/path.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "core/runtime/offload.h"
#include "core/runtime/rcu.h"
#include "modules/provider/control/group.h"
#include "modules/provider/control/neighbour.h"
#include "modules/provider/datapath/provider_parse.h"

#define WATCHERS_MAX 8
#define HOPS 64

static void (*watchers[WATCHERS_MAX])(struct provider_path *p);

void provider_watch(void (*changed)(struct provider_path *p))
{
	for (unsigned i = 0; i < WATCHERS_MAX; i++)
		if (!watchers[i]) {
			watchers[i] = changed;
			return;
		}
	abort(); /* a programmer's error: more users than there are modules */
}

static struct network *network_at(uint8_t index) { return index < PROVIDER_NETWORKS_MAX ? networks[index] : NULL; }

/* What a worker would do by the one and by the other. */
static bool way_same(const struct provider_way *a, const struct provider_way *b)
{
	return a && b && a->uplink == b->uplink && a->mtu == b->mtu && a->header_len == b->header_len &&
	       !memcmp(a->header, b->header, sizeof(a->header));
}

/* `to` NULL: there is no way, for the reason in p->why. */
static void way_replace(struct path *p, struct provider_way *to)
{
	const struct provider_way *before = atomic_load(&p->pub.way);
	p->pub.waiting = to ? NULL : p->why;
	if (before == to || way_same(before, to)) {
		free(to);
		return;
	}
	atomic_store_explicit(&p->pub.way, to, memory_order_release);
	if (before)
		rcu_defer(free, (void *)before);
	for (unsigned i = 0; i < WATCHERS_MAX && watchers[i]; i++)
		watchers[i](&p->pub);
}

__attribute__((format(printf, 2, 3))) static void no_way(struct path *p, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
	way_replace(p, NULL);
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t n)
{
	memcpy(at, bytes, n);
	return at + n;
}

static void header_write(struct provider_way *w, const struct network_address *from, const struct mac *to)
{
	uint8_t *at = put(put(w->header, to->byte, 6), from->mac.byte, 6);
	if (from->vlan)
		at = put(at, (const uint8_t[]){0x81, 0, (uint8_t)(from->vlan >> 8), (uint8_t)from->vlan}, 4);
	at = put(at, w->ip6 ? (const uint8_t[]){0x86, 0xdd} : (const uint8_t[]){0x08, 0x00}, 2);
	w->l3_off = (uint8_t)(at - w->header);
	if (w->ip6) {
		at = put(at, (const uint8_t[]){0x60, 0, 0, 0, 0, 0, 0, HOPS}, 8);
		at = put(put(at, w->local.byte, 16), w->remote.byte, 16);
	} else {
		at = put(at, (const uint8_t[]){0x45, 0, 0, 0, 0, 0, 0x40, 0, HOPS, 0, 0, 0}, 12);
		at = put(put(at, w->local.byte, 4), w->remote.byte, 4);
		w->sum = offload_sum_fold(offload_sum(w->header + w->l3_off, 20, 0));
	}
	w->header_len = (uint8_t)(at - w->header);
}

bool path_way_from(const struct path *p, const struct network_address *from, struct provider_way *ret)
{
	const struct provider_way *way = atomic_load(&p->pub.way);
	struct mac to;
	if (!way)
		return false;
	*ret = *way;
	if (!from || ip_equal(&from->prefix.ip, &way->local))
		return true;
	memcpy(to.byte, way->header, sizeof(to.byte));
	memset(ret->header, 0, sizeof(ret->header));
	ret->local = from->prefix.ip;
	header_write(ret, from, &to);
	return true;
}

bool provider_way_from(const struct provider_path *pub, const struct ip *from, struct provider_way *ret)
{
	const struct path *p = (const struct path *)pub;
	const struct network_config *c = p->net->config;
	const struct ip *hop = p->neighbour ? &p->neighbour->peer->ip : NULL; /* none: a group */
	const struct network_address *other = c ? network_address_find(c, from) : NULL;
	const struct network_address *usual = !other ? NULL
					      : hop  ? network_on_link(c, hop)
						     : network_address_of_family(c, from->family);
	if (!usual || other->vlan != usual->vlan || (hop && !ip_prefix_contains(&other->prefix, hop)))
		other = NULL;
	return path_way_from(p, other, ret);
}

static void way_to(struct path *p, const struct network_address *from, const struct mac *to)
{
	struct provider_way *w = calloc(1, sizeof(*w));
	if (!w) {
		no_way(p, "weftd has no memory for it");
		return;
	}
	w->uplink = p->net->config->uplink;
	w->ip6 = p->pub.remote.family == AF_INET6;
	w->local = from->prefix.ip;
	w->remote = p->pub.remote;
	header_write(w, from, to);
	uint16_t goal = p->net->config->mtu;
	if (!p->pmtu.goal || !atomic_load(&p->pub.way))
		pmtu_begin(&p->pmtu, goal, w->ip6, network_now_ms());
	else
		pmtu_set_goal(&p->pmtu, goal, network_now_ms());
	w->mtu = p->pmtu.mtu;
	way_replace(p, w);
}

static void neighbour_set(struct path *p, struct neighbour *n)
{
	struct neighbour *before = p->neighbour;
	if (before == n)
		return;
	if (before)
		LIST_REMOVE(p, of_neighbour);
	p->neighbour = n;
	if (n)
		LIST_INSERT_HEAD(&n->paths, p, of_neighbour);
	if (before)
		neighbour_put(before);
}

/* The address that a frame to `remote` is for on the link: itself, or a router's. family 0: no route, and p->why says
 * so. */
static struct ip next_hop_of(struct path *p)
{
	const struct network_config *c = p->net->config;
	const struct ip *remote = &p->pub.remote;
	const struct route *r = routes_find(c->routes, remote);
	char to[IP_TEXT_SIZE], over[IP_TEXT_SIZE];
	if (!r) {
		no_way(p, "no route to %s: neither a provider address's subnet nor a provider route has it",
		       ip_format(remote, to));
		return (struct ip){0};
	}
	struct ip hop = r->next_hop.family ? r->next_hop : *remote;
	if (network_on_link(c, &hop))
		return hop;
	no_way(p, "the next hop %s is in no provider address's subnet", ip_format(&hop, over));
	return (struct ip){0};
}

static void update_unicast(struct path *p)
{
	char text[IP_TEXT_SIZE];
	struct ip hop = next_hop_of(p);
	struct neighbour *n = hop.family ? neighbour_get(p->net, &hop) : NULL;
	neighbour_set(p, n);
	if (!hop.family)
		return;
	if (!n) {
		no_way(p, "weftd has no memory for it");
		return;
	}
	if (n->nud.state != NUD_SEARCHED) {
		way_to(p, network_on_link(p->net->config, &hop), &n->nud.mac);
		return;
	}
	no_way(p, "%s %s%s", ip_format(&hop, text), n->nud.lost ? "does not answer " : "has not answered ",
	       hop.family == AF_INET ? n->nud.lost ? "ARP any more" : "ARP yet"
	       : n->nud.lost	     ? "neighbour discovery any more"
				     : "neighbour discovery yet");
}

void path_update(struct path *p)
{
	const struct network_config *c = p->net->config;
	const struct network_address *from = c ? network_address_of_family(c, p->pub.remote.family) : NULL;
	if (!from || !c->switch_name[0]) {
		neighbour_set(p, NULL);
		no_way(p, "this host has no %s provider address on provider network %s",
		       p->pub.remote.family == AF_INET ? "IPv4" : "IPv6", p->net->name);
	} else if (network_address_find(c, &p->pub.remote)) {
		neighbour_set(p, NULL);
		no_way(p, "it is this host's own");
	} else if (group_is(&p->pub.remote)) {
		struct mac mac = group_mac(&p->pub.remote);
		neighbour_set(p, NULL);
		way_to(p, from, &mac);
	} else {
		update_unicast(p);
	}
}

/* Nobody holds them: the longest so first. */
static TAILQ_HEAD(, path) idle = TAILQ_HEAD_INITIALIZER(idle);
static unsigned n_idle;

static struct path *path_create(struct network *net, struct peer *peer)
{
	static uint16_t echo_id;
	struct path *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->net = net;
	p->peer = peer;
	p->pub.remote = peer->ip;
	p->pub.network = net->index;
	p->echo_id = ++echo_id;
	if (getrandom(p->nonce, sizeof(p->nonce), 0) != sizeof(p->nonce))
		memset(p->nonce, 0x77, sizeof(p->nonce)); /* worth less, works the same */
	LIST_INSERT_HEAD(&net->paths, p, link);
	return p;
}

bool provider_reaches(uint8_t network, const struct ip *remote)
{
	const struct network *net = network_at(network);
	const struct network_config *c = net ? net->config : NULL;
	const struct route *r = c && c->switch_name[0] ? routes_find(c->routes, remote) : NULL;
	if (!r || network_address_find(c, remote) || group_is(remote))
		return false;
	return network_on_link(c, r->next_hop.family ? &r->next_hop : remote);
}

struct provider_path *provider_path_hold(uint8_t network, const struct ip *remote)
{
	struct network *net = network_at(network);
	struct peer *peer = net ? peers_get(net->data->peers, remote) : NULL;
	if (!peer)
		return NULL;
	if (!peer->path) {
		peer->path = path_create(net, peer);
		peers_put(net->data->peers, peer);
		if (!peer->path)
			return NULL;
		path_update(peer->path);
		if (peer->path->neighbour)
			neighbour_tick(peer->path->neighbour, network_now_ms());
	}
	struct path *p = peer->path;
	if (!p->users++ && p->idle_ms) {
		TAILQ_REMOVE(&idle, p, of_idle);
		p->idle_ms = 0;
		n_idle--;
	}
	return &p->pub;
}

/* Never frees: whoever goes through paths at the moment may call it. */
void provider_path_release(struct provider_path *pub)
{
	struct path *p = (struct path *)pub;
	if (!p || --p->users)
		return;
	p->idle_ms = network_now_ms();
	TAILQ_INSERT_TAIL(&idle, p, of_idle);
	n_idle++;
}

static void path_forget(struct path *p)
{
	TAILQ_REMOVE(&idle, p, of_idle);
	n_idle--;
	neighbour_set(p, NULL);
	LIST_REMOVE(p, link);
	p->peer->path = NULL;
	peers_put(p->net->data->peers, p->peer);
	const struct provider_way *way = atomic_exchange(&p->pub.way, NULL);
	if (way)
		rcu_defer(free, (void *)way);
	rcu_defer(free, p);
}

void paths_idle_tick(uint64_t now_ms)
{
	struct path *p, *next;
	for (p = TAILQ_FIRST(&idle); p; p = next) {
		next = TAILQ_NEXT(p, of_idle);
		if (n_idle > PATH_IDLE_MAX || now_ms - p->idle_ms >= PATH_IDLE_MS || !atomic_load(&p->pub.way))
			path_forget(p);
	}
}

void paths_idle_forget(void)
{
	while (!TAILQ_EMPTY(&idle))
		path_forget(TAILQ_FIRST(&idle));
}

static void log_mtu(const struct path *p, uint16_t before)
{
	char object[NETWORK_NAME_SIZE + 24], text[IP_TEXT_SIZE];
	if (before == p->pmtu.mtu)
		return;
	snprintf(object, sizeof(object), "provider network %s", p->net->name);
	log_info(object, "the path to %s takes %u bytes now (%u before)", ip_format(&p->pub.remote, text),
		 p->pmtu.mtu, before);
}

/* After the path MTU may have changed. */
static void mtu_update(struct path *p, uint16_t before)
{
	if (before == p->pmtu.mtu)
		return;
	log_mtu(p, before);
	path_update(p);
}

void path_tick(struct path *p, uint64_t now_ms)
{
	const struct provider_way *way = atomic_load(&p->pub.way);
	uint16_t before = p->pmtu.mtu;
	if (!way || !p->users || network_quiet || group_is(&p->pub.remote))
		return;
	uint16_t size = pmtu_step(&p->pmtu, now_ms);
	if (size)
		network_send(p->net, message_echo(way, p->echo_id, ++p->echo_sequence, p->nonce, size));
	mtu_update(p, before);
}

bool path_sent_echo(const struct path *p, uint8_t protocol, const uint8_t *bytes, uint32_t len)
{
	return message_is_echo(p->pub.remote.family == AF_INET6, p->echo_id, p->nonce, protocol, bytes, len);
}

void path_echo_answered(struct path *p, const struct provider_icmp *m, uint64_t now_ms)
{
	uint16_t before = p->pmtu.mtu;
	if (m->id != p->echo_id || m->body_len < MESSAGE_NONCE || memcmp(m->body, p->nonce, MESSAGE_NONCE) != 0 ||
	    !atomic_load(&p->pub.way))
		return;
	pmtu_answered(&p->pmtu, m->length, now_ms);
	mtu_update(p, before);
	path_tick(p, now_ms); /* a search goes on at once */
}

void path_told_mtu(struct path *p, uint32_t mtu, uint64_t now_ms)
{
	uint16_t before = p->pmtu.mtu;
	if (!atomic_load(&p->pub.way))
		return;
	pmtu_told(&p->pmtu, mtu, now_ms);
	mtu_update(p, before);
}

void provider_path_narrow(uint8_t network, const struct ip *remote, uint32_t mtu)
{
	struct network *net = network_at(network);
	const struct peer *peer = net ? peers_find(net->data->peers, remote) : NULL;
	if (peer && peer->path)
		path_told_mtu(peer->path, mtu, network_now_ms());
}
