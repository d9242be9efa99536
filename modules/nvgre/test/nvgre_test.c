/* SPDX-License-Identifier: Apache-2.0 */
/* The GRE header alone: what is written, and every first word of which one alone is right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/runtime/drop.h"
#include "modules/hnv/hnv.h"

#define L4 34

static const struct hnv_encapsulation *e;

/* A frame of `len` bytes that ends with its buffer. */
static struct frame frame_over(uint8_t *bytes, uint16_t len)
{
	struct frame f = {.headers = {.ether_type = 0x0800, .l3_off = 14, .l4_off = L4, .l4_proto = 47}};
	f.m.buf_addr = bytes;
	f.m.data_len = len;
	f.m.pkt_len = len;
	return f;
}

static void test_written(void **state)
{
	uint8_t own[8];
	e->prepare(own);
	hnv_flow_put(e, own + sizeof(own), (struct hnv_flow){.vsid = 0x123456, .hash = 0xab000000});
	assert_memory_equal(own, ((const uint8_t[]){0x20, 0, 0x65, 0x58, 0x12, 0x34, 0x56, 0xab}), 8);
	assert_null(e->finish);
	assert_int_equal(e->overhead, 22);
}

static void test_flags(void **state)
{
	uint8_t bytes[L4 + 8] = {[L4 + 2] = 0x65, 0x58, 0x12, 0x34, 0x56, 0xff};
	struct frame f = frame_over(bytes, sizeof(bytes));
	for (uint32_t flags = 0; flags <= UINT16_MAX; flags++) {
		const struct drop_reason *reason = NULL;
		uint32_t vsid = 0;
		bytes[L4] = (uint8_t)(flags >> 8);
		bytes[L4 + 1] = (uint8_t)flags;
		unsigned taken = e->decapsulate(&f, &vsid, &reason);
		assert_int_equal(taken, flags == 0x2000 ? L4 + 8 : 0);
		assert_int_equal(vsid, flags == 0x2000 ? 0x123456 : 0);
		if (!taken)
			assert_string_equal(reason->name, "nvgre-header");
	}
}

static void test_cut_off(void **state)
{
	static const uint8_t header[] = {0x20, 0, 0x65, 0x58, 0, 0x13, 0x89, 0};
	for (uint16_t len = L4; len < L4 + 8; len++) {
		uint8_t bytes[L4 + 8] = {0};
		const struct drop_reason *reason = NULL;
		uint32_t vsid;
		struct frame f = frame_over(bytes, len);
		memcpy(bytes + L4, header, sizeof(header));
		assert_int_equal(e->decapsulate(&f, &vsid, &reason), 0);
		assert_non_null(reason);
	}
}

int main(void)
{
	e = hnv_encapsulation_find("nvgre");
	assert_non_null(e);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_cut_off),
	};
	return cmocka_run_group_tests_name("nvgre", tests, NULL, NULL);
}
