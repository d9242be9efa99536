/* SPDX-License-Identifier: Apache-2.0 */
/* The module: a document's way through networks, domains, adapters and records, in that order. */
#include <errno.h>

#include "base/err.h"
#include "core/control/engine.h"
#include "core/control/module.h"
#include "core/runtime/dataplane.h"
#include "core/runtime/rcu.h"
#include "modules/hnv/control/away.h"
#include "modules/hnv/control/detours.h"
#include "modules/hnv/control/domains.h"
#include "modules/hnv/control/gone.h"
#include "modules/hnv/control/held.h"
#include "modules/hnv/control/inforce.h"
#include "modules/hnv/control/locals.h"
#include "modules/hnv/control/networks.h"
#include "modules/hnv/control/nexts.h"
#include "modules/hnv/control/quoted.h"
#include "modules/hnv/control/record_log.h"
#include "modules/hnv/control/records.h"
#include "modules/hnv/control/staged.h"
#include "modules/hnv/control/status.h"
#include "modules/hnv/datapath/records.h"
#include "modules/provider/provider.h"

static int hnv_init(struct err *e)
{
	hnv_slot = dp_module_slot();
	if (hnv_nexts_init())
		return err_set(e, ENOMEM, NULL, "out of memory");
	provider_watch(hnvc_detours_path_changed);
	provider_quoted_by(hnvc_quoted_is_ours);
	hnvc_away_load();
	const char *folder = engine_state_dir();
	return folder ? hnvc_log_open(folder, e) : 0;
}

static void hnv_abort(struct txn *t)
{
	hnvc_staged_abort();
	hnvc_locals_abort();
	hnvc_domains_abort();
	hnvc_networks_abort();
}

static int hnv_prepare(struct txn *t, struct err *e)
{
	int rc = hnvc_networks_prepare(t, e);
	if (!rc)
		rc = hnvc_domains_prepare(t, e);
	if (!rc)
		rc = hnvc_locals_prepare(t, e);
	if (!rc)
		rc = hnvc_staged_prepare(t, e);
	if (rc)
		hnv_abort(t);
	return rc;
}

static void hnv_commit(struct txn *t)
{
	hnvc_networks_commit();
	hnvc_domains_commit();
	hnvc_locals_commit();
	hnvc_staged_commit();
}

static void hnv_retire(struct txn *t)
{
	hnvc_staged_retire();
	hnvc_locals_retire();
	hnvc_domains_retire();
	hnvc_networks_retire();
}

static void hnv_tick(void)
{
	for (struct hnvc_network *net = hnvc_networks(); net; net = net->next)
		hnv_records_tend(&net->pub);
	hnvc_detours_tick();
	hnvc_flush(); /* also what found no memory */
	hnvc_log_tick();
	hnvc_gone_tick();
	hnv_peers_tick(false);
}

/* Workers are gone. What is held goes without a word to the log; the rest as by an empty document. */
static void hnv_fini(void)
{
	hnvc_log_close();
	hnvc_away_unload();
	hnvc_records_let_go();
	hnv_commit(NULL);
	hnv_retire(NULL);
	hnvc_gone_forget();
	hnv_peers_tick(true);
	rcu_drain();
	hnvc_networks_fini();
	hnvc_held_fini();
	hnv_nexts_fini();
}

static const char *const depends_on[] = {"vswitch", "l2", "provider", NULL};

static struct module hnv = {
	.name = "hnv",
	.depends_on = depends_on,
	.init = hnv_init,
	.fini = hnv_fini,
	.prepare = hnv_prepare,
	.commit = hnv_commit,
	.abort = hnv_abort,
	.retire = hnv_retire,
	.status = hnvc_status,
	.status_switch = hnvc_status_switch,
	.tick = hnv_tick,
};
MODULE(hnv)
