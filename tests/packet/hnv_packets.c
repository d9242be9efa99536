/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/packet/hnv_packets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "core/runtime/offload.h"
#include "modules/hnv/reply.h"

const uint8_t packet_vm[6] = {0, 0x15, 0x5d, 0, 0, 5}, packet_peer[6] = {0, 0x15, 0x5d, 0, 0, 6};

size_t packet_hex(const char *text, uint8_t *to)
{
	size_t n = 0;
	unsigned byte;
	for (; *text && sscanf(text, "%2x", &byte) == 1; text += 2)
		to[n++] = (uint8_t)byte;
	return n;
}

void packet_check(const char *about, struct frame *f, const uint8_t *want, size_t len)
{
	uint8_t got[2048] = {0};
	if (frame_len(f) != len || !frame_read(f, 0, got, (uint32_t)len))
		fail_msg("%s: %u bytes, not %zu", about, frame_len(f), len);
	for (size_t i = 0; i < len; i++)
		if (got[i] != want[i])
			fail_msg("%s: byte %zu is %02x, not %02x", about, i, got[i], want[i]);
}

size_t packet_datagram4(uint8_t *to, size_t len, bool dont_fragment, const uint8_t *options, size_t n_options)
{
	uint8_t *at = to + HNV_ETHER, *udp = at + HNV_IP4 + n_options;
	memcpy(to, packet_peer, 6);
	memcpy(to + 6, packet_vm, 6);
	hnv_put_be16(to + 12, 0x0800);
	hnv_put_ip4(at, (const uint8_t[]){10, 0, 0, 5}, (const uint8_t[]){10, 0, 0, 6}, IPPROTO_UDP, (uint16_t)len);
	at[0] = (uint8_t)(0x40 | (HNV_IP4 + n_options) / 4);
	at[6] = dont_fragment ? 0x40 : 0;
	if (n_options)
		memcpy(at + HNV_IP4, options, n_options);
	memset(at + 10, 0, 2);
	uint16_t sum = (uint16_t)~offload_sum_fold(offload_sum(at, (uint32_t)(HNV_IP4 + n_options), 0));
	memcpy(at + 10, &sum, 2);
	for (size_t i = 0; i < len - HNV_IP4 - n_options; i++)
		udp[i] = (uint8_t)(i * 7 + i / 251);
	memcpy(udp, (const uint8_t[]){0x10, 0, 0x20, 0}, 4);
	hnv_put_be16(udp + 4, (uint16_t)(len - HNV_IP4 - n_options));
	return HNV_ETHER + len;
}
