/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes over the wire, byte for byte, against frames that other software made (golden/generate.py). Only what comes
 * of a hash is left out of the comparison, and judged by itself: FlowID, UDP source port, IPv6 flow label.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/packet/golden.h"
#include "tests/packet/hnv_rig.h"

static unsigned sent_over_ip4; /* frames before: the id of the next */

/* The bytes that come of a hash take on the value that they have in `got`. */
static void forgive_hash(uint8_t *want, const uint8_t *got)
{
	bool ip6 = want[12] == 0x86;
	unsigned l4 = ip6 ? 54 : 34;
	if (ip6) {
		want[15] = (uint8_t)((want[15] & 0xf0) | (got[15] & 0x0f));
		memcpy(want + 16, got + 16, 2);
	}
	if (want[ip6 ? 20 : 23] == 47) {
		want[l4 + 7] = got[l4 + 7];
		return;
	}
	assert_true(got[l4] >= 0xc0); /* 49152 and above */
	memcpy(want + l4, got + l4, 2);
}

static void check(const char *file, unsigned pair, const char *to, uint8_t *want, uint32_t len, bool out)
{
	uint8_t got[FRAME_SMALL_ROOM] = {0};
	struct frame *f = host_got(to, 0);
	if (!f || host_got_total() != 1) {
		fail_msg("%s, pair %u: %u frames came out, %s got %s", file, pair, host_got_total(), to,
			 f ? "one" : "none");
		return;
	}
	if (frame_len(f) != len || !frame_read(f, 0, got, len))
		fail_msg("%s, pair %u: %u bytes instead of %u", file, pair, frame_len(f), len);
	if (out)
		forgive_hash(want, got);
	for (uint32_t i = 0; i < len; i++)
		if (got[i] != want[i])
			fail_msg("%s, pair %u, byte %u: %02x instead of %02x", file, pair, i, got[i], want[i]);
	host_clear();
}

/* The file's ids count from 0, ours from wherever this thread has come to: both are brought to the same. */
static void renumber(uint8_t *want)
{
	uint16_t was, is = rte_cpu_to_be_16((uint16_t)sent_over_ip4), sum;
	if (want[12] == 0x86)
		return;
	sent_over_ip4++;
	memcpy(&was, want + 18, 2);
	memcpy(&sum, want + 24, 2);
	memcpy(want + 18, &is, 2);
	uint32_t full = (uint16_t)~sum + (uint32_t)(uint16_t)~was + is;
	full = (full & 0xffff) + (full >> 16);
	sum = (uint16_t) ~(uint16_t)((full & 0xffff) + (full >> 16));
	memcpy(want + 24, &sum, 2);
}

static void run(const char *name, bool out)
{
	char path[64];
	uint8_t given[FRAME_SMALL_ROOM], want[FRAME_SMALL_ROOM];
	uint32_t given_len;
	unsigned pair = 0;
	snprintf(path, sizeof(path), "%s-%s", name, out ? "out" : "in");
	struct pcap *file = golden_open(path);
	while ((given_len = golden_next(file, given, sizeof(given)))) {
		uint32_t want_len = golden_next(file, want, sizeof(want));
		assert_int_not_equal(want_len, 0);
		if (out)
			renumber(want);
		host_send(out ? "c-web" : WIRE, given, given_len);
		check(path, pair++, out ? WIRE : "c-web", want, want_len, out);
		host_check_books();
	}
	assert_true(pair >= 10);
	golden_close(file);
}

static void test_out(void **state)
{
	static const char *const names[] = {"nvgre-ipv4", "nvgre-ipv6", "vxlan-ipv4", "vxlan-ipv6"};
	for (unsigned i = 0; i < RTE_DIM(names); i++)
		run(names[i], true);
}

static void test_in(void **state)
{
	static const char *const names[] = {"nvgre-ipv4", "nvgre-ipv6", "vxlan-ipv4", "vxlan-ipv6"};
	for (unsigned i = 0; i < RTE_DIM(names); i++)
		run(names[i], false);
}

int main(void)
{
	rig_start();
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_out), cmocka_unit_test(test_in)};
	return cmocka_run_group_tests_name("golden frames", tests, NULL, NULL);
}
