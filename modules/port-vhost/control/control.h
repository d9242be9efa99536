/* SPDX-License-Identifier: Apache-2.0 */
/* What the control side's files of this driver share. */
#pragma once

#include <errno.h>

#include "modules/port-vhost/datapath/vhost.h"

struct err;

/* What a port takes while nobody is there to say otherwise: nothing is prepared just to be dropped. */
#define VHOST_CAN_ALL (PORT_CAN_CSUM | PORT_CAN_TSO4 | PORT_CAN_TSO6)

/* socket.c: the path on its own, nothing of rte_vhost. */
int vhost_socket_check(const char *path, struct err *e); /* could a socket be there? Touches nothing. */
int vhost_socket_clear(const char *path, struct err *e); /* makes its folder, removes a socket that nobody serves */
bool vhost_socket_served(const char *path); /* somebody listens */
/* One thread of the library serves all sockets and would wait for ever in the middle of a message: bounds that for
 * the connections of this one. The library does not tell their descriptors; they are known by the path. */
void vhost_socket_hurry(const char *path, bool peer_listens);
/* Ends the connections of this one, which the library's thread will then close, and lets nobody connect. */
void vhost_socket_hang_up(const char *path, bool peer_listens);

/* fault.c */
int vhost_fault_init(void); /* before each port; -errno */
void vhost_fence_workers(void); /* every thread of the process passes a full fence */
extern __thread bool vhost_in_message; /* device.c: this is the library's thread, at a message of vhost_here */

/* doorbell.c: have the library's thread look at its sockets now. */
void vhost_doorbell_hang(void); /* once */
void vhost_doorbell_ring(void);
bool vhost_doorbell_wait(void); /* until it is past what it is at now; false: it is not, after a second */

/* device.c: the library's callbacks. */
struct rte_vhost_device_ops;
extern const struct rte_vhost_device_ops vhost_callbacks;
bool vhost_device_known(const char *path); /* some port has it */
bool vhost_device_join(struct vhost_port *p); /* its path is now taken; false: there are too many */
void vhost_device_leave(struct vhost_port *p); /* shut, and forgotten by the library */
void vhost_device_pardon(struct vhost_port *p); /* what was refused is forgotten */
int vhost_device_start(struct vhost_port *p); /* connections are let in, and made; the library's answer */
void vhost_device_shut(struct vhost_port *p); /* no longer; the next message of those there are is refused */
void vhost_device_forget(struct vhost_port *p); /* after the library has: none is left */
struct vhost_port *vhost_device_port(int vid); /* NULL: none. Any thread, signal handlers too */
unsigned vhost_device_regions(int vid, const struct vhost_region **ret_regions); /* the same */

/* What of the port tick and status want to know, at one moment. */
struct vhost_view {
	bool connected, served;
	unsigned queues; /* pairs in use */
	unsigned incidents;
	const char *last_incident;
	uint64_t features;
	enum vhost_fault fault;
};
void vhost_device_view(struct vhost_port *p, struct vhost_view *ret_view);
