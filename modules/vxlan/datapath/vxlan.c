/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VXLAN, RFC 7348: UDP to port 4789 with eight bytes of its own, around an Ethernet frame. The VNI is the virtual
 * subnet's id, the source port as much of the inner flow's hash as has room.
 */
#include <netinet/in.h>
#include <string.h>

#include "core/runtime/drop.h"
#include "core/runtime/offload.h"
#include "modules/hnv/hnv.h"

DROP(vxlan, vxlan_header, "vxlan-header",
     "UDP to port 4789 that is not VXLAN: cut off, its lengths at odds, or its flags not 0x08 (RFC 7348, 5)")
DROP(vxlan, vxlan_checksum, "vxlan-checksum",
     "the UDP checksum around a VXLAN frame is wrong: it was damaged on the way")

#define VXLAN_PORT 4789
#define VXLAN_HEADER 16 /* with UDP's */
#define VXLAN_FLAGS 0x08 /* the VNI is there */
#define SOURCE_PORT_MIN 49152u /* RFC 7348, 5: from the dynamic ports, RFC 6335 */
#define SOURCE_PORT_BITS 14

static void vxlan_prepare(uint8_t *own)
{
	memset(own, 0, VXLAN_HEADER);
	own[2] = VXLAN_PORT >> 8;
	own[3] = VXLAN_PORT & 0xff;
	own[8] = VXLAN_FLAGS;
}

/* The checksum stays zero: RFC 7348, 5 for IPv4, and RFC 6935 with 6936 for tunnels over IPv6, whose inner packets
 * have checksums of their own. */
static void vxlan_finish(const struct hnv_tunnel *t, struct frame **frames, const struct hnv_flow *flows, uint16_t n)
{
	unsigned off = t->header_len - (unsigned)VXLAN_HEADER;
	for (uint16_t i = 0; i < n; i++) {
		uint8_t *udp = frame_data(frames[i]) + off;
		bytes_put_be16(udp, SOURCE_PORT_MIN + (flows[i].hash >> (32 - SOURCE_PORT_BITS)));
		bytes_put_be16(udp + 4, frame_len(frames[i]) - off);
	}
}

/* Verified already, or right. Where one is still open, this or an inner one that it is reckoned with (Linux: local
 * checksum offload), the packet never left this machine. */
static bool checksum_good(const struct frame *f, uint16_t udp_len)
{
	const struct frame_headers *h = &f->headers;
	if (f->m.ol_flags & FRAME_CSUM_GOOD ||
	    (f->m.ol_flags & FRAME_OFFLOAD && f->offload.csum && f->offload.csum_start >= h->l4_off))
		return true;
	bool ip4 = h->ether_type == 0x0800;
	const uint8_t *ip = rte_pktmbuf_mtod_offset(&f->m, const uint8_t *, h->l3_off);
	uint64_t sum = offload_sum(ip + (ip4 ? 12 : 8), ip4 ? 8 : 32, 0);
	sum += rte_cpu_to_be_16(IPPROTO_UDP);
	sum += rte_cpu_to_be_16(udp_len);
	return offload_sum_fold(sum + offload_frame_sum(f, h->l4_off)) == 0xffff;
}

static unsigned vxlan_decapsulate(const struct frame *f, uint32_t *ret_vsid, const struct drop_reason **ret_reason)
{
	const uint8_t *udp = rte_pktmbuf_mtod_offset(&f->m, const uint8_t *, f->headers.l4_off);
	unsigned end = f->headers.l4_off + (unsigned)VXLAN_HEADER;
	uint16_t len, sum;
	*ret_reason = &drop_vxlan_header;
	if (unlikely(end > frame_head_len(f)))
		return 0;
	memcpy(&len, udp + 4, sizeof(len));
	memcpy(&sum, udp + 6, sizeof(sum));
	len = rte_be_to_cpu_16(len);
	if (unlikely(len != frame_len(f) - f->headers.l4_off || udp[8] != VXLAN_FLAGS))
		return 0;
	*ret_reason = &drop_vxlan_checksum;
	if (unlikely(sum && !checksum_good(f, len)))
		return 0;
	*ret_vsid = (uint32_t)udp[12] << 16 | (uint32_t)udp[13] << 8 | udp[14];
	*ret_reason = NULL;
	return end;
}

static struct hnv_encapsulation vxlan = {
	.name = "vxlan",
	.ip_protocol = IPPROTO_UDP,
	.udp_port = VXLAN_PORT,
	.header_len = VXLAN_HEADER,
	.overhead = VXLAN_HEADER + 14,
	.vsid_off = 12,
	.same = {[2] = 0xff, 0xff, [6] = 0xff, 0xff, 0xff}, /* port, checksum, flags */
	.prepare = vxlan_prepare,
	.finish = vxlan_finish,
	.decapsulate = vxlan_decapsulate,
};
HNV_ENCAPSULATION(vxlan)
