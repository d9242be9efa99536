/* SPDX-License-Identifier: Apache-2.0 */
/* DHCP clients that others run on an interface, and what their leases say. */
#pragma once

#include <stdbool.h>

#include "modules/hostnet/control/others.h"

struct process;

bool client_is_on(const struct process *p, const char *ifname);
/* A DUID as dhclient keeps it, from behind its opening quote (\000\001ab"), as hex digits. false: it is none, or too long. */
bool client_duid(const char *quoted, char *to, size_t size);
/* The DHCP part of others_look. */
void client_look(const char *ifname, int ifindex, const struct records *addresses, struct others *o);
