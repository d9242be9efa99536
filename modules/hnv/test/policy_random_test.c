/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random documents one after the other, single records in between, changes that are aborted: whatever was before,
 * workers find what a plain reading of the last document and of the records set since gives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "base/err.h"
#include "base/str.h"
#include "modules/hnv/control/networks.h"
#include "modules/hnv/datapath/routes.h"
#include "modules/hnv/test/fakes.h"

enum { SUBNETS = 5, HOSTS = 5, MACS = 4, ADAPTERS = 6, PROVIDERS = 5, STEPS = 1500 };

/* One customer address of one subnet. */
struct model_record {
	bool there, api;
	unsigned mac, provider;
};

struct model_adapter {
	bool there;
	unsigned subnet, mac;
};

/* What a document says. */
struct model {
	bool subnet[SUBNETS];
	unsigned domain[SUBNETS];
	bool own[PROVIDERS]; /* provider addresses of this host; at least one */
	struct model_adapter adapter[ADAPTERS];
	struct model_record record[SUBNETS][HOSTS];
};

static struct model runs;

static unsigned pick(unsigned n) { return (unsigned)rand() % n; }

static void provider_text(unsigned i, char text[static IP_TEXT_SIZE])
{
	snprintf(text, IP_TEXT_SIZE, i == PROVIDERS - 1 ? "2001:db8::%u" : "198.51.100.%u", 11 + i);
}

/* A document of its own, but mostly like the one that runs. */
static void model_change(struct model *m)
{
	for (unsigned n = pick(6); n > 0; n--) {
		unsigned s = pick(SUBNETS), a = pick(ADAPTERS);
		switch (pick(5)) {
		case 0:
			m->subnet[s] = !m->subnet[s];
			break;
		case 1:
			m->domain[s] = pick(2);
			break;
		case 2:
			m->own[pick(PROVIDERS)] ^= 1;
			break;
		case 3:
			m->adapter[a] = (struct model_adapter){!m->adapter[a].there, s, pick(MACS)};
			break;
		default:
			m->record[s][pick(HOSTS)] =
				(struct model_record){pick(4) > 0, false, pick(MACS), pick(PROVIDERS)};
		}
	}
	bool any = false;
	for (unsigned i = 0; i < PROVIDERS; i++)
		any |= m->own[i];
	m->own[0] |= !any;
}

/* Makes it one that the schema takes: nothing in a subnet that is not there, no adapter twice. */
static void model_tidy(struct model *m)
{
	for (unsigned a = 0; a < ADAPTERS; a++) {
		struct model_adapter *x = &m->adapter[a];
		x->there &= m->subnet[x->subnet];
		for (unsigned b = 0; b < a; b++)
			if (m->adapter[b].there && m->adapter[b].subnet == x->subnet && m->adapter[b].mac == x->mac)
				x->there = false;
	}
	for (unsigned s = 0; s < SUBNETS; s++)
		for (unsigned h = 0; h < HOSTS; h++) {
			struct model_record *r = &m->record[s][h];
			r->there &= m->subnet[s] || r->api;
			if (!r->there && runs.record[s][h].api)
				*r = runs.record[s][h]; /* no document takes it away */
		}
}

static void record_text(struct str *out, unsigned s, unsigned h, const struct model_record *r)
{
	char provider[IP_TEXT_SIZE];
	provider_text(r->provider, provider);
	str_add(out, "{virtual-subnet-id: %u, customer-address: '10.0.%u.%u', mac-address: '02:00:00:00:00:%02x',",
		5001 + s, s, 5 + h, r->mac + 1);
	str_add(out, " provider-address: '%s'},", provider);
}

static char *model_text(const struct model *m)
{
	struct str out = {0};
	char provider[IP_TEXT_SIZE];
	str_add(&out, "switches: [{name: fabric, type: external, uplink: eth1}]\nprovider-addresses: [");
	for (unsigned i = 0; i < PROVIDERS; i++) {
		provider_text(i, provider);
		if (m->own[i])
			str_add(&out, "{switch: fabric, address: '%s/%d'},", provider, i == PROVIDERS - 1 ? 64 : 24);
	}
	str_add(&out, "]\nrouting-domains:\n");
	for (unsigned d = 0; d < 2; d++) {
		str_add(&out, "  - {id: '{11111111-2222-3333-4444-00000000000%u}', virtual-subnets: [", d);
		for (unsigned s = 0; s < SUBNETS; s++)
			if (m->subnet[s] && m->domain[s] == d)
				str_add(&out, "{id: %u, prefix: 10.0.%u.0/24},", 5001 + s, s);
		str_add(&out, "]}\n");
	}
	str_add(&out, "adapters: [");
	for (unsigned a = 0; a < ADAPTERS; a++)
		if (m->adapter[a].there)
			str_add(&out,
				"{name: a%u, owner: vm, switch: fabric, attach: {tap: t%u}, mac-address: '02:00:00:00:00:%02x',"
				" virtual-subnet-id: %u},",
				a, a, m->adapter[a].mac + 1, 5001 + m->adapter[a].subnet);
	str_add(&out, "]\nlookup-records: [");
	for (unsigned s = 0; s < SUBNETS; s++)
		for (unsigned h = 0; h < HOSTS; h++)
			if (m->record[s][h].there && !m->record[s][h].api)
				record_text(&out, s, h, &m->record[s][h]);
	str_add(&out, "]\n");
	char *text = str_take(&out);
	assert_non_null(text);
	return text;
}

static struct ip customer(unsigned s, unsigned h)
{
	return (struct ip){.family = AF_INET, .byte = {10, 0, (uint8_t)s, (uint8_t)(5 + h)}};
}

static int adapter_of(unsigned s, unsigned mac)
{
	for (int a = 0; a < ADAPTERS; a++)
		if (runs.adapter[a].there && runs.adapter[a].subnet == s && runs.adapter[a].mac == mac)
			return a;
	return -1;
}

static void check_record(const struct hnv_network *net, unsigned s, unsigned h)
{
	const struct model_record *r = &runs.record[s][h];
	struct ip ip = customer(s, h), provider;
	char text[IP_TEXT_SIZE], name[8];
	struct hnv_answer got = hnv_records_find(net, 5001 + s, &ip);
	if (!r->there || !runs.subnet[s]) {
		assert_int_equal(got.next, HNV_NEXT_NONE);
		return;
	}
	assert_int_equal(got.mac.byte[5], r->mac + 1);
	const struct hnv_next *next = atomic_load(&hnv_nexts[got.next]);
	assert_non_null(next);
	int adapter = adapter_of(s, r->mac);
	if (!runs.own[r->provider]) {
		assert_int_equal(next->kind, HNV_TUNNEL);
		provider_text(r->provider, text);
		assert_int_equal(ip_parse(text, &provider), 0);
		assert_true(ip_equal(&next->path->remote, &provider));
	} else if (adapter < 0) {
		assert_int_equal(next->kind, HNV_NOWHERE);
	} else {
		snprintf(name, sizeof(name), "a%d", adapter);
		assert_int_equal(next->kind, HNV_LOCAL);
		assert_int_equal(next->adapter, fake_adapter(name)->id);
	}
}

static unsigned hosts_of(unsigned s)
{
	bool seen[PROVIDERS] = {0};
	unsigned n = 0;
	for (unsigned h = 0; h < HOSTS; h++) {
		const struct model_record *r = &runs.record[s][h];
		if (r->there && !runs.own[r->provider] && !seen[r->provider])
			n += seen[r->provider] = true;
	}
	return n;
}

static void check_subnet(const struct hnv_network *net, unsigned s)
{
	const struct hnv_subnet *pub = hnv_subnet_of(net, 5001 + s);
	assert_int_equal(!pub, !runs.subnet[s]);
	if (!pub)
		return;
	assert_int_equal(pub->domain->id[36] - '0', runs.domain[s]);
	const struct hnv_replicas *replicas = atomic_load(&pub->replicas);
	const struct hnv_locals *locals = atomic_load(&pub->locals);
	unsigned adapters = 0;
	for (unsigned a = 0; a < ADAPTERS; a++)
		adapters += runs.adapter[a].there && runs.adapter[a].subnet == s;
	assert_int_equal(replicas ? replicas->n : 0, hosts_of(s));
	assert_int_equal(locals ? locals->n : 0, adapters);
	for (unsigned k = 0; k < SUBNETS; k++) {
		struct ip ip = customer(k, 3);
		const struct hnv_route *route = hnv_routes_lookup(atomic_load(&pub->domain->routes), &ip);
		bool routed = runs.subnet[k] && runs.domain[k] == runs.domain[s];
		assert_int_equal(route ? route->vsid : 0, routed ? 5001 + k : 0);
	}
}

static void check_adapter(const struct hnv_network *net, unsigned a)
{
	const struct model_adapter *x = &runs.adapter[a];
	char name[8];
	snprintf(name, sizeof(name), "a%u", a);
	const struct dp_adapter *dp = fake_adapter(name);
	assert_int_equal(!dp, !x->there);
	if (!dp)
		return;
	const struct hnv_port *port = hnv_port_of(dp);
	assert_ptr_equal(port->net, net);
	assert_ptr_equal(port->subnet, hnv_subnet_of(net, 5001 + x->subnet));
	const struct hnv_addresses *own = atomic_load(&port->own);
	unsigned n = 0;
	for (unsigned h = 0; h < HOSTS; h++) {
		const struct model_record *r = &runs.record[x->subnet][h];
		struct ip ip = customer(x->subnet, h);
		bool found = false;
		for (unsigned i = 0; own && i < own->n; i++)
			found |= ip_equal(&own->address[i], &ip);
		assert_int_equal(found, r->there && r->mac == x->mac);
		n += found;
	}
	assert_int_equal(own ? own->n : 0, n);
}

static void check(void)
{
	const struct hnv_network *net = &hnvc_network_find("default")->pub;
	bool used[PROVIDERS] = {0};
	unsigned paths = 0;
	for (unsigned s = 0; s < SUBNETS; s++) {
		check_subnet(net, s);
		for (unsigned h = 0; h < HOSTS; h++) {
			const struct model_record *r = &runs.record[s][h];
			check_record(net, s, h);
			if (r->there && runs.subnet[s] && !runs.own[r->provider])
				used[r->provider] = true;
		}
	}
	for (unsigned a = 0; a < ADAPTERS; a++)
		check_adapter(net, a);
	for (unsigned i = 0; i < PROVIDERS; i++)
		paths += used[i];
	assert_int_equal(fake_paths(), paths);
}

static void step_document(void)
{
	struct model next = runs;
	enum fake_end end = pick(4) ? FAKE_APPLY : pick(2) ? FAKE_ABORT : FAKE_DRY_RUN;
	model_change(&next);
	model_tidy(&next);
	char *text = model_text(&next);
	assert_int_equal(fake_change(fake_document(text), end), 0);
	free(text);
	if (end == FAKE_APPLY)
		runs = next;
}

static void step_single(void)
{
	unsigned s = pick(SUBNETS), h = pick(HOSTS);
	struct model_record *r = &runs.record[s][h], to = {true, true, pick(MACS), pick(PROVIDERS)};
	const struct hnv_network *net = &hnvc_network_find("default")->pub;
	struct ip ip = customer(s, h);
	char text[IP_TEXT_SIZE];
	if (pick(3) == 0) {
		int wanted = !r->there ? -ENOENT : r->api ? 0 : -EEXIST;
		assert_int_equal(hnv_record_remove(net->index, 5001 + s, &ip), wanted);
		if (!wanted)
			r->there = false;
		return;
	}
	struct hnv_record record = {.network = net->index,
				    .vsid = 5001 + s,
				    .customer = ip,
				    .mac = {{2, 0, 0, 0, 0, (uint8_t)(to.mac + 1)}},
				    .encapsulation = hnv_encapsulation_find("nvgre")};
	provider_text(to.provider, text);
	assert_int_equal(ip_parse(text, &record.provider), 0);
	int wanted = !runs.subnet[s] ? -ENOENT : r->there && !r->api ? -EEXIST : 0;
	assert_int_equal(hnv_record_set(&record, NULL), wanted);
	if (!wanted)
		*r = to;
}

static void test_incremental_is_from_scratch(void **state)
{
	srand(11);
	fake_start(NULL);
	memset(&runs, 0, sizeof(runs));
	runs.own[0] = true;
	char *text = model_text(&runs);
	assert_int_equal(fake_apply(text), 0);
	free(text);
	for (int step = 0; step < STEPS; step++) {
		if (pick(3))
			step_single();
		else
			step_document();
		fake_ways(); /* nothing waits */
		check();
	}
	fake_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_incremental_is_from_scratch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
