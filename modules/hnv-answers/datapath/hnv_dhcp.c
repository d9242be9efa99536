/* SPDX-License-Identifier: Apache-2.0 */
/* What DHCPv4 and DHCPv6 have in common: reading the datagram, and whose addresses are whose. */
#include "modules/hnv-answers/datapath/hnv_dhcp.h"

#include <netinet/in.h>

#include "modules/hnv/reply.h"

DROP_POLICY(
	hnv_answers, dhcp_refused, "dhcp-refused",
	"DHCP in a virtual subnet with dhcp: true that is not a client's own well-formed message: a server's, a relay's, "
	"another MAC address's")
DROP(hnv_answers, dhcp_no_address, "dhcp-no-address",
     "the guest asks for an address and no lookup record gives its adapter one of that family; add the record")

bool hnv_dhcp_read(struct frame *f, uint8_t bytes[static HNV_DHCP_BYTES_MAX], struct cursor *ret_payload,
		   uint16_t *ret_to_port)
{
	const struct frame_headers *h = &f->headers;
	uint32_t len = frame_len(f);
	if (h->fragmented || len > HNV_DHCP_BYTES_MAX || !frame_read(f, 0, bytes, len) || h->l4_off + HNV_UDP > len)
		return false;
	const uint8_t *ip = bytes + HNV_ETHER, *udp = bytes + h->l4_off;
	uint16_t udp_len = (uint16_t)(udp[4] << 8 | udp[5]), zero = 0, sum;
	if (udp_len < HNV_UDP || h->l4_off + (uint32_t)udp_len > len)
		return false;
	bool ip4 = ip[0] >> 4 == 4, open = f->m.ol_flags & (FRAME_OFFLOAD | FRAME_CSUM_GOOD);
	memcpy(&sum, udp + 6, 2);
	if (!open && (sum || !ip4)) { /* RFC 768: 0 says there is none; RFC 8200, 8.1: there always is */
		memcpy(bytes + h->l4_off + 6, &zero, 2);
		uint16_t right =
			ip4 ? hnv_sum4(ip, IPPROTO_UDP, udp, udp_len) : hnv_sum6(ip, IPPROTO_UDP, udp, udp_len);
		if (sum != right)
			return false;
	}
	*ret_to_port = (uint16_t)(udp[2] << 8 | udp[3]);
	*ret_payload = cursor_over(udp + HNV_UDP, udp_len - HNV_UDP);
	return true;
}

const struct ip_prefix *hnv_dhcp_prefix(const struct hnv_subnet *s, const struct ip *address)
{
	for (uint8_t i = 0; i < s->n_prefixes; i++)
		if (ip_prefix_contains(&s->prefix[i], address))
			return &s->prefix[i];
	return NULL;
}

unsigned hnv_dhcp_addresses(const struct hnv_port *port, uint8_t family,
			    struct ip ret_address[static HNV_DHCP_ADDRESSES_MAX])
{
	const struct hnv_addresses *own = atomic_load_explicit(&port->own, memory_order_acquire);
	unsigned n = 0;
	for (uint16_t i = 0; own && i < own->n && n < HNV_DHCP_ADDRESSES_MAX; i++)
		if (own->address[i].family == family && hnv_dhcp_prefix(port->subnet, &own->address[i]))
			ret_address[n++] = own->address[i];
	return n;
}
