/* SPDX-License-Identifier: Apache-2.0 */
/* `weft help`, and how a command is used. */
#include "cli/help.h"

#include <string.h>

#include "cli/args.h"

#define HELP_COLUMN 28 /* where explanations start */

static void print_option_usage(FILE *f, const struct command_option *o)
{
	fputs(o->required ? " " : " [", f);
	if (o->letter)
		fprintf(f, "-%c", o->letter);
	else
		fprintf(f, "--%s", o->name);
	if (o->value)
		fprintf(f, " %s%s", o->value, o->many ? "..." : "");
	fputs(o->required ? "" : "]", f);
}

void help_usage(FILE *f, const struct command *c)
{
	fprintf(f, "usage: weft %s%s%s", c->words, *c->usage ? " " : "", c->usage);
	for (const struct command_option *o = c->options; o && o->name; o++)
		print_option_usage(f, o);
	fputc('\n', f);
}

static void print_pair(FILE *f, const char *left, const char *right)
{
	int pad = HELP_COLUMN - 2 - (int)strlen(left);
	if (pad < 2)
		fprintf(f, "  %s\n%*s%s\n", left, HELP_COLUMN, "", right);
	else
		fprintf(f, "  %s%*s%s\n", left, pad, "", right);
}

static void print_options(FILE *f, const struct command_option *o)
{
	for (; o && o->name; o++) {
		char left[96], letter[8] = "";
		if (o->letter)
			snprintf(letter, sizeof(letter), "-%c, ", o->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s%s", letter, o->name, o->value ? " " : "",
			 o->value ? o->value : "", o->many ? "..." : "");
		print_pair(f, left, o->help);
	}
}

void help_command(FILE *f, const struct command *c)
{
	fprintf(f, "weft %s: %s\n\n", c->words, c->help);
	help_usage(f, c);
	if (c->more)
		fprintf(f, "\n%s\n", c->more);
	if (c->options) {
		fputs("\nOptions:\n", f);
		print_options(f, c->options);
	}
	fputs("\nFor every command:\n", f);
	print_options(f, args_global_options);
}

void help_group(FILE *f, const char *word)
{
	fprintf(f, "weft %s: one of these\n\n", word);
	for (const struct command *c = command_first(); c; c = c->next) {
		size_t len = strlen(word);
		if (strncmp(c->words, word, len) != 0 || c->words[len] != ' ')
			continue;
		char left[96];
		snprintf(left, sizeof(left), "%s%s%s", c->words, *c->usage ? " " : "", c->usage);
		print_pair(f, left, c->help);
	}
	fprintf(f, "\n'weft help %s COMMAND' says more\n", word);
}

void help_all(FILE *f)
{
	static const char *const title[COMMAND_GROUPS] = {
		[COMMAND_DOCUMENT] = "The host's document",
		[COMMAND_STATE] = "What is and what happened",
		[COMMAND_FRAMES] = "Frames",
		[COMMAND_HELP] = "Help",
	};
	fputs("weft: the virtual switch of this host\n\n"
	      "usage: weft [--socket PATH] [-o table|json|yaml] COMMAND ...\n",
	      f);
	int group = -1;
	for (const struct command *c = command_first(); c; c = c->next) {
		if ((int)c->group != group) {
			group = (int)c->group;
			fprintf(f, "\n%s:\n", title[group]);
		}
		char left[96];
		snprintf(left, sizeof(left), "%s %s", c->words, c->usage);
		print_pair(f, left, c->help);
	}
	fputs("\nFor every command, before or after the words:\n", f);
	print_options(f, args_global_options);
	fputs("\n'weft help COMMAND' says more, weft(1) and weft.yaml(5) say all.\n"
	      "Exit: 0 done, 1 refused, 2 wrong usage, 3 weftd cannot be reached.\n",
	      f);
}

/* For the shell's completion: "apply --dry-run --confirm-within= ..." a line each. */
static void print_words(FILE *f)
{
	for (const struct command *c = command_first(); c; c = c->next) {
		fputs(c->words, f);
		for (const struct command_option *o = c->options; o && o->name; o++)
			fprintf(f, " --%s%s", o->name, o->value ? "=" : "");
		fputc('\n', f);
	}
}

static int help(struct cli *c, const struct command_args *a)
{
	if (args_flag(a, "words")) {
		print_words(c->out);
		return CLI_OK;
	}
	if (!a->n_words) {
		help_all(c->out);
		return CLI_OK;
	}
	size_t used = a->n_words;
	const struct command *about = command_find(a->word, a->n_words, &used);
	if (!about && a->n_words == 1 && command_is_group(a->word[0])) {
		help_group(c->out, a->word[0]);
		return CLI_OK;
	}
	if (!about || used != a->n_words)
		return cli_usage_error(c, NULL, "no command '%s'", a->word[a->n_words - 1]);
	help_command(c->out, about);
	return CLI_OK;
}

static const struct command_option help_options[] = {
	{.name = "words", .help = "all commands with their options, a line each, for scripts"},
	{0},
};

COMMAND(help, .words = "help", .group = COMMAND_HELP, .usage = "[COMMAND]", .max_words = 3, .options = help_options,
	.help = "what there is, or how one command is used", .fn = help);
