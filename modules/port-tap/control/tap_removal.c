/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many taps at once. Closing a tap waits for every CPU, 20 ms each and one after the other; deleting all links of a
 * group waits once. So those that go are put into a group that nobody else is in, and the group is deleted.
 */
#include <errno.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "modules/port-tap/control/tap.h"

#define FEW 3 /* as many are closed as quickly */
#define AT_ONCE 512 /* the kernel's network lock is held 80 ms for these */
#define GROUP_TRIES 8

/* A group that no link of the namespace is in. 0: none was found. */
static uint32_t group_draw(struct netlink *nl)
{
	for (int i = 0; i < GROUP_TRIES; i++) {
		uint32_t group = 0;
		if (getrandom(&group, sizeof(group), 0) != sizeof(group) || !group)
			continue;
		if (!netlink_group_used(nl, group))
			return group;
	}
	return 0;
}

/* Puts a tap into the group, if it is there under our name and alias. From now on it goes with us, too, should we be
 * killed before the group is deleted. */
static bool enlist(struct netlink *nl, const struct tap_device *d, uint32_t group)
{
	struct netlink_link link;
	struct ifreq ifr = {0};
	struct netlink_link_change change = {.group = group};
	if (!d->n_fds || ioctl(d->fd[0], TUNGETIFF, &ifr) || strncmp(ifr.ifr_name, d->name, IFNAMSIZ) != 0)
		return false;
	if (netlink_link_get(nl, d->name, &link) || !tap_device_owns(d, &link))
		return false;
	return !ioctl(d->fd[0], TUNSETPERSIST, 0) && !netlink_link_change(nl, link.index, &change);
}

void tap_removal_run(struct tap_device *list, size_t n)
{
	const struct tap_home *home;
	uint32_t group = 0;
	if (n > FEW && !tap_home_enter(list[0].netns, &home, NULL))
		group = group_draw(home->nl);
	for (size_t i = 0, enlisted = 0; group && i < n; i++) {
		if (netns_id_equal(&list[i].netns_id, &home->id)) /* not in one that bore the name before */
			enlisted += enlist(home->nl, &list[i], group);
		if (enlisted < AT_ONCE && i + 1 < n)
			continue;
		netlink_group_delete(home->nl, group);
		enlisted = 0;
	}
}
