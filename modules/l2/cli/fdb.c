/* SPDX-License-Identifier: Apache-2.0 */
/* weft fdb: which address a switch has seen behind which adapter. */
#include <stdlib.h>

#include "cli/client.h"
#include "cli/table.h"

static void render_entries(struct cli *c, const json_t *entries)
{
	struct table *t =
		table_create((const char *const[]){"MAC-ADDRESS", ">VLAN", "ADAPTER", "TYPE", ">AGE", NULL});
	size_t i;
	const json_t *entry;
	json_array_foreach(entries, i, entry) {
		const json_t *age = json_object_get(entry, "age-seconds");
		char buf[NUMBER_TEXT_SIZE];
		table_json(t, json_object_get(entry, "mac-address"));
		table_json(t, json_object_get(entry, "vlan"));
		table_json(t, json_object_get(entry, "adapter"));
		table_json(t, json_object_get(entry, "type"));
		if (json_is_integer(age) && json_integer_value(age) >= 0)
			table_text(t, duration_format((uint64_t)json_integer_value(age), buf));
		else
			table_text(t, NULL); /* a static entry does not age */
	}
	table_print(t, c);
	table_free(t);
}

static int fdb(struct cli *c, const struct command_args *a)
{
	struct str path = {0};
	str_add(&path, "/v1/fdb/");
	client_escape(&path, args_word(a, 0));
	char *text = cli_take(&path);
	json_t *answer;
	int r = client_get(c, text, &answer);
	free(text);
	if (r)
		return r;
	if (!output_data(c, answer))
		render_entries(c, json_object_get(answer, "entries"));
	json_decref(answer);
	return CLI_OK;
}

COMMAND(fdb, .words = "fdb", .group = COMMAND_STATE, .usage = "SWITCH", .min_words = 1, .max_words = 1,
	.help = "the MAC addresses a switch has learned, and where", .fn = fdb)
