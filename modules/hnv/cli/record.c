/* SPDX-License-Identifier: Apache-2.0 */
/* weft record: the lookup records that a host holds (Get-PACAMapping), changed one by one or by the million. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/table.h"

#define PIECE (1u << 20) /* bytes sent at once, so that weftd's other clients wait for milliseconds only */
#define LIMIT_MAX 200000

static void query_add(struct str *path, const char *key, const char *value)
{
	if (!value)
		return;
	str_add(path, "%s%s=", strchr(path->text, '?') ? "&" : "?", key);
	client_escape(path, value);
}

static void render_records(struct cli *c, const json_t *answer)
{
	static const char *const keys[] = {"virtual-subnet-id",
					   "customer-address",
					   "mac-address",
					   "provider-address",
					   "type",
					   "rule",
					   "encapsulation",
					   "origin",
					   "leads-to",
					   NULL};
	struct table *t =
		table_create((const char *const[]){">VSID", "CUSTOMER-ADDRESS", "MAC-ADDRESS", "PROVIDER-ADDRESS",
						   "TYPE", "RULE", "ENCAPSULATION", "ORIGIN", "LEADS-TO", NULL});
	static const char *const defaults[] = {"static", "encap", "nvgre"};
	const json_t *records = json_object_get(answer, "records"), *record;
	size_t i;
	json_array_foreach((json_t *)records, i, record) {
		for (size_t k = 0; keys[k]; k++) {
			const json_t *value = json_object_get(record, keys[k]);
			const char *other = json_string_value(json_object_get(record, "redirected-to"));
			if (!value && k >= 4 && k < 7)
				table_text(t, defaults[k - 4]);
			else if (!keys[k + 1] && other)
				table_format(t, "redirected to %s", other);
			else
				table_json(t, value);
		}
	}
	table_print(t, c);
	table_free(t);
	json_int_t total = json_integer_value(json_object_get(answer, "total"));
	if (total > (json_int_t)json_array_size(records))
		fprintf(c->out, "%lld of %lld; --limit shows more\n", (long long)json_array_size(records),
			(long long)total);
}

static int record_list(struct cli *c, const struct command_args *a)
{
	struct str path = {0};
	json_t *answer;
	uint64_t limit;
	int r = args_number(c, a, "limit", 1, LIMIT_MAX, &limit);
	if (r)
		return r;
	str_add(&path, "/v1/lookup-records");
	query_add(&path, "provider-network", args_value(a, "provider-network"));
	query_add(&path, "virtual-subnet-id", args_word(a, 0));
	query_add(&path, "customer-address", args_word(a, 1));
	query_add(&path, "limit", args_value(a, "limit"));
	char *text = cli_take(&path);
	r = client_get(c, text, &answer);
	free(text);
	if (r)
		return r;
	if (!output_data(c, json_object_get(answer, "records")))
		render_records(c, answer);
	json_decref(answer);
	return CLI_OK;
}

/* /v1/lookup-records/NETWORK/VSID/CUSTOMER */
static struct str record_path(const struct command_args *a)
{
	struct str path = {0};
	const char *network = args_value(a, "provider-network");
	str_add(&path, "/v1/lookup-records/");
	client_escape(&path, network ? network : "default");
	str_add(&path, "/");
	client_escape(&path, args_word(a, 0));
	str_add(&path, "/");
	client_escape(&path, args_word(a, 1));
	return path;
}

static json_t *record_body(const struct command_args *a)
{
	static const char *const keys[] = {"mac-address", "provider-address", "type",	 "rule", "encapsulation",
					   "vm-name",	  "customer-id",      "context", NULL};
	json_t *body = json_object();
	for (size_t i = 0; keys[i]; i++)
		if (args_value(a, keys[i]))
			json_object_set_new(body, keys[i], json_string(args_value(a, keys[i])));
	if (args_flag(a, "use-vm-mac-address"))
		json_object_set_new(body, "use-vm-mac-address", json_true());
	return body;
}

static int record_set(struct cli *c, const struct command_args *a)
{
	struct str path = record_path(a);
	char *text = cli_take(&path);
	json_t *body = record_body(a), *answer;
	char *bytes = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	if (!bytes) {
		free(text);
		return cli_refuse(c, "not UTF-8");
	}
	int r = client_call(c,
			    &(struct client_request){.method = "PUT",
						     .path = text,
						     .body = bytes,
						     .body_len = strlen(bytes),
						     .content_type = "application/json"},
			    &answer);
	free(text);
	free(bytes);
	if (r)
		return r;
	output_data(c, answer);
	json_decref(answer);
	return CLI_OK;
}

static int record_remove(struct cli *c, const struct command_args *a)
{
	struct str path = record_path(a);
	json_t *answer;
	query_add(&path, "mac-address", args_value(a, "mac-address"));
	char *text = cli_take(&path);
	int r = client_call(c, &(struct client_request){.method = "DELETE", .path = text}, &answer);
	free(text);
	if (r)
		return r;
	output_data(c, answer);
	json_decref(answer);
	return CLI_OK;
}

/* What has been read and not sent yet, and how much was. */
struct load {
	struct cli *c;
	char *line; /* getline's */
	size_t cap;
	struct str piece;
	uint64_t first; /* number of the piece's first line */
	uint64_t lines; /* in the piece */
	json_int_t set, removed;
};

static int piece_send(struct load *l)
{
	char path[64];
	json_t *answer;
	if (!l->piece.len)
		return CLI_OK;
	snprintf(path, sizeof(path), "/v1/lookup-records?first-line=%llu", (unsigned long long)l->first);
	char *body = cli_take(&l->piece);
	int r = client_call(l->c,
			    &(struct client_request){.method = "POST",
						     .path = path,
						     .body = body,
						     .body_len = strlen(body),
						     .content_type = "application/x-ndjson"},
			    &answer);
	free(body);
	if (r)
		return r;
	l->set += json_integer_value(json_object_get(answer, "set"));
	l->removed += json_integer_value(json_object_get(answer, "removed"));
	l->first += l->lines;
	l->lines = 0;
	json_decref(answer);
	return CLI_OK;
}

static int load_file(struct load *l, FILE *f)
{
	int r = CLI_OK;
	ssize_t n;
	while (!r && (n = getline(&l->line, &l->cap, f)) >= 0) {
		if (l->piece.len + (size_t)n > PIECE)
			r = piece_send(l);
		str_add_bytes(&l->piece, l->line, strnlen(l->line, (size_t)n));
		l->lines++;
	}
	if (!r && ferror(f))
		return cli_refuse(l->c, "cannot read on: %s", strerror(errno));
	return r ? r : piece_send(l);
}

static int record_load(struct cli *c, const struct command_args *a)
{
	struct load l = {.c = c, .first = 1};
	const char *name = args_word(a, 0);
	FILE *f = strcmp(name, "-") != 0 ? fopen(name, "re") : stdin;
	if (!f)
		return cli_refuse(c, "%s: %s", name, strerror(errno));
	int r = load_file(&l, f);
	if (f != stdin)
		fclose(f);
	free(l.line);
	str_free(&l.piece);
	if (r && l.set + l.removed)
		fprintf(c->err, "%lld records were set and %lld removed before\n", (long long)l.set,
			(long long)l.removed);
	if (r)
		return r;
	json_t *answer = json_pack("{s:I, s:I}", "set", l.set, "removed", l.removed);
	if (!output_data(c, answer))
		fprintf(c->out, "%lld records set, %lld removed\n", (long long)l.set, (long long)l.removed);
	json_decref(answer);
	return CLI_OK;
}

#define NETWORK_OPTION                                                                                               \
	{                                                                                                            \
		.name = "provider-network", .value = "NAME", .help = "the provider network; default is called so"    \
	}

static const struct command_option list_options[] = {
	NETWORK_OPTION,
	{.name = "limit", .value = "N", .help = "at most so many; 1000 otherwise"},
	{0},
};

static const struct command_option set_options[] = {
	{.name = "mac-address", .value = "MAC", .help = "the guest's"},
	{.name = "provider-address", .value = "ADDRESS", .help = "of the guest's host"},
	{.name = "type", .value = "TYPE", .help = "static, dynamic, l2only or gateway-wildcard"},
	{.name = "rule", .value = "RULE", .help = "encap or nat"},
	{.name = "encapsulation", .value = "NAME", .help = "nvgre or vxlan"},
	{.name = "use-vm-mac-address", .help = "rule nat keeps the guest's MAC address"},
	{.name = "vm-name", .value = "TEXT", .help = "a label"},
	{.name = "customer-id", .value = "TEXT", .help = "a label"},
	{.name = "context", .value = "TEXT", .help = "a label"},
	NETWORK_OPTION,
	{0},
};

static const struct command_option remove_options[] = {
	{.name = "mac-address", .value = "MAC", .help = "of an l2only record, which is known by it"},
	NETWORK_OPTION,
	{0},
};

COMMAND(record_list, .words = "record list", .group = COMMAND_STATE, .usage = "[VSID [CUSTOMER-ADDRESS]]",
	.max_words = 2, .options = list_options,
	.help = "the lookup records that the host holds, and where they lead",
	.more = "ORIGIN says who gave a record: the document, the API ('weft record set'), a guest it was\n"
		"learned from, or the resolver.",
	.fn = record_list)

COMMAND(get_paca_mapping, .words = "Get-PACAMapping", .group = COMMAND_STATE, .usage = "[VSID [CUSTOMER-ADDRESS]]",
	.max_words = 2, .options = list_options, .help = "the same as 'record list'", .fn = record_list)

COMMAND(record_set, .words = "record set", .group = COMMAND_STATE, .usage = "VSID CUSTOMER-ADDRESS", .min_words = 2,
	.max_words = 2, .options = set_options, .help = "adds or changes a lookup record while packets pass",
	.more = "In force when the command ends, and kept over restarts, beside the document. Records that the\n"
		"document has are changed there.",
	.fn = record_set)

COMMAND(record_remove, .words = "record remove", .group = COMMAND_STATE, .usage = "VSID CUSTOMER-ADDRESS",
	.min_words = 2, .max_words = 2, .options = remove_options, .help = "removes a lookup record that was set",
	.fn = record_remove)

COMMAND(record_load, .words = "record load", .group = COMMAND_STATE, .usage = "FILE|-", .min_words = 1,
	.max_words = 1, .help = "sets and removes many lookup records, a line of JSON each",
	.more = "A line is a lookup record as the document has it, as a JSON object; with \"op\": \"remove\" it is\n"
		"removed. It ends at the first line that is refused; those before it are in force.",
	.fn = record_load)
