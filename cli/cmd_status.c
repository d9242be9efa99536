/* SPDX-License-Identifier: Apache-2.0 */
/* status and stats: facts about everything, a kind, or one object. */
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/render.h"

/* GET base[/KIND[/NAME]] by the command's words. */
static int get_facts(struct cli *c, const char *base, const char *kind, const char *name, json_t **ret_answer)
{
	struct str path = {0};
	str_add(&path, "%s", base);
	if (kind) {
		str_add(&path, "/");
		client_escape(&path, kind);
	}
	if (name) {
		str_add(&path, "/");
		client_escape(&path, name);
	}
	char *text = cli_take(&path);
	int r = client_get(c, text, ret_answer);
	free(text);
	return r;
}

static int status(struct cli *c, const struct command_args *a)
{
	json_t *answer;
	int r = get_facts(c, "/v1/status", args_word(a, 0), args_word(a, 1), &answer);
	if (r)
		return r;
	if (!output_data(c, answer))
		render_any(c, answer);
	json_decref(answer);
	return CLI_OK;
}

/* "adapters" and "adapter" are the same; the API knows the singular. */
static const char *stats_kind(const char *word)
{
	static const struct {
		const char *plural, *kind;
	} kinds[] = {{"adapters", "adapter"},
		     {"switches", "switch"},
		     {"nodes", "node"},
		     {"workers", "worker"},
		     {"total", "total"}};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcmp(word, kinds[i].plural) || !strcmp(word, kinds[i].kind))
			return kinds[i].kind;
	}
	return NULL;
}

static int stats(struct cli *c, const struct command_args *a)
{
	const char *word = args_word(a, 0), *kind = word ? stats_kind(word) : NULL;
	if (word && !kind)
		return cli_usage_error(c, a->command, "no kind '%s'; one of adapter, switch, node, worker, total",
				       word);
	json_t *answer;
	int r = get_facts(c, "/v1/stats", kind, args_word(a, 1), &answer);
	if (r)
		return r;
	if (!output_data(c, answer))
		render_stats(c, kind, answer);
	json_decref(answer);
	return CLI_OK;
}

COMMAND(status, .words = "status", .group = COMMAND_STATE, .usage = "[KIND [NAME]]", .max_words = 2,
	.help = "what is: links, connected guests, what is waited for",
	.more = "KIND is host, switch, adapter, routing-domain or virtual-subnet. What the document asks for and this host\n"
		"cannot enforce stands under the table with the reason, as does what weftd waits for.",
	.fn = status)

COMMAND(stats, .words = "stats", .group = COMMAND_STATE, .usage = "[KIND [NAME]]", .max_words = 2,
	.help = "counters; drops by reason",
	.more = "KIND is adapter, switch, node, worker or total. In and out are as the adapter's owner sees them: in is what\n"
		"a guest received. Every frame that did not arrive is counted under one reason. On a terminal large\n"
		"numbers are shortened; -o json has them in full.\n"
		"'stats worker' counts TSC cycles: busy ones in rounds that moved frames, idle ones in the others.",
	.fn = stats)
