/* SPDX-License-Identifier: Apache-2.0 */
/* Provider networks as this host has them, and the subnets that anything is known of. */
#include "modules/hnv/control/networks.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "core/control/module.h"
#include "core/runtime/dataplane.h"
#include "modules/hnv/control/nexts.h"
#include "modules/hnv/datapath/records.h"
#include "modules/provider/provider.h"
#include "modules/vswitch/vswitch.h"

unsigned hnv_slot;

static struct hnvc_network *networks;
static struct hnvc_subnet *subnets;
static enum hnv_forwarding coming_forwarding;
static bool coming_vsid_reserved;
static bool coming_external;

struct hnvc_network *hnvc_networks(void) { return networks; }

struct hnvc_network *hnvc_network_of(int side, uint8_t index)
{
	struct hnvc_network *net = networks;
	while (net && !(net->side[side].there && net->side[side].index == index))
		net = net->next;
	return net;
}

struct hnvc_network *hnvc_network_find(const char *name)
{
	struct hnvc_network *net = networks;
	while (net && strcmp(net->name, name) != 0)
		net = net->next;
	return net;
}

static void network_free(struct hnvc_network *net)
{
	hnv_records4_free(net->pub.records4);
	hnv_records6_free(net->pub.records6);
	hnv_map_fini(&net->pub.rewrites);
	for (unsigned i = 0; i < 4096; i++) {
		free((void *)atomic_load(&net->pub.subnets[i]));
		free(net->pages[i]);
	}
	free(net->side[RUNS].own);
	free(net->side[COMES].own);
	free(net->side[RUNS].sources);
	free(net->side[COMES].sources);
	free(net);
}

struct hnvc_network *hnvc_network_make(const char *name)
{
	struct hnvc_network *net = hnvc_network_find(name);
	if (net)
		return net;
	net = calloc(1, sizeof(*net));
	if (!net)
		return NULL;
	snprintf(net->name, sizeof(net->name), "%s", name);
	net->uplink.net = &net->pub;
	net->pub.records4 = hnv_records4_create();
	net->pub.records6 = hnv_records6_create();
	if (!net->pub.records4 || !net->pub.records6 || hnv_map_init(&net->pub.rewrites)) {
		network_free(net);
		return NULL;
	}
	net->next = networks;
	networks = net;
	return net;
}

struct hnvc_subnet *hnvc_subnets(void) { return subnets; }

struct hnvc_subnet *hnvc_subnet_find(const struct hnvc_network *net, uint32_t vsid)
{
	struct hnvc_subnet **page = vsid > 0xffffff ? NULL : net->pages[vsid >> 12];
	return page ? page[vsid & 0xfff] : NULL;
}

/* The workers' page comes with ours, so that showing a subnet cannot fail. */
static int pages_make(struct hnvc_network *net, uint32_t page)
{
	if (!net->pages[page])
		net->pages[page] = calloc(4096, sizeof(*net->pages[page]));
	struct hnv_subnet *_Atomic *shown = atomic_load(&net->pub.subnets[page]);
	if (!shown) {
		shown = calloc(4096, sizeof(*shown));
		atomic_store_explicit(&net->pub.subnets[page], shown, memory_order_release);
	}
	return net->pages[page] && shown ? 0 : -ENOMEM;
}

struct hnvc_subnet *hnvc_subnet_make(struct hnvc_network *net, uint32_t vsid)
{
	struct hnvc_subnet *s = hnvc_subnet_find(net, vsid);
	if (s)
		return s;
	if (vsid > 0xffffff || pages_make(net, vsid >> 12))
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->network = net;
	s->vsid = vsid;
	s->next = subnets;
	subnets = s;
	net->pages[vsid >> 12][vsid & 0xfff] = s;
	return s;
}

void hnvc_subnet_drop(struct hnvc_subnet *s)
{
	if (s->pub[RUNS] || s->pub[COMES] || s->replaced || s->records || s->n_locals || s->dirty)
		return;
	struct hnvc_subnet **at = &subnets;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->network->pages[s->vsid >> 12][s->vsid & 0xfff] = NULL;
	free(s->replicas);
	free(s);
}

bool hnvc_is_own(const struct hnvc_network *net, int side, const struct ip *provider)
{
	const struct hnvc_presence *p = &net->side[side];
	for (size_t i = 0; i < p->n_own; i++)
		if (ip_equal(&p->own[i], provider))
			return true;
	return false;
}

static int own_add(struct hnvc_presence *p, const struct ip *address)
{
	struct ip *more = realloc(p->own, (p->n_own + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	p->own = more;
	more[p->n_own++] = *address;
	return 0;
}

static int sources_add(struct hnvc_presence *p, const struct api_provider_address *pa)
{
	if (!pa->n_virtual_subnet_ids)
		return 0;
	struct hnvc_source *more = realloc(p->sources, (p->n_sources + pa->n_virtual_subnet_ids) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	p->sources = more;
	for (size_t i = 0; i < pa->n_virtual_subnet_ids; i++)
		more[p->n_sources++] = (struct hnvc_source){pa->virtual_subnet_ids[i], pa->address.ip};
	return 0;
}

const struct ip *hnvc_source(const struct hnvc_presence *p, uint32_t vsid, uint8_t family)
{
	for (size_t i = 0; i < p->n_sources; i++)
		if (p->sources[i].vsid == vsid && p->sources[i].provider.family == family)
			return &p->sources[i].provider;
	return NULL;
}

static uint16_t uplink_mtu(const char *switch_name)
{
	char name[80];
	snprintf(name, sizeof(name), "wire:%s", switch_name);
	const struct vswitch_adapter *a = vswitch_adapter_find(name);
	return !a ? 0 : a->mtu < UINT16_MAX ? (uint16_t)a->mtu : UINT16_MAX;
}

static int presence_add(const struct api_provider_address *pa)
{
	struct hnvc_network *net = hnvc_network_make(pa->provider_network);
	int index = provider_network_find(pa->provider_network);
	if (!net)
		return -ENOMEM;
	if (index < 0)
		return 0; /* modules/provider has said why, or waits for it */
	struct hnvc_presence *p = &net->side[COMES];
	p->there = true;
	p->index = (uint8_t)index;
	snprintf(p->switch_name, sizeof(p->switch_name), "%s", pa->switch_name);
	p->uplink_mtu = uplink_mtu(pa->switch_name);
	return own_add(p, &pa->address.ip) || sources_add(p, pa) ? -ENOMEM : 0;
}

static bool sources_differ(const struct hnvc_presence *a, const struct hnvc_presence *b)
{
	bool differs = a->n_sources != b->n_sources;
	for (size_t i = 0; i < a->n_sources && !differs; i++) {
		const struct ip *other = hnvc_source(b, a->sources[i].vsid, a->sources[i].provider.family);
		differs = !other || !ip_equal(&a->sources[i].provider, other);
	}
	return differs;
}

static bool presence_differs(const struct hnvc_network *net)
{
	const struct hnvc_presence *a = &net->side[RUNS], *b = &net->side[COMES];
	bool differs = a->there != b->there || a->index != b->index || a->n_own != b->n_own || sources_differ(a, b);
	for (size_t i = 0; i < a->n_own && !differs; i++)
		differs = !hnvc_is_own(net, COMES, &a->own[i]);
	return differs;
}

static void presence_clear(struct hnvc_presence *p)
{
	free(p->own);
	free(p->sources);
	*p = (struct hnvc_presence){0};
}

/* The nodes find their network by the switch and its uplink. */
static void switches_fill(struct dataplane *dp)
{
	for (uint16_t i = 0; i < dp->n_switches; i++) {
		struct dp_switch *sw = dp->switches[i];
		int index = provider_network_of(sw->name);
		struct hnvc_network *net = index < 0 ? NULL : hnvc_network_of(COMES, (uint8_t)index);
		if (!net)
			continue;
		sw->module_data[hnv_slot] = &net->uplink;
		if (sw->uplink)
			sw->uplink->module_data[hnv_slot] = &net->uplink;
	}
}

int hnvc_networks_prepare(struct txn *t, struct err *e)
{
	for (struct hnvc_network *net = networks; net; net = net->next)
		presence_clear(&net->side[COMES]);
	for (size_t i = 0; i < t->next->n_provider_addresses; i++)
		if (presence_add(&t->next->provider_addresses[i]))
			return err_set(e, ENOMEM, NULL, "out of memory");
	for (struct hnvc_subnet *s = subnets; s; s = s->next)
		s->rescan = presence_differs(s->network);
	coming_forwarding = t->next->network_virtualization.forwarding == API_FORWARDING_2012 ? HNV_FORWARDING_2012
											      : HNV_FORWARDING_R2;
	coming_vsid_reserved = t->next->network_virtualization.control_message_vsid == API_CONTROL_VSID_RESERVED;
	coming_external = t->next->network_virtualization.use_external_router;
	switches_fill(t->dp);
	return 0;
}

/* A record's number of its network is the one that runs. */
static void records_renumber(struct hnvc_network *net)
{
	for (struct hnvc_subnet *s = subnets; s; s = s->next)
		for (struct hnvc_record *r = s->network == net ? s->records : NULL; r; r = r->after)
			r->pub.network = net->pub.index;
}

void hnvc_inner_mtu_update(struct hnvc_network *net)
{
	const struct hnvc_presence *p = &net->side[RUNS];
	unsigned overhead = p->there ? hnv_peers_overhead(p->index) : 0;
	if (!overhead) { /* no peer yet: what the first will most likely be */
		const struct hnv_encapsulation *usual = hnv_encapsulation_find("nvgre");
		bool ip6 = p->n_own && p->own[0].family == AF_INET6;
		overhead = (ip6 ? 40u : 20u) + (usual ? usual->overhead : 0);
	}
	uint16_t mtu = p->uplink_mtu > overhead ? (uint16_t)(p->uplink_mtu - overhead) : 0;
	atomic_store_explicit(&net->pub.inner_mtu, mtu, memory_order_relaxed);
}

void hnvc_networks_commit(void)
{
	for (struct hnvc_network *net = networks; net; net = net->next) {
		presence_clear(&net->side[RUNS]);
		net->side[RUNS] = net->side[COMES];
		net->side[COMES].own = NULL;
		net->side[COMES].n_own = 0;
		net->side[COMES].sources = NULL;
		net->side[COMES].n_sources = 0;
		net->pub.forwarding = coming_forwarding;
		net->pub.external_router = coming_external;
		net->control_vsid_reserved = coming_vsid_reserved;
		if (net->side[RUNS].there && net->pub.index != net->side[RUNS].index) {
			net->pub.index = net->side[RUNS].index;
			records_renumber(net);
		}
	}
}

static void subnets_tidy(void)
{
	struct hnvc_subnet *next;
	for (struct hnvc_subnet *s = subnets; s; s = next) {
		next = s->next;
		s->rescan = false;
		hnvc_subnet_drop(s);
	}
}

void hnvc_networks_abort(void)
{
	for (struct hnvc_network *net = networks; net; net = net->next)
		presence_clear(&net->side[COMES]);
	subnets_tidy();
}

void hnvc_networks_retire(void)
{
	subnets_tidy();
	hnv_peers_renew_sources();
	for (struct hnvc_network *net = networks; net; net = net->next)
		hnvc_inner_mtu_update(net);
}

/* Workers are gone, and with them whoever could look at any of it. */
void hnvc_networks_fini(void)
{
	while (subnets) {
		struct hnvc_subnet *s = subnets;
		subnets = s->next;
		free((void *)(s->pub[RUNS] ? atomic_load(&s->pub[RUNS]->replicas) : NULL));
		free((void *)(s->pub[RUNS] ? atomic_load(&s->pub[RUNS]->locals) : NULL));
		free(s->pub[RUNS]);
		free(s->replicas);
		free(s);
	}
	while (networks) {
		struct hnvc_network *net = networks;
		networks = net->next;
		network_free(net);
	}
}
