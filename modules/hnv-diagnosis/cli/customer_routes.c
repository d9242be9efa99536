/* SPDX-License-Identifier: Apache-2.0 */
/* weft customer-routes: how each routing domain routes on this host (Get-CustomerRoute). */
#include "cli/client.h"
#include "cli/table.h"

static void render(struct cli *c, const json_t *routes)
{
	static const char *const keys[] = {"routing-domain", "name",   "prefix", "virtual-subnet-id",
					   "next-hop",	     "metric", NULL};
	struct table *t = table_create(
		(const char *const[]){"ROUTING-DOMAIN", "NAME", "PREFIX", ">VSID", "NEXT-HOP", ">METRIC", NULL});
	size_t i;
	const json_t *route;
	json_array_foreach(routes, i, route)
		for (size_t k = 0; keys[k]; k++)
			table_json(t, json_object_get(route, keys[k]));
	table_print(t, c);
	table_free(t);
}

static int customer_routes(struct cli *c, const struct command_args *a)
{
	json_t *answer;
	int r = client_get(c, "/v1/customer-routes", &answer);
	if (r)
		return r;
	const json_t *routes = json_object_get(answer, "routes");
	if (!output_data(c, routes))
		render(c, routes);
	json_decref(answer);
	return CLI_OK;
}

COMMAND(customer_routes, .words = "customer-routes", .group = COMMAND_STATE, .usage = "",
	.help = "how each routing domain routes: its virtual subnets and customer routes",
	.more = "A next hop of 0.0.0.0 or :: says that the addresses themselves are in the virtual subnet. The longest prefix\n"
		"counts, then the lowest metric. 'Get-CustomerRoute' is the same.",
	.fn = customer_routes)

COMMAND(get_customer_route, .words = "Get-CustomerRoute", .group = COMMAND_STATE, .usage = "",
	.help = "the same as 'customer-routes'", .fn = customer_routes)
