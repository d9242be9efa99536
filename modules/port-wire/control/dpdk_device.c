/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device behind a DPDK port: plugged in by its arguments, configured, started, watched and taken out again.
 * DPDK tells of links and removals on a thread of its own, which only leaves notes for the next tick.
 */
#include <errno.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_errno.h>

#include "base/err.h"
#include "core/runtime/worker.h"
#include "modules/port-wire/control/dpdk.h"
#include "modules/port-wire/control/memif.h"

#define RING_SIZE 1024 /* descriptors a queue */

#define TX_CSUM (RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM)
#define TX_TSO (TX_CSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_MULTI_SEGS)
#define TX_WANTED (TX_TSO)
#define RX_WANTED (RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_SCATTER)
#define RSS_WANTED (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP)

/* -errno, or -1 with rte_errno, or a bare -1 and rte_errno of something long ago: nought it before. */
int dpdk_error(int rc)
{
	if (rc == -1)
		return rte_errno ? -rte_errno : -ENODEV;
	return rc;
}

int dpdk_refuse(const struct dpdk_port *t, int rc, const char *what, struct err *e)
{
	return err_set(e, -rc, NULL, "DPDK device \"%s\": %s: %s", t->port.target, what, rte_strerror(-rc));
}

static void queues_enable(struct dpdk_port *t, uint16_t n)
{
	for (uint16_t i = 0; i < PORT_QUEUES_MAX; i++)
		t->port.queue[i].enabled = i < n;
}

void dpdk_link_look(struct dpdk_port *t)
{
	struct rte_eth_link link = {0};
	if (!rte_eth_link_get_nowait(t->device, &link))
		atomic_store(&t->up, link.link_status == RTE_ETH_LINK_UP);
}

/* On DPDK's thread. */
static int on_event(uint16_t device, enum rte_eth_event_type event, void *arg, void *ret_param)
{
	struct dpdk_port *t = arg;
	if (event == RTE_ETH_EVENT_INTR_LSC) {
		dpdk_link_look(t);
	} else if (event == RTE_ETH_EVENT_INTR_RMV) {
		queues_enable(t, 0);
		atomic_store(&t->removed, true);
	}
	return 0;
}

/* The same for a device that its bus takes away (VFIO asks for it back). On DPDK's thread. */
static void on_bus_event(const char *name, enum rte_dev_event_type event, void *arg)
{
	struct dpdk_port *t = arg;
	if (event != RTE_DEV_EVENT_REMOVE)
		return;
	queues_enable(t, 0);
	atomic_store(&t->removed, true);
}

static void events_begin(struct dpdk_port *t, const struct rte_eth_dev_info *info)
{
	rte_eth_dev_callback_register(t->device, RTE_ETH_EVENT_INTR_LSC, on_event, t);
	rte_eth_dev_callback_register(t->device, RTE_ETH_EVENT_INTR_RMV, on_event, t);
	rte_dev_event_callback_register(rte_dev_name(info->device), on_bus_event, t);
}

/* Returns when none of them runs any more. */
static void events_end(struct dpdk_port *t, const struct rte_eth_dev_info *info)
{
	while (rte_eth_dev_callback_unregister(t->device, RTE_ETH_EVENT_INTR_LSC, on_event, t) == -EAGAIN)
		rte_pause();
	while (rte_eth_dev_callback_unregister(t->device, RTE_ETH_EVENT_INTR_RMV, on_event, t) == -EAGAIN)
		rte_pause();
	while (rte_dev_event_callback_unregister(rte_dev_name(info->device), on_bus_event, t) == -EAGAIN)
		rte_pause();
}

/* What connects when it is started or made, and when its peer goes stays without. */
static bool is_client(const struct dpdk_port *t, const struct rte_eth_dev_info *info)
{
	if (t->relay)
		return !memif_relay_args(t->relay)->serves;
	return !strcmp(info->driver_name, "net_virtio_user") && !strstr(t->port.target, "server=1");
}

/* A memif device has a peer, or has it no more. */
static void gate(void *arg, bool open)
{
	struct dpdk_port *t = arg;
	if (open)
		atomic_store(&t->memory_gone, false);
	queues_enable(t, open && !atomic_load(&t->removed) ? t->port.n_queues : 0);
	if (!open)
		dataplane_synchronize();
}

static int plug_as(struct dpdk_port *t, const char *args, struct err *e)
{
	struct rte_dev_iterator iterator;
	struct rte_eth_dev_owner owner = {.name = "weft"};
	struct rte_eth_dev_info info;
	uint16_t id, found = NO_DEVICE;
	rte_errno = 0;
	int rc = rte_dev_probe(args); /* 0 for one that is plugged in already */
	if (rc)
		return err_set(
			e, ENODEV, NULL,
			"DPDK device \"%s\": there is no such device, or no driver takes it with these arguments "
			"(DPDK says: %s)",
			t->port.target, rte_strerror(-dpdk_error(rc)));
	RTE_ETH_FOREACH_MATCHING_DEV(id, args, &iterator)
	if (found == NO_DEVICE)
		found = id;
	if (found == NO_DEVICE)
		return err_set(e, ENODEV, NULL, "DPDK device \"%s\" is not an Ethernet device", t->port.target);
	if (rte_eth_dev_owner_new(&owner.id) || rte_eth_dev_owner_set(found, &owner))
		return err_set(e, EBUSY, NULL, "DPDK device \"%s\" is in use by another adapter or switch",
			       t->port.target);
	t->device = found;
	atomic_store(&t->removed, false);
	atomic_store(&t->up, false);
	if (!rte_eth_dev_info_get(found, &info)) {
		t->needs_peer = is_client(t, &info);
		events_begin(t, &info);
	}
	return 0;
}

void dpdk_unplug(struct dpdk_port *t)
{
	struct rte_eth_dev_info info;
	if (t->device == NO_DEVICE)
		return;
	queues_enable(t, 0);
	dataplane_synchronize();
	for (uint16_t i = 0; i < PORT_QUEUES_MAX; i++) {
		struct dpdk_early *early = &t->early[i];
		rte_pktmbuf_free_bulk(early->frame + early->at, early->n - early->at);
		early->at = early->n = 0;
		t->port.queue[i].fd = -1;
		t->port.queue[i].poll_only = false;
	}
	memif_relay_end(t->relay);
	bool known = !rte_eth_dev_info_get(t->device, &info);
	if (known)
		events_end(t, &info);
	rte_eth_dev_stop(t->device);
	rte_eth_dev_close(t->device);
	if (known)
		rte_dev_remove(info.device);
	memif_relay_free(t->relay);
	t->relay = NULL;
	t->device = NO_DEVICE;
	atomic_store(&t->up, false);
}

int dpdk_plug(struct dpdk_port *t, struct err *e)
{
	struct memif_args memif;
	bool is_memif = memif_args_read(t->port.target, &memif);
	if (!is_memif && !strncmp(t->port.target, "bus=", 4) && strstr(t->port.target, "net_memif"))
		return dpdk_refuse(t, -EINVAL, "write it as net_memif0,role=...",
				   e); /* its driver faults over this */
	int rc = is_memif ? memif_io_init() : 0;
	if (rc)
		return dpdk_refuse(t, rc, "its memory cannot be guarded", e);
	if (is_memif)
		rc = memif_relay_make(t->port.target, gate, t, &t->relay, e);
	if (rc)
		return rc;
	rc = plug_as(t, is_memif ? memif_relay_device(t->relay) : t->port.target, e);
	if (rc) {
		memif_relay_free(t->relay);
		t->relay = NULL;
		return rc;
	}
	rc = is_memif ? memif_relay_plugged(t->relay) : 0;
	if (!rc)
		return 0;
	dpdk_unplug(t);
	return dpdk_refuse(t, rc, "its driver's socket is gone", e);
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

/* A device that spreads what it receives gets a queue for each worker. One that does not, but has several, was made
 * with them (`qpairs=2`), and frames may come by any. One that could have any number (memif) has one. */
static uint16_t queues_choose(const struct dpdk_port *t, const struct rte_eth_dev_info *info)
{
	uint16_t has = RTE_MIN(info->max_rx_queues, info->max_tx_queues);
	uint16_t n = has <= PORT_QUEUES_MAX ? has : 1;
	if (info->flow_type_rss_offloads & RSS_WANTED)
		n = RTE_MIN(has, RTE_MAX(t->asked, (uint16_t)worker_count()));
	n = RTE_MIN(n, t->room);
	return n ? n : 1;
}

static int queues_set_up(struct dpdk_port *t, const struct rte_eth_dev_info *info)
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

static int configure(struct dpdk_port *t, const struct rte_eth_dev_info *info, bool interrupts, struct err *e)
{
	struct port *p = &t->port;
	struct rte_eth_conf conf = {
		.rxmode = {.offloads = info->rx_offload_capa & RX_WANTED, .mtu = t->wanted_mtu},
		.txmode = {.offloads = info->tx_offload_capa & TX_WANTED},
		.intr_conf = {.rxq = interrupts,
			      .lsc = (*info->dev_flags & RTE_ETH_DEV_INTR_LSC) != 0,
			      .rmv = (*info->dev_flags & RTE_ETH_DEV_INTR_RMV) != 0},
	};
	if (p->n_queues > 1 && info->flow_type_rss_offloads & RSS_WANTED) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = info->flow_type_rss_offloads & RSS_WANTED;
	}
	int rc = rte_eth_dev_configure(t->device, p->n_queues, p->n_queues, &conf);
	if (rc)
		return dpdk_refuse(t, dpdk_error(rc), "it cannot be configured", e);
	rc = queues_set_up(t, info);
	if (rc)
		return dpdk_refuse(t, dpdk_error(rc), "its queues cannot be set up", e);
	t->scattered = conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	p->capabilities = capabilities(conf.txmode.offloads);
	/* A driver that cannot set it in rte_eth_dev_configure can here, and the other way round. */
	if (t->wanted_mtu) {
		rc = rte_eth_dev_set_mtu(t->device, (uint16_t)t->wanted_mtu);
		if (rc && rc != -ENOTSUP)
			return dpdk_refuse(t, dpdk_error(rc), "its MTU cannot be set", e);
	}
	rte_errno = 0;
	rc = rte_eth_dev_start(t->device);
	return rc ? dpdk_refuse(t, dpdk_error(rc), "it cannot be started", e) : 0;
}

/* The descriptors that its interrupts are told by, where there are any. */
static void wake_ups_find(struct dpdk_port *t, bool interrupts)
{
	for (uint16_t i = 0; i < t->port.n_queues; i++) {
		struct port_queue *q = &t->port.queue[i];
		q->fd = -1;
		q->edge = true;
		if (interrupts && !rte_eth_dev_rx_intr_enable(t->device, i)) {
			q->fd = rte_eth_dev_rx_intr_ctl_q_get_fd(t->device, i);
			rte_eth_dev_rx_intr_disable(t->device, i);
		}
		q->poll_only = q->fd < 0;
	}
}

/* Some drivers refuse to be started with interrupts that they do not have. */
static int start_either_way(struct dpdk_port *t, const struct rte_eth_dev_info *info, bool *ret_interrupts,
			    struct err *e)
{
	*ret_interrupts = !configure(t, info, true, NULL);
	if (*ret_interrupts)
		return 0;
	return configure(t, info, false, e);
}

int dpdk_start(struct dpdk_port *t, struct err *e)
{
	struct rte_eth_dev_info info;
	bool interrupts;
	int rc = rte_eth_dev_info_get(t->device, &info);
	if (rc)
		return dpdk_refuse(t, dpdk_error(rc), "it does not tell what it can do", e);
	if (t->wanted_mtu && (t->wanted_mtu > info.max_mtu || t->wanted_mtu < info.min_mtu))
		return err_set(e, EINVAL, NULL, "DPDK device \"%s\" takes an MTU of %u to %u, not %u", t->port.target,
			       info.min_mtu, info.max_mtu, t->wanted_mtu);
	t->port.n_queues = queues_choose(t, &info);
	rc = start_either_way(t, &info, &interrupts, e);
	if (rc)
		return rc;
	wake_ups_find(t, interrupts);
	rte_eth_promiscuous_enable(t->device); /* devices that have no such mode hear everything */
	uint16_t mtu;
	if (!rte_eth_dev_get_mtu(t->device, &mtu))
		t->port.mtu = mtu;
	dpdk_link_look(t);
	if (!t->relay) /* a memif device's are opened to its peer */
		queues_enable(t, t->port.n_queues);
	t->waiting_for[0] = '\0';
	return 0;
}
