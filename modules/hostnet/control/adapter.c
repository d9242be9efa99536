/* SPDX-License-Identifier: Apache-2.0 */
/* See adapter.h. */
#include "modules/hostnet/control/adapter.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/document.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "core/control/netlink.h"
#include "modules/hostnet/control/announce.h"
#include "modules/hostnet/control/dhcp.h"
#include "modules/hostnet/control/dns.h"
#include "modules/hostnet/control/route.h"
#include "modules/hostnet/control/strong_host.h"
#include "modules/vswitch/vswitch.h"

/* Default routes of the document: behind one that the host has without weft (ifupdown's 0), before those that
 * network managers add by DHCP (100 and up, 1024), in the adapters' order. */
#define METRIC_FIRST 64

/* ---- the list ------------------------------------------------------------------------------------------ */

static void *copy_array(const void *from, size_t n, size_t size)
{
	void *to = calloc(n + 1, size);
	if (to && n)
		memcpy(to, from, n * size);
	return to;
}

static void adapter_clear(struct host_adapter *a)
{
	free(a->addresses);
	free(a->gateway);
	free(a->dns);
	*a = (struct host_adapter){0};
}

void adapters_free(struct host_adapters *list)
{
	for (size_t i = 0; i < list->n; i++)
		adapter_clear(&list->at[i]);
	free(list->at);
	*list = (struct host_adapters){0};
}

struct host_adapter *adapters_find(const struct host_adapters *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->at[i].name, name))
			return &list->at[i];
	return NULL;
}

/* Only a tap has a side in the host's own stack. */
static bool has_host_side(const struct api_adapter *ad)
{
	return !ad->attach.vhost_user && !ad->attach.interface && !ad->attach.dpdk;
}

static int fill_in(struct host_adapter *a, const struct vswitch_adapter *v, const struct api_adapter *ad)
{
	snprintf(a->name, sizeof(a->name), "%s", v->name);
	snprintf(a->ifname, sizeof(a->ifname), "%.15s", ad && ad->attach.tap ? ad->attach.tap : v->name);
	snprintf(a->takes_over, sizeof(a->takes_over), "%s", v->takes_over);
	a->mac = v->mac;
	if (!ad)
		return 0;
	a->addresses = copy_array(ad->addresses, ad->n_addresses, sizeof(*ad->addresses));
	a->gateway = copy_array(ad->gateway, ad->n_gateway, sizeof(*ad->gateway));
	a->dns = copy_array(ad->dns, ad->n_dns, sizeof(*ad->dns));
	if (!a->addresses || !a->gateway || !a->dns)
		return -ENOMEM;
	a->n_addresses = ad->n_addresses;
	a->n_gateway = ad->n_gateway;
	a->n_dns = ad->n_dns;
	a->wants_dhcp = ad->dhcp;
	return 0;
}

int adapters_build(const struct api_document *doc, struct host_adapters *ret_adapters, struct err *e)
{
	size_t n;
	const struct vswitch_adapter *const *v = vswitch_adapters(&n);
	struct host_adapters list = {.at = calloc(n + 1, sizeof(*list.at))};
	int rc = list.at ? 0 : -ENOMEM;
	for (size_t i = 0; i < n && !rc; i++) {
		if (v[i]->role != PORT_HOST) /* most are guests: not worth a search */
			continue;
		const struct api_adapter *ad = api_document_adapter(doc, v[i]->name);
		if (ad && !has_host_side(ad))
			continue;
		struct host_adapter *a = &list.at[list.n];
		a->order = list.n++;
		rc = fill_in(a, v[i], ad);
	}
	if (rc < 0) {
		adapters_free(&list);
		return err_set(e, ENOMEM, NULL, "out of memory");
	}
	*ret_adapters = list;
	return 0;
}

/* ---- what can be refused at once ----------------------------------------------------------------------- */

static bool is_link_local(const struct ip *ip)
{
	return ip->family == AF_INET6 && ip->byte[0] == 0xfe && (ip->byte[1] & 0xc0) == 0x80;
}

static int check_gateway(const struct api_adapter *ad, size_t index, const struct ip *gateway, struct err *e)
{
	char path[48], text[IP_TEXT_SIZE], first[IP_PREFIX_TEXT_SIZE];
	const struct ip_prefix *same_family = NULL;
	for (size_t i = 0; i < ad->n_addresses; i++) {
		if (ip_prefix_contains(&ad->addresses[i], gateway))
			return 0;
		if (ad->addresses[i].ip.family == gateway->family)
			same_family = &ad->addresses[i];
	}
	if (!same_family || is_link_local(gateway)) /* found by DHCP, router advertisements or a takeover */
		return 0;
	snprintf(path, sizeof(path), "adapters[%zu].gateway", index);
	return err_set(e, EINVAL, path, "%s is in no subnet of the adapter; give an address inside %s",
		       ip_format(gateway, text), ip_prefix_format(same_family, first));
}

int adapters_check(const struct api_document *doc, struct err *e)
{
	for (size_t i = 0; i < doc->n_adapters; i++) {
		const struct api_adapter *ad = &doc->adapters[i];
		char path[48];
		if (ad->owner != API_OWNER_HOST)
			continue;
		snprintf(path, sizeof(path), "adapters[%zu].attach.netns", i);
		if (has_host_side(ad) && ad->attach.netns)
			return err_set(
				e, EINVAL, path,
				"the host's adapters are where weftd is; leave it out, or make it `owner: vm`");
		snprintf(path, sizeof(path), "adapters[%zu].addresses", i);
		if (!has_host_side(ad) && (ad->n_addresses || ad->dhcp || ad->n_gateway))
			return err_set(
				e, EINVAL, path,
				"only a tap has a side in the host's own stack; leave attach or the addresses out");
		for (size_t k = 0; k < ad->n_gateway; k++) {
			int rc = check_gateway(ad, i, &ad->gateway[k], e);
			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

/* ---- making it so -------------------------------------------------------------------------------------- */

/* Where the next problem's reason goes; when there are too many the last one gives way. */
static char *problem_reason(struct host_adapter *a, const char *field)
{
	if (a->n_problems < ADAPTER_PROBLEMS_MAX)
		a->n_problems++;
	struct adapter_problem *p = &a->problems[a->n_problems - 1];
	p->field = field;
	return p->reason;
}

#define problem(a, field, ...)                                                                                       \
	(void)snprintf(problem_reason((a), (field)), sizeof((a)->problems->reason), __VA_ARGS__)

static void told_address(const struct address_change *c, int rc, const char *why, void *arg)
{
	struct host_adapter *a = arg;
	char text[IP_PREFIX_TEXT_SIZE];
	ip_prefix_format(&c->prefix, text);
	if (rc < 0)
		problem(a, "addresses", "%s cannot be %s: %s", text, c->add ? "set" : "removed",
			*why ? why : strerror(-rc));
	else if (a->repairing && c->add)
		log_warning(a->name, "the address %s had gone; it is set again", text);
	else
		log_debug(a->name, "address %s %s", text, c->add ? "set" : "removed");
}

static void told_route(const struct route_change *c, int rc, const char *why, void *arg)
{
	struct host_adapter *a = arg;
	char text[ROUTE_TEXT_SIZE];
	route_format(&c->route, text);
	if (rc < 0)
		problem(a, "gateway", "the route %s cannot be %s: %s", text, c->add ? "set" : "removed",
			*why ? why : strerror(-rc));
	else if (a->repairing && c->add)
		log_warning(a->name, "the route %s had gone; it is set again", text);
	else
		log_debug(a->name, "route %s %s", text, c->add ? "set" : "removed");
}

/* The lease's address, for as long as it lasts: if weftd dies the kernel keeps it to the end of the lease. */
static int set_lease_address(struct netlink *nl, struct host_adapter *a, uint32_t ifindex, const struct lease *l)
{
	uint64_t now = clock_wall_ms();
	uint32_t left = l->expires_ms == UINT64_MAX ? UINT32_MAX
			: l->expires_ms > now	    ? (uint32_t)((l->expires_ms - now + 999) / 1000)
						    : 1;
	int rc = address_lease(nl, ifindex, &l->address, left);
	if (rc < 0)
		problem(a, "addresses", "the address from DHCP cannot be set: %s", netlink_error(nl));
	return rc;
}

static size_t wanted_routes(const struct host_adapter *a, const struct lease *l, struct route *routes)
{
	uint32_t metric = METRIC_FIRST + (uint32_t)a->order;
	size_t n = 0;
	for (size_t i = 0; i < a->n_gateway; i++)
		routes[n++] = (struct route){.to.ip.family = a->gateway[i].family,
					     .via = a->gateway[i],
					     .table = RT_TABLE_MAIN,
					     .metric = metric};
	for (size_t i = 0; l && i < l->n_routes; i++) {
		if (a->n_gateway && !l->routes[i].to.len)
			continue; /* the document's gateway outranks the server's */
		routes[n++] = (struct route){.to = ip_network(&l->routes[i].to),
					     .via = l->routes[i].via,
					     .source = l->address.ip,
					     .table = RT_TABLE_MAIN,
					     .metric = metric};
	}
	return n;
}

int adapter_sync(struct netlink *nl, struct host_adapter *a, enum sync_half half, struct err *e)
{
	const struct lease *l = a->dhcp ? dhcp_lease(a->dhcp) : NULL;
	struct netlink_link link;
	a->n_problems = 0;
	int rc = netlink_link_get(nl, a->ifname, &link);
	if (rc < 0) {
		problem(a, "attach", "the interface %s is not there", a->ifname);
		return err_set(e, ENODEV, NULL, "the host's adapter %s is not there", a->ifname);
	}
	uint32_t ifindex = (uint32_t)link.index;
	struct ip_prefix *addresses = calloc(a->n_addresses + 1, sizeof(*addresses));
	struct route *routes = calloc(a->n_gateway + LEASE_ROUTES_MAX, sizeof(*routes));
	if (!addresses || !routes) {
		rc = -ENOMEM;
		goto out;
	}
	size_t n = a->n_addresses;
	if (n)
		memcpy(addresses, a->addresses, n * sizeof(*addresses));
	if (l)
		addresses[n++] = l->address;
	if (l && (half & SYNC_ADD))
		rc = set_lease_address(nl, a, ifindex, l);
	int next = address_sync(nl, ifindex, addresses, n, half, told_address, a);
	rc = rc ? rc : next;
	next = route_sync(nl, ifindex, RT_TABLE_MAIN, routes, wanted_routes(a, l, routes), half, told_route, a);
	rc = rc ? rc : next;
	a->ifindex = ifindex;
out:
	free(addresses);
	free(routes);
	if (rc < 0)
		err_set(e, -rc, NULL, "adapter %s: %s", a->name,
			a->n_problems ? a->problems[0].reason : strerror(-rc));
	return rc;
}

/* Those that are there, as strong_host wants them; NULL: out of memory. */
static struct strong_adapter *strong_list(struct netlink *nl, const struct host_adapters *list, size_t *ret_n)
{
	struct strong_adapter *strong = calloc(list->n + 1, sizeof(*strong));
	size_t n = 0;
	for (size_t i = 0; strong && i < list->n; i++) {
		struct netlink_link link;
		if (netlink_link_get(nl, list->at[i].ifname, &link) == 0)
			strong[n++] = (struct strong_adapter){(uint32_t)link.index, list->at[i].ifname};
	}
	*ret_n = n;
	return strong;
}

int adapters_sync_strong(struct netlink *nl, const struct host_adapters *list, enum sync_half half)
{
	size_t n;
	struct strong_adapter *strong = strong_list(nl, list, &n);
	int rc = strong ? strong_host_sync(nl, strong, n, half) : -ENOMEM;
	if (rc < 0)
		log_warning("host", "adapters cannot be kept apart on a common subnet: %s", strerror(-rc));
	free(strong);
	return rc;
}

int adapters_clear_strong(struct netlink *nl, const struct host_adapters *list)
{
	size_t n;
	struct strong_adapter *strong = strong_list(nl, list, &n);
	int rc = strong ? strong_host_clear(nl, strong, n) : -ENOMEM;
	free(strong);
	return rc;
}

int adapter_clear_strong(struct netlink *nl, const struct host_adapter *a)
{
	return adapters_clear_strong(nl, &(struct host_adapters){.at = (struct host_adapter *)a, .n = 1});
}

void adapter_sync_dns(struct host_adapter *a)
{
	const struct lease *l = a->dhcp ? dhcp_lease(a->dhcp) : NULL;
	struct dns d = {.ifname = a->ifname, .servers = a->dns, .n = a->n_dns};
	if (!d.n && l) {
		d.servers = l->dns;
		d.n = l->n_dns;
		d.domain = l->domain;
	}
	if (!d.n && !a->dns_set)
		return;
	int rc = dns_set(&d);
	if (rc < 0)
		problem(a, "dns", "the name servers cannot be set: %s", strerror(-rc));
	a->dns_set = d.n > 0;
	a->dns_failed = rc < 0;
}

void adapter_forget_dns(const struct host_adapter *a)
{
	struct dns none = {.ifname = a->ifname};
	if (a->dns_set)
		(void)dns_set(&none);
}

void adapter_announce(const struct host_adapter *a)
{
	for (size_t i = 0; i < a->n_addresses && a->ifindex; i++)
		(void)announce_send(a->ifindex, &a->mac, &a->addresses[i].ip);
}
