/* SPDX-License-Identifier: Apache-2.0 */
/* weft provider: the host's provider addresses, and how others are reached. */
#include "cli/client.h"
#include "cli/table.h"

static void render_addresses(struct cli *c, const json_t *list)
{
	struct table *t = table_create((const char *const[]){"PROVIDER-ADDRESS", "NETWORK", "SWITCH", ">VLAN",
							     "MAC-ADDRESS", ">MTU", "STATE", NULL});
	size_t i;
	const json_t *o;
	json_array_foreach(list, i, o) {
		const json_t *duplicate = json_object_get(o, "duplicate-at");
		table_json(t, json_object_get(o, "provider-address"));
		table_json(t, json_object_get(o, "provider-network"));
		table_json(t, json_object_get(o, "switch"));
		table_json(t, json_object_get(o, "vlan"));
		table_json(t, json_object_get(o, "mac-address"));
		table_json(t, json_object_get(o, "mtu"));
		if (duplicate)
			table_format(t, "duplicate at %s", json_string_value(duplicate));
		else
			table_text(t, json_is_true(json_object_get(o, "lent")) ? "lent to a guest" : "ready");
		table_style(t, duplicate ? STYLE_BAD : STYLE_GOOD);
	}
	table_print(t, c);
	table_free(t);
}

static void render_paths(struct cli *c, const json_t *list)
{
	struct table *t = table_create(
		(const char *const[]){"PEER", "PROVIDER-ADDRESS", "NEXT-HOP", "MAC-ADDRESS", ">MTU", "STATE", NULL});
	size_t i;
	const json_t *o;
	json_array_foreach(list, i, o) {
		const json_t *waiting = json_object_get(o, "waiting-for");
		table_json(t, json_object_get(o, "peer"));
		table_json(t, json_object_get(o, "provider-address"));
		table_json(t, json_object_get(o, "next-hop"));
		table_json(t, json_object_get(o, "mac-address"));
		table_json(t, json_object_get(o, "mtu"));
		table_json(t, waiting ? waiting : json_object_get(o, "state"));
		table_style(t, waiting ? STYLE_BAD : STYLE_GOOD);
	}
	table_print(t, c);
	table_free(t);
}

static int provider(struct cli *c, const struct command_args *a)
{
	json_t *answer;
	int r = client_get(c, "/v1/provider", &answer);
	if (r)
		return r;
	if (!output_data(c, answer)) {
		render_addresses(c, json_object_get(answer, "addresses"));
		fputc('\n', c->out);
		render_paths(c, json_object_get(answer, "paths"));
	}
	json_decref(answer);
	return CLI_OK;
}

COMMAND(provider, .words = "provider", .group = COMMAND_STATE, .usage = "",
	.help = "this host's provider addresses, and the paths to those of other hosts",
	.more = "A path is there while something on this host sends to it: its next hop, that one's MAC address and the\n"
		"longest packet that passes. STATE says what a path waits for. -o json has neighbours and groups as well.\n"
		"'Get-ProviderAddress' is the same.",
	.fn = provider)

COMMAND(get_provider_address, .words = "Get-ProviderAddress", .group = COMMAND_STATE, .usage = "",
	.help = "the same as 'provider'", .fn = provider)
