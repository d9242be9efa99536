/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver of kind "dpdk": a device is plugged in by its arguments when the port opens and out when it closes.
 * Its queues are polled; a worker with nothing else to do looks at them every millisecond.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <rte_dev.h>
#include <rte_errno.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "modules/port-wire/control/dpdk.h"

#define RING_SIZE 1024 /* descriptors a queue */
#define LOOK_EVERY 5 /* ticks between two attempts to find a device that is waited for */
#define NO_DEVICE RTE_MAX_ETHPORTS

#define TX_CSUM (RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM)
#define TX_TSO (TX_CSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_MULTI_SEGS)
#define TX_WANTED (TX_TSO)
#define RX_WANTED (RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_SCATTER)

static const struct port_ops dpdk_ops;

/* DPDK's calls return -errno, or -1 with rte_errno, or a bare -1. */
static int dpdk_error(int rc)
{
	if (rc == -1)
		return rte_errno ? -rte_errno : -ENODEV;
	return rc;
}

static int refuse(const struct dpdk_port *t, int rc, const char *what, struct err *e)
{
	return err_set(e, -rc, NULL, "DPDK device \"%s\": %s: %s", t->port.target, what, rte_strerror(-rc));
}

/* Plugs the device in. Undone by unplug. */
static int plug(struct dpdk_port *t, struct err *e)
{
	struct rte_dev_iterator iterator;
	struct rte_eth_dev_owner owner = {.name = "weft"};
	uint16_t id, found = NO_DEVICE;
	int rc = rte_dev_probe(t->port.target); /* 0 for one that is plugged in already */
	if (rc)
		return err_set(
			e, ENODEV, NULL,
			"DPDK device \"%s\": there is no such device, or no driver takes it with these arguments "
			"(DPDK says: %s)",
			t->port.target, rte_strerror(-dpdk_error(rc)));
	RTE_ETH_FOREACH_MATCHING_DEV(id, t->port.target, &iterator)
	if (found == NO_DEVICE)
		found = id;
	if (found == NO_DEVICE)
		return err_set(e, ENODEV, NULL, "DPDK device \"%s\" is not an Ethernet device", t->port.target);
	if (rte_eth_dev_owner_new(&owner.id) || rte_eth_dev_owner_set(found, &owner))
		return err_set(e, EBUSY, NULL, "DPDK device \"%s\" is in use by another adapter or switch",
			       t->port.target);
	t->device = found;
	return 0;
}

static void unplug(struct dpdk_port *t)
{
	struct rte_eth_dev_info info;
	if (t->device == NO_DEVICE)
		return;
	t->port.queue[0].enabled = false;
	bool known = !rte_eth_dev_info_get(t->device, &info);
	rte_eth_dev_stop(t->device);
	rte_eth_dev_close(t->device);
	if (known)
		rte_dev_remove(info.device);
	t->device = NO_DEVICE;
}

static uint32_t capabilities(uint64_t tx_offloads)
{
	uint32_t can = 0;
	if ((tx_offloads & TX_CSUM) == TX_CSUM)
		can |= PORT_CAN_CSUM;
	if ((tx_offloads & TX_TSO) == TX_TSO)
		can |= PORT_CAN_TSO4 | PORT_CAN_TSO6;
	return can;
}

static int set_up_queues(struct dpdk_port *t, const struct rte_eth_dev_info *info)
{
	uint16_t rx = RING_SIZE, tx = RING_SIZE;
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(t->device, &rx, &tx);
	for (uint16_t i = 0; !rc && i < t->port.n_queues; i++) {
		struct rte_eth_rxconf rx_conf = info->default_rxconf;
		struct rte_eth_txconf tx_conf = info->default_txconf;
		rc = rte_eth_rx_queue_setup(t->device, i, rx, SOCKET_ID_ANY, &rx_conf, port_pools()->small);
		if (!rc)
			rc = rte_eth_tx_queue_setup(t->device, i, tx, SOCKET_ID_ANY, &tx_conf);
	}
	return rc;
}

/* What the document asks for, within what the device says it can do. */
static int set_up(struct dpdk_port *t, struct err *e)
{
	struct port *p = &t->port;
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(t->device, &info);
	if (rc)
		return refuse(t, dpdk_error(rc), "it does not tell what it can do", e);
	if (t->wanted_mtu && (t->wanted_mtu > info.max_mtu || t->wanted_mtu < info.min_mtu))
		return err_set(e, EINVAL, NULL, "DPDK device \"%s\" takes an MTU of %u to %u, not %u", p->target,
			       info.min_mtu, info.max_mtu, t->wanted_mtu);
	uint16_t most = RTE_MIN(info.max_rx_queues, info.max_tx_queues);
	if (p->n_queues > most)
		p->n_queues = most ? most : 1;
	struct rte_eth_conf conf = {
		.rxmode = {.offloads = info.rx_offload_capa & RX_WANTED, .mtu = t->wanted_mtu},
		.txmode = {.offloads = info.tx_offload_capa & TX_WANTED},
	};
	if (p->n_queues > 1) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf =
			info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
		if (!conf.rx_adv_conf.rss_conf.rss_hf)
			conf.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
	}
	rc = rte_eth_dev_configure(t->device, p->n_queues, p->n_queues, &conf);
	if (rc)
		return refuse(t, dpdk_error(rc), "it cannot be configured", e);
	rc = set_up_queues(t, &info);
	if (rc)
		return refuse(t, dpdk_error(rc), "its queues cannot be set up", e);
	t->scattered = conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	p->capabilities = capabilities(conf.txmode.offloads);
	return 0;
}

static int start(struct dpdk_port *t, struct err *e)
{
	int rc = set_up(t, e);
	if (rc)
		return rc;
	/* A driver that cannot set it in rte_eth_dev_configure can here, and the other way round. */
	if (t->wanted_mtu) {
		rc = rte_eth_dev_set_mtu(t->device, (uint16_t)t->wanted_mtu);
		if (rc && rc != -ENOTSUP)
			return refuse(t, dpdk_error(rc), "its MTU cannot be set", e);
	}
	rc = rte_eth_dev_start(t->device);
	if (rc)
		return refuse(t, dpdk_error(rc), "it cannot be started", e);
	rte_eth_promiscuous_enable(t->device); /* devices that have no such mode hear everything */
	uint16_t mtu;
	if (!rte_eth_dev_get_mtu(t->device, &mtu))
		t->port.mtu = mtu;
	for (uint16_t i = 0; i < t->port.n_queues; i++)
		t->port.queue[i].enabled = true;
	t->waiting_for[0] = '\0';
	return 0;
}

static void park(struct dpdk_port *t, const struct err *why)
{
	unplug(t);
	snprintf(t->waiting_for, sizeof(t->waiting_for), "%s", why->text);
}

static void dpdk_close(struct port *p, bool remove)
{
	struct dpdk_port *t = (struct dpdk_port *)p;
	unplug(t);
	port_fini(p);
	free(t);
}

static int dpdk_open(const struct port_spec *spec, struct port **ret_port, struct err *e)
{
	struct dpdk_port *t = calloc(1, sizeof(*t));
	if (!t)
		return err_set(e, ENOMEM, NULL, "DPDK device \"%s\": out of memory", spec->target);
	int rc = port_init(&t->port, &dpdk_ops, spec);
	if (rc) {
		free(t);
		return err_set(e, -rc, NULL, "DPDK device \"%s\": %s", spec->target, strerror(-rc));
	}
	t->device = NO_DEVICE;
	t->restarting = spec->restarting;
	t->wanted_mtu = spec->mtu;
	struct err why = {0};
	rc = plug(t, &why);
	if (rc && !spec->restarting) {
		if (e)
			*e = why;
		dpdk_close(&t->port, true);
		return rc;
	}
	if (rc)
		park(t, &why);
	*ret_port = &t->port;
	return 0;
}

static int dpdk_place(struct port *p, struct err *e)
{
	struct dpdk_port *t = (struct dpdk_port *)p;
	struct err why = {0};
	t->placed = true;
	int rc = t->device == NO_DEVICE ? 0 : start(t, &why);
	if (rc && t->restarting) {
		park(t, &why);
		return 0;
	}
	if (rc && e)
		*e = why;
	return rc;
}

static int dpdk_configure(struct port *p, const struct port_spec *spec, struct err *e)
{
	struct dpdk_port *t = (struct dpdk_port *)p;
	if (!str_equal(p->target, spec->target) || !str_equal(p->name, spec->name) || p->role != spec->role)
		return -EOPNOTSUPP;
	if (spec->mtu > UINT16_MAX)
		return refuse(t, -EINVAL, "its MTU is at most 65535", e);
	if (t->device != NO_DEVICE && spec->mtu && spec->mtu != t->wanted_mtu) {
		int rc = rte_eth_dev_set_mtu(t->device, (uint16_t)spec->mtu);
		if (rc)
			return refuse(t, dpdk_error(rc), "its MTU cannot be changed while it runs", e);
		p->mtu = spec->mtu;
	}
	t->wanted_mtu = spec->mtu;
	p->mac = spec->mac;
	return 0;
}

static void dpdk_status(struct port *p, json_t *object)
{
	struct dpdk_port *t = (struct dpdk_port *)p;
	struct rte_eth_link link = {0};
	struct rte_eth_stats stats = {0};
	struct rte_eth_dev_info info;
	if (t->device != NO_DEVICE) {
		(void)!rte_eth_link_get_nowait(t->device, &link);
		(void)!rte_eth_stats_get(t->device, &stats);
		if (!rte_eth_dev_info_get(t->device, &info))
			json_object_set_new(object, "driver", json_string(info.driver_name));
	}
	bool up = link.link_status == RTE_ETH_LINK_UP;
	uint64_t lost = stats.imissed + stats.rx_nombuf;
	json_object_set_new(object, "link", json_string(up ? "up" : "down"));
	if (up && link.link_speed && link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
		json_object_set_new(object, "speed",
				    link.link_speed % 1000 ? json_sprintf("%uMbit", link.link_speed)
							   : json_sprintf("%uGbit", link.link_speed / 1000));
	if (t->waiting_for[0])
		json_object_set_new(object, "waiting-for", json_string(t->waiting_for));
	json_object_set_new(object, "device-drops", json_integer((json_int_t)lost));
}

static void dpdk_tick(struct port *p)
{
	struct dpdk_port *t = (struct dpdk_port *)p;
	struct err why = {0};
	if (!t->placed || t->device != NO_DEVICE || ++t->ticks % LOOK_EVERY)
		return;
	if (plug(t, &why) || start(t, &why)) {
		park(t, &why);
		return;
	}
	log_info("host", "DPDK device \"%s\" is there", p->target);
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
};

PORT_DRIVER(dpdk_ops)
