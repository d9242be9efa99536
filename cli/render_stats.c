/* SPDX-License-Identifier: Apache-2.0 */
/* Counters as tables; what is added up or divided is worked out here, weftd gives counts only. */
#include <string.h>

#include "cli/render.h"
#include "cli/table.h"

uint64_t render_count(const json_t *object, const char *key, const char *member)
{
	const json_t *v = json_object_get(object, key);
	if (member)
		v = json_object_get(v, member);
	json_int_t n = json_integer_value(v);
	return n > 0 ? (uint64_t)n : 0;
}

static uint64_t drops_sum(const json_t *object)
{
	uint64_t sum = 0;
	const char *reason;
	json_t *n;
	json_object_foreach(json_object_get(object, "drops"), reason, n)
		sum += (uint64_t)json_integer_value(n);
	return sum;
}

static void render_drops(struct cli *c, const json_t *objects)
{
	struct table *t = table_create((const char *const[]){"DROPPED AT", "REASON", ">PACKETS", NULL});
	size_t i;
	json_t *object, *n;
	const char *reason;
	json_array_foreach((json_t *)objects, i, object) {
		json_object_foreach(json_object_get(object, "drops"), reason, n) {
			table_json(t, json_object_get(object, "name"));
			table_text(t, reason);
			table_number(t, (uint64_t)json_integer_value(n), c->tty);
		}
	}
	if (table_rows(t)) {
		fputc('\n', c->out);
		table_print(t, c);
	}
	table_free(t);
}

/* Adapters and switches: objects with in, out and drops. */
static void render_books(struct cli *c, const json_t *objects, bool with_switch)
{
	static const char *const heads[] = {"NAME",	    "SWITCH",	  ">IN PACKETS", ">IN BYTES",
					    ">OUT PACKETS", ">OUT BYTES", ">DROPPED",	 NULL};
	static const char *const heads_of_switch[] = {"NAME",	    ">IN PACKETS", ">IN BYTES", ">OUT PACKETS",
						      ">OUT BYTES", ">DROPPED",	   NULL};
	struct table *t = table_create(with_switch ? heads : heads_of_switch);
	size_t i;
	json_t *object;
	json_array_foreach((json_t *)objects, i, object) {
		table_json(t, json_object_get(object, "name"));
		if (with_switch)
			table_json(t, json_object_get(object, "switch"));
		table_number(t, render_count(object, "in", "packets"), c->tty);
		table_number(t, render_count(object, "in", "bytes"), c->tty);
		table_number(t, render_count(object, "out", "packets"), c->tty);
		table_number(t, render_count(object, "out", "bytes"), c->tty);
		table_number(t, drops_sum(object), c->tty);
	}
	table_print(t, c);
	table_free(t);
	render_drops(c, objects);
}

void render_adapter_stats(struct cli *c, const json_t *adapters) { render_books(c, adapters, true); }

static void render_workers(struct cli *c, const json_t *workers)
{
	struct table *t = table_create((const char *const[]){"NAME", ">CORE", ">PACKETS", ">BUSY CYCLES",
							     ">IDLE CYCLES", ">CYCLES/PACKET", ">SLEEPS", NULL});
	size_t i;
	json_t *w;
	json_array_foreach((json_t *)workers, i, w) {
		uint64_t packets = render_count(w, "packets", NULL), busy = render_count(w, "busy-cycles", NULL);
		table_json(t, json_object_get(w, "name"));
		table_json(t, json_object_get(w, "core"));
		table_number(t, packets, c->tty);
		table_number(t, busy, c->tty);
		table_number(t, render_count(w, "idle-cycles", NULL), c->tty);
		if (packets)
			table_format(t, "%.0f", (double)busy / (double)packets);
		else
			table_text(t, NULL);
		table_number(t, render_count(w, "sleeps", NULL), c->tty);
	}
	table_print(t, c);
	table_free(t);
}

/* One of them: what went in and out, the drops, then each side of the books step by step. */
static void render_book(struct cli *c, const json_t *a)
{
	json_t *list = json_pack("[O]", a);
	render_books(c, list, json_object_get(a, "switch") != NULL);
	struct table *t = table_create((const char *const[]){"WAY", "STEP", ">PACKETS", NULL});
	static const char *const ways[] = {"ingress", "egress"};
	for (size_t i = 0; i < 2; i++) {
		const char *step;
		json_t *n;
		json_object_foreach(json_object_get(a, ways[i]), step, n) {
			table_text(t, ways[i]);
			table_text(t, step);
			table_number(t, (uint64_t)json_integer_value(n), c->tty);
		}
	}
	if (table_rows(t)) {
		fputc('\n', c->out);
		table_print(t, c);
	}
	table_free(t);
	json_decref(list);
}

static void render_total(struct cli *c, const json_t *total)
{
	const json_t *balanced = json_object_get(total, "balanced");
	if (!balanced)
		return;
	bool good = json_is_true(balanced);
	fprintf(c->out, "\n%s%s%s\n", style_on(c, good ? STYLE_GOOD : STYLE_BAD),
		good ? "The books balance: every frame is accounted for."
		     : "THE BOOKS DO NOT BALANCE: please report this with 'weft stats -o json'.",
		style_off(c));
}

static void render_everything(struct cli *c, const json_t *stats)
{
	const json_t *workers = json_object_get(stats, "workers");
	render_books(c, json_object_get(stats, "adapters"), true);
	if (json_array_size(workers)) {
		fputc('\n', c->out);
		render_workers(c, workers);
	}
	render_total(c, json_object_get(stats, "total"));
}

void render_stats(struct cli *c, const char *kind, const json_t *answer)
{
	if (!kind)
		render_everything(c, answer);
	else if (json_is_object(answer) && json_object_get(answer, "in"))
		render_book(c, answer);
	else if (!strcmp(kind, "adapter") || !strcmp(kind, "switch"))
		render_books(c, answer, !strcmp(kind, "adapter"));
	else if (!strcmp(kind, "worker") && json_is_array(answer))
		render_workers(c, answer);
	else
		render_any(c, answer);
	if (kind && !strcmp(kind, "total"))
		render_total(c, answer);
}
