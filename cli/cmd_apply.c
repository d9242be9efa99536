/* SPDX-License-Identifier: Apache-2.0 */
/* apply and diff: a document from a file or from standard input. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/document_read.h"
#include "cli/render.h"

/* Sends the document and gets weftd's answer. */
static int send_document(struct cli *c, const char *method, const char *path, const char *file, json_t **ret_answer)
{
	char *text = NULL;
	size_t len = 0;
	int r = document_read(c, file, &text, &len);
	if (r)
		return r;
	struct client_request request = {
		.method = method,
		.path = path,
		.body = text,
		.body_len = len,
		.content_type = "application/yaml", /* JSON is YAML */
		.refused_about = file,
	};
	r = client_call(c, &request, ret_answer);
	free(text);
	return r;
}

static int apply(struct cli *c, const struct command_args *a)
{
	uint64_t within = 0, revision = UINT64_MAX;
	int r = args_number(c, a, "confirm-within", 1, 3600, &within);
	if (!r)
		r = args_number(c, a, "if-revision", 0, INT64_MAX, &revision);
	if (r)
		return r;

	struct str path = {0};
	str_add(&path, "/v1/document?dry-run=%s", args_flag(a, "dry-run") ? "true" : "false");
	if (within)
		str_add(&path, "&confirm-within=%" PRIu64, within);
	if (revision != UINT64_MAX)
		str_add(&path, "&if-revision=%" PRIu64, revision);
	char *path_text = cli_take(&path);
	json_t *answer;
	r = send_document(c, "PUT", path_text, args_word(a, 0), &answer);
	free(path_text);
	if (r)
		return r;
	if (!output_data(c, answer))
		render_applied(c, answer);
	json_decref(answer);
	return CLI_OK;
}

static int diff(struct cli *c, const struct command_args *a)
{
	json_t *answer;
	int r = send_document(c, "POST", "/v1/diff", args_word(a, 0), &answer);
	if (r)
		return r == CLI_REFUSED ? CLI_INVALID : r;
	const json_t *changes = json_object_get(answer, "changes");
	if (!output_data(c, answer))
		render_changes(c, changes);
	r = json_array_size(changes) ? CLI_REFUSED : CLI_OK;
	json_decref(answer);
	return r;
}

static const struct command_option apply_options[] = {
	{.name = "dry-run", .help = "check and show the changes, change nothing"},
	{.name = "confirm-within",
	 .value = "SECONDS",
	 .help = "go back by itself unless 'weft confirm' comes in time"},
	{.name = "if-revision", .value = "N", .help = "refuse if another revision than N runs"},
	{0},
};

COMMAND(apply, .words = "apply", .group = COMMAND_DOCUMENT, .usage = "FILE|-", .min_words = 1, .max_words = 1,
	.options = apply_options, .help = "make a document the host's; says what changed",
	.more = "FILE is the whole host, YAML or JSON; weft.yaml(5) describes every key, '-' reads standard input.\n"
		"Either all of it comes to be or nothing has changed. Ports that the document does not touch lose no\n"
		"frame. With --confirm-within the host goes back to what it was unless 'weft confirm' comes in time,\n"
		"also when weftd dies meanwhile: use it whenever your own connection runs over what you change.",
	.fn = apply)

COMMAND(diff, .words = "diff", .group = COMMAND_DOCUMENT, .usage = "FILE|-", .min_words = 1, .max_words = 1,
	.help = "what apply would change", .more = "Exit: 0 nothing, 1 something, 4 the document is refused.",
	.fn = diff)
