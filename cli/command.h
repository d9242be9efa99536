/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command of `weft`. Each one registers itself with COMMAND, so that a module brings its own: a file in
 * modules/<m>/cli/ and `module_cli_sources += files('cli/x.c')` in the module's meson.build. Options, their
 * checks, help and completion all come from the table given here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What the shell gets. */
enum cli_exit {
	CLI_OK = 0,
	CLI_REFUSED = 1, /* weftd or this machine said no; `diff`: there is something to change */
	CLI_USAGE = 2, /* the command line is wrong */
	CLI_UNREACHABLE = 3, /* weftd cannot be reached */
	CLI_INVALID = 4, /* `diff` only: the document is refused */
};

enum cli_format { CLI_FORMAT_DEFAULT, CLI_FORMAT_TABLE, CLI_FORMAT_JSON, CLI_FORMAT_YAML };

/* Where a command prints and whom it asks. */
struct cli {
	FILE *out, *err;
	const char *socket; /* path of weftd's socket */
	enum cli_format format;
	bool tty; /* out is a terminal: numbers for people, live screens */
	bool colour; /* and may be coloured */
};

struct command_option {
	const char *name; /* without dashes: "confirm-within" */
	char letter; /* 'w' for -w; 0: none */
	const char *value; /* "SECONDS"; NULL: the option is a flag */
	bool required;
	bool many; /* takes all words up to the next option: --follow A B */
	const char *help; /* one line, small first letter, no full stop */
};

enum command_group { COMMAND_DOCUMENT, COMMAND_STATE, COMMAND_FRAMES, COMMAND_HELP, COMMAND_GROUPS };

struct command_args;

struct command {
	const char *words; /* "apply"; several words for a command under another: "extension add" */
	enum command_group group;
	const char *usage; /* its words behind that: "[KIND [NAME]]"; "" for none */
	unsigned min_words, max_words; /* how many of those */
	const struct command_option *options; /* ends with a name of NULL; NULL: none */
	const char *help; /* one line, small first letter, no full stop */
	const char *more; /* paragraphs for `weft help`, lines broken; NULL: none */
	int (*fn)(struct cli *c, const struct command_args *a); /* enum cli_exit */
	struct command *next;
};

void command_register(struct command *c);
#define COMMAND(ident, ...)                                                                                          \
	static struct command command_##ident = {__VA_ARGS__};                                                       \
	__attribute__((constructor)) static void command_register_##ident(void)                                      \
	{                                                                                                            \
		command_register(&command_##ident);                                                                  \
	}

/* All commands by group and name; the first of a list. */
const struct command *command_first(void);
/* The command that most of the n leading words name; *ret_used says how many words. NULL: none. */
const struct command *command_find(const char *const *word, size_t n, size_t *ret_used);
/* Is this the first word of commands of several words ("record")? */
bool command_is_group(const char *word);
/* A known command that `word` may be a slip of the finger for; NULL: none. */
const struct command *command_guess(const char *word);

/* What the user gave to a command; see args.c. Checked against its table already. */
struct command_given {
	const struct command_option *option;
	const char *value; /* NULL for a flag */
};

struct command_args {
	const struct command *command;
	const char **word;
	size_t n_words;
	struct command_given *given;
	size_t n_given;
};

bool args_flag(const struct command_args *a, const char *option);
/* The n-th value given for an option, NULL beyond. */
const char *args_nth(const struct command_args *a, const char *option, size_t n);
/* The last value given for an option; NULL: not given. */
const char *args_value(const struct command_args *a, const char *option);
/* *value becomes the option's number if it was given. CLI_OK, or CLI_USAGE after saying why. */
int args_number(struct cli *c, const struct command_args *a, const char *option, uint64_t min, uint64_t max,
		uint64_t *value);
/* The n-th word, NULL beyond. */
const char *args_word(const struct command_args *a, size_t n);

/* Prints "error: ..." and how the command is used (command NULL: where help is). Returns CLI_USAGE. */
int cli_usage_error(struct cli *c, const struct command *command, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Prints "error: ..."; returns CLI_REFUSED. */
int cli_refuse(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The whole program but for the process: what main() calls and tests call. Returns enum cli_exit. */
int cli_main(int argc, const char *const *argv, FILE *out, FILE *err);
