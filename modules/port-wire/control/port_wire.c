/* SPDX-License-Identifier: Apache-2.0 */
/* See port-wire.h. */
#include "core/control/netlink.h"
#include "modules/port-wire/control/interface.h"
#include "modules/port-wire/port-wire.h"

void port_wire_unsilence(struct netlink *nl, const char *ifname)
{
	struct netlink_link link;
	if (netlink_link_get(nl, ifname, &link) == 0)
		silence_end(nl, &link);
}
