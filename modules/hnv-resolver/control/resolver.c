/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resolver (network-virtualization.resolver): who is asked for a lookup record that a packet needs and nobody gave.
 * A question is asked once, whatever waits for its answer; a few are asked at once, and of those a guest has a few, so
 * that the questions of a storm wait for each other only. What waited goes on in order, from where it came in.
 *
 * Records that come so are the resolver's: a document's or the API's take their place, and they go after `expiry`.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include <jansson.h>
#include <rte_ether.h>

#include "api/schema.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "core/control/loop.h"
#include "core/control/module.h"
#include "core/http/server.h"
#include "core/runtime/punt.h"
#include "modules/hnv-resolver/control/resolver_ask.h"
#include "modules/hnv-resolver/control/resolver_known.h"
#include "modules/hnv-resolver/datapath/hnv_resolve.h"
#include "modules/hnv/next_hop.h"
#include "modules/hnv/packet.h"
#include "modules/hnv/resolver.h"
#include "modules/provider/provider.h"

#define ASKED_AT_ONCE 8
#define ASKED_FOR_ONE 2 /* of those, for one guest */
#define WAITS_FOR 2 /* times timeout-ms, for its turn */
#define PATH_POLL_MS 10
#define REFRESH_MS 1000 /* a record is asked for anew this often at most */
#define NOBODY UINT16_MAX /* asks when a record is refreshed */

struct held {
	struct frame *frame;
	uint16_t adapter;
	STAILQ_ENTRY(held) link;
};

struct question {
	uint8_t network;
	uint32_t vsid;
	struct ip customer;
	uint16_t asker; /* adapter of the first packet */
	uint64_t since_ms;
	struct resolver_ask *ask; /* NULL: waits for its turn, or is answered */
	bool answered; /* `record` waits for its path, so that what waited is not lost on its first few yards */
	struct hnv_record record;
	char *labels; /* as hnv_resolved_read makes them */
	struct provider_path *path;
	struct loop_source *timer;
	uint64_t until_ms;
	STAILQ_HEAD(, held) held;
	TAILQ_ENTRY(question) link;
};

static TAILQ_HEAD(, question) questions = TAILQ_HEAD_INITIALIZER(questions);
static struct api_resolver config; /* what runs; strings are ours */
static unsigned asking;
static uint8_t asking_for[NOBODY + 1]; /* by adapter */
static bool failing;
static struct {
	uint64_t asked, found, none, failed, held;
} counts;

static void pump(void);

static const char *who(void) { return config.command ? config.command : config.url; } /* NULL: nobody */

static uint64_t now_ms(void) { return clock_now_ns() / 1000000; }

/* Has the document, the API or a guest itself given the record? Then it stays. */
static bool is_others(uint8_t network, uint32_t vsid, const struct ip *customer)
{
	const struct hnv_record *r = hnv_record_find(network, vsid, customer);
	return r && hnv_record_origin(r) != HNV_RESOLVED;
}

static void question_free(struct question *q)
{
	TAILQ_REMOVE(&questions, q, link);
	resolver_ask_cancel(q->ask);
	loop_remove(q->timer);
	provider_path_release(q->path);
	free(q->labels);
	free(q);
}

static void known(const struct question *q, bool found)
{
	known_set(q->network, q->vsid, &q->customer, found, found ? config.expiry_s : config.negative_expiry_s);
}

/* What waited goes on: to the record, or to be dropped as "unresolved". */
static void question_end(struct question *q)
{
	struct held *h;
	while ((h = STAILQ_FIRST(&q->held))) {
		STAILQ_REMOVE_HEAD(&q->held, link);
		hnv_resolve_held(h->adapter, q->vsid, -1);
		counts.held--;
		inject_resume(h->adapter, &h->frame, 1);
		free(h);
	}
	question_free(q);
}

/* An event when it begins to fail and when that is over, not for every packet. */
static void fails(const char *why)
{
	counts.failed++;
	if (!failing)
		log_warning("network-virtualization",
			    "the resolver %s: %s; packets without a lookup record are dropped", who(), why);
	failing = true;
}

static void works(void)
{
	if (failing)
		log_info("network-virtualization", "the resolver %s answers again", who());
	failing = false;
}

/* The keys that the question gives already may be left out. */
static int answer_complete(json_t *json, const struct question *q, const char *network, struct err *e)
{
	char text[IP_TEXT_SIZE];
	if (!json_object_get(json, "virtual-subnet-id"))
		json_object_set_new(json, "virtual-subnet-id", json_integer(q->vsid));
	if (!json_object_get(json, "customer-address"))
		json_object_set_new(json, "customer-address", json_string(ip_format(&q->customer, text)));
	if (!json_object_get(json, "provider-network"))
		json_object_set_new(json, "provider-network", json_string(network));
	if (!json_object_get(json, "type"))
		json_object_set_new(json, "type", json_string("dynamic"));
	return json_object_size(json) ? 0 : err_set(e, ENOMEM, NULL, "out of memory");
}

static int record_from(const struct api_lookup_record *a, struct question *q, struct err *e)
{
	if (strcmp(a->provider_network, provider_network_name(q->network)) != 0 || a->virtual_subnet_id != q->vsid ||
	    !ip_equal(&a->customer_address, &q->customer))
		return err_set(e, EINVAL, NULL, "the record is another than the one that was asked for");
	return hnv_resolved_read(a, q->network, &q->record, &q->labels, e);
}

/* 1: q->record is filled in, 0: there is none, -errno: that is no answer. */
static int answer_take(const char *answer, struct question *q, struct err *e)
{
	struct api_lookup_record a = {0};
	json_error_t cause;
	if (!answer[strspn(answer, " \t\r\n")])
		return 0;
	json_t *json = json_loads(answer, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &cause);
	if (!json)
		return err_set(e, EINVAL, NULL, "its answer is no JSON: %s", cause.text);
	int rc = 0;
	if (json_is_object(json) && json_object_size(json)) {
		rc = answer_complete(json, q, provider_network_name(q->network), e);
		if (!rc)
			rc = schema_decode(&api_schema_lookup_record, json, &a, e);
		if (!rc) {
			rc = record_from(&a, q, e);
			schema_clear(&api_schema_lookup_record, &a);
			rc = rc ? rc : 1;
		}
	} else if (!json_is_null(json) && !json_is_object(json)) {
		rc = err_set(e, EINVAL, NULL, "its answer is no lookup record");
	}
	json_decref(json);
	return rc;
}

static void answered_none(struct question *q)
{
	hnv_resolved_remove(q->network, q->vsid, &q->customer); /* it was refreshed, and is no more */
	hnv_resolved_flush();
	works();
	counts.none++;
}

/* The record is in force, and its path known if it will be. */
static void record_enter(struct question *q)
{
	struct err e = {0};
	char text[256];
	int rc = hnv_resolved_set(&q->record, q->labels, &e);
	if (rc) {
		fails(err_format(&e, text, sizeof(text)));
	} else {
		works();
		counts.found++;
	}
	known(q, !rc);
	question_end(q);
}

static void path_wait(void *arg)
{
	struct question *q = arg;
	if (!atomic_load(&q->path->way) && now_ms() < q->until_ms)
		return;
	record_enter(q);
	pump();
}

/* Another host's provider address may want a neighbour's MAC address first. */
static void record_take(struct question *q)
{
	q->answered = true;
	q->until_ms = now_ms() + config.timeout_ms;
	if (q->record.rule == HNV_ENCAP && hnv_resolved_leaves(&q->record))
		q->path = provider_path_hold(q->network, &q->record.provider);
	if (q->path && !atomic_load(&q->path->way))
		q->timer = loop_add_timer(PATH_POLL_MS, PATH_POLL_MS, path_wait, q);
	if (!q->timer)
		record_enter(q);
}

static void on_answer(void *arg, const char *answer, const char *why)
{
	struct question *q = arg;
	struct err e = {0};
	char text[256];
	q->ask = NULL;
	asking--;
	asking_for[q->asker]--;
	int rc = answer ? answer_take(answer, q, &e) : -EIO;
	if (is_others(q->network, q->vsid, &q->customer)) {
		question_end(q); /* the API or a document was faster, and has the say */
	} else if (rc > 0) {
		record_take(q);
	} else {
		if (rc)
			fails(why ? why : err_format(&e, text, sizeof(text)));
		else
			answered_none(q);
		if (!hnv_record_find(q->network, q->vsid, &q->customer))
			known(q, false);
		question_end(q);
	}
	pump();
}

static int question_ask(struct question *q)
{
	char vsid[16], customer[IP_TEXT_SIZE];
	const char *network = provider_network_name(q->network);
	snprintf(vsid, sizeof(vsid), "%u", q->vsid);
	ip_format(&q->customer, customer);
	json_t *json = json_pack("{s:i, s:s, s:s}", "virtual-subnet-id", (int)q->vsid, "customer-address", customer,
				 "provider-network", network);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (!text)
		return -ENOMEM;
	struct resolver_question asked = {.vsid = vsid, .customer = customer, .network = network, .json = text};
	q->ask = config.command ? resolver_command(config.command, &asked, config.timeout_ms, on_answer, q)
				: resolver_http(config.url, &asked, config.timeout_ms, on_answer, q);
	int rc = q->ask ? 0 : -errno;
	free(text);
	return rc;
}

/* The longest waiting question whose guest has not its share of those under way. */
static struct question *next_question(void)
{
	struct question *q;
	TAILQ_FOREACH(q, &questions, link)
	if (!q->ask && !q->answered && asking_for[q->asker] < ASKED_FOR_ONE)
		return q;
	return NULL;
}

static void pump(void)
{
	struct question *q;
	while (who() && asking < ASKED_AT_ONCE && (q = next_question())) {
		int rc = question_ask(q);
		counts.asked++;
		if (!rc) {
			asking++;
			asking_for[q->asker]++;
			continue;
		}
		fails(strerror(-rc));
		known(q, false);
		question_end(q);
	}
}

static struct question *question_get(uint8_t network, uint32_t vsid, const struct ip *customer, uint16_t asker)
{
	struct question *q;
	TAILQ_FOREACH(q, &questions, link)
	if (q->network == network && q->vsid == vsid && ip_equal(&q->customer, customer))
		return q;
	q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	*q = (struct question){
		.network = network, .vsid = vsid, .customer = *customer, .asker = asker, .since_ms = now_ms()};
	STAILQ_INIT(&q->held);
	TAILQ_INSERT_TAIL(&questions, q, link);
	return q;
}

static void refresh(uint8_t network, uint32_t vsid, const struct ip *customer)
{
	bool wanted = !known_lately(network, vsid, customer, REFRESH_MS) && !is_others(network, vsid, customer);
	if (who() && wanted && question_get(network, vsid, customer, NOBODY))
		pump();
}

/* Which address is it that has no record, and in which subnet? As the node found it. */
static bool asked_by(struct frame *f, const struct hnv_port *port, uint32_t *ret_vsid, struct ip *ret)
{
	frame_parse(f);
	const struct frame_headers *h = &f->headers;
	struct ip to = {.family = h->ether_type == RTE_ETHER_TYPE_IPV6 ? AF_INET6 : AF_INET};
	bool ip6 = to.family == AF_INET6, arp = h->ether_type == RTE_ETHER_TYPE_ARP;
	bool nd = ip6 && h->l4_proto == IPPROTO_ICMPV6 && h->l4_off && frame_data(f)[h->l4_off] == 135;
	uint32_t at = arp ? HNV_ARP_TO : nd ? h->l4_off + 8u : ip6 ? HNV_IP6_TO : HNV_IP4_TO;
	if (h->l3_off != HNV_IP || (!arp && !ip6 && h->ether_type != RTE_ETHER_TYPE_IPV4) ||
	    !frame_read(f, at, to.byte, ip6 ? 16 : 4))
		return false;
	*ret_vsid = port->subnet->vsid;
	*ret = to;
	if (arp || nd)
		return !hnv_record_find(port->net->index, *ret_vsid, ret);
	struct hnv_hop hop = hnv_next_hop(port->net, port->subnet, &to);
	*ret_vsid = hop.vsid;
	*ret = hop.asked;
	return hop.route && !hop.next && !hop.router && !hop.flooded;
}

/* A packet that waits, from a worker. */
static void missed(uint16_t adapter, struct frame *f)
{
	const struct dataplane *dp = dataplane_current();
	const struct dp_adapter *a = dp && adapter < dp->n_adapters ? dp->adapters[adapter] : NULL;
	const struct hnv_port *port = a ? hnv_port_of(a) : NULL;
	uint32_t vsid;
	struct ip customer;
	if (!port || !port->subnet || !asked_by(f, port, &vsid, &customer) ||
	    hnv_resolve_is_none(port->net->index, vsid, &customer)) {
		inject_resume(adapter, &f, 1); /* settled meanwhile */
		return;
	}
	struct held *h = calloc(1, sizeof(*h));
	struct question *q = h ? question_get(port->net->index, vsid, &customer, adapter) : NULL;
	if (!q) {
		free(h);
		frame_free(f);
		return;
	}
	h->frame = f;
	h->adapter = adapter;
	STAILQ_INSERT_TAIL(&q->held, h, link);
	hnv_resolve_held(adapter, vsid, 1);
	counts.held++;
	pump();
}

/* Those that did not get their turn: a packet that comes so late is of no use. */
static void question_expire(void)
{
	struct question *q, *next;
	uint64_t late = now_ms() - WAITS_FOR * (uint64_t)config.timeout_ms;
	for (q = TAILQ_FIRST(&questions); q; q = next) {
		next = TAILQ_NEXT(q, link);
		if (q->ask || q->answered || q->since_ms > late)
			continue;
		known(q, false);
		question_end(q);
	}
}

static void resolver_tick(void)
{
	known_expire(hnv_resolved_remove);
	question_expire();
	hnv_resolved_flush();
}

/* Nothing of the old one counts for the new one, but its records until they expire. */
static void forget(void)
{
	struct question *q;
	known_forget_none();
	while ((q = TAILQ_FIRST(&questions)))
		question_end(q);
	asking = 0;
	memset(asking_for, 0, sizeof(asking_for));
	failing = false;
}

static int resolver_prepare(struct txn *t, struct err *e)
{
	const struct api_resolver *r = &t->next->network_virtualization.resolver;
	if (r->command && access(r->command, X_OK) && !t->restarting)
		return err_set(e, EINVAL, "network-virtualization.resolver.command", "%s: %s", r->command,
			       errno == EACCES ? "not executable for weftd" : strerror(errno));
	return 0;
}

/* The switch to the new one happens when its snapshot runs, so that what waits finds the new tables. */
static void resolver_retire(struct txn *t)
{
	const struct api_resolver *r = &t->next->network_virtualization.resolver;
	if (!str_equal(r->command, config.command) || !str_equal(r->url, config.url)) {
		hnv_resolve_set(NULL);
		forget();
		free(config.command);
		free(config.url);
		config.command = str_dup(r->command);
		config.url = str_dup(r->url);
	}
	config.timeout_ms = r->timeout_ms;
	config.negative_expiry_s = r->negative_expiry_s;
	config.expiry_s = r->expiry_s;
	hnv_resolve_set(who() ? missed : NULL);
}

static void resolver_fini(void)
{
	hnv_resolve_set(NULL);
	struct question *q;
	while ((q = TAILQ_FIRST(&questions))) {
		struct held *h;
		while ((h = STAILQ_FIRST(&q->held))) {
			STAILQ_REMOVE_HEAD(&q->held, link);
			frame_free(h->frame);
			free(h);
		}
		question_free(q);
	}
	known_forget_all();
	resolver_http_fini();
	free(config.command);
	free(config.url);
	config = (struct api_resolver){0};
}

static void resolver_status(json_t *object)
{
	json_t *list = json_array();
	if (who())
		json_array_append_new(list,
				      json_pack("{s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:i}", "name", http_text(who()),
						"state", failing ? "failing" : "ready", "asked",
						(json_int_t)counts.asked, "found", (json_int_t)counts.found, "none",
						(json_int_t)counts.none, "failed", (json_int_t)counts.failed,
						"packets-held", (json_int_t)counts.held, "asking", (int)asking));
	json_object_set_new(object, "resolvers", list);
}

static const struct hnv_resolver asked = {.missed = hnv_resolve, .refresh = refresh};
HNV_RESOLVER(asked)

static struct module resolver = {
	.name = "hnv-resolver",
	.depends_on = (const char *const[]){"provider", "hnv", NULL},
	.fini = resolver_fini,
	.prepare = resolver_prepare,
	.retire = resolver_retire,
	.status = resolver_status,
	.tick = resolver_tick,
};
MODULE(resolver)
