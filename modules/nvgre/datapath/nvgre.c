/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVGRE, RFC 7637 and [MS-NVGREE] 2.2.1: GRE (RFC 2784) with a key (RFC 2890) of 24 bits of virtual subnet and 8 of
 * FlowID, around an Ethernet frame.
 */
#include <string.h>

#include "core/runtime/drop.h"
#include "modules/hnv/hnv.h"

DROP(nvgre, nvgre_header, "nvgre-header",
     "GRE that is not NVGRE: cut off, a version, checksum, sequence or routing bit, no key, or not Ethernet inside; let "
     "the sender use flags 0x2000 and protocol type 0x6558 (RFC 7637, 3.2)")

#define GRE_HEADER 8

/* C = 0, K = 1, S = 0, reserved and version 0; Transparent Ethernet Bridging. */
static const uint8_t gre_nvgre[4] = {0x20, 0x00, 0x65, 0x58};

static void nvgre_prepare(uint8_t *own)
{
	memcpy(own, gre_nvgre, sizeof(gre_nvgre));
	memset(own + 4, 0, 4);
}

/* The FlowID is no concern of the receiver (3.2). */
static unsigned nvgre_decapsulate(const struct frame *f, uint32_t *ret_vsid, const struct drop_reason **ret_reason)
{
	const uint8_t *gre = rte_pktmbuf_mtod_offset(&f->m, const uint8_t *, f->headers.l4_off);
	unsigned end = f->headers.l4_off + GRE_HEADER;
	if (unlikely(end > frame_head_len(f) || memcmp(gre, gre_nvgre, sizeof(gre_nvgre)) != 0)) {
		*ret_reason = &drop_nvgre_header;
		return 0;
	}
	*ret_vsid = (uint32_t)gre[4] << 16 | (uint32_t)gre[5] << 8 | gre[6];
	return end;
}

static struct hnv_encapsulation nvgre = {
	.name = "nvgre",
	.ip_protocol = 47,
	.header_len = GRE_HEADER,
	.overhead = GRE_HEADER + 14,
	.vsid_off = 4,
	.flow_id = 0xff, /* 3.2: entropy for those who balance on the key */
	.same = {0xff, 0xff, 0xff, 0xff},
	.prepare = nvgre_prepare,
	.decapsulate = nvgre_decapsulate,
};
HNV_ENCAPSULATION(nvgre)
