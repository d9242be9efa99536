/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands between DPDK's memif driver and its peer. The driver believes whatever the peer says on their socket, and
 * takes the shared memory away on a thread of its own the moment that socket ends, whoever may be at work in it. So
 * it gets a socket that only this process knows; the real one is here. Messages go on if they can be true, and when the
 * peer is gone, or says something that cannot be, the workers leave the device before the driver hears of it.
 *
 * Control thread only, like the event loop that it lives by. The protocol: "Shared Memory Packet Interface" 2.0, as in
 * DPDK's guide to its poll mode drivers.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

struct err;
struct memif_relay;

/* open: workers may use the device, it has a peer. Not open: returns when none is in it any more. */
typedef void memif_gate_fn(void *arg, bool open);

/* memif_args.c: the device arguments as far as they concern the socket. */
struct memif_args {
	const char *device; /* all of them, the caller's */
	bool serves, abstract;
	uint32_t id; /* of the interface; several may share a socket */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};
/* False: no memif device. A path that is too long for a socket is left empty. */
bool memif_args_read(const char *device, struct memif_args *ret_args);
/* The same device at another socket, which is in the file system. The caller's to free; NULL: no memory. */
char *memif_args_move(const char *device, const char *path);

/* memif_socket.c: addresses, and messages with the descriptor that may come with them. */
#define MEMIF_MESSAGE 128 /* bytes, each */
int memif_socket_listen(const char *path, bool abstract); /* descriptor, or -errno */
int memif_socket_connect(const char *path, bool abstract); /* the same; waits for nobody */
struct memif_message;
/* 1: a message; *ret_fd is -1 or the caller's. 0: none yet. Negative: the other end is gone, or sent no message. */
int memif_socket_receive(int fd, struct memif_message *ret_m, int *ret_fd);
bool memif_socket_send(int fd, const struct memif_message *m,
		       int with); /* with: -1, or a descriptor that stays ours */
void memif_socket_refuse(int fd, const char *why); /* says so and closes fd */

/* memif_door.c: the sockets that peers connect to; relays of one path share it. -errno, and e says why. */
int memif_door_open(struct memif_relay *r, struct err *e);
void memif_door_close(struct memif_relay *r); /* not open: does nothing */

/* memif_relay.c. -errno, and e says why: the device's socket cannot be had, or nobody serves it. */
int memif_relay_make(const char *device, memif_gate_fn *gate, void *arg, struct memif_relay **ret_relay,
		     struct err *e);
const char *memif_relay_device(const struct memif_relay *r); /* what the driver is to be given instead */
int memif_relay_plugged(struct memif_relay *r); /* the driver has it; -errno */
void memif_relay_refuse(struct memif_relay *r, const char *why); /* its peer, if it has one, is told and let go */
void memif_relay_end(struct memif_relay *r); /* the driver has no peer any more when it returns; NULL ok */
void memif_relay_free(struct memif_relay *r); /* after the driver let go of its socket; NULL ok */
/* For the door. */
const struct memif_args *memif_relay_args(const struct memif_relay *r);
/* A peer that asked for this interface by its first message. Takes fd over; NULL, or why not (then fd stays). */
const char *memif_relay_begin(struct memif_relay *r, int fd, const struct memif_message *init);
