/* SPDX-License-Identifier: Apache-2.0 */
/* The module: networks through a transaction, and their clockwork while they run. */
#include "modules/provider/provider.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "core/control/module.h"
#include "modules/provider/control/config.h"
#include "modules/provider/control/group.h"
#include "modules/provider/control/lent.h"
#include "modules/provider/control/neighbour.h"
#include "modules/provider/control/path.h"
#include "modules/provider/control/ping.h"

unsigned provider_slot;

static bool in_transaction;

static int provider_init(struct err *e)
{
	provider_slot = dp_module_slot();
	return 0;
}

/* Is it of the document that runs or is about to? */
static bool is_shown(const struct network *net) { return in_transaction ? net->next : net->config; }

int provider_network_find(const char *name)
{
	const struct network *net = network_find(name);
	return net && is_shown(net) ? net->index : -ENOENT;
}

const char *provider_network_name(uint8_t network)
{
	return network < PROVIDER_NETWORKS_MAX && networks[network] ? networks[network]->name : "";
}

int provider_network_of(const char *switch_name)
{
	for (unsigned i = 0; i < PROVIDER_NETWORKS_MAX; i++) {
		const struct network *net = networks[i];
		const struct network_config *c = !net ? NULL : in_transaction ? net->next : net->config;
		if (c && c->switch_name[0] && !strcmp(c->switch_name, switch_name))
			return (int)i;
	}
	return -ENOENT;
}

/* The switch of the next snapshot carries the network that has addresses on it. */
static void carry(struct dp_switch *sw)
{
	int index = provider_network_of(sw->name);
	if (index < 0)
		return;
	const struct network_config *c = networks[index]->next;
	sw->module_data[provider_slot] = networks[index]->data;
	for (uint32_t i = 0; i < c->n_addresses && sw->uplink; i++)
		sw->uplink->takes_tagged |= c->address[i].vlan != 0;
}

static int provider_prepare(struct txn *t, struct err *e)
{
	int rc = config_prepare(t, e);
	if (rc)
		return rc;
	in_transaction = network_quiet = true;
	for (uint16_t i = 0; i < t->dp->n_switches; i++)
		carry(t->dp->switches[i]);
	return 0;
}

static void provider_abort(struct txn *t)
{
	in_transaction = network_quiet = false;
	config_forget();
}

static void path_update_all(struct network *net)
{
	struct path *p, *next;
	for (p = LIST_FIRST(&net->paths); p; p = next) {
		next = LIST_NEXT(p, link);
		path_update(p);
	}
}

/* From here on the new document counts; what is sent waits until its snapshot is published. */
static void provider_commit(struct txn *t)
{
	for (unsigned i = 0; i < PROVIDER_NETWORKS_MAX; i++) {
		struct network *net = networks[i];
		struct neighbour *n;
		if (!net)
			continue;
		network_config_free(net->config);
		net->config = net->next;
		net->next = NULL;
		(void)network_locals_update(net);
		LIST_FOREACH(n, &net->neighbours, link)
			neighbour_moved(n);
		path_update_all(net);
	}
	in_transaction = false;
}

/* "Is anybody here by this address?" and, since nobody waits for it, at once "here I am". */
static void announce(struct network *net)
{
	for (uint32_t i = 0; net->config && i < net->config->n_addresses; i++) {
		struct network_address *a = &net->config->address[i];
		if (!a->fresh)
			continue;
		a->fresh = false;
		network_send(net, message_probe(a));
		network_send(net, message_announce(a));
	}
}

static void network_tick(struct network *net, uint64_t now_ms)
{
	struct neighbour *n;
	struct path *p;
	announce(net);
	lent_tick(net);
	LIST_FOREACH(n, &net->neighbours, link)
		neighbour_tick(n, now_ms);
	LIST_FOREACH(p, &net->paths, link)
		path_tick(p, now_ms);
	group_tick(net, now_ms);
}

static void provider_tick(void)
{
	uint64_t now_ms = network_now_ms();
	paths_idle_tick(now_ms); /* before their neighbours are asked for once more */
	for (unsigned i = 0; i < PROVIDER_NETWORKS_MAX; i++)
		if (networks[i])
			network_tick(networks[i], now_ms);
	network_sweep();
}

static void provider_retire(struct txn *t)
{
	network_quiet = false;
	provider_tick();
}

static void provider_fini(void)
{
	ping_fini();
	paths_idle_forget();
	network_free_all();
}

static struct module provider = {
	.name = "provider",
	.depends_on = (const char *const[]){"vswitch", NULL},
	.init = provider_init,
	.fini = provider_fini,
	.prepare = provider_prepare,
	.commit = provider_commit,
	.abort = provider_abort,
	.retire = provider_retire,
	.tick = provider_tick,
};
MODULE(provider)
