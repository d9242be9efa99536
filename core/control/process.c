/* SPDX-License-Identifier: Apache-2.0 */
/* See process.h. */
#include "core/control/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

#define CMDLINE_MAX (64u << 10)
#define DETACH_TIMEOUT_MS 5000

static bool same_namespace(const char *pid, const struct stat *ours)
{
	char path[64];
	struct stat st;
	snprintf(path, sizeof(path), "/proc/%.20s/ns/net", pid);
	return stat(path, &st) == 0 && st.st_dev == ours->st_dev && st.st_ino == ours->st_ino;
}

/* Fills in p from /proc; the text that p->args points into is the caller's to free. NULL: gone, or a kernel thread. */
static char *process_read(const char *pid, struct process *p)
{
	char path[64], *text = NULL, *name = NULL;
	size_t len = 0, name_len;
	*p = (struct process){.pid = atoi(pid)};
	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	if (file_read(path, 64, &name, &name_len) == 0)
		snprintf(p->name, sizeof(p->name), "%.*s", (int)strcspn(name, "\n"), name);
	free(name);
	snprintf(path, sizeof(path), "/proc/%.20s/cmdline", pid);
	if (file_read(path, CMDLINE_MAX, &text, &len) < 0)
		return NULL;
	for (size_t at = 0; at < len && p->n_args < PROCESS_ARGS_MAX; at += strlen(text + at) + 1)
		p->args[p->n_args++] = text + at;
	if (p->n_args)
		return text;
	free(text);
	return NULL;
}

int process_each(int (*fn)(const struct process *p, void *arg), void *arg)
{
	struct stat ours;
	if (stat("/proc/self/ns/net", &ours) < 0)
		return -errno;
	DIR *proc = opendir("/proc");
	if (!proc)
		return -errno;
	int rc = 0;
	for (struct dirent *d; rc == 0 && (d = readdir(proc));) {
		struct process p;
		if (!isdigit((unsigned char)d->d_name[0]) || !same_namespace(d->d_name, &ours))
			continue;
		char *text = process_read(d->d_name, &p);
		if (text)
			rc = fn(&p, arg);
		free(text);
	}
	closedir(proc);
	return rc;
}

/* Its standard input, holding the text: a file in memory, so that nobody has to feed a pipe. */
static int input_fd(const char *input)
{
	int fd = memfd_create("input", MFD_CLOEXEC);
	size_t len = strlen(input);
	if (fd >= 0 && (write(fd, input, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) < 0)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int start(const char *const argv[], int in, int out, pid_t *ret_pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	int rc = in >= 0 ? posix_spawn_file_actions_adddup2(&files, in, 0)
			 : posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	if (!rc)
		rc = posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	if (!rc)
		rc = posix_spawn_file_actions_adddup2(&files, out >= 0 ? out : 2, 1);
	if (!rc) /* nothing of weftd's may be kept alive by it, a tap's descriptor above all */
		rc = posix_spawn_file_actions_addclosefrom_np(&files, 3);
	if (!rc)
		rc = posix_spawnattr_setflags(&attributes,
					      POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	if (!rc)
		rc = posix_spawnp(ret_pid, argv[0], &files, &attributes, (char *const *)argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return -rc;
}

int process_start(const char *const argv[], pid_t *ret_pid) { return start(argv, -1, -1, ret_pid); }

int process_start_piped(const char *const argv[], const char *input, int out, pid_t *ret_pid)
{
	int in = input_fd(input);
	if (in < 0)
		return -errno;
	int rc = start(argv, in, out, ret_pid);
	close(in);
	return rc;
}

int process_run(const char *const argv[], const char *input, unsigned timeout_ms)
{
	pid_t pid = 0;
	int status, in = input ? input_fd(input) : -1;
	int rc = start(argv, in, -1, &pid);
	if (in >= 0)
		close(in);
	if (rc < 0)
		return rc;
	int fd = pidfd_open(pid, 0);
	struct pollfd watch = {.fd = fd, .events = POLLIN};
	if (fd < 0 || poll(&watch, 1, (int)timeout_ms) != 1) {
		kill(pid, SIGKILL);
		rc = -ETIME;
	}
	if (fd >= 0)
		close(fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc < 0)
		return rc;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

/* systemd starts what it is told to in the machine's own network namespace. */
static bool systemd_is_here(void)
{
	struct stat ours;
	return access("/run/systemd/system", F_OK) == 0 && stat("/proc/self/ns/net", &ours) == 0 &&
	       same_namespace("1", &ours);
}

/* Started by a helper that leaves at once. 0 or -errno. */
static int detach_through(const char *const helper[], const char *const argv[])
{
	const char *through[PROCESS_ARGS_MAX + 8] = {0};
	size_t n = 0;
	for (; helper[n]; n++)
		through[n] = helper[n];
	for (size_t i = 0; argv[i] && i < PROCESS_ARGS_MAX; i++)
		through[n++] = argv[i];
	int rc = process_run(through, NULL, DETACH_TIMEOUT_MS);
	return rc > 0 ? -ECHILD : rc;
}

int process_detach(const char *const argv[])
{
	/* As a unit of its own it has neither weftd's sandbox nor its life. It may go into the background. */
	static const char *const unit[] = {"systemd-run",      "--quiet", "--collect", "-p",
					   "KillMode=process", "--",	  NULL};
	/* Else through a shell, so that init is its parent and no zombie stays with weftd. */
	static const char *const shell[] = {"sh", "-c", "\"$@\" &", "sh", NULL};
	if (systemd_is_here() && detach_through(unit, argv) == 0)
		return 0;
	return detach_through(shell, argv);
}
