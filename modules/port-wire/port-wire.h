/* SPDX-License-Identifier: Apache-2.0 */
/* What other modules may ask of port-wire. Control thread, or a process without workers. */
#pragma once

struct netlink;

/* The interface's own stack speaks again, as before any weftd silenced it: for when addresses return to it, or no
 * port is there to do so. Not silent, or not there: nothing happens. */
void port_wire_unsilence(struct netlink *nl, const char *ifname);

/* Whoever had the interface before let go of it, and set it down or turned its IPv6 on in doing so: up and silent
 * again. Not silent, or not there: nothing happens. */
void port_wire_hold(struct netlink *nl, const char *ifname);
