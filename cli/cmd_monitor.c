/* SPDX-License-Identifier: Apache-2.0 */
/* monitor: rates each second. On a terminal a live screen, elsewhere lines, with -o json an object each time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "cli/client.h"
#include "cli/rates.h"
#include "cli/render.h"
#include "cli/table.h"

#define SCREEN_ENTER "\033[?1049h\033[?25l" /* the terminal's second screen, no cursor */
#define SCREEN_LEAVE "\033[?25h\033[?1049l"
#define SCREEN_CLEAR "\033[H\033[2J"

static void show_adapters(struct cli *c, const json_t *adapters)
{
	struct table *t = table_create(
		(const char *const[]){"ADAPTER", ">IN PPS", ">IN BIT/S", ">OUT PPS", ">OUT BIT/S", "DROPS/S", NULL});
	size_t i;
	const json_t *a;
	json_array_foreach(adapters, i, a) {
		const json_t *drops = json_object_get(a, "drops-per-second");
		table_json(t, json_object_get(a, "name"));
		table_number(t, render_count(a, "in", "packets-per-second"), c->tty);
		table_number(t, render_count(a, "in", "bits-per-second"), c->tty);
		table_number(t, render_count(a, "out", "packets-per-second"), c->tty);
		table_number(t, render_count(a, "out", "bits-per-second"), c->tty);
		table_json(t, json_object_size(drops) ? drops : NULL);
		if (json_object_size(drops))
			table_style(t, STYLE_BAD);
	}
	table_print(t, c);
	table_free(t);
}

static void show_workers(struct cli *c, const json_t *workers)
{
	struct table *t = table_create((const char *const[]){"WORKER", ">LOAD %", ">PPS", NULL});
	size_t i;
	const json_t *w;
	json_array_foreach(workers, i, w) {
		table_json(t, json_object_get(w, "name"));
		table_json(t, json_object_get(w, "load-percent"));
		table_number(t, render_count(w, "packets-per-second", NULL), c->tty);
	}
	table_print(t, c);
	table_free(t);
}

/* Only what moves, one line an adapter: for logs. */
static void print_lines(struct cli *c, const json_t *rates, const char *time)
{
	size_t i;
	const json_t *a;
	json_array_foreach(json_object_get(rates, "adapters"), i, a) {
		const json_t *drops = json_object_get(a, "drops-per-second");
		char *name = text_of_json(json_object_get(a, "name")),
		     *drops_text = text_of_json(json_object_size(drops) ? drops : NULL);
		fprintf(c->out, "%s %s in %llu pps %llu bit/s out %llu pps %llu bit/s drops/s %s\n", time, name,
			(unsigned long long)render_count(a, "in", "packets-per-second"),
			(unsigned long long)render_count(a, "in", "bits-per-second"),
			(unsigned long long)render_count(a, "out", "packets-per-second"),
			(unsigned long long)render_count(a, "out", "bits-per-second"), drops_text);
		free(name);
		free(drops_text);
	}
}

static void show(struct cli *c, const json_t *rates)
{
	char time[TIME_TEXT_SIZE];
	time_format(clock_wall_ms(), time);
	if (c->format == CLI_FORMAT_JSON) {
		char *line = json_dumps(rates, JSON_COMPACT);
		fprintf(c->out, "%s\n", line ? line : "{}");
		free(line);
	} else if (!c->tty && c->format == CLI_FORMAT_DEFAULT) {
		print_lines(c, rates, time);
	} else if (!output_data(c, rates)) {
		fprintf(c->out, "%sweft monitor  %s  %s%s\n\n", c->tty ? SCREEN_CLEAR : "", c->socket, time,
			c->tty ? "  (Ctrl-C ends)" : "");
		show_adapters(c, json_object_get(rates, "adapters"));
		fputc('\n', c->out);
		show_workers(c, json_object_get(rates, "workers"));
	}
	fflush(c->out);
}

/* Sleeps until the monotonic moment; false: Ctrl-C. */
static bool sleep_until(uint64_t ns)
{
	struct timespec at = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
	while (!client_interrupted() && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
	return !client_interrupted();
}

static int watch(struct cli *c, uint64_t interval_s, uint64_t count)
{
	json_t *before = NULL, *after;
	uint64_t then = clock_now_ns(), next = then;
	int r = client_get(c, "/v1/stats", &before);
	for (uint64_t i = 0; !r && i < count && !ferror(c->out); i++) {
		next += interval_s * 1000000000;
		if (!sleep_until(next))
			break;
		uint64_t now = clock_now_ns();
		r = client_get(c, "/v1/stats", &after);
		if (r)
			break;
		json_t *rates = rates_between(before, after, (double)(now - then) / 1e9);
		show(c, rates);
		json_decref(rates);
		json_decref(before);
		before = after;
		then = now;
	}
	if (before)
		json_decref(before);
	return client_interrupted() ? CLI_OK : r;
}

/* What goes wrong is said after the terminal is back on its first screen. */
static int watch_on_screen(struct cli *c, uint64_t interval_s, uint64_t count)
{
	char *said = NULL;
	size_t said_len = 0;
	struct cli on_screen = *c;
	on_screen.err = open_memstream(&said, &said_len);
	if (!on_screen.err)
		return cli_refuse(c, "%s", strerror(errno));
	fputs(SCREEN_ENTER, c->out);
	int r = watch(&on_screen, interval_s, count);
	fputs(SCREEN_LEAVE, c->out);
	fclose(on_screen.err);
	fputs(said, c->err);
	free(said);
	return r;
}

static int monitor(struct cli *c, const struct command_args *a)
{
	uint64_t interval_s = 1, count = UINT64_MAX;
	int r = args_number(c, a, "interval", 1, 3600, &interval_s);
	if (!r)
		r = args_number(c, a, "count", 1, UINT64_MAX, &count);
	if (r)
		return r;
	client_catch_interrupt();
	bool screen = c->tty && c->format != CLI_FORMAT_JSON && c->format != CLI_FORMAT_YAML;
	return screen ? watch_on_screen(c, interval_s, count) : watch(c, interval_s, count);
}

static const struct command_option monitor_options[] = {
	{.name = "interval", .value = "SECONDS", .help = "how often; 1 unless given"},
	{.name = "count", .value = "N", .help = "end after N times"},
	{0},
};

COMMAND(monitor, .words = "monitor", .group = COMMAND_STATE, .usage = "", .options = monitor_options,
	.help = "live rates of adapters and workers, drops by reason",
	.more = "On a terminal a table that is kept up, elsewhere a line for each adapter, with -o json an object each\n"
		"time. Load is the share of a worker's cycles in rounds that moved frames.",
	.fn = monitor)
