/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pings of other hosts' provider addresses, by the stack that tunnels use: GET /v1/ping-provider. Private to
 * modules/provider/control.
 */
#pragma once

#include "modules/provider/control/network.h"
#include "modules/provider/datapath/provider_parse.h"

/* An echo reply, or an error that quotes a packet; true: it was a ping's. */
bool ping_answered(const struct network *net, const struct provider_icmp *m);
void ping_refused(const struct network *net, const struct provider_icmp *m);
/* Is that, behind an IP header, the beginning of a ping that is under way to where the path leads? */
bool ping_sent_echo(const struct path *path, uint8_t protocol, const uint8_t *bytes, uint32_t len);
void ping_fini(void);
