/* SPDX-License-Identifier: Apache-2.0 */
/* Joins the document with the snapshot that runs, by name. */
#include "core/http/inventory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/control/engine.h"

static uint64_t started_ns;

__attribute__((constructor)) static void started(void) { started_ns = clock_now_ns(); }

uint64_t inventory_uptime_s(void) { return (clock_now_ns() - started_ns) / 1000000000; }

const char *inventory_host_name(const struct api_document *doc)
{
	static char name[256];
	if (doc && doc->host.name)
		return doc->host.name;
	if (gethostname(name, sizeof(name) - 1) < 0)
		name[0] = '\0';
	return name;
}

/* One that runs, for finding it by name. */
struct running {
	const struct dp_adapter *dp;
	bool written; /* in the document, too */
};

static int by_name(const void *a, const void *b)
{
	const struct running *x = a, *y = b;
	return strcmp(x->dp->name, y->dp->name);
}

static int name_against(const void *key, const void *element)
{
	const struct running *r = element;
	return strcmp(key, r->dp->name);
}

/* sorted[0..n): all that run. */
static void join(struct inventory *inv, struct running *sorted, size_t n)
{
	for (size_t i = 0; inv->doc && i < inv->doc->n_adapters; i++) {
		const struct api_adapter *doc = &inv->doc->adapters[i];
		struct running *at = n ? bsearch(doc->name, sorted, n, sizeof(*sorted), name_against) : NULL;
		if (at)
			at->written = true;
		inv->list[inv->n++] =
			(struct inventory_item){.name = doc->name, .doc = doc, .dp = at ? at->dp : NULL};
	}
	for (size_t i = 0; i < n; i++)
		if (!sorted[i].written)
			inv->list[inv->n++] = (struct inventory_item){.name = sorted[i].dp->name, .dp = sorted[i].dp};
}

int inventory_collect(struct inventory *ret_inventory)
{
	struct inventory inv = {.doc = engine_document(), .dp = dataplane_current()};
	size_t n_dp = inv.dp ? inv.dp->n_adapters : 0, n_doc = inv.doc ? inv.doc->n_adapters : 0, n = 0;
	struct running *sorted = calloc(n_dp + 1, sizeof(*sorted));
	inv.list = calloc(n_dp + n_doc + 1, sizeof(*inv.list));
	if (!sorted || !inv.list) {
		free(sorted);
		free(inv.list);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n_dp; i++)
		if (inv.dp->adapters[i])
			sorted[n++].dp = inv.dp->adapters[i];
	qsort(sorted, n, sizeof(*sorted), by_name);
	join(&inv, sorted, n);
	free(sorted);
	*ret_inventory = inv;
	return 0;
}

void inventory_free(struct inventory *inv)
{
	free(inv->list);
	*inv = (struct inventory){0};
}

const struct inventory_item *inventory_find(const struct inventory *inv, const char *name)
{
	for (size_t i = 0; i < inv->n; i++)
		if (!strcmp(inv->list[i].name, name))
			return &inv->list[i];
	return NULL;
}

const struct dp_switch *inventory_switch(const struct inventory *inv, const char *name)
{
	for (uint16_t i = 0; inv->dp && i < inv->dp->n_switches; i++)
		if (inv->dp->switches[i] && !strcmp(inv->dp->switches[i]->name, name))
			return inv->dp->switches[i];
	return NULL;
}

const char *inventory_switch_name(const struct inventory_item *item)
{
	if (item->dp && item->dp->sw)
		return item->dp->sw->name;
	return item->doc && item->doc->switch_name ? item->doc->switch_name : "";
}

bool inventory_kind(const char *arg, const char *singular)
{
	size_t len = strlen(singular);
	if (strncmp(arg, singular, len) != 0)
		return false;
	return !arg[len] || !strcmp(arg + len, len && singular[len - 1] == 'h' ? "es" : "s");
}

struct counter_row *inventory_rows(const struct inventory *inv)
{
	uint16_t n = inv->dp ? inv->dp->n_adapters : 0;
	struct counter_row *rows = calloc(n + 1u, sizeof(*rows));
	if (rows)
		counter_read_all(rows, n);
	return rows;
}

void inventory_row_add(struct counter_row *to, const struct counter_row *from)
{
	_Static_assert(sizeof(*to) % sizeof(uint64_t) == 0, "a row is counts and nothing else");
	uint64_t *t = (uint64_t *)to;
	const uint64_t *f = (const uint64_t *)from;
	for (size_t i = 0; i < sizeof(*to) / sizeof(uint64_t); i++)
		t[i] += f[i];
}

bool inventory_row_balanced(const struct counter_row *s)
{
	uint64_t drop_in = 0, drop_out = 0;
	for (unsigned i = 0; i < DROP_MAX; i++) {
		drop_in += s->drop_in[i];
		drop_out += s->drop_out[i];
	}
	return s->received + s->ingress_copies + s->originated == s->forwarded + s->consumed + drop_in &&
	       s->offered + s->egress_copies == s->delivered + drop_out + s->handed - s->taken &&
	       s->forwarded == s->offered;
}
