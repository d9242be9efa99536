/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest of a virtual subnet can send at the nodes that answer it: ARP, neighbour discovery, ICMP, DHCP, and
 * packets of any length into a tunnel. They may drop anything; they must not read or write beyond a piece, lose a
 * frame, answer more than was asked, unbalance the books, or send the guest what is no whole packet.
 *
 * Input: struct shape, then the frame's bytes. Each piece is a heap block of exactly its size, for ASan to watch.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ether.h>

#include "core/runtime/offload.h"
#include "tests/fuzz/pieces.h"
#include "tests/packet/hnv_guest.h"

struct shape {
	uint8_t mode; /* bits: 2012, l2only, dhcp, learn, clamp, bare; 0x40: from the adapter's own MAC address;
		      * 0x80: checksums are said to be right, so that mutations get beyond them */
	uint8_t repeat; /* times the last bytes are repeated: small inputs, long frames */
	uint16_t head; /* bytes of the first piece */
};
static_assert(sizeof(struct shape) == 4, "the corpus counts on it");

#define ROOM 256 /* behind the first piece, as frames of the pools have it */
/* To a guest goes what its stack can take: lengths that agree, checksums that are right. */
static void check_packet(struct frame *f)
{
	static uint8_t bytes[FRAME_MAX];
	uint32_t len = frame_len(f);
	CHECK(len >= 34 && len <= sizeof(bytes) && frame_read(f, 0, bytes, len));
	const uint8_t *ip = bytes + 14;
	uint16_t type = (uint16_t)(bytes[12] << 8 | bytes[13]);
	if (type == RTE_ETHER_TYPE_IPV4) {
		CHECK(ip[0] >> 4 == 4 && offload_sum_fold(offload_sum(ip, (ip[0] & 0xfu) * 4, 0)) == 0xffff);
		CHECK((uint32_t)(ip[2] << 8 | ip[3]) + 14 <= len);
	} else if (type == RTE_ETHER_TYPE_IPV6) {
		CHECK(ip[0] >> 4 == 6 && (uint32_t)(ip[4] << 8 | ip[5]) + 54 <= len);
	} else {
		CHECK(type == RTE_ETHER_TYPE_ARP);
	}
}

static void mode_set(uint8_t bits)
{
	static const char *const name[] = {"2012", "l2only", "dhcp", "learn", "clamp", "bare"};
	char mode[64] = "";
	for (unsigned i = 0; i < RTE_DIM(name); i++)
		if (bits >> i & 1)
			strcat(mode, name[i]);
	guest_mode(mode);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	guest_start();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t vm[6] = {0, 0x15, 0x5d, 0, 0, 5};
	static uint8_t bytes[FRAME_BIG_ROOM];
	struct shape s;
	if (size < sizeof(s))
		return 0;
	memcpy(&s, data, sizeof(s));
	data += sizeof(s);
	size -= sizeof(s);
	uint32_t len = (uint32_t)RTE_MIN(size, sizeof(bytes)), last = RTE_MIN(len, 256u);
	memcpy(bytes, data, len);
	for (unsigned i = 0; last && i < s.repeat && len + last <= sizeof(bytes); i++, len += last)
		memcpy(bytes + len, data + size - last, last);
	if (s.mode & 0x40 && len >= 12)
		memcpy(bytes + 6, vm, 6);

	uint32_t head = RTE_MIN(len, (uint32_t)s.head);
	struct frame *f = frame_of(piece_make(guest_pools.small, bytes, (uint16_t)head, head < len ? 0 : ROOM));
	if (head < len)
		CHECK(rte_pktmbuf_chain(&f->m,
					piece_make(guest_pools.small, bytes + head, (uint16_t)(len - head), 0)) == 0);
	if (s.mode & 0x80)
		f->m.ol_flags |= FRAME_CSUM_GOOD;
	mode_set(s.mode);
	guest_send_frame(f);
	guest_turn();
	for (unsigned i = 0; guest_got(GUEST_VM, i); i++) {
		CHECK(i == 0); /* one question, one answer */
		check_packet(guest_got(GUEST_VM, i));
	}
	guest_clear();
	CHECK(guest_books_balance());
	CHECK(rte_mempool_in_use_count(guest_pools.small) == 0 && rte_mempool_in_use_count(guest_pools.big) == 0);
	return 0;
}
