/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taps as the kernel knows them: made in their namespace, found again, told apart from strangers' by the alias
 * "weft:ADAPTER". A tap is persistent only once it is in place, so nothing half made outlives us. It is made where
 * it belongs because each move or renaming would wait for every CPU (20 ms); a tun descriptor belongs to the
 * namespace in which it was opened, and works from any.
 */
#include <errno.h>
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

static int open_all(struct tap_device *d)
{
	while (d->n_fds < d->n_queues) {
		int fd = tap_home_tun();
		if (fd < 0) {
			tap_device_close(d, false);
			return fd;
		}
		d->fd[d->n_fds++] = fd;
	}
	return 0;
}

/* flags: IFF_TUN_EXCL makes a tap and takes none; -EEXIST: the name is taken. */
static int attach_queue(struct tap_device *d, uint16_t i, short flags)
{
	struct ifreq ifr = {.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | flags)};
	int fd = d->fd[i], header = sizeof(struct virtio_net_hdr);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", d->name);
	if (ioctl(fd, TUNSETIFF, &ifr)) /* a link that is no tap is EINVAL */
		return (flags & IFF_TUN_EXCL) && (errno == EBUSY || errno == EINVAL) ? -EEXIST : -errno;
	if (ioctl(fd, TUNSETVNETHDRSZ, &header))
		return -errno;
	d->uso = !ioctl(fd, TUNSETOFFLOAD, TAP_OFFLOADS | TUN_F_USO4 | TUN_F_USO6);
	return !d->uso && ioctl(fd, TUNSETOFFLOAD, TAP_OFFLOADS) ? -errno : 0;
}

static int attach_all(struct tap_device *d, bool multi_queue)
{
	int rc = 0;
	for (uint16_t i = 0; i < d->n_fds && !rc; i++) {
		int flags = (multi_queue ? IFF_MULTI_QUEUE : 0) | (i || d->taken_up ? 0 : IFF_TUN_EXCL);
		rc = attach_queue(d, i, (short)flags);
	}
	return rc;
}

bool tap_device_owns(const struct tap_device *d, const struct netlink_link *link)
{
	size_t len = strlen(TAP_ALIAS);
	return str_equal(link->kind, "tun") && !strncmp(link->alias, TAP_ALIAS, len) &&
	       str_equal(link->alias + len, d->adapter);
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
	const struct tap_home *home;
	struct netlink_link link = {0};
	int rc = tap_home_enter(d->netns, &home, e);
	if (rc)
		return rc;
	rc = netlink_link_get(home->nl, d->name, &link);
	if (rc && rc != -ENODEV)
		return err_set(e, -rc, NULL, "tap %s: %s", d->name, strerror(-rc));
	d->netns_id = home->id;
	d->taken_up = !rc;
	d->n_fds = 0;
	rc = d->taken_up ? check_own(d, &link, e) : 0;
	if (rc)
		return rc;
	if (d->taken_up && !link.tun_multi_queue)
		d->n_queues = 1;
	rc = open_all(d);
	if (!rc && d->taken_up) {
		rc = attach_all(d, link.tun_multi_queue);
		if (rc)
			tap_device_close(d, false);
	}
	if (rc == -EBUSY)
		return refuse_busy(d, e);
	return rc ? err_set(e, -rc, NULL, "tap %s cannot be %s: %s", d->name, d->taken_up ? "taken up" : "made",
			    strerror(-rc))
		  : 0;
}

/* The link behind our descriptors, in nl's namespace. */
static int find_link(const struct tap_device *d, struct netlink *nl, struct netlink_link *ret_link)
{
	struct ifreq ifr = {0};
	if (ioctl(d->fd[0], TUNGETIFF, &ifr))
		return -errno;
	ifr.ifr_name[IFNAMSIZ - 1] = '\0';
	return netlink_link_get(nl, ifr.ifr_name, ret_link);
}

/* Gives what differs. */
static int set_up(const struct tap_device *d, struct netlink *nl, struct err *e)
{
	struct netlink_link link = {0};
	char alias[NETLINK_ALIAS_SIZE];
	int rc = find_link(d, nl, &link);
	if (rc)
		return err_set(e, -rc, NULL, "tap %s has vanished: %s", d->name, strerror(-rc));
	snprintf(alias, sizeof(alias), TAP_ALIAS "%s", d->adapter);
	struct netlink_link_change change = {
		.name = !str_equal(link.name, d->name) ? d->name : NULL,
		.mac = mac_is_zero(&d->mac) || mac_to_u64(&d->mac) == mac_to_u64(&link.mac) ? NULL : &d->mac,
		.mtu = d->mtu == link.mtu ? 0 : d->mtu,
		.alias = !str_equal(link.alias, alias) ? alias : NULL,
		.flags = IFF_UP,
		.flags_mask = IFF_UP,
	};
	rc = netlink_link_change(nl, link.index, &change);
	if (!rc)
		return 0;
	const char *why = netlink_error(nl);
	return err_set(e, -rc, NULL, "tap %s cannot be set up (MTU %u): %s", d->name, d->mtu,
		       *why ? why : strerror(-rc));
}

/* A netlink socket where the tap is; -ENOENT if another namespace has the name by now. */
static int netlink_at_home(const struct tap_device *d, struct netlink **ret_nl, struct err *e)
{
	const struct tap_home *home;
	int rc = tap_home_enter(d->netns, &home, e);
	if (rc)
		return rc;
	if (!netns_id_equal(&home->id, &d->netns_id))
		return err_set(e, ENOENT, NULL, "network namespace %s was deleted and made anew", d->netns);
	*ret_nl = home->nl;
	return 0;
}

static int make(struct tap_device *d, struct err *e)
{
	char buf[WHERE_SIZE];
	int rc = attach_all(d, d->n_queues > 1);
	if (rc == -EEXIST)
		return err_set(e, EEXIST, NULL, "an interface named %s exists already%s; choose another name",
			       d->name, where(d, buf));
	return rc ? err_set(e, -rc, NULL, "tap %s cannot be made: %s", d->name, strerror(-rc)) : 0;
}

int tap_device_place(struct tap_device *d, struct err *e)
{
	struct netlink *nl = NULL;
	int rc = netlink_at_home(d, &nl, e);
	if (!rc && !d->taken_up)
		rc = make(d, e);
	if (!rc)
		rc = set_up(d, nl, e);
	if (rc || !ioctl(d->fd[0], TUNSETPERSIST, 1))
		return rc;
	rc = -errno;
	return err_set(e, -rc, NULL, "tap %s cannot be made to last: %s", d->name, strerror(-rc));
}

int tap_device_change(const struct tap_device *d, struct err *e)
{
	struct netlink *nl = NULL;
	int rc = netlink_at_home(d, &nl, e);
	return rc ? rc : set_up(d, nl, e);
}

bool tap_device_is_up(const struct tap_device *d)
{
	struct netlink *nl = NULL;
	struct netlink_link link = {0};
	return !netlink_at_home(d, &nl, NULL) && !netlink_link_get(nl, d->name, &link) && (link.flags & IFF_UP);
}

void tap_device_close(struct tap_device *d, bool remove)
{
	if (remove && d->n_fds)
		ioctl(d->fd[0], TUNSETPERSIST, 0);
	for (uint16_t i = 0; i < d->n_fds; i++)
		close(d->fd[i]);
	d->n_fds = 0;
}
