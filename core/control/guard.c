/* SPDX-License-Identifier: Apache-2.0 */
/* The guardian of an unconfirmed change; see guard.h. */
#include "core/control/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "api/document.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "core/control/loop.h"
#include "core/control/module.h"
#include "core/control/store_private.h"

#define STEP_MS 200
#define RETRY_MS 5000
#define OTHER_GUARD_MS 2000 /* one that saw its change settled is gone by then */

/* Guards started and not reaped yet. Rarely two: an old one sees within STEP_MS that it is not needed. */
static struct loop_source *watches[8];
enum { WATCHES = sizeof(watches) / sizeof(watches[0]) };

/* A guard ended: reap it, so that weftd leaves no zombies and needs no SIGCHLD handler. */
static void guard_ended(int fd, uint32_t events, void *watch)
{
	siginfo_t info;
	waitid(P_PIDFD, (id_t)fd, &info, WEXITED);
	loop_remove(*(struct loop_source **)watch);
	*(struct loop_source **)watch = NULL;
	close(fd);
}

/* Without a watch the guard works as well, and stays a zombie until weftd ends. */
static void guard_watch(pid_t pid)
{
	struct loop_source **watch = NULL;
	for (unsigned i = 0; i < WATCHES && !watch; i++)
		watch = watches[i] ? NULL : &watches[i];
	int fd = watch ? pidfd_open(pid, 0) : -1;
	if (fd < 0)
		return;
	*watch = loop_add_fd(fd, EPOLLIN, guard_ended, watch);
	if (!*watch)
		close(fd);
}

int guard_spawn(struct err *e)
{
	char *argv[] = {STORE_OWNER_GUARD, "--guard", store.dir, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	pid_t pid;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);

	/* Nothing may keep alive what weftd holds: a tap's descriptor inherited here would keep the tap busy. */
	int r = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDWR, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&files, 0, 1);
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(&files, 3);
	if (r == 0)
		r = posix_spawnattr_setflags(&attributes,
					     POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	if (r == 0)
		r = posix_spawn(&pid, "/proc/self/exe", &files, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	if (r != 0)
		return err_set(e, r, NULL, "the guard of the unconfirmed change cannot be started: %s", strerror(r));
	guard_watch(pid);
	return 0;
}

struct rollback {
	const char *state_dir;
	struct err *e;
	int r; /* the first failure; the others still get their turn */
};

static int module_rollback(struct module *m, void *arg)
{
	struct rollback *b = arg;
	struct err cause = {0};
	int r = m->guard_rollback ? m->guard_rollback(b->state_dir, &cause) : 0;
	if (r < 0 && b->r == 0)
		b->r = err_set(b->e, -r, cause.path, "module %s: %s", m->name,
			       cause.text[0] ? cause.text : strerror(-r));
	return 0;
}

/* Against the order of dependency: what was set up last goes first. */
static int interfaces_give_back(const char *state_dir, struct err *e)
{
	struct rollback b = {.state_dir = state_dir, .e = e};
	modules_each_reverse(module_rollback, &b);
	return b.r;
}

struct api_document *guard_document(void)
{
	struct store_pending p;
	struct api_document *doc = NULL;
	json_t *json = NULL;
	struct err e = {0};
	if (!store_pending_get(NULL, &p) || store_document_load(p.previous, &json, &e) < 0)
		return NULL;
	(void)api_document_decode(json, &doc, &e);
	json_decref(json);
	return doc;
}

/* A change that nobody confirmed never will be: what ran before it is what a later weftd starts with. */
static int unconfirmed_drop(struct err *e)
{
	struct store_pending p;
	if (!store_pending_get(NULL, &p))
		return 0;
	int r = store_current_set(p.previous, e);
	return r < 0 ? r : store_pending_set(NULL, e);
}

int guard_restore(const char *state_dir, struct err *e)
{
	int r = store_open(state_dir, "weftd --restore", e);
	if (r < 0)
		return r;
	r = unconfirmed_drop(e);
	if (r == 0)
		r = interfaces_give_back(state_dir, e);
	store_close();
	return r;
}

static void sleep_ms(uint64_t ms)
{
	nanosleep(&(struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000}, NULL);
}

/* One guard a folder. -EBUSY: another goes on guarding. */
static int guard_lock(const char *state_dir)
{
	char path[STORE_PATH_SIZE];
	snprintf(path, sizeof(path), "%.*s/guard.lock", STORE_DIR_SIZE, state_dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	for (unsigned waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += STEP_MS) {
		if (waited >= OTHER_GUARD_MS) {
			close(fd);
			return -EBUSY;
		}
		sleep_ms(STEP_MS);
	}
	return fd;
}

/* The deadline has passed. 0: done, or done by somebody else meanwhile. */
static int take_back(const char *state_dir, const struct store_pending *seen)
{
	struct store_pending p;
	struct err e = {0};
	int r = store_open(state_dir, STORE_OWNER_GUARD, &e);
	if (r < 0) {
		if (r != -EBUSY) /* busy: a weftd lives, it takes the change back itself */
			log_error("host", "%s", e.text);
		return r;
	}
	if (!store_pending_get(NULL, &p) || p.deadline_ms != seen->deadline_ms)
		goto out;
	log_warning("host", "the last change was not confirmed and weftd is gone: back to revision %" PRIu64,
		    p.previous);
	if (interfaces_give_back(state_dir, &e) < 0)
		log_error("host", "%s", e.text); /* and still the next weftd must start with the revision before */
	r = store_current_set(p.previous, &e);
	if (r == 0)
		r = store_pending_set(NULL, &e);
	if (r < 0)
		log_error("host", "%s", e.text);
out:
	store_close();
	return r;
}

int guard_run(const char *state_dir)
{
	/* Whatever ends the terminal or the session that weftd was started from must not end its guard; SIGTERM
	 * does, for the machine's own shutdown. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_NAME, STORE_OWNER_GUARD);

	int lock = guard_lock(state_dir);
	if (lock < 0)
		return lock == -EBUSY ? 0 : lock;
	struct store_pending p;
	uint64_t deadline_ms = 0, deadline_ns = 0;
	while (store_pending_get(state_dir, &p)) {
		uint64_t now_ms = clock_wall_ms(), now = clock_now_ns();
		if (p.deadline_ms != deadline_ms) {
			/* From here on the monotonic clock counts: the wall clock may be set. */
			uint64_t left_ms = p.deadline_ms > now_ms ? p.deadline_ms - now_ms : 0;
			if (left_ms > p.within_s * 1000ull)
				left_ms = p.within_s * 1000ull;
			deadline_ms = p.deadline_ms;
			deadline_ns = now + left_ms * 1000000ull;
		}
		if (now >= deadline_ns) {
			int r = take_back(state_dir, &p);
			if (r < 0 && r != -EBUSY)
				deadline_ns = now + RETRY_MS * 1000000ull;
		}
		uint64_t left_ms = deadline_ns > now ? (deadline_ns - now) / 1000000 + 1 : STEP_MS;
		sleep_ms(left_ms < STEP_MS ? left_ms : STEP_MS);
	}
	close(lock);
	return 0;
}
