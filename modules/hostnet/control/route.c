/* SPDX-License-Identifier: Apache-2.0 */
/* Routes and neighbours over rtnetlink; see route.h. */
#include "modules/hostnet/control/route.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/control/netlink.h"

struct ip_prefix ip_network(const struct ip_prefix *p)
{
	struct ip_prefix net = *p;
	for (unsigned i = 0; i < sizeof(net.ip.byte); i++) {
		if (p->len <= 8 * i)
			net.ip.byte[i] = 0;
		else if (p->len < 8 * i + 8)
			net.ip.byte[i] &= (uint8_t)(0xff << (8 * i + 8 - p->len));
	}
	return net;
}

const char *route_format(const struct route *r, char buf[static ROUTE_TEXT_SIZE])
{
	char to[IP_PREFIX_TEXT_SIZE] = "default", via[IP_TEXT_SIZE] = "";
	if (r->to.len)
		ip_prefix_format(&r->to, to);
	if (r->via.family)
		ip_format(&r->via, via);
	snprintf(buf, ROUTE_TEXT_SIZE, "%s%s%s", to, *via ? " via " : "", via);
	return buf;
}

/* ---- difference ---------------------------------------------------------------------------------------- */

static bool same_ip(const struct ip *a, const struct ip *b) { return (!a->family && !b->family) || ip_equal(a, b); }

static bool same_route(const struct route *a, const struct route *b)
{
	return a->to.len == b->to.len && ip_equal(&a->to.ip, &b->to.ip) && same_ip(&a->via, &b->via) &&
	       same_ip(&a->source, &b->source) && a->table == b->table && a->metric == b->metric;
}

static struct route route_of(const struct record_view *v)
{
	return (struct route){
		.to = v->prefix, .via = v->gateway, .source = v->source, .table = v->table, .metric = v->metric};
}

/* Ours, and made of nothing but what struct route holds. */
static bool is_ours(const struct record *r, struct route *ret_route)
{
	struct record_view v;
	if (record_view(r, &v) < 0 || v.protocol != HOSTNET_PROTOCOL || v.multipath)
		return false;
	*ret_route = route_of(&v);
	return true;
}

/* Somebody's route that does what ours would: moved from the interface taken over, or set by hand. Its metric
 * and source are its owner's. */
static bool does_it(const struct record *r, const struct route *want)
{
	struct record_view v;
	return record_view(r, &v) == 0 && v.protocol != HOSTNET_PROTOCOL && v.table == want->table && !v.multipath &&
	       v.prefix.len == want->to.len && ip_equal(&v.prefix.ip, &want->to.ip) &&
	       same_ip(&v.gateway, &want->via);
}

size_t route_diff(const struct route *want, size_t n_want, const struct records *have, struct route_change *changes)
{
	size_t n = 0;
	for (size_t i = 0; i < n_want; i++) {
		bool there = false;
		struct route r;
		for (size_t k = 0; k < have->n && !there; k++)
			there = (is_ours(&have->at[k], &r) && same_route(&want[i], &r)) ||
				does_it(&have->at[k], &want[i]);
		if (!there)
			changes[n++] = (struct route_change){.route = want[i], .add = true};
	}
	for (size_t k = 0; k < have->n; k++) {
		bool wanted = false;
		struct route r;
		if (!is_ours(&have->at[k], &r))
			continue;
		for (size_t i = 0; i < n_want && !wanted; i++)
			wanted = same_route(&want[i], &r);
		if (!wanted)
			changes[n++] = (struct route_change){.route = r};
	}
	return n;
}

/* ---- the kernel ---------------------------------------------------------------------------------------- */

struct dump {
	uint32_t ifindex;
	struct records records;
};

/* Does a list of next hops name the interface? */
static bool multipath_names(const struct nlattr *hops, uint32_t ifindex)
{
	const uint8_t *at = mnl_attr_get_payload(hops), *end = at + mnl_attr_get_payload_len(hops);
	while (end - at >= (ptrdiff_t)sizeof(struct rtnexthop)) {
		const struct rtnexthop *hop = (const void *)at;
		if (hop->rtnh_len < sizeof(*hop) || hop->rtnh_len > end - at)
			return false;
		if ((uint32_t)hop->rtnh_ifindex == ifindex)
			return true;
		at += MNL_ALIGN(hop->rtnh_len);
	}
	return false;
}

static int keep_route(const struct nlmsghdr *nlh, void *arg)
{
	struct dump *d = arg;
	if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof(struct rtmsg))
		return 0;
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	if ((rtm->rtm_flags & RTM_F_CLONED) || (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6))
		return 0;
	bool through = false;
	uint32_t table = rtm->rtm_table;
	const struct nlattr *a;
	mnl_attr_for_each(a, nlh, sizeof(*rtm)) {
		uint16_t type = mnl_attr_get_type(a);
		if (type == RTA_TABLE && mnl_attr_get_payload_len(a) >= 4)
			table = mnl_attr_get_u32(a);
		else if (type == RTA_OIF && mnl_attr_get_payload_len(a) >= 4)
			through = through || mnl_attr_get_u32(a) == d->ifindex;
		else if (type == RTA_MULTIPATH)
			through = through || multipath_names(a, d->ifindex);
	}
	return through && table != RT_TABLE_LOCAL ? records_add(&d->records, nlh) : 0;
}

static int keep_neighbour(const struct nlmsghdr *nlh, void *arg)
{
	struct dump *d = arg;
	if (nlh->nlmsg_type != RTM_NEWNEIGH || mnl_nlmsg_get_payload_len(nlh) < sizeof(struct ndmsg))
		return 0;
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	const uint16_t known = NUD_PERMANENT | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE;
	if ((uint32_t)ndm->ndm_ifindex != d->ifindex || !(ndm->ndm_state & known) ||
	    (ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6))
		return 0;
	return records_add(&d->records, nlh);
}

static int dump(struct netlink *nl, uint16_t type, size_t header_size, netlink_reply_fn *keep, uint32_t ifindex,
		struct records *ret_records)
{
	uint8_t buf[NETLINK_MESSAGE_SIZE];
	int rc;
	for (int attempt = 0; attempt < 5; attempt++) {
		struct dump d = {.ifindex = ifindex};
		struct nlmsghdr *nlh = netlink_message(buf, type, NLM_F_DUMP);
		memset(mnl_nlmsg_put_extra_header(nlh, header_size), 0, header_size); /* AF_UNSPEC: every family */
		rc = netlink_request(nl, nlh, keep, &d);
		if (rc == 0) {
			*ret_records = d.records;
			return 0;
		}
		records_clear(&d.records);
		if (rc != -EINTR)
			break;
	}
	return rc;
}

int route_dump(struct netlink *nl, uint32_t ifindex, struct records *ret_records)
{
	return dump(nl, RTM_GETROUTE, sizeof(struct rtmsg), keep_route, ifindex, ret_records);
}

int neighbour_dump(struct netlink *nl, uint32_t ifindex, struct records *ret_records)
{
	return dump(nl, RTM_GETNEIGH, sizeof(struct ndmsg), keep_neighbour, ifindex, ret_records);
}

static struct nlmsghdr *route_message(void *buf, uint16_t type, uint16_t flags, uint32_t ifindex,
				      const struct route *r)
{
	struct nlmsghdr *nlh = netlink_message(buf, type, flags);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = r->to.ip.family;
	rtm->rtm_dst_len = r->to.len;
	rtm->rtm_table = RT_TABLE_UNSPEC; /* RTA_TABLE has all 32 bits */
	rtm->rtm_protocol = HOSTNET_PROTOCOL;
	rtm->rtm_scope = r->via.family || r->to.ip.family == AF_INET6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	rtm->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(nlh, RTA_TABLE, r->table);
	mnl_attr_put_u32(nlh, RTA_OIF, ifindex);
	if (r->to.len)
		mnl_attr_put(nlh, RTA_DST, ip_bytes(&r->to.ip), r->to.ip.byte);
	if (r->via.family)
		mnl_attr_put(nlh, RTA_GATEWAY, ip_bytes(&r->via), r->via.byte);
	if (r->source.family)
		mnl_attr_put(nlh, RTA_PREFSRC, ip_bytes(&r->source), r->source.byte);
	if (r->metric)
		mnl_attr_put_u32(nlh, RTA_PRIORITY, r->metric);
	return nlh;
}

int route_add(struct netlink *nl, uint32_t ifindex, const struct route *r)
{
	/* IPv4: beside an equal one of another interface, which comes first until it is gone. IPv6 does so by itself. */
	uint16_t beside = r->to.ip.family == AF_INET ? NLM_F_APPEND : 0;
	uint8_t buf[NETLINK_MESSAGE_SIZE];
	int rc = netlink_request(nl, route_message(buf, RTM_NEWROUTE, NLM_F_CREATE | beside, ifindex, r), NULL, NULL);
	return rc == -EEXIST ? 0 : rc;
}

int route_remove(struct netlink *nl, uint32_t ifindex, const struct route *r)
{
	uint8_t buf[NETLINK_MESSAGE_SIZE];
	int rc = netlink_request(nl, route_message(buf, RTM_DELROUTE, 0, ifindex, r), NULL, NULL);
	return rc == -ESRCH || rc == -ENODEV ? 0 : rc;
}

/* The records of one table. */
static int of_table(const struct records *all, uint32_t table, struct records *ret_some)
{
	struct records some = {0};
	for (size_t i = 0; i < all->n; i++) {
		struct record_view v;
		int rc = record_view(&all->at[i], &v);
		if (rc == 0 && v.table == table)
			rc = record_copy(&all->at[i], &some);
		if (rc < 0) {
			records_clear(&some);
			return rc;
		}
	}
	*ret_some = some;
	return 0;
}

int route_sync(struct netlink *nl, uint32_t ifindex, uint32_t table, const struct route *want, size_t n_want,
	       enum sync_half half, route_told_fn *told, void *arg)
{
	struct records all = {0}, have = {0};
	int first = route_dump(nl, ifindex, &all);
	if (first < 0)
		return first;
	first = of_table(&all, table, &have);
	records_clear(&all);
	if (first < 0)
		return first;
	struct route_change *changes = calloc(n_want + have.n + 1, sizeof(*changes));
	size_t n = changes ? route_diff(want, n_want, &have, changes) : 0;
	if (!changes)
		first = -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (!(half & (changes[i].add ? SYNC_ADD : SYNC_REMOVE)))
			continue;
		int rc = changes[i].add ? route_add(nl, ifindex, &changes[i].route)
					: route_remove(nl, ifindex, &changes[i].route);
		if (told)
			told(&changes[i], rc, netlink_error(nl), arg);
		first = first ? first : rc;
	}
	free(changes);
	records_clear(&have);
	return first;
}
