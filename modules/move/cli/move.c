/* SPDX-License-Identifier: Apache-2.0 */
/* weft move: a guest goes from host to host, one step a command. */
#include <stdlib.h>
#include <string.h>

#include "api/document.h"
#include "base/err.h"
#include "cli/client.h"
#include "cli/document_read.h"
#include "cli/render.h"
#include "cli/table.h"

#define PATH_WITHIN_MS 3000 /* the way to the new host is found in that time, or there is none */

static const char *text_at(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text ? text : "";
}

static bool state_is(const json_t *answer, const char *state) { return !strcmp(text_at(answer, "state"), state); }

/* "a, b", or "nowhere". The caller frees. */
static char *joined(const json_t *list)
{
	struct str s = {0};
	size_t i;
	const json_t *item;
	json_array_foreach((json_t *)list, i, item) {
		str_add(&s, "%s", i ? ", " : "");
		text_add_json(&s, item);
	}
	if (!s.len)
		str_add(&s, "nowhere");
	return cli_take(&s);
}

/* POST /v1/moves/ADAPTER/VERB, with a query from key and value. */
static int post(struct cli *c, const char *adapter, const char *verb, const char *query, const char *body,
		json_t **ret_answer)
{
	struct str path = {0};
	str_add(&path, "/v1/moves/");
	if (adapter) {
		client_escape(&path, adapter);
		str_add(&path, "/");
	}
	str_add(&path, "%s%s%s", verb, query ? "?" : "", query ? query : "");
	char *text = cli_take(&path);
	struct client_request request = {.method = "POST", .path = text, .again_ms = PATH_WITHIN_MS};
	if (body) {
		request.body = body;
		request.body_len = strlen(body);
		request.content_type = "application/yaml";
	}
	int r = client_call(c, &request, ret_answer);
	free(text);
	return r;
}

static int parse(struct cli *c, const char *about, const char *text, size_t len, json_t **ret_json)
{
	struct err e = {0};
	char why[sizeof(e.path) + sizeof(e.text) + 4];
	if (!api_text_parse(text, len, ret_json, &e))
		return CLI_OK;
	return cli_refuse(c, "%s: %s", about, err_format(&e, why, sizeof(why)));
}

/* The adapter is attached otherwise on this host. */
static int attach_put(struct cli *c, json_t *document, const char *adapter, const char *text)
{
	json_t *attach = NULL, *item;
	size_t i;
	int r = parse(c, "--attach", text, strlen(text), &attach);
	if (r)
		return r;
	json_array_foreach(json_object_get(document, "adapters"), i, item)
		if (str_equal(json_string_value(json_object_get(item, "name")), adapter))
			json_object_set(item, "attach", attach);
	json_decref(attach);
	return CLI_OK;
}

/* The body of prepare: the file, with --attach in it. The caller frees. */
static int body_make(struct cli *c, const struct command_args *a, char **ret_body)
{
	const char *file = args_value(a, "from"), *attach = args_value(a, "attach");
	char *text = NULL;
	size_t len = 0;
	json_t *document = NULL;
	int r = document_read(c, file, &text, &len);
	if (!r)
		r = parse(c, file, text, len, &document);
	free(text);
	if (!r && attach)
		r = attach_put(c, document, args_word(a, 0), attach);
	if (!r) {
		*ret_body = json_dumps(document, JSON_COMPACT | JSON_ENCODE_ANY);
		r = *ret_body ? CLI_OK : cli_refuse(c, "%s: not UTF-8", file);
	}
	json_decref(document);
	return r;
}

static void say_prepared(struct cli *c, const struct command_args *a, const json_t *answer)
{
	const char *name = args_word(a, 0);
	char *where = joined(json_object_get(answer, "leads-to"));
	if (args_flag(a, "dry-run"))
		fprintf(c->out, "this host would take adapter %s\n", name);
	else if (state_is(answer, "prepared"))
		fprintf(c->out,
			"adapter %s is prepared here; its records lead to %s\n"
			"next, here and then on the host that it leaves: weft move activate %s --to %s\n",
			name, where, name, text_at(answer, "provider-address"));
	else if (state_is(answer, "moved-away"))
		fprintf(c->out, "adapter %s is here; its records lead to %s\n", name, where);
	else if (state_is(answer, "no-records"))
		fprintf(c->out, "adapter %s is prepared here; it has no lookup records yet\n", name);
	else
		fprintf(c->out, "adapter %s is here and active already\n", name);
	free(where);
}

static int prepare(struct cli *c, const struct command_args *a)
{
	json_t *answer;
	char *body;
	int r = body_make(c, a, &body);
	if (r)
		return r;
	r = post(c, args_word(a, 0), "prepare", args_flag(a, "dry-run") ? "dry-run=true" : NULL, body, &answer);
	free(body);
	if (r)
		return r;
	if (!output_data(c, answer)) {
		render_applied(c, answer);
		say_prepared(c, a, answer);
	}
	json_decref(answer);
	return CLI_OK;
}

static void query_add(struct str *query, const char *key, const char *value)
{
	if (!value)
		return;
	str_add(query, "%s%s=", query->len ? "&" : "", key);
	client_escape(query, value);
}

static void say_activated(struct cli *c, const char *adapter, const json_t *answer)
{
	json_int_t changed = json_integer_value(json_object_get(answer, "changed"));
	char *addresses = joined(json_object_get(answer, "customer-addresses"));
	const char *to = text_at(answer, "to");
	if (changed)
		fprintf(c->out, "%s%s%s to %s from now on%s\n", style_on(c, STYLE_GOOD), addresses,
			strchr(addresses, ',') ? " lead" : " leads", to, style_off(c));
	else
		fprintf(c->out, "nothing to change: %s%s to %s already\n", addresses,
			strchr(addresses, ',') ? " lead" : " leads", to);
	if (state_is(answer, "active"))
		fprintf(c->out, "adapter %s is active here\n", adapter ? adapter : text_at(answer, "mac-address"));
	else if (adapter && state_is(answer, "moved-away"))
		fprintf(c->out, "next, when its guest runs there: weft move retire %s\n", adapter);
	free(addresses);
}

static int activate(struct cli *c, const struct command_args *a)
{
	static const char *const keys[] = {"to", "virtual-subnet-id", "mac-address", "provider-network", NULL};
	const char *adapter = args_word(a, 0);
	bool by_guest = args_value(a, "virtual-subnet-id") || args_value(a, "mac-address");
	struct str query = {0};
	json_t *answer;
	if (!adapter == !by_guest)
		return cli_usage_error(c, a->command, "give ADAPTER, or --virtual-subnet-id and --mac-address");
	for (size_t i = 0; keys[i]; i++)
		query_add(&query, keys[i], args_value(a, keys[i]));
	char *text = cli_take(&query);
	int r = post(c, adapter, "activate", text, NULL, &answer);
	free(text);
	if (r)
		return r;
	if (!output_data(c, answer))
		say_activated(c, adapter, answer);
	json_decref(answer);
	return CLI_OK;
}

static int leave(struct cli *c, const struct command_args *a, const char *verb, const char *done, const char *gone)
{
	json_t *answer;
	int r = post(c, args_word(a, 0), verb, NULL, NULL, &answer);
	if (r)
		return r;
	bool changed = json_array_size(json_object_get(answer, "changes")) > 0;
	if (!output_data(c, answer)) {
		if (changed)
			render_applied(c, answer);
		fprintf(c->out, "adapter %s %s\n", args_word(a, 0), changed ? done : gone);
	}
	json_decref(answer);
	return CLI_OK;
}

static int retire(struct cli *c, const struct command_args *a)
{
	return leave(c, a, "retire", "has moved away and is retired here", "is not here: nothing to retire");
}

static int cancel(struct cli *c, const struct command_args *a)
{
	return leave(c, a, "cancel", "is not to come any more", "is not here: nothing to cancel");
}

static void render_moves(struct cli *c, const json_t *list)
{
	static const struct {
		const char *state, *text;
		enum style style;
	} states[] = {{"active", "active", STYLE_GOOD},
		      {"prepared", "prepared", STYLE_CHANGE},
		      {"moved-away", "moved away", STYLE_CHANGE},
		      {"partly-here", "partly here", STYLE_BAD},
		      {"no-records", "no records", STYLE_BAD}};
	struct table *t = table_create((const char *const[]){"ADAPTER", ">VSID", "MAC-ADDRESS", "STATE",
							     "CUSTOMER-ADDRESSES", "LEADS-TO", NULL});
	size_t i;
	const json_t *o;
	json_array_foreach((json_t *)list, i, o) {
		char *addresses = joined(json_object_get(o, "customer-addresses"));
		char *where = joined(json_object_get(o, "leads-to"));
		table_json(t, json_object_get(o, "adapter"));
		const json_t *several = json_object_get(o, "virtual-subnet-ids");
		char *subnets = joined(several);
		if (!several)
			table_json(t, json_object_get(o, "virtual-subnet-id"));
		else
			table_text(t, subnets);
		free(subnets);
		table_json(t, json_object_get(o, "mac-address"));
		for (size_t k = 0; k < sizeof(states) / sizeof(states[0]); k++)
			if (state_is(o, states[k].state)) {
				table_text(t, states[k].text);
				table_style(t, states[k].style);
			}
		table_text(t, json_array_size(json_object_get(o, "customer-addresses")) ? addresses : "-");
		table_text(t, where);
		free(addresses);
		free(where);
	}
	table_print(t, c);
	table_free(t);
}

static int status(struct cli *c, const struct command_args *a)
{
	const char *name = args_word(a, 0);
	json_t *answer, *list, *found;
	int r = client_get(c, "/v1/moves", &answer);
	if (r)
		return r;
	list = json_object_get(answer, "adapters");
	found = name ? json_array() : json_incref(list);
	for (size_t i = 0; name && i < json_array_size(list); i++)
		if (!strcmp(text_at(json_array_get(list, i), "adapter"), name))
			json_array_append(found, json_array_get(list, i));
	if (name && !json_array_size(found))
		r = cli_refuse(c, "adapter %s: not in this host's virtual subnets", name);
	else if (!output_data(c, name ? json_array_get(found, 0) : found))
		render_moves(c, found);
	json_decref(found);
	json_decref(answer);
	return r;
}

static const struct command_option prepare_options[] = {
	{.name = "from",
	 .value = "FILE|-",
	 .required = true,
	 .help = "the document of the host that the guest leaves"},
	{.name = "attach", .value = "YAML|JSON", .help = "how the adapter is attached on this host, if otherwise"},
	{.name = "dry-run", .help = "only say whether this host would take it"},
	{0},
};

static const struct command_option activate_options[] = {
	{.name = "to", .value = "PROVIDER-ADDRESS", .required = true, .help = "of the host that the guest is on now"},
	{.name = "virtual-subnet-id", .value = "N", .help = "of the guest, on a host without its adapter"},
	{.name = "mac-address", .value = "MAC", .help = "of the guest, on a host without its adapter"},
	{.name = "provider-network", .value = "NAME", .help = "with these; default is called so"},
	{0},
};

COMMAND(move_prepare, .words = "move prepare", .group = COMMAND_STATE, .usage = "ADAPTER", .min_words = 1,
	.max_words = 1, .options = prepare_options,
	.help = "a guest is to come to this host: its adapter and records",
	.more = "FILE is the document, or a part of one, of the host that the guest leaves: 'weft get -o yaml' there. Its\n"
		"adapter ADAPTER, with all policy, and the lookup records that are missing here become this host's; they\n"
		"still lead to the other host. All of it is checked first, as a whole: what this host lacks for it is\n"
		"refused before anything is touched, here or there.",
	.fn = prepare)

COMMAND(move_activate, .words = "move activate", .group = COMMAND_STATE, .usage = "[ADAPTER]", .max_words = 1,
	.options = activate_options, .help = "a guest's lookup records lead to another host from now on",
	.more = "The same command on the host that the guest came to, then on the one that it leaves, then on any other\n"
		"that has its records. The old host forwards what still arrives there. On hosts without the adapter\n"
		"--virtual-subnet-id and --mac-address name the guest. Repeated, it changes nothing.",
	.fn = activate)

COMMAND(move_retire, .words = "move retire", .group = COMMAND_STATE, .usage = "ADAPTER", .min_words = 1,
	.max_words = 1, .help = "a guest has moved away: its adapter is removed",
	.more = "Refused while one of its lookup records leads to this host. What is gone already is no mistake.",
	.fn = retire)

COMMAND(move_cancel, .words = "move cancel", .group = COMMAND_STATE, .usage = "ADAPTER", .min_words = 1,
	.max_words = 1, .help = "a guest is not to come after all: what was prepared is removed",
	.more = "On the host that it was to come to. Refused when its lookup records lead here: then it has come.",
	.fn = cancel)

COMMAND(move_status, .words = "move status", .group = COMMAND_STATE, .usage = "[ADAPTER]", .max_words = 1,
	.help = "guests that are prepared here, active, or moved away",
	.more = "prepared: the adapter is here, its lookup records lead elsewhere and have not led here since.\n"
		"moved away: they did, and the adapter is still here; 'weft move retire' removes it.",
	.fn = status)
