/* SPDX-License-Identifier: Apache-2.0 */
/* What all port drivers share: the register of kinds, a port's common part, drops inside rx. */
#include "core/runtime/port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "core/runtime/capture.h"
#include "core/runtime/worker.h"

#define PORT_DRIVERS_MAX 16

static const struct port_ops *drivers[PORT_DRIVERS_MAX];
static unsigned n_drivers;
static uint16_t next_home;
static struct frame_pools *pools;

void port_driver_register(const struct port_ops *ops)
{
	if (n_drivers == PORT_DRIVERS_MAX || port_driver_find(ops->kind)) {
		fprintf(stderr, "port driver %s: registered twice, or too many\n", ops->kind);
		abort();
	}
	drivers[n_drivers++] = ops;
}

const struct port_ops *port_driver_find(const char *kind)
{
	for (unsigned i = 0; i < n_drivers; i++)
		if (!strcmp(drivers[i]->kind, kind))
			return drivers[i];
	return NULL;
}

int port_init(struct port *p, const struct port_ops *ops, const struct port_spec *spec)
{
	char *target = str_dup(spec->target);
	char *netns = str_dup(spec->netns);
	if ((spec->target && !target) || (spec->netns && !netns)) {
		free(target);
		free(netns);
		return -ENOMEM;
	}
	p->ops = ops;
	snprintf(p->name, sizeof(p->name), "%s", spec->name);
	p->role = spec->role;
	p->target = target;
	p->netns = netns;
	p->mac = spec->mac;
	p->mtu = spec->mtu;
	p->n_queues = spec->queues ? spec->queues : 1;
	if (p->n_queues > PORT_QUEUES_MAX)
		p->n_queues = PORT_QUEUES_MAX;
	p->home = next_home++;
	for (uint16_t i = 0; i < PORT_QUEUES_MAX; i++)
		p->queue[i] = (struct port_queue){.port = p, .index = i, .fd = -1};
	return 0;
}

void port_fini(struct port *p)
{
	free(p->target);
	free(p->netns);
	p->target = p->netns = NULL;
}

void port_rx_drop(struct port_queue *q, const struct drop_reason *reason, struct frame *f)
{
	struct worker *w = q->worker;
	struct counter_row *row = w ? w->pipe.rows[q->adapter] : NULL;
	if (row) {
		row->received++;
		row->received_bytes += f ? frame_len(f) : 0;
		row->drop_in[reason->id]++;
		w->count.packets++;
		const struct dataplane *dp = w->pipe.dp;
		if (f && dp && q->adapter < dp->n_adapters && dp->adapters[q->adapter])
			capture_tap(&w->pipe, dp->adapters[q->adapter], &f, 1, CAPTURE_IN, reason);
	}
	if (f)
		frame_free(f);
}

const struct frame_pools *port_pools(void) { return pools; }

void port_pools_set(struct frame_pools *p) { pools = p; }

void port_changed(struct port *p)
{
	unsigned n = worker_count();
	for (unsigned i = 0; i < n && i < p->n_queues; i++) {
		struct worker *w = worker_get(worker_of_queue(p, i, n));
		atomic_store_explicit(&w->rescan, true, memory_order_release);
		worker_wake(w);
	}
}
