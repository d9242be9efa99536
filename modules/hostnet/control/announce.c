/* SPDX-License-Identifier: Apache-2.0 */
/* See announce.h. */
#include "modules/hostnet/control/announce.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"

static unsigned arp_frame(const struct mac *mac, const struct ip *ip, uint8_t *f)
{
	memset(f, 0xff, 6);
	memcpy(f + 6, mac->byte, 6);
	bytes_put_be16(f + 12, ETHERTYPE_ARP);
	bytes_put_be16(f + 14, 1); /* Ethernet */
	bytes_put_be16(f + 16, ETHERTYPE_IP);
	f[18] = 6;
	f[19] = 4;
	bytes_put_be16(f + 20, 1); /* request: what every stack learns from */
	memcpy(f + 22, mac->byte, 6);
	memcpy(f + 28, ip->byte, 4);
	memset(f + 32, 0, 6);
	memcpy(f + 38, ip->byte, 4);
	return 42;
}

static uint16_t icmp6_checksum(const uint8_t *ip6, unsigned payload_len)
{
	uint32_t sum = payload_len + IPPROTO_ICMPV6; /* the pseudo header's last words */
	for (unsigned i = 8; i < 40 + payload_len; i += 2) /* addresses, then the payload, of even length here */
		sum += (uint32_t)ip6[i] << 8 | ip6[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static unsigned neighbour_frame(const struct mac *mac, const struct ip *ip, uint8_t *f)
{
	static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};
	uint8_t *ip6 = f + 14, *icmp = ip6 + 40;
	const unsigned payload = 32; /* 24 of the advertisement, 8 of the link-layer address option */
	memset(f, 0, 14 + 40 + payload);
	memcpy(f, (const uint8_t[]){0x33, 0x33, 0, 0, 0, 1}, 6);
	memcpy(f + 6, mac->byte, 6);
	bytes_put_be16(f + 12, ETHERTYPE_IPV6);
	ip6[0] = 0x60;
	bytes_put_be16(ip6 + 4, (uint16_t)payload);
	ip6[6] = IPPROTO_ICMPV6;
	ip6[7] = 255;
	memcpy(ip6 + 8, ip->byte, 16);
	memcpy(ip6 + 24, all_nodes, 16);
	icmp[0] = 136;
	icmp[4] = 0x20; /* override */
	memcpy(icmp + 8, ip->byte, 16);
	icmp[24] = 2; /* target link-layer address */
	icmp[25] = 1;
	memcpy(icmp + 26, mac->byte, 6);
	bytes_put_be16(icmp + 2, icmp6_checksum(ip6, payload));
	return 14 + 40 + payload;
}

unsigned announce_frame(const struct mac *mac, const struct ip *ip, uint8_t frame[static ANNOUNCE_FRAME_MAX])
{
	if (ip->family == AF_INET)
		return arp_frame(mac, ip, frame);
	return ip->family == AF_INET6 ? neighbour_frame(mac, ip, frame) : 0;
}

int announce_send(uint32_t ifindex, const struct mac *mac, const struct ip *ip)
{
	uint8_t frame[ANNOUNCE_FRAME_MAX];
	unsigned len = announce_frame(mac, ip, frame);
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)ifindex, .sll_halen = 6};
	memcpy(to.sll_addr, frame, 6);
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int rc = sendto(fd, frame, len, 0, (const struct sockaddr *)&to, sizeof(to)) == (ssize_t)len ? 0 : -errno;
	close(fd);
	return rc;
}
