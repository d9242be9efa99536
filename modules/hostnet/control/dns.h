/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Name servers of a host adapter, handed to whoever keeps them on this machine: systemd-resolved, resolvconf,
 * or /etc/resolv.conf itself, where a marked block is ours.
 */
#pragma once

#include <net/if.h>
#include <stddef.h>

#include "base/ip.h"

struct dns {
	const char *ifname;
	const struct ip *servers;
	size_t n;
	const char *domain; /* search domain; NULL or "": none */
};

/* n 0: what was set for this adapter is taken away. 0 or -errno. */
int dns_set(const struct dns *d);

/* The text of resolv.conf with the adapter's block replaced, added in front, or (n 0) removed; everything else
 * stays as it is. The caller frees. NULL: out of memory. */
char *dns_edit(const char *text, const struct dns *d);
