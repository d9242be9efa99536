/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One device's two connections: the peer's, and the one that the driver has in its place. At most one peer at a time;
 * the next is let in when the driver has closed its end, which it does after it took the memory away.
 */
#include "modules/port-wire/control/memif.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/err.h"
#include "core/control/loop.h"
#include "modules/port-wire/control/memif_judge.h"

#define REACH ((1ull << 32) + (1u << 16)) /* bytes; an offset of 32 bits, a length that the driver takes 16 of */
#define DRIVER_MS 2000 /* that the driver may take to let go of a peer; it takes far less than one */

/* One end: its descriptor, -1 for none. */
struct end {
	int fd;
	struct loop_source *source;
};

struct memif_relay {
	struct memif_args args;
	memif_gate_fn *gate;
	void *arg;
	char folder[32],
		path[40]; /* the driver's socket, alone in a folder that only we may enter, while it has a name */
	int unnamed; /* and then */
	char *device;
	struct end inner; /* a client's driver connects to this */
	struct end peer, driver; /* a driver without a peer is about to let go */
	bool greeted; /* the driver, as a server, has said hello, which the door had done */
	struct memif_progress progress;
};

const char *memif_relay_device(const struct memif_relay *r) { return r->device; }

const struct memif_args *memif_relay_args(const struct memif_relay *r) { return &r->args; }

static bool end_take(struct end *end, int fd, loop_fd_fn *fn, struct memif_relay *r)
{
	end->source = loop_add_fd(fd, EPOLLIN, fn, r);
	if (end->source)
		end->fd = fd;
	return end->source;
}

static void end_close(struct end *end)
{
	loop_remove(end->source);
	end->source = NULL;
	if (end->fd >= 0)
		close(end->fd);
	end->fd = -1;
}

/* The driver hears of it only when no worker is in the device any more. */
static void peer_end(struct memif_relay *r)
{
	if (r->peer.fd < 0)
		return;
	r->gate(r->arg, false);
	end_close(&r->peer);
	if (r->driver.fd >= 0)
		shutdown(r->driver.fd, SHUT_WR);
}

/* The driver hung up, with or without being asked. */
static void driver_end(struct memif_relay *r)
{
	peer_end(r);
	end_close(&r->driver);
}

void memif_relay_refuse(struct memif_relay *r, const char *why)
{
	if (r->peer.fd < 0)
		return;
	int fd = dup(r->peer.fd);
	peer_end(r);
	if (fd >= 0)
		memif_socket_refuse(fd, why);
}

/*
 * A descriptor names a place by 32 bits, beyond the region if it likes, and the driver goes there. So regions are mapped
 * as long as that reaches: what is beyond the file is nobody's, and touching it only a fault. (Huge pages
 * would be taken for all of it; those stay as long as they are.)
 */
static void reach_extend(struct memif_message *m, int with)
{
	struct statfs of;
	if (!fstatfs(with, &of) && of.f_type == TMPFS_MAGIC && m->region.size < REACH)
		m->region.size = REACH;
}

static const char *judge(struct memif_relay *r, const struct memif_message *m, int with)
{
	struct stat st = {0};
	if (!r->args.serves)
		return memif_judge_server(&r->progress, m);
	bool known = with >= 0 && !fstat(with, &st);
	return memif_judge_client(&r->progress, m, known, known ? (uint64_t)st.st_size : 0);
}

static void on_peer(int fd, uint32_t events, void *arg)
{
	struct memif_relay *r = arg;
	struct memif_message m;
	int with = -1, rc = memif_socket_receive(fd, &m, &with);
	if (!rc)
		return;
	if (rc < 0 || m.type == MEMIF_DISCONNECT) {
		peer_end(r);
	} else {
		const char *why = judge(r, &m, with);
		if (!why && m.type == MEMIF_ADD_REGION)
			reach_extend(&m, with);
		if (why)
			memif_relay_refuse(r, why);
		else if (!memif_socket_send(r->driver.fd, &m, with))
			peer_end(r);
		else if (m.type == MEMIF_CONNECTED)
			r->gate(r->arg, true);
	}
	if (rc > 0 && with >= 0)
		close(with);
}

static void on_driver(int fd, uint32_t events, void *arg)
{
	struct memif_relay *r = arg;
	struct memif_message m;
	int with = -1, rc = memif_socket_receive(fd, &m, &with);
	if (!rc)
		return;
	if (rc < 0) {
		driver_end(r);
		return;
	}
	if (r->args.serves && !r->greeted)
		r->greeted = m.type == MEMIF_HELLO;
	else if (r->peer.fd >= 0 && !memif_socket_send(r->peer.fd, &m, with))
		peer_end(r);
	else if (r->peer.fd >= 0 && m.type == MEMIF_CONNECTED)
		r->gate(r->arg, true);
	if (with >= 0)
		close(with);
}

/* Has the peer hung up, though the loop did not come to it yet? */
static bool peer_is_gone(const struct memif_relay *r)
{
	char byte;
	return r->peer.fd >= 0 && recv(r->peer.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* False: the driver still has a peer. */
static bool driver_settle(struct memif_relay *r)
{
	struct pollfd hang_up = {.fd = r->driver.fd, .events = POLLIN};
	while (r->driver.fd >= 0 && r->peer.fd < 0) {
		if (poll(&hang_up, 1, DRIVER_MS) <= 0)
			return false;
		on_driver(r->driver.fd, EPOLLIN, r);
	}
	return r->driver.fd < 0;
}

const char *memif_relay_begin(struct memif_relay *r, int fd, const struct memif_message *init)
{
	if (peer_is_gone(r))
		peer_end(r);
	if (!driver_settle(r))
		return "Already connected";
	char path[40];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", r->unnamed);
	int driver = memif_socket_connect(path, false);
	if (driver < 0)
		return "Device error";
	memset(&r->progress, 0, sizeof(r->progress));
	r->greeted = false;
	if (!end_take(&r->driver, driver, on_driver, r)) {
		close(driver);
		return "Device error";
	}
	if (memif_socket_send(driver, init, -1) && end_take(&r->peer, fd, on_peer, r))
		return NULL;
	end_close(&r->driver);
	return "Device error";
}

static void name_remove(struct memif_relay *r)
{
	unlink(r->path);
	rmdir(r->folder);
}

/* The driver of a client that starts. Its peer was there when the relay was made, and said hello meanwhile. */
static void on_inner(int fd, uint32_t events, void *arg)
{
	struct memif_relay *r = arg;
	int driver = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (driver < 0)
		return;
	if (r->peer.fd < 0 || !end_take(&r->driver, driver, on_driver, r)) {
		close(driver);
		return;
	}
	end_close(&r->inner);
	name_remove(r);
	r->peer.source = loop_add_fd(r->peer.fd, EPOLLIN, on_peer, r);
	if (!r->peer.source)
		peer_end(r);
}

/* The peer's socket; then the driver's, which a server makes itself. */
static int sockets_open(struct memif_relay *r, struct err *e)
{
	const struct memif_args *a = &r->args;
	if (!a->path[0])
		return err_set(e, ENAMETOOLONG, NULL,
			       "DPDK device \"%s\": its socket's path is empty or of over %zu bytes", a->device,
			       sizeof(a->path) - 2);
	if (a->serves)
		return memif_door_open(r, e);
	int fd = memif_socket_connect(a->path, a->abstract);
	if (fd < 0)
		return err_set(e, ENODEV, NULL, "DPDK device \"%s\": nobody serves its socket: %s", a->device,
			       strerror(-fd));
	r->peer.fd = fd;
	fd = memif_socket_listen(r->path, false);
	if (fd >= 0 && end_take(&r->inner, fd, on_inner, r))
		return 0;
	int rc = fd < 0 ? fd : -errno;
	if (fd >= 0)
		close(fd);
	return err_set(e, -rc, NULL, "DPDK device \"%s\": no socket for its driver: %s", a->device, strerror(-rc));
}

static int folder_make(struct memif_relay *r)
{
	snprintf(r->folder, sizeof(r->folder), "/tmp/weft-memif-XXXXXX");
	if (!mkdtemp(r->folder))
		return -errno;
	snprintf(r->path, sizeof(r->path), "%s/socket", r->folder);
	return 0;
}

/* The driver has its socket. Without a name nobody else finds it, and it does not outlive a weftd that is killed. */
int memif_relay_plugged(struct memif_relay *r)
{
	if (!r->args.serves)
		return 0;
	r->unnamed = open(r->path, O_PATH | O_CLOEXEC);
	if (r->unnamed < 0)
		return -errno;
	name_remove(r);
	return 0;
}

/* It means to remove it, and is loud when it cannot. */
static void name_again(struct memif_relay *r)
{
	if (r->unnamed < 0)
		return;
	close(r->unnamed);
	r->unnamed = -1;
	if (!mkdir(r->folder, 0700))
		mknod(r->path, S_IFREG | 0600, 0);
}

int memif_relay_make(const char *device, memif_gate_fn *gate, void *arg, struct memif_relay **ret_relay,
		     struct err *e)
{
	struct memif_relay *r = calloc(1, sizeof(*r));
	if (!r || !memif_args_read(device, &r->args)) {
		free(r);
		return err_set(e, ENOMEM, NULL, "DPDK device \"%s\": out of memory", device);
	}
	r->gate = gate;
	r->arg = arg;
	r->inner.fd = r->peer.fd = r->driver.fd = r->unnamed = -1;
	int rc = folder_make(r);
	if (!rc)
		r->device = memif_args_move(device, r->path);
	if (!rc && !r->device)
		rc = -ENOMEM;
	if (rc)
		err_set(e, -rc, NULL, "DPDK device \"%s\": no socket for its driver: %s", device, strerror(-rc));
	else
		rc = sockets_open(r, e);
	if (rc) {
		memif_relay_free(r);
		return rc;
	}
	*ret_relay = r;
	return 0;
}

void memif_relay_end(struct memif_relay *r)
{
	if (!r)
		return;
	memif_door_close(r);
	end_close(&r->inner);
	peer_end(r);
	driver_settle(r);
	end_close(&r->driver);
	name_again(r);
}

void memif_relay_free(struct memif_relay *r)
{
	if (!r)
		return;
	memif_relay_end(r);
	name_remove(r);
	free(r->device);
	free(r);
}
