/* SPDX-License-Identifier: Apache-2.0 */
/* Pages that are gone, who mends them, and where the signal goes that nobody wants. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/runtime/fault.h"

#define SIZE (4 * 4096)

static uint8_t *shared;
static volatile unsigned asked_first, asked_second; /* counted in the midst of other things */
static bool first_mends, second_mends;

static bool first(uintptr_t at)
{
	asked_first++;
	return first_mends && fault_put_zero_page(at);
}

static bool second(uintptr_t at)
{
	asked_second++;
	return second_mends && fault_put_zeroes((uintptr_t)shared, SIZE);
}

static bool third(uintptr_t at) { return false; }
static bool fourth(uintptr_t at) { return false; }
static bool fifth(uintptr_t at) { return false; }

/* Full of ones, and then without a file behind it. */
static int memory_goes(void **state)
{
	int fd = memfd_create("shared", MFD_CLOEXEC);
	assert_return_code(ftruncate(fd, SIZE), errno);
	shared = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	memset(shared, 0xff, SIZE);
	assert_return_code(ftruncate(fd, 0), errno);
	close(fd);
	asked_first = asked_second = 0;
	return 0;
}

static int memory_ends(void **state) { return munmap(shared, SIZE); }

static void a_page_is_mended(void **state)
{
	first_mends = true;
	second_mends = false;
	assert_int_equal(fault_mend_by(first), 0);
	assert_int_equal(fault_mend_by(second), 0);
	assert_int_equal(fault_mend_by(first), 0);
	assert_int_equal(*(volatile uint8_t *)(shared + 4096 + 7), 0);
	*(volatile uint8_t *)(shared + 4096 + 8) = 1;
	assert_int_equal(asked_first, 1);
	*(volatile uint8_t *)(shared + 8192) = 1;
	assert_int_equal(asked_first, 2);
	assert_int_equal(asked_second, 0);
}

static void the_next_is_asked(void **state)
{
	first_mends = false;
	second_mends = true;
	assert_int_equal(fault_mend_by(first), 0); /* the test runner has taken the signal meanwhile */
	for (unsigned i = 0; i < SIZE; i += 512)
		assert_int_equal(((volatile uint8_t *)shared)[i], 0);
	assert_int_equal(asked_first, 1);
	assert_int_equal(asked_second, 1);
}

static sigjmp_buf elsewhere;

static void on_signal(int signal) { siglongjmp(elsewhere, 1); }

static void nobodys_goes_where_it_went(void **state)
{
	struct sigaction theirs = {.sa_handler = on_signal, .sa_flags = SA_NODEFER}, now;
	first_mends = second_mends = false;
	assert_return_code(sigaction(SIGBUS, &theirs, NULL), errno);
	assert_int_equal(fault_mend_by(first), 0);
	if (!sigsetjmp(elsewhere, 1)) {
		*(volatile uint8_t *)shared = 1;
		fail_msg("memory that is not there can be written");
	}
	assert_int_equal(asked_first, 1);
	assert_int_equal(asked_second, 1);
	assert_return_code(sigaction(SIGBUS, NULL, &now), errno);
	assert_true(now.sa_handler == on_signal);

	/* One that was sent, by whoever, is of no page. */
	assert_int_equal(fault_mend_by(first), 0);
	first_mends = true;
	if (!sigsetjmp(elsewhere, 1)) {
		raise(SIGBUS);
		raise(SIGBUS);
		fail_msg("a signal was lost");
	}
	assert_int_equal(asked_first, 1);
}

static void there_is_an_end_of_them(void **state)
{
	assert_int_equal(fault_mend_by(third), 0);
	assert_int_equal(fault_mend_by(fourth), 0);
	assert_int_equal(fault_mend_by(fifth), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_page_is_mended, memory_goes, memory_ends),
		cmocka_unit_test_setup_teardown(the_next_is_asked, memory_goes, memory_ends),
		cmocka_unit_test_setup_teardown(nobodys_goes_where_it_went, memory_goes, memory_ends),
		cmocka_unit_test(there_is_an_end_of_them),
	};
	return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
