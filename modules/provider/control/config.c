/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a document to the configuration of its provider networks. Whoever names a network (an address, a route, a
 * routing domain, a record) makes it known; only addresses give it a switch and a way out.
 */
#include "modules/provider/control/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/document.h"
#include "base/err.h"
#include "core/control/module.h"
#include "modules/vswitch/vswitch.h"

#define DEFAULT_NAME "default"

void config_forget(void)
{
	for (unsigned i = 0; i < PROVIDER_NETWORKS_MAX; i++) {
		if (!networks[i])
			continue;
		network_config_free(networks[i]->next);
		networks[i]->next = NULL;
	}
	network_sweep();
}

/* The network's next configuration, begun if this is the first to name it. */
static struct network *name_network(const char *name, struct err *e)
{
	struct network *net = network_get(name ? name : DEFAULT_NAME);
	if (net && !net->next)
		net->next = calloc(1, sizeof(*net->next));
	if (net && net->next)
		return net;
	err_set(e, ENOMEM, NULL, "no room for provider network %.64s: out of memory, or more than %d are in use",
		name ? name : DEFAULT_NAME, PROVIDER_NETWORKS_MAX);
	return NULL;
}

/* Documents name few networks in many objects, mostly the same as the object before. */
static int name_each(const char *name, const char **last, struct err *e)
{
	const char *this = name ? name : DEFAULT_NAME;
	if (*last && !strcmp(*last, this))
		return 0;
	*last = this;
	return name_network(this, e) ? 0 : -ENOMEM;
}

static int name_all(const struct api_document *d, struct err *e)
{
	const char *last = NULL;
	int rc = 0;
	for (size_t i = 0; i < d->n_routing_domains && !rc; i++)
		rc = name_each(d->routing_domains[i].provider_network, &last, e);
	for (size_t i = 0; i < d->n_lookup_records && !rc; i++)
		rc = name_each(d->lookup_records[i].provider_network, &last, e);
	for (size_t i = 0; i < d->n_customer_routes && !rc; i++)
		rc = name_each(d->customer_routes[i].provider_network, &last, e);
	for (size_t i = 0; i < d->n_provider_addresses && !rc; i++)
		rc = name_each(d->provider_addresses[i].provider_network, &last, e);
	for (size_t i = 0; i < d->n_provider_routes && !rc; i++)
		rc = name_each(d->provider_routes[i].provider_network, &last, e);
	return rc;
}

/* The one switch that carries the network, and by which adapter it is left. */
static int take_switch(struct network *net, const char *switch_name, const char *path, struct err *e)
{
	struct network_config *c = net->next;
	char wire[80];
	if (c->switch_name[0] && strcmp(c->switch_name, switch_name) != 0)
		return err_set(
			e, EINVAL, path,
			"provider network %s is on switch %s already; a provider network has one switch, so name "
			"another provider-network for addresses on %s",
			net->name, c->switch_name, switch_name);
	for (unsigned i = 0; i < PROVIDER_NETWORKS_MAX; i++)
		if (networks[i] && networks[i] != net && networks[i]->next &&
		    !strcmp(networks[i]->next->switch_name, switch_name))
			return err_set(
				e, EINVAL, path,
				"switch %s carries provider network %s already, and a switch carries one; use a "
				"switch of its own for %s",
				switch_name, networks[i]->name, net->name);
	snprintf(wire, sizeof(wire), "wire:%s", switch_name);
	const struct vswitch_adapter *uplink = vswitch_adapter_find(wire);
	if (!uplink)
		return err_set(e, EINVAL, path,
			       "%s is no external switch; provider addresses need one, for its uplink", switch_name);
	snprintf(c->switch_name, sizeof(c->switch_name), "%s", switch_name);
	c->uplink = uplink->id;
	c->mtu = (uint16_t)(uplink->mtu > UINT16_MAX ? UINT16_MAX : uplink->mtu);
	return 0;
}

/* What is known of it already: announced, and who else claims it. */
static void take_over(const struct network *net, struct network_address *a)
{
	const struct network_config *c = net->config;
	const struct network_address *before = c ? network_address_find(c, &a->prefix.ip) : NULL;
	a->fresh = !before || before->vlan != a->vlan || mac_to_u64(&before->mac) != mac_to_u64(&a->mac) ||
		   strcmp(c->switch_name, net->next->switch_name) != 0;
	if (!a->fresh)
		a->duplicate = before->duplicate;
}

static int add_address(const struct txn *t, size_t i, struct err *e)
{
	const struct api_provider_address *from = &t->next->provider_addresses[i];
	struct network *net = name_network(from->provider_network, e);
	char path[64], name[NETWORK_NAME_SIZE + IP_TEXT_SIZE + 24], text[IP_TEXT_SIZE];
	if (!net)
		return -ENOMEM;
	struct network_config *c = net->next;
	snprintf(path, sizeof(path), "provider-addresses[%zu]", i);
	int rc = take_switch(net, from->switch_name, path, e);
	if (rc)
		return rc;
	struct network_address *more = realloc(c->address, (c->n_addresses + 1) * sizeof(*more));
	if (!more)
		return err_set(e, ENOMEM, NULL, "out of memory");
	c->address = more;
	struct network_address a = {.prefix = from->address, .vlan = (uint16_t)from->vlan};
	if (network_address_find(c, &a.prefix.ip))
		return err_set(e, EINVAL, path, "%s is there twice on provider network %s",
			       ip_format(&a.prefix.ip, text), net->name);
	snprintf(name, sizeof(name), "provider-address %s/%s", net->name, ip_format(&a.prefix.ip, text));
	rc = vswitch_mac_take(t, name, &from->mac_address, &a.mac, e);
	if (rc) {
		err_prefix(e, "%s", path);
		return rc;
	}
	take_over(net, &a);
	c->address[c->n_addresses++] = a;
	return 0;
}

/* Those with a MAC address written out first, so that the pool gives it to nobody else. */
static int add_addresses(const struct txn *t, struct err *e)
{
	int rc = 0;
	for (int pooled = 0; pooled < 2; pooled++)
		for (size_t i = 0; i < t->next->n_provider_addresses && !rc; i++)
			if (mac_is_zero(&t->next->provider_addresses[i].mac_address) == pooled)
				rc = add_address(t, i, e);
	return rc;
}

/* The subnets of its addresses, and the document's routes. */
static int add_routes(const struct txn *t, struct network *net, struct err *e)
{
	struct network_config *c = net->next;
	size_t n = 0;
	struct route *list = calloc(c->n_addresses + t->next->n_provider_routes + 1, sizeof(*list));
	if (!list)
		return err_set(e, ENOMEM, NULL, "out of memory");
	for (uint32_t i = 0; i < c->n_addresses; i++)
		list[n++] = (struct route){.prefix = c->address[i].prefix};
	for (size_t i = 0; i < t->next->n_provider_routes; i++) {
		const struct api_provider_route *r = &t->next->provider_routes[i];
		if (!strcmp(r->provider_network ? r->provider_network : DEFAULT_NAME, net->name))
			list[n++] = (struct route){r->prefix, r->next_hop, r->metric};
	}
	c->routes = routes_make(list, n);
	free(list);
	return c->routes ? 0 : err_set(e, ENOMEM, NULL, "out of memory");
}

int config_prepare(const struct txn *t, struct err *e)
{
	int rc = name_all(t->next, e);
	if (!rc)
		rc = add_addresses(t, e);
	for (unsigned i = 0; i < PROVIDER_NETWORKS_MAX && !rc; i++)
		if (networks[i] && networks[i]->next)
			rc = add_routes(t, networks[i], e);
	if (rc)
		config_forget();
	return rc;
}
