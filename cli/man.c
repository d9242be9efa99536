/* SPDX-License-Identifier: Apache-2.0 */
/* Markdown to man(7), line by line. Text is never handed to troff unescaped. */
#include "cli/man.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

struct span {
	const char *at;
	size_t len;
};

static bool starts(struct span s, const char *with)
{
	size_t n = strlen(with);
	return s.len >= n && !memcmp(s.at, with, n);
}

static struct span trim(struct span s)
{
	while (s.len && s.at[0] == ' ')
		s = (struct span){s.at + 1, s.len - 1};
	while (s.len && s.at[s.len - 1] == ' ')
		s.len--;
	return s;
}

static void put_char(FILE *f, char ch)
{
	if (ch == '\\')
		fputs("\\e", f);
	else if (ch == '-')
		fputs("\\-", f);
	else
		fputc(ch, f);
}

/* Does a single star open or close *slanted* text here, rather than mean itself? */
static bool is_slant(struct span s, size_t i, bool open)
{
	if (s.at[i] != '*')
		return false;
	return open || (i + 1 < s.len && s.at[i + 1] != ' ' && memchr(s.at + i + 1, '*', s.len - i - 1));
}

/* Text with its `code` and **bold** set in bold, *slanted* slanted. */
static void put_text(FILE *f, struct span s)
{
	bool code = false, bold = false, slanted = false;
	if (s.len && (s.at[0] == '.' || s.at[0] == '\''))
		fputs("\\&", f); /* else troff takes the line for a request */
	for (size_t i = 0; i < s.len; i++) {
		bool stars = !code && i + 1 < s.len && s.at[i] == '*' && s.at[i + 1] == '*';
		if (s.at[i] == '`' || stars) {
			bool *on = stars ? &bold : &code;
			*on = !*on;
			fputs(*on ? "\\fB" : "\\fR", f);
			i += stars;
		} else if (!code && is_slant(s, i, slanted)) {
			slanted = !slanted;
			fputs(slanted ? "\\fI" : "\\fR", f);
		} else if (s.at[i] == '\\' && i + 1 < s.len && ispunct((unsigned char)s.at[i + 1])) {
			put_char(f, s.at[++i]); /* an escape of Markdown's */
		} else {
			put_char(f, s.at[i]);
		}
	}
}

static void put_line(FILE *f, const char *request, struct span s)
{
	fputs(request, f);
	put_text(f, s);
	fputc('\n', f);
}

/* .SH in capitals, as man pages have it. */
static void put_section(FILE *f, struct span s)
{
	fputs(".SH \"", f);
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] != '`' && s.at[i] != '"')
			put_char(f, (char)toupper((unsigned char)s.at[i]));
	}
	fputs("\"\n", f);
}

/* "| `mtu` | number | MTU in bytes |" */
static void put_row(FILE *f, struct span s)
{
	size_t cells = 0;
	s = (struct span){s.at + 1, s.len - 1};
	while (s.len) {
		size_t n = 0;
		while (n < s.len && s.at[n] != '|')
			n += s.at[n] == '\\' && n + 1 < s.len ? 2 : 1;
		struct span cell = trim((struct span){s.at, n < s.len ? n : s.len});
		if (!cells++)
			fputs(".TP\n", f);
		if (cell.len) {
			put_text(f, cell);
			fputs(cells <= 2 ? "\n" : "\n.br\n", f);
		}
		n = n < s.len ? n + 1 : s.len;
		s = (struct span){s.at + n, s.len - n};
	}
}

static bool is_rule(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!strchr("|-: ", s.at[i]))
			return false;
	}
	return true;
}

struct page {
	FILE *f;
	bool in_code, in_table;
	bool fenced; /* the code ends with ```, not with the first line that is not indented */
	bool after_blank;
};

static void put_code_line(struct page *p, struct span line)
{
	if (line.len && (line.at[0] == '.' || line.at[0] == '\''))
		fputs("\\&", p->f);
	for (size_t i = 0; i < line.len; i++)
		put_char(p->f, line.at[i]);
	fputc('\n', p->f);
}

static void page_code(struct page *p, bool on, bool fenced)
{
	fputs(on ? ".PP\n.RS 4\n.EX\n" : ".EE\n.RE\n", p->f);
	p->in_code = on;
	p->fenced = fenced;
}

/* Code, fenced or indented by four; true: the line was part of it. */
static bool page_code_line(struct page *p, struct span line)
{
	bool fence = starts(line, "```"), indented = starts(line, "    ");
	if (fence) {
		page_code(p, !p->in_code, true);
		return true;
	}
	if (p->in_code && !p->fenced && !indented)
		page_code(p, false, false);
	else if (!p->in_code && indented && p->after_blank)
		page_code(p, true, false);
	if (p->in_code)
		put_code_line(p, p->fenced ? line : (struct span){line.at + 4, line.len - 4});
	return p->in_code;
}

static void page_line(struct page *p, struct span line, struct span next)
{
	bool was_code = page_code_line(p, line);
	p->after_blank = !line.len;
	if (was_code)
		return;
	struct span text = trim(line);
	if (starts(text, "|")) {
		bool head = !p->in_table && starts(trim(next), "|") && is_rule(trim(next));
		p->in_table = true;
		if (!head && !is_rule(text))
			put_row(p->f, text);
		return;
	}
	p->in_table = false;
	if (starts(text, "# ") || starts(text, "<!--"))
		return; /* the page has its title already */
	if (starts(text, "## "))
		put_section(p->f, (struct span){text.at + 3, text.len - 3});
	else if (starts(text, "### "))
		put_line(p->f, ".SS ", (struct span){text.at + 4, text.len - 4});
	else if (starts(text, "- ") || starts(text, "* "))
		put_line(p->f, ".IP \\(bu 2\n", (struct span){text.at + 2, text.len - 2});
	else if (text.len)
		put_line(p->f, "", text);
	else
		fputs(".PP\n", p->f);
}

void man_from_markdown(FILE *f, const char *markdown)
{
	struct page p = {.f = f};
	fputs(".\\\" Generated from the schema by 'weft manual --man'.\n"
	      ".TH WEFT.YAML 5 \"\" weft \"File formats\"\n"
	      ".SH NAME\nweft.yaml \\- the document that describes a host to weftd\n.SH DESCRIPTION\n",
	      f);
	while (*markdown) {
		struct span line = {markdown, strcspn(markdown, "\n")};
		markdown += line.len + (markdown[line.len] == '\n');
		page_line(&p, line, (struct span){markdown, strcspn(markdown, "\n")});
	}
	fputs(".SH SEE ALSO\n.BR weft (1),\n.BR weftd (8)\n", f);
}
