/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/next-hop (row H10, Select-NetVirtualizationNextHop): where a packet would go. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "core/http/server.h"
#include "core/runtime/dataplane.h"
#include "modules/hnv/next_hop.h"
#include "modules/hnv/packet.h"
#include "modules/hnv/view.h"
#include "modules/provider/provider.h"

static json_t *ip_json(const struct ip *ip)
{
	char text[IP_TEXT_SIZE];
	return json_string(ip_format(ip, text));
}

static void set_mac(json_t *o, const char *key, const struct mac *mac)
{
	char text[MAC_TEXT_SIZE];
	json_object_set_new(o, key, json_string(mac_format(mac, text)));
}

static void tunnel_json(json_t *o, const struct hnv_next *next)
{
	const struct provider_way *way = atomic_load(&next->path->way);
	const struct hnv_tunnel *tunnel = atomic_load(&next->tunnel);
	json_object_set_new(o, "encapsulation",
			    json_string(next->kind == HNV_TUNNEL ? tunnel->encapsulation->name : "none"));
	json_object_set_new(o, "rule", json_string(next->kind == HNV_TUNNEL ? "encap" : "nat"));
	json_object_set_new(o, "provider-address", ip_json(&next->path->remote));
	if (!way) {
		json_object_set_new(o, "waiting-for",
				    json_string(next->path->waiting ? next->path->waiting : "a path"));
		return;
	}
	struct mac mac;
	memcpy(mac.byte, way->header, sizeof(mac.byte));
	json_object_set_new(o, "source-provider-address", ip_json(&way->local));
	set_mac(o, "next-hop-mac-address", &mac);
	if (next->kind == HNV_TUNNEL)
		json_object_set_new(o, "mtu", json_integer(tunnel->inner_mtu));
}

static const char *adapter_name(uint16_t id)
{
	const struct dataplane *dp = dataplane_current();
	return dp && id < dp->n_adapters && dp->adapters[id] ? dp->adapters[id]->name : "";
}

static void leads_json(json_t *o, const struct hnv_hop *hop)
{
	const struct hnv_next *next = hop->next ? atomic_load(&hnv_nexts[hop->next]) : NULL;
	const char *to = "nowhere";
	if (hop->router)
		to = "router";
	else if (hop->flooded)
		to = "flood";
	else if (!hop->route && !hop->on_link)
		to = "no-route";
	else if (!hop->next)
		to = "no-record";
	else if (next && next->kind == HNV_LOCAL)
		to = "adapter";
	else if (next && next->kind != HNV_NOWHERE)
		to = next->kind == HNV_TUNNEL ? "tunnel" : "rewrite";
	json_object_set_new(o, "leads-to", json_string(to));
	if (hop->next)
		set_mac(o, "mac-address", &hop->mac);
	if (next && next->kind == HNV_LOCAL)
		json_object_set_new(o, "adapter", http_text(adapter_name(next->adapter)));
	if (next && (next->kind == HNV_TUNNEL || next->kind == HNV_REWRITE))
		tunnel_json(o, next);
}

static json_t *hop_json(const struct hnv_subnet *from, const struct hnv_hop *hop)
{
	json_t *o = json_pack("{s:s}", "routing-domain", from->domain->id);
	if (*from->domain->name)
		json_object_set_new(o, "name", http_text(from->domain->name));
	if (hop->route || hop->on_link) {
		json_object_set_new(o, "virtual-subnet-id", json_integer(hop->vsid));
		json_object_set_new(o, "next-hop", ip_json(&hop->asked));
		json_object_set_new(o, "routed", json_boolean(hop->vsid != from->vsid));
		json_object_set_new(o, "metric", json_integer(hop->route ? hop->route->metric : 0));
		json_object_set_new(o, "record",
				    json_string(hop->wildcard ? "gateway-wildcard"
						: hop->next   ? "own"
							      : "none"));
	}
	leads_json(o, hop);
	return o;
}

/* The record says another provider address than the one that is sent to: that one told. */
static void redirect_json(json_t *o, const struct hnv_network *net, const struct hnv_hop *hop)
{
	const struct ip any = {.family = hop->asked.family};
	const struct ip *asked = hop->wildcard ? &any : &hop->asked;
	const struct hnv_record *r = hop->next ? hnv_record_find(net->index, hop->vsid, asked) : NULL;
	if (r && hnv_record_redirected_to(r))
		json_object_set_new(o, "redirected-from", ip_json(&r->provider));
}

/* Whoever sends must be somebody: that is what the data plane asks first. */
static int sender_check(const struct hnv_network *net, uint32_t vsid, const struct ip *from, struct err *e)
{
	char text[IP_TEXT_SIZE];
	if (hnv_record_find(net->index, vsid, from))
		return 0;
	return err_set(e, ENOENT, "from", "%s has no lookup record in virtual subnet %u", ip_format(from, text),
		       vsid);
}

static int address_query(const struct http_request *r, const char *key, struct ip *ret, struct err *e)
{
	const char *text = r->query(r, key);
	if (!text)
		return err_set(e, EINVAL, key, "missing; give a customer address");
	return ip_parse(text, ret) ? err_set(e, EINVAL, key, "%.64s is no IP address", text) : 0;
}

/* The all-ones address of the sender's subnet without a record of its own. */
static bool is_all_ones(const struct hnv_network *net, const struct hnv_subnet *s, const struct ip *to)
{
	return to->family == AF_INET && hnv_is_broadcast(s, to->byte) && !hnv_records_find(net, s->vsid, to).next;
}

static int next_hop(const struct http_request *r, json_t **ret_json, struct err *e)
{
	const char *network = r->query(r, "provider-network");
	uint64_t vsid;
	struct ip from = {0}, to = {0};
	int rc = http_query_uint(r, "virtual-subnet-id", HNV_VSID_MAX, 0, &vsid, e);
	if (!rc)
		rc = address_query(r, "from", &from, e);
	if (!rc)
		rc = address_query(r, "to", &to, e);
	if (rc)
		return rc;
	const struct hnv_network *net = hnv_network_find(network ? network : "default");
	const struct hnv_subnet *s = net ? hnv_subnet_of(net, (uint32_t)vsid) : NULL;
	if (!s)
		return err_set(e, ENOENT, "virtual-subnet-id", "no routing domain has virtual subnet %u",
			       (unsigned)vsid);
	if (hnv_is_group(&to) || is_all_ones(net, s, &to))
		return err_set(e, EINVAL, "to",
			       "a group has no next hop; its frames are copied to all of the virtual subnet");
	rc = sender_check(net, s->vsid, &from, e);
	if (rc)
		return rc;
	struct hnv_hop hop = hnv_next_hop(net, s, &to);
	*ret_json = hop_json(s, &hop);
	redirect_json(*ret_json, net, &hop);
	return 0;
}

static void next_hop_get(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	int rc = next_hop(r, &ret->json, &e);
	if (rc)
		http_problem(ret, rc, &e);
}
ROUTE(next_hop, "GET", "/v1/next-hop", next_hop_get,
      "Where a packet from a customer address in a virtual subnet to another would go, as the workers decide.",
      "provider-network, virtual-subnet-id, from, to")
