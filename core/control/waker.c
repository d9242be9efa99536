/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/waker.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/control/loop.h"

static void on_wake(int fd, uint32_t events, void *arg)
{
	struct waker *w = arg;
	eventfd_t n;
	(void)eventfd_read(fd, &n);
	/* Before fn looks: who comes after its look wakes us again. */
	atomic_store(&w->woken, false);
	w->fn();
}

void waker_wake(struct waker *w)
{
	if (!atomic_exchange(&w->woken, true) && eventfd_write(w->fd, 1))
		atomic_store(&w->woken, false);
}

int waker_open(struct waker *w, void (*fn)(void))
{
	w->fn = fn;
	w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->source = w->fd < 0 ? NULL : loop_add_fd(w->fd, EPOLLIN, on_wake, w);
	if (w->source)
		return 0;
	int rc = -errno;
	waker_close(w);
	return rc;
}

void waker_close(struct waker *w)
{
	loop_remove(w->source);
	if (w->fd >= 0)
		close(w->fd);
	w->source = NULL;
	w->fd = -1;
	atomic_store(&w->woken, false);
}
