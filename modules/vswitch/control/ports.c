/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/vswitch/control/ports.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "core/control/module.h"

#define MTU_DEFAULT 1500

static struct port_spec spec_of(const struct vs_adapter *a, bool restarting)
{
	return (struct port_spec){
		.name = a->pub.name,
		.role = a->pub.role,
		.kind = a->kind,
		.target = a->target,
		.netns = a->netns,
		.peer_listens = a->peer_listens,
		.queues = a->queues,
		.mac = a->pub.mac,
		.mtu = a->pub.mtu,
		.restarting = restarting,
	};
}

static bool same_port(const struct vs_adapter *a, const struct vs_adapter *b)
{
	return a->pub.role == b->pub.role && str_equal(a->kind, b->kind) && str_equal(a->target, b->target) &&
	       str_equal(a->netns, b->netns) && a->peer_listens == b->peer_listens;
}

static bool same_settings(const struct vs_adapter *a, const struct vs_adapter *b)
{
	return a->queues == b->queues && a->pub.mtu == b->pub.mtu &&
	       mac_to_u64(&a->pub.mac) == mac_to_u64(&b->pub.mac);
}

/* "adapters[3].attach" or "switches[0].uplink" */
static void path_of(const struct txn *t, const struct vs_adapter *a, char *buf, size_t size)
{
	for (size_t i = 0; i < t->next->n_adapters; i++)
		if (!strcmp(t->next->adapters[i].name, a->pub.name))
			snprintf(buf, size, "adapters[%zu].attach", i);
	for (size_t i = 0; a->pub.role == PORT_UPLINK && i < t->next->n_switches; i++)
		if (!strcmp(t->next->switches[i].name, a->pub.switch_name))
			snprintf(buf, size, "switches[%zu].uplink", i);
}

static int port_new(struct txn *t, struct vs_adapter *a, struct err *e)
{
	const struct port_ops *ops = port_driver_find(a->kind);
	struct port_spec spec = spec_of(a, t->restarting);
	struct port *p = NULL;
	if (!ops)
		return err_set(e, EOPNOTSUPP, NULL, "this build has no port driver `%s`", a->kind);
	int rc = ops->open(&spec, &p, e);
	if (rc)
		return rc;
	if (!t->dry_run)
		rc = ops->place(p, e);
	if (rc) {
		ops->close(p, !t->restarting);
		return rc;
	}
	a->pub.port = p;
	a->opened = true;
	log_debug(a->pub.name, "port created: %s %s", a->kind, a->target);
	return 0;
}

static int port_keep_or_open(struct txn *t, struct vs_adapter *a, struct err *e)
{
	struct vs_adapter *b = a->before;
	if (!b || !same_port(a, b))
		return port_new(t, a, e);
	if (same_settings(a, b) || t->dry_run) {
		a->pub.port = b->pub.port;
		return 0;
	}
	struct port_spec spec = spec_of(a, t->restarting);
	int rc = b->pub.port->ops->configure ? b->pub.port->ops->configure(b->pub.port, &spec, e) : -EOPNOTSUPP;
	if (rc == -EOPNOTSUPP)
		return err_set(
			e, EBUSY, NULL,
			"a %s port cannot take this change while it exists; remove the adapter first, then add it again",
			a->kind);
	if (!rc)
		a->pub.port = b->pub.port;
	return rc;
}

static uint32_t mtu_of(const struct txn *t, const struct vs_plan *plan, const struct vs_adapter *a)
{
	char wire[80];
	if (a->pub.role == PORT_UPLINK || a->wanted_mtu)
		return a->wanted_mtu;
	const struct api_switch *sw = api_document_switch(t->next, a->pub.switch_name);
	if (sw && sw->mtu)
		return sw->mtu;
	snprintf(wire, sizeof(wire), "wire:%s", a->pub.switch_name);
	const struct vs_adapter *uplink = vs_plan_find(plan, wire);
	return uplink && uplink->pub.mtu ? uplink->pub.mtu : MTU_DEFAULT;
}

int vs_ports_open(struct txn *t, struct vs_plan *plan, struct err *e)
{
	for (size_t i = 0; i < plan->n; i++) {
		struct vs_adapter *a = plan->list[i];
		a->pub.mtu = mtu_of(t, plan, a);
		int rc = port_keep_or_open(t, a, e);
		if (rc) {
			char path[64] = "";
			path_of(t, a, path, sizeof(path));
			if (e && !e->path[0])
				snprintf(e->path, sizeof(e->path), "%s", path);
			vs_ports_undo(plan, t->restarting);
			return rc;
		}
		if (a->pub.role == PORT_UPLINK && !a->pub.mtu)
			a->pub.mtu = a->pub.port->mtu ? a->pub.port->mtu : MTU_DEFAULT;
	}
	return 0;
}

/* Moves the ports of one driver to the front; returns how many. */
static size_t front_gather(struct port **ports, size_t n, const struct port_ops *ops)
{
	size_t k = 0;
	for (size_t i = 0; i < n; i++) {
		struct port *p = ports[i];
		if (p->ops != ops)
			continue;
		ports[i] = ports[k];
		ports[k++] = p;
	}
	return k;
}

void vs_ports_close(struct port **ports, size_t n, bool remove)
{
	while (n) {
		const struct port_ops *ops = ports[0]->ops;
		size_t k = front_gather(ports, n, ops);
		if (remove && ops->remove_many)
			ops->remove_many(ports, k);
		for (size_t i = 0; i < k; i++)
			ops->close(ports[i], remove);
		ports += k;
		n -= k;
	}
}

/* The ports of those in the plan that fn chooses, closed together; one by one where there is no memory for it. */
static void ports_close_if(struct vs_plan *plan, bool (*fn)(const struct vs_adapter *a, const void *arg),
			   const void *arg, bool remove)
{
	struct port **ports = calloc(plan->n + 1, sizeof(struct port *));
	size_t n = 0;
	for (size_t i = plan->n; i-- > 0;) { /* the last made goes first */
		struct vs_adapter *a = plan->list[i];
		if (!a->pub.port || !fn(a, arg))
			continue;
		if (ports)
			ports[n++] = a->pub.port;
		else
			vs_ports_close(&a->pub.port, 1, remove);
		a->pub.port = NULL;
	}
	vs_ports_close(ports, n, remove);
	free(ports);
}

static bool was_opened(const struct vs_adapter *a, const void *unused) { return a->opened; }

void vs_ports_undo(struct vs_plan *plan, bool restarting)
{
	ports_close_if(plan, was_opened, NULL, !restarting);
	for (size_t i = plan->n; i-- > 0;) {
		struct vs_adapter *a = plan->list[i];
		struct port *p = a->pub.port;
		if (p && a->before && !same_settings(a, a->before) && p->ops->configure) {
			struct port_spec spec = spec_of(a->before, false);
			struct err ignored;
			p->ops->configure(p, &spec, &ignored);
		}
		a->pub.port = NULL;
	}
}

/* A port is kept only by the adapter of the same name. */
static bool is_over(const struct vs_adapter *a, const void *now)
{
	const struct vs_adapter *next = vs_plan_find(now, a->pub.name);
	bool over = !next || next->pub.port != a->pub.port;
	if (over)
		log_debug(a->pub.name, "port deleted");
	return over;
}

void vs_ports_retire(struct vs_plan *old, const struct vs_plan *now) { ports_close_if(old, is_over, now, true); }

static bool any(const struct vs_adapter *a, const void *unused) { return true; }

void vs_ports_stop(struct vs_plan *plan, bool restore) { ports_close_if(plan, any, NULL, restore); }
