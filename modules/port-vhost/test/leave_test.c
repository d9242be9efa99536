/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets that are opened and given up while a peer comes or goes, so that the library's thread is at work on
 * them at that moment. It shows in memory used after it was freed (under AddressSanitizer), in connections that
 * nobody owns, and in waiting without end. Not among the unit tests for its seconds.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "modules/port-vhost/test/rig.h"

#define ROUNDS 100

static __thread bool ours; /* not a thread of the library's */
static __thread unsigned slow; /* us that it takes to give a lock back: while it opens or closes a port */

/* Not by sleeping: that is over only when the library's thread has come to rest. */
static void spin_us(unsigned us)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	int64_t end = t.tv_sec * 1000000 + t.tv_nsec / 1000 + us;
	while (t.tv_sec * 1000000 + t.tv_nsec / 1000 < end)
		clock_gettime(CLOCK_MONOTONIC, &t);
}

/* What the library calls, slow where it matters what another thread does meanwhile. */
#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

int connect(int fd, const struct sockaddr *to, socklen_t len)
{
	int r = REAL(connect)(fd, to, len);
	if (!ours)
		spin_us(300);
	return r;
}

int accept(int fd, struct sockaddr *from, socklen_t *len)
{
	int r = REAL(accept)(fd, from, len);
	if (!ours)
		spin_us(20);
	return r;
}

int pthread_mutex_unlock(pthread_mutex_t *m)
{
	static __typeof__(&pthread_mutex_unlock) real;
	if (!real)
		real = REAL(pthread_mutex_unlock);
	int r = real(m);
	if (slow)
		spin_us(slow);
	return r;
}

static atomic_uint closed_twice;

int close(int fd)
{
	int r = REAL(close)(fd);
	if (r)
		atomic_fetch_add(&closed_twice, 1);
	return r;
}

static struct sockaddr_un address(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	return at;
}

static int listen_here(void)
{
	struct sockaddr_un at = address(rig_path());
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static struct port *open_slowly(bool peer_listens)
{
	slow = 400;
	struct port *p = rig_port(1, peer_listens);
	slow = 0;
	return p;
}

static void close_slowly(struct port *p)
{
	slow = 20;
	rig_close(p);
	slow = 0;
}

struct knocker {
	pthread_t thread;
	atomic_bool stop;
	const char *path;
};

/* Connects and goes again, over and over, sometimes with a question. */
static void *knock(void *arg)
{
	static const uint32_t question[] = {VU_GET_FEATURES, 1, 0};
	struct knocker *k = arg;
	struct sockaddr_un at = address(k->path);
	ours = true;
	for (unsigned i = 0; !atomic_load(&k->stop); i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && i % 3) {
			send(fd, question, i % 2 * sizeof(question), MSG_NOSIGNAL);
			usleep(i % 53);
		}
		close(fd);
	}
	return NULL;
}

static void knocker_start(struct knocker *k, const char *path)
{
	k->path = path;
	atomic_init(&k->stop, false);
	assert_int_equal(pthread_create(&k->thread, NULL, knock, k), 0);
}

static void knocker_stop(struct knocker *k)
{
	atomic_store(&k->stop, true);
	pthread_join(k->thread, NULL);
}

static void peers_come_while_we_go(void **state)
{
	struct knocker k[2];
	for (unsigned i = 0; i < 2; i++)
		knocker_start(&k[i], rig_path());
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct port *p = rig_port(1, false);
		spin_us(i % 97 * 4);
		rig_close(p);
	}
	for (unsigned i = 0; i < 2; i++)
		knocker_stop(&k[i]);
}

static void *turn_away(void *arg)
{
	int listener = *(int *)arg;
	ours = true;
	for (int fd = accept(listener, NULL, NULL); fd >= 0; fd = accept(listener, NULL, NULL))
		close(fd);
	return NULL;
}

/* The library's thread meets the end of a connection that is still being made on ours. */
static void a_peer_that_listens_turns_us_away(void **state)
{
	char busy_path[80];
	snprintf(busy_path, sizeof(busy_path), "%s.busy", rig_path());
	struct port_spec busy = rig_spec(1, false);
	busy.target = busy_path;
	struct port *other = port_rig_open(&busy);
	struct knocker k; /* keeps the library's thread looking */
	knocker_start(&k, busy_path);
	int listener = listen_here();
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, turn_away, &listener), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct port *p = open_slowly(true);
		spin_us(i % 97 * 2);
		rig_close(p);
	}
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(listener);
	unlink(rig_path());
	knocker_stop(&k);
	rig_close(other);
}

static void the_peer_that_listened_goes_and_so_do_we(void **state)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		int listener = listen_here();
		struct port *p = rig_port(1, true);
		int peer = accept(listener, NULL, NULL);
		assert_true(peer >= 0);
		close(listener);
		unlink(rig_path());
		close(peer);
		spin_us(i * 17 % 600);
		close_slowly(p);
	}
	/* Nobody is left who would connect again. */
	struct timeval wait = {.tv_sec = 1, .tv_usec = 500000};
	int listener = listen_here();
	setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	int ghost = accept(listener, NULL, NULL);
	assert_int_equal(ghost, -1);
	close(listener);
	unlink(rig_path());
}

static void a_socket_that_cannot_be_made_closes_nothing_else(void **state)
{
	struct port_spec spec = rig_spec(1, false);
	char nowhere[] = "/proc/self/vm1.sock";
	spec.target = nowhere;
	unsigned before = atomic_load(&closed_twice);
	port_rig_refused(&spec, -ENOENT, "cannot be made");
	assert_int_equal(atomic_load(&closed_twice), before);
}

int main(int argc, char **argv)
{
	ours = true;
	cmocka_set_test_filter(argv[1]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peers_come_while_we_go),
		cmocka_unit_test(the_peer_that_listened_goes_and_so_do_we),
		cmocka_unit_test(a_peer_that_listens_turns_us_away),
		cmocka_unit_test(a_socket_that_cannot_be_made_closes_nothing_else),
	};
	return cmocka_run_group_tests_name("vhost-leave", tests, rig_setup, rig_teardown);
}
