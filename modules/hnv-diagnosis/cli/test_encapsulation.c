/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weft test-encapsulation: do the uplinks, and what lies between hosts, carry full packets in tunnels?
 * (Test-EncapOverheadSettings, Test-LogicalNetworkSupportsJumboPacket)
 */
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/table.h"

#define PINGS "&count=2&interval=20&timeout=500" /* one may be lost by chance */
#define SHORT 56

static bool same(const json_t *a, const json_t *b, const char *key)
{
	return json_equal(json_object_get(a, key), json_object_get(b, key));
}

static json_int_t number(const json_t *o, const char *key) { return json_integer_value(json_object_get(o, key)); }

static int take_line(void *arg, const json_t *line)
{
	bool *answered = arg;
	*answered |= number(json_object_get(line, "summary"), "received") > 0;
	return 0;
}

/* Is an echo of `length` L3 bytes, which may not be fragmented, answered? */
static int passes(struct cli *c, const json_t *peer, json_int_t length, bool *ret)
{
	const char *address = json_string_value(json_object_get(peer, "peer"));
	const char *network = json_string_value(json_object_get(peer, "provider-network"));
	json_int_t header = strchr(address, ':') ? 48 : 28;
	struct str path = {0};
	str_add(&path, "/v1/ping-provider?address=");
	client_escape(&path, address);
	str_add(&path, "&provider-network=");
	client_escape(&path, network);
	str_add(&path, "&size=%lld" PINGS, (long long)(length > header + 8 ? length - header : SHORT));
	char *target = cli_take(&path);
	*ret = false;
	int r = client_lines(c, target, take_line, ret);
	free(target);
	return r;
}

/* As weftd knows it by now: a router may just have told. 0: it holds no path. */
static int path_mtu(struct cli *c, const json_t *peer, json_int_t *ret)
{
	json_t *provider;
	const json_t *path;
	size_t i;
	int r = client_get(c, "/v1/provider", &provider);
	*ret = 0;
	if (r)
		return r;
	json_array_foreach(json_object_get(provider, "paths"), i, path)
		if (same(path, peer, "peer") && same(path, peer, "provider-network"))
			*ret = number(path, "mtu");
	json_decref(provider);
	return CLI_OK;
}

/* Adds "passes", the L3 bytes that do, and "verdict" to a peer. */
static int peer_test(struct cli *c, json_t *peer, json_int_t uplink)
{
	json_int_t path = 0, size = uplink;
	const char *verdict = "full size passes";
	bool good;
	int r = passes(c, peer, uplink, &good);
	if (!r && !good)
		r = path_mtu(c, peer, &path);
	if (!r && !good && path && path < uplink) {
		size = path;
		verdict = "a link between the hosts has less than the uplink";
		r = passes(c, peer, path, &good);
	}
	if (!r && !good) {
		size = SHORT + 28;
		verdict = "short packets pass, long ones vanish without a word: something between the hosts has less";
		r = passes(c, peer, size, &good);
	}
	if (!r && !good) {
		size = 0;
		verdict = "does not answer";
	}
	json_object_set_new(peer, "uplink-mtu", json_integer(uplink));
	json_object_set_new(peer, "passes", json_integer(size));
	json_object_set_new(peer, "verdict", json_string(verdict));
	return r;
}

static json_int_t uplink_mtu(const json_t *networks, const json_t *peer)
{
	size_t i;
	const json_t *net;
	json_array_foreach(networks, i, net)
		if (same(net, peer, "provider-network"))
			return number(net, "uplink-mtu");
	return 0;
}

/* The peers that tunnels lead to, or the one that is given. */
static json_t *peers_of(const json_t *provider, const struct command_args *a)
{
	const char *network = args_value(a, "provider-network"), *only = args_word(a, 0);
	json_t *peers = json_array(), *path;
	size_t i;
	json_array_foreach(json_object_get(provider, "paths"), i, path) {
		const char *peer = json_string_value(json_object_get(path, "peer"));
		const char *its = json_string_value(json_object_get(path, "provider-network"));
		if ((network && !str_equal(its, network)) || (only && !str_equal(peer, only)))
			continue;
		json_array_append_new(peers,
				      json_pack("{s:O, s:O}", "peer", json_object_get(path, "peer"),
						"provider-network", json_object_get(path, "provider-network")));
	}
	if (only && !json_array_size(peers))
		json_array_append_new(peers, json_pack("{s:s, s:s}", "peer", only, "provider-network",
						       network ? network : "default"));
	return peers;
}

static void render_networks(struct cli *c, const json_t *networks)
{
	static const char *const keys[] = {"provider-network", "switch",     "uplink-mtu", "overhead",
					   "inner-mtu",	       "needed-mtu", NULL};
	struct table *t = table_create((const char *const[]){"PROVIDER-NETWORK", "SWITCH", ">UPLINK-MTU", ">OVERHEAD",
							     ">INNER-MTU", ">NEEDED-MTU", NULL});
	size_t i;
	const json_t *net;
	json_array_foreach(networks, i, net) {
		bool little = number(net, "needed-mtu") > number(net, "uplink-mtu");
		for (size_t k = 0; keys[k]; k++)
			table_json(t, json_object_get(net, keys[k]));
		table_style(t, little ? STYLE_CHANGE : STYLE_GOOD);
	}
	table_print(t, c);
	table_free(t);
}

static void render_adapters(struct cli *c, const json_t *adapters)
{
	struct table *t = table_create((const char *const[]){"ADAPTER", ">VSID", ">MTU", "NOTE", NULL});
	size_t i, fit = 0;
	const json_t *a;
	json_array_foreach(adapters, i, a) {
		if (json_is_true(json_object_get(a, "fits"))) {
			fit++;
			continue;
		}
		table_json(t, json_object_get(a, "name"));
		table_json(t, json_object_get(a, "virtual-subnet-id"));
		table_json(t, json_object_get(a, "mtu"));
		table_text(t, "more than fits: long packets are cut, or their sender is told");
	}
	fprintf(c->out, "\n%zu of %zu adapters have an MTU that fits\n", fit, json_array_size(adapters));
	if (table_rows(t))
		table_print(t, c);
	table_free(t);
}

static void render_peers(struct cli *c, const json_t *peers)
{
	static const char *const keys[] = {"peer", "provider-network", "uplink-mtu", "passes", "verdict", NULL};
	struct table *t = table_create(
		(const char *const[]){"PEER", "PROVIDER-NETWORK", ">UPLINK-MTU", ">PASSES", "VERDICT", NULL});
	size_t i;
	const json_t *peer;
	json_array_foreach(peers, i, peer) {
		for (size_t k = 0; keys[k]; k++)
			table_json(t, json_object_get(peer, keys[k]));
		table_style(t, number(peer, "passes") == number(peer, "uplink-mtu") ? STYLE_GOOD : STYLE_BAD);
	}
	fputc('\n', c->out);
	table_print(t, c);
	table_free(t);
}

static int peers_test(struct cli *c, const struct command_args *a, json_t *answer, bool *ret_good)
{
	json_t *provider, *peers, *peer;
	size_t i;
	int r = client_get(c, "/v1/provider", &provider);
	if (r)
		return r;
	peers = peers_of(provider, a);
	json_decref(provider);
	json_object_set_new(answer, "peers", peers);
	json_array_foreach(peers, i, peer) {
		json_int_t uplink = uplink_mtu(json_object_get(answer, "networks"), peer);
		r = peer_test(c, peer, uplink);
		if (r)
			return r;
		*ret_good &= number(peer, "passes") == uplink;
	}
	return CLI_OK;
}

static int test_encapsulation(struct cli *c, const struct command_args *a)
{
	json_t *answer;
	bool good = true;
	int r = client_get(c, "/v1/encapsulation", &answer);
	if (r)
		return r;
	client_catch_interrupt();
	r = peers_test(c, a, answer, &good);
	if (!r && !output_data(c, answer)) {
		render_networks(c, json_object_get(answer, "networks"));
		render_adapters(c, json_object_get(answer, "adapters"));
		render_peers(c, json_object_get(answer, "peers"));
	}
	json_decref(answer);
	return r ? r : good ? CLI_OK : CLI_REFUSED;
}

static const struct command_option options[] = {
	{.name = "provider-network", .value = "NAME", .help = "the peers of this one alone"},
	{0},
};

COMMAND(test_encapsulation, .words = "test-encapsulation", .group = COMMAND_FRAMES, .usage = "[PROVIDER-ADDRESS]",
	.max_words = 1, .options = options,
	.help = "whether full packets fit into tunnels, here and on the way to each peer",
	.more = "OVERHEAD is what tunnels take of the uplink's MTU, NEEDED-MTU what the uplink would have to have for the\n"
		"largest MTU of a guest. Each peer is pinged by a packet of the uplink's full length that may not be\n"
		"fragmented. Exit: 0 when all of those are answered, else 1.\n"
		"'Test-EncapOverheadSettings' and 'Test-LogicalNetworkSupportsJumboPacket' are the same.",
	.fn = test_encapsulation)

COMMAND(test_encap_overhead, .words = "Test-EncapOverheadSettings", .group = COMMAND_FRAMES,
	.usage = "[PROVIDER-ADDRESS]", .max_words = 1, .options = options, .help = "the same as 'test-encapsulation'",
	.fn = test_encapsulation)

COMMAND(test_jumbo, .words = "Test-LogicalNetworkSupportsJumboPacket", .group = COMMAND_FRAMES,
	.usage = "[PROVIDER-ADDRESS]", .max_words = 1, .options = options, .help = "the same as 'test-encapsulation'",
	.fn = test_encapsulation)
