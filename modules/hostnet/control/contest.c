/* SPDX-License-Identifier: Apache-2.0 */
/* See contest.h. */
#include "modules/hostnet/control/contest.h"

#include <net/if.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "core/control/netlink.h"
#include "modules/hostnet/control/move.h"
#include "modules/hostnet/control/route.h"
#include "modules/hostnet/control/takeovers.h"
#include "modules/port-wire/port-wire.h"

#define CONTESTED_NS (15ull * 1000000000) /* NetworkManager takes seconds to let go, ifup to be done */

static struct takeover *taken_find(const char *ifname)
{
	struct takeover *t = takeovers_list();
	while (t && strcmp(t->ifname, ifname) != 0)
		t = t->next;
	return t;
}

void contest_keep_off(struct netlink *nl, struct takeover *t)
{
	if (!others_keep_off(t->ifname) && t->settled)
		return;
	t->settled = true;
	t->contested_until_ns = clock_now_ns() + CONTESTED_NS;
	port_wire_hold(nl, t->ifname);
}

void contest_hold(struct netlink *nl)
{
	for (struct takeover *t = takeovers_list(); t; t = t->next)
		if (t->contested_until_ns)
			port_wire_hold(nl, t->ifname);
}

void contest_settle(struct netlink *nl)
{
	uint64_t now = clock_now_ns();
	for (struct takeover *t = takeovers_list(); t; t = t->next) {
		if (!t->contested_until_ns)
			continue;
		bool over = t->contested_until_ns <= now;
		if (over)
			t->contested_until_ns = 0;
		(void)others_keep_off(t->ifname); /* ifup says only when it is done that the interface is up */
		others_stop_clients(t->ifname, !over);
		port_wire_hold(nl, t->ifname);
	}
}

/* Addresses that came onto a taken interface. */
static void take_off(struct netlink *nl, struct takeover *t, uint32_t ifindex, const struct records *intruders)
{
	char who[96], text[IP_PREFIX_TEXT_SIZE];
	struct records routes = {0}, none = {0};
	struct record_view v;
	struct netlink_link link;
	uint32_t tap = *t->tap && netlink_link_get(nl, t->tap, &link) == 0 ? (uint32_t)link.index : 0;
	others_culprit(t->ifname, who, sizeof(who));
	for (size_t i = 0; i < intruders->n; i++)
		if (record_view(&intruders->at[i], &v) == 0)
			log_warning(
				"host",
				"%s gave %s the address %s, which is taken off again: the interface is a switch's uplink",
				who, t->ifname, ip_prefix_format(&v.prefix, text));
	others_stop_clients(t->ifname, true);
	if (tap)
		(void)route_dump(nl, tap, &routes);
	struct move m = {
		.nl = nl, .addresses = intruders, .routes = &none, .neighbours = &none, .from = {ifindex, t->ifname}};
	move_break(&m);
	/* Some kernels drop the tap's routes from the same source address along with it. */
	struct move again = {.nl = nl,
			     .addresses = &none,
			     .routes = &routes,
			     .neighbours = &none,
			     .from = {tap, t->tap},
			     .to = {tap, t->tap},
			     .try_all = true};
	struct err ignored = {0};
	if (tap)
		(void)move_make(&again, &ignored);
	records_clear(&routes);
	t->settled = false; /* whoever did it may be in the middle of it */
	contest_keep_off(nl, t);
}

void contest_clean(struct netlink *nl, uint32_t ifindex)
{
	char name[IFNAMSIZ];
	struct records there;
	struct takeover *t = if_indextoname(ifindex, name) ? taken_find(name) : NULL;
	if (!t || t->fresh || address_dump(nl, ifindex, &there) < 0)
		return;
	if (there.n)
		take_off(nl, t, ifindex, &there);
	records_clear(&there);
}
