/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taps as the kernel knows them: made, put into a namespace, found again, told apart from strangers' by the
 * alias "weft:ADAPTER". A tap is persistent only once it is in place, so nothing half made outlives us.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/virtio_net.h>

#include "base/err.h"
#include "base/str.h"
#include "core/control/netlink.h"
#include "modules/port-tap/control/tap.h"

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20 /* since Linux 6.2 */
#define TUN_F_USO6 0x40
#endif

#define TAP_OFFLOADS (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN)
#define TAP_ALIAS "weft:"

#define WHERE_SIZE 96

/* " in network namespace X", or nothing for weftd's own. */
static const char *where(const struct tap_device *d, char buf[static WHERE_SIZE])
{
	buf[0] = '\0';
	if (d->netns)
		snprintf(buf, WHERE_SIZE, " in network namespace %s", d->netns);
	return buf;
}

/* Opens the namespace the tap belongs in; *ret_fd -1 for weftd's own. */
static int open_home(const struct tap_device *d, int *ret_fd, struct netns_id *ret_id, struct err *e)
{
	*ret_fd = -1;
	if (!d->netns)
		return 0;
	int rc = netns_open(d->netns, ret_fd, ret_id);
	if (rc == -ENOENT)
		return err_set(e, ENOENT, NULL, "there is no network namespace %s; make it with: ip netns add %s",
			       d->netns, d->netns);
	if (rc)
		return err_set(e, -rc, NULL, "network namespace %s cannot be opened: %s", d->netns, strerror(-rc));
	return 0;
}

struct attach {
	struct tap_device *d;
	const char *name; /* NULL: a passing one of the kernel's choice */
	bool multi_queue;
	char given[IFNAMSIZ]; /* the name that the first queue got */
};

static int attach_queue(struct attach *a, uint16_t i)
{
	struct tap_device *d = a->d;
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	if (a->multi_queue)
		ifr.ifr_flags |= IFF_MULTI_QUEUE;
	memcpy(ifr.ifr_name, a->given, sizeof(ifr.ifr_name));
	int header = sizeof(struct virtio_net_hdr);
	if (ioctl(fd, TUNSETIFF, &ifr) || ioctl(fd, TUNSETVNETHDRSZ, &header))
		goto fail;
	d->uso = !ioctl(fd, TUNSETOFFLOAD, TAP_OFFLOADS | TUN_F_USO4 | TUN_F_USO6);
	if (!d->uso && ioctl(fd, TUNSETOFFLOAD, TAP_OFFLOADS))
		goto fail;
	memcpy(a->given, ifr.ifr_name, sizeof(a->given));
	d->fd[i] = fd;
	d->n_fds++;
	return 0;
fail:;
	int rc = -errno;
	close(fd);
	return rc;
}

static int attach_all(void *arg)
{
	struct attach *a = arg;
	uint16_t n = a->multi_queue ? a->d->n_queues : 1;
	snprintf(a->given, sizeof(a->given), "%s", a->name ? a->name : "weft-new%d");
	for (uint16_t i = 0; i < n; i++) {
		int rc = attach_queue(a, i);
		if (rc) {
			tap_device_close(a->d, false);
			return rc;
		}
	}
	return 0;
}

static int refuse_busy(const struct tap_device *d, struct err *e)
{
	char buf[WHERE_SIZE];
	return err_set(e, EBUSY, NULL, "tap %s%s is in use by an adapter already; choose another name", d->name,
		       where(d, buf));
}

/* Is the link that bears our name ours to take up? */
static int check_own(const struct tap_device *d, const struct netlink_link *link, struct err *e)
{
	const char *owner = link->alias + strlen(TAP_ALIAS);
	char buf[WHERE_SIZE];
	if (!str_equal(link->kind, "tun"))
		return err_set(e, EEXIST, NULL,
			       "%s%s exists and is not a tap of weft's; choose another name or delete it", d->name,
			       where(d, buf));
	if (strncmp(link->alias, TAP_ALIAS, strlen(TAP_ALIAS)) != 0)
		return err_set(
			e, EEXIST, NULL,
			"%s%s is a tap that somebody else made; choose another name, or attach it as an interface",
			d->name, where(d, buf));
	if (link->tun_queues)
		return refuse_busy(d,
				   e); /* another queue would be let in: the kernel refuses only taps of one queue */
	if (!str_equal(owner, d->adapter))
		return err_set(
			e, EEXIST, NULL,
			"tap %s%s belongs to weft's adapter %s; choose another name, or delete it if that adapter is no more",
			d->name, where(d, buf), owner);
	return 0;
}

int tap_device_open(struct tap_device *d, struct err *e)
{
	struct netlink *nl = NULL;
	struct netlink_link link = {0};
	int home;
	int rc = open_home(d, &home, &d->netns_id, e);
	if (rc)
		return rc;
	rc = netlink_open(home, &nl);
	if (rc) {
		err_set(e, -rc, NULL, "tap %s: netlink: %s", d->name, strerror(-rc));
		goto out;
	}
	rc = netlink_link_get(nl, d->name, &link);
	if (rc && rc != -ENODEV) {
		err_set(e, -rc, NULL, "tap %s: %s", d->name, strerror(-rc));
		goto out;
	}
	struct attach a = {.d = d, .multi_queue = d->n_queues > 1};
	d->taken_up = !rc;
	d->n_fds = 0;
	if (d->taken_up) {
		rc = check_own(d, &link, e);
		if (rc)
			goto out;
		a.name = d->name;
		a.multi_queue = link.tun_multi_queue;
	}
	rc = netns_run(d->taken_up ? home : -1, attach_all, &a);
	if (rc == -EBUSY)
		refuse_busy(d, e);
	else if (rc)
		err_set(e, -rc, NULL, "tap %s cannot be %s: %s", d->name, d->taken_up ? "taken up" : "made",
			strerror(-rc));
out:
	netlink_close(nl);
	if (home >= 0)
		close(home);
	return rc;
}

/* The link behind our descriptors, wherever it is: in nl's namespace. */
static int find_link(const struct tap_device *d, struct netlink *nl, struct netlink_link *ret_link)
{
	struct ifreq ifr = {0};
	if (ioctl(d->fd[0], TUNGETIFF, &ifr))
		return -errno;
	ifr.ifr_name[IFNAMSIZ - 1] = '\0';
	return netlink_link_get(nl, ifr.ifr_name, ret_link);
}

/* Gives what differs; moves if `home` says so. */
static int set_up(const struct tap_device *d, struct netlink *nl, const int *home, struct err *e)
{
	struct netlink_link link = {0};
	char alias[NETLINK_ALIAS_SIZE];
	int rc = find_link(d, nl, &link);
	if (rc)
		return err_set(e, -rc, NULL, "tap %s has vanished: %s", d->name, strerror(-rc));
	snprintf(alias, sizeof(alias), TAP_ALIAS "%s", d->adapter);
	struct netlink_link_change change = {
		.netns_fd = home,
		.name = home || !str_equal(link.name, d->name) ? d->name : NULL,
		.mac = mac_is_zero(&d->mac) || mac_to_u64(&d->mac) == mac_to_u64(&link.mac) ? NULL : &d->mac,
		.mtu = d->mtu == link.mtu ? 0 : d->mtu,
		.alias = !str_equal(link.alias, alias) ? alias : NULL,
		.flags = IFF_UP,
		.flags_mask = IFF_UP,
	};
	rc = netlink_link_change(nl, link.index, &change);
	if (!rc)
		return 0;
	char buf[WHERE_SIZE];
	if (rc == -EEXIST)
		return err_set(e, EEXIST, NULL, "an interface named %s exists already%s; choose another name",
			       d->name, where(d, buf));
	const char *why = netlink_error(nl);
	return err_set(e, -rc, NULL, "tap %s cannot be set up (MTU %u): %s", d->name, d->mtu,
		       *why ? why : strerror(-rc));
}

int tap_device_place(const struct tap_device *d, struct err *e)
{
	struct netlink *nl;
	int home;
	int rc = open_home(d, &home, &(struct netns_id){0}, e);
	if (rc)
		return rc;
	rc = netlink_open(d->taken_up ? home : -1, &nl);
	if (rc) {
		err_set(e, -rc, NULL, "tap %s: netlink: %s", d->name, strerror(-rc));
		goto out;
	}
	rc = set_up(d, nl, d->taken_up || home < 0 ? NULL : &home, e);
	netlink_close(nl);
	if (!rc && ioctl(d->fd[0], TUNSETPERSIST, 1)) {
		rc = -errno;
		err_set(e, -rc, NULL, "tap %s cannot be made to last: %s", d->name, strerror(-rc));
	}
out:
	if (home >= 0)
		close(home);
	return rc;
}

/* A netlink socket where the tap is, if its namespace is still the one it was put into. */
static int netlink_at_home(const struct tap_device *d, struct netlink **ret_nl, struct err *e)
{
	int home;
	int rc = open_home(d, &home, &(struct netns_id){0}, e);
	if (rc)
		return rc;
	rc = netlink_open(home, ret_nl);
	if (home >= 0)
		close(home);
	return rc ? err_set(e, -rc, NULL, "tap %s: netlink: %s", d->name, strerror(-rc)) : 0;
}

int tap_device_change(const struct tap_device *d, struct err *e)
{
	struct netlink *nl;
	int rc = netlink_at_home(d, &nl, e);
	if (rc)
		return rc;
	rc = set_up(d, nl, NULL, e);
	netlink_close(nl);
	return rc;
}

bool tap_device_is_up(const struct tap_device *d)
{
	struct netlink *nl;
	struct netlink_link link = {0};
	if (netlink_at_home(d, &nl, NULL))
		return false;
	bool up = !netlink_link_get(nl, d->name, &link) && (link.flags & IFF_UP);
	netlink_close(nl);
	return up;
}

void tap_device_close(struct tap_device *d, bool remove)
{
	if (remove && d->n_fds)
		ioctl(d->fd[0], TUNSETPERSIST, 0);
	for (uint16_t i = 0; i < d->n_fds; i++)
		close(d->fd[i]);
	d->n_fds = 0;
}
