/* SPDX-License-Identifier: Apache-2.0 */
/* The module itself: its ports come and go by their drivers, others only ask what port-wire.h offers. */
#include "core/control/module.h"
#include "core/control/netlink.h"
#include "modules/port-wire/control/interface.h"
#include "modules/port-wire/port-wire.h"

void port_wire_unsilence(struct netlink *nl, const char *ifname)
{
	struct netlink_link link;
	if (netlink_link_get(nl, ifname, &link) == 0)
		silence_end(nl, &link);
}

void port_wire_hold(struct netlink *nl, const char *ifname)
{
	struct netlink_link link;
	if (netlink_link_get(nl, ifname, &link) == 0)
		silence_hold(nl, &link);
}

static struct module port_wire = {.name = "port-wire"};
MODULE(port_wire)
