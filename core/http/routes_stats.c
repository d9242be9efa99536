/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The books as JSON. `in` and `out` are as the owner sees them: `in` was delivered to it, `out` came from it;
 * ingress and egress are as the switch sees them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "core/http/inventory.h"
#include "core/http/server.h"
#include "core/runtime/drop.h"
#include "core/runtime/worker.h"

struct books {
	struct inventory inv;
	struct counter_row *rows; /* by adapter id */
};

static json_t *number(uint64_t n) { return json_integer((json_int_t)n); }

static json_t *packets_bytes(uint64_t packets, uint64_t bytes)
{
	return json_pack("{s:o, s:o}", "packets", number(packets), "bytes", number(bytes));
}

/* Adds in, out, drops, ingress, egress. */
static void row_add(json_t *object, const struct counter_row *c)
{
	uint64_t drop_in = 0, drop_out = 0;
	json_t *drops = json_object();
	for (uint16_t i = 0; i < drop_count(); i++) {
		drop_in += c->drop_in[i];
		drop_out += c->drop_out[i];
		if (c->drop_in[i] + c->drop_out[i])
			json_object_set_new(drops, drop_by_id(i)->name, number(c->drop_in[i] + c->drop_out[i]));
	}
	json_object_set_new(object, "in", packets_bytes(c->delivered, c->delivered_bytes));
	json_object_set_new(object, "out", packets_bytes(c->received, c->received_bytes));
	json_object_set_new(object, "drops", drops);
	json_object_set_new(object, "ingress",
			    json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "received", number(c->received), "copies",
				      number(c->ingress_copies), "originated", number(c->originated), "forwarded",
				      number(c->forwarded), "consumed", number(c->consumed), "dropped",
				      number(drop_in)));
	json_object_set_new(object, "egress",
			    json_pack("{s:o, s:o, s:o, s:o, s:o}", "offered", number(c->offered), "copies",
				      number(c->egress_copies), "delivered", number(c->delivered), "dropped",
				      number(drop_out), "held", number(c->handed - c->taken)));
}

/* A port's are those of its compartments, which are shown beside it as well, and what was none's. */
static struct counter_row adapter_row(const struct books *b, const struct dp_adapter *a)
{
	struct counter_row sum = a ? b->rows[a->id] : (struct counter_row){0};
	for (unsigned vlan = 0; a && a->compartments && vlan < RTE_DIM(a->compartments->adapter); vlan++)
		if (a->compartments->adapter[vlan] != DP_COMPARTMENT_NONE)
			inventory_row_add(&sum, &b->rows[a->compartments->adapter[vlan]]);
	return sum;
}

static json_t *adapter_stats(const struct books *b, const struct inventory_item *item)
{
	struct counter_row row = adapter_row(b, item->dp);
	json_t *object = json_pack("{s:o, s:o}", "name", http_text(item->name), "switch",
				   http_text(inventory_switch_name(item)));
	row_add(object, &row);
	return object;
}

static json_t *adapters_stats(const struct books *b)
{
	json_t *list = json_array();
	for (size_t i = 0; i < b->inv.n; i++)
		json_array_append_new(list, adapter_stats(b, &b->inv.list[i]));
	return list;
}

static json_t *switch_stats(const struct books *b, const struct dp_switch *sw)
{
	struct counter_row sum = {0};
	for (uint16_t i = 0; i < sw->n_members; i++)
		inventory_row_add(&sum, &b->rows[sw->members[i]->id]);
	json_t *object = json_pack("{s:o}", "name", http_text(sw->name));
	row_add(object, &sum);
	return object;
}

static json_t *switches_stats(const struct books *b)
{
	json_t *list = json_array();
	for (uint16_t i = 0; b->inv.dp && i < b->inv.dp->n_switches; i++)
		if (b->inv.dp->switches[i])
			json_array_append_new(list, switch_stats(b, b->inv.dp->switches[i]));
	return list;
}

static bool visits(const struct dp_adapter *a, const struct node *node)
{
	bool found = a->forward == node;
	for (uint16_t i = 0; i < a->n_ingress && !found; i++)
		found = a->ingress[i] == node;
	for (uint16_t i = 0; i < a->n_egress && !found; i++)
		found = a->egress[i] == node;
	return found;
}

static json_t *node_stats(const struct books *b, const struct node *node)
{
	json_int_t adapters = 0;
	for (size_t i = 0; i < b->inv.n; i++)
		adapters += b->inv.list[i].dp && visits(b->inv.list[i].dp, node);
	struct counter_node count;
	counter_node_read(node->index, &count);
	return json_pack("{s:s, s:s, s:I, s:I, s:I}", "name", node->name, "stage", stage_name(node->stage), "frames",
			 (json_int_t)count.frames, "kept", (json_int_t)count.kept, "adapters", adapters);
}

static json_t *nodes_stats(const struct books *b)
{
	json_t *list = json_array();
	const struct node *node;
	for (unsigned i = 0; (node = dataplane_node(i)); i++)
		json_array_append_new(list, node_stats(b, node));
	return list;
}

static json_t *worker_stats(unsigned id)
{
	char name[24];
	struct counter_worker c;
	int core = worker_get(id)->core;
	counter_worker_read(id, &c);
	snprintf(name, sizeof(name), "worker%u", id);
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "name", name, "core",
			 core < 0 ? json_null() : json_integer(core), "packets", number(c.packets), "busy-cycles",
			 number(c.busy_cycles), "idle-cycles", number(c.idle_cycles), "rounds", number(c.rounds),
			 "sleeps", number(c.sleeps));
}

static json_t *workers_stats(void)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < worker_count(); i++)
		json_array_append_new(list, worker_stats(i));
	return list;
}

/* Everything there is and everything there was: this must balance, whatever came and went. */
static json_t *total_stats(const struct books *b)
{
	struct counter_row sum = *counter_departed();
	for (uint16_t i = 0; b->inv.dp && i < b->inv.dp->n_adapters; i++)
		inventory_row_add(&sum, &b->rows[i]);
	json_t *object = json_object();
	row_add(object, &sum);
	json_object_set_new(object, "balanced", json_boolean(inventory_row_balanced(&sum)));
	return object;
}

static int adapters_answer(const struct books *b, const char *name, json_t **ret_json, struct err *e)
{
	const struct inventory_item *item = name ? inventory_find(&b->inv, name) : NULL;
	if (name && !item)
		return err_set(e, ENOENT, NULL, "there is no adapter %.64s", name);
	*ret_json = item ? adapter_stats(b, item) : adapters_stats(b);
	return 0;
}

static int switches_answer(const struct books *b, const char *name, json_t **ret_json, struct err *e)
{
	const struct dp_switch *sw = name ? inventory_switch(&b->inv, name) : NULL;
	if (name && !sw)
		return err_set(e, ENOENT, NULL, "there is no switch %.64s", name);
	*ret_json = sw ? switch_stats(b, sw) : switches_stats(b);
	return 0;
}

/* One of a list that is small anyhow. */
static int list_answer(json_t *list, const char *kind, const char *name, json_t **ret_json, struct err *e)
{
	size_t i;
	json_t *object, *found = NULL;
	if (!name) {
		*ret_json = list;
		return 0;
	}
	json_array_foreach(list, i, object)
		if (!strcmp(json_string_value(json_object_get(object, "name")), name))
			found = json_incref(object);
	json_decref(list);
	if (!found)
		return err_set(e, ENOENT, NULL, "there is no %s %.64s", kind, name);
	*ret_json = found;
	return 0;
}

static int stats_of(const struct books *b, const char *kind, const char *name, json_t **ret_json, struct err *e)
{
	if (!kind) {
		*ret_json = json_pack("{s:o, s:o, s:o, s:o, s:o}", "adapters", adapters_stats(b), "switches",
				      switches_stats(b), "nodes", nodes_stats(b), "workers", workers_stats(), "total",
				      total_stats(b));
		return 0;
	}
	if (inventory_kind(kind, "adapter"))
		return adapters_answer(b, name, ret_json, e);
	if (inventory_kind(kind, "switch"))
		return switches_answer(b, name, ret_json, e);
	if (inventory_kind(kind, "node"))
		return list_answer(nodes_stats(b), "node", name, ret_json, e);
	if (inventory_kind(kind, "worker"))
		return list_answer(workers_stats(), "worker", name, ret_json, e);
	if (!name && !strcmp(kind, "total")) {
		*ret_json = total_stats(b);
		return 0;
	}
	return err_set(e, ENOENT, NULL, "%.64s has no counters; use adapter, switch, node, worker or total", kind);
}

static void stats_get(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	struct books b = {0};
	int code = inventory_collect(&b.inv);
	if (code == 0) {
		b.rows = inventory_rows(&b.inv);
		code = b.rows ? stats_of(&b, r->arg[0], r->arg[1], &ret->json, &e) : -ENOMEM;
	}
	if (code < 0)
		http_problem(ret, code, &e);
	free(b.rows);
	inventory_free(&b.inv);
}
ROUTE(stats_all, "GET", "/v1/stats", stats_get, "All counters.", NULL)
ROUTE(stats_kind, "GET", "/v1/stats/*", stats_get, "Counters of one kind: adapter, switch, node, worker or total.",
      NULL)
ROUTE(stats_one, "GET", "/v1/stats/*/*", stats_get, "Counters of one object.", NULL)
