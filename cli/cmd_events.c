/* SPDX-License-Identifier: Apache-2.0 */
/* events: what happened, newest last; with --follow what happens. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/output.h"

static enum style level_style(const char *level)
{
	if (!strcmp(level, "error"))
		return STYLE_BAD;
	return strcmp(level, "warning") ? STYLE_PLAIN : STYLE_CHANGE;
}

static void print_event(struct cli *c, const json_t *event)
{
	if (c->format == CLI_FORMAT_JSON) {
		char *line = json_dumps(event, JSON_COMPACT);
		fprintf(c->out, "%s\n", line ? line : "{}");
		free(line);
		return;
	}
	if (output_data(c, event))
		return;
	const char *level = json_string_value(json_object_get(event, "level"));
	char time[TIME_TEXT_SIZE];
	time_format((uint64_t)json_integer_value(json_object_get(event, "time")), time);
	level = level ? level : "info";
	struct str s = {0};
	text_add_json(&s, json_object_get(event, "object") ? json_object_get(event, "object") : json_null());
	str_add(&s, ": ");
	text_add_json(&s, json_object_get(event, "text") ? json_object_get(event, "text") : json_null());
	char *text = cli_take(&s);
	fprintf(c->out, "%s  %6" JSON_INTEGER_FORMAT "  %s%-7s%s  %s\n", time,
		json_integer_value(json_object_get(event, "number")), style_on(c, level_style(level)), level,
		style_off(c), text);
	free(text);
}

static int take_event(void *arg, const json_t *event)
{
	struct cli *c = arg;
	print_event(c, event);
	fflush(c->out);
	return ferror(c->out);
}

static int events(struct cli *c, const struct command_args *a)
{
	uint64_t after = 0;
	int r = args_number(c, a, "after", 0, INT64_MAX, &after);
	if (r)
		return r;
	char path[96];
	snprintf(path, sizeof(path), "/v1/events?after=%" PRIu64 "%s", after,
		 args_flag(a, "follow") ? "&follow=true" : "");
	if (args_flag(a, "follow")) {
		client_catch_interrupt();
		return client_lines(c, path, take_event, c);
	}
	json_t *answer, *event;
	size_t i;
	r = client_get(c, path, &answer);
	if (r)
		return r;
	if (!output_data(c, answer)) {
		json_array_foreach(answer, i, event)
			print_event(c, event);
	}
	json_decref(answer);
	return CLI_OK;
}

static const struct command_option events_options[] = {
	{.name = "follow", .help = "and go on with what happens, until Ctrl-C"},
	{.name = "after", .value = "NUMBER", .help = "only events with a larger number"},
	{0},
};

COMMAND(events, .words = "events", .group = COMMAND_STATE, .usage = "", .options = events_options,
	.help = "what happened, newest last", .fn = events)
