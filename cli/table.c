/* SPDX-License-Identifier: Apache-2.0 */
/* Aligned columns; widths in code points, so that a name in any script keeps its column. */
#include "cli/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct cell {
	char *text;
	enum style style;
};

struct table {
	size_t columns;
	const char **head;
	struct cell *cell;
	size_t n_cells, cap;
};

#define GAP 2 /* spaces between columns */

struct table *table_create(const char *const *heads)
{
	struct table *t = cli_alloc(sizeof(*t));
	while (heads[t->columns])
		t->columns++;
	t->head = cli_alloc((t->columns + 1) * sizeof(*t->head));
	memcpy(t->head, heads, t->columns * sizeof(*t->head));
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cell[i].text);
	free(t->cell);
	free(t->head);
	free(t);
}

static void table_take(struct table *t, char *text)
{
	if (t->n_cells == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 64;
		struct cell *cell = cli_alloc(cap * sizeof(*cell));
		if (t->n_cells)
			memcpy(cell, t->cell, t->n_cells * sizeof(*cell));
		free(t->cell);
		t->cell = cell;
		t->cap = cap;
	}
	t->cell[t->n_cells++] = (struct cell){.text = text};
}

void table_style(struct table *t, enum style style)
{
	if (t->n_cells)
		t->cell[t->n_cells - 1].style = style;
}

void table_text(struct table *t, const char *text)
{
	struct str s = {0};
	text_add(&s, text && *text ? text : "-");
	table_take(t, cli_take(&s));
}

void table_json(struct table *t, const json_t *value) { table_take(t, text_of_json(value)); }

void table_number(struct table *t, uint64_t value, bool human)
{
	char buf[NUMBER_TEXT_SIZE];
	table_text(t, number_format(value, human, buf));
}

void table_format(struct table *t, const char *fmt, ...)
{
	char buf[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	table_text(t, buf);
}

size_t table_rows(const struct table *t) { return t->columns ? t->n_cells / t->columns : 0; }

static size_t text_width(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static bool head_is_right(const char *head) { return head[0] == '>'; }

static void print_cell(struct cli *c, const struct cell *cell, size_t width, bool right, bool last)
{
	int pad = (int)(width - text_width(cell->text));
	fprintf(c->out, "%*s", right ? pad : 0, "");
	if (cell->style == STYLE_PLAIN)
		fputs(cell->text, c->out);
	else
		fprintf(c->out, "%s%s%s", style_on(c, cell->style), cell->text, style_off(c));
	if (!last)
		fprintf(c->out, "%*s", (right ? 0 : pad) + GAP, "");
}

void table_print(struct table *t, struct cli *c)
{
	size_t rows = table_rows(t);
	size_t *width = cli_alloc((t->columns + 1) * sizeof(*width));
	for (size_t i = 0; i < t->columns; i++) {
		width[i] = text_width(t->head[i] + head_is_right(t->head[i]));
		for (size_t r = 0; r < rows; r++) {
			size_t w = text_width(t->cell[r * t->columns + i].text);
			width[i] = w > width[i] ? w : width[i];
		}
	}
	fputs(style_on(c, STYLE_STRONG), c->out);
	for (size_t i = 0; i < t->columns; i++) {
		bool right = head_is_right(t->head[i]);
		struct cell head = {.text = (char *)t->head[i] + right};
		print_cell(c, &head, width[i], right, i + 1 == t->columns);
	}
	fprintf(c->out, "%s\n", style_off(c));
	for (size_t r = 0; r < rows; r++) {
		for (size_t i = 0; i < t->columns; i++)
			print_cell(c, &t->cell[r * t->columns + i], width[i], head_is_right(t->head[i]),
				   i + 1 == t->columns);
		fputc('\n', c->out);
	}
	free(width);
}
