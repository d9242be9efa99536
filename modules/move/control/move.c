/* SPDX-License-Identifier: Apache-2.0 */
/* The module: remembers what was prepared, and forgets it when the guest has come. */
#include <stddef.h>

#include "api/document.h"
#include "core/control/engine.h"
#include "core/control/module.h"
#include "modules/move/control/moves.h"
#include "modules/move/control/prepared.h"

static int move_init(struct err *e)
{
	move_prepared_load();
	return 0;
}

/* Also by an applied document or a single record, without a word to this module. */
static bool is_over(const char *adapter)
{
	struct hnv_guest g;
	if (!api_document_adapter(engine_document(), adapter))
		return true;
	return !hnv_guest_find(adapter, &g) && move_state_of(adapter, &g) == MOVE_ACTIVE;
}

static void move_tick(void)
{
	if (engine_document())
		move_prepared_sweep(is_over);
}

static const char *const depends_on[] = {"hnv", "provider", NULL};

static struct module move = {
	.name = "move",
	.depends_on = depends_on,
	.init = move_init,
	.fini = move_prepared_unload,
	.status_adapter = move_status_adapter,
	.tick = move_tick,
};
MODULE(move)
