/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/move/control/prepared.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "base/log.h"
#include "core/control/engine.h"

#define FACT "moves-prepared"

static json_t *prepared; /* {ADAPTER: [RECORD...]} */

void move_prepared_load(void)
{
	json_t *kept = engine_fact_get(FACT);
	prepared = json_is_object(kept) ? json_incref(kept) : json_object();
	json_decref(kept);
}

void move_prepared_unload(void)
{
	json_decref(prepared);
	prepared = NULL;
}

const json_t *move_prepared_get(const char *adapter)
{
	const json_t *records = json_object_get(prepared, adapter);
	return json_is_array(records) ? records : NULL;
}

/* next is taken over. */
static int keep(json_t *next)
{
	int rc = next ? engine_fact_set(FACT, json_object_size(next) ? next : NULL) : -ENOMEM;
	if (rc) {
		json_decref(next);
		return rc;
	}
	json_decref(prepared);
	prepared = next;
	return 0;
}

int move_prepared_add(const char *adapter, const json_t *records, struct err *e)
{
	json_t *next = json_deep_copy(prepared), *list = json_array();
	const json_t *before = move_prepared_get(adapter);
	bool bad = !next || !list || (before && json_array_extend(list, (json_t *)before)) ||
		   json_array_extend(list, (json_t *)records) || json_object_set(next, adapter, list);
	json_decref(list);
	if (bad) {
		json_decref(next);
		return err_set(e, ENOMEM, NULL, "out of memory");
	}
	int rc = keep(next);
	return rc ? err_set(e, -rc, NULL, "cannot be kept in %s: %s", engine_state_dir(), strerror(-rc)) : 0;
}

void move_prepared_forget(const char *adapter)
{
	json_t *next = move_prepared_get(adapter) ? json_deep_copy(prepared) : NULL;
	if (!next)
		return;
	json_object_del(next, adapter);
	int rc = keep(next);
	if (rc)
		log_warning(adapter, "that it is no longer only prepared cannot be kept: %s", strerror(-rc));
}

void move_prepared_sweep(bool (*is_over)(const char *adapter))
{
	const char *adapter;
	json_t *records;
	json_t *all = json_object_size(prepared) ? json_copy(prepared) : NULL;
	json_object_foreach(all, adapter, records)
		if (is_over(adapter))
			move_prepared_forget(adapter);
	json_decref(all);
}
