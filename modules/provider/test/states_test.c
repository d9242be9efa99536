/* SPDX-License-Identifier: Apache-2.0 */
/* The state machines of neighbours and path MTUs under a turned clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "modules/provider/control/nud.h"
#include "modules/provider/control/pmtu.h"

static const struct mac mac_a = {{2, 0, 0, 0, 0, 0xa}}, mac_b = {{2, 0, 0, 0, 0, 0xb}};

/* Second by second, as weftd ticks: when it asks, and how. */
static void test_nud_searches(void **state)
{
	static const unsigned asks_at[] = {0, 1, 3, 7, 12, 17, 22, 27};
	struct nud n;
	unsigned k = 0;
	bool lost;
	nud_begin(&n, 0);
	for (unsigned s = 0; s < 32; s++) {
		enum nud_action action = nud_step(&n, s * 1000, &lost);
		assert_false(lost);
		assert_int_equal(action, k < 8 && s == asks_at[k] ? NUD_ASK_ALL : NUD_NOTHING);
		k += action != NUD_NOTHING;
	}
	assert_int_equal(k, 8);
}

static void test_nud_refreshes(void **state)
{
	struct nud n;
	bool lost;
	nud_begin(&n, 0);
	nud_step(&n, 0, &lost);
	assert_true(nud_heard(&n, &mac_a, 400));
	assert_false(nud_heard(&n, &mac_a, 500));
	assert_int_equal(nud_step(&n, 30499, &lost), NUD_NOTHING);
	for (unsigned round = 0; round < 3; round++) {
		uint64_t now = n.due_ms;
		assert_int_equal(nud_step(&n, now, &lost), NUD_ASK_IT);
		assert_int_equal(nud_step(&n, now + 1000, &lost), NUD_ASK_IT);
		assert_int_equal(n.state, NUD_PROBED);
		assert_false(nud_heard(&n, &mac_a, now + 1001));
		assert_int_equal(n.state, NUD_REACHABLE);
	}
	assert_true(nud_heard(&n, &mac_b, n.due_ms - 5)); /* moved: used at once */
	assert_int_equal(mac_to_u64(&n.mac), mac_to_u64(&mac_b));
}

static void test_nud_gives_up(void **state)
{
	struct nud n;
	bool lost;
	nud_begin(&n, 0);
	nud_heard(&n, &mac_a, 0);
	for (unsigned missed = 0; missed < NUD_MISSED_MAX; missed++) {
		assert_int_equal(nud_step(&n, 30000 + missed * 1000, &lost), NUD_ASK_IT);
		assert_false(lost);
	}
	assert_int_equal(nud_step(&n, 33000, &lost), NUD_ASK_ALL);
	assert_true(lost);
	assert_int_equal(n.state, NUD_SEARCHED);
	assert_true(n.lost);
	assert_int_equal(nud_step(&n, 33999, &lost), NUD_NOTHING);
	assert_int_equal(nud_step(&n, 34000, &lost), NUD_ASK_ALL);
	assert_false(lost);
	assert_true(nud_heard(&n, &mac_a, 34100));
	assert_false(n.lost);
}

/* A path that passes `real` bytes; the other side answers if `answers`, routers tell if `tells`. */
struct road {
	uint16_t real;
	bool answers, tells;
};

static void drive(struct pmtu *p, const struct road *r, uint64_t *now, unsigned seconds)
{
	for (unsigned s = 0; s < seconds; s++, *now += 1000) {
		uint16_t size;
		while ((size = pmtu_step(p, *now)) != 0) {
			bool passes = size <= r->real;
			if (!passes && r->tells)
				pmtu_told(p, r->real, *now);
			else if (passes && r->answers)
				pmtu_answered(p, size, *now);
			else
				break;
		}
	}
}

static void test_pmtu_whole(void **state)
{
	struct pmtu p;
	uint64_t now = 5000;
	pmtu_begin(&p, 1500, false, now);
	drive(&p, &(struct road){1500, true, false}, &now, 2000);
	assert_int_equal(p.mtu, 1500);
}

/* Every size of a silently dropping path is found within a minute, and meanwhile what is used passes soon. */
static void test_pmtu_silent(void **state)
{
	for (uint16_t real = 576; real < 1500; real += 7) {
		struct pmtu p;
		uint64_t now = 5000;
		pmtu_begin(&p, 1500, false, now);
		drive(&p, &(struct road){real, true, false}, &now, 5);
		assert_true(p.mtu <= real);
		drive(&p, &(struct road){real, true, false}, &now, 60);
		assert_in_range(p.mtu, real - PMTU_CLOSE, real);
		drive(&p, &(struct road){1500, true, false}, &now, 700);
		assert_int_equal(p.mtu, 1500);
	}
}

/* It passes for long, then no more. */
static void test_pmtu_turns_silent(void **state)
{
	struct pmtu p;
	uint64_t now = 5000;
	pmtu_begin(&p, 9000, true, now);
	drive(&p, &(struct road){9000, true, false}, &now, 1000);
	drive(&p, &(struct road){1500, true, false}, &now, 70);
	assert_true(p.mtu <= 1500 && p.mtu >= 1280);
	drive(&p, &(struct road){1500, true, false}, &now, 60);
	assert_in_range(p.mtu, 1500 - PMTU_CLOSE, 1500);
}

static void test_pmtu_told(void **state)
{
	struct pmtu p;
	uint64_t now = 5000;
	pmtu_begin(&p, 1500, false, now);
	drive(&p, &(struct road){1500, true, true}, &now, 10);
	pmtu_told(&p, 1400, now);
	assert_int_equal(p.mtu, 1400); /* at once */
	pmtu_told(&p, 1450, now);
	assert_int_equal(p.mtu, 1400); /* and no message widens */
	drive(&p, &(struct road){1400, true, true}, &now, 1300);
	assert_int_equal(p.mtu, 1400);
	drive(&p, &(struct road){1450, true, true}, &now, 700);
	assert_int_equal(p.mtu, 1450); /* told about our own echo of more */
	pmtu_told(&p, 40, now);
	assert_int_equal(p.mtu, p.floor);
	pmtu_begin(&p, 1500, true, now);
	pmtu_told(&p, 0, now);
	assert_int_equal(p.mtu, 1280);
}

/* Nobody answers echoes: that is no reason to send less; what routers told is forgotten in time. */
static void test_pmtu_mute(void **state)
{
	struct pmtu p;
	uint64_t now = 5000;
	pmtu_begin(&p, 1500, false, now);
	drive(&p, &(struct road){1500, false, true}, &now, 300);
	assert_int_equal(p.mtu, 1500);
	pmtu_told(&p, 1400, now);
	drive(&p, &(struct road){1500, false, false}, &now, 590);
	assert_int_equal(p.mtu, 1400);
	drive(&p, &(struct road){1500, false, false}, &now, 100);
	assert_int_equal(p.mtu, 1500);
}

static void test_pmtu_uplink(void **state)
{
	struct pmtu p;
	uint64_t now = 5000;
	pmtu_begin(&p, 1500, false, now);
	pmtu_set_goal(&p, 9000, now);
	assert_int_equal(p.mtu, 9000);
	pmtu_told(&p, 1600, now);
	pmtu_set_goal(&p, 1500, now);
	assert_int_equal(p.mtu, 1500);
	pmtu_set_goal(&p, 400, now);
	assert_int_equal(p.mtu, 400);
	drive(&p, &(struct road){400, true, false}, &now, 100);
	assert_int_equal(p.mtu, 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nud_searches), cmocka_unit_test(test_nud_refreshes),
		cmocka_unit_test(test_nud_gives_up), cmocka_unit_test(test_pmtu_whole),
		cmocka_unit_test(test_pmtu_silent),  cmocka_unit_test(test_pmtu_turns_silent),
		cmocka_unit_test(test_pmtu_told),    cmocka_unit_test(test_pmtu_mute),
		cmocka_unit_test(test_pmtu_uplink),
	};
	return cmocka_run_group_tests_name("provider-states", tests, NULL, NULL);
}
