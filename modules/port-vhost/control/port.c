/* SPDX-License-Identifier: Apache-2.0 */
/* The driver: a port's life, and what is said of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <rte_log.h>
#include <rte_vhost.h>

#include "base/err.h"
#include "base/log.h"
#include "modules/port-vhost/control/control.h"

#define PASSES_MAX 4 /* of the library's thread until it has closed what was hung up; two are enough */
#define NOT_OFFERED (1ULL << VIRTIO_NET_F_GUEST_UFO | 1ULL << VIRTIO_NET_F_HOST_UFO)

static int wake_fds_make(struct vhost_port *v)
{
	for (unsigned i = 0; i < v->port.n_queues; i++) {
		if (v->queue[i].wake_fd < 0)
			v->queue[i].wake_fd = epoll_create1(EPOLL_CLOEXEC);
		if (v->queue[i].wake_fd < 0)
			return -errno;
		v->port.queue[i].fd = v->queue[i].wake_fd;
	}
	return 0;
}

static void port_free(struct vhost_port *v)
{
	for (unsigned i = 0; i < PORT_QUEUES_MAX; i++)
		if (v->queue[i].wake_fd >= 0)
			close(v->queue[i].wake_fd);
	port_fini(&v->port);
	free(v);
}

static void offer(const struct vhost_port *v)
{
	const char *path = v->port.target;
	uint64_t protocol = 0;
	rte_vhost_driver_disable_features(path, NOT_OFFERED | (v->port.n_queues == 1 ? 1ULL << VIRTIO_NET_F_MQ : 0));
	rte_vhost_driver_get_protocol_features(path, &protocol);
	protocol &= ~(1ULL << VHOST_USER_PROTOCOL_F_CRYPTO_SESSION);
	if (v->port.n_queues == 1)
		protocol &= ~(1ULL << VHOST_USER_PROTOCOL_F_MQ); /* then a QEMU with more queues says so itself */
	rte_vhost_driver_set_protocol_features(path, protocol);
}

/* The socket under the library's care from here on. A peer that should listen and does not is no error: tick asks
 * again. The library would do that itself, with a thread that may hold on to a socket that was given up. */
static int socket_start(struct vhost_port *v, struct err *e)
{
	const char *path = v->port.target;
	uint64_t flags = RTE_VHOST_USER_NET_COMPLIANT_OL_FLAGS;
	flags |= v->peer_listens ? RTE_VHOST_USER_CLIENT | RTE_VHOST_USER_NO_RECONNECT : 0;
	if (v->peer_listens && access(path, F_OK))
		return 0;
	int r = v->peer_listens ? 0 : vhost_socket_clear(path, e);
	if (r)
		return r;
	if (rte_vhost_driver_register(path, flags))
		return err_set(e, ENOSPC, NULL, "DPDK has no room for the socket %s", path);
	offer(v);
	rte_vhost_driver_callback_register(path, &vhost_callbacks);
	errno = 0;
	if (vhost_device_start(v)) {
		r = errno ? errno : EIO;
		vhost_device_shut(v);
		rte_vhost_driver_unregister(path);
		vhost_device_forget(v);
		return v->peer_listens ? 0 : err_set(e, r, NULL, "socket %s cannot be made: %s", path, strerror(r));
	}
	if (!v->peer_listens)
		chmod(path, 0660); /* until now it was closed to others by the umask's lack of write permission */
	vhost_doorbell_ring();
	v->registered = true;
	return 0;
}

/* The library's thread is made to end what there is of the socket, and seen to be past that, before the library
 * is told to forget it: it would wait for that thread with a lock that the thread may want, and for ever. */
static void socket_stop(struct vhost_port *v)
{
	struct vhost_view view = {.connected = true};
	if (!v->registered)
		return;
	vhost_device_shut(v);
	vhost_socket_hang_up(v->port.target, v->peer_listens);
	for (unsigned i = 0; i < PASSES_MAX && view.connected && vhost_doorbell_wait(); i++)
		vhost_device_view(v, &view);
	vhost_doorbell_wait();
	rte_vhost_driver_unregister(v->port.target); /* removes the socket */
	vhost_device_forget(v);
	v->registered = false;
}

static const struct port_ops vhost_port_ops;

static int library_init(struct err *e)
{
	int r = vhost_budget_init();
	if (!r)
		r = vhost_fault_init();
	if (r)
		return err_set(e, -r, NULL, "vhost-user cannot be set up: %s", strerror(-r));
	rte_log_set_level_pattern("lib.vhost.*",
				  RTE_LOG_CRIT); /* a guest could fill the journal; we say what matters */
	vhost_doorbell_hang();
	return 0;
}

static int vhost_open(const struct port_spec *spec, struct port **ret_port, struct err *e)
{
	int r = vhost_socket_check(spec->target, e);
	if (!r)
		r = library_init(e);
	if (r)
		return r;
	struct vhost_port *v = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*v));
	if (!v)
		return err_set(e, ENOMEM, NULL, "out of memory");
	memset(v, 0, sizeof(*v));
	v->peer_listens = spec->peer_listens;
	v->live = VHOST_NOBODY;
	for (unsigned i = 0; i < PORT_QUEUES_MAX; i++) {
		v->queue[i].wake_fd = v->queue[i].kick_fd = -1;
		atomic_init(&v->queue[i].rx_vid, VHOST_NOBODY);
		atomic_init(&v->queue[i].tx_vid, VHOST_NOBODY);
	}
	r = port_init(&v->port, &vhost_port_ops, spec);
	if (!r)
		r = wake_fds_make(v);
	if (r) {
		port_free(v);
		return err_set(e, -r, NULL, "a vhost-user port cannot be set up: %s", strerror(-r));
	}
	v->port.capabilities = VHOST_CAN_ALL;
	*ret_port = &v->port;
	return 0;
}

static int vhost_place(struct port *p, struct err *e)
{
	if (vhost_device_known(p->target))
		return err_set(e, EADDRINUSE, NULL, "another adapter has %s; each needs a socket of its own",
			       p->target);
	if (!vhost_device_join(vhost_port_of(p)))
		return err_set(e, ENOSPC, NULL, "no room for another vhost-user socket; 450 is the most");
	return socket_start(vhost_port_of(p), e);
}

/* Who listens, and more or fewer queues: the front end must come again. On failure things are as they were. */
static int vhost_configure(struct port *p, const struct port_spec *spec, struct err *e)
{
	struct vhost_port *v = vhost_port_of(p);
	uint16_t queues = RTE_MIN(spec->queues ? spec->queues : 1, PORT_QUEUES_MAX), had = p->n_queues;
	bool listened = v->peer_listens;
	if (queues != had || spec->peer_listens != listened) {
		socket_stop(v);
		vhost_device_pardon(v);
		v->peer_listens = spec->peer_listens;
		p->n_queues = queues;
		int r = wake_fds_make(v);
		if (r)
			err_set(e, -r, NULL, "more queues cannot be set up: %s", strerror(-r));
		else
			r = socket_start(v, e);
		if (r) {
			v->peer_listens = listened;
			p->n_queues = had;
			socket_start(v, NULL); /* if this fails, tick tries again */
			return r;
		}
	}
	p->mac = spec->mac;
	p->mtu = spec->mtu;
	return 0;
}

/* Nothing outlives us that could be taken up again: guests find the next weftd's socket by themselves. */
static void vhost_close(struct port *p, bool remove)
{
	struct vhost_port *v = vhost_port_of(p);
	socket_stop(v);
	vhost_device_leave(v);
	port_free(v);
}

static json_t *feature_names(uint64_t features)
{
	static const struct {
		int bit;
		const char *name;
	} names[] = {
		{VIRTIO_F_RING_PACKED, "packed-ring"},
		{VIRTIO_NET_F_MRG_RXBUF, "mergeable-buffers"},
		{VIRTIO_RING_F_INDIRECT_DESC, "indirect-descriptors"},
		{VIRTIO_NET_F_MQ, "multiqueue"},
		{VIRTIO_NET_F_CSUM, "checksum-out"},
		{VIRTIO_NET_F_HOST_TSO4, "tso4-out"},
		{VIRTIO_NET_F_HOST_TSO6, "tso6-out"},
		{VIRTIO_NET_F_GUEST_CSUM, "checksum-in"},
		{VIRTIO_NET_F_GUEST_TSO4, "tso4-in"},
		{VIRTIO_NET_F_GUEST_TSO6, "tso6-in"},
	};
	json_t *list = json_array();
	for (unsigned i = 0; i < RTE_DIM(names); i++)
		if (features >> names[i].bit & 1)
			json_array_append_new(list, json_string(names[i].name));
	return list;
}

static const char *fault_text(enum vhost_fault fault)
{
	switch (fault) {
	case VHOST_MEMORY_GONE:
		return "the guest took away memory that it had shared; its connection is closed";
	case VHOST_RING_BROKEN:
		return "the guest's ring names descriptors that cannot be; its driver must reset the device";
	default:
		return NULL;
	}
}

static void vhost_status(struct port *p, json_t *object)
{
	struct vhost_port *v = vhost_port_of(p);
	struct vhost_view view;
	vhost_device_view(v, &view);
	json_object_set_new(object, "link", json_string(view.served ? "up" : "down"));
	json_object_set_new(object, "peer", json_string(view.connected ? "connected" : "waiting"));
	json_object_set_new(object, "socket", json_string(p->target));
	json_object_set_new(object, "queues", json_integer(view.queues));
	if (view.served)
		json_object_set_new(object, "features", feature_names(view.features));
	if (fault_text(view.fault))
		json_object_set_new(object, "fault", json_string(fault_text(view.fault)));
	else if (view.last_incident)
		json_object_set_new(object, "fault",
				    json_sprintf("the front end was refused %u times, lastly for: %s", view.incidents,
						 view.last_incident));
	if (!v->registered && !v->peer_listens)
		json_object_set_new(object, "waiting-for", json_sprintf("the socket %s to become free", p->target));
	else if (!view.connected)
		json_object_set_new(object, "waiting-for",
				    json_sprintf("a %s that %s %s",
						 p->role == PORT_UPLINK ? "program" : "virtual machine",
						 v->peer_listens ? "listens on" : "connects to", p->target));
	else if (!view.served)
		json_object_set_new(object, "waiting-for", json_string("the guest's driver"));
}

/* Said here and not when it happens: however fast a guest comes and goes, it is one line a second at most. */
static void tell(struct vhost_port *v, const struct vhost_view *view)
{
	char object[80];
	snprintf(object, sizeof(object), "adapter %s", v->port.name);
	if (view->fault != v->told_fault && fault_text(view->fault))
		log_warning(object, "%s", fault_text(view->fault));
	if (view->incidents > v->told_incidents)
		log_warning(object, "the vhost-user front end was refused: %s%s", view->last_incident,
			    view->incidents >= VHOST_INCIDENTS_MAX
				    ? "; it is not let in again until the adapter changes"
				    : "");
	if (view->served != v->told_served && v->port.role == PORT_UPLINK)
		log_info(object, "%s", view->served ? "the other side is up" : "the other side is gone");
	else if (view->served != v->told_served)
		log_info(object, "%s", view->served ? "the guest's driver is up" : "the guest is gone");
	v->told_fault = view->fault;
	v->told_incidents = view->incidents;
	v->told_served = view->served;
}

static void vhost_tick(struct port *p)
{
	struct vhost_port *v = vhost_port_of(p);
	struct vhost_view view;
	vhost_device_view(v, &view);
	tell(v, &view);
	if (view.fault == VHOST_MEMORY_GONE || (v->peer_listens && !view.connected))
		socket_stop(v);
	if (!v->registered && !(v->peer_listens && view.incidents >= VHOST_INCIDENTS_MAX))
		socket_start(v, NULL);
}

static const struct port_ops vhost_port_ops = {
	.kind = "vhost-user",
	.open = vhost_open,
	.place = vhost_place,
	.configure = vhost_configure,
	.close = vhost_close,
	.status = vhost_status,
	.tick = vhost_tick,
	.rx = vhost_rx,
	.tx = vhost_tx,
	.arm = vhost_arm,
	.disarm = vhost_disarm,
};
PORT_DRIVER(vhost_port_ops)
