/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel's tunnel leaves the segmentation of what is inside to whoever takes the frame. Nobody here cuts behind two
 * headers: such frames are refused, whatever the tunnel, with virtio's own bits for it and without.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "core/runtime/offload.h"
#include "core/runtime/test/frame_fixture.h"

enum { PAYLOAD = 1400, TCP_FRAME = 14 + 20 + 20 + PAYLOAD };

/* The fixed bytes of an IPv4 header in front of `len` bytes; nobody looks at its checksum here. */
static void ip4(uint8_t *at, uint8_t protocol, unsigned len)
{
	len += 20;
	memcpy(at, (const uint8_t[]){0x45, 0, (uint8_t)(len >> 8), (uint8_t)len, 0, 0, 0x40, 0, 64, protocol}, 10);
}

/* Ethernet, IPv4, TCP; returns where TCP begins. */
static unsigned tcp_frame(uint8_t *frame)
{
	memset(frame, 0, TCP_FRAME);
	frame[12] = 8;
	ip4(frame + 14, IPPROTO_TCP, 20 + PAYLOAD);
	frame[34 + 12] = 0x50;
	return 34;
}

static int believed(const uint8_t *frame, unsigned len, uint8_t gso_type, unsigned csum_start)
{
	struct frame *f = fixture_frame(frame, len);
	struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				   .gso_type = gso_type,
				   .gso_size = 500,
				   .csum_start = (uint16_t)csum_start,
				   .csum_offset = 16};
	int rc = offload_from_virtio(f, &h);
	assert_int_equal(!!(f->m.ol_flags & FRAME_OFFLOAD), rc == 0);
	frame_free(f);
	return rc;
}

static void test_tunnels(void **state)
{
	static const struct {
		uint8_t protocol;
		unsigned own, inner; /* bytes of the tunnel's header; where in the inner frame it goes on */
	} tunnels[] = {{IPPROTO_UDP, 16, 0}, {IPPROTO_GRE, 8, 0}, {IPPROTO_GRE, 4, 14}, {IPPROTO_IPIP, 0, 14}};
	static const uint8_t bits[] = {0, 0x20, 0x40}; /* VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV4, _IPV6 */
	uint8_t inner[TCP_FRAME], frame[TCP_FRAME + 64] = {0};
	unsigned l4 = tcp_frame(inner);
	assert_int_equal(believed(inner, TCP_FRAME, VIRTIO_NET_HDR_GSO_TCPV4, l4), 0);
	for (unsigned k = 0; k < RTE_DIM(tunnels); k++)
		for (unsigned b = 0; b < RTE_DIM(bits); b++) {
			unsigned outer = 34 + tunnels[k].own, len = TCP_FRAME - tunnels[k].inner;
			uint8_t type = VIRTIO_NET_HDR_GSO_TCPV4 | bits[b];
			memcpy(frame, inner, 14);
			memset(frame + 14, 0, outer - 14);
			ip4(frame + 14, tunnels[k].protocol, tunnels[k].own + len);
			memcpy(frame + outer, inner + tunnels[k].inner, len);
			assert_int_equal(believed(frame, outer + len, type, outer - tunnels[k].inner + l4), -EINVAL);
			assert_int_equal(believed(frame, outer + len, type, 34), -EINVAL);
			assert_int_equal(believed(inner, TCP_FRAME, type, l4), bits[b] ? -EINVAL : 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_tunnels)};
	return cmocka_run_group_tests_name("offload of tunnels", tests, fixture_setup, fixture_teardown);
}
