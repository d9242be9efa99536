/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The provider side of network virtualization: this host's provider addresses (PAs), kept out of the kernel's
 * sight ("compartment"), with neighbours, routes, VLAN and path MTU of their own. Who tunnels asks here for a
 * path to a remote PA and finds in it all that an outer header needs.
 *
 * A provider network is an address space of PAs on one switch; VSIDs are unique within one. The default is
 * called "default". Control thread, but for what is marked.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/mac.h"
#include "core/runtime/dataplane.h"
#include "core/runtime/frame.h"

#define PROVIDER_NETWORKS_MAX 64
#define PROVIDER_HEADER_MAX 64 /* bytes: Ethernet, one tag, IPv6 */

/*
 * What an outer header up to and including the IP header needs. Immutable; replaced as a whole when a
 * neighbour, a route or the path MTU changes, so that a worker reads one consistent state for a burst.
 */
struct provider_way {
	uint16_t uplink; /* adapter id of the switch's uplink */
	uint8_t header_len; /* of header: 34, 38, 54 or 58 */
	uint8_t l3_off; /* 14 or 18 */
	bool ip6;
	uint16_t mtu; /* of the path, L3 bytes: at most the uplink's; lowered by ICMP, raised again by probing */
	/* Ethernet (+ tag) + IP, addresses and constant fields filled in: DF set, TTL 64, total length, protocol, DSCP/ECN,
	 * id and checksum zero. For IPv4 `sum` is the unfolded checksum of it as it stands. */
	uint8_t header[PROVIDER_HEADER_MAX];
	uint32_t sum;
	struct ip local, remote;
};

/* A path to one remote PA. Shared by all who hold it. */
struct provider_path {
	struct ip remote;
	uint8_t network; /* index */
	/* Workers: NULL while the next hop's MAC address is not known, there is no route, or no PA of that family. Read once a
	 * burst, used until the worker's next quiescent state. */
	const struct provider_way *_Atomic way;
	const char *waiting; /* why way is NULL, for people; NULL when it is not */
};

/* The network called name, or -ENOENT. Those of the transaction under way if there is one. */
int provider_network_find(const char *name);
const char *provider_network_name(uint8_t network);
/* The network of a switch (each carries at most one), or -ENOENT; datapath too: by the switch's module_data. */
int provider_network_of(const char *switch_name);
extern unsigned provider_slot; /* in dp_switch.module_data: struct provider_switch, NULL: carries no PA */

/* A path to `remote`, made and resolved if nobody holds it yet (a neighbour is asked for at once, again and again
 * until it answers). NULL: out of memory. */
struct provider_path *provider_path_hold(uint8_t network, const struct ip *remote);
void provider_path_release(
	struct provider_path *p); /* NULL ok; kept for a minute, ready for whoever holds it again */
/* The way of p as it is now, but from `from`, another of this host's provider addresses; the way itself where the next hop is
 * not in that one's subnet and VLAN. false: there is no way. */
bool provider_way_from(const struct provider_path *p, const struct ip *from, struct provider_way *ret);
/* Could a path lead there: has the network a route to `remote`, which is another host's? */
bool provider_reaches(uint8_t network, const struct ip *remote);
/* Called after p's way changed (tunnels build their own headers on it). One listener a user. */
void provider_watch(void (*changed)(struct provider_path *p));

/* Worker: is this one of the switch's own PAs (a multicast group joined for it counts, one that is lent does not)? The frame's destination
 * MAC is the caller's to check. */
bool provider_is_local(const struct dp_switch *sw, const struct ip *address);
/* Worker: does the frame's destination MAC (and VLAN tag, if the PA has one) mean a PA of this switch? Cheap. */
bool provider_frame_is_ours(const struct dp_switch *sw, struct frame *f);
/* Worker: is a PA of the provider network known to be a peer (somebody holds a path to it)? */
bool provider_is_peer(const struct dp_switch *sw, const struct ip *address);

/* "Too big" narrows a path only if it quotes what we send: an echo of our own, or what ours() knows, by the quoted packet's
 * protocol and its `len` bytes behind the IP header (routers quote at least 8). One user: who tunnels. */
void provider_quoted_by(bool (*ours)(uint8_t network, uint8_t protocol, const uint8_t *bytes, uint32_t len));

/* A multicast group on the provider network: frames to it are taken. */
int provider_group_join(uint8_t network, const struct ip *group);
void provider_group_leave(uint8_t network, const struct ip *group);

/*
 * An address that this host answers for on a guest's behalf (rule nat): frames for it are taken; ARP, ND and pings of
 * those who are no guests are answered with `mac` (zero: that of the PA beside it), and it is announced. Each is lent
 * as often as it is returned; the last MAC address counts. In force with provider_address_flush. -ENOMEM.
 */
int provider_address_lend(uint8_t network, const struct ip *address, const struct mac *mac);
void provider_address_return(uint8_t network, const struct ip *address);
void provider_address_flush(void);

/* The uplink got an ICMP "fragmentation needed" / "packet too big" about a packet of ours: the path narrows, at
 * least the protocol's minimum. By whoever understood the quoted packet. */
void provider_path_narrow(uint8_t network, const struct ip *remote, uint32_t mtu);
