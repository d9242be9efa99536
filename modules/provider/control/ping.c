/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/provider/control/ping.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/err.h"
#include "core/control/loop.h"
#include "core/http/lines.h"
#include "core/http/server.h"
#include "modules/provider/control/path.h"

#define PINGS_MAX 16 /* at once */
#define COUNT_MAX 100000
#define PAYLOAD_MAX 9000 /* bytes; and no more than the uplink takes */
#define WAY_POLL_MS 20 /* how often it is looked whether the next hop has answered */
#define ICMP 8 /* bytes of the header */

/* One request at a time is out: the next goes when its answer is there or too late, and the interval is over. */
struct ping {
	struct http_lines *out;
	struct provider_path *path;
	struct ip from; /* family 0: the path's own */
	uint32_t count, sequence, answered;
	uint32_t interval_ms, timeout_ms;
	uint16_t id, length; /* length: L3 bytes */
	uint8_t nonce[MESSAGE_NONCE];
	enum { PING_RESTS, PING_SEEKS /* a way */, PING_WAITS /* for the answer to `sequence` */ } state;
	uint64_t begun_ns, sent_ns; /* the request's turn; when it went */
	uint64_t min_ns, max_ns, sum_ns;
	struct loop_source *timer;
	LIST_ENTRY(ping) link;
};

static LIST_HEAD(, ping) pings;
static unsigned n_pings;

static void turn(void *arg);

static void again_in(struct ping *p, uint64_t ms)
{
	loop_remove(p->timer);
	p->timer = loop_add_timer(ms ? ms : 1, 0, turn, p);
}

static void ping_free(void *arg)
{
	struct ping *p = arg;
	LIST_REMOVE(p, link);
	n_pings--;
	loop_remove(p->timer);
	provider_path_release(p->path);
	free(p);
}

static json_t *summary(const struct ping *p)
{
	const struct provider_way *way = atomic_load(&p->path->way);
	char remote[IP_TEXT_SIZE], local[IP_TEXT_SIZE];
	const struct ip *from = p->from.family ? &p->from : way ? &way->local : NULL;
	json_t *o = json_pack("{s:s, s:i, s:i, s:f}", "address", ip_format(&p->path->remote, remote), "sent",
			      (int)p->sequence, "received", (int)p->answered, "loss-percent",
			      p->sequence ? 100.0 * (p->sequence - p->answered) / p->sequence : 0.0);
	if (from)
		json_object_set_new(o, "from", json_string(ip_format(from, local)));
	if (p->answered) {
		json_object_set_new(o, "rtt-min-us", json_integer((json_int_t)(p->min_ns / 1000)));
		json_object_set_new(o, "rtt-average-us", json_integer((json_int_t)(p->sum_ns / p->answered / 1000)));
		json_object_set_new(o, "rtt-max-us", json_integer((json_int_t)(p->max_ns / 1000)));
	}
	return o;
}

/* The request's fate is known; line tells it. */
static void settle(struct ping *p, json_t *line)
{
	uint64_t spent_ms = (clock_now_ns() - p->begun_ns) / 1000000;
	p->state = PING_RESTS;
	http_lines_add(p->out, line);
	if (p->sequence < p->count) {
		again_in(p, spent_ms < p->interval_ms ? p->interval_ms - spent_ms : 1);
		return;
	}
	http_lines_add(p->out, json_pack("{s:o}", "summary", summary(p)));
	http_lines_end(p->out);
	ping_free(p);
}

static void lost(struct ping *p, const char *why)
{
	settle(p, json_pack("{s:i, s:o}", "sequence", (int)p->sequence, "error", http_text(why)));
}

/* Sends, or waits for a way until the time is up. */
static void send_or_wait(struct ping *p)
{
	const struct path *path = (const struct path *)p->path;
	const struct network *net = path->net;
	const struct network_address *from =
		p->from.family && net->config ? network_address_find(net->config, &p->from) : NULL;
	struct provider_way way;
	char why[224];
	if (p->from.family && !from) {
		lost(p, "the provider address that it was to be sent from is gone");
	} else if (!network_quiet && path_way_from(path, from, &way)) {
		p->sent_ns = clock_now_ns();
		p->state = PING_WAITS;
		again_in(p, p->timeout_ms);
		network_send(net, message_echo(&way, p->id, (uint16_t)p->sequence, p->nonce, p->length));
	} else if (clock_now_ns() - p->begun_ns > (uint64_t)p->timeout_ms * 1000000) {
		snprintf(why, sizeof(why), "not sent: %s", p->path->waiting ? p->path->waiting : "no path");
		lost(p, why);
	} else {
		again_in(p, WAY_POLL_MS);
	}
}

/* The timer: a request's turn, or its answer is late. */
static void turn(void *arg)
{
	struct ping *p = arg;
	char why[64];
	p->timer = NULL;
	if (p->state == PING_WAITS) {
		snprintf(why, sizeof(why), "no answer within %u ms", p->timeout_ms);
		lost(p, why);
		return;
	}
	if (p->state == PING_RESTS) {
		p->sequence++;
		p->begun_ns = clock_now_ns();
		p->state = PING_SEEKS;
	}
	send_or_wait(p);
}

static struct ping *find(const struct network *net, uint16_t id)
{
	struct ping *p;
	LIST_FOREACH(p, &pings, link)
		if (p->id == id && ((const struct path *)p->path)->net == net)
			return p;
	return NULL;
}

bool ping_answered(const struct network *net, const struct provider_icmp *m)
{
	struct ping *p = find(net, m->id);
	char text[IP_TEXT_SIZE];
	if (!p || !ip_equal(&m->from, &p->path->remote) || m->body_len < MESSAGE_NONCE ||
	    memcmp(m->body, p->nonce, MESSAGE_NONCE) != 0)
		return false;
	if (p->state != PING_WAITS || m->sequence != (uint16_t)p->sequence)
		return true; /* too late, or twice */
	uint64_t rtt = clock_now_ns() - p->sent_ns;
	p->min_ns = p->answered && p->min_ns < rtt ? p->min_ns : rtt;
	p->max_ns = p->max_ns > rtt ? p->max_ns : rtt;
	p->sum_ns += rtt;
	p->answered++;
	settle(p, json_pack("{s:i, s:i, s:s, s:I}", "sequence", (int)p->sequence, "bytes", (int)m->length, "from",
			    ip_format(&m->from, text), "rtt-us", (json_int_t)(rtt / 1000)));
	return true;
}

void ping_refused(const struct network *net, const struct provider_icmp *m)
{
	bool ip6 = m->to.family == AF_INET6;
	uint32_t header = ip6 ? 40 : m->body_len ? (m->body[0] & 0xfu) * 4 : 0;
	char text[IP_TEXT_SIZE], why[160];
	if (header < 20 || m->body_len < header + ICMP ||
	    m->body[ip6 ? 6 : 9] != (ip6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return;
	const uint8_t *icmp = m->body + header;
	struct ping *p = find(net, (uint16_t)(icmp[4] << 8 | icmp[5]));
	if (!p || p->state != PING_WAITS || icmp[0] != (ip6 ? 128 : 8) ||
	    (uint16_t)(icmp[6] << 8 | icmp[7]) != (uint16_t)p->sequence)
		return;
	ip_format(&m->from, text);
	if (m->type == (ip6 ? 2 : 3) && (ip6 || m->code == 4))
		snprintf(why, sizeof(why), "%s passes packets of %u bytes only", text, m->mtu);
	else if (m->type == (ip6 ? 3 : 11))
		snprintf(why, sizeof(why), "%s: time exceeded, a routing loop?", text);
	else
		snprintf(why, sizeof(why), "%s says unreachable (ICMP type %u code %u)", text, m->type, m->code);
	lost(p, why);
}

bool ping_sent_echo(const struct path *path, uint8_t protocol, const uint8_t *bytes, uint32_t len)
{
	const struct ping *p;
	LIST_FOREACH(p, &pings, link)
		if (p->path == &path->pub &&
		    message_is_echo(path->pub.remote.family == AF_INET6, p->id, p->nonce, protocol, bytes, len))
			return true;
	return false;
}

void ping_fini(void)
{
	struct ping *p;
	while ((p = LIST_FIRST(&pings))) {
		http_lines_end(p->out);
		ping_free(p);
	}
}

/* Asked for. */
struct wish {
	struct network *net;
	struct ip address, from;
	uint64_t count, size, interval_ms, timeout_ms;
};

static int wish_numbers(const struct http_request *r, struct wish *w, struct err *e)
{
	int rc = http_query_uint(r, "count", COUNT_MAX, 4, &w->count, e);
	if (!rc)
		rc = http_query_uint(r, "size", PAYLOAD_MAX, 56, &w->size, e);
	if (!rc)
		rc = http_query_uint(r, "interval", 60000, 1000, &w->interval_ms, e);
	if (!rc)
		rc = http_query_uint(r, "timeout", 60000, 1000, &w->timeout_ms, e);
	if (!rc && (!w->count || !w->timeout_ms))
		return err_set(e, EINVAL, w->count ? "timeout" : "count", "0 is too small; use 1 or more");
	return rc;
}

static int wish_addresses(const struct http_request *r, struct wish *w, struct err *e)
{
	const char *network = r->query(r, "provider-network"), *to = r->query(r, "address"),
		   *from = r->query(r, "from");
	network = network ? network : "default";
	w->net = network_find(network);
	if (!w->net || !w->net->config || !w->net->config->switch_name[0])
		return err_set(e, ENOENT, "provider-network", "this host has no provider address on %.64s", network);
	if (!to || ip_parse(to, &w->address))
		return err_set(e, EINVAL, "address", "%.64s is no IP address; give another host's provider address",
			       to ? to : "nothing");
	if (network_address_find(w->net->config, &w->address))
		return err_set(e, EINVAL, "address", "%s is this host's own; give another host's", to);
	if (!network_address_of_family(w->net->config, w->address.family))
		return err_set(e, EINVAL, "address", "this host has no %s provider address to ping it from",
			       w->address.family == AF_INET ? "IPv4" : "IPv6");
	if (!from)
		return 0;
	if (ip_parse(from, &w->from) || w->from.family != w->address.family ||
	    !network_address_find(w->net->config, &w->from))
		return err_set(e, EINVAL, "from", "%.64s is no %s provider address of this host", from,
			       w->address.family == AF_INET ? "IPv4" : "IPv6");
	return 0;
}

static int wish_length(const struct wish *w, uint16_t *ret_length, struct err *e)
{
	uint32_t header = (w->address.family == AF_INET ? 20u : 40u) + ICMP, mtu = w->net->config->mtu;
	if (w->size < MESSAGE_NONCE)
		return err_set(e, EINVAL, "size", "%u is too small; use %u or more", (unsigned)w->size,
			       MESSAGE_NONCE);
	if (w->size + header > mtu)
		return err_set(e, EINVAL, "size",
			       "%u and %u of headers are more than the uplink takes (%u); use at most %u",
			       (unsigned)w->size, header, mtu, mtu - header);
	*ret_length = (uint16_t)(w->size + header);
	return 0;
}

static int ping_start(const struct wish *w, struct http_response *ret, struct err *e)
{
	static uint16_t id = 0x8000; /* those below are the paths' own */
	uint16_t length = 0;
	int rc = wish_length(w, &length, e);
	if (rc)
		return rc;
	if (n_pings >= PINGS_MAX)
		return err_set(e, EAGAIN, NULL, "%d pings are under way; wait for one of them", PINGS_MAX);
	struct ping *p = calloc(1, sizeof(*p));
	struct provider_path *path = p ? provider_path_hold(w->net->index, &w->address) : NULL;
	if (!path || getrandom(p->nonce, sizeof(p->nonce), 0) != sizeof(p->nonce)) {
		provider_path_release(path);
		free(p);
		return err_set(e, ENOMEM, NULL, "out of memory");
	}
	p->path = path;
	p->from = w->from;
	p->count = (uint32_t)w->count;
	p->interval_ms = (uint32_t)w->interval_ms;
	p->timeout_ms = (uint32_t)w->timeout_ms;
	p->length = length;
	id = (uint16_t)(id + 1) | 0x8000;
	p->id = id;
	LIST_INSERT_HEAD(&pings, p, link);
	n_pings++;
	p->out = http_lines_begin(ret, ping_free, p);
	if (p->out)
		turn(p);
	else
		ping_free(p);
	return 0;
}

static void ping_get(const struct http_request *r, struct http_response *ret)
{
	struct wish w = {0};
	struct err e = {0};
	int rc = wish_addresses(r, &w, &e);
	if (!rc)
		rc = wish_numbers(r, &w, &e);
	if (!rc)
		rc = ping_start(&w, ret, &e);
	if (rc)
		http_problem(ret, rc, &e);
}

ROUTE(ping_provider, "GET", "/v1/ping-provider", ping_get,
      "Pings another host's provider address as tunnels reach it: a line for each request, then {\"summary\": ...}.",
      "provider-network, address, from, count, size, interval, timeout")
