/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/provider/control/network.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/runtime/punt.h"
#include "core/runtime/rcu.h"
#include "modules/provider/control/group.h"
#include "modules/provider/control/lent.h"

struct network *networks[PROVIDER_NETWORKS_MAX];
bool network_quiet;

uint64_t network_now_ms(void) { return clock_now_ns() / 1000000; }

struct network *network_find(const char *name)
{
	for (unsigned i = 0; i < PROVIDER_NETWORKS_MAX; i++)
		if (networks[i] && !strcmp(networks[i]->name, name))
			return networks[i];
	return NULL;
}

struct network *network_by_uplink(uint16_t adapter)
{
	for (unsigned i = 0; i < PROVIDER_NETWORKS_MAX; i++) {
		const struct network *net = networks[i];
		if (net && net->config && net->config->switch_name[0] && net->config->uplink == adapter)
			return networks[i];
	}
	return NULL;
}

static struct provider_switch *data_create(void)
{
	struct provider_switch *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->peers = peers_create();
	struct provider_locals *none = provider_locals_make(NULL, 0);
	atomic_store(&s->locals, none);
	if (s->peers && none)
		return s;
	peers_free(s->peers);
	provider_locals_free(none);
	free(s);
	return NULL;
}

static void data_free(struct provider_switch *s)
{
	provider_locals_free((void *)atomic_load(&s->locals));
	peers_free(s->peers);
	free(s);
}

struct network *network_get(const char *name)
{
	struct network *net = network_find(name);
	uint8_t i = 0;
	if (net)
		return net;
	while (i < PROVIDER_NETWORKS_MAX && networks[i])
		i++;
	net = i < PROVIDER_NETWORKS_MAX ? calloc(1, sizeof(*net)) : NULL;
	if (!net)
		return NULL;
	net->data = data_create();
	if (!net->data) {
		free(net);
		return NULL;
	}
	snprintf(net->name, sizeof(net->name), "%s", name);
	net->index = i;
	return networks[i] = net;
}

static void network_free(struct network *net)
{
	network_config_free(net->config);
	network_config_free(net->next);
	data_free(net->data);
	networks[net->index] = NULL;
	free(net);
}

void network_sweep(void)
{
	for (unsigned i = 0; i < PROVIDER_NETWORKS_MAX; i++) {
		struct network *net = networks[i];
		if (net && !net->config && !net->next && LIST_EMPTY(&net->paths) && LIST_EMPTY(&net->groups) &&
		    LIST_EMPTY(&net->neighbours) && LIST_EMPTY(&net->lents))
			network_free(net);
	}
}

void network_free_all(void)
{
	for (unsigned i = 0; i < PROVIDER_NETWORKS_MAX; i++)
		if (networks[i])
			network_free(networks[i]);
}

void network_config_free(struct network_config *c)
{
	if (!c)
		return;
	routes_free(c->routes);
	free(c->address);
	free(c);
}

struct network_address *network_on_link(const struct network_config *c, const struct ip *ip)
{
	struct network_address *best = NULL;
	for (uint32_t i = 0; i < c->n_addresses; i++) {
		struct network_address *a = &c->address[i];
		if (ip_prefix_contains(&a->prefix, ip) && (!best || a->prefix.len > best->prefix.len))
			best = a;
	}
	return best;
}

struct network_address *network_address_find(const struct network_config *c, const struct ip *ip)
{
	for (uint32_t i = 0; i < c->n_addresses; i++)
		if (ip_equal(&c->address[i].prefix.ip, ip))
			return &c->address[i];
	return NULL;
}

struct network_address *network_address_of_family(const struct network_config *c, uint8_t family)
{
	for (uint32_t i = 0; i < c->n_addresses; i++)
		if (c->address[i].prefix.ip.family == family)
			return &c->address[i];
	return NULL;
}

static uint32_t locals_fill(const struct network *net, struct provider_local *list)
{
	const struct network_config *c = net->config;
	const struct group *g;
	uint32_t n = 0;
	for (uint32_t i = 0; c && i < c->n_addresses; i++)
		list[n++] = (struct provider_local){
			.ip = c->address[i].prefix.ip, .mac = c->address[i].mac, .vlan = c->address[i].vlan};
	LIST_FOREACH(g, &net->groups, link) {
		const struct network_address *from = c ? network_address_of_family(c, g->ip.family) : NULL;
		if (from)
			list[n++] = (struct provider_local){
				.ip = g->ip, .mac = group_mac(&g->ip), .vlan = from->vlan, .group = true};
	}
	return n + lent_fill(net, list + n);
}

int network_locals_update(struct network *net)
{
	const struct group *g;
	uint32_t room = (net->config ? net->config->n_addresses : 0) + lent_count(net);
	LIST_FOREACH(g, &net->groups, link)
		room++;
	struct provider_local *list = calloc(room + 1, sizeof(*list));
	struct provider_locals *made = list ? provider_locals_make(list, locals_fill(net, list)) : NULL;
	free(list);
	if (!made)
		return -ENOMEM;
	rcu_defer(provider_locals_free, (void *)atomic_exchange(&net->data->locals, made));
	return 0;
}

void network_send(const struct network *net, struct frame *f)
{
	if (f)
		inject(net->config->uplink, &f, 1);
}
