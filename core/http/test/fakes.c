/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/test/fakes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "core/control/module.h"
#include "core/runtime/capture.h"
#include "core/runtime/drop.h"
#include "core/runtime/explain.h"
#include "core/runtime/worker.h"

struct fake fake;
struct counter_row fake_rows[FAKE_ADAPTERS], fake_departed;
static struct api_document *document;

static const char document_json[] =
	"{\"host\": {\"name\": \"node1\"},"
	" \"switches\": [{\"name\": \"lab\", \"type\": \"external\", \"uplink\": \"eth1\"}],"
	" \"adapters\": [{\"name\": \"vm1\", \"owner\": \"vm\", \"switch\": \"lab\","
	"   \"mac-address\": \"00:15:5d:00:00:01\", \"attach\": {\"vhost-user\": \"/run/vm1.sock\"}}]}";

static void port_status(struct port *p, json_t *object)
{
	if (fake.peer && p->role == PORT_GUEST)
		json_object_set_new(object, "peer", json_string(fake.peer));
	json_object_set_new(object, "link", json_string("up"));
}

static const struct port_ops ops = {.kind = "vhost-user", .status = port_status};
static const struct port_ops silent = {.kind = "tap"};
static struct port port[FAKE_ADAPTERS] = {
	[FAKE_VM1] = {.ops = &ops, .role = PORT_GUEST},
	[FAKE_HOST] = {.ops = &silent, .role = PORT_HOST, .mac = {{0, 0x15, 0x5d, 0, 0, 2}}},
	[FAKE_WIRE] = {.ops = &ops, .role = PORT_UPLINK},
};

static const struct node admit = {.name = "test_admit", .stage = STAGE_ADMIT};
static const struct node forward = {.name = "test_forward", .stage = STAGE_FORWARD};
static struct dp_switch lab;
static struct dp_adapter adapter[FAKE_ADAPTERS] = {
	[FAKE_VM1] = {.id = FAKE_VM1,
		      .role = PORT_GUEST,
		      .name = "vm1",
		      .mac = {{0, 0x15, 0x5d, 0, 0, 1}},
		      .ingress = {&admit},
		      .n_ingress = 1},
	[FAKE_HOST] = {.id = FAKE_HOST, .role = PORT_HOST, .name = "lab"},
	[FAKE_WIRE] = {.id = FAKE_WIRE, .role = PORT_UPLINK, .name = "wire:lab"},
};
static struct dp_adapter *adapters[FAKE_ADAPTERS + 1] = {&adapter[0], &adapter[1], &adapter[2], NULL};
static struct dp_switch *switches[] = {&lab};
static struct dataplane dataplane = {
	.adapters = adapters, .n_adapters = FAKE_ADAPTERS + 1, .switches = switches, .n_switches = 1};

DROP(test, fake_spoofed, "mac-spoofed", "for the tests")
DROP(test, fake_no_destination, "no-destination", "for the tests")

void fake_clear(void)
{
	api_document_free(document);
	document = NULL;
}

void fake_reset(void)
{
	struct err e = {0};
	fake_clear();
	drop_init();
	json_t *json = json_loads(document_json, 0, NULL);
	if (!json || api_document_decode(json, &document, &e) < 0) {
		fprintf(stderr, "the fake document is wrong: %s: %s\n", e.path, e.text);
		abort();
	}
	json_decref(json);
	fake = (struct fake){.dataplane = true, .peer = "connected", .rollback_revision = -2};
	lab = (struct dp_switch){
		.name = "lab", .members = adapters, .n_members = FAKE_ADAPTERS, .uplink = &adapter[FAKE_WIRE]};
	for (unsigned i = 0; i < FAKE_ADAPTERS; i++) {
		adapter[i].port = &port[i];
		adapter[i].sw = &lab;
		adapter[i].forward = &forward;
	}
	memset(fake_rows, 0, sizeof(fake_rows));
	fake_departed = (struct counter_row){0};
	fake_rows[FAKE_VM1] = (struct counter_row){.received = 10,
						   .received_bytes = 600,
						   .ingress_copies = 1,
						   .forwarded = 9,
						   .consumed = 1,
						   .offered = 4,
						   .egress_copies = 2,
						   .delivered = 4,
						   .delivered_bytes = 400,
						   .handed = 8,
						   .taken = 7};
	fake_rows[FAKE_VM1].drop_in[drop_fake_spoofed.id] = 1;
	fake_rows[FAKE_VM1].drop_out[drop_fake_no_destination.id] = 1;
	fake_rows[FAKE_WIRE] = (struct counter_row){.offered = 5, .delivered = 5, .delivered_bytes = 300};
}

/* The engine. */
static int engine_answer(json_t **ret_answer, struct err *e)
{
	if (fake.engine_result < 0)
		return err_set(e, -fake.engine_result, "adapters[0].name", "refused by the test");
	*ret_answer = json_pack("{s:i, s:[], s:[], s:i}", "revision", 7, "changes", "warnings", "confirm-within", 0);
	return 0;
}

int engine_apply(json_t *json, const struct engine_options *o, json_t **ret_answer, struct err *e)
{
	struct api_document *doc;
	int r = api_document_decode(json, &doc, e);
	if (r < 0)
		return r;
	api_document_free(doc);
	fake.options = *o;
	fake.applied++;
	return engine_answer(ret_answer, e);
}

int engine_diff(json_t *json, json_t **ret_answer, struct err *e)
{
	if (fake.engine_result < 0)
		return engine_answer(NULL, e);
	*ret_answer = json_pack("{s:[]}", "changes");
	return 0;
}

int engine_confirm(json_t **ret_answer, struct err *e) { return engine_answer(ret_answer, e); }

int engine_rollback(int64_t revision, json_t **ret_answer, struct err *e)
{
	fake.rollback_revision = revision;
	return engine_answer(ret_answer, e);
}

const struct api_document *engine_document(void) { return document; }
uint64_t engine_revision(void) { return 7; }
json_t *engine_revisions(void) { return json_pack("[{s:i, s:b}]", "revision", 7, "current", 1); }
uint32_t engine_unconfirmed_s(void) { return fake.unconfirmed_s; }

static void module_status_adapter(const struct api_adapter *ad, json_t *object)
{
	json_array_append_new(json_object_get(object, "not-enforced"),
			      json_string("minimum bandwidth: no uplink speed"));
}

static void module_status_switch(const struct api_switch *sw, json_t *object)
{
	json_object_set_new(object, "ports", json_integer(3));
}

int modules_each(int (*fn)(struct module *m, void *arg), void *arg)
{
	static struct module module = {.status_adapter = module_status_adapter,
				       .status_switch = module_status_switch};
	static struct module quiet;
	int r = fn(&quiet, arg);
	return r ? r : fn(&module, arg);
}

/* The dataplane. */
const struct dataplane *dataplane_current(void) { return fake.dataplane ? &dataplane : NULL; }
void counter_node_read(uint16_t node, struct counter_node *ret) { *ret = (struct counter_node){10, 7}; }
const struct node *dataplane_node(unsigned index) { return index == 0 ? &admit : index == 1 ? &forward : NULL; }
const char *stage_name(enum stage s) { return s == STAGE_ADMIT ? "admit" : "forward"; }
const struct counter_row *counter_departed(void) { return &fake_departed; }
unsigned worker_count(void) { return 1; }

void counter_read_all(struct counter_row *rows, uint16_t n)
{
	for (uint16_t i = 0; i < n && i < FAKE_ADAPTERS; i++)
		rows[i] = fake_rows[i];
}

void counter_worker_read(unsigned worker, struct counter_worker *ret)
{
	*ret = (struct counter_worker){
		.packets = 10, .busy_cycles = 2000, .idle_cycles = 30, .rounds = 5, .sleeps = 1};
}

struct worker *worker_get(unsigned id)
{
	static struct worker worker = {.core = 1};
	return &worker;
}

int explain_run(const char *from, const uint8_t *frame, size_t len, json_t **ret_answer, struct err *e)
{
	if (!strcmp(from, "nobody"))
		return err_set(e, ENOENT, "from", "there is no adapter nobody");
	snprintf(fake.explain_from, sizeof(fake.explain_from), "%s", from);
	fake.explain_len = len;
	fake.explain_last = frame[len - 1];
	*ret_answer = json_pack("{s:s}", "outcome", "delivered to vm2");
	return 0;
}

/* Captures: "block\n" whenever the test says so. */
int capture_open(const struct capture_options *o, struct capture **ret_capture, struct err *e)
{
	if (o->filter && !strcmp(o->filter, "wrong"))
		return err_set(e, EINVAL, "filter", "syntax error");
	snprintf(fake.capture_adapter, sizeof(fake.capture_adapter), "%s", o->adapter ? o->adapter : "-");
	snprintf(fake.capture_filter, sizeof(fake.capture_filter), "%s", o->filter ? o->filter : "-");
	fake.capture_snaplen = o->snaplen;
	fake.capture_count = o->count;
	fake.captures_open++;
	*ret_capture = (struct capture *)&fake;
	return 0;
}

long capture_read(struct capture *c, char *buf, size_t max)
{
	if (!fake.capture_ready)
		return fake.capture_finished ? -1 : 0;
	fake.capture_ready = false;
	return snprintf(buf, max, "block\n");
}

void capture_close(struct capture *c) { fake.captures_open--; }
