/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work in a namespace takes a thread that goes there (core/control/netns.h), which costs more than all the rest of
 * making a tap. So one visit brings back what the next calls will need: the netlink socket, and descriptors in stock,
 * more at each visit to the same place.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "modules/port-tap/control/tap.h"

#define STOCK_MAX 64

static struct tap_home home;
static int home_fd = -1; /* the namespace; -1: weftd's own */
static int stock[STOCK_MAX];
static unsigned n_stock, visit_size;

/* Inside the namespace. */
static int fetch(void *unused)
{
	int rc = home.nl ? 0 : netlink_open(-1, &home.nl);
	visit_size = visit_size ? 2 * visit_size : 1;
	if (visit_size > STOCK_MAX)
		visit_size = STOCK_MAX;
	while (!rc && n_stock < visit_size) {
		int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0)
			stock[n_stock++] = fd;
		else
			rc = -errno;
	}
	return rc;
}

void tap_home_leave(void)
{
	while (n_stock)
		close(stock[--n_stock]);
	visit_size = 0;
	netlink_close(home.nl);
	if (home_fd >= 0)
		close(home_fd);
	home_fd = -1;
	free(home.netns);
	home = (struct tap_home){0};
}

static int go(const char *netns, struct err *e)
{
	int rc = netns ? netns_open(netns, &home_fd, &home.id) : 0;
	if (rc == -ENOENT)
		return err_set(e, ENOENT, NULL, "there is no network namespace %s; make it with: ip netns add %s",
			       netns, netns);
	if (rc)
		return err_set(e, -rc, NULL, "network namespace %s cannot be opened: %s", netns, strerror(-rc));
	home.netns = str_dup(netns);
	rc = netns && !home.netns ? -ENOMEM : netns_run(home_fd, fetch, NULL);
	if (home.nl) /* without descriptors one can still look */
		return 0;
	return err_set(e, -rc, NULL, "taps cannot be made: %s", strerror(-rc));
}

int tap_home_enter(const char *netns, const struct tap_home **ret_home, struct err *e)
{
	if (!home.nl || !str_equal(home.netns, netns) || (netns && !netns_is(netns, &home.id))) {
		tap_home_leave();
		int rc = go(netns, e);
		if (rc) {
			tap_home_leave();
			return rc;
		}
	}
	*ret_home = &home;
	return 0;
}

int tap_home_tun(void)
{
	int rc = n_stock ? 0 : netns_run(home_fd, fetch, NULL);
	return n_stock ? stock[--n_stock] : rc;
}
