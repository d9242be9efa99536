/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library's callbacks: which connection of a port is served, which of its rings workers may be on, and
 * what its front end may say. They run on the library's threads, and on the control thread inside (un)register.
 *
 * One lock for all ports, held for microseconds and never across a call that may call back. The library
 * holds its ring locks during most messages; a worker may be waiting for one of those, so a callback inside
 * a message waits only for workers that never wait themselves (busy_fast), and for the others a moment.
 */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <rte_cycles.h>
#include <rte_vhost.h>

#include "base/log.h"
#include "modules/port-vhost/control/control.h"
#include "modules/port-vhost/control/guard.h"

#define CONNECTIONS_MAX 4 /* of one socket: the served one and some that come and go */
/* The library has room for 1024 descriptors, listeners and connections together, and moves one that is in use when it is
 * full. So each port has two places of its own, and these are for whoever comes first. */
#define PORTS_MAX 450
#define EXTRA_MAX 100
#define MOMENT_US 200 /* for a worker that may be waiting for a lock that we hold */

struct vhost_device {
	struct vhost_port *_Atomic port;
	bool running; /* new_device said so */
	bool paused; /* a message is under way that changes rings or memory */
	bool reply; /* the library was kept from answering it too early */
	uint32_t ready; /* bit by vring */
	struct vhost_guard guard;
	struct vhost_region region[VHOST_REGIONS_MAX]; /* its mappings, for the fault handler */
	atomic_uint n_regions;
};

static struct vhost_device devices[RTE_MAX_VHOST_DEVICE];
static struct vhost_port *ports;
static unsigned n_ports, n_extra; /* extra: connections beyond the first of a port */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Held while the library makes a connection on our thread. It lists it last, when its own thread may be ending it. */
static pthread_mutex_t connecting = PTHREAD_MUTEX_INITIALIZER;

__thread bool vhost_in_message;

struct vhost_port *vhost_device_port(int vid)
{
	return vid >= 0 && vid < RTE_MAX_VHOST_DEVICE ? atomic_load(&devices[vid].port) : NULL;
}

unsigned vhost_device_regions(int vid, const struct vhost_region **ret_regions)
{
	*ret_regions = devices[vid].region;
	return atomic_load(&devices[vid].n_regions);
}

/* How long to wait for workers that may wait for the library's locks. */
enum patience { FOR_A_MOMENT, UNTIL_THEY_ARE_OUT };

static void wait_out(atomic_bool *busy, enum patience patience)
{
	uint64_t until = rte_rdtsc() + MOMENT_US * rte_get_tsc_hz() / 1000000;
	for (unsigned spins = 0; atomic_load_explicit(busy, memory_order_acquire); spins++) {
		if (patience == FOR_A_MOMENT && rte_rdtsc() > until)
			return;
		if (spins % 64 == 63)
			sched_yield(); /* the worker may share our processor */
		rte_pause();
	}
}

static void kick_set(struct vhost_queue *v, int fd)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	if (v->kick_fd >= 0) {
		epoll_ctl(v->wake_fd, EPOLL_CTL_DEL, v->kick_fd, NULL);
		close(v->kick_fd);
	}
	/* Ours to close: closing the library's would leave it in the set for as long as the guest has it open. */
	v->kick_fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (v->kick_fd >= 0)
		epoll_ctl(v->wake_fd, EPOLL_CTL_ADD, v->kick_fd, &event);
}

static void rx_give(struct vhost_port *p, unsigned i, int vid)
{
	struct vhost_queue *v = &p->queue[i];
	struct rte_vhost_vring r;
	if (rte_vhost_get_vhost_vring(vid, (uint16_t)(2 * i + 1), &r))
		return;
	v->ring.packed = p->features & 1ULL << VIRTIO_F_RING_PACKED;
	v->ring.in_order = p->features & 1ULL << VIRTIO_F_IN_ORDER;
	v->ring.size = r.size;
	v->ring.entries = v->ring.packed ? (const void *)r.desc_packed : (const void *)r.avail;
	if (!v->ring.entries)
		return;
	kick_set(v, r.kickfd);
	v->ring.deaf = v->kick_fd < 0;
	v->stuck_since = 0;
	atomic_store(&v->armed, true);
	atomic_store(&v->rx_vid, vid);
}

/* Makes workers' leave agree with what the live device has ready. True: something changed. */
static bool refresh(struct vhost_port *p, enum patience patience)
{
	struct vhost_device *d = p->live == VHOST_NOBODY ? NULL : &devices[p->live];
	uint32_t on = d && d->running && !d->paused && atomic_load(&p->fault) == VHOST_FINE ? d->ready : 0;
	bool changed = false, taken = false;
	for (unsigned i = 0; i < PORT_QUEUES_MAX; i++) {
		struct vhost_queue *v = &p->queue[i];
		bool queue = i < p->port.n_queues, rx = queue && on & 2u << 2 * i, tx = queue && on & 1u << 2 * i;
		p->port.queue[i].enabled = tx;
		if (!rx && atomic_exchange(&v->rx_vid, VHOST_NOBODY) != VHOST_NOBODY)
			taken = true;
		if (!tx && atomic_exchange(&v->tx_vid, VHOST_NOBODY) != VHOST_NOBODY)
			taken = true;
		if (rx && atomic_load(&v->rx_vid) == VHOST_NOBODY) {
			rx_give(p, i, p->live);
			changed = true;
		}
		if (tx && atomic_load(&v->tx_vid) == VHOST_NOBODY) {
			v->mergeable = p->features & 1ULL << VIRTIO_NET_F_MRG_RXBUF;
			atomic_store(&v->tx_vid, p->live);
			changed = true;
		}
	}
	/* Also after a fault, when the handler has forbidden already but nobody has waited. */
	if (taken || !on) {
		vhost_fence_workers();
		for (unsigned i = 0; i < PORT_QUEUES_MAX; i++) {
			struct vhost_queue *v = &p->queue[i];
			if (atomic_load(&v->rx_vid) == VHOST_NOBODY) {
				wait_out(&v->busy_fast, UNTIL_THEY_ARE_OUT);
				kick_set(v, -1);
			}
			wait_out(&v->busy_slow, patience);
		}
	}
	return changed || taken;
}

static uint32_t capabilities(uint64_t features)
{
	uint32_t can = 0;
	if (!(features & 1ULL << VIRTIO_NET_F_GUEST_CSUM))
		return 0;
	can |= PORT_CAN_CSUM;
	can |= features & 1ULL << VIRTIO_NET_F_GUEST_TSO4 ? PORT_CAN_TSO4 : 0;
	can |= features & 1ULL << VIRTIO_NET_F_GUEST_TSO6 ? PORT_CAN_TSO6 : 0;
	return can; /* not ECN: the library does not write that bit */
}

static void regions_note(struct vhost_device *d, int vid)
{
	struct rte_vhost_memory *memory;
	uint64_t log = 0, log_len = 0;
	unsigned n = 0;
	atomic_store(&d->n_regions, 0);
	if (rte_vhost_get_mem_table(vid, &memory) == 0) {
		for (; n < memory->nregions && n < VHOST_REGIONS_MAX - 1; n++)
			d->region[n] = (struct vhost_region){(uintptr_t)memory->regions[n].mmap_addr,
							     memory->regions[n].mmap_size};
		free(memory);
	}
	rte_vhost_get_log_base(vid, &log, &log_len);
	if (log)
		d->region[n++] = (struct vhost_region){(uintptr_t)log, log_len};
	atomic_store(&d->n_regions, n);
}

/* Before the library sees a message; with its ring locks held for most. */
static enum rte_vhost_msg_result before_message(int vid, void *message)
{
	struct vhost_message *m = message;
	struct vhost_device *d = &devices[vid];
	struct vhost_facts facts = {0};
	uint16_t avail = 0, used = 0;
	int vring = vhost_message_vring(m);

	pthread_mutex_lock(&lock);
	struct vhost_port *p = atomic_load(&d->port);
	if (!p) {
		pthread_mutex_unlock(&lock);
		return RTE_VHOST_MSG_RESULT_ERR;
	}
	facts.n_vrings = 2u * p->port.n_queues;
	rte_vhost_get_negotiated_features(vid, &facts.features);
	if (vring >= 0)
		rte_vhost_get_vring_base(vid, (uint16_t)vring, &avail, &used);
	facts.base = RTE_MAX(avail & 0x7fff, used & 0x7fff);
	const char *wrong = p->open ? vhost_guard_judge(&d->guard, m, &facts) : NULL;
	if (wrong) {
		p->incidents++;
		p->last_incident = wrong;
	}
	if (wrong || !p->open) {
		m->flags &= ~VHOST_NEED_REPLY; /* an error that is answered would keep the connection */
		pthread_mutex_unlock(&lock);
		return RTE_VHOST_MSG_RESULT_ERR;
	}
	if (m->request == VU_SET_FEATURES && !(m->u64 & 1ULL << VIRTIO_NET_F_MQ))
		d->ready &= 3;
	if (p->live == vid && vhost_message_disturbs(m)) {
		d->paused = true;
		refresh(p, FOR_A_MOMENT);
	}
	/* A memory table that fails leaves the library without memory: then the connection must end, not be answered. */
	d->reply = m->request == VU_SET_MEM_TABLE && m->flags & VHOST_NEED_REPLY;
	if (d->reply)
		m->flags &= ~VHOST_NEED_REPLY;
	vhost_here = vid;
	vhost_in_message = true;
	pthread_mutex_unlock(&lock);
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

/* After it did what a message says; not called when that failed. */
static enum rte_vhost_msg_result after_message(int vid, void *message)
{
	struct vhost_message *m = message;
	struct vhost_device *d = &devices[vid];
	bool changed = false;

	vhost_in_message = false;
	vhost_here = VHOST_NOBODY;
	if (d->reply)
		m->flags |= VHOST_NEED_REPLY;
	d->reply = false;
	pthread_mutex_lock(&lock);
	struct vhost_port *p = atomic_load(&d->port);
	if (m->request == VU_SET_MEM_TABLE || m->request == VU_SET_LOG_BASE)
		regions_note(d, vid);
	if (d->paused) {
		d->paused = false;
		changed = refresh(p, FOR_A_MOMENT);
	}
	if (m->request == VU_SEND_RARP) {
		atomic_store(&p->queue[0].poked, true);
		changed = true;
	}
	pthread_mutex_unlock(&lock);
	if (changed)
		port_changed(&p->port);
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static const struct rte_vhost_user_extern_ops messages = {
	.pre_msg_handle = before_message,
	.post_msg_handle = after_message,
};

static int on_new_connection(int vid)
{
	char path[PATH_MAX];
	struct vhost_device *d = &devices[vid];
	int r = -1;
	if (rte_vhost_get_ifname(vid, path, sizeof(path)))
		return -1;
	pthread_mutex_lock(&lock);
	struct vhost_port *p = ports;
	while (p && strcmp(p->port.target, path) != 0)
		p = p->next;
	bool room = p && (!p->connections || (p->connections < CONNECTIONS_MAX && n_extra < EXTRA_MAX));
	if (room && p->open && p->incidents < VHOST_INCIDENTS_MAX) {
		*d = (struct vhost_device){0};
		r = rte_vhost_extern_callback_register(vid, &messages, NULL);
		if (r == 0) {
			atomic_store(&d->port, p);
			n_extra += p->connections++ > 0;
			vhost_socket_hurry(path, p->peer_listens);
		}
	}
	pthread_mutex_unlock(&lock);
	return r;
}

static void on_destroy_connection(int vid)
{
	pthread_mutex_lock(&connecting);
	pthread_mutex_unlock(&connecting);
	pthread_mutex_lock(&lock);
	struct vhost_port *p = atomic_exchange(&devices[vid].port, NULL);
	if (p)
		n_extra -= --p->connections > 0;
	pthread_mutex_unlock(&lock);
}

static void let_go_live(struct vhost_port *p)
{
	p->live = VHOST_NOBODY;
	refresh(p, UNTIL_THEY_ARE_OUT);
	p->features = 0;
	p->port.capabilities = VHOST_CAN_ALL;
	atomic_store(&p->fault, VHOST_FINE);
}

/* The guest's driver is up. The latest is served: an earlier one on the same socket is a front end that died or was
 * replaced and whose end we have not read yet. */
static int on_new_device(int vid)
{
	pthread_mutex_lock(&lock);
	struct vhost_port *p = atomic_load(&devices[vid].port);
	if (!p) {
		pthread_mutex_unlock(&lock);
		return -1;
	}
	devices[vid].running = true;
	if (p->live != VHOST_NOBODY && p->live != vid)
		let_go_live(p);
	p->live = vid;
	rte_vhost_get_negotiated_features(vid, &p->features);
	p->port.capabilities = capabilities(p->features);
	refresh(p, UNTIL_THEY_ARE_OUT);
	pthread_mutex_unlock(&lock);
	port_changed(&p->port);
	return 0;
}

static void on_destroy_device(int vid)
{
	pthread_mutex_lock(&lock);
	struct vhost_port *p = atomic_load(&devices[vid].port);
	devices[vid].running = false;
	bool served = p && p->live == vid;
	if (served)
		let_go_live(p);
	pthread_mutex_unlock(&lock);
	if (served)
		port_changed(&p->port);
}

static int on_vring_state(int vid, uint16_t vring, int enable)
{
	if (vring >= VHOST_VRINGS_MAX)
		return 0;
	pthread_mutex_lock(&lock);
	struct vhost_port *p = atomic_load(&devices[vid].port);
	uint32_t bit = 1u << vring;
	devices[vid].ready = enable ? devices[vid].ready | bit : devices[vid].ready & ~bit;
	bool changed = p && p->live == vid && refresh(p, FOR_A_MOMENT);
	pthread_mutex_unlock(&lock);
	if (changed)
		port_changed(&p->port);
	return 0;
}

const struct rte_vhost_device_ops vhost_callbacks = {
	.new_device = on_new_device,
	.destroy_device = on_destroy_device,
	.vring_state_changed = on_vring_state,
	.new_connection = on_new_connection,
	.destroy_connection = on_destroy_connection,
};

bool vhost_device_join(struct vhost_port *p)
{
	pthread_mutex_lock(&lock);
	bool room = n_ports < PORTS_MAX;
	if (room) {
		p->next = ports;
		ports = p;
		n_ports++;
	}
	pthread_mutex_unlock(&lock);
	return room;
}

void vhost_device_leave(struct vhost_port *p)
{
	pthread_mutex_lock(&lock);
	for (struct vhost_port **at = &ports; *at; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			n_ports--;
			break;
		}
	pthread_mutex_unlock(&lock);
}

void vhost_device_pardon(struct vhost_port *p)
{
	pthread_mutex_lock(&lock);
	p->incidents = 0;
	p->last_incident = NULL;
	pthread_mutex_unlock(&lock);
}

static void set_open(struct vhost_port *p, bool open)
{
	pthread_mutex_lock(&lock);
	p->open = open;
	pthread_mutex_unlock(&lock);
}

int vhost_device_start(struct vhost_port *p)
{
	set_open(p, true);
	pthread_mutex_lock(&connecting);
	int r = rte_vhost_driver_start(p->port.target);
	pthread_mutex_unlock(&connecting);
	return r;
}

void vhost_device_shut(struct vhost_port *p) { set_open(p, false); }

void vhost_device_forget(struct vhost_port *p)
{
	pthread_mutex_lock(&lock);
	for (unsigned vid = 0; vid < RTE_MAX_VHOST_DEVICE; vid++) {
		struct vhost_port *expected = p;
		atomic_compare_exchange_strong(&devices[vid].port, &expected, NULL);
	}
	n_extra -= p->connections > 1 ? p->connections - 1 : 0;
	p->connections = 0;
	let_go_live(p);
	pthread_mutex_unlock(&lock);
}

bool vhost_device_known(const char *path)
{
	pthread_mutex_lock(&lock);
	struct vhost_port *p = ports;
	while (p && strcmp(p->port.target, path) != 0)
		p = p->next;
	pthread_mutex_unlock(&lock);
	return p;
}

void vhost_device_view(struct vhost_port *p, struct vhost_view *ret_view)
{
	struct vhost_view view = {0};
	pthread_mutex_lock(&lock);
	view.served = p->live != VHOST_NOBODY;
	view.connected = p->connections;
	view.features = p->features;
	view.incidents = p->incidents;
	view.last_incident = p->last_incident;
	view.fault = atomic_load(&p->fault);
	for (unsigned i = 0; i < p->port.n_queues; i++)
		view.queues += atomic_load(&p->queue[i].tx_vid) != VHOST_NOBODY;
	pthread_mutex_unlock(&lock);
	*ret_view = view;
}
