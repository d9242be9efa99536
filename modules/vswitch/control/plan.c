/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/vswitch/control/plan.h"

#include <errno.h>
#include <net/if.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "core/control/module.h"
#include "modules/vswitch/control/compartments.h"
#include "modules/vswitch/control/implied.h"

static void adapter_free(struct vs_adapter *a)
{
	if (!a)
		return;
	free(a->kind);
	free(a->target);
	free(a->netns);
	free(a->compartments);
	free(a);
}

static void nothing_to_free(void *node) {}

static int name_compare(const void *a, const void *b)
{
	const struct vs_adapter *x = a, *y = b;
	return strcmp(x->pub.name, y->pub.name);
}

void vs_plan_free(struct vs_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		adapter_free(plan->list[i]);
	free(plan->list);
	tdestroy(plan->by_name, nothing_to_free);
	*plan = (struct vs_plan){0};
}

struct vs_adapter *vs_plan_find(const struct vs_plan *plan, const char *name)
{
	struct vs_adapter key;
	snprintf(key.pub.name, sizeof(key.pub.name), "%s", name);
	struct vs_adapter *const *found = tfind(&key, &plan->by_name, name_compare);
	return found ? *found : NULL;
}

/* At the end of the list; takes a. -ENOMEM. */
static int plan_append(struct vs_plan *plan, struct vs_adapter *a)
{
	if (plan->n == plan->room) {
		size_t room = plan->room ? 2 * plan->room : 16;
		struct vs_adapter **list = realloc(plan->list, room * sizeof(*list));
		if (!list)
			return -ENOMEM;
		plan->list = list;
		plan->room = room;
	}
	if (!tsearch(a, &plan->by_name, name_compare))
		return -ENOMEM;
	plan->list[plan->n++] = a;
	return 0;
}

/* A new adapter at the end of the plan, with its port's kind and target; NULL: no memory. */
static struct vs_adapter *plan_add(struct vs_plan *plan, const char *prefix, const char *name, const char *sw,
				   const char *kind, const char *target)
{
	struct vs_adapter *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	snprintf(a->pub.name, sizeof(a->pub.name), "%s%s", prefix, name);
	snprintf(a->pub.switch_name, sizeof(a->pub.switch_name), "%s", sw);
	a->kind = str_dup(kind);
	a->target = str_dup(target);
	a->queues = 1;
	if (!a->kind || !a->target || plan_append(plan, a)) {
		adapter_free(a);
		return NULL;
	}
	return a;
}

/* The same with what an adapter or an uplink says that it is attached to; a host's adapter may say nothing. */
static struct vs_adapter *plan_add_attached(struct vs_plan *plan, const char *prefix, const char *name,
					    const char *sw, const struct api_attach *at)
{
	const char *target = name, *kind = api_attach_way(at, &target);
	struct vs_adapter *a = plan_add(plan, prefix, name, sw, kind ? kind : "tap", target);
	if (!a)
		return NULL;
	a->peer_listens = at->listen == API_LISTEN_GUEST;
	a->queues = at->queues ? (uint16_t)at->queues : 1;
	a->netns = str_dup(at->netns);
	return at->netns && !a->netns ? NULL : a; /* the plan frees it */
}

static int plan_add_uplink(struct vs_plan *plan, const struct api_switch *sw)
{
	struct vs_adapter *a = plan_add_attached(plan, "wire:", sw->name, sw->name, &sw->uplink);
	if (!a)
		return -ENOMEM;
	a->pub.role = PORT_UPLINK;
	a->wanted_mtu = sw->mtu;
	return 0;
}

static int plan_add_adapter(struct vs_plan *plan, const struct api_adapter *ad)
{
	struct vs_adapter *a = plan_add_attached(plan, "", ad->name, ad->switch_name, &ad->attach);
	if (!a)
		return -ENOMEM;
	a->pub.role = ad->owner == API_OWNER_HOST ? PORT_HOST : PORT_GUEST;
	a->pub.mac = ad->mac_address;
	a->pub.mac_limit = ad->mac_address_limit;
	a->pub.vsid = ad->isolation.multi_tenant_stack ? 0 : api_adapter_untagged(ad);
	a->pub.tags_are_ids = ad->isolation.mode != API_ISOLATION_NONE;
	a->wanted_mtu = ad->mtu;
	return ad->isolation.multi_tenant_stack ? vs_compartments_make(a, ad) : 0;
}

/* The host's adapter that allow-management-os makes, or that carries on for the interface taken over. */
static int plan_add_implied(struct vs_plan *plan, const struct api_switch *sw, const struct implied *im)
{
	struct vs_adapter *a = vs_plan_find(plan, sw->name);
	if (!a) {
		a = plan_add(plan, "", sw->name, sw->name, "tap", sw->name);
		if (!a)
			return -ENOMEM;
		a->pub.role = PORT_HOST;
		a->pub.implied = true;
	}
	if (mac_is_zero(&a->pub.mac))
		a->pub.mac = im->mac;
	snprintf(a->pub.takes_over, sizeof(a->pub.takes_over), "%s", im->interface);
	return 0;
}

static int implied_check_name(const struct api_switch *sw, size_t index, struct err *e)
{
	char path[64];
	if (strlen(sw->name) < IFNAMSIZ)
		return 0;
	snprintf(path, sizeof(path), "switches[%zu].name", index);
	return err_set(e, EINVAL, path,
		       "the host's adapter would be named `%s`, and a Linux interface has at most 15 characters; "
		       "shorten the name or set allow-management-os: false",
		       sw->name);
}

int vs_plan_make(const struct txn *t, const struct vs_plan *running, struct vs_plan *ret_plan, struct err *e)
{
	const struct api_document *doc = t->next;
	struct vs_plan plan = {0};
	int rc = 0;
	for (size_t i = 0; i < doc->n_switches && !rc; i++)
		if (doc->switches[i].type == API_SWITCH_EXTERNAL)
			rc = plan_add_uplink(&plan, &doc->switches[i]);
	for (size_t i = 0; i < doc->n_adapters && !rc; i++)
		rc = plan_add_adapter(&plan, &doc->adapters[i]);
	for (size_t i = 0; i < doc->n_switches && !rc; i++) {
		struct implied im;
		if (!implied_find(&doc->switches[i], &im))
			continue;
		rc = implied_check_name(&doc->switches[i], i, e);
		if (!rc)
			rc = plan_add_implied(&plan, &doc->switches[i], &im);
	}
	for (size_t i = 0; i < plan.n; i++)
		plan.list[i]->before = vs_plan_find(running, plan.list[i]->pub.name);
	if (rc) {
		vs_plan_free(&plan);
		return rc == -ENOMEM ? err_set(e, ENOMEM, NULL, "out of memory") : rc;
	}
	*ret_plan = plan;
	return 0;
}
