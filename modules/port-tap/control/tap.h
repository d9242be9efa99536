/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A port of kind "tap": a persistent tap of weft's own, wherever it was put. Shared by the driver's files.
 *
 * A queue's descriptor keeps its number for the life of the port. While there is no tap, "nowhere" is
 * duplicated over it: a descriptor that is never readable and refuses writes. So a worker in the middle of
 * rx or tx meets either the tap or nothing, never somebody else's file. All ports share one.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/control/netlink.h"
#include "core/control/netns.h"
#include "core/runtime/port.h"

struct err;

enum tap_state {
	TAP_NEW, /* its descriptors are open in its namespace; the tap itself is made by place */
	TAP_TAKEN, /* left by an earlier weftd, taken up again, not yet touched */
	TAP_PLACED, /* under its name, where it belongs, up */
	TAP_WAITING, /* there is none: for its namespace, or for its name to become free */
};

struct tap_port {
	struct port port; /* first */
	enum tap_state state;
	atomic_bool lost; /* a worker found the tap gone */
	uint16_t wanted_queues; /* the document's; a tap that was taken up may have fewer */
	bool restarting; /* opened while weftd came up: what cannot be had is waited for */
	struct netns_id netns_id; /* where the tap is; meaningful with port.netns and not TAP_WAITING */
	char waiting_for[480];
};

/* A timer that is never set, so never readable. There while there are ports. */
extern int tap_nowhere;

/* tap_home.c: the namespace that was worked in last. What is open there stays so until tap_home_leave, which the next tick
 * calls: a thousand taps in one namespace cost a few visits, and it is not kept alive for long. */
struct tap_home {
	char *netns; /* NULL: weftd's own */
	struct netns_id id; /* zero for weftd's own */
	struct netlink *nl;
};

/* The namespace that bears the name now, NULL for weftd's own; valid until the next call or leave. Path-less err. -ENOENT:
 * there is none. */
int tap_home_enter(const char *netns, const struct tap_home **ret_home, struct err *e);
/* A new descriptor of /dev/net/tun in the namespace that was entered last, without a tap yet; the caller closes. -errno. */
int tap_home_tun(void);
void tap_home_leave(void);

/* tap_device.c: taps as the kernel knows them. Descriptors, not ports. */
struct tap_device {
	const char *adapter; /* whose it is: written into the link's alias */
	const char *name; /* final name, at most 15 characters */
	const char *netns; /* NULL: weftd's own */
	struct mac mac;
	uint32_t mtu;
	uint16_t n_queues;

	/* Filled in by tap_device_open. */
	int fd[PORT_QUEUES_MAX];
	uint16_t n_fds; /* a tap that is taken up may have fewer queues than wanted */
	bool taken_up;
	bool uso; /* the kernel passes UDP segments whole; known once there is a tap */
	struct netns_id netns_id;
};

/* Takes up the adapter's own tap if it is there, else opens what place makes one of: nothing is to be seen yet.
 * -ENOENT: the namespace is not there; -EEXIST: the name belongs to somebody else; -EBUSY: it is in use. */
int tap_device_open(struct tap_device *d, struct err *e);
/* There under its name, with MAC, MTU and alias, up, persistent. On failure closing its fds removes a new one. */
int tap_device_place(struct tap_device *d, struct err *e);
/* A placed tap: new MAC and MTU. */
int tap_device_change(const struct tap_device *d, struct err *e);
bool tap_device_is_up(const struct tap_device *d);
/* remove: gone once the fds are closed. */
void tap_device_close(struct tap_device *d, bool remove);
/* Is the link the tap that adapter d->adapter has under the name d->name? */
bool tap_device_owns(const struct tap_device *d, const struct netlink_link *link);

/* tap_removal.c: deletes the taps of list[0..n), all of one namespace, faster than closing each would. What it could
 * not delete goes when its descriptors are closed, which is left to the caller for all. */
void tap_removal_run(struct tap_device *list, size_t n);

/* tap_io.c */
uint16_t tap_rx(struct port_queue *q, struct frame **frames, uint16_t n);
uint16_t tap_tx(struct port_queue *q, struct frame **frames, uint16_t n);
