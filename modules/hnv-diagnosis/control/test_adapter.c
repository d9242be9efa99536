/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v1/test-adapter (row H9, Test-VMNetworkAdapter): probes from one guest's port to another's, here or on another
 * host, and what became of each. First comes what `explain` says of the same packet on this host.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#include <netinet/in.h>
#include <jansson.h>

#include "base/clock.h"
#include "base/err.h"
#include "core/control/loop.h"
#include "core/http/lines.h"
#include "core/http/server.h"
#include "core/runtime/explain.h"
#include "modules/hnv-diagnosis/control/probe.h"
#include "modules/hnv/next_hop.h"
#include "modules/hnv/packet.h"

#define TESTS_MAX 16 /* at once */
#define COUNT_MAX 1000
#define INTERVAL_MIN_MS 10
#define PAYLOAD_MAX 9000
#define ICMP 8

struct test {
	struct http_lines *out;
	uint16_t adapter; /* id of FROM */
	struct probe_message probe;
	struct mac mac; /* that the guest would send to */
	uint32_t payload, count, sent, answered;
	uint32_t interval_ms, timeout_ms;
	bool waiting;
	uint64_t sent_ns;
	struct loop_source *timer;
	LIST_ENTRY(test) link;
};

static LIST_HEAD(, test) tests;
static unsigned n_tests;

static void turn(void *arg);

static void again_in(struct test *t, uint64_t ms)
{
	loop_remove(t->timer);
	t->timer = loop_add_timer(ms ? ms : 1, 0, turn, t);
}

static void test_free(void *arg)
{
	struct test *t = arg;
	LIST_REMOVE(t, link);
	n_tests--;
	loop_remove(t->timer);
	free(t);
}

/* The probe's fate is known. */
static void settle(struct test *t, json_t *line)
{
	uint64_t spent_ms = (clock_now_ns() - t->sent_ns) / 1000000;
	t->waiting = false;
	http_lines_add(t->out, line);
	t->probe.sequence++;
	if (t->sent < t->count) {
		again_in(t, spent_ms < t->interval_ms ? t->interval_ms - spent_ms : 1);
		return;
	}
	http_lines_add(t->out,
		       json_pack("{s:{s:i, s:i, s:f}}", "summary", "sent", (int)t->sent, "received", (int)t->answered,
				 "loss-percent", 100.0 * (t->sent - t->answered) / t->sent));
	http_lines_end(t->out);
	test_free(t);
}

static void fails(struct test *t, const char *why)
{
	settle(t, json_pack("{s:i, s:o}", "sequence", (int)t->probe.sequence, "error", http_text(why)));
}

static const struct dp_adapter *adapter_at(uint16_t id)
{
	const struct dataplane *dp = dataplane_current();
	return dp && id < dp->n_adapters ? dp->adapters[id] : NULL;
}

/* The timer: the next probe's turn, or an answer is late. */
static void turn(void *arg)
{
	struct test *t = arg;
	const struct dp_adapter *a = adapter_at(t->adapter);
	char why[96];
	t->timer = NULL;
	if (t->waiting) {
		snprintf(why, sizeof(why), "no answer within %u ms", t->timeout_ms);
		fails(t, why);
		return;
	}
	t->sent++;
	t->sent_ns = clock_now_ns();
	if (!a || !a->vsid) {
		fails(t, "the adapter that it was to be sent from is gone");
		return;
	}
	t->waiting = true;
	again_in(t, t->timeout_ms);
	probe_send(a, &t->probe, &t->mac, t->payload);
}

void test_adapter_result(uint16_t adapter, const struct probe_message *m)
{
	struct test *t;
	LIST_FOREACH(t, &tests, link)
		if (!memcmp(t->probe.nonce, m->nonce, PROBE_NONCE))
			break;
	if (!t || !t->waiting || m->sequence != t->probe.sequence || (m->reply && adapter != t->adapter))
		return;
	if (!m->reached) {
		fails(t, m->text);
		return;
	}
	char host[PROBE_TEXT] = "", name[PROBE_TEXT] = "";
	(void)sscanf(m->text, "%159s %159s", host, name);
	t->answered++;
	settle(t, json_pack("{s:i, s:I, s:o, s:o}", "sequence", (int)m->sequence, "rtt-us",
			    (json_int_t)((clock_now_ns() - t->sent_ns) / 1000), "host", http_text(host), "adapter",
			    http_text(name)));
}

/* Asked for. */
struct wish {
	const struct dp_adapter *from, *to; /* to NULL: an address was given */
	struct ip from_address, address;
	uint64_t count, sequence, payload, interval_ms, timeout_ms;
};

static int adapter_query(const struct http_request *r, const char *key, const struct dp_adapter **ret, struct err *e)
{
	const char *name = r->query(r, key);
	const struct dataplane *dp = dataplane_current();
	const struct dp_adapter *a = NULL;
	for (uint16_t i = 0; name && dp && i < dp->n_adapters && !a; i++)
		if (dp->adapters[i] && !strcmp(dp->adapters[i]->name, name))
			a = dp->adapters[i];
	if (a && a->vsid && hnv_port_of(a)) {
		*ret = a;
		return 0;
	}
	if (a)
		err_set(e, EINVAL, key, "%s is in no virtual subnet; probes go between customer addresses", name);
	else if (name)
		err_set(e, ENOENT, key, "there is no adapter `%.64s` on this host", name);
	else
		err_set(e, EINVAL, key, "missing; give an adapter's name");
	return name && !a ? -ENOENT : -EINVAL;
}

/* The first of the adapter's customer addresses of a family; false: it has none. */
static bool own_address(const struct dp_adapter *a, uint8_t family, struct ip *ret)
{
	const struct hnv_addresses *own = atomic_load_explicit(&hnv_port_of(a)->own, memory_order_acquire);
	for (uint16_t i = 0; own && i < own->n; i++)
		if (own->address[i].family == family && !hnv_is_unspecified(&own->address[i])) {
			*ret = own->address[i];
			return true;
		}
	return false;
}

/* The pair of addresses, of a family that both have. */
static int wish_addresses(const struct http_request *r, struct wish *w, struct err *e)
{
	const char *address = r->query(r, "to-address");
	static const uint8_t families[] = {AF_INET, AF_INET6};
	if (address && (ip_parse(address, &w->address) || hnv_is_group(&w->address)))
		return err_set(e, EINVAL, "to-address", "%.64s is no address of one station", address);
	for (unsigned i = 0; i < 2; i++) {
		if (address && w->address.family != families[i])
			continue;
		if (!own_address(w->from, families[i], &w->from_address))
			continue;
		if (address || (w->to && own_address(w->to, families[i], &w->address)))
			return 0;
	}
	if (!w->to)
		return err_set(e, EINVAL, "from",
			       "adapter %s has no customer address of that family; add a lookup record",
			       w->from->name);
	return err_set(e, EINVAL, "to",
		       "adapters %s and %s have no customer addresses of one family; add lookup records",
		       w->from->name, w->to->name);
}

static int wish_numbers(const struct http_request *r, struct wish *w, struct err *e)
{
	uint64_t vsid;
	int rc = http_query_uint(r, "count", COUNT_MAX, 1, &w->count, e);
	if (!rc)
		rc = http_query_uint(r, "sequence-number", UINT16_MAX, 100, &w->sequence, e);
	if (!rc)
		rc = http_query_uint(r, "payload-size", PAYLOAD_MAX, 56, &w->payload, e);
	if (!rc)
		rc = http_query_uint(r, "interval", 60000, 100, &w->interval_ms, e);
	if (!rc)
		rc = http_query_uint(r, "timeout", 60000, 1000, &w->timeout_ms, e);
	if (!rc)
		rc = http_query_uint(r, "isolation-id", HNV_VSID_MAX, w->from->vsid, &vsid, e);
	if (rc)
		return rc;
	if (!w->count || !w->timeout_ms || w->interval_ms < INTERVAL_MIN_MS)
		return err_set(e, EINVAL,
			       !w->count	? "count"
			       : !w->timeout_ms ? "timeout"
						: "interval",
			       "too small; use %d or more", w->count && w->timeout_ms ? INTERVAL_MIN_MS : 1);
	if (w->payload < PROBE_PAYLOAD_MIN)
		return err_set(e, EINVAL, "payload-size", "%u is too small; a probe needs %u bytes to be known by",
			       (unsigned)w->payload, PROBE_PAYLOAD_MIN);
	if (vsid != w->from->vsid)
		return err_set(e, EINVAL, "isolation-id", "adapter %s is in virtual subnet %u and cannot send in %u",
			       w->from->name, w->from->vsid, (unsigned)vsid);
	return 0;
}

/* As the guest would have it from ARP: the neighbour's, or the router's. */
static int wish_mac(const struct http_request *r, const struct wish *w, struct mac *ret, struct err *e)
{
	const char *given = r->query(r, "next-hop-mac-address");
	const struct hnv_port *port = hnv_port_of(w->from);
	struct hnv_hop hop = hnv_next_hop(port->net, port->subnet, &w->address);
	if (hop.router)
		return err_set(e, EINVAL, w->to ? "to" : "to-address",
			       "is the distributed router, which answers pings itself; give a guest's address");
	*ret = hop.next && hop.vsid == w->from->vsid ? hop.mac : HNV_ROUTER_MAC;
	if (given && (mac_parse(given, ret) || mac_is_multicast(ret)))
		return err_set(e, EINVAL, "next-hop-mac-address", "%.64s is no MAC address of one station", given);
	return 0;
}

/* What `explain` says of the same packet, as the guest would send it. NULL: no memory. */
static json_t *explained(const struct dp_adapter *a, const struct test *t)
{
	struct frame *f = probe_message_make(&t->probe, &t->mac, t->payload);
	uint32_t len = f ? frame_len(f) : 0;
	uint8_t *bytes = malloc(len + 1);
	json_t *answer = NULL;
	struct err e = {0};
	if (f && bytes && frame_read(f, 0, bytes, len)) {
		memcpy(bytes + 6, a->mac.byte, sizeof(a->mac.byte));
		(void)explain_run(a->name, bytes, len, &answer, &e);
	}
	if (f)
		frame_free(f);
	free(bytes);
	return answer;
}

static struct test *test_create(const struct wish *w, const struct mac *mac)
{
	struct test *t = calloc(1, sizeof(*t));
	if (!t || getrandom(t->probe.nonce, PROBE_NONCE, 0) != PROBE_NONCE) {
		free(t);
		return NULL;
	}
	t->adapter = w->from->id;
	t->probe.from = w->from_address;
	t->probe.to = w->address;
	t->probe.sequence = (uint16_t)w->sequence;
	t->mac = *mac;
	t->payload = (uint32_t)w->payload;
	t->count = (uint32_t)w->count;
	t->interval_ms = (uint32_t)w->interval_ms;
	t->timeout_ms = (uint32_t)w->timeout_ms;
	LIST_INSERT_HEAD(&tests, t, link);
	n_tests++;
	return t;
}

static int test_start(const struct wish *w, const struct mac *mac, struct http_response *ret, struct err *e)
{
	char from[IP_TEXT_SIZE], to[IP_TEXT_SIZE];
	if (n_tests >= TESTS_MAX)
		return err_set(e, EAGAIN, NULL, "%d tests are under way; wait for one of them", TESTS_MAX);
	struct test *t = test_create(w, mac);
	if (!t)
		return err_set(e, ENOMEM, NULL, "out of memory");
	t->out = http_lines_begin(ret, test_free, t);
	if (!t->out) {
		test_free(t);
		return 0;
	}
	http_lines_add(t->out, json_pack("{s:s, s:s, s:s, s:i, s:o*}", "from", w->from->name, "from-address",
					 ip_format(&w->from_address, from), "to-address", ip_format(&w->address, to),
					 "isolation-id", (int)w->from->vsid, "explain", explained(w->from, t)));
	turn(t);
	return 0;
}

static int test_asked(const struct http_request *r, struct http_response *ret, struct err *e)
{
	struct wish w = {0};
	struct mac mac;
	bool by_name = r->query(r, "to"), by_address = r->query(r, "to-address");
	int rc = adapter_query(r, "from", &w.from, e);
	if (!rc && by_name == by_address)
		rc = err_set(e, EINVAL, "to",
			     "give the receiver once: an adapter of this host as `to`, or a customer "
			     "address as `to-address`");
	if (!rc && by_name)
		rc = adapter_query(r, "to", &w.to, e);
	if (!rc)
		rc = wish_addresses(r, &w, e);
	if (!rc)
		rc = wish_numbers(r, &w, e);
	if (!rc)
		rc = wish_mac(r, &w, &mac, e);
	return rc ? rc : test_start(&w, &mac, ret, e);
}

static void test_adapter_get(const struct http_request *r, struct http_response *ret)
{
	struct err e = {0};
	int rc = test_asked(r, ret, &e);
	if (rc)
		http_problem(ret, rc, &e);
}

ROUTE(test_adapter, "GET", "/v1/test-adapter", test_adapter_get,
      "Sends probes from a guest's port to another's without the guests: what explain says, a line for each, a summary.",
      "from, to, to-address, isolation-id, next-hop-mac-address, sequence-number, payload-size, count, interval, timeout")
