/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What anybody on the provider network can send: a frame to a host with tenants, through the whole graph. Whatever it
 * is, no byte beyond it is read, no buffer is lost, the books balance, a guest gets nothing but untagged IP or ARP for its
 * own MAC address or a group, and nothing of a tenant's goes back to the wire.
 *
 * Input: struct shape, then the frame's bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "core/runtime/offload.h"
#include "tests/fuzz/pieces.h"
#include "tests/packet/hnv_rig.h"

struct shape {
	uint8_t mend; /* 1: the outer IPv4 length is made right, 2: its checksum, 4: an IPv6 length */
	uint8_t head; /* bytes in the first piece; 0: all */
};

static unsigned in_use;

/* So that the search gets past what a sum guards. */
static void mend(uint8_t *frame, size_t len, uint8_t how)
{
	uint8_t *ip = frame + 14;
	if (len >= 34 && frame[12] == 8 && frame[13] == 0) {
		if (how & 1) {
			ip[2] = (uint8_t)((len - 14) >> 8);
			ip[3] = (uint8_t)(len - 14);
		}
		if (how & 2 && ip[0] == 0x45) {
			memset(ip + 10, 0, 2);
			uint16_t sum = (uint16_t)~offload_sum_fold(offload_sum(ip, 20, 0));
			memcpy(ip + 10, &sum, 2);
		}
	} else if (len >= 54 && frame[12] == 0x86 && frame[13] == 0xdd && how & 4) {
		ip[4] = (uint8_t)((len - 54) >> 8);
		ip[5] = (uint8_t)(len - 54);
	}
}

static void check_guest(const char *name, const char *mac)
{
	uint8_t own[6], got[14];
	struct frame *f;
	rig_hex(mac, own);
	for (unsigned i = 0; (f = host_got(name, i)); i++) {
		CHECK(frame_len(f) >= 14 && frame_read(f, 0, got, sizeof(got)));
		CHECK(got[0] & 1 || !memcmp(got, own, 6));
		uint16_t type = (uint16_t)(got[12] << 8 | got[13]);
		CHECK(type == 0x0800 || type == 0x86dd || type == 0x0806);
	}
}

static void check_wire(void)
{
	uint8_t got[58];
	struct frame *f;
	for (unsigned i = 0; (f = host_got(WIRE, i)); i++)
		if (frame_read(f, 0, got, sizeof(got)))
			CHECK(!(got[12] == 8 && got[23] == 47) && !(got[12] == 0x86 && got[20] == 47));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	rig_start();
	in_use = rte_mempool_in_use_count(port_pools()->small);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[FRAME_SMALL_ROOM];
	struct shape s;
	if (size < sizeof(s))
		return 0;
	memcpy(&s, data, sizeof(s));
	size_t len = RTE_MIN(size - sizeof(s), sizeof(bytes));
	memcpy(bytes, data + sizeof(s), len);
	mend(bytes, len, s.mend);

	size_t head = s.head && s.head < len ? s.head : len;
	struct frame *f = frame_of(piece_make(port_pools()->small, bytes, (uint16_t)head, 0));
	if (head < len)
		CHECK(rte_pktmbuf_chain(
			      &f->m, piece_make(port_pools()->small, bytes + head, (uint16_t)(len - head), 0)) == 0);
	host_send_frame(WIRE, f);
	check_guest("c-web", "00:15:5d:00:00:05");
	check_guest("c-two", "00:15:5d:00:00:15");
	check_guest("c-db", "00:15:5d:00:00:25");
	check_guest("f-web", "00:15:5d:00:00:05");
	check_wire();
	host_clear();
	host_turn();
	host_clear();
	host_check_books();
	CHECK(rte_mempool_in_use_count(port_pools()->small) == in_use);
	return 0;
}
