/* SPDX-License-Identifier: Apache-2.0 */
/* Firewall rules that name an interface which the host is about to leave. Reads, never writes. */
#pragma once

typedef struct json_t json_t;

/* Appends a warning to the array `warnings` for each rule of nftables (iptables-nft among them) and
 * legacy iptables that matches on ifname. adapter: what to name instead; "" if nothing carries on. */
void firewall_warn(const char *ifname, const char *adapter, json_t *warnings);

/* The pure halves: a ruleset as `nft -j list ruleset` prints it, and the lines of iptables-save. */
void firewall_read_nft(const json_t *ruleset, const char *ifname, const char *adapter, json_t *warnings);
void firewall_read_iptables(const char *save, const char *tool, const char *ifname, const char *adapter,
			    json_t *warnings);
