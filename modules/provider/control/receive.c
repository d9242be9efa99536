/* SPDX-License-Identifier: Apache-2.0 */
/* What provider_receive handed up, on the control thread. Everything in it was sent by somebody else. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <rte_ether.h>

#include "base/log.h"
#include "modules/provider/control/group.h"
#include "modules/provider/control/lent.h"
#include "modules/provider/control/neighbour.h"
#include "modules/provider/control/path.h"
#include "modules/provider/control/ping.h"
#include "modules/provider/datapath/provider_parse.h"
#include "modules/provider/datapath/provider_punt.h"

/* Somebody else says that a PA of ours is his. Told once for each claimant. */
static void claimed(const struct network *net, struct network_address *own, const struct mac *mac)
{
	char object[IP_TEXT_SIZE + 20], text[IP_TEXT_SIZE], his[MAC_TEXT_SIZE];
	if (mac_to_u64(&own->duplicate) == mac_to_u64(mac))
		return;
	own->duplicate = *mac;
	snprintf(object, sizeof(object), "provider address %s", ip_format(&own->prefix.ip, text));
	log_warning(object, "%s on switch %s has it as well; give one of the two another address",
		    mac_format(mac, his), net->config->switch_name);
}

static void neighbour_message(struct network *net, struct frame *f)
{
	struct provider_message m;
	int vlan = provider_vlan_of(f);
	if (!provider_parse_neighbour(f, &m) || mac_is_zero(&m.mac))
		return;
	struct network_address *own = network_address_find(net->config, &m.sender);
	if (own) {
		if (mac_to_u64(&own->mac) != mac_to_u64(&m.mac))
			claimed(net, own, &m.mac);
		return;
	}
	struct lent *lent = lent_find(net, &m.sender);
	if (lent)
		lent_claimed(net, lent, &m.mac, network_now_ms());
	const struct peer *peer = peers_find(net->data->peers, &m.sender);
	if (peer && peer->neighbour && peer->neighbour->vlan == vlan)
		neighbour_heard(peer->neighbour, &m.mac, network_now_ms());
}

void provider_on_neighbour(uint16_t adapter, struct frame *f)
{
	struct network *net = network_by_uplink(adapter);
	if (net)
		neighbour_message(net, f);
	frame_free(f);
}

/* The plateaus of RFC 1191, 7: what a router meant that tells no MTU. */
static uint32_t plateau_below(uint32_t length)
{
	static const uint16_t plateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006};
	for (unsigned i = 0; i < sizeof(plateaus) / sizeof(plateaus[0]); i++)
		if (plateaus[i] < length)
			return plateaus[i];
	return 0;
}

static bool (*tunnelled)(uint8_t network, uint8_t protocol, const uint8_t *bytes, uint32_t len);

void provider_quoted_by(bool (*ours)(uint8_t network, uint8_t protocol, const uint8_t *bytes, uint32_t len))
{
	tunnelled = ours;
}

/* Did we send that, the beginning of a packet behind its IP header? Whoever is not on the path has to guess it. */
static bool is_ours(const struct path *path, uint8_t protocol, const uint8_t *bytes, uint32_t len)
{
	return path_sent_echo(path, protocol, bytes, len) || ping_sent_echo(path, protocol, bytes, len) ||
	       (tunnelled && tunnelled(path->net->index, protocol, bytes, len));
}

/* "Fragmentation needed" and "packet too big" quote the packet: one of ours, to somebody that a path leads to. */
static void too_big(const struct network *net, const struct provider_icmp *m)
{
	const uint8_t *quoted = m->body;
	bool ip6 = m->to.family == AF_INET6;
	uint32_t header = ip6 ? 40 : m->body_len ? (quoted[0] & 0xfu) * 4 : 0;
	if (header < 20 || m->body_len < header || quoted[0] >> 4 != (ip6 ? 6 : 4))
		return;
	struct ip from = ip6 ? provider_ip6_at(quoted + 8) : provider_ip4_at(quoted + 12);
	struct ip to = ip6 ? provider_ip6_at(quoted + 24) : provider_ip4_at(quoted + 16);
	uint32_t length = ip6 ? 40u + (quoted[4] << 8 | quoted[5]) : (uint32_t)(quoted[2] << 8 | quoted[3]);
	const struct peer *peer = peers_find(net->data->peers, &to);
	if (!ip_equal(&from, &m->to) || !peer || !peer->path ||
	    !is_ours(peer->path, quoted[ip6 ? 6 : 9], quoted + header, m->body_len - header))
		return;
	path_told_mtu(peer->path, m->mtu ? m->mtu : plateau_below(length), network_now_ms());
}

static void icmp_message(const struct network *net, struct frame *f)
{
	struct provider_icmp m;
	frame_parse(f);
	if (!provider_parse_icmp(f, &m) || !network_address_find(net->config, &m.to))
		return;
	bool ip6 = m.to.family == AF_INET6;
	if (m.type == (ip6 ? 129 : 0)) {
		const struct peer *peer = peers_find(net->data->peers, &m.from);
		if (!ping_answered(net, &m) && peer && peer->path)
			path_echo_answered(peer->path, &m, network_now_ms());
	} else {
		ping_refused(net, &m);
		if (ip6 ? m.type == 2 : m.type == 3 && m.code == 4)
			too_big(net, &m);
	}
}

void provider_on_icmp(uint16_t adapter, struct frame *f)
{
	const struct network *net = network_by_uplink(adapter);
	if (net)
		icmp_message(net, f);
	frame_free(f);
}

/* IGMPv2 and v3 have the group in the same place (RFC 2236, 2; RFC 3376, 4.1), MLDv1 and v2 too. */
void provider_on_query(uint16_t adapter, struct frame *f)
{
	static const struct ip none;
	struct network *net = network_by_uplink(adapter);
	frame_parse(f);
	bool ip6 = f->headers.ether_type == RTE_ETHER_TYPE_IPV6;
	uint32_t off = f->headers.l4_off + (ip6 ? 8u : 4u), size = ip6 ? 16 : 4;
	uint8_t group[16];
	if (net && f->headers.l4_off && frame_read(f, off, group, size)) {
		struct ip ip = ip6 ? provider_ip6_at(group) : provider_ip4_at(group);
		group_asked(net, memcmp(ip.byte, none.byte, sizeof(ip.byte)) ? &ip : &none);
	}
	frame_free(f);
}
