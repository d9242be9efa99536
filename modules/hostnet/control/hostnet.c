/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's own IP on its adapters, through a transaction. prepare makes what is new beside what is there
 * (addresses first, then what interfaces taken over carried); commit breaks what is left over. A restart finds
 * everything made and touches nothing.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "core/control/engine.h"
#include "core/control/interface.h"
#include "core/control/module.h"
#include "core/control/netlink.h"
#include "modules/hostnet/control/adapter.h"
#include "modules/hostnet/control/contest.h"
#include "modules/hostnet/control/dhcp.h"
#include "modules/hostnet/control/rollback.h"
#include "modules/hostnet/control/takeovers.h"
#include "modules/hostnet/control/watch.h"

#define LOOK_AGAIN_NS (30ull * 1000000000) /* for what no message tells of: a deleted route */

static struct netlink *nl;
static struct host_adapters running, preparing;
static bool changed; /* something may not be as it should */
static uint64_t looked_ns;

/* ---- DHCP ---------------------------------------------------------------------------------------------- */

static void lease_changed(struct dhcp_client *c, void *unused)
{
	for (size_t i = 0; i < running.n; i++) {
		struct host_adapter *a = &running.at[i];
		if (a->dhcp != c)
			continue;
		struct takeover *t = takeovers_by_tap(a->ifname);
		(void)adapter_sync(nl, a, SYNC_BOTH, NULL);
		if (t && dhcp_lease(c)) {
			takeover_lease_changed(nl, t, dhcp_lease(c));
			(void)takeovers_store();
		}
		adapter_sync_dns(a);
	}
	(void)adapters_sync_strong(nl, &running, SYNC_BOTH);
}

/* Written out, or what the interface taken over did. */
static bool needs_dhcp(const struct host_adapter *a)
{
	const struct takeover *t = takeovers_by_tap(a->ifname);
	return a->wants_dhcp || (t && t->others.dhcp);
}

static struct dhcp_client *dhcp_for(const struct host_adapter *a)
{
	const struct takeover *t = takeovers_by_tap(a->ifname);
	struct dhcp_options o = {.ifname = a->ifname};
	if (t && t->others.dhcp) { /* as whoever got the lease that goes on */
		o.client_id = t->others.client_id;
		o.wanted = t->others.dhcp_address;
	}
	return dhcp_new(&o, engine_state_dir(), lease_changed, NULL);
}

/* Clients stay with their tap; those of taps that want none any more end. */
static void dhcp_hand_over(struct host_adapters *from, struct host_adapters *to)
{
	for (size_t i = 0; i < to->n; i++) {
		struct host_adapter *a = &to->at[i], *old = adapters_find(from, a->name);
		a->dhcp = NULL;
		if (!needs_dhcp(a))
			continue;
		if (old && old->dhcp && !strcmp(old->ifname, a->ifname)) {
			a->dhcp = old->dhcp;
			old->dhcp = NULL;
		} else {
			a->dhcp = dhcp_for(a);
		}
	}
	for (size_t i = 0; i < from->n; i++) {
		dhcp_free(from->at[i].dhcp, true);
		from->at[i].dhcp = NULL;
	}
}

/* ---- the transaction ----------------------------------------------------------------------------------- */

/* What the new document adds; what it lets go stays until commit. */
static int add_all(struct txn *t, struct err *e)
{
	for (size_t i = 0; i < preparing.n; i++) {
		struct host_adapter *a = &preparing.at[i], *old = adapters_find(&running, a->name);
		struct err why = {0};
		if (old && !strcmp(old->ifname, a->ifname)) {
			a->dhcp = old->dhcp; /* its lease is wanted; commit decides whose it is */
			a->dns_set = old->dns_set;
		}
		if (adapter_sync(nl, a, SYNC_ADD, &why) < 0 && !t->restarting) {
			*e = why;
			return -EIO;
		}
	}
	return 0;
}

static void remove_added(void)
{
	for (size_t i = 0; i < running.n; i++)
		(void)adapter_sync(nl, &running.at[i], SYNC_REMOVE, NULL);
}

static int prepare(struct txn *t, struct err *e)
{
	takeovers_load_all();
	int rc = adapters_check(t->next, e);
	if (rc < 0 || t->dry_run)
		return rc < 0 ? rc : takeovers_preview(nl, t, e);
	rc = adapters_build(t->next, &preparing, e);
	if (rc < 0)
		return rc;
	host_taps_store(&running, &preparing);
	rc = add_all(t, e);
	if (!rc)
		rc = takeovers_prepare(nl, t, &preparing, e);
	if (rc < 0) {
		remove_added();
		adapters_free(&preparing);
	}
	return rc;
}

static void abort_(struct txn *t)
{
	if (t->dry_run)
		return;
	takeovers_undo(nl);
	remove_added();
	adapters_free(&preparing);
}

static void let_go(const struct host_adapters *old)
{
	for (size_t i = 0; i < old->n; i++) {
		const struct host_adapter *a = &old->at[i];
		const struct host_adapter *now = adapters_find(&running, a->name);
		if (now && !strcmp(now->ifname, a->ifname))
			continue;
		adapter_forget_dns(a);
		(void)adapter_clear_strong(nl, a);
		others_let_in(a->ifname, &(struct others){0});
	}
}

static void commit(struct txn *t)
{
	struct host_adapters old = running;
	running = preparing;
	preparing = (struct host_adapters){0};
	dhcp_hand_over(&old, &running);
	for (size_t i = 0; i < running.n; i++)
		(void)others_keep_off(running.at[i].ifname);
	takeovers_commit(nl,
			 t->next); /* tells managers of interfaces last: what they do in answer is put right next */
	let_go(&old);
	for (size_t i = 0; i < running.n; i++) {
		(void)adapter_sync(nl, &running.at[i], SYNC_BOTH, NULL);
		adapter_sync_dns(&running.at[i]);
	}
	(void)adapters_sync_strong(nl, &running, SYNC_BOTH);
	host_taps_store(&running, NULL);
	adapters_free(&old);
	changed = true; /* taps of the old document go in retire: look once more then */
}

static void retire(struct txn *t)
{
	takeovers_retire();
	for (size_t i = 0; i < running.n; i++) {
		if (running.at[i].dhcp)
			dhcp_start(running.at[i].dhcp);
		if (!t->restarting)
			adapter_announce(&running.at[i]);
	}
}

/* ---- while it runs ------------------------------------------------------------------------------------- */

static void look_again(void)
{
	changed = false;
	looked_ns = clock_now_ns();
	for (size_t i = 0; i < running.n; i++) {
		struct host_adapter *a = &running.at[i];
		uint32_t before = a->ifindex;
		a->repairing = before != 0;
		if (adapter_sync(nl, a, SYNC_BOTH, NULL) == 0 && before && a->ifindex != before)
			(void)takeovers_replay(nl, a->ifname);
		a->repairing = false;
		if (a->dns_failed) /* whoever keeps the name servers may have been busy, as all are while a machine starts */
			adapter_sync_dns(a);
	}
	(void)adapters_sync_strong(nl, &running, SYNC_BOTH);
}

static void tick(void)
{
	contest_settle(nl);
	if (takeovers_tick(nl, engine_document(), &running))
		changed = true;
	for (size_t i = 0; i < running.n; i++)
		if (running.at[i].dhcp)
			dhcp_tick(running.at[i].dhcp);
	if (running.n && (changed || clock_now_ns() - looked_ns > LOOK_AGAIN_NS))
		look_again();
}

static void on_address(uint32_t ifindex) { contest_clean(nl, ifindex); }

static void on_changed(void)
{
	changed = true;
	contest_hold(nl);
}

static const struct watch_callbacks callbacks = {.address = on_address, .changed = on_changed};

static void status_adapter(const struct api_adapter *ad, json_t *object)
{
	const struct host_adapter *a = adapters_find(&running, ad->name);
	if (a)
		adapter_status(nl, a, object);
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static int init(struct err *e)
{
	int rc = netlink_open(-1, &nl);
	if (!rc)
		rc = watch_start(&callbacks);
	if (rc < 0)
		return err_set(e, -rc, NULL, "rtnetlink cannot be used: %s", strerror(-rc));
	takeovers_load_all(); /* before a port silences anything, which adds to them */
	interface_listen(&takeovers_listener);
	return 0;
}

/* Without restore the host's adapters keep what they have, and where one carries on for an interface that does
 * so itself while weftd is away: stopping weftd does not cut the administrator's SSH. */
static void stop(bool restore)
{
	for (size_t i = 0; i < running.n; i++) {
		dhcp_free(running.at[i].dhcp, restore);
		running.at[i].dhcp = NULL;
	}
	if (!restore) {
		takeovers_stand_in(nl);
		/* Its rules would send the interface's answers through the tap that nobody serves now. */
		(void)adapters_clear_strong(nl, &running);
		return;
	}
	takeovers_restore(nl);
	for (size_t i = 0; i < running.n; i++) {
		adapter_forget_dns(&running.at[i]);
		others_let_in(running.at[i].ifname, &(struct others){0});
	}
	(void)adapters_clear_strong(nl, &running);
	host_taps_store(NULL, NULL);
}

static void fini(void)
{
	interface_listen(NULL);
	watch_stop();
	takeovers_fini();
	adapters_free(&running);
	netlink_close(nl);
	nl = NULL;
}

static const char *const depends_on[] = {"port-wire", "vswitch", NULL};

static struct module hostnet = {
	.name = "hostnet",
	.depends_on = depends_on,
	.init = init,
	.fini = fini,
	.prepare = prepare,
	.commit = commit,
	.abort = abort_,
	.retire = retire,
	.stop = stop,
	.guard_rollback = hostnet_rollback,
	.status_adapter = status_adapter,
	.tick = tick,
};
MODULE(hostnet)
