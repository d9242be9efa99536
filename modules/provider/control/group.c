/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/provider/control/group.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "modules/provider/control/message.h"

#define REPORT_MS 60000 /* snooping switches forget after 260 s (RFC 2236, 8.4) */

struct mac group_mac(const struct ip *group)
{
	const uint8_t *b = group->byte;
	if (group->family == AF_INET)
		return (struct mac){{0x01, 0x00, 0x5e, b[1] & 0x7f, b[2], b[3]}};
	return (struct mac){{0x33, 0x33, b[12], b[13], b[14], b[15]}};
}

bool group_is(const struct ip *ip)
{
	return ip->family == AF_INET ? (ip->byte[0] & 0xf0) == 0xe0 : ip->family == AF_INET6 && ip->byte[0] == 0xff;
}

static struct group *group_find(const struct network *net, const struct ip *ip)
{
	struct group *g;
	LIST_FOREACH(g, &net->groups, link)
		if (ip_equal(&g->ip, ip))
			return g;
	return NULL;
}

static const struct network_address *sender(const struct network *net, const struct ip *group)
{
	if (network_quiet || !net->config || !net->config->switch_name[0])
		return NULL;
	return network_address_of_family(net->config, group->family);
}

static void report(const struct network *net, const struct ip *group, bool leave)
{
	const struct network_address *from = sender(net, group);
	if (from)
		network_send(net, message_membership(from, group, leave));
}

int provider_group_join(uint8_t network, const struct ip *group)
{
	struct network *net = network < PROVIDER_NETWORKS_MAX ? networks[network] : NULL;
	if (!net || !group_is(group))
		return -EINVAL;
	struct group *g = group_find(net, group);
	if (g) {
		g->users++;
		return 0;
	}
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	*g = (struct group){.ip = *group, .users = 1};
	LIST_INSERT_HEAD(&net->groups, g, link);
	int rc = network_locals_update(net);
	if (rc) {
		LIST_REMOVE(g, link);
		free(g);
		return rc;
	}
	group_tick(net, network_now_ms());
	return 0;
}

void provider_group_leave(uint8_t network, const struct ip *group)
{
	struct network *net = network < PROVIDER_NETWORKS_MAX ? networks[network] : NULL;
	struct group *g = net ? group_find(net, group) : NULL;
	if (!g || --g->users)
		return;
	report(net, group, true);
	LIST_REMOVE(g, link);
	free(g);
	(void)network_locals_update(net); /* without memory it stays until the next change: frames come in vain */
}

void group_tick(struct network *net, uint64_t now_ms)
{
	struct group *g;
	LIST_FOREACH(g, &net->groups, link) {
		if (g->due_ms > now_ms || !sender(net, &g->ip))
			continue;
		report(net, &g->ip, false);
		g->due_ms = now_ms + REPORT_MS;
	}
}

void group_asked(struct network *net, const struct ip *group)
{
	struct group *g;
	LIST_FOREACH(g, &net->groups, link)
		if (!group->family || ip_equal(&g->ip, group))
			g->due_ms = 0;
	group_tick(net, network_now_ms());
}
