/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the command line twice: once to find the command among words and options that may stand before it,
 * once more to check everything against that command's table.
 */
#include "cli/args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"

const struct command_option args_global_options[] = {
	{.name = "socket", .value = "PATH", .help = "weftd's socket (else WEFT_SOCKET, else /run/weft/weftd.sock)"},
	{.name = "output", .letter = 'o', .value = "table|json|yaml", .help = "form of the answer"},
	{.name = "no-color", .help = "no colours (as NO_COLOR in the environment)"},
	{.name = "help", .letter = 'h', .help = "how the command is used"},
	{.name = "version", .help = "the version of weft"},
	{0},
};

/* One option as it stands on the command line: --name, --name=value, -l, -lvalue. */
struct token {
	const char *name;
	size_t name_len;
	char letter; /* 0: long form */
	const char *value; /* behind '=' or the letter; NULL: none there */
};

static bool is_option(const char *arg) { return arg[0] == '-' && arg[1]; } /* "-" alone is a word: stdin */

static struct token token_of(const char *arg)
{
	if (arg[1] != '-') {
		const char *value = arg + 2 + (arg[2] == '=');
		return (struct token){
			.name = arg + 1, .name_len = 1, .letter = arg[1], .value = arg[2] ? value : NULL};
	}
	const char *eq = strchr(arg + 2, '=');
	return (struct token){.name = arg + 2,
			      .name_len = eq ? (size_t)(eq - arg - 2) : strlen(arg + 2),
			      .value = eq ? eq + 1 : NULL};
}

static const struct command_option *option_in(const struct command_option *o, const struct token *t)
{
	for (; o && o->name; o++) {
		if (t->letter ? o->letter == t->letter
			      : strlen(o->name) == t->name_len && !memcmp(o->name, t->name, t->name_len))
			return o;
	}
	return NULL;
}

static bool is_global(const struct command_option *o)
{
	for (const struct command_option *g = args_global_options; g->name; g++) {
		if (g == o)
			return true;
	}
	return false;
}

/* While the command is not known: does this option take the next argument? One that is a flag for any command
 * (events --follow) does not. */
static bool takes_next(const struct token *t)
{
	if (t->value)
		return false;
	const struct command_option *o = option_in(args_global_options, t);
	if (o)
		return o->value != NULL;
	bool valued = false;
	for (const struct command *c = command_first(); c; c = c->next) {
		o = option_in(c->options, t);
		if (o && !o->value)
			return false;
		valued = valued || o;
	}
	return valued;
}

static const struct command *find_command(int argc, const char *const *argv, const char **word, size_t *ret_used)
{
	size_t n = 0;
	bool only_words = false;
	for (int i = 1; i < argc; i++) {
		if (!only_words && !strcmp(argv[i], "--")) {
			only_words = true;
		} else if (!only_words && is_option(argv[i])) {
			struct token t = token_of(argv[i]);
			i += takes_next(&t);
		} else {
			word[n++] = argv[i];
		}
	}
	*ret_used = n; /* nothing matched: how many words there were */
	return command_find(word, n, ret_used);
}

static int take_global(struct cli *c, const struct command_option *o, const char *value, enum args_wish *wish)
{
	if (!strcmp(o->name, "socket")) {
		c->socket = value;
	} else if (!strcmp(o->name, "no-color")) {
		c->colour = false;
	} else if (!strcmp(o->name, "help")) {
		*wish = ARGS_HELP;
	} else if (!strcmp(o->name, "version")) {
		*wish = ARGS_VERSION;
	} else if (str_equal(value, "table")) {
		c->format = CLI_FORMAT_TABLE;
	} else if (str_equal(value, "json")) {
		c->format = CLI_FORMAT_JSON;
	} else if (str_equal(value, "yaml")) {
		c->format = CLI_FORMAT_YAML;
	} else {
		return cli_usage_error(c, NULL, "--output: unknown form '%s'; use table, json or yaml", value);
	}
	return CLI_OK;
}

/* The option at argv[*i] with its values, noted in a. */
static int take_option(struct cli *c, int argc, const char *const *argv, int *i, struct command_args *a,
		       enum args_wish *wish)
{
	const char *arg = argv[*i];
	struct token t = token_of(arg);
	const struct command_option *o = option_in(args_global_options, &t);
	if (!o && a->command)
		o = option_in(a->command->options, &t);
	if (!o && a->command)
		return cli_usage_error(c, a->command, "'%s' has no option %s", a->command->words, arg);
	if (!o)
		return CLI_OK; /* without a command the missing command is what there is to say */
	if (!o->value && t.value)
		return cli_usage_error(c, a->command, "--%s takes no value", o->name);
	if (o->value && !t.value) {
		if (*i + 1 >= argc)
			return cli_usage_error(c, a->command, "--%s needs a value: %s", o->name, o->value);
		t.value = argv[++*i];
	}
	if (is_global(o))
		return take_global(c, o, t.value, wish);
	a->given[a->n_given++] = (struct command_given){.option = o, .value = t.value};
	while (o->many && *i + 1 < argc && !is_option(argv[*i + 1]))
		a->given[a->n_given++] = (struct command_given){.option = o, .value = argv[++*i]};
	return CLI_OK;
}

static int check_complete(struct cli *c, const struct command_args *a)
{
	const struct command *cmd = a->command;
	if (a->n_words < cmd->min_words)
		return cli_usage_error(c, cmd, "'%s' needs more: %s", cmd->words, cmd->usage);
	if (a->n_words > cmd->max_words)
		return cli_usage_error(c, cmd, "'%s' is one word too many", a->word[cmd->max_words]);
	for (const struct command_option *o = cmd->options; o && o->name; o++) {
		if (o->required && !args_flag(a, o->name))
			return cli_usage_error(c, cmd, "'%s' needs --%s %s", cmd->words, o->name, o->value);
	}
	return CLI_OK;
}

static bool asks_for_help(int argc, const char *const *argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

int args_parse(struct cli *c, int argc, const char *const *argv, struct command_args *a, enum args_wish *ret_wish)
{
	*a = (struct command_args){
		.word = cli_alloc(((size_t)argc + 1) * sizeof(*a->word)),
		.given = cli_alloc(((size_t)argc + 1) * sizeof(*a->given)),
	};
	enum args_wish wish = ARGS_RUN;
	size_t used;
	a->command = find_command(argc, argv, a->word, &used);
	if (!a->command && used && command_is_group(a->word[0])) {
		if (used == 1 && asks_for_help(argc, argv)) {
			*ret_wish = ARGS_HELP_GROUP;
			return CLI_OK;
		}
		return used == 1 ? cli_usage_error(c, NULL, "'%s' needs more: 'weft help %s' lists what", a->word[0],
						   a->word[0])
				 : cli_usage_error(c, NULL,
						   "no command '%s %s'; 'weft help %s' lists those that there are",
						   a->word[0], a->word[1], a->word[0]);
	}
	if (!a->command && used) {
		const struct command *guess = command_guess(a->word[0]);
		return guess ? cli_usage_error(c, NULL, "no command '%s'; did you mean '%s'?", a->word[0],
					       guess->words)
			     : cli_usage_error(c, NULL, "no command '%s'", a->word[0]);
	}

	bool only_words = false;
	for (int i = 1; i < argc; i++) {
		if (!only_words && !strcmp(argv[i], "--")) {
			only_words = true;
		} else if (!only_words && is_option(argv[i])) {
			int r = take_option(c, argc, argv, &i, a, &wish);
			if (r)
				return r;
		} else if (used) {
			used--; /* one of the command's own words */
		} else {
			a->word[a->n_words++] = argv[i];
		}
	}
	if (!a->command && wish == ARGS_RUN)
		return cli_usage_error(c, NULL, "no command given");
	if (wish == ARGS_RUN) {
		int r = check_complete(c, a);
		if (r)
			return r;
	}
	*ret_wish = wish;
	return CLI_OK;
}

void args_free(struct command_args *a)
{
	free(a->word);
	free(a->given);
	*a = (struct command_args){0};
}

const char *args_nth(const struct command_args *a, const char *option, size_t n)
{
	for (size_t i = 0; i < a->n_given; i++) {
		if (!strcmp(a->given[i].option->name, option) && n-- == 0)
			return a->given[i].value;
	}
	return NULL;
}

const char *args_value(const struct command_args *a, const char *option)
{
	const char *value = NULL;
	for (size_t i = 0; i < a->n_given; i++) {
		if (!strcmp(a->given[i].option->name, option))
			value = a->given[i].value;
	}
	return value;
}

bool args_flag(const struct command_args *a, const char *option)
{
	for (size_t i = 0; i < a->n_given; i++) {
		if (!strcmp(a->given[i].option->name, option))
			return true;
	}
	return false;
}

int args_number(struct cli *c, const struct command_args *a, const char *option, uint64_t min, uint64_t max,
		uint64_t *value)
{
	const char *text = args_value(a, option);
	if (!text)
		return CLI_OK;
	char *end;
	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	if (errno || *end || text[0] < '0' || text[0] > '9' || v < min || v > max)
		return cli_usage_error(c, a->command, "--%s: '%s' is not a number from %llu to %llu", option, text,
				       (unsigned long long)min, (unsigned long long)max);
	*value = v;
	return CLI_OK;
}

const char *args_word(const struct command_args *a, size_t n) { return n < a->n_words ? a->word[n] : NULL; }
