/* SPDX-License-Identifier: Apache-2.0 */
/* weft next-hop: where a tenant's packet would go (Select-NetVirtualizationNextHop). */
#include <stdlib.h>

#include "cli/client.h"
#include "cli/render.h"

static int next_hop(struct cli *c, const struct command_args *a)
{
	static const struct {
		const char *option, *key;
	} queries[] = {{"vsid", "virtual-subnet-id"},
		       {"from", "from"},
		       {"to", "to"},
		       {"provider-network", "provider-network"}};
	struct str path = {0};
	const char *separator = "?";
	json_t *answer;
	str_add(&path, "/v1/next-hop");
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		if (!args_value(a, queries[i].option))
			continue;
		str_add(&path, "%s%s=", separator, queries[i].key);
		client_escape(&path, args_value(a, queries[i].option));
		separator = "&";
	}
	char *text = cli_take(&path);
	int r = client_get(c, text, &answer);
	free(text);
	if (r)
		return r;
	if (!output_data(c, answer))
		render_any(c, answer);
	json_decref(answer);
	return CLI_OK;
}

static const struct command_option options[] = {
	{.name = "vsid", .value = "N", .required = true, .help = "the virtual subnet of the sender"},
	{.name = "from", .value = "ADDRESS", .required = true, .help = "its customer address"},
	{.name = "to", .value = "ADDRESS", .required = true, .help = "the packet's destination"},
	{.name = "provider-network", .value = "NAME", .help = "the provider network; default is called so"},
	{0},
};

COMMAND(next_hop, .words = "next-hop", .group = COMMAND_FRAMES, .usage = "", .options = options,
	.help = "where a packet between customer addresses would go",
	.more = "By the tables that the workers go by: routing domain, route, lookup record, adapter or tunnel.\n"
		"'weft explain' runs a whole frame through all stages instead.",
	.fn = next_hop)

COMMAND(select_next_hop, .words = "Select-NetVirtualizationNextHop", .group = COMMAND_FRAMES, .usage = "",
	.options = options, .help = "the same as 'next-hop'", .fn = next_hop)
