/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver as a program: a child in a session of its own, read, timed out, killed and reaped by the event loop. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/control/loop.h"
#include "core/control/process.h"
#include "modules/hnv-resolver/control/resolver_ask.h"

struct child {
	struct resolver_ask base; /* first */
	pid_t pid;
	int pidfd, out;
	struct loop_source *ended, *readable, *timer;
	char answer[RESOLVER_ANSWER_MAX + 1];
	size_t len;
	const char *why; /* it failed */
	resolver_done *done;
	void *arg;
};

static void ask_kill(struct child *ask)
{
	kill(-ask->pid, SIGKILL); /* whatever it started, too */
	kill(ask->pid, SIGKILL);
}

static void ask_free(struct child *ask)
{
	loop_remove(ask->ended);
	loop_remove(ask->readable);
	loop_remove(ask->timer);
	if (ask->pidfd >= 0)
		close(ask->pidfd);
	if (ask->out >= 0)
		close(ask->out);
	free(ask);
}

/* What is there by now. */
static void ask_read(struct child *ask)
{
	ssize_t n;
	while ((n = read(ask->out, ask->answer + ask->len, sizeof(ask->answer) - ask->len)) > 0) {
		ask->len += (size_t)n;
		if (ask->len == sizeof(ask->answer)) {
			ask->why = "its answer is too long";
			ask_kill(ask);
			break;
		}
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || ask->why) {
		loop_remove(ask->readable); /* its end is what is waited for */
		ask->readable = NULL;
	}
}

static void on_readable(int fd, uint32_t events, void *arg) { ask_read(arg); }

static void on_timeout(void *arg)
{
	struct child *ask = arg;
	ask->timer = NULL;
	ask->why = "it did not answer in time";
	ask_kill(ask);
}

static void on_end(int fd, uint32_t events, void *arg)
{
	struct child *ask = arg;
	char why[64];
	int status = 0;
	while (waitpid(ask->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!ask->why)
		ask_read(ask);
	if (!ask->why && !(WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
		snprintf(why, sizeof(why), WIFEXITED(status) ? "it ended with status %d" : "signal %d ended it",
			 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
		ask->why = why;
	}
	ask->answer[ask->len < sizeof(ask->answer) ? ask->len : 0] = 0;
	ask->done(ask->arg, ask->why ? NULL : ask->answer, ask->why);
	ask_free(ask);
}

static int start(struct child *ask, const char *command, const struct resolver_question *q)
{
	const char *argv[] = {command, q->vsid, q->customer, q->network, NULL};
	int ends[2];
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	ask->out = ends[0];
	int rc = process_start_piped(argv, q->json, ends[1], &ask->pid);
	close(ends[1]);
	if (!rc && fcntl(ask->out, F_SETFL, O_NONBLOCK) < 0)
		rc = -errno;
	return rc;
}

static int watch(struct child *ask, uint32_t timeout_ms)
{
	ask->pidfd = pidfd_open(ask->pid, 0);
	if (ask->pidfd < 0)
		return -errno;
	ask->ended = loop_add_fd(ask->pidfd, EPOLLIN, on_end, ask);
	ask->readable = loop_add_fd(ask->out, EPOLLIN, on_readable, ask);
	ask->timer = loop_add_timer(timeout_ms, 0, on_timeout, ask);
	return ask->ended && ask->readable && ask->timer ? 0 : -ENOMEM;
}

static void ask_cancel(struct resolver_ask *base)
{
	struct child *ask = (struct child *)base;
	if (ask->pid > 0) {
		ask_kill(ask);
		while (waitpid(ask->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	ask_free(ask);
}

struct resolver_ask *resolver_command(const char *command, const struct resolver_question *q, uint32_t timeout_ms,
				      resolver_done *done, void *arg)
{
	struct child *ask = calloc(1, sizeof(*ask));
	if (!ask)
		return NULL;
	ask->base.cancel = ask_cancel;
	ask->pid = -1;
	ask->pidfd = ask->out = -1;
	ask->done = done;
	ask->arg = arg;
	int rc = start(ask, command, q);
	if (!rc)
		rc = watch(ask, timeout_ms);
	if (!rc)
		return &ask->base;
	ask_cancel(&ask->base);
	errno = -rc;
	return NULL;
}
