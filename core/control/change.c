/* SPDX-License-Identifier: Apache-2.0 */
/* A change on its way through the modules and into the workers' hands; see module.h for the protocol. */
#include "core/control/change.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "core/runtime/dataplane.h"

#define SUMMARY_CHANGES 3

/* "add switch lab, change adapter vm1 and 7 more" */
static void summary_write(const json_t *changes, char *buf, size_t size)
{
	size_t i, n = json_array_size(changes), at = 0;
	json_t *change;
	buf[0] = '\0';
	json_array_foreach(changes, i, change) {
		const char *op = json_string_value(json_object_get(change, "op"));
		const char *kind = json_string_value(json_object_get(change, "kind"));
		const char *name = json_string_value(json_object_get(change, "name"));
		if (i == SUMMARY_CHANGES || at >= size)
			break;
		at += (size_t)snprintf(buf + at, size - at, "%s%s %s%s%.40s", i ? ", " : "", op ? op : "change",
				       kind ? kind : "host", name && *name ? " " : "", name ? name : "");
	}
	if (n > SUMMARY_CHANGES && at < size)
		snprintf(buf + at, size - at, " and %zu more", n - SUMMARY_CHANGES);
}

int change_init(struct change *c, const struct api_document *prev, struct api_document *next, struct err *e)
{
	*c = (struct change){.t = {.prev = prev, .next = next}, .next = next};
	c->changes = api_document_diff(prev, next);
	c->t.warnings = json_array();
	if (!c->changes || !c->t.warnings) {
		change_fini(c);
		return err_set(e, ENOMEM, NULL, "out of memory");
	}
	summary_write(c->changes, c->summary, sizeof(c->summary));
	return 0;
}

void change_fini(struct change *c)
{
	api_document_free(c->next);
	json_decref(c->changes);
	json_decref(c->t.warnings);
	*c = (struct change){0};
}

struct walk {
	struct change *c;
	struct err *e;
	struct module *refused; /* the one that did not prepare; NULL: all did */
};

static int module_prepare(struct module *m, void *arg)
{
	struct walk *w = arg;
	struct err cause = {0};
	int r = m->prepare ? m->prepare(&w->c->t, &cause) : 0;
	if (r >= 0)
		return 0;
	w->refused = m;
	if (!cause.text[0])
		return err_set(w->e, -r, cause.path, "module %s: %s", m->name, strerror(-r));
	if (w->e)
		*w->e = cause;
	return r;
}

/* Against the order of dependency, from the one before the one that refused. */
static int module_abort(struct module *m, void *arg)
{
	struct walk *w = arg;
	if (w->refused) {
		if (m == w->refused)
			w->refused = NULL;
	} else if (m->abort) {
		m->abort(&w->c->t);
	}
	return 0;
}

static void abort_from(struct walk *w)
{
	modules_each_reverse(module_abort, w);
	dataplane_free(w->c->t.dp);
	w->c->t.dp = NULL;
}

int change_prepare(struct change *c, struct err *e)
{
	struct walk w = {.c = c, .e = e};
	c->t.dp = calloc(1, sizeof(*c->t.dp));
	if (!c->t.dp)
		return err_set(e, ENOMEM, NULL, "out of memory");
	int r = modules_each(module_prepare, &w);
	if (r < 0)
		abort_from(&w);
	return r;
}

void change_abort(struct change *c) { abort_from(&(struct walk){.c = c}); }

static int module_commit(struct module *m, void *arg)
{
	struct change *c = arg;
	if (m->commit)
		m->commit(&c->t);
	return 0;
}

void change_commit(struct change *c)
{
	dataplane_wire(c->t.dp);
	modules_each(module_commit, c);
	c->replaced = dataplane_publish(c->t.dp);
}

struct api_document *change_take_next(struct change *c)
{
	struct api_document *next = c->next;
	c->next = NULL;
	return next;
}

static int module_retire(struct module *m, void *arg)
{
	struct change *c = arg;
	if (m->retire)
		m->retire(&c->t);
	return 0;
}

void change_retire(struct change *c)
{
	modules_each(module_retire, c);
	dataplane_free(c->replaced);
	c->replaced = NULL;
	c->t.dp = NULL;
}

static int module_stop(struct module *m, void *arg)
{
	if (m->stop)
		m->stop(*(bool *)arg);
	return 0;
}

void change_stop(bool restore)
{
	/* The empty snapshot stays published: the workers may look at it until they stop. */
	struct dataplane *nothing = calloc(1, sizeof(*nothing)), *old = NULL;
	if (nothing)
		old = dataplane_publish(nothing);
	else
		log_error("host", "out of memory: the workers keep their queues to the end");
	modules_each_reverse(module_stop, &restore);
	dataplane_free(old);
}
