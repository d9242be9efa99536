/* SPDX-License-Identifier: Apache-2.0 */
/* Captures as a client reads them: the file's blocks taken apart byte by byte, and what is lost owned up to. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>
#include <rte_lcore.h>

#include "base/cursor.h"
#include "base/err.h"
#include "core/runtime/capture.h"
#include "core/runtime/test/frame_fixture.h"

enum { BLOCK_INTERFACE = 1, BLOCK_STATISTICS = 5, BLOCK_PACKET = 6, BLOCK_SECTION = 0x0a0d0d0a };

/* What was read of a file, and a place in it. */
struct file {
	uint8_t *bytes;
	size_t len, size;
	struct cursor at;
};

struct block {
	uint32_t type;
	struct cursor body;
};

static struct drop_reason reason = {.name = "mac-spoofed", .help = "the source address is not the adapter's"};
static struct dp_adapter adapters[2] = {{.id = 0, .name = "vm1"}, {.id = 1, .name = "wire:lab"}};
static uint8_t udp53[120] = {[12] = 0x08, [14] = 0x45, [17] = 46, [23] = 17, [37] = 53};
static uint8_t udp80[60] = {[12] = 0x08, [14] = 0x45, [17] = 46, [23] = 17, [37] = 80};

/* In place of the workers: a snapshot of two adapters, and how often somebody waited for all to let go. */
static struct dataplane snapshot = {.adapters = (struct dp_adapter *[]){&adapters[0], NULL, &adapters[1]},
				    .n_adapters = 3};
static unsigned synchronized;

const struct dataplane *dataplane_current(void) { return &snapshot; }

void dataplane_synchronize(void) { synchronized++; }

static void tap(const struct dp_adapter *a, const void *bytes, uint32_t len, enum capture_point point,
		const struct drop_reason *why)
{
	struct pipe pipe = {.capture = capture_current()};
	struct frame *f = fixture_pieces(bytes, len, random_below(80));
	capture_tap(&pipe, a, &f, 1, point, why);
	frame_free(f);
}

/* What there is now, in at most `times` pieces of `piece` bytes. */
static long read_some(struct capture *c, struct file *file, size_t piece, unsigned times)
{
	long n = 1;
	while (n > 0 && times--) {
		if (file->size - file->len < piece) {
			file->size = file->size * 2 + piece;
			file->bytes = realloc(file->bytes, file->size);
		}
		n = capture_read(c, (char *)file->bytes + file->len, piece);
		file->len += n > 0 ? (size_t)n : 0;
	}
	file->at = cursor_over(file->bytes, file->len);
	return n;
}

static long read_all(struct capture *c, struct file *file, size_t piece)
{
	return read_some(c, file, piece, UINT_MAX);
}

static uint16_t take_u16(struct cursor *c)
{
	uint16_t v;
	cursor_copy(c, &v, sizeof(v));
	return v;
}

static uint32_t take_u32(struct cursor *c)
{
	uint32_t v;
	cursor_copy(c, &v, sizeof(v));
	return v;
}

static struct block next_block(struct file *file)
{
	struct block b = {.type = take_u32(&file->at)};
	uint32_t len = take_u32(&file->at);
	assert_true(len >= 12 && len % 4 == 0);
	const uint8_t *body = cursor_take(&file->at, len - 12);
	assert_non_null(body);
	b.body = cursor_over(body, len - 12);
	assert_int_equal(take_u32(&file->at), len);
	assert_false(file->at.bad);
	return b;
}

/* The option's value in a list that ends as it should; *ret_len is 0 when there is none. */
static const uint8_t *option(struct cursor c, uint16_t code, uint16_t *ret_len)
{
	const uint8_t *found = NULL;
	*ret_len = 0;
	for (;;) {
		uint16_t type = take_u16(&c), len = take_u16(&c);
		assert_false(c.bad);
		if (!type)
			break;
		const uint8_t *value = cursor_take(&c, len);
		cursor_skip(&c, -len & 3);
		if (type == code) {
			found = value;
			*ret_len = len;
		}
	}
	assert_int_equal(cursor_left(&c), 0);
	return found;
}

static void assert_text(struct cursor options, uint16_t code, const char *text)
{
	uint16_t len;
	const uint8_t *value = option(options, code, &len);
	assert_int_equal(len, text ? strlen(text) : 0);
	if (text)
		assert_memory_equal(value, text, len);
}

static void assert_section(struct file *file)
{
	struct block b = next_block(file);
	assert_int_equal(b.type, BLOCK_SECTION);
	assert_int_equal(take_u32(&b.body), 0x1a2b3c4d);
	assert_int_equal(take_u32(&b.body), 1); /* version 1.0 */
	cursor_skip(&b.body, 8);
	assert_text(b.body, 4, "weft");
}

static void assert_interface(struct file *file, const char *name, uint32_t snaplen, const char *filter)
{
	struct block b = next_block(file);
	uint16_t len;
	assert_int_equal(b.type, BLOCK_INTERFACE);
	assert_int_equal(take_u32(&b.body), 1); /* Ethernet */
	assert_int_equal(take_u32(&b.body), snaplen);
	assert_text(b.body, 2, name);
	assert_int_equal(*option(b.body, 9, &len), 9);
	const uint8_t *value = option(b.body, 11, &len);
	assert_int_equal(len, filter ? strlen(filter) + 1 : 0);
	if (filter)
		assert_memory_equal(value + 1, filter, len - 1);
}

static void assert_packet(struct file *file, uint32_t interface, const void *bytes, uint32_t captured,
			  uint32_t length, uint32_t direction, const char *comment)
{
	struct block b = next_block(file);
	assert_int_equal(b.type, BLOCK_PACKET);
	assert_int_equal(take_u32(&b.body), interface);
	uint64_t ns = (uint64_t)take_u32(&b.body) << 32;
	ns |= take_u32(&b.body);
	assert_true(llabs((int64_t)(ns / 1000000000) - (int64_t)time(NULL)) <= 2);
	assert_int_equal(take_u32(&b.body), captured);
	assert_int_equal(take_u32(&b.body), length);
	assert_memory_equal(cursor_take(&b.body, captured), bytes, captured);
	cursor_skip(&b.body, -captured & 3);
	uint16_t len;
	uint32_t flags;
	memcpy(&flags, option(b.body, 2, &len), 4);
	assert_int_equal(flags, direction);
	assert_text(b.body, 1, comment);
}

static uint64_t assert_statistics(struct file *file, uint32_t interface, uint64_t received)
{
	struct block b = next_block(file);
	uint16_t len;
	uint64_t count, missed;
	assert_int_equal(b.type, BLOCK_STATISTICS);
	assert_int_equal(take_u32(&b.body), interface);
	cursor_skip(&b.body, 8);
	memcpy(&count, option(b.body, 4, &len), 8);
	memcpy(&missed, option(b.body, 7, &len), 8);
	assert_int_equal(count, received);
	option(b.body, 1, &len);
	assert_int_equal(len != 0, missed != 0);
	return missed;
}

static struct capture *open_capture(const struct capture_options *options)
{
	struct capture *c = NULL;
	struct err e = {0};
	if (capture_open(options, &c, &e))
		fail_msg("%s: %s", e.path, e.text);
	return c;
}

static void test_off(void **state)
{
	assert_null(capture_current());
	tap(&adapters[0], udp53, sizeof(udp53), CAPTURE_IN, NULL);
}

static void test_file(void **state)
{
	static uint8_t giant[60001];
	random_fill(giant, sizeof(giant));
	struct capture *c = open_capture(&(struct capture_options){.count = 5});
	struct file file = {0};
	assert_int_equal(read_all(c, &file, 1), 0); /* only the section so far, a byte at a time */
	tap(&adapters[0], udp53, 61, CAPTURE_IN, NULL);
	tap(&adapters[0], udp53, 62, CAPTURE_IN, &reason);
	tap(&adapters[1], udp80, 60, CAPTURE_OUT, NULL);
	tap(&adapters[1], giant, sizeof(giant), CAPTURE_OUT, NULL);
	tap(&adapters[0], udp53, 0, CAPTURE_OUT, NULL);
	tap(&adapters[0], udp80, 60, CAPTURE_OUT, NULL); /* beyond the count */
	assert_int_equal(read_all(c, &file, 1000), -1);

	assert_section(&file);
	assert_interface(&file, "vm1", 0, NULL);
	assert_packet(&file, 0, udp53, 61, 61, 1, NULL);
	assert_packet(&file, 0, udp53, 62, 62, 1, "dropped: mac-spoofed - the source address is not the adapter's");
	assert_interface(&file, "wire:lab", 0, NULL);
	assert_packet(&file, 1, udp80, 60, 60, 2, NULL);
	assert_packet(&file, 1, giant, sizeof(giant), sizeof(giant), 2, NULL);
	assert_packet(&file, 0, udp53, 0, 0, 2, NULL);
	assert_int_equal(assert_statistics(&file, 0, 3), 0);
	assert_int_equal(assert_statistics(&file, 1, 2), 0);
	assert_int_equal(cursor_left(&file.at), 0);
	free(file.bytes);
	capture_close(c);
	assert_null(capture_current());
}

static void test_filters(void **state)
{
	struct capture *dns =
		open_capture(&(struct capture_options){.filter = "ip and udp port 53", .snaplen = 40, .count = 2});
	struct capture *wire = open_capture(&(struct capture_options){.adapter = "wire:lab"});
	tap(&adapters[0], udp53, 60, CAPTURE_IN, NULL);
	tap(&adapters[0], udp80, 60, CAPTURE_IN, NULL);
	tap(&adapters[1], udp53, 60, CAPTURE_OUT, NULL);
	struct file file = {0};
	assert_int_equal(read_all(dns, &file, 100), -1);
	assert_section(&file);
	assert_interface(&file, "vm1", 40, "ip and udp port 53");
	assert_packet(&file, 0, udp53, 40, 60, 1, NULL);
	assert_interface(&file, "wire:lab", 40, "ip and udp port 53");
	assert_packet(&file, 1, udp53, 40, 60, 2, NULL);

	capture_close(dns);
	tap(&adapters[1], udp80, 60, CAPTURE_IN, NULL);
	file.len = 0;
	assert_int_equal(read_all(wire, &file, 4096), 0);
	assert_section(&file);
	assert_interface(&file, "wire:lab", 0, NULL);
	assert_packet(&file, 0, udp53, 60, 60, 2, NULL);
	assert_packet(&file, 0, udp80, 60, 60, 1, NULL);
	assert_int_equal(cursor_left(&file.at), 0);
	capture_close(wire);
	free(file.bytes);
}

static void assert_refused(const struct capture_options *options, int code, const char *path)
{
	struct capture *c = (struct capture *)&code;
	struct err e = {0};
	assert_int_equal(capture_open(options, &c, &e), code);
	assert_ptr_equal(c, &code);
	assert_string_equal(e.path, path);
	assert_true(e.text[0]);
}

static void test_refusals(void **state)
{
	static char endless[CAPTURE_FILTER_MAX + 2];
	memset(endless, '(', sizeof(endless) - 1);
	assert_refused(&(struct capture_options){.filter = "udp prot 53"}, -EINVAL, "filter");
	struct capture *none;
	struct err e = {0};
	assert_int_equal(capture_open(&(struct capture_options){.filter = "host www.example.com"}, &none, &e),
			 -EINVAL);
	assert_non_null(strstr(e.text, "www.example.com"));
	assert_non_null(strstr(e.text, "write the address"));
	assert_refused(&(struct capture_options){.filter = "net www.example.com"}, -EINVAL, "filter");
	assert_refused(&(struct capture_options){.filter = endless}, -EINVAL, "filter");
	assert_refused(&(struct capture_options){.filter = endless + 10}, -EINVAL, "filter");
	assert_refused(&(struct capture_options){.adapter = "vm2"}, -ENOENT, "adapter");
	assert_null(capture_current());
	struct capture *c[CAPTURE_MAX];
	unsigned before = synchronized;
	for (int i = 0; i < CAPTURE_MAX; i++)
		c[i] = open_capture(&(struct capture_options){0});
	assert_refused(&(struct capture_options){0}, -EBUSY, "");
	for (int i = 0; i < CAPTURE_MAX; i++)
		capture_close(c[(i * 3) % CAPTURE_MAX]);
	assert_int_equal(synchronized - before, 2 * CAPTURE_MAX); /* nothing is freed that a worker may hold */
	capture_close(NULL);
	assert_null(capture_current());
}

/* A reader that does not read costs the capture frames, which the file says; it costs nobody else. */
static void test_overflow(void **state)
{
	enum { SENT = 9000 };
	struct capture *c = open_capture(&(struct capture_options){0});
	for (int i = 0; i < SENT; i++)
		tap(&adapters[0], udp80, sizeof(udp80), CAPTURE_IN, NULL);
	assert_int_equal(rte_mempool_in_use_count(pools.small), 0);
	struct file file = {0};
	assert_int_equal(read_all(c, &file, 1 << 20), 0);
	assert_section(&file);
	assert_interface(&file, "vm1", 0, NULL);
	uint64_t packets = 0, missed = 0;
	while (cursor_left(&file.at)) {
		struct file before = file;
		if (next_block(&file).type == BLOCK_PACKET)
			packets++;
		else
			missed = assert_statistics(&before, 0, packets);
	}
	assert_true(missed > 0);
	assert_int_equal(packets + missed, SENT);

	file.len = 0; /* once read, there is room again */
	for (int i = 0; i < 1000; i++)
		tap(&adapters[0], udp80, sizeof(udp80), CAPTURE_IN, NULL);
	assert_int_equal(read_all(c, &file, 1 << 20), 0);
	for (packets = 0; cursor_left(&file.at); packets++)
		assert_int_equal(next_block(&file).type, BLOCK_PACKET);
	assert_int_equal(packets, 1000);
	capture_close(c);
	free(file.bytes);
}

/* ---- several workers and a reader ---- */

static atomic_bool stop;
static atomic_uint ready, rounds;

static void *producer(void *arg)
{
	const struct dp_adapter *a = arg;
	assert_int_equal(rte_thread_register(), 0);
	static uint8_t bytes[5000];
	struct frame *f = fixture_frame(bytes, sizeof(bytes));
	atomic_fetch_add(&ready, 1);
	/* These are no workers that dataplane_synchronize knows: the capture outlives them. */
	struct pipe pipe = {.capture = capture_current()};
	while (!atomic_load(&stop)) {
		capture_tap(&pipe, a, &f, 1, CAPTURE_IN, NULL);
		atomic_fetch_add(&rounds, 1);
	}
	frame_free(f);
	rte_thread_unregister();
	return NULL;
}

static void test_several_workers(void **state)
{
	struct capture *c = open_capture(&(struct capture_options){.snaplen = 4000});
	pthread_t thread[2];
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, producer, &adapters[i]), 0);
	while (atomic_load(&ready) < 2)
		sched_yield();
	struct file file = {0};
	read_some(c, &file, 1 << 16, 50);
	atomic_store(&stop, true);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	read_all(c, &file, 1 << 16);

	uint64_t packets = 0;
	assert_section(&file);
	while (cursor_left(&file.at)) {
		struct block b = next_block(&file);
		if (b.type != BLOCK_PACKET)
			continue;
		packets++;
		cursor_skip(&b.body, 12);
		assert_int_equal(take_u32(&b.body), 4000);
		assert_int_equal(take_u32(&b.body), 5000);
	}
	assert_true(packets > 0 && packets <= atomic_load(&rounds));
	capture_close(c);
	free(file.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_off),	 cmocka_unit_test(test_file),
		cmocka_unit_test(test_filters),	 cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_overflow), cmocka_unit_test(test_several_workers),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
