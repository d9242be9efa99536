/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of kind "interface": the life of a port, including the times when the interface is not there. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <jansson.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "core/control/netlink.h"
#include "modules/port-wire/control/interface.h"

#define SOCKET_BUFFER (16 << 20) /* bytes: a few milliseconds of 10 Gbit/s as the kernel counts them */

static const struct port_ops interface_ops;
static struct interface_port *open_ports;

/* Packet sockets know UDP segments since Linux 6.2, and have no other way to tell. */
static bool kernel_knows_uso(void)
{
	struct utsname name;
	int major = 0, minor = 0;
	return !uname(&name) && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 2));
}

static int open_socket(int *ret_fd)
{
	int on = 1, size = SOCKET_BUFFER;
	/* Protocol 0: hears nothing until it is bound, so nothing of other interfaces either. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size))) {
		int rc = -errno;
		close(fd);
		return rc;
	}
	*ret_fd = fd;
	return 0;
}

/* Promiscuous by membership: it ends with the socket, whatever becomes of us. */
static int bind_socket(int fd, int index)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = index};
	struct packet_mreq promiscuous = {.mr_ifindex = index, .mr_type = PACKET_MR_PROMISC};
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)))
		return -errno;
	return setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)) ? -errno : 0;
}

static void unbind_socket(int fd)
{
	struct sockaddr_ll nowhere = {.sll_family = AF_PACKET};
	(void)!bind(fd, (struct sockaddr *)&nowhere, sizeof(nowhere));
}

/* The interface, if it can be a port. */
static int find_interface(struct netlink *nl, const char *name, struct netlink_link *ret_link, struct err *e)
{
	struct netlink_link link, controller;
	int rc = netlink_link_get(nl, name, &link);
	if (rc == -ENODEV)
		return err_set(e, ENODEV, NULL, "there is no interface %s; `ip link` lists those there are", name);
	if (rc)
		return err_set(e, -rc, NULL, "interface %s: %s", name, strerror(-rc));
	if (link.hardware != ARPHRD_ETHER)
		return err_set(e, EINVAL, NULL, "interface %s is not an Ethernet interface", name);
	if (link.controller) {
		rc = netlink_link_by_index(nl, link.controller, &controller);
		return err_set(e, EBUSY, NULL,
			       "interface %s belongs to %s; take it out with: ip link set %s nomaster", name,
			       rc ? "another interface" : controller.name, name);
	}
	*ret_link = link;
	return 0;
}

/* Bound and silent. On failure as it was. */
static int attach(struct interface_port *t, struct netlink *nl, struct err *e)
{
	struct port *p = &t->port;
	struct netlink_link link = {0};
	int rc = find_interface(nl, p->target, &link, e);
	if (rc)
		return rc;
	/* Listening first: what comes before the stack is silent is not lost. */
	rc = bind_socket(p->queue[0].fd, link.index);
	if (rc) {
		err_set(e, -rc, NULL, "interface %s: no packet socket on it: %s", p->target, strerror(-rc));
		goto fail;
	}
	rc = silence_begin(nl, &link, t->wanted_mtu, &p->mtu, e);
	if (rc)
		goto fail;
	t->index = link.index;
	t->waiting_for[0] = '\0';
	p->queue[0].enabled = true;
	return 0;
fail:
	unbind_socket(p->queue[0].fd);
	return rc;
}

/* The interface is not there: the socket stays, bound to nothing. */
static void park(struct interface_port *t, int why, const struct err *e)
{
	t->index = 0;
	t->port.queue[0].enabled = false;
	unbind_socket(t->port.queue[0].fd);
	if (why == -ENODEV)
		snprintf(t->waiting_for, sizeof(t->waiting_for), "interface %s", t->port.target);
	else
		snprintf(t->waiting_for, sizeof(t->waiting_for), "%s", e->text);
}

/* Runs fn with a netlink socket; what fails at a restart is waited for. */
static int with_netlink(struct interface_port *t,
			int (*fn)(struct interface_port *t, struct netlink *nl, struct err *e), struct err *e)
{
	struct netlink *nl;
	struct err why = {0};
	int rc = netlink_open(-1, &nl);
	if (rc) {
		err_set(&why, -rc, NULL, "interface %s: netlink: %s", t->port.target, strerror(-rc));
	} else {
		rc = fn(t, nl, &why);
		netlink_close(nl);
	}
	if (rc && t->restarting) {
		park(t, rc, &why);
		return 0;
	}
	if (rc && e)
		*e = why;
	return rc;
}

static int look(struct interface_port *t, struct netlink *nl, struct err *e)
{
	struct netlink_link link = {0};
	int rc = find_interface(nl, t->port.target, &link, e);
	if (!rc)
		t->port.mtu = RTE_MAX(link.mtu, t->wanted_mtu);
	return rc;
}

static void interface_free(struct interface_port *t)
{
	struct interface_port **at = &open_ports;
	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
	if (t->port.queue[0].fd >= 0)
		close(t->port.queue[0].fd);
	packet_rx_free(&t->rx);
	port_fini(&t->port);
	free(t);
}

static int interface_open(const struct port_spec *spec, struct port **ret_port, struct err *e)
{
	size_t len = strlen(spec->target);
	if (!len || len >= IFNAMSIZ)
		return err_set(e, EINVAL, NULL,
			       "\"%s\" has %zu characters; the name of a Linux interface has 1 to 15", spec->target,
			       len);
	struct interface_port *t = calloc(1, sizeof(*t));
	if (!t)
		return err_set(e, ENOMEM, NULL, "interface %s: out of memory", spec->target);
	int rc = port_init(&t->port, &interface_ops, spec);
	if (rc) {
		free(t);
		return err_set(e, -rc, NULL, "interface %s: %s", spec->target, strerror(-rc));
	}
	t->restarting = spec->restarting;
	t->wanted_mtu = spec->mtu;
	t->rx.window = 1;
	t->port.n_queues = 1;
	t->port.capabilities = PORT_CAN_CSUM | PORT_CAN_CSUM_INNER | PORT_CAN_TSO4 | PORT_CAN_TSO6 | PORT_CAN_ECN;
	if (kernel_knows_uso())
		t->port.capabilities |= PORT_CAN_USO;
	t->port.queue[0].fd_gates_rx = true;
	rc = open_socket(&t->port.queue[0].fd);
	if (rc)
		err_set(e, -rc, NULL, "interface %s: packet socket: %s", spec->target, strerror(-rc));
	else
		rc = with_netlink(t, look, e);
	if (rc) {
		interface_free(t);
		return rc;
	}
	t->next = open_ports;
	open_ports = t;
	*ret_port = &t->port;
	return 0;
}

static int interface_place(struct port *p, struct err *e)
{
	struct interface_port *t = (struct interface_port *)p;
	int rc = with_netlink(t, attach, e);
	t->placed = !rc;
	return rc;
}

static int change_mtu(struct interface_port *t, struct netlink *nl, struct err *e)
{
	struct netlink_link link;
	int rc = netlink_link_by_index(nl, t->index, &link);
	if (rc)
		return err_set(e, -rc, NULL, "interface %s has gone", t->port.target);
	return silence_begin(nl, &link, t->wanted_mtu, &t->port.mtu, e);
}

static int interface_configure(struct port *p, const struct port_spec *spec, struct err *e)
{
	struct interface_port *t = (struct interface_port *)p;
	if (!str_equal(p->target, spec->target) || !str_equal(p->name, spec->name) || p->role != spec->role)
		return -EOPNOTSUPP;
	uint32_t old = t->wanted_mtu;
	t->wanted_mtu = spec->mtu;
	if (t->index && spec->mtu != old) {
		t->restarting = false; /* from here on a refusal is a refusal */
		int rc = with_netlink(t, change_mtu, e);
		if (rc) {
			t->wanted_mtu = old;
			return rc;
		}
	}
	p->mac = spec->mac;
	return 0;
}

/* Another port of ours on the same interface: it was opened to follow this one. */
static bool is_shared(const struct interface_port *t)
{
	for (const struct interface_port *other = open_ports; other; other = other->next)
		if (other != t && other->index == t->index)
			return true;
	return false;
}

static int restore(struct interface_port *t, struct netlink *nl, struct err *e)
{
	struct netlink_link link;
	int rc = t->index ? netlink_link_by_index(nl, t->index, &link) : netlink_link_get(nl, t->port.target, &link);
	if (!rc)
		silence_end(nl, &link);
	return rc;
}

static void interface_close(struct port *p, bool remove)
{
	struct interface_port *t = (struct interface_port *)p;
	/* Not attached, but opened by a weftd that comes up: an earlier one may have left it silent. */
	if (remove && (t->index ? !is_shared(t) : t->restarting))
		with_netlink(t, restore, NULL);
	interface_free(t);
}

/* "10Gbit", as the link says; empty when it does not. */
static void speed_text(int fd, const char *name, char *buf, size_t size)
{
	struct ethtool_cmd get = {.cmd = ETHTOOL_GSET};
	struct ifreq ifr = {.ifr_data = (void *)&get};
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	buf[0] = '\0';
	if (ioctl(fd, SIOCETHTOOL, &ifr))
		return;
	uint32_t mbit = ethtool_cmd_speed(&get);
	if (!mbit || mbit == (uint32_t)SPEED_UNKNOWN)
		return;
	if (mbit % 1000 == 0)
		snprintf(buf, size, "%uGbit", mbit / 1000);
	else
		snprintf(buf, size, "%uMbit", mbit);
}

static void interface_status(struct port *p, json_t *object)
{
	struct interface_port *t = (struct interface_port *)p;
	struct netlink_link link = {0};
	struct netlink *nl;
	char speed[32];
	if (t->index && !netlink_open(-1, &nl)) {
		(void)netlink_link_by_index(nl, t->index, &link);
		netlink_close(nl);
	}
	bool up = (link.flags & IFF_UP) && link.carrier;
	json_object_set_new(object, "link", json_string(up ? "up" : "down"));
	speed_text(p->queue[0].fd, link.name, speed, sizeof(speed));
	if (up && *speed)
		json_object_set_new(object, "speed", json_string(speed));
	if (t->waiting_for[0])
		json_object_set_new(object, "waiting-for", json_string(t->waiting_for));

	struct tpacket_stats stats;
	socklen_t len = sizeof(stats);
	if (!getsockopt(p->queue[0].fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len))
		t->kernel_drops += stats.tp_drops; /* reading sets the kernel's back to 0 */
	json_object_set_new(object, "kernel-drops", json_integer((json_int_t)t->kernel_drops));
}

static void interface_tick(struct port *p)
{
	struct interface_port *t = (struct interface_port *)p;
	struct netlink_link link;
	struct netlink *nl;
	struct err why = {0};
	char object[80];
	if (!t->placed || netlink_open(-1, &nl))
		return;
	snprintf(object, sizeof(object), "interface %s", p->target);
	if (t->index && netlink_link_by_index(nl, t->index, &link) == -ENODEV) {
		park(t, -ENODEV, NULL);
		log_warning(object, "is gone; waiting for it");
		port_changed(p);
	} else if (!t->index) {
		int rc = attach(t, nl, &why);
		if (rc) {
			park(t, rc, &why);
		} else {
			log_info(object, "is there again");
			port_changed(p);
		}
	}
	netlink_close(nl);
}

static const struct port_ops interface_ops = {
	.kind = "interface",
	.lasts = true, /* its silence does */
	.open = interface_open,
	.place = interface_place,
	.configure = interface_configure,
	.close = interface_close,
	.status = interface_status,
	.tick = interface_tick,
	.rx = packet_rx,
	.tx = packet_tx,
};

PORT_DRIVER(interface_ops)
