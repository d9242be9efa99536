/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread, one epoll. Timers go by clock_now_ns, so a test that turns the clock turns them. A source
 * removed while a round is under way is only marked: the round may still hold its address.
 */
#include "core/control/loop.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

#define EVENTS_A_ROUND 64
#define NS_PER_MS 1000000ull

struct loop_source {
	struct loop_source *next;
	void *arg;
	bool removed;
	int fd; /* -1: a timer */
	loop_fd_fn *fd_fn;
	void (*timer_fn)(void *arg);
	uint64_t due_ns, interval_ns;
	uint64_t round; /* the round in which it was made or last fired: it fires once in each */
};

struct post {
	struct post *next;
	void (*fn)(void *arg);
	void *arg;
};

static int epoll_fd = -1, wake_fd = -1;
static struct loop_source *descriptors, *timers;
static bool in_round, anything_removed;
static uint64_t round_number;
static atomic_bool stopping;

static pthread_mutex_t posts_lock = PTHREAD_MUTEX_INITIALIZER;
static struct post *posts, **posts_end = &posts;

int loop_init(void)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		return -errno;
	int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct epoll_event ev = {.events = EPOLLIN}; /* the only one without a source */
	if (wake < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &ev) < 0) {
		int r = -errno;
		if (wake >= 0)
			close(wake);
		close(epoll);
		return r;
	}
	epoll_fd = epoll;
	wake_fd = wake;
	atomic_store(&stopping, false);
	return 0;
}

static void list_free(struct loop_source **list)
{
	while (*list) {
		struct loop_source *s = *list;
		*list = s->next;
		free(s);
	}
}

static struct post *posts_take(void)
{
	pthread_mutex_lock(&posts_lock);
	struct post *taken = posts;
	posts = NULL;
	posts_end = &posts;
	pthread_mutex_unlock(&posts_lock);
	return taken;
}

void loop_fini(void)
{
	if (epoll_fd < 0)
		return;
	list_free(&descriptors);
	list_free(&timers);
	for (struct post *p = posts_take(), *next; p; p = next) {
		next = p->next;
		free(p);
	}
	pthread_mutex_lock(&posts_lock); /* loop_post may be looking at wake_fd */
	close(wake_fd);
	close(epoll_fd);
	wake_fd = epoll_fd = -1;
	pthread_mutex_unlock(&posts_lock);
}

/* Only write: signal handlers come here. A full counter wakes as well. */
static void loop_wake(void)
{
	uint64_t one = 1;
	int saved = errno;
	ssize_t n = write(wake_fd, &one, sizeof(one));
	(void)n;
	errno = saved;
}

void loop_stop(void)
{
	atomic_store(&stopping, true);
	loop_wake();
}

struct loop_source *loop_add_fd(int fd, uint32_t events, loop_fd_fn *fn, void *arg)
{
	struct loop_source *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	*s = (struct loop_source){.next = descriptors, .arg = arg, .fd = fd, .fd_fn = fn};
	struct epoll_event ev = {.events = events, .data.ptr = s};
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		free(s);
		return NULL;
	}
	descriptors = s;
	return s;
}

struct loop_source *loop_add_timer(uint64_t first_ms, uint64_t interval_ms, void (*fn)(void *arg), void *arg)
{
	struct loop_source *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	*s = (struct loop_source){.next = timers,
				  .arg = arg,
				  .fd = -1,
				  .timer_fn = fn,
				  .due_ns = clock_now_ns() + first_ms * NS_PER_MS,
				  .interval_ns = interval_ms * NS_PER_MS,
				  .round = in_round ? round_number : 0};
	timers = s;
	return s;
}

static void list_sweep(struct loop_source **at)
{
	while (*at) {
		struct loop_source *s = *at;
		if (s->removed) {
			*at = s->next;
			free(s);
		} else {
			at = &s->next;
		}
	}
}

static void sweep(void)
{
	if (!anything_removed)
		return;
	anything_removed = false;
	list_sweep(&descriptors);
	list_sweep(&timers);
}

void loop_remove(struct loop_source *s)
{
	if (!s)
		return;
	/* Fails only when the descriptor was closed already, which took it out. */
	if (s->fd >= 0 && !s->removed)
		epoll_ctl(epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
	s->removed = true;
	anything_removed = true;
	if (!in_round)
		sweep();
}

int loop_post(void (*fn)(void *arg), void *arg)
{
	struct post *p = malloc(sizeof(*p));
	if (!p)
		return -ENOMEM;
	*p = (struct post){.fn = fn, .arg = arg};
	pthread_mutex_lock(&posts_lock);
	if (wake_fd < 0) {
		pthread_mutex_unlock(&posts_lock);
		free(p);
		return -ESHUTDOWN;
	}
	*posts_end = p;
	posts_end = &p->next;
	loop_wake();
	pthread_mutex_unlock(&posts_lock);
	return 0;
}

static struct loop_source *timer_earliest(void)
{
	struct loop_source *first = NULL;
	for (struct loop_source *s = timers; s; s = s->next)
		if (!s->removed && (!in_round || s->round != round_number) && (!first || s->due_ns < first->due_ns))
			first = s;
	return first;
}

/* Milliseconds until the next timer, rounded up so that it is due then; -1: there is none. */
static int wait_ms(void)
{
	const struct loop_source *s = timer_earliest();
	if (!s)
		return -1;
	uint64_t now = clock_now_ns();
	if (s->due_ns <= now)
		return 0;
	uint64_t ms = (s->due_ns - now + NS_PER_MS - 1) / NS_PER_MS;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* Those due at one moment, earliest first. A timer that fell behind skips what it missed. */
static void timers_run(void)
{
	uint64_t now = clock_now_ns();
	struct loop_source *s;
	while ((s = timer_earliest()) && s->due_ns <= now) {
		s->round = round_number;
		if (s->interval_ns) {
			s->due_ns += s->interval_ns;
			if (s->due_ns <= now)
				s->due_ns = now + s->interval_ns;
		} else {
			s->removed = true;
			anything_removed = true;
		}
		s->timer_fn(s->arg);
	}
}

static void posts_run(void)
{
	for (struct post *p = posts_take(), *next; p; p = next) {
		next = p->next;
		p->fn(p->arg);
		free(p);
	}
}

static int loop_round(int timeout_ms)
{
	struct epoll_event events[EVENTS_A_ROUND];
	int n = epoll_wait(epoll_fd, events, EVENTS_A_ROUND, timeout_ms);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;

	in_round = true;
	round_number++;
	for (int i = 0; i < n; i++) {
		struct loop_source *s = events[i].data.ptr;
		uint64_t count;
		if (!s) {
			ssize_t got = read(wake_fd, &count, sizeof(count));
			(void)got; /* EAGAIN: somebody woke us for what an earlier round has done */
		} else if (!s->removed) {
			s->fd_fn(s->fd, events[i].events, s->arg);
		}
	}
	timers_run();
	posts_run();
	in_round = false;
	sweep();
	return 0;
}

int loop_run(void)
{
	int r = 0;
	while (r == 0 && !atomic_load(&stopping))
		r = loop_round(wait_ms());
	atomic_store(&stopping, false);
	return r;
}

int loop_turn(void) { return loop_round(0); }
