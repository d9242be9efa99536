/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/vswitch/control/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "core/control/module.h"
#include "core/runtime/dataplane.h"
#include "core/runtime/worker.h"
#include "modules/vswitch/control/compartments.h"

static bool id_used[DP_ADAPTERS_MAX];
static uint16_t lowest_free; /* no id below it is */

int vs_id_take(void)
{
	for (uint16_t id = lowest_free; id < DP_ADAPTERS_MAX; id++) {
		if (id_used[id])
			continue;
		int rc = worker_rows_add(id);
		if (rc)
			return rc;
		id_used[id] = true;
		lowest_free = id + 1;
		return id;
	}
	return -ENOSPC;
}

void vs_id_free(uint16_t id)
{
	worker_rows_remove(id);
	id_used[id] = false;
	if (id < lowest_free)
		lowest_free = id;
}

static struct dp_switch *switch_add(struct dataplane *dp, const char *name)
{
	struct dp_switch *sw = calloc(1, sizeof(*sw));
	if (!sw)
		return NULL;
	snprintf(sw->name, sizeof(sw->name), "%s", name);
	sw->id = dp->n_switches;
	dp->switches[dp->n_switches++] = sw;
	return sw;
}

/* Its index, or n_switches. The schema has seen to it that there is one. */
static uint16_t switch_find(const struct dataplane *dp, const char *name)
{
	uint16_t i = 0;
	while (i < dp->n_switches && strcmp(dp->switches[i]->name, name) != 0)
		i++;
	return i;
}

static int adapter_add(struct dataplane *dp, const struct vs_adapter *from)
{
	struct dp_adapter *a = calloc(1, sizeof(*a));
	uint16_t index = switch_find(dp, from->pub.switch_name);
	if (!a || index == dp->n_switches) {
		free(a);
		return -ENOMEM;
	}
	struct dp_switch *sw = dp->switches[index];
	a->id = from->pub.id;
	a->role = from->pub.role;
	a->mtu = from->pub.mtu;
	a->port = from->pub.port;
	a->sw = sw;
	a->mac = from->pub.mac;
	snprintf(a->name, sizeof(a->name), "%s", from->pub.name);
	a->vsid = from->pub.vsid;
	a->tags_are_ids = from->pub.tags_are_ids;
	dp->adapters[a->id] = a;
	if (from->n_compartments)
		return vs_compartments_fill(dp, a, from);
	if (a->vsid)
		return 0;
	if (!(sw->n_members & (sw->n_members - 1))) { /* full: doubles at 0, 1, 2, 4 ... */
		struct dp_adapter **members =
			realloc(sw->members, (sw->n_members * 2u + 1) * sizeof(struct dp_adapter *));
		if (!members)
			return -ENOMEM;
		sw->members = members;
	}
	sw->members[sw->n_members++] = a;
	if (a->role == PORT_UPLINK)
		sw->uplink = a;
	return 0;
}

int vs_snapshot_fill(struct txn *t, const struct vs_plan *plan, struct err *e)
{
	struct dataplane *dp = t->dp;
	uint16_t top = 0;
	for (size_t i = 0; i < plan->n; i++) {
		uint16_t last = vs_compartments_last_id(plan->list[i]);
		top = last >= top ? last + 1 : top;
	}
	dp->adapters = calloc(top + 1u, sizeof(struct dp_adapter *));
	dp->switches = calloc(t->next->n_switches + 1, sizeof(struct dp_switch *));
	if (!dp->adapters || !dp->switches)
		return err_set(e, ENOMEM, NULL, "out of memory");
	dp->n_adapters = top;
	dp->n_switches = 0;
	for (size_t i = 0; i < t->next->n_switches; i++)
		if (!switch_add(dp, t->next->switches[i].name))
			return err_set(e, ENOMEM, NULL, "out of memory");
	for (size_t i = 0; i < plan->n; i++)
		if (adapter_add(dp, plan->list[i]))
			return err_set(e, ENOMEM, NULL, "out of memory");
	return 0;
}
