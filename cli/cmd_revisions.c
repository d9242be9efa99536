/* SPDX-License-Identifier: Apache-2.0 */
/* confirm, rollback and revisions: keep what was applied, or go back. */
#include <inttypes.h>
#include <string.h>

#include "cli/client.h"
#include "cli/render.h"
#include "cli/table.h"

static int confirm(struct cli *c, const struct command_args *a)
{
	json_t *answer;
	int r = client_call(c, &(struct client_request){.method = "POST", .path = "/v1/confirm"}, &answer);
	if (r)
		return r;
	if (!output_data(c, answer)) {
		const json_t *revision = json_object_get(answer, "revision");
		if (revision)
			fprintf(c->out, "revision %" JSON_INTEGER_FORMAT " is kept\n", json_integer_value(revision));
		else
			fputs("kept\n", c->out);
	}
	json_decref(answer);
	return CLI_OK;
}

static int rollback(struct cli *c, const struct command_args *a)
{
	char path[64] = "/v1/rollback";
	const char *revision = args_word(a, 0);
	if (revision) {
		if (!*revision || strlen(revision) > 18 || strspn(revision, "0123456789") != strlen(revision))
			return cli_usage_error(c, a->command, "'%s' is not a revision; 'weft revisions' lists them",
					       revision);
		snprintf(path, sizeof(path), "/v1/rollback?revision=%s", revision);
	}
	json_t *answer;
	int r = client_call(c, &(struct client_request){.method = "POST", .path = path}, &answer);
	if (r)
		return r;
	if (!output_data(c, answer))
		render_applied(c, answer);
	json_decref(answer);
	return CLI_OK;
}

static int revisions(struct cli *c, const struct command_args *a)
{
	json_t *answer;
	int r = client_get(c, "/v1/revisions", &answer);
	if (r)
		return r;
	if (!output_data(c, answer)) {
		struct table *t = table_create((const char *const[]){">REVISION", "", "TIME", "SUMMARY", NULL});
		size_t i;
		const json_t *one;
		json_array_foreach(answer, i, one) {
			const json_t *time = json_object_get(one, "time");
			char buf[TIME_TEXT_SIZE];
			table_json(t, json_object_get(one, "revision"));
			table_text(t, json_is_true(json_object_get(one, "current")) ? "runs" : " ");
			if (json_is_integer(time))
				table_text(t, time_format((uint64_t)json_integer_value(time), buf));
			else
				table_json(t, time);
			table_json(t, json_object_get(one, "summary"));
		}
		table_print(t, c);
		table_free(t);
	}
	json_decref(answer);
	return CLI_OK;
}

COMMAND(confirm, .words = "confirm", .group = COMMAND_DOCUMENT, .usage = "",
	.help = "keep what was applied with --confirm-within", .fn = confirm)

COMMAND(rollback, .words = "rollback", .group = COMMAND_DOCUMENT, .usage = "[REVISION]", .max_words = 1,
	.help = "go back to the revision before, or to REVISION",
	.more = "Before 'weft confirm' it ends the waiting at once.", .fn = rollback)

COMMAND(revisions, .words = "revisions", .group = COMMAND_DOCUMENT, .usage = "",
	.help = "the documents that ran, newest last", .fn = revisions)
