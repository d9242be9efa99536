/* SPDX-License-Identifier: Apache-2.0 */
/* How workers wake the control thread: one system call for all that came until it has woken up. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

struct loop_source;

struct waker {
	int fd; /* -1: closed */
	atomic_bool woken; /* the eventfd was written and the control thread has not come yet */
	struct loop_source *source;
	void (*fn)(void);
};
#define WAKER_CLOSED                                                                                                 \
	{                                                                                                            \
		.fd = -1                                                                                             \
	}

/* From now on fn() is called on the control thread after waker_wake; what was there before that is seen. -errno. */
int waker_open(struct waker *w, void (*fn)(void));
void waker_close(struct waker *w);
void waker_wake(struct waker *w); /* any thread */
