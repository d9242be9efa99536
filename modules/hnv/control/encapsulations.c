/* SPDX-License-Identifier: Apache-2.0 */
/* The register of encapsulations; each is a module that registers itself before main(). */
#include <string.h>

#include "modules/hnv/hnv.h"

static struct hnv_encapsulation *encapsulations; /* by name, so that the order does not depend on the linker */

void hnv_encapsulation_register(struct hnv_encapsulation *e)
{
	struct hnv_encapsulation **at = &encapsulations;
	while (*at && strcmp((*at)->name, e->name) < 0)
		at = &(*at)->next;
	e->next = *at;
	*at = e;
}

const struct hnv_encapsulation *hnv_encapsulation_find(const char *name)
{
	const struct hnv_encapsulation *e = encapsulations;
	while (e && strcmp(e->name, name) != 0)
		e = e->next;
	return e;
}

const struct hnv_encapsulation *hnv_encapsulation_list(void) { return encapsulations; }
