/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/vswitch/control/strays.h"

#include <errno.h>

#include <jansson.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "core/control/engine.h"

#define FACT "lasting-ports"

static json_t *noted; /* [{"name","kind","target","netns"}] as on disk; NULL: not read yet */

static bool is(const json_t *o, const char *key, const char *value)
{
	return str_equal(json_string_value(json_object_get(o, key)), value);
}

static bool is_port_of(const json_t *o, const struct vs_adapter *a)
{
	return is(o, "name", a->pub.name) && is(o, "kind", a->kind) && is(o, "target", a->target) &&
	       is(o, "netns", a->netns);
}

static bool in_list(const json_t *list, const struct vs_adapter *a)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (is_port_of(json_array_get(list, i), a))
			return true;
	return false;
}

static int add_plan(json_t *list, const struct vs_plan *plan)
{
	for (size_t i = 0; plan && i < plan->n; i++) {
		const struct vs_adapter *a = plan->list[i];
		const struct port_ops *ops = port_driver_find(a->kind);
		if (!ops || !ops->lasts || in_list(list, a))
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
	json_t *next = json_array();
	int rc = next ? add_plan(next, running) : -ENOMEM;
	if (!rc)
		rc = add_plan(next, preparing);
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

/* Takes it up as its adapter would, and lets it go for good. One that is not there any more costs nothing. */
static void remove_port(const json_t *o)
{
	struct port_spec spec = {
		.name = json_string_value(json_object_get(o, "name")),
		.kind = json_string_value(json_object_get(o, "kind")),
		.target = json_string_value(json_object_get(o, "target")),
		.netns = json_string_value(json_object_get(o, "netns")),
		.role = PORT_GUEST,
		.queues = 1,
		.restarting = true,
	};
	const struct port_ops *ops = spec.kind ? port_driver_find(spec.kind) : NULL;
	struct port *p = NULL;
	struct err why = {0};
	if (!ops || !spec.name || !spec.target)
		return;
	if (ops->open(&spec, &p, &why) < 0) {
		log_warning(spec.name, "what an interrupted change left stays: %s", why.text);
		return;
	}
	ops->close(p, true);
	log_info(spec.name, "%s %s was left by an interrupted change and is let go", spec.kind, spec.target);
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
	for (size_t i = 0; i < json_array_size(noted); i++) {
		const json_t *o = json_array_get(noted, i);
		bool wanted = false;
		for (size_t k = 0; k < plan->n && !wanted; k++)
			wanted = is_port_of(o, plan->list[k]);
		if (!wanted)
			remove_port(o);
	}
}
