/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A port is where frames enter and leave: a vhost-user socket, a tap, a packet socket, a DPDK device. A
 * driver (modules/port-*) fills in struct port_ops and registers with PORT_DRIVER; nobody else knows kinds.
 *
 * Control thread: open, place, configure, status, close. Worker threads: rx, tx, arm, one queue by one worker
 * at a time, assigned by the control thread between quiescent states.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/mac.h"
#include "core/runtime/frame.h"

struct drop_reason;
struct err;
struct port;
struct port_queue;
struct worker;
typedef struct json_t json_t;

#define PORT_BURST 32
#define PORT_QUEUES_MAX 16

enum port_capability {
	PORT_CAN_CSUM = 1 << 0, /* the receiver takes frames with an open checksum */
	PORT_CAN_TSO4 = 1 << 1,
	PORT_CAN_TSO6 = 1 << 2,
	PORT_CAN_USO = 1 << 3,
	PORT_CAN_ECN = 1 << 4,
	PORT_CAN_CSUM_INNER = 1 << 5, /* an open checksum may be anywhere, behind a tunnel's header too */
};

enum port_role {
	PORT_GUEST, /* a VM's adapter */
	PORT_HOST, /* the host's own adapter */
	PORT_UPLINK, /* the wire */
};

/* What a port is to be; strings are the caller's and are copied by open. */
struct port_spec {
	const char *name; /* the adapter's name, or "wire:SWITCH" */
	enum port_role role;
	const char *kind; /* driver name: "tap", "vhost-user", "interface", "dpdk" */
	const char *target; /* tap or interface name, socket path, device arguments */
	const char *netns; /* tap: where it goes; NULL: weftd's own */
	bool peer_listens; /* vhost-user: the guest's QEMU has the listening socket */
	uint16_t queues; /* pairs */
	struct mac mac; /* the guest side's address; zero for an uplink: keep the device's */
	uint32_t mtu; /* L3 bytes */
	bool restarting; /* weftd is coming up: wait for what is not there instead of refusing */
};

struct port_ops {
	const char *kind;
	bool lasts; /* what it makes outlives weftd: noted on disk, so that a crash in a change leaves no strays */
	/* Opens without disturbing anything: what is new gets its final name and place only in `place`.
	 * Takes up a tap that an earlier weftd left. Calls port_init first. Refuses with a path-less err. */
	int (*open)(const struct port_spec *spec, struct port **ret_port, struct err *e);
	/* Gives it name, namespace, MAC, MTU, link up; may fail, and close then leaves nothing behind. */
	int (*place)(struct port *p, struct err *e);
	/* Same kind and target, other MTU, MAC or queues: in place, or -EOPNOTSUPP: open a new one. NULL: never. */
	int (*configure)(struct port *p, const struct port_spec *spec, struct err *e);
	/* No worker uses it any more. remove: the document no longer names it, so a persistent tap is deleted;
	 * false: weftd stops and things stay as they are. Frees p. */
	void (*close)(struct port *p, bool remove);
	/* Before each of these is closed with `remove`: what can be done for many at the cost of one. NULL: nothing. */
	void (*remove_many)(struct port **ports, size_t n);
	/* Adds to a status object: "link": "up", "peer": "connected", "waiting-for": "..." */
	void (*status)(struct port *p, json_t *object);
	/* Called about once a second on the control thread (retry what was waited for); NULL ok. */
	void (*tick)(struct port *p);

	/* Up to n frames, owned by the caller. Malformed ones are dropped inside by port_rx_drop. */
	uint16_t (*rx)(struct port_queue *q, struct frame **frames, uint16_t n);
	/* Sends frames[0..n), taking every one it accepts in order and freeing it; returns how many. The rest stay
	 * the caller's, who drops them under q->tx_drop. Frames fit the port's capabilities already. */
	uint16_t (*tx)(struct port_queue *q, struct frame **frames, uint16_t n);
	/* About to sleep: turn wake-ups on, then look: true if there is work already. NULL: cannot sleep, poll. */
	bool (*arm)(struct port_queue *q);
	void (*disarm)(struct port_queue *q); /* awake again; NULL ok */
};

struct port_queue {
	struct port *port;
	uint16_t index;
	int fd; /* readable when rx has work; -1: none */
	bool fd_gates_rx; /* rx costs a system call: call it only when fd is readable */
	bool edge; /* fd wakes at each new event and is not drained by anybody */
	bool poll_only; /* arm cannot have this one woken: it is looked at every millisecond */
	volatile bool enabled; /* the guest uses this queue */
	struct worker *worker; /* the worker in whose rx the queue is at this moment (for drops) */
	const struct drop_reason *tx_drop; /* why tx just refused frames; set by tx whenever it refuses some */
	uint16_t adapter; /* id of the adapter whose books it writes */
};

struct port {
	const struct port_ops *ops;
	char name[64]; /* the adapter's or "wire:SWITCH" */
	enum port_role role;
	char *target;
	char *netns;
	struct mac mac;
	uint32_t mtu;
	uint32_t capabilities; /* enum port_capability; may change when a guest negotiates */
	uint16_t n_queues;
	uint16_t home; /* queue i belongs to worker (home + i) % workers; given once, by port_init */
	struct port_queue queue[PORT_QUEUES_MAX];
};

void port_driver_register(const struct port_ops *ops);
const struct port_ops *port_driver_find(const char *kind); /* NULL: no such driver */
#define PORT_DRIVER(ops)                                                                                             \
	__attribute__((constructor)) static void port_driver_register_##ops(void) { port_driver_register(&(ops)); }

/* Copies the spec into p and prepares its queues (fd -1). -ENOMEM. */
int port_init(struct port *p, const struct port_ops *ops, const struct port_spec *spec);
void port_fini(struct port *p); /* frees what port_init allocated */

/* Inside rx: a frame that never was one. Counts it as received and dropped; frees f (NULL: nothing to free). */
void port_rx_drop(struct port_queue *q, const struct drop_reason *reason, struct frame *f);
/* The pools for frames that rx makes. */
const struct frame_pools *port_pools(void);
void port_pools_set(struct frame_pools *pools); /* once, before the first port is opened */
/* A guest connected, went, or changed its features: workers look again. Any thread. */
void port_changed(struct port *p);
