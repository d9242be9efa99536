/* SPDX-License-Identifier: Apache-2.0 */
/* See move.h. */
#include "modules/hostnet/control/move.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/err.h"
#include "core/control/netlink.h"
#include "modules/hostnet/control/route.h"

static struct record_target target(const struct move *m, const struct move_end *end)
{
	return (struct record_target){.ifindex = end->ifindex,
				      .from_name = m->from.name,
				      .to_name = end->name,
				      .elapsed_s = m->elapsed_s,
				      .no_dad = true,
				      .stale = true};
}

/* One record, said again. -ENODATA: it has run out. */
static int say(const struct move *m, const struct record *r, uint16_t type, uint16_t flags,
	       const struct record_target *to)
{
	uint8_t buf[RECORD_MESSAGE_MAX];
	struct nlmsghdr *nlh;
	int rc = record_message(r, type, flags, to, buf, &nlh);
	return rc < 0 ? rc : netlink_request(m->nl, nlh, NULL, NULL);
}

static const char *describe(const struct record *r, char buf[static ROUTE_TEXT_SIZE])
{
	struct record_view v;
	if (record_view(r, &v) < 0)
		return "?";
	if (r->type == RTM_NEWROUTE)
		return route_format(&(struct route){.to = v.prefix, .via = v.gateway}, buf);
	return ip_prefix_format(&v.prefix, buf);
}

/* 0 if the rest is to be tried all the same. */
static int refusal(const struct move *m, const struct record *r, int rc, struct err *e)
{
	if (m->try_all && e->text[0])
		return 0; /* the first one is told */
	char text[ROUTE_TEXT_SIZE];
	const char *why = netlink_error(m->nl);
	err_set(e, -rc, NULL, "%s %s cannot be moved from %s to %s: %s",
		r->type == RTM_NEWROUTE ? "the route" : "the address", describe(r, text), m->from.name, m->to.name,
		*why ? why : strerror(-rc));
	return m->try_all ? 0 : rc;
}

/* An address that was ours until now is used at once; its flag that says so is then taken off again, because
 * it was not there before. */
static int make_address(const struct move *m, const struct record *r, const struct record_view *v)
{
	struct record_target to = target(m, &m->to);
	int rc = say(m, r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &to);
	if (rc < 0)
		return rc == -EEXIST || rc == -ENODATA ? 0 : rc;
	if (v->family == AF_INET6 && !(v->flags & IFA_F_NODAD)) {
		to.no_dad = false;
		(void)say(m, r, RTM_NEWADDR, NLM_F_REPLACE, &to);
	}
	return 0;
}

static int make_addresses(const struct move *m, uint8_t family, struct err *e)
{
	/* The kernel keeps IPv4 addresses in the order they came and IPv6 ones the other way round. */
	for (size_t k = 0; k < m->addresses->n; k++) {
		size_t i = family == AF_INET ? k : m->addresses->n - 1 - k;
		struct record_view v;
		if (record_view(&m->addresses->at[i], &v) < 0 || v.family != family)
			continue;
		int rc = make_address(m, &m->addresses->at[i], &v);
		if (rc < 0)
			rc = refusal(m, &m->addresses->at[i], rc, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int make_route(const struct move *m, const struct record *r, uint8_t family)
{
	struct record_target to = target(m, &m->to);
	uint16_t flags = NLM_F_CREATE | (family == AF_INET ? NLM_F_APPEND : 0); /* IPv6 appends by itself */
	int rc = say(m, r, RTM_NEWROUTE, flags, &to);
	if (rc != -EHOSTUNREACH && rc != -ENETUNREACH)
		return rc;
	to.on_link = true; /* the subnet that led to its next hop has gone before; the route was there all the same */
	return say(m, r, RTM_NEWROUTE, flags, &to);
}

/* Routes on the link first: the others' next hops are found through them. */
static int make_routes(const struct move *m, bool with_gateway, struct err *e)
{
	for (size_t i = 0; i < m->routes->n; i++) {
		const struct record *r = &m->routes->at[i];
		struct record_view v;
		if (record_view(r, &v) < 0 || (v.gateway.family != 0) != with_gateway)
			continue;
		int rc = make_route(m, r, v.family);
		if (rc < 0 && rc != -EEXIST && rc != -ENODATA)
			rc = refusal(m, r, rc, e);
		else
			rc = 0;
		if (rc < 0)
			return rc;
	}
	return 0;
}

static void make_neighbours(const struct move *m)
{
	struct record_target to = target(m, &m->to);
	for (size_t i = 0; i < m->neighbours->n; i++) /* a guess that spares the first packets a wait */
		(void)say(m, &m->neighbours->at[i], RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &to);
}

int move_make(const struct move *m, struct err *e)
{
	int rc = make_addresses(m, AF_INET, e);
	if (!rc)
		rc = make_addresses(m, AF_INET6, e);
	if (!rc)
		rc = make_routes(m, false, e);
	if (!rc)
		rc = make_routes(m, true, e);
	if (!rc)
		make_neighbours(m);
	return rc;
}

static void take_off_routes(const struct move *m, const struct move_end *end)
{
	struct record_target at = target(m, end);
	for (size_t i = m->routes->n; i-- > 0 && end->ifindex;)
		(void)say(m, &m->routes->at[i], RTM_DELROUTE, 0, &at);
}

static void take_off(const struct move *m, const struct move_end *end)
{
	struct record_target at = target(m, end);
	if (!end->ifindex)
		return;
	for (size_t i = 0; i < m->neighbours->n; i++)
		(void)say(m, &m->neighbours->at[i], RTM_DELNEIGH, 0, &at);
	take_off_routes(m, end);
	for (size_t i = m->addresses->n; i-- > 0;) /* secondary ones before the primary that would take them along */
		(void)say(m, &m->addresses->at[i], RTM_DELADDR, 0, &at);
}

void move_break_routes(const struct move *m) { take_off_routes(m, &m->from); }

void move_break(const struct move *m)
{
	struct move again = *m;
	struct err ignored = {0};
	take_off(m, &m->from);
	again.try_all = true;
	if (m->to.ifindex)
		(void)move_make(&again, &ignored);
}

void move_unmake(const struct move *m) { take_off(m, &m->to); }
