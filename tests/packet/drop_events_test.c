/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule refused is told as an event: at once, then by the second and longer, each frame in one event and no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/clock.h"
#include "core/control/events.h"
#include "core/control/loop.h"
#include "core/runtime/drop_note.h"
#include "tests/packet/host.h"

#define GUESTS 60

static uint64_t seen; /* number of the last event looked at */

static void apply(void)
{
	static char text[16384];
	size_t n = (size_t)snprintf(text, sizeof(text),
				    "host: {name: h}\nswitches: [{name: sw, type: private}]\nadapters:\n");
	for (unsigned i = 0; i < GUESTS; i++)
		n += (size_t)snprintf(
			text + n, sizeof(text) - n,
			"  - {name: vm%u, switch: sw, mac-address: '02:00:00:00:00:%02x', attach: {tap: t%u}}\n", i,
			i + 1, i);
	host_apply(text);
}

/* So many frames tagged with a VLAN, which an untagged adapter may not send. */
static void send_tagged(unsigned guest, unsigned n)
{
	uint8_t frame[64] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, (uint8_t)(guest + 1),
			     0x81, 0,	 0,    5,    8,	   0};
	char name[16];
	snprintf(name, sizeof(name), "vm%u", guest);
	while (n--)
		host_send(name, frame, sizeof(frame));
}

static void pass(unsigned ms)
{
	for (; ms; ms -= ms < 100 ? ms : 100) {
		clock_test_advance((ms < 100 ? ms : 100) * 1000000ULL);
		while (loop_turn() > 0)
			;
	}
	while (loop_turn() > 0)
		;
}

/* New events under vlan-not-allowed, and the frames in them. The object of the last into object[]. */
static unsigned told(uint64_t *ret_frames, char object[static 80], char text[static 300])
{
	json_t *list = events_since(seen), *event;
	unsigned n = 0;
	size_t i;
	*ret_frames = 0;
	json_array_foreach(list, i, event) {
		const char *reason = json_string_value(json_object_get(event, "reason"));
		seen = (uint64_t)json_integer_value(json_object_get(event, "number"));
		if (!reason || strcmp(reason, "vlan-not-allowed") != 0)
			continue;
		n++;
		*ret_frames += (uint64_t)json_integer_value(json_object_get(event, "frames"));
		snprintf(object, 80, "%s", json_string_value(json_object_get(event, "object")));
		snprintf(text, 300, "%s", json_string_value(json_object_get(event, "text")));
	}
	json_decref(list);
	return n;
}

static void expect(unsigned events, uint64_t frames, const char *of, const char *saying)
{
	char object[80] = "", text[300] = "";
	uint64_t got;
	assert_int_equal(told(&got, object, text), events);
	assert_int_equal(got, frames);
	if (of)
		assert_string_equal(object, of);
	if (saying && !strstr(text, saying))
		fail_msg("`%s` does not say `%s`", text, saying);
}

static void test_at_once_and_then_counted(void **state)
{
	apply();
	pass(1);
	expect(0, 0, NULL, NULL);
	send_tagged(3, 1);
	pass(0);
	expect(1, 1, "adapter vm3", "1 frame dropped (vlan-not-allowed): tagged with a VLAN");
	send_tagged(3, 5000);
	send_tagged(4, 2);
	pass(0);
	expect(1, 2, "adapter vm4", "2 frames dropped");
	pass(800);
	expect(0, 0, NULL, NULL);
	pass(300);
	expect(1, 5000, "adapter vm3", "5000 frames more dropped (vlan-not-allowed)");
	pass(10000);
	expect(0, 0, NULL, NULL);
	send_tagged(3, 1);
	pass(0);
	expect(1, 1, "adapter vm3", "send untagged frames"); /* it began anew */
}

/* It goes on for ten minutes: fewer and fewer events, none of the frames missing. */
static void test_longer_silences(void **state)
{
	char object[80], text[300];
	uint64_t frames = 0, got;
	unsigned events = 0;
	pass(200000);
	for (unsigned i = 0; i < 6000; i++) {
		send_tagged(7, 3);
		pass(100);
		events += told(&got, object, text);
		frames += got;
	}
	pass(70000);
	events += told(&got, object, text);
	frames += got;
	assert_int_equal(frames, 18000);
	assert_in_range(events, 12, 20);
}

/* Many at once have fifty events a second, and all are told. */
static void test_all_share_a_limit(void **state)
{
	pass(200000);
	pass(1000 - (unsigned)(clock_now_ns() / 1000000 % 1000)); /* a second begins */
	for (unsigned i = 0; i < GUESTS; i++)
		send_tagged(i, 2);
	pass(0);
	expect(NOTE_EVENTS, NOTE_EVENTS * 2, NULL, NULL);
	pass(1100);
	expect(GUESTS - NOTE_EVENTS, (GUESTS - NOTE_EVENTS) * 2, NULL, NULL);
}

/* What explain sends is no event; whoever has gone by then is not told of. */
static void test_silent(void **state)
{
	pass(200000);
	send_tagged(9, 1);
	host_apply("host: {name: h}\n");
	pass(2000);
	expect(0, 0, NULL, NULL);
}

int main(void)
{
	host_start();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at_once_and_then_counted),
		cmocka_unit_test(test_longer_silences),
		cmocka_unit_test(test_all_share_a_limit),
		cmocka_unit_test(test_silent),
	};
	return cmocka_run_group_tests_name("drop events", tests, NULL, NULL);
}
