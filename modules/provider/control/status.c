/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/provider: provider addresses, whom they can reach, and how. */
#include <jansson.h>
#include <string.h>

#include "core/http/server.h"
#include "modules/provider/control/group.h"
#include "modules/provider/control/lent.h"
#include "modules/provider/control/neighbour.h"
#include "modules/provider/control/path.h"

static void set_text(json_t *o, const char *key, const char *text) { json_object_set_new(o, key, http_text(text)); }

static void set_mac(json_t *o, const char *key, const struct mac *mac)
{
	char text[MAC_TEXT_SIZE];
	if (!mac_is_zero(mac))
		set_text(o, key, mac_format(mac, text));
}

static json_t *address_json(const struct network *net, const struct network_config *c,
			    const struct network_address *a)
{
	char text[IP_PREFIX_TEXT_SIZE];
	json_t *o = json_object();
	set_text(o, "provider-address", ip_prefix_format(&a->prefix, text));
	set_text(o, "provider-network", net->name);
	set_text(o, "switch", c->switch_name);
	json_object_set_new(o, "vlan", json_integer(a->vlan));
	set_mac(o, "mac-address", &a->mac);
	json_object_set_new(o, "mtu", json_integer(c->mtu));
	set_mac(o, "duplicate-at", &a->duplicate);
	return o;
}

static json_t *lent_json(const struct network *net, const struct network_config *c, const struct lent *l)
{
	struct network_address a;
	if (!lent_address(net, l, &a))
		return NULL;
	json_t *o = address_json(net, c, &a);
	json_object_set_new(o, "lent", json_true());
	return o;
}

static json_t *neighbour_json(const struct neighbour *n, uint64_t now_ms)
{
	static const char *const states[] = {
		[NUD_SEARCHED] = "searched", [NUD_REACHABLE] = "reachable", [NUD_PROBED] = "probed"};
	char text[IP_TEXT_SIZE];
	json_t *o = json_object();
	set_text(o, "address", ip_format(&n->peer->ip, text));
	set_text(o, "provider-network", n->net->name);
	set_mac(o, "mac-address", &n->nud.mac);
	set_text(o, "state", n->nud.state == NUD_SEARCHED && n->nud.lost ? "lost" : states[n->nud.state]);
	if (n->nud.heard_ms)
		json_object_set_new(o, "age-seconds", json_integer((json_int_t)((now_ms - n->nud.heard_ms) / 1000)));
	return o;
}

static json_t *path_json(const struct path *p)
{
	const struct provider_way *way = atomic_load(&p->pub.way);
	char text[IP_TEXT_SIZE];
	json_t *o = json_object();
	set_text(o, "peer", ip_format(&p->pub.remote, text));
	set_text(o, "provider-network", p->net->name);
	if (way)
		set_text(o, "provider-address", ip_format(&way->local, text));
	if (p->neighbour) {
		set_text(o, "next-hop", ip_format(&p->neighbour->peer->ip, text));
		set_mac(o, "mac-address", &p->neighbour->nud.mac);
	}
	if (way)
		json_object_set_new(o, "mtu", json_integer(way->mtu));
	set_text(o, "state", !p->users ? "kept" : way ? "ready" : "waiting");
	if (p->pub.waiting)
		set_text(o, "waiting-for", p->pub.waiting);
	return o;
}

static json_t *group_json(const struct network *net, const struct group *g)
{
	char text[IP_TEXT_SIZE];
	json_t *o = json_object();
	set_text(o, "group", ip_format(&g->ip, text));
	set_text(o, "provider-network", net->name);
	return o;
}

static void network_add(const struct network *net, json_t *answer, uint64_t now_ms)
{
	json_t *addresses = json_object_get(answer, "addresses"), *neighbours = json_object_get(answer, "neighbours");
	json_t *paths = json_object_get(answer, "paths"), *groups = json_object_get(answer, "groups");
	const struct network_config *c = net->config;
	const struct neighbour *n;
	const struct path *p;
	const struct group *g;
	const struct lent *l;
	for (uint32_t i = 0; c && i < c->n_addresses; i++)
		json_array_append_new(addresses, address_json(net, c, &c->address[i]));
	LIST_FOREACH(l, &net->lents, link)
		if (c)
			json_array_append_new(addresses, lent_json(net, c, l));
	LIST_FOREACH(n, &net->neighbours, link)
		json_array_append_new(neighbours, neighbour_json(n, now_ms));
	LIST_FOREACH(p, &net->paths, link)
		json_array_append_new(paths, path_json(p));
	LIST_FOREACH(g, &net->groups, link)
		json_array_append_new(groups, group_json(net, g));
}

static void provider_get(const struct http_request *r, struct http_response *ret)
{
	json_t *answer = json_pack("{s:[], s:[], s:[], s:[]}", "addresses", "neighbours", "paths", "groups");
	for (unsigned i = 0; answer && i < PROVIDER_NETWORKS_MAX; i++)
		if (networks[i])
			network_add(networks[i], answer, network_now_ms());
	ret->json = answer;
}

ROUTE(provider_get, "GET", "/v1/provider", provider_get,
      "Provider addresses, their neighbours, and the paths to other hosts' provider addresses", NULL)
