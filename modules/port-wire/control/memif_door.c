/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where peers knock: one socket for all interfaces of a path. Who it is for is said by the first message, in answer
 * to our greeting; until then a peer has nothing of ours but a place in a short row, and the last to come stays.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "core/control/loop.h"
#include "modules/port-wire/control/memif.h"
#include "modules/port-wire/control/memif_judge.h"

#define KNOCKERS_MAX 8
#define RELAYS_MAX 64 /* interfaces of one path */

struct knocker {
	int fd; /* -1: nobody */
	struct loop_source *source;
};

struct door {
	LIST_ENTRY(door) link;
	const char *path; /* the first relay's */
	bool abstract;
	int fd;
	struct loop_source *source;
	unsigned n_relays, next;
	struct memif_relay *relay[RELAYS_MAX];
	struct knocker knocker[KNOCKERS_MAX];
};

static LIST_HEAD(, door) doors = LIST_HEAD_INITIALIZER(doors);

static void knocker_let_go(struct knocker *k)
{
	loop_remove(k->source);
	k->source = NULL;
	k->fd = -1;
}

static struct memif_relay *relay_of(const struct door *d, uint32_t id)
{
	for (unsigned i = 0; i < d->n_relays; i++)
		if (memif_relay_args(d->relay[i])->id == id)
			return d->relay[i];
	return NULL;
}

static const char *ask_in(const struct door *d, int fd, const struct memif_message *m)
{
	if (m->type != MEMIF_INIT)
		return "Unexpected message";
	struct memif_relay *r = relay_of(d, m->init.id);
	return r ? memif_relay_begin(r, fd, m) : "ID not found";
}

static void on_word(int fd, uint32_t events, void *arg)
{
	struct door *d = arg;
	struct memif_message m;
	int with = -1, rc = memif_socket_receive(fd, &m, &with);
	if (!rc)
		return;
	for (unsigned i = 0; i < KNOCKERS_MAX; i++)
		if (d->knocker[i].fd == fd)
			knocker_let_go(&d->knocker[i]);
	if (rc < 0) {
		close(fd);
		return;
	}
	if (with >= 0)
		close(with);
	const char *why = ask_in(d, fd, &m);
	if (why)
		memif_socket_refuse(fd, why);
}

static bool greet(int fd)
{
	struct memif_message m = {.type = MEMIF_HELLO};
	m.hello.min_version = m.hello.max_version = MEMIF_VERSION;
	m.hello.max_region = MEMIF_REGIONS_MAX - 1;
	m.hello.max_c2s_ring = m.hello.max_s2c_ring = MEMIF_RINGS - 1;
	m.hello.max_log2_ring_size = MEMIF_LOG2_RING_MAX;
	memcpy(m.hello.name, "weft", 5);
	return memif_socket_send(fd, &m, -1);
}

static void on_knock(int fd, uint32_t events, void *arg)
{
	struct door *d = arg;
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (peer < 0)
		return;
	struct knocker *k = &d->knocker[d->next];
	d->next = (d->next + 1) % KNOCKERS_MAX;
	if (k->fd >= 0) {
		int old = k->fd;
		knocker_let_go(k);
		close(old);
	}
	if (greet(peer))
		k->source = loop_add_fd(peer, EPOLLIN, on_word, d);
	if (!k->source) {
		close(peer);
		return;
	}
	k->fd = peer;
}

static struct door *door_find(const struct memif_args *a)
{
	struct door *d;
	LIST_FOREACH(d, &doors, link)
		if (d->abstract == a->abstract && !strcmp(d->path, a->path))
			return d;
	return NULL;
}

static void door_free(struct door *d)
{
	for (unsigned i = 0; i < KNOCKERS_MAX; i++) {
		int fd = d->knocker[i].fd;
		knocker_let_go(&d->knocker[i]);
		if (fd >= 0)
			close(fd);
	}
	loop_remove(d->source);
	if (d->fd >= 0)
		close(d->fd);
	free(d);
}

static int door_make(const struct memif_args *a, struct door **ret_door)
{
	struct door *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	for (unsigned i = 0; i < KNOCKERS_MAX; i++)
		d->knocker[i].fd = -1;
	d->path = a->path;
	d->abstract = a->abstract;
	d->fd = memif_socket_listen(a->path, a->abstract);
	int rc = d->fd < 0 ? d->fd : 0;
	if (!rc) {
		d->source = loop_add_fd(d->fd, EPOLLIN, on_knock, d);
		rc = d->source ? 0 : -errno;
	}
	if (rc) {
		door_free(d);
		return rc;
	}
	LIST_INSERT_HEAD(&doors, d, link);
	*ret_door = d;
	return 0;
}

int memif_door_open(struct memif_relay *r, struct err *e)
{
	const struct memif_args *a = memif_relay_args(r);
	struct door *d = door_find(a);
	if (d && relay_of(d, a->id))
		return err_set(e, EEXIST, NULL,
			       "DPDK device \"%s\": another one has this id on its socket; choose another",
			       a->device);
	if (d && d->n_relays == RELAYS_MAX)
		return err_set(e, ENOSPC, NULL,
			       "DPDK device \"%s\": its socket has %d of them; choose another socket", a->device,
			       RELAYS_MAX);
	int rc = d ? 0 : door_make(a, &d);
	if (rc)
		return err_set(e, -rc, NULL, "DPDK device \"%s\": socket \"%s\" cannot be had: %s", a->device,
			       a->path, strerror(-rc));
	d->relay[d->n_relays++] = r;
	return 0;
}

void memif_door_close(struct memif_relay *r)
{
	const struct memif_args *a = memif_relay_args(r);
	struct door *d = door_find(a);
	for (unsigned i = 0; d && i < d->n_relays; i++) {
		if (d->relay[i] != r)
			continue;
		d->relay[i] = d->relay[--d->n_relays];
		if (d->n_relays) {
			d->path = memif_relay_args(d->relay[0])->path;
			return;
		}
		if (!d->abstract)
			unlink(d->path);
		LIST_REMOVE(d, link);
		door_free(d);
		return;
	}
}
