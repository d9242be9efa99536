/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/hnv/control/nexts.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/runtime/rcu.h"
#include "modules/hnv/packet.h"
#include "modules/provider/provider.h"

#define BUCKETS 4096 /* of peers by provider address */
#define OVERHEAD_MAX 128
#define IDLE_TICKS 2 /* seconds that a peer stays for what was sent into its tunnel and waits for another worker */

struct hnv_next *_Atomic hnv_nexts[HNV_NEXT_MAX];

static uint16_t generation[HNV_NEXT_MAX];
static uint16_t unused[HNV_NEXT_MAX]; /* a ring, so that a number rests as long as can be before it is given again */
static uint32_t unused_first, unused_n;
static struct hnv_peer *peers[BUCKETS];
static uint32_t overheads[PROVIDER_NETWORKS_MAX][OVERHEAD_MAX]; /* peers by the bytes that they add */

static uint16_t number_take(void)
{
	if (!unused_n)
		return HNV_NEXT_NONE;
	uint16_t index = unused[unused_first];
	unused_first = (unused_first + 1) % HNV_NEXT_MAX;
	unused_n--;
	return index;
}

static void number_give(uint16_t index)
{
	generation[index]++;
	unused[(unused_first + unused_n++) % HNV_NEXT_MAX] = index;
}

static struct hnv_next *next_of(uint16_t index)
{
	return atomic_load_explicit(&hnv_nexts[index], memory_order_relaxed);
}

static void next_show(struct hnv_next *next)
{
	atomic_store_explicit(&hnv_nexts[next->index], next, memory_order_release);
}

/* No worker looks at it any more. */
static void next_unread(void *arg)
{
	struct hnv_next *next = arg;
	number_give(next->index);
	free(next);
}

static void next_hide(struct hnv_next *next)
{
	atomic_store_explicit(&hnv_nexts[next->index], NULL, memory_order_release);
	rcu_defer(next_unread, next);
}

struct hnv_next *hnv_local_create(uint16_t adapter)
{
	uint16_t index = number_take();
	struct hnv_next *next = index ? calloc(1, sizeof(*next)) : NULL;
	if (!next) {
		if (index)
			number_give(index);
		return NULL;
	}
	next->kind = HNV_LOCAL;
	next->index = index;
	next->generation = generation[index];
	next->adapter = adapter;
	return next;
}

void hnv_local_show(struct hnv_next *next) { next_show(next); }

void hnv_local_free(struct hnv_next *next)
{
	if (!next)
		return;
	if (next_of(next->index) == next)
		next_hide(next);
	else
		next_unread(next);
}

static bool is_group(const struct ip *ip)
{
	return ip->family == AF_INET ? (ip->byte[0] & 0xf0) == 0xe0 : ip->byte[0] == 0xff;
}

/* A tunnel, and the way that it has for itself. */
struct own_way {
	struct hnv_tunnel tunnel; /* first: what is freed */
	struct provider_way way;
};

/* A new tunnel in place of the peer's old one. Without memory the old one stays: -ENOMEM. */
static int tunnel_renew(struct hnv_peer *p)
{
	bool has_own = p->from.family;
	struct hnv_tunnel *t = malloc(has_own ? sizeof(struct own_way) : sizeof(*t));
	if (!t)
		return -ENOMEM;
	const struct provider_way *way = atomic_load_explicit(&p->path->way, memory_order_acquire);
	if (has_own) {
		struct provider_way *own = &((struct own_way *)t)->way;
		way = provider_way_from(p->path, &p->from, own) ? own : NULL;
	}
	hnv_tunnel_fill(t, p->encapsulation, way);
	void *old = (void *)atomic_exchange_explicit(&p->next.tunnel, t, memory_order_acq_rel);
	if (old)
		rcu_defer(free, old);
	return 0;
}

static struct hnv_peer **bucket_of(uint8_t network, const struct ip *provider)
{
	uint64_t high, low;
	memcpy(&high, provider->byte, 8);
	memcpy(&low, provider->byte + 8, 8);
	uint64_t h = (high ^ low * 0x9e3779b97f4a7c15ULL ^ network) * 0x9e3779b97f4a7c15ULL;
	return &peers[(h ^ h >> 32) >> 8 & (BUCKETS - 1)];
}

static void path_changed(struct provider_path *path)
{
	for (struct hnv_peer *p = *bucket_of(path->network, &path->remote); p; p = p->chain)
		if (p->path == path && p->encapsulation && tunnel_renew(p)) {
			char text[IP_TEXT_SIZE];
			log_error("host", "out of memory: tunnels to %s keep their old path",
				  ip_format(&path->remote, text));
		}
}

static uint32_t *overhead_count(const struct hnv_peer *p)
{
	unsigned bytes = (p->provider.family == AF_INET ? 20 : 40) + p->encapsulation->overhead;
	return &overheads[p->network][bytes < OVERHEAD_MAX ? bytes : OVERHEAD_MAX - 1];
}

unsigned hnv_peers_overhead(uint8_t network)
{
	unsigned bytes = OVERHEAD_MAX - 1;
	while (bytes && !overheads[network][bytes])
		bytes--;
	return bytes;
}

static struct hnv_peer *peer_find(uint8_t network, const struct ip *provider,
				  const struct hnv_encapsulation *encapsulation, bool use_vm_mac_address,
				  const struct ip *from)
{
	struct hnv_peer *p = *bucket_of(network, provider);
	while (p && (p->network != network || p->encapsulation != encapsulation ||
		     p->next.use_vm_mac_address != use_vm_mac_address || !ip_equal(&p->provider, provider) ||
		     !ip_equal(&p->from, from)))
		p = p->chain;
	return p;
}

bool hnv_peer_taken(uint8_t network, const struct ip *provider, bool nat, uint16_t but)
{
	for (const struct hnv_peer *p = *bucket_of(network, provider); p; p = p->chain)
		if (p->holders && p->network == network && ip_equal(&p->provider, provider) &&
		    (nat || !p->encapsulation) && (p->next.index != but || p->holders > 1))
			return true;
	return false;
}

static void peer_free(struct hnv_peer *p)
{
	if (p->group)
		provider_group_leave(p->network, &p->provider);
	provider_path_release(p->path);
	free(p);
}

/* Its path is being asked for from here on. */
static int peer_open(struct hnv_peer *p)
{
	p->path = provider_path_hold(p->network, &p->provider);
	if (!p->path)
		return -ENOMEM;
	p->next.path = p->path;
	int rc = p->encapsulation ? tunnel_renew(p) : 0;
	if (!rc && is_group(&p->provider)) {
		rc = provider_group_join(p->network, &p->provider);
		p->group = !rc;
	}
	return rc;
}

static int peer_create(uint8_t network, const struct ip *provider, const struct hnv_encapsulation *encapsulation,
		       bool use_vm_mac_address, const struct ip *from, struct hnv_peer **ret_peer)
{
	uint16_t index = number_take();
	if (!index) {
		hnv_peers_tick(true); /* there may be more the next time */
		return -ENOSPC;
	}
	struct hnv_peer *p = calloc(1, sizeof(*p));
	int rc = p ? 0 : -ENOMEM;
	if (rc)
		goto undo;
	p->next = (struct hnv_next){.kind = encapsulation ? HNV_TUNNEL : HNV_REWRITE,
				    .index = index,
				    .generation = generation[index],
				    .use_vm_mac_address = use_vm_mac_address,
				    .group = hnv_is_group(provider)};
	p->provider = *provider;
	p->network = network;
	p->encapsulation = encapsulation;
	p->from = *from;
	rc = peer_open(p);
	if (rc)
		goto undo;
	struct hnv_peer **bucket = bucket_of(network, provider);
	p->chain = *bucket;
	*bucket = p;
	next_show(&p->next);
	*ret_peer = p;
	return 0;
undo:
	if (p) {
		free((void *)atomic_load(&p->next.tunnel));
		peer_free(p);
	}
	number_give(index);
	return rc;
}

int hnv_peer_hold(uint8_t network, const struct ip *provider, const struct hnv_encapsulation *encapsulation,
		  bool use_vm_mac_address, const struct ip *from)
{
	static const struct ip usual;
	from = from ? from : &usual;
	struct hnv_peer *p = peer_find(network, provider, encapsulation, use_vm_mac_address, from);
	int rc = p ? 0 : peer_create(network, provider, encapsulation, use_vm_mac_address, from, &p);
	if (rc)
		return rc;
	if (!p->holders++ && p->encapsulation)
		++*overhead_count(p);
	return p->next.index;
}

const struct hnv_peer *hnv_peer_of(uint16_t next)
{
	const struct hnv_next *n = next_of(next);
	return n && (n->kind == HNV_TUNNEL || n->kind == HNV_REWRITE) ? (const struct hnv_peer *)n : NULL;
}

/* Workers are done with it. */
static void peer_unread(void *arg)
{
	struct hnv_peer *p = arg;
	number_give(p->next.index);
	free((void *)atomic_load(&p->next.tunnel));
	free(p);
}

void hnv_peer_release(uint16_t next)
{
	struct hnv_peer *p = (struct hnv_peer *)hnv_peer_of(next);
	if (!p || --p->holders)
		return;
	if (p->encapsulation)
		--*overhead_count(p);
	p->idle = 0;
}

/* It is out of its bucket. */
static void peer_end(struct hnv_peer *p)
{
	atomic_store_explicit(&hnv_nexts[p->next.index], NULL, memory_order_release);
	if (p->group)
		provider_group_leave(p->network, &p->provider);
	provider_path_release(p->path);
	rcu_defer(peer_unread, p);
}

void hnv_peers_renew_sources(void)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		for (struct hnv_peer *p = peers[i]; p; p = p->chain)
			if (p->from.family && tunnel_renew(p))
				log_error("host", "out of memory: tunnels keep their old provider address");
}

void hnv_peers_tick(bool all)
{
	for (unsigned i = 0; i < BUCKETS; i++) {
		struct hnv_peer **at = &peers[i];
		while (*at) {
			struct hnv_peer *p = *at;
			if (p->holders || (!all && p->idle++ < IDLE_TICKS)) {
				at = &p->chain;
				continue;
			}
			*at = p->chain;
			peer_end(p);
		}
	}
}

int hnv_peers_each(int (*fn)(const struct hnv_peer *peer, void *arg), void *arg)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		for (const struct hnv_peer *p = peers[i]; p; p = p->chain) {
			int rc = p->holders ? fn(p, arg) : 0;
			if (rc)
				return rc;
		}
	return 0;
}

int hnv_nexts_init(void)
{
	struct hnv_next *nowhere = calloc(1, sizeof(*nowhere));
	if (!nowhere)
		return -ENOMEM;
	nowhere->index = HNV_NEXT_NOWHERE;
	next_show(nowhere);
	unused_first = unused_n = 0;
	for (uint32_t i = HNV_NEXT_NOWHERE + 1; i < HNV_NEXT_MAX; i++)
		number_give((uint16_t)i);
	provider_watch(path_changed);
	return 0;
}

void hnv_nexts_fini(void)
{
	rcu_drain();
	free(next_of(HNV_NEXT_NOWHERE));
	atomic_store(&hnv_nexts[HNV_NEXT_NOWHERE], NULL);
}
