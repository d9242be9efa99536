/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver of kind "dpdk": a device is plugged in by its arguments when the port opens and out when it closes, and
 * waited for when it goes in between. Its queues are polled; a worker with nothing else to do sleeps on their
 * interrupts, or looks every millisecond at those of a device that has none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "modules/port-wire/control/dpdk.h"
#include "modules/port-wire/control/memif.h"

#define LOOK_EVERY 5 /* ticks between two attempts to find a device that is waited for */
#define PEER_TICKS 2 /* that a peer has to answer */

static const struct port_ops dpdk_ops;
static struct port_ops memif_ops; /* the same but for what touches frames */

/* "dpdk net_memif0": the device without its arguments. */
static const char *object_of(const struct dpdk_port *t)
{
	static char object[80];
	snprintf(object, sizeof(object), "dpdk %.*s", (int)strcspn(t->port.target, ","), t->port.target);
	return object;
}

static void park(struct dpdk_port *t, const char *why)
{
	dpdk_unplug(t);
	t->ticks = 0;
	t->up_told = false;
	snprintf(t->waiting_for, sizeof(t->waiting_for), "%s", why);
}

static void dpdk_close(struct port *p, bool remove)
{
	struct dpdk_port *t = (struct dpdk_port *)p;
	dpdk_unplug(t);
	port_fini(p);
	free(t);
}

static const struct port_ops *ops_of(const char *device)
{
	struct memif_args memif;
	if (!memif_args_read(device, &memif))
		return &dpdk_ops;
	if (memif_ops.kind)
		return &memif_ops;
	memif_ops = dpdk_ops;
	memif_ops.rx = memif_rx;
	memif_ops.tx = memif_tx;
	memif_ops.arm = memif_arm;
	return &memif_ops;
}

static int dpdk_open(const struct port_spec *spec, struct port **ret_port, struct err *e)
{
	struct dpdk_port *t = calloc(1, sizeof(*t));
	if (!t)
		return err_set(e, ENOMEM, NULL, "DPDK device \"%s\": out of memory", spec->target);
	int rc = port_init(&t->port, ops_of(spec->target), spec);
	if (rc) {
		free(t);
		return err_set(e, -rc, NULL, "DPDK device \"%s\": %s", spec->target, strerror(-rc));
	}
	t->device = NO_DEVICE;
	t->asked = t->port.n_queues;
	t->room = PORT_QUEUES_MAX;
	t->restarting = spec->restarting;
	t->wanted_mtu = spec->mtu;
	struct err why = {0};
	rc = dpdk_plug(t, &why);
	if (rc && !spec->restarting) {
		if (e)
			*e = why;
		dpdk_close(&t->port, true);
		return rc;
	}
	if (rc) {
		park(t, why.text);
		t->port.n_queues = PORT_QUEUES_MAX; /* who knows how many it will have */
	}
	*ret_port = &t->port;
	return 0;
}

static int dpdk_place(struct port *p, struct err *e)
{
	struct dpdk_port *t = (struct dpdk_port *)p;
	struct err why = {0};
	t->placed = true;
	int rc = t->device == NO_DEVICE ? 0 : dpdk_start(t, &why);
	if (rc && t->restarting) {
		park(t, why.text);
		return 0;
	}
	if (rc && e)
		*e = why;
	if (!rc)
		t->room = p->n_queues;
	return rc;
}

static int dpdk_configure(struct port *p, const struct port_spec *spec, struct err *e)
{
	struct dpdk_port *t = (struct dpdk_port *)p;
	if (!str_equal(p->target, spec->target) || !str_equal(p->name, spec->name) || p->role != spec->role)
		return -EOPNOTSUPP;
	if (spec->mtu > UINT16_MAX)
		return dpdk_refuse(t, -EINVAL, "its MTU is at most 65535", e);
	if (t->device != NO_DEVICE && spec->mtu && spec->mtu != t->wanted_mtu) {
		int rc = rte_eth_dev_set_mtu(t->device, (uint16_t)spec->mtu);
		if (rc)
			return dpdk_refuse(t, dpdk_error(rc), "its MTU cannot be changed while it runs", e);
		p->mtu = spec->mtu;
	}
	t->wanted_mtu = spec->mtu;
	p->mac = spec->mac;
	return 0;
}

static void link_tell(struct dpdk_port *t)
{
	dpdk_link_look(t);
	bool up = atomic_load(&t->up);
	if (up == t->up_told)
		return;
	log_write(up ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, object_of(t), "the link is %s", up ? "up" : "down");
	t->up_told = up;
	t->ticks = 0;
}

static void device_status(struct dpdk_port *t, json_t *object)
{
	struct rte_eth_link link = {0};
	struct rte_eth_dev_info info;
	if (rte_eth_dev_info_get(t->device, &info) || rte_eth_link_get_nowait(t->device, &link))
		return;
	json_object_set_new(object, "driver", json_string(info.driver_name));
	json_object_set_new(object, "queues", json_integer(t->port.n_queues));
	json_object_set_new(object, "receive", json_string(t->port.queue[0].poll_only ? "polling" : "interrupts"));
	if (link.link_status == RTE_ETH_LINK_UP && link.link_speed && link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
		json_object_set_new(object, "speed",
				    link.link_speed % 1000 ? json_sprintf("%uMbit", link.link_speed)
							   : json_sprintf("%uGbit", link.link_speed / 1000));
}

static void dpdk_status(struct port *p, json_t *object)
{
	struct dpdk_port *t = (struct dpdk_port *)p;
	struct rte_eth_stats stats = {0};
	if (t->device != NO_DEVICE) {
		link_tell(t);
		(void)!rte_eth_stats_get(t->device, &stats);
		device_status(t, object);
	}
	json_object_set_new(object, "link", json_string(atomic_load(&t->up) ? "up" : "down"));
	if (t->waiting_for[0])
		json_object_set_new(object, "waiting-for", json_string(t->waiting_for));
	uint64_t lost = stats.imissed + stats.rx_nombuf;
	json_object_set_new(object, "device-drops", json_integer((json_int_t)lost));
}

static void lose(struct dpdk_port *t, const char *what, const char *waiting_for)
{
	char why[sizeof(t->waiting_for)];
	snprintf(why, sizeof(why), "DPDK device \"%.380s\": %s", t->port.target, waiting_for);
	log_warning(object_of(t), "%s; waiting for it", what);
	park(t, why);
}

/* What happened to a device that is there. */
static void follow(struct dpdk_port *t)
{
	if (atomic_load(&t->removed)) {
		lose(t, "the device was removed", "it was removed, and is taken up again when it is back");
		return;
	}
	if (atomic_exchange(&t->memory_gone, false)) {
		log_warning(object_of(t), "the peer took back memory that it shared, or names memory beyond it; "
					  "its connection is closed");
		memif_relay_refuse(t->relay, "Shared memory is not there");
	}
	link_tell(t);
	if (t->needs_peer && !t->up_told && ++t->ticks == PEER_TICKS)
		lose(t, "the peer is gone", "nobody serves its socket");
}

static void dpdk_tick(struct port *p)
{
	struct dpdk_port *t = (struct dpdk_port *)p;
	struct err why = {0};
	if (!t->placed)
		return;
	if (t->device != NO_DEVICE) {
		follow(t);
		return;
	}
	if (++t->ticks % LOOK_EVERY)
		return;
	if (dpdk_plug(t, &why) || dpdk_start(t, &why)) {
		park(t, why.text);
		return;
	}
	t->ticks = 0;
	log_info(object_of(t), "the device is there");
	port_changed(p);
}

static const struct port_ops dpdk_ops = {
	.kind = "dpdk",
	.open = dpdk_open,
	.place = dpdk_place,
	.configure = dpdk_configure,
	.close = dpdk_close,
	.status = dpdk_status,
	.tick = dpdk_tick,
	.rx = dpdk_rx,
	.tx = dpdk_tx,
	.arm = dpdk_arm,
	.disarm = dpdk_disarm,
};

PORT_DRIVER(dpdk_ops)
