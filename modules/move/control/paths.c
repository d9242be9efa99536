/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/move/control/paths.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "modules/provider/provider.h"

#define HELD_TICKS 15 /* seconds that a path is held for who asks again */

struct held {
	struct provider_path *path;
	unsigned ticks;
	struct held *next;
};
static struct held *all;

static struct held *held_find(uint8_t network, const struct ip *to)
{
	for (struct held *h = all; h; h = h->next)
		if (h->path->network == network && ip_equal(&h->path->remote, to))
			return h;
	struct held *h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->path = provider_path_hold(network, to);
	if (!h->path) {
		free(h);
		return NULL;
	}
	h->next = all;
	return all = h;
}

int move_path_check(const char *network, const struct ip *to, struct err *e)
{
	char text[IP_TEXT_SIZE];
	int index = provider_network_find(network);
	struct held *h = index < 0 ? NULL : held_find((uint8_t)index, to);
	if (index < 0)
		return err_set(e, EINVAL, "provider-network", "this host has no address in `%s`", network);
	if (!h)
		return err_set(e, ENOMEM, NULL, "out of memory");
	h->ticks = HELD_TICKS;
	if (atomic_load(&h->path->way))
		return 0;
	return err_set(e, EAGAIN, "to", "this host has no way to %s: %s; its records lead where they did",
		       ip_format(to, text), h->path->waiting ? h->path->waiting : "nobody has answered yet");
}

static void sweep(unsigned by)
{
	for (struct held **at = &all; *at;) {
		struct held *h = *at;
		if (h->ticks > by) {
			h->ticks -= by;
			at = &h->next;
			continue;
		}
		*at = h->next;
		provider_path_release(h->path);
		free(h);
	}
}

void move_paths_tick(void) { sweep(1); }

void move_paths_free(void) { sweep(HELD_TICKS); }
