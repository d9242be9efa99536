/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same counters for Prometheus (text exposition format 0.0.4). receive and transmit are as the adapter's
 * owner sees them, as `in` and `out` elsewhere.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "core/control/engine.h"
#include "core/http/inventory.h"
#include "core/http/server.h"
#include "core/http/version.h"
#include "core/runtime/drop.h"
#include "core/runtime/worker.h"

static void label_add(struct str *s, const char *key, const char *value)
{
	str_add(s, "%s=\"", key);
	for (const char *c = value; *c; c++) {
		if (*c == '\\' || *c == '"')
			str_add(s, "\\%c", *c);
		else if (*c == '\n')
			str_add(s, "\\n");
		else
			str_add_bytes(s, c, 1);
	}
	str_add(s, "\"");
}

static void head_add(struct str *s, const char *name, const char *type, const char *help)
{
	str_add(s, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static const struct {
	const char *adapter, *sw, *help;
	size_t offset;
} row_metrics[] = {
	{"weft_adapter_receive_packets_total", "weft_switch_receive_packets_total", "Packets delivered to adapters.",
	 offsetof(struct counter_row, delivered)},
	{"weft_adapter_receive_bytes_total", "weft_switch_receive_bytes_total", "Bytes delivered to adapters.",
	 offsetof(struct counter_row, delivered_bytes)},
	{"weft_adapter_transmit_packets_total", "weft_switch_transmit_packets_total", "Packets that adapters sent.",
	 offsetof(struct counter_row, received)},
	{"weft_adapter_transmit_bytes_total", "weft_switch_transmit_bytes_total", "Bytes that adapters sent.",
	 offsetof(struct counter_row, received_bytes)},
};
#define N_ROW_METRICS (sizeof(row_metrics) / sizeof(*row_metrics))

static uint64_t row_value(const struct counter_row *row, size_t metric)
{
	return *(const uint64_t *)((const char *)row + row_metrics[metric].offset);
}

static void adapters_add(struct str *s, const struct inventory *inv, const struct counter_row *rows)
{
	for (size_t m = 0; m < N_ROW_METRICS; m++) {
		head_add(s, row_metrics[m].adapter, "counter", row_metrics[m].help);
		for (size_t i = 0; i < inv->n; i++) {
			const struct inventory_item *item = &inv->list[i];
			if (!item->dp)
				continue;
			str_add(s, "%s{", row_metrics[m].adapter);
			label_add(s, "adapter", item->name);
			str_add(s, ",");
			label_add(s, "switch", inventory_switch_name(item));
			str_add(s, "} %" PRIu64 "\n", row_value(&rows[item->dp->id], m));
		}
	}
}

static void switches_add(struct str *s, const struct inventory *inv, const struct counter_row *rows)
{
	for (size_t m = 0; m < N_ROW_METRICS; m++) {
		head_add(s, row_metrics[m].sw, "counter", row_metrics[m].help);
		for (uint16_t i = 0; inv->dp && i < inv->dp->n_switches; i++) {
			const struct dp_switch *sw = inv->dp->switches[i];
			uint64_t sum = 0;
			if (!sw)
				continue;
			for (uint16_t k = 0; k < sw->n_members; k++)
				sum += row_value(&rows[sw->members[k]->id], m);
			str_add(s, "%s{", row_metrics[m].sw);
			label_add(s, "switch", sw->name);
			str_add(s, "} %" PRIu64 "\n", sum);
		}
	}
}

static void drops_add(struct str *s, const struct inventory *inv, const struct counter_row *rows)
{
	head_add(s, "weft_drops_total", "counter",
		 "Packets dropped, by the adapter they count against and the reason.");
	for (size_t i = 0; i < inv->n; i++) {
		const struct inventory_item *item = &inv->list[i];
		for (uint16_t d = 0; item->dp && d < drop_count(); d++) {
			const struct counter_row *row = &rows[item->dp->id];
			if (!(row->drop_in[d] + row->drop_out[d]))
				continue;
			str_add(s, "weft_drops_total{");
			label_add(s, "adapter", item->name);
			str_add(s, ",");
			label_add(s, "switch", inventory_switch_name(item));
			str_add(s, ",");
			label_add(s, "reason", drop_by_id(d)->name);
			str_add(s, "} %" PRIu64 "\n", row->drop_in[d] + row->drop_out[d]);
		}
	}
}

static const struct {
	const char *name, *help;
	size_t offset;
} worker_metrics[] = {
	{"weft_worker_packets_total", "Packets that the worker received.", offsetof(struct counter_worker, packets)},
	{"weft_worker_busy_cycles_total", "TSC cycles of rounds that found work.",
	 offsetof(struct counter_worker, busy_cycles)},
	{"weft_worker_idle_cycles_total", "TSC cycles of rounds that found none.",
	 offsetof(struct counter_worker, idle_cycles)},
	{"weft_worker_rounds_total", "Rounds over all queues.", offsetof(struct counter_worker, rounds)},
	{"weft_worker_sleeps_total", "Times the worker went to sleep.", offsetof(struct counter_worker, sleeps)},
};

static void workers_add(struct str *s)
{
	struct counter_worker counts[WORKERS_MAX];
	unsigned n = worker_count();
	for (unsigned i = 0; i < n && i < WORKERS_MAX; i++)
		counter_worker_read(i, &counts[i]);
	for (size_t m = 0; m < sizeof(worker_metrics) / sizeof(*worker_metrics); m++) {
		head_add(s, worker_metrics[m].name, "counter", worker_metrics[m].help);
		for (unsigned i = 0; i < n && i < WORKERS_MAX; i++)
			str_add(s, "%s{worker=\"worker%u\"} %" PRIu64 "\n", worker_metrics[m].name, i,
				*(const uint64_t *)((const char *)&counts[i] + worker_metrics[m].offset));
	}
}

static void host_add(struct str *s, const struct inventory *inv)
{
	head_add(s, "weft_info", "gauge", "Always 1; the labels tell.");
	str_add(s, "weft_info{");
	label_add(s, "version", WEFT_VERSION);
	str_add(s, ",");
	label_add(s, "host", inventory_host_name(inv->doc));
	str_add(s, "} 1\n");
	head_add(s, "weft_uptime_seconds", "gauge", "Since weftd started.");
	str_add(s, "weft_uptime_seconds %" PRIu64 "\n", inventory_uptime_s());
	head_add(s, "weft_document_revision", "gauge", "Revision of the document that runs.");
	str_add(s, "weft_document_revision %" PRIu64 "\n", engine_revision());
	head_add(s, "weft_unconfirmed_seconds", "gauge",
		 "Left to confirm what was applied; 0: nothing waits for it.");
	str_add(s, "weft_unconfirmed_seconds %u\n", engine_unconfirmed_s());
}

static void metrics_get(const struct http_request *r, struct http_response *ret)
{
	struct str s = {0};
	struct inventory inv = {0};
	struct counter_row *rows = NULL;
	if (inventory_collect(&inv) == 0)
		rows = inventory_rows(&inv);
	if (rows) {
		host_add(&s, &inv);
		adapters_add(&s, &inv, rows);
		switches_add(&s, &inv, rows);
		drops_add(&s, &inv, rows);
		workers_add(&s);
		ret->text = str_take(&s);
		ret->content_type = "text/plain; version=0.0.4; charset=utf-8";
	}
	if (!ret->text)
		http_problem(ret, ENOMEM, NULL);
	free(rows);
	inventory_free(&inv);
}
ROUTE(metrics_get, "GET", "/metrics", metrics_get, "The counters as Prometheus text.", NULL)
