/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/fdb/SWITCH */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <rte_cycles.h>

#include "base/err.h"
#include "core/http/server.h"
#include "core/runtime/dataplane.h"
#include "modules/l2/control/tables.h"
#include "modules/l2/datapath/fdb.h"

#define FDB_SHOWN_MAX 200000

static int entry_compare(const void *a, const void *b)
{
	uint64_t x = mac_to_u64(&((const struct fdb_entry *)a)->mac),
		 y = mac_to_u64(&((const struct fdb_entry *)b)->mac);
	return x < y ? -1 : x > y;
}

static json_t *entry_json(const struct fdb_entry *e)
{
	const struct dataplane *dp = dataplane_current();
	char mac[MAC_TEXT_SIZE];
	const struct dp_adapter *a = e->adapter < dp->n_adapters ? dp->adapters[e->adapter] : NULL;
	json_t *o = json_pack("{s:s, s:i, s:s, s:s}", "mac-address", mac_format(&e->mac, mac), "vlan", e->vlan,
			      "adapter", a ? a->name : "", "type", e->is_static ? "static" : "dynamic");
	if (!e->is_static)
		json_object_set_new(o, "age-seconds", json_integer(e->age_s));
	return o;
}

static void fdb_get(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	const struct l2_switch *s = l2_switch_find(r->arg[0]);
	if (!s) {
		err_set(&e, ENOENT, NULL, "there is no switch %s", r->arg[0]);
		http_problem(ret, -ENOENT, &e);
		return;
	}
	struct fdb_entry *list = NULL;
	long n = fdb_list(s->table, (uint32_t)(rte_rdtsc() / rte_get_tsc_hz()), FDB_SHOWN_MAX, &list);
	if (n < 0) {
		err_set(&e, ENOMEM, NULL, "out of memory");
		http_problem(ret, -ENOMEM, &e);
		return;
	}
	if (n)
		qsort(list, (size_t)n, sizeof(*list), entry_compare);
	json_t *entries = json_array();
	for (long i = 0; i < n; i++)
		json_array_append_new(entries, entry_json(&list[i]));
	free(list);
	ret->json = json_pack("{s:s, s:o}", "switch", s->name, "entries", entries);
}

ROUTE(fdb_get, "GET", "/v1/fdb/*", fdb_get, "The MAC addresses that a switch knows, and where", NULL)
