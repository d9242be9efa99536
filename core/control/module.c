/* SPDX-License-Identifier: Apache-2.0 */
/* The register of modules, and their order: each after all that it depends on, else by name. */
#include "core/control/module.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define MODULES_MAX 64

static struct module *registered; /* by name, so that the order does not depend on the linker */
static struct module *order[MODULES_MAX];
static unsigned n_ordered;
static unsigned n_initialised;

/* A wrong module is a wrong build: nobody can repair it at run time. */
__attribute__((noreturn)) static void die(const struct module *m, const char *what, const char *name)
{
	fprintf(stderr, "module %s: %s%s\n", m->name, what, name);
	abort();
}

void module_register(struct module *m)
{
	struct module **at = &registered;
	while (*at && strcmp((*at)->name, m->name) < 0)
		at = &(*at)->next;
	if (*at && !strcmp((*at)->name, m->name))
		die(m, "registered twice", "");
	m->next = *at;
	*at = m;
	n_ordered = 0;
}

static struct module *module_find(const char *name)
{
	for (struct module *m = registered; m; m = m->next)
		if (!strcmp(m->name, name))
			return m;
	return NULL;
}

static bool is_ordered(const struct module *m)
{
	for (unsigned i = 0; i < n_ordered; i++)
		if (order[i] == m)
			return true;
	return false;
}

/* depth: how long the chain of dependencies is already; longer than there may be modules is a cycle. */
static void order_add(struct module *m, unsigned depth)
{
	if (is_ordered(m))
		return;
	if (depth == MODULES_MAX)
		die(m, "depends on itself", "");
	for (const char *const *d = m->depends_on; d && *d; d++) {
		struct module *needed = module_find(*d);
		if (!needed)
			die(m, "not there, though needed: ", *d);
		order_add(needed, depth + 1);
	}
	if (n_ordered == MODULES_MAX)
		die(m, "one module more than MODULES_MAX", "");
	order[n_ordered++] = m;
}

static void order_make(void)
{
	if (n_ordered)
		return;
	for (struct module *m = registered; m; m = m->next)
		order_add(m, 0);
}

int modules_init(struct err *e)
{
	order_make();
	for (n_initialised = 0; n_initialised < n_ordered; n_initialised++) {
		struct module *m = order[n_initialised];
		struct err cause = {0};
		int r = m->init ? m->init(&cause) : 0;
		if (r < 0) {
			modules_fini();
			return err_set(e, -r, NULL, "module %s: %s", m->name,
				       cause.text[0] ? cause.text : strerror(-r));
		}
	}
	return 0;
}

void modules_fini(void)
{
	while (n_initialised > 0) {
		struct module *m = order[--n_initialised];
		if (m->fini)
			m->fini();
	}
}

int modules_each(int (*fn)(struct module *m, void *arg), void *arg)
{
	order_make();
	for (unsigned i = 0; i < n_ordered; i++) {
		int r = fn(order[i], arg);
		if (r != 0)
			return r;
	}
	return 0;
}

int modules_each_reverse(int (*fn)(struct module *m, void *arg), void *arg)
{
	order_make();
	for (unsigned i = n_ordered; i-- > 0;) {
		int r = fn(order[i], arg);
		if (r != 0)
			return r;
	}
	return 0;
}
