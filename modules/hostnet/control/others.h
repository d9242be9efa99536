/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who else looks after an interface that was taken over: NetworkManager, systemd-networkd, ifupdown, a DHCP
 * client. They are told or stopped, so that the next lease or boot does not undo the takeover, and let back in
 * when the interface is given back.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/ip.h"
#include "modules/hostnet/control/record.h"

typedef struct json_t json_t;

#define OTHERS_CLIENT_ID_SIZE 516 /* DHCP option 61 as hex digits: at most 255 bytes, the type among them */

struct others {
	bool dhcp; /* an IPv4 address came by DHCP */
	struct ip dhcp_address; /* which; family 0: not known */
	char client_id[OTHERS_CLIENT_ID_SIZE]; /* what the server knows the host by; "": its MAC, no option sent */
	json_t *clients; /* [[argv...]...] of DHCP clients that ran on the interface; NULL: none */
};

/* Reads leases, processes and configuration; changes nothing. Best effort: what cannot be read is not there. */
void others_look(const char *ifname, int ifindex, const struct records *addresses, struct others *ret_others);
void others_clear(struct others *o);

/* DHCP clients of this interface alone end, without releasing their lease. patient: not one whose starter (ifup) still
 * waits for it, and would fail. */
void others_stop_clients(const char *ifname, bool patient);
/* After addresses moved: managers leave the interface alone from now on. Idempotent. true: one had to be told, and
 * on letting go may set the interface down or turn on its IPv6, soon after. */
bool others_keep_off(const char *ifname);
/* The interface is its owners' again. */
void others_let_in(const char *ifname, const struct others *o);

/* "systemd-networkd", "NetworkManager", "ifupdown", "a DHCP client (pid 812)" or "somebody": who may have put an
 * address on the interface. */
const char *others_culprit(const char *ifname, char *buf, size_t size);
/* A warning about configuration that will name the interface again at the next boot; false: nothing to say. */
bool others_warning(const char *ifname, char *buf, size_t size);
