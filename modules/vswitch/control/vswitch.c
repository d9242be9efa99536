/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The document's switches and adapters, through a transaction. New ports are opened and placed beside the
 * running ones in prepare; what only the old snapshot used is closed in retire. Ports whose kind and target
 * stay the same are kept, so an unchanged adapter never loses a frame.
 */
#include "modules/vswitch/vswitch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "core/control/module.h"
#include "core/runtime/dataplane.h"
#include "core/runtime/worker.h"
#include "modules/vswitch/control/compartments.h"
#include "modules/vswitch/control/implied.h"
#include "modules/vswitch/control/mac_pool.h"
#include "modules/vswitch/control/plan.h"
#include "modules/vswitch/control/ports.h"
#include "modules/vswitch/control/snapshot.h"
#include "modules/vswitch/control/strays.h"

static struct vs_plan running, preparing;
static bool in_transaction;

static const struct vs_plan *plan_shown(void) { return in_transaction ? &preparing : &running; }

const struct vswitch_adapter *const *vswitch_adapters(size_t *ret_n)
{
	static const struct vswitch_adapter **list;
	const struct vs_plan *plan = plan_shown();
	const struct vswitch_adapter **more = realloc(list, (plan->n + 1) * sizeof(*list));
	if (!more) {
		*ret_n = 0;
		return NULL;
	}
	list = more;
	for (size_t i = 0; i < plan->n; i++)
		list[i] = &plan->list[i]->pub;
	*ret_n = plan->n;
	return list;
}

const struct vswitch_adapter *vswitch_adapter_find(const char *name)
{
	const struct vs_adapter *a = vs_plan_find(plan_shown(), name);
	return a ? &a->pub : NULL;
}

int vswitch_mac_take(const struct txn *t, const char *name, const struct mac *wanted, struct mac *ret_mac,
		     struct err *e)
{
	return mac_pool_take(&t->next->host, &preparing, name, wanted, ret_mac, e);
}

static int ids_take(struct vs_plan *plan, struct err *e)
{
	for (size_t i = 0; i < plan->n; i++) {
		struct vs_adapter *a = plan->list[i];
		int id = a->before ? a->before->pub.id : vs_id_take();
		if (id >= 0) {
			a->pub.id = (uint16_t)id;
			a->id_taken = !a->before;
			id = vs_compartments_ids_take(a);
		}
		if (id < 0)
			return err_set(e, -id, "adapters", "more than %d adapters, isolation ids and uplinks",
				       DP_ADAPTERS_MAX);
	}
	return 0;
}

static void ids_give_back(struct vs_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		vs_compartments_ids_give_back(plan->list[i]);
		if (plan->list[i]->id_taken)
			vs_id_free(plan->list[i]->pub.id);
	}
}

/* What outlives us is on disk before it is made; what nobody wants any more makes room. */
static int note_ports(struct err *e)
{
	strays_clear(&preparing);
	int rc = strays_note(&running, &preparing);
	return rc ? err_set(e, -rc, NULL, "the ports to be made cannot be noted on disk: %s", strerror(-rc)) : 0;
}

static int vswitch_prepare(struct txn *t, struct err *e)
{
	static bool loaded;
	if (!loaded) {
		implied_load();
		mac_pool_load();
		loaded = true;
	}
	int rc = vs_plan_make(t, &running, &preparing, e);
	if (rc)
		return rc;
	rc = mac_pool_assign(&t->next->host, &preparing, e);
	if (!rc)
		rc = ids_take(&preparing, e);
	if (!rc && !t->dry_run)
		rc = note_ports(e);
	if (!rc)
		rc = vs_ports_open(t, &preparing, e);
	if (rc)
		goto undo_ids;
	rc = vs_snapshot_fill(t, &preparing, e);
	if (rc)
		goto undo_ports;
	if (!t->dry_run)
		implied_store(t->next, &preparing);
	in_transaction = true;
	return 0;
undo_ports:
	vs_ports_undo(&preparing, t->restarting);
undo_ids:
	if (!t->dry_run && !t->restarting)
		(void)strays_note(&running, NULL);
	ids_give_back(&preparing);
	vs_plan_free(&preparing);
	return rc;
}

static void vswitch_abort(struct txn *t)
{
	in_transaction = false;
	if (!t->dry_run && !t->restarting)
		implied_store(t->prev, &running);
	vs_ports_undo(&preparing, t->restarting);
	if (!t->dry_run && !t->restarting)
		(void)strays_note(&running, NULL);
	ids_give_back(&preparing);
	vs_plan_free(&preparing);
}

static void vswitch_commit(struct txn *t) { mac_pool_store(&preparing); }

/* No worker knows the old snapshot any more. */
static void vswitch_retire(struct txn *t)
{
	vs_ports_retire(&running, &preparing);
	for (size_t i = 0; i < running.n; i++) {
		const struct vs_adapter *after = vs_plan_find(&preparing, running.list[i]->pub.name);
		vs_compartments_ids_retire(running.list[i], after);
		if (!after)
			vs_id_free(running.list[i]->pub.id);
	}
	vs_plan_free(&running);
	running = preparing;
	for (size_t i = 0; i < running.n; i++) {
		running.list[i]->before = NULL;
		running.list[i]->opened = running.list[i]->id_taken = false;
		vs_compartments_settle(running.list[i]);
	}
	preparing = (struct vs_plan){0};
	(void)strays_note(&running, NULL);
	in_transaction = false;
}

static void vswitch_stop(bool restore)
{
	vs_ports_stop(&running, restore);
	vs_plan_free(&running);
	if (restore)
		(void)strays_note(NULL, NULL);
}

static void vswitch_tick(void)
{
	for (size_t i = 0; i < running.n; i++) {
		struct port *p = running.list[i]->pub.port;
		if (p->ops->tick)
			p->ops->tick(p);
	}
}

static void vswitch_status_adapter(const struct api_adapter *ad, json_t *object)
{
	const struct vs_adapter *a = vs_plan_find(&running, ad->name);
	if (a && a->from_pool)
		json_object_set_new(object, "mac-address-from", json_string("pool"));
	if (a && a->pub.takes_over[0])
		json_object_set_new(object, "carries-on-for", json_string(a->pub.takes_over));
	if (a && a->n_compartments)
		json_object_set_new(object, "isolation-ids", vs_compartments_json(a));
}

static struct module vswitch = {
	.name = "vswitch",
	.prepare = vswitch_prepare,
	.commit = vswitch_commit,
	.abort = vswitch_abort,
	.retire = vswitch_retire,
	.stop = vswitch_stop,
	.guard_rollback = vs_rollback,
	.status_adapter = vswitch_status_adapter,
	.tick = vswitch_tick,
};
MODULE(vswitch)
