/* SPDX-License-Identifier: Apache-2.0 */
/* A frame's way through the stages: one line a step, what happened to it at the end. */
#include <stdlib.h>
#include <string.h>

#include "cli/render.h"
#include "cli/table.h"

static enum style verdict_style(const char *verdict)
{
	if (!strcmp(verdict, "drop"))
		return STYLE_BAD;
	if (!strcmp(verdict, "deliver") || !strcmp(verdict, "consume"))
		return STYLE_GOOD;
	if (!strcmp(verdict, "forward") || !strcmp(verdict, "flood"))
		return STYLE_CHANGE;
	return STYLE_PLAIN;
}

static const char *text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text && *text ? text : "-";
}

static void render_step(struct table *t, const json_t *step)
{
	static const char *const keys[] = {"stage", "node", "adapter", "verdict", "text"};
	for (size_t i = 0; i < 5; i++) {
		table_text(t, text_at(step, keys[i]));
		if (!strcmp(keys[i], "verdict"))
			table_style(t, verdict_style(text_at(step, keys[i])));
		else if (!strcmp(keys[i], "node"))
			table_style(t, STYLE_FAINT);
	}
}

void render_explain(struct cli *c, const json_t *answer)
{
	const json_t *step;
	const char *outcome = text_at(answer, "outcome");
	size_t i;

	struct str s = {0};
	str_add(&s, "from ");
	text_add(&s, text_at(answer, "from"));
	str_add(&s, ": ");
	text_add(&s, text_at(answer, "frame"));
	char *head = cli_take(&s);
	fprintf(c->out, "%s%s%s\n", style_on(c, STYLE_STRONG), head, style_off(c));
	free(head);

	struct table *t = table_create((const char *const[]){"STAGE", "NODE", "ADAPTER", "VERDICT", "WHY", NULL});
	json_array_foreach(json_object_get(answer, "steps"), i, step)
		render_step(t, step);
	table_print(t, c);
	table_free(t);

	bool dropped = strstr(outcome, "dropped") != NULL, delivered = strstr(outcome, "delivered") != NULL;
	text_add(&s, outcome);
	char *end = cli_take(&s);
	fprintf(c->out, "%s%s%s\n",
		style_on(c, !dropped	? STYLE_GOOD
			    : delivered ? STYLE_CHANGE
					: STYLE_BAD),
		end, style_off(c));
	free(end);
}
