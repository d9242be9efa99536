/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DHCP for one host adapter: udhcpc as a child, and a hook script of ours that hands its lease over in a file.
 * Why udhcpc: docs/decisions. The lease file stays, so that a restarted weftd knows what it has and asks
 * for the same again. Control thread.
 */
#pragma once

#include <net/if.h>

#include "modules/hostnet/control/lease.h"

struct dhcp_client;

struct dhcp_options {
	const char *ifname;
	const char *client_id; /* hex digits of option 61; "": send none; NULL: type 1 and the MAC */
	struct ip wanted; /* the address to ask for when there is no lease yet; family 0: any */
};

/* Called when the lease came, was renewed, or is gone (client's lease: NULL). */
typedef void dhcp_changed_fn(struct dhcp_client *c, void *arg);

/* Takes an unexpired lease that an earlier weftd left; the program runs from dhcp_start on. NULL: out of memory. */
struct dhcp_client *dhcp_new(const struct dhcp_options *o, const char *state_dir, dhcp_changed_fn *changed,
			     void *arg);
void dhcp_start(struct dhcp_client *c); /* running already: nothing */
/* Ends the program without giving the address back. forget: the lease file goes, too. */
void dhcp_free(struct dhcp_client *c, bool forget); /* NULL ok */

const struct lease *dhcp_lease(const struct dhcp_client *c); /* NULL: none */
const char *dhcp_state(const struct dhcp_client *c); /* "bound", "asking", or why it cannot */
void dhcp_tick(struct dhcp_client *c); /* once a second: leases run out */
