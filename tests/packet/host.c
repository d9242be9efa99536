/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/packet/host.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/document.h"
#include "base/err.h"
#include "core/control/loop.h"
#include "base/clock.h"
#include "core/control/module.h"
#include "core/runtime/inject.h"
#include "core/runtime/drop_note.h"
#include "core/runtime/punt.h"
#include "core/runtime/rcu.h"
#include "core/runtime/test/test_eal.h"
#include "core/runtime/worker.h"

#define GOT_MAX 4096
#define START_MS 1000000ull

static struct {
	const struct dp_adapter *adapter;
	struct frame *frame;
} got[GOT_MAX];
static unsigned n_got;
static struct frame_pools pools;
static struct pipe pipe_;
static unsigned rows_end; /* adapters from here on have never had a row */
static struct api_document *running;

/* The fake ports: one driver for each kind that a document can name. */

static int fake_open(const struct port_spec *spec, struct port **ret_port, struct err *e);

static int fake_place(struct port *p, struct err *e) { return 0; }

static int fake_configure(struct port *p, const struct port_spec *spec, struct err *e)
{
	p->mtu = spec->mtu;
	p->mac = spec->mac;
	return 0;
}

static unsigned ports_open;

unsigned host_ports_open(void) { return ports_open; }

static void fake_close(struct port *p, bool remove)
{
	ports_open--;
	port_fini(p);
	free(p);
}

static void fake_status(struct port *p, json_t *object) { json_object_set_new(object, "link", json_string("up")); }

static uint16_t fake_rx(struct port_queue *q, struct frame **frames, uint16_t n) { return 0; }

static uint16_t fake_tx(struct port_queue *q, struct frame **frames, uint16_t n)
{
	const struct dataplane *dp = dataplane_current();
	for (uint16_t i = 0; i < n; i++) {
		if (n_got == GOT_MAX)
			fail_msg("more than %d frames came out", GOT_MAX);
		for (uint16_t k = 0; k < dp->n_adapters; k++)
			if (dp->adapters[k] && dp->adapters[k]->port == q->port && !dp->adapters[k]->is_compartment)
				got[n_got].adapter = dp->adapters[k];
		got[n_got++].frame = frames[i];
	}
	return n;
}

#define FAKE(ident, text)                                                                                            \
	static const struct port_ops fake_##ident = {.kind = (text),                                                 \
						     .open = fake_open,                                              \
						     .place = fake_place,                                            \
						     .configure = fake_configure,                                    \
						     .close = fake_close,                                            \
						     .status = fake_status,                                          \
						     .rx = fake_rx,                                                  \
						     .tx = fake_tx};                                                 \
	PORT_DRIVER(fake_##ident)
FAKE(tap, "tap")
FAKE(vhost, "vhost-user")
FAKE(interface, "interface")
FAKE(dpdk, "dpdk")

static int fake_open(const struct port_spec *spec, struct port **ret_port, struct err *e)
{
	struct port *p = calloc(1, sizeof(*p));
	assert_non_null(p);
	assert_int_equal(port_init(p, port_driver_find(spec->kind), spec), 0);
	if (!p->mtu)
		p->mtu = 1500;
	p->capabilities = PORT_CAN_CSUM | PORT_CAN_TSO4 | PORT_CAN_TSO6;
	*ret_port = p;
	ports_open++;
	return 0;
}

void host_start(void)
{
	struct err e = {0};
	assert_true(test_eal_start(64, false));
	assert_int_equal(frame_init(), 0);
	assert_int_equal(frame_pools_create(&pools, 2048, 64), 0);
	port_pools_set(&pools);
	drop_init();
	assert_int_equal(loop_init(), 0);
	assert_int_equal(punt_init(), 0);
	assert_int_equal(drop_notes_init(), 0);
	worker_get(0)->inbox = rte_ring_create("inbox", WORKER_INBOX, SOCKET_ID_ANY, 0);
	assert_non_null(worker_get(0)->inbox);
	clock_test_set(START_MS * 1000000);
	assert_int_equal(modules_init(&e), 0);
	running = api_document_empty();
	pipe_.pools = &pools;
	pipe_.now_ms = START_MS;
	pipe_.rows = calloc(DP_ADAPTERS_MAX, sizeof(*pipe_.rows));
	pipe_.outs = calloc(DP_ADAPTERS_MAX, sizeof(*pipe_.outs));
	pipe_.listed = calloc(DP_ADAPTERS_MAX, sizeof(*pipe_.listed));
	assert_true(pipe_.rows && pipe_.outs && pipe_.listed);
}

/* Modules that prepared, so that only those are aborted. */
struct prepared {
	struct txn *t;
	struct err *e;
	const struct module *failed;
};

static int call_prepare(struct module *m, void *arg)
{
	struct prepared *p = arg;
	int rc = m->prepare ? m->prepare(p->t, p->e) : 0;
	if (rc)
		p->failed = m;
	return rc;
}

static int call_abort(struct module *m, void *arg)
{
	struct prepared *p = arg;
	if (m == p->failed)
		p->failed = NULL;
	else if (!p->failed && m->abort)
		m->abort(p->t);
	return 0;
}

static int call_commit(struct module *m, void *arg)
{
	if (m->commit)
		m->commit(((struct prepared *)arg)->t);
	return 0;
}

static int call_retire(struct module *m, void *arg)
{
	if (m->retire)
		m->retire(((struct prepared *)arg)->t);
	return 0;
}

static int apply(const char *yaml, struct err *e)
{
	json_t *json = NULL;
	struct api_document *next = NULL;
	int rc = api_text_parse(yaml, strlen(yaml), &json, e);
	if (!rc)
		rc = api_document_decode(json, &next, e);
	json_decref(json);
	if (rc)
		return rc;
	struct txn t = {.prev = running, .next = next, .dp = calloc(1, sizeof(*t.dp)), .warnings = json_array()};
	struct prepared p = {.t = &t, .e = e};
	rc = modules_each(call_prepare, &p);
	if (rc) {
		modules_each_reverse(call_abort, &p);
		dataplane_free(t.dp);
		api_document_free(next);
	} else {
		dataplane_wire(t.dp);
		modules_each(call_commit, &p);
		struct dataplane *old = dataplane_publish(t.dp);
		modules_each(call_retire, &p);
		dataplane_free(old);
		api_document_free(running);
		running = next;
	}
	json_decref(t.warnings);
	return rc;
}

void host_apply(const char *yaml)
{
	struct err e = {0};
	char text[700];
	if (apply(yaml, &e))
		fail_msg("refused: %s", err_format(&e, text, sizeof(text)));
	const struct dataplane *dp = dataplane_current();
	pipe_.dp = dp;
	if (rows_end < dp->n_adapters)
		rows_end = dp->n_adapters;
	for (uint16_t i = 0; i < dp->n_adapters; i++) {
		if (pipe_.rows[i])
			continue;
		pipe_.rows[i] = calloc(1, sizeof(struct counter_row));
		pipe_.outs[i] = calloc(1, sizeof(struct pipe_out));
		assert_true(pipe_.rows[i] && pipe_.outs[i]);
	}
}

const char *host_apply_refused(const char *yaml)
{
	static char text[700];
	struct err e = {0};
	return apply(yaml, &e) ? err_format(&e, text, sizeof(text)) : NULL;
}

static const struct dp_adapter *adapter(const char *name)
{
	const struct dataplane *dp = dataplane_current();
	for (uint16_t i = 0; i < dp->n_adapters; i++)
		if (dp->adapters[i] && !strcmp(dp->adapters[i]->name, name))
			return dp->adapters[i];
	fail_msg("no adapter %s", name);
	return NULL;
}

void host_send_burst(const char *name, struct frame **frames, uint16_t n)
{
	pipe_input(&pipe_, adapter(name), frames, n);
	pipe_flush(&pipe_);
}

void host_send_frame(const char *name, struct frame *f) { host_send_burst(name, &f, 1); }

struct frame *host_frame(const void *data, size_t len)
{
	struct frame *f = frame_alloc(len <= FRAME_SMALL_ROOM ? pools.small : pools.big);
	assert_non_null(f);
	memcpy(rte_pktmbuf_append(&f->m, (uint16_t)len), data, len);
	return f;
}

void host_send(const char *name, const void *data, size_t len) { host_send_frame(name, host_frame(data, len)); }

struct frame *host_got(const char *name, unsigned index)
{
	const struct dp_adapter *a = adapter(name);
	for (unsigned i = 0; i < n_got; i++)
		if (got[i].adapter == a && !index--)
			return got[i].frame;
	return NULL;
}

unsigned host_got_count(const char *name)
{
	unsigned n = 0;
	while (host_got(name, n))
		n++;
	return n;
}

unsigned host_got_total(void) { return n_got; }

void host_clear(void)
{
	for (unsigned i = 0; i < n_got; i++)
		frame_free(got[i].frame);
	n_got = 0;
}

const struct counter_row *host_row(const char *name) { return pipe_.rows[adapter(name)->id]; }

uint64_t host_dropped(const char *reason)
{
	const struct drop_reason *r = drop_by_name(reason);
	uint64_t n = 0;
	assert_non_null(r);
	for (unsigned i = 0; i < rows_end; i++)
		if (pipe_.rows[i])
			n += pipe_.rows[i]->drop_in[r->id] + pipe_.rows[i]->drop_out[r->id];
	return n;
}

void host_check_books(void)
{
	uint64_t forwarded = 0, offered = 0;
	for (unsigned i = 0; i < rows_end; i++) {
		const struct counter_row *r = pipe_.rows[i];
		uint64_t in = 0, out = 0;
		for (uint16_t d = 0; r && d < drop_count(); d++) {
			in += r->drop_in[d];
			out += r->drop_out[d];
		}
		if (!r)
			continue;
		assert_int_equal(r->received + r->ingress_copies + r->originated, r->forwarded + r->consumed + in);
		assert_int_equal(r->offered + r->egress_copies, r->delivered + out + r->handed - r->taken);
		forwarded += r->forwarded;
		offered += r->offered;
	}
	assert_int_equal(forwarded, offered);
}

/* What the control thread made leaves by the ports. */
static bool injected_enter(void)
{
	void *f;
	bool any = false;
	while (!rte_ring_dequeue(worker_get(0)->inbox, &f)) {
		inject_enter(&pipe_, f);
		any = true;
	}
	pipe_flush(&pipe_);
	return any;
}

void host_turn(void)
{
	do
		assert_int_equal(loop_turn(), 0);
	while (injected_enter());
	rcu_reclaim();
}

static int call_tick(struct module *m, void *unused)
{
	if (m->tick)
		m->tick();
	return 0;
}

void host_pass(uint64_t ms)
{
	while (ms) {
		uint64_t step = RTE_MIN(ms, 1000u);
		clock_test_advance(step * 1000000);
		pipe_.now_ms += step;
		modules_each(call_tick, NULL);
		host_turn();
		ms -= step;
	}
}

struct port *host_port(const char *name) { return adapter(name)->port; }

struct pipe *host_pipe(void) { return &pipe_; }
