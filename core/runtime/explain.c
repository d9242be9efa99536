/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runtime/explain.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <rte_cycles.h>

#include "base/err.h"
#include "base/mac.h"
#include "base/str.h"
#include "core/runtime/pipe.h"

struct trace {
	json_t *steps;
	struct str outcome; /* "delivered to vm2, vm3; dropped: too-big" */
	const struct node *at; /* the node that works now, for trace_note */
	unsigned delivered;
};

static void step_add(struct pipe *p, const struct dp_adapter *a, const struct node *node, const char *stage,
		     const char *verdict, const char *text)
{
	json_array_append_new(p->trace->steps, json_pack("{s:s, s:s, s:s, s:s, s:s}", "stage", stage, "node",
							 node ? node->name : stage, "adapter", a->name, "verdict",
							 verdict, "text", text));
}

void trace_note(struct pipe *p, const struct dp_adapter *a, const char *verdict, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	const struct node *node = p->trace->at;
	const char *stage = node ? stage_name(node->stage) : stage_name(p->leaving ? STAGE_FIT : STAGE_RX);
	step_add(p, a, node, stage, verdict, text);
	if (!strcmp(verdict, "drop"))
		str_add(&p->trace->outcome, "%sdropped: %.*s", p->trace->outcome.len ? "; " : "",
			(int)strcspn(text, ":"), text);
}

void trace_enter(struct pipe *p, const struct node *node) { p->trace->at = node; }

void trace_node(struct pipe *p, const struct dp_adapter *a, const struct node *node)
{
	step_add(p, a, node, stage_name(node->stage), "pass", stage_help(node->stage));
}

/* The frame as it leaves, so that it can be followed; NULL: no memory. */
static json_t *frame_hex(struct frame *f)
{
	uint32_t len = frame_len(f);
	uint8_t *bytes = malloc(len);
	struct str s = {0};
	if (bytes && frame_read(f, 0, bytes, len))
		for (uint32_t i = 0; i < len; i++)
			str_add(&s, "%02x", bytes[i]);
	json_t *hex = s.len ? json_string(s.text) : NULL;
	str_free(&s);
	free(bytes);
	return hex;
}

void trace_deliver(struct pipe *p, const struct dp_adapter *to, struct frame **frames, uint16_t n)
{
	char text[160];
	for (uint16_t i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "out of the %s port: 1 frame, %u bytes", to->port->ops->kind,
			 frame_len(frames[i]));
		step_add(p, to, NULL, stage_name(STAGE_TX), "deliver", text);
		json_t *steps = p->trace->steps, *step = json_array_get(steps, json_array_size(steps) - 1);
		json_t *hex = frame_hex(frames[i]);
		if (hex)
			json_object_set_new(step, "frame", hex);
		frame_free(frames[i]);
	}
	struct str *o = &p->trace->outcome;
	str_add(o, "%s%s", p->trace->delivered++ ? ", " : o->len ? "; delivered to " : "delivered to ", to->name);
}

static const struct dp_adapter *adapter_find(const struct dataplane *dp, const char *name)
{
	for (uint16_t i = 0; dp && i < dp->n_adapters; i++)
		if (dp->adapters[i] && !strcmp(dp->adapters[i]->name, name))
			return dp->adapters[i];
	return NULL;
}

/* "00:15:5d:00:00:05 > ff:ff:ff:ff:ff:ff, type 0x0806, 60 bytes" */
static json_t *frame_summary(struct frame *f)
{
	char to[MAC_TEXT_SIZE] = "?", from[MAC_TEXT_SIZE] = "?", text[128];
	struct mac mac[2];
	if (frame_read(f, 0, mac, sizeof(mac))) {
		mac_format(&mac[0], to);
		mac_format(&mac[1], from);
	}
	frame_parse(f);
	snprintf(text, sizeof(text), "%s > %s, type 0x%04x, %u bytes", from, to, f->headers.ether_type, frame_len(f));
	return json_string(text);
}

/* A pipe that counts into a row nobody reads. */
static int pipe_make(struct pipe *p, struct trace *t, const struct dataplane *dp, struct counter_row *scratch)
{
	*p = (struct pipe){.dp = dp, .pools = port_pools(), .trace = t};
	p->now_ms = rte_rdtsc() / (rte_get_tsc_hz() / 1000);
	p->rows = calloc(dp->n_adapters, sizeof(*p->rows));
	p->outs = calloc(dp->n_adapters, sizeof(*p->outs));
	p->listed = calloc(dp->n_adapters, sizeof(*p->listed));
	struct pipe_out *outs = calloc(dp->n_adapters, sizeof(*outs));
	if (!p->rows || !p->outs || !p->listed || !outs) {
		free(outs);
		return -ENOMEM;
	}
	for (uint16_t i = 0; i < dp->n_adapters; i++) {
		p->rows[i] = scratch;
		p->outs[i] = &outs[i];
	}
	return 0;
}

static void pipe_clear(struct pipe *p)
{
	if (p->outs)
		free(p->outs[0]);
	free(p->rows);
	free(p->outs);
	free(p->listed);
}

int explain_run(const char *from, const uint8_t *data, size_t len, json_t **ret_answer, struct err *e)
{
	const struct dataplane *dp = dataplane_current();
	const struct dp_adapter *a = adapter_find(dp, from);
	if (!a)
		return err_set(e, ENOENT, "from", "there is no adapter %s; an uplink is named wire:SWITCH", from);
	if (!len || len > FRAME_BIG_ROOM)
		return err_set(e, EINVAL, "frame", "%zu bytes; a frame has 1 to %d", len, FRAME_BIG_ROOM);
	struct frame *f = frame_with(port_pools(), data, (uint32_t)len);
	struct trace t = {.steps = json_array()};
	struct counter_row *scratch = calloc(1, sizeof(*scratch));
	struct pipe p = {0};
	int rc = f && t.steps && scratch ? pipe_make(&p, &t, dp, scratch) : -ENOMEM;
	if (rc) {
		if (f)
			frame_free(f);
		json_decref(t.steps);
		err_set(e, ENOMEM, NULL, "out of memory");
		goto out;
	}
	json_t *summary = frame_summary(f);
	f->m.ol_flags &= ~FRAME_PARSED;
	step_add(&p, a, NULL, stage_name(STAGE_RX), "pass", stage_help(STAGE_RX));
	pipe_input(&p, a, &f, 1);
	t.at = NULL;
	pipe_flush(&p);
	char *outcome = str_take(&t.outcome);
	*ret_answer = json_pack("{s:s, s:o, s:o, s:s}", "from", from, "frame", summary, "steps", t.steps, "outcome",
				outcome && *outcome ? outcome : "consumed by the switch");
	free(outcome);
	rc = *ret_answer ? 0 : -ENOMEM;
out:
	pipe_clear(&p);
	free(scratch);
	return rc;
}
