/* SPDX-License-Identifier: Apache-2.0 */
/* weft ping-provider: is another host's provider address reached, by the stack that tunnels use? */
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/output.h"

struct pings {
	struct cli *c;
	json_t *results, *summary;
	bool quiet; /* told at the end, as JSON or YAML */
};

static void print_result(struct cli *c, const json_t *line)
{
	char *sequence = text_of_json(json_object_get(line, "sequence"));
	const json_t *error = json_object_get(line, "error"), *rtt = json_object_get(line, "rtt-us");
	if (error) {
		char *why = text_of_json(error);
		fprintf(c->out, "%sseq=%s: %s%s\n", style_on(c, STYLE_BAD), sequence, why, style_off(c));
		free(why);
	} else {
		char *from = text_of_json(json_object_get(line, "from"));
		fprintf(c->out, "%lld bytes from %s: seq=%s time=%.3f ms\n",
			(long long)json_integer_value(json_object_get(line, "bytes")), from, sequence,
			(double)json_integer_value(rtt) / 1000.0);
		free(from);
	}
	free(sequence);
	fflush(c->out);
}

static int take_line(void *arg, const json_t *line)
{
	struct pings *p = arg;
	json_t *summary = json_object_get(line, "summary");
	if (summary) {
		p->summary = json_incref(summary);
		return 0;
	}
	json_array_append(p->results, (json_t *)line);
	if (!p->quiet)
		print_result(p->c, line);
	return ferror(p->c->out);
}

static double milliseconds(const json_t *summary, const char *key)
{
	return (double)json_integer_value(json_object_get(summary, key)) / 1000.0;
}

static void print_summary(struct cli *c, const json_t *s)
{
	char *to = text_of_json(json_object_get(s, "address")), *from = text_of_json(json_object_get(s, "from"));
	fprintf(c->out, "--- %s from %s: %lld sent, %lld received, %.0f %% lost", to, from,
		(long long)json_integer_value(json_object_get(s, "sent")),
		(long long)json_integer_value(json_object_get(s, "received")),
		json_number_value(json_object_get(s, "loss-percent")));
	if (json_object_get(s, "rtt-min-us"))
		fprintf(c->out, ", rtt min/avg/max %.3f/%.3f/%.3f ms", milliseconds(s, "rtt-min-us"),
			milliseconds(s, "rtt-average-us"), milliseconds(s, "rtt-max-us"));
	fputc('\n', c->out);
	free(to);
	free(from);
}

/* The provider address behind a customer address of a virtual subnet, as text that the caller frees; NULL: said why. */
static char *provider_of(struct cli *c, const struct command_args *a, const char *customer)
{
	const char *vsid = args_value(a, "vsid"), *network = args_value(a, "provider-network");
	struct str path = {0};
	json_t *answer;
	if (!vsid)
		return str_dup(customer);
	str_add(&path, "/v1/lookup-records?virtual-subnet-id=");
	client_escape(&path, vsid);
	str_add(&path, "&customer-address=");
	client_escape(&path, customer);
	if (network) {
		str_add(&path, "&provider-network=");
		client_escape(&path, network);
	}
	char *target = cli_take(&path);
	int r = client_get(c, target, &answer);
	free(target);
	if (r)
		return NULL;
	const json_t *record = json_array_get(json_object_get(answer, "records"), 0);
	char *provider = str_dup(json_string_value(json_object_get(record, "provider-address")));
	if (!provider)
		cli_refuse(c, "no lookup record has %s in virtual subnet %s; without --vsid give provider addresses",
			   customer, vsid);
	json_decref(answer);
	return provider;
}

/* The request; NULL: said why. */
static char *target_of(struct cli *c, const struct command_args *a)
{
	static const char *const numbers[] = {"count", "size", "interval", "timeout", "provider-network", NULL};
	const char *from_given = args_value(a, "from");
	char *to = provider_of(c, a, args_word(a, 0));
	char *from = to && from_given ? provider_of(c, a, from_given) : NULL;
	struct str path = {0};
	if (!to || (from_given && !from)) {
		free(to);
		return NULL;
	}
	str_add(&path, "/v1/ping-provider?address=");
	client_escape(&path, to);
	if (from) {
		str_add(&path, "&from=");
		client_escape(&path, from);
	}
	for (size_t i = 0; numbers[i]; i++) {
		if (!args_value(a, numbers[i]))
			continue;
		str_add(&path, "&%s=", numbers[i]);
		client_escape(&path, args_value(a, numbers[i]));
	}
	free(to);
	free(from);
	return cli_take(&path);
}

static int ping_provider(struct cli *c, const struct command_args *a)
{
	struct pings p = {.c = c, .results = json_array()};
	p.quiet = c->format == CLI_FORMAT_JSON || c->format == CLI_FORMAT_YAML;
	char *target = target_of(c, a);
	if (!target) {
		json_decref(p.results);
		return CLI_REFUSED;
	}
	client_catch_interrupt();
	int r = client_lines(c, target, take_line, &p);
	free(target);
	if (!r && p.summary) {
		json_object_set(p.summary, "results", p.results);
		if (!output_data(c, p.summary))
			print_summary(c, p.summary);
	}
	if (!r && !json_integer_value(json_object_get(p.summary, "received")))
		r = CLI_REFUSED;
	json_decref(p.summary);
	json_decref(p.results);
	return r;
}

static const struct command_option options[] = {
	{.name = "from",
	 .value = "ADDRESS",
	 .help = "one of this host's provider addresses; else that which tunnels use"},
	{.name = "vsid", .value = "N", .help = "the addresses are customer addresses of this virtual subnet"},
	{.name = "count", .value = "N", .help = "so many requests; 4 otherwise"},
	{.name = "size", .value = "BYTES", .help = "bytes behind the ICMP header, never fragmented; 56 otherwise"},
	{.name = "interval", .value = "MS", .help = "milliseconds between requests; 1000 otherwise"},
	{.name = "timeout", .value = "MS", .help = "how long an answer is waited for; 1000 otherwise"},
	{.name = "provider-network", .value = "NAME", .help = "the provider network; default is called so"},
	{0},
};

COMMAND(ping_provider, .words = "ping-provider", .group = COMMAND_FRAMES, .usage = "ADDRESS", .min_words = 1,
	.max_words = 1, .options = options, .help = "whether another host's provider address is reached",
	.more = "By weftd's own stack, the way that tunnels take: the kernel of this host knows nothing of it. With --vsid it\n"
		"pings the provider address behind a customer address ('ping -p' of Windows).\n"
		"Exit: 0 when at least one request was answered, 1 when none was.",
	.fn = ping_provider)
