/* SPDX-License-Identifier: Apache-2.0 */
/* Taking over an interface, and the way back; see takeover.h. */
#include "modules/hostnet/control/takeover.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "core/control/netlink.h"
#include "modules/hostnet/control/lease.h"
#include "modules/hostnet/control/move.h"
#include "modules/hostnet/control/route.h"
#include "modules/hostnet/control/sysctl.h"
#include "modules/port-wire/port-wire.h"

void takeover_boot_id(char buf[static 40])
{
	char *text = NULL;
	size_t len;
	buf[0] = '\0';
	if (file_read("/proc/sys/kernel/random/boot_id", 64, &text, &len) == 0)
		snprintf(buf, 40, "%.36s", text);
	free(text);
}

void takeover_free(struct takeover *t)
{
	if (!t)
		return;
	records_clear(&t->addresses);
	records_clear(&t->routes);
	records_clear(&t->neighbours);
	others_clear(&t->others);
	free(t);
}

/* ---- noting -------------------------------------------------------------------------------------------- */

int takeover_check(const struct takeover *t, struct err *e)
{
	if (t->routes.n > TAKEOVER_ROUTES_MAX)
		return err_set(e, E2BIG, NULL, "%zu routes lead through %s; at most %d can be moved", t->routes.n,
			       t->ifname, TAKEOVER_ROUTES_MAX);
	for (size_t i = 0; i < t->routes.n; i++) {
		char text[ROUTE_TEXT_SIZE];
		struct record_view v;
		if (record_view(&t->routes.at[i], &v) < 0 || (!v.multipath && !v.nexthop_object))
			continue;
		route_format(&(struct route){.to = v.prefix}, text);
		return err_set(
			e, EOPNOTSUPP, NULL,
			"the route to %s uses %s together with %s; make it a single route with `via`, then apply again",
			text, t->ifname, v.multipath ? "other interfaces (multipath)" : "a next-hop object");
	}
	return 0;
}

static int note_records(struct netlink *nl, struct takeover *t, uint32_t ifindex)
{
	int rc = address_dump(nl, ifindex, &t->addresses);
	if (!rc)
		rc = route_dump(nl, ifindex, &t->routes);
	if (!rc)
		rc = neighbour_dump(nl, ifindex, &t->neighbours);
	return rc;
}

int takeover_note(struct netlink *nl, const char *ifname, struct takeover **ret_takeover, struct err *e)
{
	struct netlink_link link;
	int rc = netlink_link_get(nl, ifname, &link);
	if (rc < 0)
		return err_set(e, -rc, NULL, "there is no interface %s", ifname);
	struct takeover *t = calloc(1, sizeof(*t));
	if (!t)
		return err_set(e, ENOMEM, NULL, "out of memory");
	snprintf(t->ifname, sizeof(t->ifname), "%s", ifname);
	takeover_boot_id(t->boot);
	t->noted_ms = clock_wall_ms();
	t->flags = link.flags;
	t->mac = link.mac;
	t->ipv6 = sysctl_read("ipv6", ifname, "disable_ipv6", 1) == 0;
	rc = note_records(nl, t, (uint32_t)link.index);
	if (rc < 0) {
		takeover_free(t);
		return err_set(e, -rc, NULL, "the addresses of %s cannot be read: %s", ifname, strerror(-rc));
	}
	others_look(ifname, link.index, &t->addresses, &t->others);
	*ret_takeover = t;
	return 0;
}

bool takeover_has_address(const struct takeover *t)
{
	struct record_view v;
	for (size_t i = 0; i < t->addresses.n; i++)
		if (record_view(&t->addresses.at[i], &v) == 0 && v.scope != RT_SCOPE_LINK)
			return true;
	return false;
}

bool takeover_has_default_route(const struct takeover *t)
{
	struct record_view v;
	for (size_t i = 0; i < t->routes.n; i++)
		if (record_view(&t->routes.at[i], &v) == 0 && v.prefix.len == 0 && v.table == RT_TABLE_MAIN)
			return true;
	return false;
}

/* ---- moving -------------------------------------------------------------------------------------------- */

static uint32_t ifindex_of(struct netlink *nl, const char *name)
{
	struct netlink_link link;
	return *name && netlink_link_get(nl, name, &link) == 0 ? (uint32_t)link.index : 0;
}

static uint32_t elapsed_s(const struct takeover *t)
{
	uint64_t now = clock_wall_ms();
	return now > t->noted_ms ? (uint32_t)((now - t->noted_ms) / 1000) : 0;
}

static struct move noted(struct netlink *nl, const struct takeover *t)
{
	return (struct move){.nl = nl,
			     .addresses = &t->addresses,
			     .routes = &t->routes,
			     .neighbours = &t->neighbours,
			     .elapsed_s = elapsed_s(t)};
}

/* How an interface behaves that carries these addresses: goes with them. */
static const struct {
	const char *family, *key;
} habits[] = {
	{"ipv4", "forwarding"}, {"ipv6", "forwarding"},	  {"ipv6", "accept_ra"},
	{"ipv6", "autoconf"},	{"ipv6", "use_tempaddr"},
};

static void copy_habits(const char *from, const char *to)
{
	for (size_t i = 0; i < sizeof(habits) / sizeof(*habits); i++) {
		int value = sysctl_read(habits[i].family, from, habits[i].key, -1);
		if (value >= 0 && sysctl_read(habits[i].family, to, habits[i].key, -1) != value)
			(void)sysctl_write(habits[i].family, to, habits[i].key, value);
	}
}

int takeover_move(struct netlink *nl, struct takeover *t, struct err *e)
{
	struct move m = noted(nl, t);
	m.from = (struct move_end){ifindex_of(nl, t->ifname), t->ifname};
	m.to = (struct move_end){ifindex_of(nl, t->tap), t->tap};
	if (!m.to.ifindex)
		return err_set(e, ENODEV, NULL, "the host's adapter %s is not there", t->tap);
	copy_habits(t->ifname, t->tap);
	if (!t->ipv6)
		(void)sysctl_write("ipv6", t->tap, "disable_ipv6", 1);
	int rc = move_make(&m, e);
	if (rc < 0) {
		move_unmake(&m);
		return rc;
	}
	t->others_off = true;
	others_stop_clients(t->ifname, false);
	move_break(&m);
	t->tap_ifindex = m.to.ifindex;
	return 0;
}

int takeover_follow(struct netlink *nl, struct takeover *t, const char *new_tap, struct err *e)
{
	struct takeover now = {0}; /* what the old tap has at this moment */
	uint32_t old = ifindex_of(nl, t->tap);
	int rc = old ? note_records(nl, &now, old) : 0;
	struct move m = noted(nl, t);
	if (rc == 0 && old)
		m.addresses = &now.addresses, m.routes = &now.routes, m.neighbours = &now.neighbours, m.elapsed_s = 0;
	m.from = (struct move_end){old, old ? t->tap : t->ifname};
	m.to = (struct move_end){ifindex_of(nl, new_tap), new_tap};
	rc = m.to.ifindex ? move_make(&m, e)
			  : err_set(e, ENODEV, NULL, "the host's adapter %s is not there", new_tap);
	if (rc < 0 && m.to.ifindex)
		move_unmake(&m);
	if (rc == 0) {
		move_break(&m);
		snprintf(t->tap, sizeof(t->tap), "%s", new_tap);
		t->tap_ifindex = m.to.ifindex;
	}
	records_clear(&now.addresses);
	records_clear(&now.routes);
	records_clear(&now.neighbours);
	return rc;
}

void takeover_strip(struct netlink *nl, struct takeover *t)
{
	struct move m = noted(nl, t);
	m.from = (struct move_end){ifindex_of(nl, t->ifname), t->ifname};
	m.to = (struct move_end){0, ""};
	t->others_off = true;
	others_stop_clients(t->ifname, true);
	move_break(&m);
}

int takeover_replay(struct netlink *nl, struct takeover *t, struct err *e)
{
	struct move m = noted(nl, t);
	m.from = (struct move_end){0, t->ifname};
	m.to = (struct move_end){ifindex_of(nl, t->tap), t->tap};
	if (!m.to.ifindex)
		return err_set(e, ENODEV, NULL, "the host's adapter %s is not there", t->tap);
	if (t->tap_ifindex != m.to.ifindex) {
		copy_habits(t->ifname, t->tap);
		if (!t->ipv6)
			(void)sysctl_write("ipv6", t->tap, "disable_ipv6", 1);
	}
	int rc = move_make(&m, e);
	t->tap_ifindex = m.to.ifindex;
	takeover_boot_id(t->boot);
	return rc;
}

static bool lease_has_router(const struct lease *l, const struct ip *router)
{
	for (size_t i = 0; i < l->n_routes; i++)
		if (!l->routes[i].to.len && ip_equal(&l->routes[i].via, router))
			return true;
	return false;
}

/* Addresses and routes in one list. */
static int note_tap(struct netlink *nl, uint32_t ifindex, struct records *into)
{
	struct records routes = {0};
	int rc = address_dump(nl, ifindex, into);
	if (!rc)
		rc = route_dump(nl, ifindex, &routes);
	for (size_t i = 0; i < routes.n; i++)
		(void)record_copy(&routes.at[i], into);
	records_clear(&routes);
	return rc;
}

/* Does it go when the address does? */
static bool hangs_on(const struct record *r, const struct ip *address)
{
	struct record_view v;
	return record_view(r, &v) == 0 && v.family == AF_INET &&
	       ip_equal(r->type == RTM_NEWADDR ? &v.prefix.ip : &v.source, address);
}

/* Does the list have it, if with another source or metric? */
static bool leads_there(const struct records *list, const struct record *r)
{
	struct record_view v, w;
	for (size_t i = 0; i < list->n; i++)
		if (record_view(r, &v) == 0 && record_view(&list->at[i], &w) == 0 && v.table == w.table &&
		    v.prefix.len == w.prefix.len && ip_equal(&v.prefix.ip, &w.prefix.ip) &&
		    ip_equal(&v.gateway, &w.gateway))
			return true;
	return false;
}

/* In a list that is to be said on the interface: the old lease's entries out, those of the new one that the tap has in. */
static void note_new_lease(struct records *list, uint16_t type, const struct records *have, const struct ip *old,
			   const struct ip *now)
{
	struct records kept = {0};
	for (size_t i = 0; i < list->n; i++)
		if (!hangs_on(&list->at[i], old))
			(void)record_copy(&list->at[i], &kept);
	for (size_t i = 0; i < have->n; i++) {
		if (have->at[i].type != type || !hangs_on(&have->at[i], now) || leads_there(&kept, &have->at[i]) ||
		    record_copy(&have->at[i], &kept) < 0)
			continue;
		record_set_protocol(&kept.at[kept.n - 1], 0, RTPROT_DHCP); /* no longer weft's */
	}
	records_clear(list);
	*list = kept;
}

void takeover_lease_changed(struct netlink *nl, struct takeover *t, const struct lease *l)
{
	const struct ip gone = t->others.dhcp_address, *old = &gone;
	struct records addresses = {0}, routes = {0};
	struct move m = {.nl = nl,
			 .addresses = &addresses,
			 .routes = &routes,
			 .neighbours = &(struct records){0},
			 .from = {ifindex_of(nl, t->tap), t->tap}};
	if (!m.from.ifindex || !old->family || ip_equal(old, &l->address.ip))
		return;
	struct records have = {0};
	(void)note_tap(nl, m.from.ifindex, &have);
	for (size_t i = 0; i < have.n; i++) {
		struct record_view v;
		if (record_view(&have.at[i], &v) < 0 || v.family != AF_INET || v.protocol == HOSTNET_PROTOCOL)
			continue;
		if (have.at[i].type == RTM_NEWADDR && ip_equal(&v.prefix.ip, old))
			(void)record_copy(&have.at[i], &addresses);
		else if (have.at[i].type == RTM_NEWROUTE && !v.prefix.len && !lease_has_router(l, &v.gateway))
			(void)record_copy(&have.at[i], &routes);
	}
	move_break(&m);
	/* The way back leads to the new lease; how long that lasts is looked up then. */
	note_new_lease(&t->addresses, RTM_NEWADDR, &have, old, &l->address.ip);
	note_new_lease(&t->routes, RTM_NEWROUTE, &have, old, &l->address.ip);
	t->others.dhcp_address = l->address.ip;
	records_clear(&have);
	records_clear(&addresses);
	records_clear(&routes);
}

/* ---- the way back -------------------------------------------------------------------------------------- */

static const struct record *find_address(const struct records *among, const struct record_view *v,
					 struct record_view *ret_view)
{
	for (size_t i = 0; i < among->n; i++)
		if (record_view(&among->at[i], ret_view) == 0 && ret_view->prefix.len == v->prefix.len &&
		    ip_equal(&ret_view->prefix.ip, &v->prefix.ip))
			return &among->at[i];
	return NULL;
}

/* Leases were renewed on the tap meanwhile: noted lifetimes become what is left now (and elapsed on top, which
 * is taken off again when they are said). */
static void refresh_lifetimes(struct takeover *t, const struct records *on_tap)
{
	uint32_t elapsed = elapsed_s(t);
	for (size_t i = 0; i < t->addresses.n; i++) {
		struct record_view noted_view, now;
		if (record_view(&t->addresses.at[i], &noted_view) < 0 || noted_view.valid_s == UINT32_MAX ||
		    !find_address(on_tap, &noted_view, &now) || now.valid_s == UINT32_MAX)
			continue;
		record_set_lifetime(&t->addresses.at[i], now.valid_s + elapsed, now.preferred_s + elapsed);
	}
}

/* Everything onto the interface, whose own stack speaks again, in the state that it has on the tap. Returns the
 * move, for what is to be done about the tap; to.ifindex 0: there is no such interface. */
static struct move make_on_interface(struct netlink *nl, struct takeover *t, struct err *e)
{
	struct records on_tap = {0};
	struct move m = noted(nl, t);
	m.try_all = true;
	m.from = (struct move_end){ifindex_of(nl, t->tap), t->tap};
	m.to = (struct move_end){ifindex_of(nl, t->ifname), t->ifname};
	if (!m.to.ifindex)
		return m;
	port_wire_unsilence(nl, t->ifname); /* no IPv6 address could be set before */
	if (t->ipv6 && sysctl_read("ipv6", t->ifname, "disable_ipv6", 0) != 0)
		(void)sysctl_write("ipv6", t->ifname, "disable_ipv6", 0);
	if ((t->flags & IFF_UP) || takeover_has_address(t)) /* silenced early in a boot it was still down */
		(void)netlink_link_change(nl, (int)m.to.ifindex,
					  &(struct netlink_link_change){.flags = IFF_UP, .flags_mask = IFF_UP});
	if (m.from.ifindex && address_dump(nl, m.from.ifindex, &on_tap) == 0)
		refresh_lifetimes(t, &on_tap);
	records_clear(&on_tap);
	(void)move_make(&m, e);
	return m;
}

int takeover_give_back(struct netlink *nl, struct takeover *t)
{
	struct err e = {0};
	struct move m = make_on_interface(nl, t, &e);
	if (!m.to.ifindex) {
		log_warning("host", "%s is not there; it cannot be given its addresses back", t->ifname);
		return -ENODEV;
	}
	if (e.text[0])
		log_error("host", "%s is not as it was: %s", t->ifname, e.text);
	move_break(&m);
	if (t->others_off)
		others_let_in(t->ifname, &t->others);
	t->others_off = false;
	return e.text[0] ? -EIO : 0;
}

void takeover_stand_in(struct netlink *nl, struct takeover *t)
{
	struct err e = {0};
	struct move m = make_on_interface(nl, t, &e);
	if (e.text[0])
		log_error("host", "%s cannot stand in for %s: %s", t->ifname, t->tap, e.text);
	if (m.to.ifindex)
		move_break_routes(&m);
}
