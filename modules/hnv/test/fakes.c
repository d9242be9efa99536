/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/hnv/test/fakes.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <netinet/in.h>

#include "base/err.h"
#include "core/control/engine.h"
#include "core/control/module.h"
#include "core/runtime/rcu.h"
#include "modules/hnv/control/nexts.h"
#include "modules/vswitch/vswitch.h"

#define NAMES_MAX 256

char fake_refusal[700];
size_t fake_warnings;

static const char *folder;
static struct module *hnv;
static struct api_document *running, *coming;
static struct dataplane *plane;
unsigned provider_slot;

/* Modules that hnv depends on. */
static struct module vswitch = {.name = "vswitch"}, l2 = {.name = "l2"}, provider = {.name = "provider"};
MODULE(vswitch)
MODULE(l2)
MODULE(provider)

static void own_nothing(uint8_t *own) {}
static struct hnv_encapsulation nvgre = {
	.name = "nvgre", .ip_protocol = 47, .header_len = 8, .overhead = 22, .prepare = own_nothing};
static struct hnv_encapsulation vxlan = {.name = "vxlan",
					 .ip_protocol = 17,
					 .udp_port = 4789,
					 .header_len = 16,
					 .overhead = 30,
					 .prepare = own_nothing};
HNV_ENCAPSULATION(nvgre)
HNV_ENCAPSULATION(vxlan)

const char *engine_state_dir(void) { return folder; }

static json_t *fact; /* there is one */

json_t *engine_fact_get(const char *name) { return folder ? json_incref(fact) : NULL; }

int engine_fact_set(const char *name, json_t *value)
{
	if (!folder)
		return -ESHUTDOWN;
	json_decref(fact);
	fact = json_incref(value);
	return 0;
}

/* Provider networks: numbered by name as they come. */
static char names[NAMES_MAX][64];
static size_t n_names;

static int name_number(const char *name)
{
	for (size_t i = 0; i < n_names; i++)
		if (!strcmp(names[i], name))
			return (int)i;
	snprintf(names[n_names], sizeof(names[n_names]), "%s", name);
	return (int)n_names++;
}

static const struct api_document *shown(void) { return coming ? coming : running; }

int provider_network_find(const char *name)
{
	for (size_t i = 0; i < shown()->n_provider_addresses; i++)
		if (!strcmp(shown()->provider_addresses[i].provider_network, name))
			return name_number(name);
	return -ENOENT;
}

int provider_network_of(const char *switch_name)
{
	for (size_t i = 0; i < shown()->n_provider_addresses; i++)
		if (!strcmp(shown()->provider_addresses[i].switch_name, switch_name))
			return name_number(shown()->provider_addresses[i].provider_network);
	return -ENOENT;
}

struct fake_path {
	struct provider_path pub;
	struct provider_way *made;
	unsigned holders;
	struct fake_path *next;
};
static struct fake_path *paths;
static size_t groups;
static void (*changed[2])(struct provider_path *p);

void provider_watch(void (*fn)(struct provider_path *p)) { changed[changed[0] && changed[0] != fn] = fn; }

bool provider_way_from(const struct provider_path *p, const struct ip *from, struct provider_way *ret)
{
	const struct provider_way *way = atomic_load(&p->way);
	if (way)
		*ret = *way;
	return way;
}

void provider_quoted_by(bool (*ours)(uint8_t network, uint8_t protocol, const uint8_t *bytes, uint32_t len)) {}

struct provider_path *provider_path_hold(uint8_t network, const struct ip *remote)
{
	struct fake_path *p = paths;
	while (p && (p->pub.network != network || !ip_equal(&p->pub.remote, remote)))
		p = p->next;
	if (!p) {
		p = calloc(1, sizeof(*p));
		assert_non_null(p);
		p->pub = (struct provider_path){
			.remote = *remote, .network = network, .waiting = "the neighbour's answer"};
		p->next = paths;
		paths = p;
	}
	p->holders++;
	return &p->pub;
}

void provider_path_release(struct provider_path *pub)
{
	struct fake_path *p = (struct fake_path *)pub, **at = &paths;
	if (!p || --p->holders)
		return;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	rcu_defer(free, p->made);
	rcu_defer(free, p);
}

int provider_group_join(uint8_t network, const struct ip *group)
{
	groups++;
	return 0;
}

void provider_group_leave(uint8_t network, const struct ip *group) { groups--; }

size_t fake_groups(void)
{
	hnv_peers_tick(true);
	return groups;
}

static size_t lent;

int provider_address_lend(uint8_t network, const struct ip *address, const struct mac *mac)
{
	lent++;
	return 0;
}

void provider_address_return(uint8_t network, const struct ip *address) { lent--; }

void provider_address_flush(void) {}

size_t fake_paths(void)
{
	size_t n = 0;
	hnv_peers_tick(true); /* those that nobody holds any more */
	for (const struct fake_path *p = paths; p; p = p->next)
		n++;
	return n;
}

static void way_set(struct fake_path *p, uint16_t mtu)
{
	struct provider_way *way = mtu ? calloc(1, sizeof(*way)) : NULL;
	bool ip6 = p->pub.remote.family == AF_INET6;
	if (way)
		*way = (struct provider_way){
			.header_len = ip6 ? 54 : 34, .l3_off = 14, .ip6 = ip6, .mtu = mtu, .remote = p->pub.remote};
	rcu_defer(free, p->made);
	p->made = way;
	atomic_store(&p->pub.way, way);
	p->pub.waiting = way ? NULL : "the neighbour's answer";
	for (unsigned i = 0; i < 2 && changed[i]; i++)
		changed[i](&p->pub);
}

void fake_way(const char *remote, uint16_t mtu)
{
	struct ip ip;
	struct fake_path *p = paths;
	assert_int_equal(ip_parse(remote, &ip), 0);
	while (p && !ip_equal(&p->pub.remote, &ip))
		p = p->next;
	if (p)
		way_set(p, mtu);
	else
		fail_msg("nobody holds a path to %s", remote);
}

/* Others may be released meanwhile. */
void fake_ways(void)
{
	struct fake_path *p = paths;
	while (p) {
		bool known = atomic_load(&p->pub.way);
		if (!known)
			way_set(p, 1500);
		p = known ? p->next : paths;
	}
}

/* Adapters: the document's, and an uplink for each switch. Ids stay with names. */
static char adapter_names[NAMES_MAX][64];

static uint16_t adapter_id(const char *name)
{
	uint16_t id = 0;
	while (adapter_names[id][0] && strcmp(adapter_names[id], name) != 0)
		id++;
	assert_true(id < NAMES_MAX - 1);
	snprintf(adapter_names[id], sizeof(adapter_names[id]), "%s", name);
	return id;
}

const struct vswitch_adapter *vswitch_adapter_find(const char *name)
{
	static struct vswitch_adapter wire = {.role = PORT_UPLINK, .mtu = 1500};
	return strncmp(name, "wire:", 5) ? NULL : &wire;
}

static struct dp_adapter *adapter_add(struct dataplane *dp, struct dp_switch *sw, const char *name)
{
	struct dp_adapter *a = calloc(1, sizeof(*a));
	assert_non_null(a);
	a->id = adapter_id(name);
	a->sw = sw;
	snprintf(a->name, sizeof(a->name), "%s", name);
	dp->adapters[a->id] = a;
	return a;
}

static void plane_fill(struct dataplane *dp, const struct api_document *doc)
{
	dp->adapters = calloc(NAMES_MAX, sizeof(struct dp_adapter *));
	dp->switches = calloc(doc->n_switches + 1, sizeof(struct dp_switch *));
	dp->n_adapters = NAMES_MAX;
	for (size_t i = 0; i < doc->n_switches; i++) {
		char wire[80];
		struct dp_switch *sw = dp->switches[dp->n_switches++] = calloc(1, sizeof(*sw));
		assert_non_null(sw);
		snprintf(sw->name, sizeof(sw->name), "%s", doc->switches[i].name);
		snprintf(wire, sizeof(wire), "wire:%s", sw->name);
		sw->uplink = adapter_add(dp, sw, wire);
		sw->uplink->role = PORT_UPLINK;
	}
	for (size_t i = 0; i < doc->n_adapters; i++) {
		struct dp_switch *sw = NULL;
		for (uint16_t k = 0; k < dp->n_switches; k++)
			if (!strcmp(dp->switches[k]->name, doc->adapters[i].switch_name))
				sw = dp->switches[k];
		struct dp_adapter *a = adapter_add(dp, sw, doc->adapters[i].name);
		a->role = PORT_GUEST;
		a->mac = doc->adapters[i].mac_address;
		a->vsid = doc->adapters[i].virtual_subnet_id;
	}
}

const struct dataplane *dataplane_current(void) { return plane; }

void dataplane_free(struct dataplane *dp)
{
	if (!dp)
		return;
	for (uint16_t i = 0; i < dp->n_adapters; i++)
		free(dp->adapters[i]);
	for (uint16_t i = 0; i < dp->n_switches; i++)
		free(dp->switches[i]);
	free(dp->adapters);
	free(dp->switches);
	free(dp);
}

void dataplane_synchronize(void) {}

unsigned dp_module_slot(void) { return 3; }

const struct api_document *fake_running(void) { return running; }

const struct dp_adapter *fake_adapter(const char *name)
{
	for (uint16_t i = 0; plane && i < plane->n_adapters; i++)
		if (plane->adapters[i] && !strcmp(plane->adapters[i]->name, name))
			return plane->adapters[i];
	return NULL;
}

struct api_document *fake_document(const char *text)
{
	struct err e = {0};
	json_t *json = NULL;
	struct api_document *doc = NULL;
	if (api_text_parse(text, strlen(text), &json, &e) || api_document_decode(json, &doc, &e))
		fail_msg("%s: %s in\n%s", e.path, e.text, text);
	json_decref(json);
	return doc;
}

int fake_change(struct api_document *doc, enum fake_end end)
{
	struct err e = {0};
	struct txn t = {.prev = running,
			.next = doc,
			.dry_run = end == FAKE_DRY_RUN,
			.dp = calloc(1, sizeof(*t.dp)),
			.warnings = json_array()};
	coming = doc;
	plane_fill(t.dp, doc);
	int rc = hnv->prepare(&t, &e);
	fake_warnings = json_array_size(t.warnings);
	json_decref(t.warnings);
	t.warnings = NULL;
	if (rc)
		err_format(&e, fake_refusal, sizeof(fake_refusal));
	else if (end != FAKE_APPLY)
		hnv->abort(&t);
	coming = NULL;
	if (rc || end != FAKE_APPLY) {
		dataplane_free(t.dp);
		api_document_free(doc);
		return rc;
	}
	struct dataplane *old = plane;
	hnv->commit(&t);
	plane = t.dp;
	struct api_document *before = running;
	running = doc;
	hnv->retire(&t);
	dataplane_free(old);
	api_document_free(before);
	return 0;
}

int fake_apply(const char *text) { return fake_change(fake_document(text), FAKE_APPLY); }

static int is_hnv(struct module *m, void *arg)
{
	if (!strcmp(m->name, "hnv"))
		hnv = m;
	return 0;
}

void fake_start(const char *state_dir)
{
	struct err e = {0};
	folder = state_dir;
	modules_each(is_hnv, NULL);
	running = api_document_empty();
	if (hnv->init(&e))
		fail_msg("%s", e.text);
}

void fake_stop(void)
{
	hnv->fini();
	rcu_drain();
	dataplane_free(plane);
	plane = NULL;
	api_document_free(running);
	running = NULL;
	memset(adapter_names, 0, sizeof(adapter_names));
	assert_int_equal(fake_paths(), 0);
	assert_int_equal(fake_groups(), 0);
	assert_int_equal(lent, 0);
}

void fake_tick(void) { hnv->tick(); }
