/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A port of kind "tap": a persistent tap of weft's own, wherever it was put. Shared by the driver's files.
 *
 * A queue's descriptor keeps its number for the life of the port. While there is no tap, "nowhere" is
 * duplicated over it: a descriptor that is never readable and refuses writes. So a worker in the middle of
 * rx or tx meets either the tap or nothing, never somebody else's file.
 */
#pragma once

#include <net/if.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "core/control/netns.h"
#include "core/runtime/port.h"

struct err;

enum tap_state {
	TAP_NEW, /* made under a passing name, not persistent: closing it leaves nothing */
	TAP_TAKEN, /* left by an earlier weftd, taken up again, not yet touched */
	TAP_PLACED, /* under its name, where it belongs, up */
	TAP_WAITING, /* there is none: for its namespace, or for its name to become free */
};

/* What rx prepared and did not use up; one queue's, touched by its worker alone while one has it. */
struct tap_spare {
	struct frame *head; /* small */
	struct rte_mbuf *rest; /* big: what of a frame does not fit in the small one */
};

struct tap_port {
	struct port port; /* first */
	enum tap_state state;
	atomic_bool lost; /* a worker found the tap gone */
	uint16_t wanted_queues; /* the document's; a tap that was taken up may have fewer */
	bool restarting; /* opened while weftd came up: what cannot be had is waited for */
	int nowhere; /* the descriptor that stands in */
	struct netns_id netns_id; /* where the tap is; meaningful with port.netns and not TAP_WAITING */
	char waiting_for[480];
	struct tap_spare spare[PORT_QUEUES_MAX];
};

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
	bool uso; /* the kernel passes UDP segments whole */
	struct netns_id netns_id;
};

/* Takes up the adapter's own tap if it is there, else makes one in weftd's namespace under a passing name.
 * -ENOENT: the namespace is not there; -EEXIST: the name belongs to somebody else; -EBUSY: it is in use. */
int tap_device_open(struct tap_device *d, struct err *e);
/* To its namespace and name, with MAC, MTU and alias, up, persistent. On failure closing its fds removes a new one. */
int tap_device_place(const struct tap_device *d, struct err *e);
/* A placed tap: new MAC and MTU. */
int tap_device_change(const struct tap_device *d, struct err *e);
bool tap_device_is_up(const struct tap_device *d);
/* remove: gone once the fds are closed. */
void tap_device_close(struct tap_device *d, bool remove);

/* tap_io.c */
uint16_t tap_rx(struct port_queue *q, struct frame **frames, uint16_t n);
uint16_t tap_tx(struct port_queue *q, struct frame **frames, uint16_t n);
