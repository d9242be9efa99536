/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/hnv/control/status.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "api/document.h"
#include "core/http/server.h"
#include "modules/hnv/control/detours.h"
#include "modules/hnv/control/domains.h"
#include "modules/hnv/control/message.h"
#include "modules/hnv/control/networks.h"
#include "modules/hnv/control/nexts.h"
#include "modules/hnv/control/record_log.h"
#include "modules/hnv/datapath/records.h"

struct sums {
	uint64_t records, adapters;
};

static struct sums domain_sums(const struct hnv_domain *pub)
{
	struct sums sum = {0};
	for (const struct hnvc_subnet *s = hnvc_subnets(); s; s = s->next)
		if (s->pub[RUNS] && s->pub[RUNS]->domain == pub) {
			sum.records += s->n_records;
			sum.adapters += s->n_locals;
		}
	return sum;
}

/* A host need not hold what none of its guests can reach (row I27); it keeps what it was given, and says so. */
static void note_unneeded(json_t *object, const struct sums *sum)
{
	if (sum->records && !sum->adapters)
		json_object_set_new(object, "note", json_string("no adapter of this host needs its lookup records"));
}

static json_t *domain_json(const struct hnvc_domain *d)
{
	struct sums sum = domain_sums(d->pub);
	json_t *o = json_pack(
		"{s:o, s:s, s:o, s:I, s:I, s:I}", "name", http_text(*d->pub->name ? d->pub->name : d->pub->id), "id",
		d->pub->id, "provider-network",
		http_text(hnvc_network_of(RUNS, d->pub->network) ? hnvc_network_of(RUNS, d->pub->network)->name : ""),
		"virtual-subnets", (json_int_t)d->n_subnets, "lookup-records", (json_int_t)sum.records, "adapters",
		(json_int_t)sum.adapters);
	note_unneeded(o, &sum);
	return o;
}

static json_t *prefixes_json(const struct hnv_subnet *pub)
{
	json_t *list = json_array();
	char text[IP_PREFIX_TEXT_SIZE];
	for (unsigned i = 0; i < pub->n_prefixes; i++)
		json_array_append_new(list, json_string(ip_prefix_format(&pub->prefix[i], text)));
	return list;
}

static json_t *subnet_json(const struct hnvc_subnet *s)
{
	const struct hnv_subnet *pub = s->pub[RUNS];
	struct sums sum = {s->n_records, s->n_locals};
	char name[16];
	snprintf(name, sizeof(name), "%u", s->vsid);
	json_t *o = json_pack("{s:s, s:o, s:I, s:I, s:I}", "name", name, "provider-network",
			      http_text(s->network->name), "lookup-records", (json_int_t)sum.records, "adapters",
			      (json_int_t)sum.adapters, "hosts", (json_int_t)s->n_replicas);
	if (pub) {
		json_object_set_new(o, "routing-domain",
				    http_text(*pub->domain->name ? pub->domain->name : pub->domain->id));
		json_object_set_new(o, "prefixes", prefixes_json(pub));
		struct sums domain = domain_sums(pub->domain); /* it is routed from every subnet of it */
		note_unneeded(o, &domain);
	} else {
		json_object_set_new(o, "note", json_string("no routing domain has it; its records wait for one"));
	}
	return o;
}

void hnvc_status(json_t *object)
{
	json_t *domains = json_array(), *subnets = json_array();
	for (const struct hnvc_domain *d = hnvc_domains[RUNS]; d; d = d->next)
		json_array_insert_new(domains, 0, domain_json(d)); /* in the document's order */
	for (const struct hnvc_subnet *s = hnvc_subnets(); s; s = s->next)
		json_array_insert_new(subnets, 0, subnet_json(s));
	json_object_set_new(object, "routing-domains", domains);
	json_object_set_new(object, "virtual-subnets", subnets);
}

static int peer_count(const struct hnv_peer *peer, void *arg)
{
	size_t *n = arg;
	n[0] += peer->network == n[1];
	return 0;
}

/* Of the whole host, whatever network they came by. */
static json_t *messages_json(void)
{
	json_t *refused = json_object();
	for (unsigned i = HNVC_MESSAGE_GOOD + 1; i < HNVC_MESSAGE_REASONS; i++)
		if (hnvc_messages_refused[i])
			json_object_set_new(refused, hnvc_message_reasons[i],
					    json_integer((json_int_t)hnvc_messages_refused[i]));
	return json_pack("{s:I, s:I, s:I, s:I, s:o}", "redirects-sent", (json_int_t)hnvc_messages_sent[HNVC_REDIRECT],
			 "unreachables-sent", (json_int_t)hnvc_messages_sent[HNVC_UNREACHABLE], "redirects-believed",
			 (json_int_t)hnvc_messages_believed[HNVC_REDIRECT], "unreachables-believed",
			 (json_int_t)hnvc_messages_believed[HNVC_UNREACHABLE], "refused", refused);
}

void hnvc_status_switch(const struct api_switch *sw, json_t *object)
{
	for (const struct hnvc_network *net = hnvc_networks(); net; net = net->next) {
		size_t peers[2] = {0, net->side[RUNS].index};
		if (!net->side[RUNS].there || strcmp(net->side[RUNS].switch_name, sw->name) != 0)
			continue;
		hnv_peers_each(peer_count, peers);
		json_object_set_new(object, "network-virtualization",
				    json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:o}", "provider-network",
					      http_text(net->name), "peers", (json_int_t)peers[0], "inner-mtu",
					      (json_int_t)atomic_load(&net->pub.inner_mtu), "record-table-bytes",
					      (json_int_t)hnv_records_bytes(&net->pub), "record-log-bytes",
					      (json_int_t)hnvc_log_bytes(), "redirected-records",
					      (json_int_t)hnvc_redirects(), "control-messages", messages_json()));
	}
}
