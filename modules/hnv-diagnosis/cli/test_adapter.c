/* SPDX-License-Identifier: Apache-2.0 */
/* weft test-adapter: does one guest's port reach another's? Without the guests (Test-VMNetworkAdapter). */
#include <stdlib.h>

#include "cli/client.h"
#include "cli/render.h"

struct probes {
	struct cli *c;
	json_t *answer; /* the first line, with "results" and the summary added */
	bool quiet; /* told at the end, as JSON or YAML */
};

static void print_result(struct cli *c, const json_t *line)
{
	char *sequence = text_of_json(json_object_get(line, "sequence"));
	char *error = text_of_json(json_object_get(line, "error"));
	char *host = text_of_json(json_object_get(line, "host"));
	char *adapter = text_of_json(json_object_get(line, "adapter"));
	if (json_object_get(line, "error"))
		fprintf(c->out, "%sseq=%s: %s%s\n", style_on(c, STYLE_BAD), sequence, error, style_off(c));
	else
		fprintf(c->out, "seq=%s: reached adapter %s on %s, there and back in %.3f ms\n", sequence, adapter,
			host, (double)json_integer_value(json_object_get(line, "rtt-us")) / 1000.0);
	free(sequence);
	free(error);
	free(host);
	free(adapter);
	fflush(c->out);
}

static void print_head(struct cli *c, const json_t *line)
{
	char *from = text_of_json(json_object_get(line, "from"));
	char *address = text_of_json(json_object_get(line, "from-address"));
	char *to = text_of_json(json_object_get(line, "to-address"));
	fprintf(c->out, "from adapter %s (%s) to %s, virtual subnet %lld\n\n", from, address, to,
		(long long)json_integer_value(json_object_get(line, "isolation-id")));
	if (json_object_get(line, "explain")) {
		render_explain(c, json_object_get(line, "explain"));
		fputc('\n', c->out);
	}
	free(from);
	free(address);
	free(to);
}

static int take_line(void *arg, const json_t *line)
{
	struct probes *p = arg;
	if (json_object_get(line, "from")) {
		p->answer = json_deep_copy(line);
		json_object_set_new(p->answer, "results", json_array());
		if (!p->quiet)
			print_head(p->c, line);
	} else if (json_object_get(line, "summary")) {
		json_object_update(p->answer, json_object_get(line, "summary"));
	} else {
		json_array_append(json_object_get(p->answer, "results"), (json_t *)line);
		if (!p->quiet)
			print_result(p->c, line);
	}
	return ferror(p->c->out);
}

static char *target_of(const struct command_args *a)
{
	static const char *const options[] = {"to-address",	 "isolation-id", "next-hop-mac-address",
					      "sequence-number", "payload-size", "count",
					      "interval",	 "timeout",	 NULL};
	struct str path = {0};
	str_add(&path, "/v1/test-adapter?from=");
	client_escape(&path, args_word(a, 0));
	if (args_word(a, 1)) {
		str_add(&path, "&to=");
		client_escape(&path, args_word(a, 1));
	}
	for (size_t i = 0; options[i]; i++) {
		if (!args_value(a, options[i]))
			continue;
		str_add(&path, "&%s=", options[i]);
		client_escape(&path, args_value(a, options[i]));
	}
	return cli_take(&path);
}

static int test_adapter(struct cli *c, const struct command_args *a)
{
	struct probes p = {.c = c};
	p.quiet = c->format == CLI_FORMAT_JSON || c->format == CLI_FORMAT_YAML;
	char *target = target_of(a);
	client_catch_interrupt();
	int r = client_lines(c, target, take_line, &p);
	free(target);
	if (!r && p.answer && !output_data(c, p.answer))
		fprintf(c->out, "%lld sent, %lld answered\n",
			(long long)json_integer_value(json_object_get(p.answer, "sent")),
			(long long)json_integer_value(json_object_get(p.answer, "received")));
	if (!r && json_integer_value(json_object_get(p.answer, "received")) !=
			  json_integer_value(json_object_get(p.answer, "sent")))
		r = CLI_REFUSED;
	json_decref(p.answer);
	return r;
}

static const struct command_option options[] = {
	{.name = "to-address", .value = "ADDRESS", .help = "instead of TO: a customer address, wherever it is"},
	{.name = "isolation-id", .value = "VSID", .help = "refused unless it is FROM's virtual subnet"},
	{.name = "next-hop-mac-address",
	 .value = "MAC",
	 .help = "to which the guest would send; else as ARP would say"},
	{.name = "sequence-number", .value = "N", .help = "of the first probe; 100 otherwise"},
	{.name = "payload-size", .value = "BYTES", .help = "bytes behind the ICMP header; 56 otherwise"},
	{.name = "count", .value = "N", .help = "so many probes; 1 otherwise"},
	{.name = "interval", .value = "MS", .help = "milliseconds between probes; 100 otherwise"},
	{.name = "timeout", .value = "MS", .help = "how long an answer is waited for; 1000 otherwise"},
	{0},
};

COMMAND(test_adapter, .words = "test-adapter", .group = COMMAND_FRAMES, .usage = "FROM [TO]", .min_words = 1,
	.max_words = 2, .options = options, .help = "whether one guest's port reaches another's, without the guests",
	.more = "An echo request is sent from the port of FROM through all that its guest's packets pass, and the weftd at\n"
		"whose port it arrives answers it, on this host or another; neither guest sees anything of it, nor need it\n"
		"run. Before that, what 'explain' says of the same packet here.\n"
		"Exit: 0 when every probe was answered, else 1. 'Test-VMNetworkAdapter' and 'Test-VirtualNetworkConnection'\n"
		"are the same.",
	.fn = test_adapter)

COMMAND(test_vm_network_adapter, .words = "Test-VMNetworkAdapter", .group = COMMAND_FRAMES, .usage = "FROM [TO]",
	.min_words = 1, .max_words = 2, .options = options, .help = "the same as 'test-adapter'", .fn = test_adapter)

COMMAND(test_virtual_network_connection, .words = "Test-VirtualNetworkConnection", .group = COMMAND_FRAMES,
	.usage = "FROM [TO]", .min_words = 1, .max_words = 2, .options = options,
	.help = "the same as 'test-adapter'", .fn = test_adapter)
