/* SPDX-License-Identifier: Apache-2.0 */
/* explain: what would become of a frame, on this host and on those that it would be sent to. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/render.h"

#define WIRE "wire:"

/* Hex digits alone, lower case; NULL: something else is in it or half a byte is missing. The caller frees. */
static char *hex_clean(const char *text)
{
	struct str s = {0};
	for (; *text; text++) {
		if (isxdigit((unsigned char)*text)) {
			str_add(&s, "%c", tolower((unsigned char)*text));
		} else if (!strchr(": -\n\t", *text)) {
			str_free(&s);
			return NULL;
		}
	}
	if (!s.len || s.len % 2) {
		str_free(&s);
		return NULL;
	}
	return cli_take(&s);
}

static int ask(struct cli *c, const char *from, const char *frame, json_t **ret_answer)
{
	json_t *question = json_pack("{s:s, s:s}", "from", from, "frame", frame);
	char *body = question ? json_dumps(question, 0) : NULL;
	json_decref(question);
	if (!body)
		return cli_refuse(c, "--from: not UTF-8");
	struct client_request r = {
		.method = "POST",
		.path = "/v1/explain",
		.body = body,
		.body_len = strlen(body),
		.content_type = "application/json",
	};
	int result = client_call(c, &r, ret_answer);
	free(body);
	return result;
}

/* Puts the frame on the wire ends of one other host: the switch of that name, else every one with an uplink. */
static int ask_host(struct cli *c, const char *socket, const char *switch_name, const char *frame, json_t *answers)
{
	struct cli other = *c;
	other.socket = socket;
	json_t *status, *answer;
	int r = client_get(&other, "/v1/status", &status);
	if (r)
		return r;
	json_t *switches = json_object_get(status, "switches"), *sw;
	size_t i;
	bool has_same = false;
	json_array_foreach(switches, i, sw)
		has_same = has_same || (json_is_string(json_object_get(sw, "uplink")) &&
					str_equal(json_string_value(json_object_get(sw, "name")), switch_name));
	json_array_foreach(switches, i, sw) {
		const char *name = json_string_value(json_object_get(sw, "name"));
		if (!name || !json_is_string(json_object_get(sw, "uplink")) ||
		    (has_same && !str_equal(name, switch_name)))
			continue;
		char from[128];
		snprintf(from, sizeof(from), WIRE "%s", name);
		r = ask(&other, from, frame, &answer);
		if (r)
			break;
		json_object_set_new(answer, "host", json_string(socket));
		json_array_append_new(answers, answer);
	}
	json_decref(status);
	return r;
}

/* Everything that the first answer sent out to a wire, on every host named by --follow. */
static int follow(struct cli *c, const struct command_args *a, const json_t *first, const char *frame,
		  json_t *answers)
{
	size_t i;
	const json_t *step;
	json_array_foreach(json_object_get(first, "steps"), i, step) {
		const char *adapter = json_string_value(json_object_get(step, "adapter"));
		const char *verdict = json_string_value(json_object_get(step, "verdict"));
		const char *sent = json_string_value(json_object_get(step, "frame"));
		if (!adapter || !verdict || strcmp(verdict, "deliver") != 0 ||
		    strncmp(adapter, WIRE, strlen(WIRE)) != 0)
			continue;
		const char *socket;
		for (size_t n = 0; (socket = args_nth(a, "follow", n)); n++) {
			int r = ask_host(c, socket, adapter + strlen(WIRE), sent ? sent : frame, answers);
			if (r)
				return r;
		}
	}
	return CLI_OK;
}

static void render_answers(struct cli *c, const json_t *answers)
{
	size_t i;
	const json_t *answer;
	json_array_foreach(answers, i, answer) {
		const json_t *host = json_object_get(answer, "host");
		if (host)
			fprintf(c->out, "\n%son %s%s\n", style_on(c, STYLE_FAINT), json_string_value(host),
				style_off(c));
		render_explain(c, answer);
	}
}

static int explain(struct cli *c, const struct command_args *a)
{
	char *frame = hex_clean(args_value(a, "frame"));
	if (!frame)
		return cli_usage_error(c, a->command, "--frame: give the bytes in hex, from the destination MAC on");
	json_t *answer;
	int r = ask(c, args_value(a, "from"), frame, &answer);
	if (!r) {
		json_t *answers = json_pack("[o]", answer);
		r = follow(c, a, answer, frame, answers);
		if (!output_data(c, args_flag(a, "follow") ? answers : answer))
			render_answers(c, answers);
		json_decref(answers);
	}
	free(frame);
	return r;
}

static const struct command_option explain_options[] = {
	{.name = "from", .value = "ADAPTER|wire:SWITCH", .required = true, .help = "who sends the frame"},
	{.name = "frame", .value = "HEX", .required = true, .help = "its bytes, from the destination MAC on, no FCS"},
	{.name = "follow", .value = "SOCKET", .many = true, .help = "go on there if the frame leaves by an uplink"},
	{0},
};

COMMAND(explain, .words = "explain", .group = COMMAND_FRAMES, .usage = "", .options = explain_options,
	.help = "a frame's way, stage by stage, and what decided",
	.more = "Runs the frame through the nodes that real ones visit; nothing is sent, learned or counted.\n"
		"Spaces and colons in HEX do not matter. 'wire:SWITCH' is the uplink of SWITCH.",
	.fn = explain)
