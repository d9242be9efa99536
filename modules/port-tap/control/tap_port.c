/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of kind "tap": the life of a port, including the times when there is no tap to be had. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <jansson.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "modules/port-tap/control/tap.h"

static const struct port_ops tap_ops;

int tap_nowhere = -1;
static unsigned n_ports; /* that may need it */

/* The tap that the port wants, with the descriptors that it has. */
static struct tap_device device_of(const struct tap_port *t)
{
	const struct port *p = &t->port;
	struct tap_device d = {
		.adapter = p->name,
		.name = p->target,
		.netns = p->netns,
		.mac = p->mac,
		.mtu = p->mtu,
		.n_queues = p->n_queues,
		.n_fds = t->state == TAP_WAITING ? 0 : p->n_queues,
		.taken_up = t->state != TAP_NEW,
		.netns_id = t->netns_id,
	};
	for (uint16_t i = 0; i < d.n_fds; i++)
		d.fd[i] = p->queue[i].fd;
	return d;
}

/* The device's descriptors become the queues', each under the number that the queue keeps. */
static int adopt(struct tap_port *t, struct tap_device *d, enum tap_state state)
{
	uint16_t n = d->n_fds;
	int rc = 0;
	for (uint16_t i = 0; i < n && !rc; i++)
		rc = dup3(d->fd[i], t->port.queue[i].fd, O_CLOEXEC) < 0 ? -errno : 0;
	tap_device_close(d, false);
	if (rc)
		return rc;
	t->netns_id = d->netns_id;
	t->state = state;
	t->waiting_for[0] = '\0';
	atomic_store(&t->lost, false);
	for (uint16_t i = 0; i < n; i++)
		t->port.queue[i].enabled = true;
	return 0;
}

static void learn_capabilities(struct tap_port *t, const struct tap_device *d)
{
	t->port.capabilities =
		PORT_CAN_CSUM | PORT_CAN_TSO4 | PORT_CAN_TSO6 | PORT_CAN_ECN | (d->uso ? PORT_CAN_USO : 0);
}

/* No tap: nowhere stands in for it. */
static void park(struct tap_port *t, int why, const struct err *e)
{
	for (uint16_t i = 0; i < t->port.n_queues; i++) {
		t->port.queue[i].enabled = false;
		dup3(tap_nowhere, t->port.queue[i].fd, O_CLOEXEC);
	}
	t->state = TAP_WAITING;
	if (why == -ENOENT)
		snprintf(t->waiting_for, sizeof(t->waiting_for), "network namespace %s", t->port.netns);
	else
		snprintf(t->waiting_for, sizeof(t->waiting_for), "%s", e->text);
}

static int check_spec(const struct port_spec *spec, struct err *e)
{
	const char *name = spec->target ? spec->target : "";
	size_t len = strlen(name);
	if (!len || len >= IFNAMSIZ)
		return err_set(e, EINVAL, NULL,
			       "\"%s\" has %zu characters; the name of a Linux interface has 1 to 15", name, len);
	for (const char *c = name; *c; c++)
		if (isspace((unsigned char)*c) || strchr("/:%", *c))
			return err_set(e, EINVAL, NULL, "\"%s\" cannot be the name of a Linux interface", name);
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return err_set(e, EINVAL, NULL, "\"%s\" cannot be the name of a Linux interface", name);
	if (spec->queues > PORT_QUEUES_MAX)
		return err_set(e, EINVAL, NULL, "%u queues; a tap has 1 to %d", spec->queues, PORT_QUEUES_MAX);
	return 0;
}

static void tap_free(struct tap_port *t)
{
	for (uint16_t i = 0; i < PORT_QUEUES_MAX; i++)
		if (t->port.queue[i].fd >= 0)
			close(t->port.queue[i].fd);
	port_fini(&t->port);
	free(t);
	if (--n_ports)
		return;
	if (tap_nowhere >= 0)
		close(tap_nowhere);
	tap_nowhere = -1;
	tap_home_leave();
}

/* A port without a tap yet. NULL: errno. */
static struct tap_port *tap_new(const struct port_spec *spec)
{
	struct tap_port *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	int rc = port_init(&t->port, &tap_ops, spec);
	if (rc) {
		free(t);
		errno = -rc;
		return NULL;
	}
	t->wanted_queues = t->port.n_queues;
	t->restarting = spec->restarting;
	t->state = TAP_WAITING;
	n_ports++;
	if (tap_nowhere < 0)
		tap_nowhere = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (tap_nowhere < 0)
		goto fail;
	for (uint16_t i = 0; i < t->port.n_queues; i++) {
		t->port.queue[i].fd_gates_rx = true;
		t->port.queue[i].fd = fcntl(tap_nowhere, F_DUPFD_CLOEXEC, 0);
		if (t->port.queue[i].fd < 0)
			goto fail;
	}
	return t;
fail:
	rc = errno;
	tap_free(t);
	errno = rc;
	return NULL;
}

static int tap_open(const struct port_spec *spec, struct port **ret_port, struct err *e)
{
	int rc = check_spec(spec, e);
	if (rc)
		return rc;
	struct tap_port *t = tap_new(spec);
	if (!t)
		return err_set(e, errno, NULL, "tap %s: %s", spec->target, strerror(errno));
	struct tap_device d = device_of(t);
	struct err why = {0};
	rc = tap_device_open(&d, &why);
	if (!rc) {
		t->port.n_queues = d.n_fds;
		learn_capabilities(t, &d);
		rc = adopt(t, &d, d.taken_up ? TAP_TAKEN : TAP_NEW);
		if (rc)
			err_set(&why, -rc, NULL, "tap %s: %s", spec->target, strerror(-rc));
	}
	if (rc && !spec->restarting) {
		if (e)
			*e = why;
		tap_free(t);
		return rc;
	}
	if (rc)
		park(t, rc, &why);
	*ret_port = &t->port;
	return 0;
}

static int tap_place(struct port *p, struct err *e)
{
	struct tap_port *t = (struct tap_port *)p;
	if (t->state == TAP_WAITING)
		return 0;
	struct tap_device d = device_of(t);
	struct err why = {0};
	int rc = tap_device_place(&d, &why);
	if (!rc) {
		if (t->state == TAP_NEW)
			learn_capabilities(t, &d);
		t->state = TAP_PLACED;
		return 0;
	}
	if (t->restarting) {
		park(t, rc, &why);
		return 0;
	}
	if (e)
		*e = why;
	return rc;
}

static int tap_configure(struct port *p, const struct port_spec *spec, struct err *e)
{
	struct tap_port *t = (struct tap_port *)p;
	uint16_t queues = spec->queues ? spec->queues : 1;
	if (queues != t->wanted_queues || !str_equal(p->netns, spec->netns) || !str_equal(p->target, spec->target) ||
	    !str_equal(p->name, spec->name))
		return -EOPNOTSUPP;
	struct tap_device d = device_of(t);
	d.mac = spec->mac;
	d.mtu = spec->mtu;
	int rc = t->state == TAP_PLACED ? tap_device_change(&d, e) : 0;
	if (rc)
		return rc;
	p->mac = spec->mac;
	p->mtu = spec->mtu;
	return 0;
}

static void tap_close(struct port *p, bool remove)
{
	struct tap_port *t = (struct tap_port *)p;
	struct tap_device d = device_of(t);
	tap_device_close(&d, remove);
	for (uint16_t i = 0; i < d.n_queues && t->state != TAP_WAITING; i++)
		p->queue[i].fd = -1;
	tap_free(t);
}

static int by_netns(const void *a, const void *b)
{
	const struct tap_device *x = a, *y = b;
	return strcmp(x->netns ? x->netns : "", y->netns ? y->netns : "");
}

/* Before each is closed: where many go, the kernel is asked once a namespace. */
static void tap_remove_many(struct port **ports, size_t n)
{
	struct tap_device *list = calloc(n, sizeof(*list));
	size_t n_list = 0;
	for (size_t i = 0; list && i < n; i++) {
		const struct tap_port *t = (const struct tap_port *)ports[i];
		if (t->state == TAP_TAKEN || t->state == TAP_PLACED)
			list[n_list++] = device_of(t);
	}
	if (n_list)
		qsort(list, n_list, sizeof(*list), by_netns);
	for (size_t i = 0, k; i < n_list; i = k) {
		for (k = i + 1; k < n_list && !by_netns(&list[i], &list[k]);)
			k++;
		tap_removal_run(list + i, k - i);
	}
	free(list);
}

static void tap_status(struct port *p, json_t *object)
{
	struct tap_port *t = (struct tap_port *)p;
	struct tap_device d = device_of(t);
	bool up = t->state != TAP_WAITING && tap_device_is_up(&d);
	json_object_set_new(object, "link", json_string(up ? "up" : "down"));
	if (t->state == TAP_WAITING)
		json_object_set_new(object, "waiting-for", json_string(t->waiting_for));
}

static void object_name(const struct tap_port *t, char *buf, size_t size)
{
	snprintf(buf, size, "adapter %s", t->port.name);
}

/* The namespace or the tap went away under us. */
static void check_lost(struct tap_port *t)
{
	struct port *p = &t->port;
	bool homeless = p->netns && !netns_is(p->netns, &t->netns_id);
	if (!homeless && !atomic_load(&t->lost))
		return;
	struct err why;
	char object[80];
	object_name(t, object, sizeof(object));
	err_set(&why, ENODEV, NULL, "tap %s", p->target);
	park(t, homeless ? -ENOENT : -ENODEV, &why);
	log_warning(object, "%s is gone; waiting for it", t->waiting_for);
	port_changed(p);
}

static void try_again(struct tap_port *t)
{
	struct err why = {0};
	struct tap_device d = device_of(t);
	int rc = tap_device_open(&d, &why);
	if (!rc) {
		rc = tap_device_place(&d, &why);
		learn_capabilities(t, &d);
		if (!rc)
			rc = adopt(t, &d, TAP_PLACED);
		tap_device_close(&d, false);
	}
	if (rc) {
		park(t, rc, &why);
		return;
	}
	char object[80];
	object_name(t, object, sizeof(object));
	log_info(object, "tap %s is there again", t->port.target);
	port_changed(&t->port);
}

static void tap_tick(struct port *p)
{
	struct tap_port *t = (struct tap_port *)p;
	tap_home_leave();
	if (t->state == TAP_PLACED)
		check_lost(t);
	else if (t->state == TAP_WAITING)
		try_again(t);
}

static const struct port_ops tap_ops = {
	.kind = "tap",
	.lasts = true,
	.open = tap_open,
	.place = tap_place,
	.configure = tap_configure,
	.close = tap_close,
	.remove_many = tap_remove_many,
	.status = tap_status,
	.tick = tap_tick,
	.rx = tap_rx,
	.tx = tap_tx,
};

PORT_DRIVER(tap_ops)
