/* SPDX-License-Identifier: Apache-2.0 */
/* Programs: those that run in weftd's network namespace, and those that weftd runs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PROCESS_ARGS_MAX 64

struct process {
	pid_t pid;
	char name[16]; /* as the kernel knows it: at most 15 characters */
	size_t n_args;
	const char *args[PROCESS_ARGS_MAX + 1]; /* NULL-terminated */
};

/* Calls fn for each process of our network namespace until it returns other than 0, which is returned. */
int process_each(int (*fn)(const struct process *p, void *arg), void *arg);

/* Runs argv[0] from the PATH with nothing on its standard streams but `input` (NULL: empty), for timeout_ms at
 * most. Its exit status, -ETIME, or -errno (-ENOENT: there is no such program). */
int process_run(const char *const argv[], const char *input, unsigned timeout_ms);

/* Starts argv[0] from the PATH, in a session of its own with nothing on its standard streams. The caller reaps it. */
int process_start(const char *const argv[], pid_t *ret_pid);

/* The same with `input` to read and `out` as its standard output, which stays the caller's. */
int process_start_piped(const char *const argv[], const char *input, int out, pid_t *ret_pid);

/* Starts argv[0] and forgets it: it lives on without weftd. 0 or -errno. */
int process_detach(const char *const argv[]);
