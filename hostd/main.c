/* SPDX-License-Identifier: Apache-2.0 */
/* weftd: starts the runtime, whatever modules are linked in, the API and the engine, and ends in reverse. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <rte_version.h>
#include <systemd/sd-daemon.h>

#include "base/err.h"
#include "base/log.h"
#include "core/control/engine.h"
#include "core/control/events.h"
#include "core/control/guard.h"
#include "core/control/loop.h"
#include "core/control/module.h"
#include "core/http/server.h"
#include "core/runtime/drop.h"
#include "core/runtime/eal.h"
#include "core/runtime/frame.h"
#include "core/runtime/port.h"
#include "core/runtime/drop_note.h"
#include "core/runtime/punt.h"
#include "core/runtime/rcu.h"
#include "core/runtime/worker.h"
#include "hostd/options.h"
#include "hostd/sink.h"

enum { EXIT_USAGE = 2 };

#define TICK_MS 1000

static struct frame_pools pools;

static void on_signal(int number) { loop_stop(); }

static void signals_set(void)
{
	struct sigaction stop = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGHUP, &ignore, NULL); /* a closed terminal must not end the host's network */
	sigaction(SIGPIPE, &ignore, NULL);
}

/* A guest costs several descriptors; the usual soft limit of 1024 is there for select(). */
static void descriptors_raise(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int module_tick(struct module *m, void *unused)
{
	if (m->tick)
		m->tick();
	return 0;
}

static void tick(void *watchdog)
{
	modules_each(module_tick, NULL);
	rcu_reclaim();
	if (watchdog)
		sd_notify(0, "WATCHDOG=1");
}

/* EAL, frames and workers. */
static int runtime_start(const struct options *o, struct err *e)
{
	unsigned n_small, n_big;
	int r = eal_start(&o->eal, e);
	if (r < 0)
		return r;
	drop_init();
	eal_frame_counts(&n_small, &n_big);
	r = frame_init();
	if (r == 0)
		r = frame_pools_create(&pools, n_small, n_big);
	if (r < 0) {
		err_set(e, -r, NULL, "no memory for %u + %u frames; give weftd more with --memory", n_small, n_big);
		goto fail;
	}
	port_pools_set(&pools);
	r = punt_init();
	if (r < 0) {
		err_set(e, -r, NULL, "no way from the workers to the control thread: %s", strerror(-r));
		goto fail_pools;
	}
	r = drop_notes_init();
	if (r < 0) {
		err_set(e, -r, NULL, "no way to tell of drops: %s", strerror(-r));
		goto fail_punt;
	}
	r = worker_start_all(o->cores, o->n_cores, e);
	if (r < 0)
		goto fail_notes;
	return 0;
fail_notes:
	drop_notes_fini();
fail_punt:
	punt_fini();
fail_pools:
	frame_pools_free(&pools);
fail:
	eal_stop();
	return r;
}

static void runtime_stop(void)
{
	worker_stop_all();
	rcu_drain();
	drop_notes_fini();
	punt_fini();
	frame_pools_free(&pools);
	eal_stop();
}

static int serve(struct err *e)
{
	static char watchdog; /* its address says yes */
	bool watched = sd_watchdog_enabled(0, &(uint64_t){0}) > 0;
	struct loop_source *ticks = loop_add_timer(TICK_MS, TICK_MS, tick, watched ? &watchdog : NULL);
	if (!ticks)
		return err_set(e, ENOMEM, NULL, "out of memory");
	sd_notify(0, "READY=1");
	int r = loop_run();
	sd_notify(0, "STOPPING=1");
	loop_remove(ticks);
	return r < 0 ? err_set(e, -r, NULL, "the event loop failed: %s", strerror(-r)) : 0;
}

static int run(const struct options *o, struct err *e)
{
	descriptors_raise();
	int r = loop_init();
	if (r < 0)
		return err_set(e, -r, NULL, "the event loop cannot be made: %s", strerror(-r));
	signals_set();
	r = engine_open(o->state, e);
	if (r < 0)
		goto out_loop;
	r = runtime_start(o, e);
	if (r < 0)
		goto out_engine;
	r = modules_init(e);
	if (r < 0)
		goto out_runtime;
	r = http_start(o->socket, e); /* early clients wait for the loop, so they never see half a start */
	if (r < 0)
		goto out_modules;
	r = engine_start(e);
	if (r == 0)
		r = serve(e);
	http_stop();
	engine_stop(false);
out_modules:
	modules_fini();
out_runtime:
	runtime_stop();
out_engine:
	engine_close();
out_loop:
	loop_fini();
	return r;
}

int main(int argc, char **argv)
{
	struct options o;
	struct err e = {0};
	char text[sizeof(e.path) + sizeof(e.text) + 4];
	int r = options_parse(argc, argv, &o, &e);
	if (r < 0) {
		fprintf(stderr, "weftd: %s\n", err_format(&e, text, sizeof(text)));
		return EXIT_USAGE;
	}
	if (o.mode == OPTIONS_HELP) {
		fputs(options_help, stdout);
		return EXIT_SUCCESS;
	}
	if (o.mode == OPTIONS_VERSION) {
		printf("weftd %s (%s)\n", WEFT_VERSION, rte_version());
		return EXIT_SUCCESS;
	}

	events_init();
	sink_open(o.log_level);
	switch (o.mode) {
	case OPTIONS_GUARD:
		r = guard_run(o.state);
		return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	case OPTIONS_RESTORE:
		r = guard_restore(o.state, &e);
		break;
	default:
		r = run(&o, &e);
	}
	if (r < 0) {
		log_error("host", "%s", err_format(&e, text, sizeof(text)));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
