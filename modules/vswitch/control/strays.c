/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/vswitch/control/strays.h"

#include <errno.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "core/control/engine.h"
#include "modules/vswitch/control/ports.h"

#define FACT "lasting-ports"

static json_t *noted; /* [{"name","kind","target","netns"}] as on disk; NULL: not read yet */

/* What a port is, in one text: the key of an index. NULL: no memory. */
static char *key_make(const char *name, const char *kind, const char *target, const char *netns)
{
	struct str s = {0};
	str_add(&s, "%s\n%s\n%s\n%s", name ? name : "", kind ? kind : "", target ? target : "", netns ? netns : "");
	return str_take(&s);
}

/* Adds what a plan has to the index; to the list, too, if there is one, unless it is known already. */
static int plan_enter(json_t *index, json_t *list, const struct vs_plan *plan)
{
	for (size_t i = 0; plan && i < plan->n; i++) {
		const struct vs_adapter *a = plan->list[i];
		const struct port_ops *ops = port_driver_find(a->kind);
		if (!ops || !ops->lasts)
			continue;
		char *key = key_make(a->pub.name, a->kind, a->target, a->netns);
		bool known = key && json_object_get(index, key);
		int rc = key ? json_object_set_new_nocheck(index, key, json_true()) : -1;
		free(key);
		if (rc)
			return -ENOMEM;
		if (!list || known)
			continue;
		json_t *o = json_pack("{s:s, s:s, s:s, s:s*}", "name", a->pub.name, "kind", a->kind, "target",
				      a->target, "netns", a->netns);
		if (json_array_append_new(list, o))
			return -ENOMEM;
	}
	return 0;
}

int strays_note(const struct vs_plan *running, const struct vs_plan *preparing)
{
	if (!noted) /* refused before anything was made: strays_clear has still to read */
		return 0;
	json_t *next = json_array(), *index = json_object();
	int rc = next && index ? plan_enter(index, next, running) : -ENOMEM;
	if (!rc)
		rc = plan_enter(index, next, preparing);
	json_decref(index);
	if (!rc && !json_equal(next, noted))
		rc = engine_fact_set(FACT, next);
	if (rc) {
		json_decref(next);
		return rc;
	}
	json_decref(noted);
	noted = next;
	return 0;
}

static const char *text_of(const json_t *o, const char *key) { return json_string_value(json_object_get(o, key)); }

static bool is_wanted(const json_t *index, const json_t *o)
{
	char *key = key_make(text_of(o, "name"), text_of(o, "kind"), text_of(o, "target"), text_of(o, "netns"));
	bool wanted = !key || json_object_get(index, key);
	free(key);
	return wanted;
}

/* Takes it up as its adapter would. NULL: nothing to take; one that is not there any more costs nothing. */
static struct port *stray_open(const json_t *o)
{
	struct port_spec spec = {
		.name = text_of(o, "name"),
		.kind = text_of(o, "kind"),
		.target = text_of(o, "target"),
		.netns = text_of(o, "netns"),
		.role = PORT_GUEST,
		.queues = 1,
		.restarting = true,
	};
	const struct port_ops *ops = spec.kind ? port_driver_find(spec.kind) : NULL;
	struct port *p = NULL;
	struct err why = {0};
	if (!ops || !spec.name || !spec.target)
		return NULL;
	if (ops->open(&spec, &p, &why) < 0) {
		log_warning(spec.name, "what was left behind stays: %s", why.text);
		return NULL;
	}
	log_info(spec.name, "%s %s was left behind and is removed", spec.kind, spec.target);
	return p;
}

/* Lets go for good of what was noted and is not in the index. */
static void remove_unwanted(const json_t *index)
{
	struct port **ports = calloc(json_array_size(noted) + 1, sizeof(struct port *));
	size_t n = 0;
	for (size_t i = 0; ports && i < json_array_size(noted); i++) {
		const json_t *o = json_array_get(noted, i);
		struct port *p = is_wanted(index, o) ? NULL : stray_open(o);
		if (p)
			ports[n++] = p;
	}
	vs_ports_close(ports, n, true);
	free(ports);
}

void strays_clear(const struct vs_plan *plan)
{
	if (noted)
		return;
	noted = engine_fact_get(FACT);
	if (!json_is_array(noted)) {
		json_decref(noted);
		noted = json_array();
	}
	json_t *index = json_object();
	if (plan_enter(index, NULL, plan))
		log_error("host", "out of memory: what an interrupted change may have left stays");
	else
		remove_unwanted(index);
	json_decref(index);
}
