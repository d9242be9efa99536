/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/provider/control/lent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "modules/provider/control/message.h"

#define MOVE_MS 3000 /* that two hosts may have an address while a guest moves */

static struct network *network_at(uint8_t index) { return index < PROVIDER_NETWORKS_MAX ? networks[index] : NULL; }

struct lent *lent_find(const struct network *net, const struct ip *ip)
{
	struct lent *l;
	LIST_FOREACH(l, &net->lents, link)
		if (ip_equal(&l->ip, ip))
			return l;
	return NULL;
}

int provider_address_lend(uint8_t network, const struct ip *address, const struct mac *mac)
{
	struct network *net = network_at(network);
	if (!net)
		return -EINVAL;
	struct lent *l = lent_find(net, address);
	if (!l) {
		l = calloc(1, sizeof(*l));
		if (!l)
			return -ENOMEM;
		l->ip = *address;
		LIST_INSERT_HEAD(&net->lents, l, link);
	}
	l->mac = *mac;
	l->users++;
	net->lents_changed = true;
	return 0;
}

void provider_address_return(uint8_t network, const struct ip *address)
{
	struct network *net = network_at(network);
	struct lent *l = net ? lent_find(net, address) : NULL;
	if (!l || --l->users)
		return;
	LIST_REMOVE(l, link);
	free(l);
	net->lents_changed = true;
}

void provider_address_flush(void)
{
	for (unsigned i = 0; i < PROVIDER_NETWORKS_MAX; i++)
		if (networks[i] && networks[i]->lents_changed)
			lent_tick(networks[i]);
}

bool lent_address(const struct network *net, const struct lent *l, struct network_address *ret)
{
	const struct network_config *c = net->config;
	const struct network_address *beside = c ? network_on_link(c, &l->ip) : NULL;
	if (c && !beside)
		beside = network_address_of_family(c, l->ip.family);
	if (!beside || !c->switch_name[0] || network_address_find(c, &l->ip))
		return false;
	static const struct mac nobody;
	*ret = (struct network_address){.duplicate = l->told ? l->claimed : nobody,
					.prefix = {l->ip, beside->prefix.len},
					.vlan = beside->vlan,
					.mac = mac_is_zero(&l->mac) ? beside->mac : l->mac};
	return true;
}

uint32_t lent_count(const struct network *net)
{
	const struct lent *l;
	uint32_t n = 0;
	LIST_FOREACH(l, &net->lents, link)
		n++;
	return n;
}

uint32_t lent_fill(const struct network *net, struct provider_local *list)
{
	const struct lent *l;
	struct network_address a;
	uint32_t n = 0;
	LIST_FOREACH(l, &net->lents, link)
		if (lent_address(net, l, &a))
			list[n++] = (struct provider_local){.ip = l->ip, .mac = a.mac, .vlan = a.vlan, .lent = true};
	return n;
}

static bool said_already(const struct lent *l, const struct network_address *a)
{
	return mac_to_u64(&l->said) == mac_to_u64(&a->mac) && l->said_vlan == a->vlan;
}

void lent_claimed(const struct network *net, struct lent *l, const struct mac *mac, uint64_t now_ms)
{
	struct network_address a;
	if (!lent_address(net, l, &a) || mac_to_u64(&a.mac) == mac_to_u64(mac) ||
	    mac_to_u64(&l->claimed) == mac_to_u64(mac))
		return;
	l->claimed = *mac;
	l->claimed_ms = now_ms;
	l->told = false;
}

static void tell_claimed(const struct network *net, struct lent *l)
{
	char object[IP_TEXT_SIZE + 20], text[IP_TEXT_SIZE], his[MAC_TEXT_SIZE];
	if (l->told || mac_is_zero(&l->claimed) || network_now_ms() - l->claimed_ms < MOVE_MS)
		return;
	l->told = true;
	snprintf(object, sizeof(object), "provider address %s", ip_format(&l->ip, text));
	log_warning(
		object,
		"%s on switch %s has it as well, and it is a guest's (rule nat); give one of the two another address",
		mac_format(&l->claimed, his), net->config->switch_name);
}

void lent_tick(struct network *net)
{
	struct lent *l;
	struct network_address a;
	if (net->lents_changed)
		net->lents_changed = network_locals_update(net) != 0; /* without memory it is tried again */
	LIST_FOREACH(l, &net->lents, link) {
		if (net->config)
			tell_claimed(net, l);
		if (network_quiet || !lent_address(net, l, &a) || said_already(l, &a))
			continue;
		network_send(net, message_announce(&a));
		l->said = a.mac;
		l->said_vlan = a.vlan;
	}
}
