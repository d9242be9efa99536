/* SPDX-License-Identifier: Apache-2.0 */
/* A table for each switch, kept from snapshot to snapshot; limits, static addresses, ageing, size. */
#include "modules/l2/control/tables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include <jansson.h>
#include <rte_cycles.h>

#include "base/err.h"
#include "base/log.h"
#include "core/control/loop.h"
#include "core/control/module.h"
#include "core/runtime/dataplane.h"
#include "modules/l2/datapath/fdb.h"
#include "modules/l2/datapath/l2_data.h"
#include "modules/vswitch/vswitch.h"

#define LIMIT_GUEST 1024 /* learned addresses of an adapter */
#define LIMIT_UPLINK 131072 /* and of an uplink, behind which is everybody else */
#define AGE_PARTS 8 /* one eighth of each table is looked through a second */

unsigned l2_slot;

static struct l2_switch *running, *preparing; /* lists by switch */

static int crowded_fd = -1; /* written by the tables that want to grow */
static struct loop_source *crowded_source;

static void table_fit(struct l2_switch *s)
{
	char object[80];
	if (!fdb_resize(s->table, s->addresses, 0, dataplane_synchronize))
		return;
	snprintf(object, sizeof(object), "switch %s", s->name);
	log_warning(object, "no memory for a larger MAC table; the oldest addresses make room");
}

static void on_crowded(int fd, uint32_t events, void *arg)
{
	eventfd_t n;
	if (eventfd_read(fd, &n))
		return;
	for (struct l2_switch *s = running; s; s = s->next)
		if (atomic_load(&s->table->crowded))
			table_fit(s);
}

static int l2_init(struct err *e)
{
	l2_slot = dp_module_slot();
	crowded_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	crowded_source = crowded_fd < 0 ? NULL : loop_add_fd(crowded_fd, EPOLLIN, on_crowded, NULL);
	return crowded_source ? 0 : err_set(e, errno, NULL, "cannot watch the MAC tables");
}

struct l2_switch *l2_switch_find(const char *name)
{
	for (struct l2_switch *s = running; s; s = s->next)
		if (!strcmp(s->name, name))
			return s;
	return NULL;
}

static uint32_t limit_of(const struct vswitch_adapter *a)
{
	return a->mac_limit ? a->mac_limit : a->role == PORT_UPLINK ? LIMIT_UPLINK : LIMIT_GUEST;
}

/* Learned and own addresses that the switch may come to hold. */
static uint64_t addresses_of(const struct dp_switch *sw)
{
	uint64_t n = 0;
	for (uint16_t i = 0; i < sw->n_members; i++) {
		const struct vswitch_adapter *a = vswitch_adapter_find(sw->members[i]->name);
		n += a ? limit_of(a) + 1 : 0;
	}
	return n;
}

static void list_free(struct l2_switch *s, bool tables)
{
	while (s) {
		struct l2_switch *next = s->next;
		if (tables && s->fresh)
			fdb_free(s->table);
		free(s);
		s = next;
	}
}

static struct l2_switch *switch_prepare(const struct dp_switch *sw)
{
	struct l2_switch *s = calloc(1, sizeof(*s)), *before = l2_switch_find(sw->name);
	uint64_t seed;
	if (!s)
		return NULL;
	snprintf(s->name, sizeof(s->name), "%s", sw->name);
	s->addresses = addresses_of(sw);
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = rte_rdtsc();
	s->fresh = !before;
	s->table = before ? before->table : fdb_create(s->addresses, seed, crowded_fd);
	/* Room for the own addresses that l2_commit puts in, which may not fail. */
	if (s->table && !fdb_resize(s->table, s->addresses, sw->n_members, dataplane_synchronize))
		return s;
	if (s->fresh)
		fdb_free(s->table);
	free(s);
	return NULL;
}

static int l2_prepare(struct txn *t, struct err *e)
{
	struct l2_switch **at = &preparing;
	preparing = NULL;
	for (uint16_t i = 0; i < t->dp->n_switches; i++) {
		struct dp_switch *sw = t->dp->switches[i];
		*at = switch_prepare(sw);
		if (!*at) {
			list_free(preparing, true);
			preparing = NULL;
			return err_set(e, ENOMEM, NULL, "no memory for the MAC table of switch %s", sw->name);
		}
		sw->module_data[l2_slot] = (*at)->table;
		at = &(*at)->next;
	}
	return 0;
}

static void l2_abort(struct txn *t)
{
	list_free(preparing, true);
	preparing = NULL;
}

/* Own addresses and limits go in before the snapshot that needs them is published. */
static void l2_commit(struct txn *t)
{
	for (uint16_t i = 0; i < t->dp->n_switches; i++) {
		const struct dp_switch *sw = t->dp->switches[i];
		struct fdb *table = l2_table(sw);
		for (uint16_t k = 0; k < sw->n_members; k++) {
			const struct dp_adapter *a = sw->members[k];
			const struct vswitch_adapter *va = vswitch_adapter_find(a->name);
			table->limit[a->id] = va ? limit_of(va) : LIMIT_GUEST;
			if (!mac_is_zero(&a->mac))
				fdb_add_static(table, &a->mac, 0, a->id);
		}
	}
}

static const struct dp_adapter *member_by_id(const struct dataplane *dp, const struct dp_switch *sw, uint16_t id)
{
	const struct dp_adapter *a = id < dp->n_adapters ? dp->adapters[id] : NULL;
	return a && a->sw == sw ? a : NULL;
}

/* Entries of adapters that left the switch, and own addresses that changed. */
static void table_clean(const struct dataplane *dp, const struct dp_switch *sw)
{
	struct fdb *table = l2_table(sw);
	struct fdb_entry *list = NULL;
	long n = fdb_list(table, 0, SIZE_MAX, &list);
	for (long i = 0; i < n; i++) {
		const struct dp_adapter *a = member_by_id(dp, sw, list[i].adapter);
		if (!a)
			fdb_forget(table, &list[i].mac, list[i].vlan);
		else if (list[i].is_static && mac_to_u64(&a->mac) != mac_to_u64(&list[i].mac))
			fdb_forget(table, &list[i].mac, list[i].vlan);
	}
	free(list);
}

static void l2_retire(struct txn *t)
{
	const struct dataplane *dp = dataplane_current();
	for (uint16_t i = 0; i < dp->n_switches; i++)
		table_clean(dp, dp->switches[i]);
	for (struct l2_switch *old = running; old; old = old->next) {
		bool kept = false;
		for (struct l2_switch *s = preparing; s; s = s->next)
			kept |= s->table == old->table;
		if (!kept)
			fdb_free(old->table);
	}
	list_free(running, false);
	running = preparing;
	preparing = NULL;
	for (struct l2_switch *s = running; s; s = s->next)
		s->fresh = false;
}

static void l2_tick(void)
{
	static uint64_t part;
	uint32_t now_s = (uint32_t)(rte_rdtsc() / rte_get_tsc_hz());
	for (struct l2_switch *s = running; s; s = s->next) {
		fdb_age(s->table, part, AGE_PARTS, now_s, FDB_AGE_S_DEFAULT);
		table_fit(s);
	}
	part = (part + 1) % AGE_PARTS;
}

static void l2_status_switch(const struct api_switch *sw, json_t *object)
{
	const struct l2_switch *s = l2_switch_find(sw->name);
	if (!s)
		return;
	uint64_t learned = 0;
	for (unsigned i = 0; i < DP_ADAPTERS_MAX; i++)
		learned += atomic_load(&s->table->learned[i]);
	json_object_set_new(object, "mac-table",
			    json_pack("{s:I, s:I, s:I, s:I, s:I}", "learned", (json_int_t)learned, "limit",
				      (json_int_t)s->addresses, "refused",
				      (json_int_t)atomic_load(&s->table->refused), "moved",
				      (json_int_t)atomic_load(&s->table->moved), "evicted",
				      (json_int_t)atomic_load(&s->table->evicted)));
}

static void l2_fini(void)
{
	loop_remove(crowded_source);
	if (crowded_fd >= 0)
		close(crowded_fd);
	crowded_source = NULL;
	crowded_fd = -1;
	for (struct l2_switch *s = running; s; s = s->next)
		fdb_free(s->table);
	list_free(running, false);
	running = NULL;
}

static struct module l2 = {
	.name = "l2",
	.depends_on = (const char *const[]){"vswitch", NULL},
	.init = l2_init,
	.fini = l2_fini,
	.prepare = l2_prepare,
	.commit = l2_commit,
	.abort = l2_abort,
	.retire = l2_retire,
	.status_switch = l2_status_switch,
	.tick = l2_tick,
};
MODULE(l2)
