/* SPDX-License-Identifier: Apache-2.0 */
/* See strong_host.h. */
#include "modules/hostnet/control/strong_host.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>

#include "core/control/netlink.h"
#include "modules/hostnet/control/sysctl.h"

#define RULES_AN_ADDRESS 3

static bool is_host_wide(const struct record_view *v)
{
	return v->scope != RT_SCOPE_LINK && v->scope != RT_SCOPE_HOST && !(v->flags & IFA_F_TENTATIVE);
}

static bool has_route(const struct route *routes, size_t n, const struct ip_prefix *to)
{
	for (size_t i = 0; i < n; i++)
		if (routes[i].to.len == to->len && ip_equal(&routes[i].to.ip, &to->ip) && !routes[i].via.family)
			return true;
	return false;
}

void strong_host_table(uint32_t ifindex, const struct records *addresses, const struct records *main_routes,
		       struct route *routes, size_t *ret_n_routes, struct ip *sources, size_t *ret_n_sources)
{
	size_t n = 0, n_sources = 0;
	struct record_view v;
	for (size_t i = 0; i < addresses->n; i++) {
		if (record_view(&addresses->at[i], &v) < 0 || !is_host_wide(&v))
			continue;
		struct ip_prefix net = ip_network(&v.prefix);
		sources[n_sources++] = v.prefix.ip;
		if (!has_route(routes, n, &net))
			routes[n++] = (struct route){
				.to = net, .source = v.prefix.ip, .table = STRONG_TABLE(ifindex), .metric = 64};
	}
	for (size_t i = 0; i < main_routes->n; i++) {
		if (record_view(&main_routes->at[i], &v) < 0 || v.table != RT_TABLE_MAIN || v.prefix.len ||
		    !v.gateway.family || v.multipath)
			continue;
		routes[n++] = (struct route){.to = {.ip.family = v.family},
					     .via = v.gateway,
					     .table = STRONG_TABLE(ifindex),
					     .metric = v.metric ? v.metric : 64};
	}
	*ret_n_routes = n;
	*ret_n_sources = n_sources;
}

/* ---- one adapter --------------------------------------------------------------------------------------- */

struct plan {
	uint32_t ifindex;
	const char *ifname;
	struct route *routes;
	size_t n_routes;
	struct ip *sources;
	size_t n_sources;
};

static int plan_make(struct netlink *nl, const struct strong_adapter *a, struct plan *ret_plan)
{
	struct records addresses = {0}, routes = {0};
	struct plan p = {.ifindex = a->ifindex, .ifname = a->ifname};
	int rc = address_dump(nl, a->ifindex, &addresses);
	if (!rc)
		rc = route_dump(nl, a->ifindex, &routes);
	if (!rc) {
		p.routes = calloc(addresses.n + routes.n + 1, sizeof(*p.routes));
		p.sources = calloc(addresses.n + 1, sizeof(*p.sources));
		rc = p.routes && p.sources ? 0 : -ENOMEM;
	}
	if (!rc)
		strong_host_table(a->ifindex, &addresses, &routes, p.routes, &p.n_routes, p.sources, &p.n_sources);
	records_clear(&addresses);
	records_clear(&routes);
	if (rc < 0) {
		free(p.routes);
		free(p.sources);
		return rc;
	}
	*ret_plan = p;
	return 0;
}

/* Each answers ARP for its own addresses only and asks in their name; replies may come in where Linux would not
 * have sent. The strictest (for rp_filter: the largest) of `all` and the interface counts, hence 2 and not 0. */
static const struct {
	const char *key;
	int strong; /* otherwise what conf/default says, which a new interface has */
} habits[] = {{"arp_ignore", 1}, {"arp_announce", 2}, {"rp_filter", 2}};

static void set_habits(const char *ifname, bool strong)
{
	for (size_t i = 0; i < sizeof(habits) / sizeof(*habits); i++) {
		int usual = sysctl_read("ipv4", "default", habits[i].key, 0);
		int want = strong ? habits[i].strong : usual;
		if (sysctl_read("ipv4", ifname, habits[i].key, want) != want)
			(void)sysctl_write("ipv4", ifname, habits[i].key, want);
	}
}

/* ---- all of them --------------------------------------------------------------------------------------- */

static size_t add_rules(const struct plan *p, struct rule *rules)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n_sources; i++) {
		uint32_t own = STRONG_TABLE(p->ifindex);
		rules[n++] = (struct rule){p->sources[i], STRONG_PREFERENCE, own, true};
		rules[n++] = (struct rule){p->sources[i], STRONG_PREFERENCE + 1, RT_TABLE_MAIN, true};
		rules[n++] = (struct rule){p->sources[i], STRONG_PREFERENCE + 2, own, false};
	}
	return n;
}

static bool same_rule(const struct rule *a, const struct rule *b)
{
	return ip_equal(&a->from, &b->from) && a->preference == b->preference && a->table == b->table &&
	       a->specific_only == b->specific_only;
}

static bool is_among(const struct rule *r, const struct rule *among, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (same_rule(r, &among[i]))
			return true;
	return false;
}

/* Another weftd in this namespace has rules of the same make: ours are those whose address has a table of one
 * of our adapters, or of an interface that is no more. */
static bool is_ours(const struct ip *from, const struct rule *have, size_t n_have, const struct plan *plans, size_t n)
{
	char name[IF_NAMESIZE];
	for (size_t i = 0; i < n_have; i++) {
		uint32_t ifindex = have[i].table - STRONG_TABLE(0);
		if (have[i].table <= STRONG_TABLE(0) || !ip_equal(&have[i].from, from))
			continue;
		if (!if_indextoname(ifindex, name))
			return true;
		for (size_t k = 0; k < n; k++)
			if (plans[k].ifindex == ifindex)
				return true;
		return false;
	}
	return true; /* a leftover whose table rules are gone */
}

static int rules_sync(struct netlink *nl, const struct plan *plans, size_t n, const struct rule *want, size_t n_want,
		      enum sync_half half)
{
	struct rule *have;
	size_t n_have;
	int first = rule_dump(nl, &have, &n_have);
	if (first < 0)
		return first;
	for (size_t i = 0; i < n_want && (half & SYNC_ADD); i++) {
		int rc = is_among(&want[i], have, n_have) ? 0 : rule_add(nl, &want[i]);
		first = first ? first : rc;
	}
	for (size_t i = 0; i < n_have && (half & SYNC_REMOVE); i++) {
		if (is_among(&have[i], want, n_want) || !is_ours(&have[i].from, have, n_have, plans, n))
			continue;
		int rc = rule_remove(nl, &have[i]);
		first = first ? first : rc;
	}
	free(have);
	return first;
}

static int sync_plans(struct netlink *nl, const struct plan *plans, size_t n, bool allowed, enum sync_half half)
{
	size_t with_address = 0, n_sources = 0, n_rules = 0;
	for (size_t i = 0; i < n; i++) {
		with_address += plans[i].n_sources > 0;
		n_sources += plans[i].n_sources;
	}
	bool strong = allowed && with_address > 1;
	struct rule *rules = calloc(n_sources * RULES_AN_ADDRESS + 1, sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	int first = 0;
	for (size_t i = 0; i < n; i++) {
		int rc = route_sync(nl, plans[i].ifindex, STRONG_TABLE(plans[i].ifindex), plans[i].routes,
				    strong ? plans[i].n_routes : 0, half, NULL, NULL);
		first = first ? first : rc;
		if (half & (strong ? SYNC_ADD : SYNC_REMOVE))
			set_habits(plans[i].ifname, strong);
		if (strong)
			n_rules += add_rules(&plans[i], rules + n_rules);
	}
	int rc = rules_sync(nl, plans, n, rules, n_rules, half);
	free(rules);
	return first ? first : rc;
}

static int sync_adapters(struct netlink *nl, const struct strong_adapter *adapters, size_t n, bool allowed,
			 enum sync_half half)
{
	struct plan *plans = calloc(n + 1, sizeof(*plans));
	size_t made = 0;
	int rc = plans ? 0 : -ENOMEM;
	for (; !rc && made < n; made++) {
		rc = plan_make(nl, &adapters[made], &plans[made]);
		if (rc < 0)
			break;
	}
	if (!rc)
		rc = sync_plans(nl, plans, n, allowed, half);
	for (size_t i = 0; i < made; i++) {
		free(plans[i].routes);
		free(plans[i].sources);
	}
	free(plans);
	return rc;
}

int strong_host_sync(struct netlink *nl, const struct strong_adapter *adapters, size_t n, enum sync_half half)
{
	return sync_adapters(nl, adapters, n, true, half);
}

int strong_host_clear(struct netlink *nl, const struct strong_adapter *adapters, size_t n)
{
	return sync_adapters(nl, adapters, n, false, SYNC_REMOVE);
}
