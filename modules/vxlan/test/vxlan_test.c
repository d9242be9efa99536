/* SPDX-License-Identifier: Apache-2.0 */
/* The UDP and VXLAN headers alone: what is written, and what is refused of what comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/runtime/drop.h"
#include "modules/hnv/hnv.h"

#define L4 34
#define WHOLE (L4 + 16 + 14)

static const struct hnv_encapsulation *e;

static struct frame frame_over(uint8_t *bytes, uint16_t len)
{
	struct frame f = {.headers = {.ether_type = 0x0800, .l3_off = 14, .l4_off = L4, .l4_proto = 17}};
	f.m.buf_addr = bytes;
	f.m.data_len = len;
	f.m.pkt_len = len;
	return f;
}

static void test_finish(void **state)
{
	static const struct {
		uint32_t hash;
		uint16_t port;
	} rows[] = {{0, 49152}, {UINT32_MAX, 65535}, {0x80000000, 57344}};
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		struct hnv_tunnel t = {.encapsulation = e, .header_len = L4 + 16};
		uint8_t bytes[WHOLE] = {0};
		struct frame f = frame_over(bytes, sizeof(bytes)), *list[] = {&f};
		const uint8_t want[16] = {(uint8_t)(rows[i].port >> 8),
					  (uint8_t)rows[i].port,
					  0x12,
					  0xb5,
					  0,
					  30,
					  0,
					  0,
					  0x08,
					  0,
					  0,
					  0,
					  0x12,
					  0x34,
					  0x56,
					  0};
		e->prepare(bytes + L4);
		const struct hnv_flow flow = {.vsid = 0x123456, .hash = rows[i].hash};
		hnv_flow_put(e, bytes + L4 + 16, flow);
		e->finish(&t, list, &flow, 1);
		assert_memory_equal(bytes + L4, want, 16);
	}
	assert_int_equal(e->overhead, 30);
}

/* What `change` says of a good header, and how long the frame is. */
static const char *judge(uint16_t len, unsigned at, uint8_t value)
{
	uint8_t bytes[WHOLE] = {[L4] = 0xc0, 0, 0x12, 0xb5, 0, 30, 0, 0, 0x08, 1, 2, 3, 0x12, 0x34, 0x56, 7};
	struct frame f = frame_over(bytes, len);
	const struct drop_reason *reason = NULL;
	uint32_t vsid = 0;
	bytes[L4 + at] = value;
	unsigned taken = e->decapsulate(&f, &vsid, &reason);
	if (!taken)
		return reason->name;
	assert_int_equal(taken, L4 + 16);
	assert_int_equal(vsid, 0x123456);
	return "";
}

static void test_decapsulate(void **state)
{
	assert_string_equal(judge(WHOLE, 0, 0x00), ""); /* any source port */
	for (unsigned flags = 0; flags < 256; flags++)
		assert_string_equal(judge(WHOLE, 8, (uint8_t)flags), flags == 8 ? "" : "vxlan-header");
	assert_string_equal(judge(WHOLE, 5, 29), "vxlan-header");
	assert_string_equal(judge(WHOLE, 5, 31), "vxlan-header");
	assert_string_equal(judge(WHOLE, 7, 1), "vxlan-checksum");
	for (unsigned len = L4; len < WHOLE; len++)
		assert_string_equal(judge((uint16_t)len, 8, 8), "vxlan-header");
}

int main(void)
{
	e = hnv_encapsulation_find("vxlan");
	assert_non_null(e);
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_finish), cmocka_unit_test(test_decapsulate)};
	return cmocka_run_group_tests_name("vxlan", tests, NULL, NULL);
}
