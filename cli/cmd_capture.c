/* SPDX-License-Identifier: Apache-2.0 */
/* capture: weftd's pcapng stream into a file or a pipe. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/output.h"
#include "cli/pcapng.h"

struct capture {
	struct pcapng_writer writer;
	const char *name; /* opened when the first bytes come: a refused capture leaves an old file alone */
	FILE *progress; /* NULL: none shown */
	int error; /* -errno that ended it */
};

static int take(void *arg, const char *data, size_t len)
{
	struct capture *cap = arg;
	if (!cap->writer.file)
		cap->writer.file = fopen(cap->name, "we");
	if (!cap->writer.file) {
		cap->error = -errno;
		return 1;
	}
	cap->error = pcapng_write(&cap->writer, data, len);
	if (cap->progress) {
		fprintf(cap->progress, "\r%" PRIu64 " packets ", cap->writer.packets);
		fflush(cap->progress);
	}
	return cap->error != 0;
}

static void add_query(struct str *path, const struct command_args *a, const char *option)
{
	const char *value = args_value(a, option);
	if (!value)
		return;
	str_add(path, "%s%s=", strchr(path->text, '?') ? "&" : "?", option);
	client_escape(path, value);
}

static int run(struct cli *c, const char *path, const char *name)
{
	bool to_stdout = !strcmp(name, "-");
	struct capture cap = {
		.writer = {.file = to_stdout ? c->out : NULL},
		.name = name,
		.progress = isatty(STDERR_FILENO) ? c->err : NULL,
	};
	client_catch_interrupt();
	int r = client_stream(c, path, take, &cap);
	if (cap.progress)
		fputc('\r', cap.progress);
	if (!to_stdout && cap.writer.file && fclose(cap.writer.file) && !cap.error)
		cap.error = -errno;
	if (cap.error == -EBADMSG)
		r = cli_refuse(c, "what weftd sent is no pcapng");
	else if (cap.error)
		r = cli_refuse(c, "%s: %s", name, strerror(-cap.error));
	if (!r)
		fprintf(c->err, "%" PRIu64 " packets captured\n", cap.writer.packets);
	pcapng_writer_clear(&cap.writer);
	return r;
}

static int capture(struct cli *c, const struct command_args *a)
{
	static const char *const queries[] = {"adapter", "filter", "snaplen", "count"};
	const char *name = args_value(a, "write");
	uint64_t number;
	int r = args_number(c, a, "snaplen", 1, 262144, &number);
	if (!r)
		r = args_number(c, a, "count", 1, INT64_MAX, &number);
	if (r)
		return r;
	if (!strcmp(name, "-") && c->tty)
		return cli_usage_error(c, a->command,
				       "-w -: a capture is nothing for a terminal; pipe it to a reader");

	struct str path = {0};
	str_add(&path, "/v1/capture");
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
		add_query(&path, a, queries[i]);
	char *path_text = cli_take(&path);
	r = run(c, path_text, name);
	free(path_text);
	return r;
}

static const struct command_option capture_options[] = {
	{.name = "adapter", .value = "NAME", .help = "only frames from or to it; wire:SWITCH is an uplink"},
	{.name = "filter", .value = "EXPR", .help = "only frames that match, as tcpdump takes it"},
	{.name = "snaplen", .value = "BYTES", .help = "keep this much of each frame"},
	{.name = "count", .value = "N", .help = "end after N frames"},
	{.name = "write",
	 .letter = 'w',
	 .value = "FILE|-",
	 .required = true,
	 .help = "where to; '-' is standard output"},
	{0},
};

COMMAND(capture, .words = "capture", .group = COMMAND_FRAMES, .usage = "", .options = capture_options,
	.help = "frames into a pcapng file for Wireshark, drops with their reason",
	.more = "Ends at Ctrl-C or after --count frames; the file is whole then. A dropped frame is there too, its\n"
		"reason in the packet's comment. Costs the switch nothing while nobody captures.\n"
		"  weft capture --adapter vm1 --filter 'tcp port 443' -w - | wireshark -k -i -",
	.fn = capture)
