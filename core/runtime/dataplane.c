/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The register of nodes, and the passage from one snapshot to the next: plans for the workers are made,
 * published, and the old ones freed once nobody can be using them.
 */
#include "core/runtime/dataplane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/runtime/rcu.h"
#include "core/runtime/worker.h"

static struct node *nodes; /* by stage, then by name */
static struct dataplane *current;
static unsigned n_slots;

static const char *const stage_names[STAGE_COUNT] = {
#define STAGE(id, text, help) [STAGE_##id] = text,
#include "core/runtime/stages.def"
#undef STAGE
};

static const char *const stage_helps[STAGE_COUNT] = {
#define STAGE(id, text, help) [STAGE_##id] = help,
#include "core/runtime/stages.def"
#undef STAGE
};

const char *stage_name(enum stage s) { return stage_names[s]; }

const char *stage_help(enum stage s) { return stage_helps[s]; }

static int node_compare(const struct node *a, const struct node *b)
{
	return a->stage != b->stage ? (int)a->stage - (int)b->stage : strcmp(a->name, b->name);
}

void node_register(struct node *n)
{
	struct node **at = &nodes;
	while (*at && node_compare(*at, n) < 0)
		at = &(*at)->next;
	n->next = *at;
	*at = n;
}

const struct node *dataplane_node(unsigned index)
{
	const struct node *n = nodes;
	while (n && index--)
		n = n->next;
	return n;
}

unsigned dp_module_slot(void)
{
	if (n_slots == DP_SLOTS) {
		fprintf(stderr, "more than %d modules keep data in a snapshot\n", DP_SLOTS);
		abort();
	}
	return n_slots++;
}

static void adapter_wire(struct dp_adapter *a)
{
	a->n_ingress = a->n_egress = 0;
	a->forward = NULL;
	for (const struct node *n = nodes; n; n = n->next) {
		if (n->wants && !n->wants(a))
			continue;
		if (n->stage == STAGE_FORWARD) {
			if (a->forward && a->n_ingress < DP_NODES_MAX)
				a->ingress[a->n_ingress++] = a->forward;
			a->forward = n;
		} else if (n->stage < STAGE_FORWARD && a->n_ingress < DP_NODES_MAX) {
			a->ingress[a->n_ingress++] = n;
		} else if (n->stage > STAGE_FORWARD && a->n_egress < DP_NODES_MAX) {
			a->egress[a->n_egress++] = n;
		}
	}
}

/* Nodes register in constructors; all have by now. */
static void nodes_number(void)
{
	uint16_t index = 0;
	for (struct node *n = nodes; n; n = n->next)
		n->index = index++;
	if (index > NODES_MAX) {
		fprintf(stderr, "more than %d nodes\n", NODES_MAX);
		abort();
	}
}

void dataplane_wire(struct dataplane *dp)
{
	nodes_number();
	for (uint16_t i = 0; i < dp->n_adapters; i++)
		if (dp->adapters[i])
			adapter_wire(dp->adapters[i]);
}

void dataplane_free(struct dataplane *dp)
{
	if (!dp)
		return;
	for (uint16_t i = 0; i < dp->n_adapters; i++) {
		if (dp->adapters[i])
			free(dp->adapters[i]->compartments);
		free(dp->adapters[i]);
	}
	for (uint16_t i = 0; i < dp->n_switches; i++) {
		free(dp->switches[i]->members);
		free(dp->switches[i]);
	}
	free(dp->adapters);
	free(dp->switches);
	free(dp);
}

void worker_plan_free(struct worker_plan *plan)
{
	if (!plan)
		return;
	free(plan->queues);
	free(plan->queue_adapters);
	free(plan);
}

static void plan_add(struct worker_plan *plan, struct port_queue *q, const struct dp_adapter *a, struct worker *w)
{
	q->worker = w;
	q->adapter = a->id;
	plan->queues[plan->n_queues] = q;
	plan->queue_adapters[plan->n_queues++] = a;
}

/* A compartment's are those of the adapter whose port it has. */
static bool has_queues(const struct dp_adapter *a) { return a && !a->is_compartment; }

/* The queues of worker w: polled ones first, so that the poll loop runs over one dense range. */
static struct worker_plan *plan_make(const struct dataplane *dp, struct worker *w, unsigned n_workers)
{
	unsigned n = 0;
	for (uint16_t i = 0; i < dp->n_adapters; i++)
		n += has_queues(dp->adapters[i]) ? dp->adapters[i]->port->n_queues : 0;
	struct worker_plan *plan = calloc(1, sizeof(*plan));
	if (!plan)
		abort(); /* a few bytes at a point of no return */
	plan->dp = dp;
	plan->queues = calloc(n + 1, sizeof(struct port_queue *));
	plan->queue_adapters = calloc(n + 1, sizeof(const struct dp_adapter *));
	if (!plan->queues || !plan->queue_adapters)
		abort();
	for (int gated = 0; gated < 2; gated++) {
		for (uint16_t i = 0; i < dp->n_adapters; i++) {
			const struct dp_adapter *a = dp->adapters[i];
			for (uint16_t k = 0; has_queues(a) && k < a->port->n_queues; k++)
				if (worker_of_queue(a->port, k, n_workers) == w->id &&
				    a->port->queue[k].fd_gates_rx == gated)
					plan_add(plan, &a->port->queue[k], a, w);
		}
		if (!gated)
			plan->n_polled = plan->n_queues;
	}
	return plan;
}

struct dataplane *dataplane_publish(struct dataplane *dp)
{
	unsigned n = worker_count();
	struct worker_plan *old[WORKERS_MAX];
	dp->generation = current ? current->generation + 1 : 1;
	for (unsigned i = 0; i < n; i++) {
		struct worker *w = worker_get(i);
		old[i] = atomic_exchange_explicit(&w->plan, plan_make(dp, w, n), memory_order_acq_rel);
		worker_wake(w);
	}
	struct dataplane *before = current;
	current = dp;
	worker_settle();
	for (unsigned i = 0; i < n; i++)
		worker_plan_free(old[i]);
	return before;
}

const struct dataplane *dataplane_current(void) { return current; }

void dataplane_synchronize(void) { rcu_wait(); }
