/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: global options, the command's words, its options, in any order. */
#pragma once

#include "cli/command.h"

/* What a parsed command line asks for. */
enum args_wish { ARGS_RUN, ARGS_HELP, ARGS_HELP_GROUP /* of a->word[0] */, ARGS_VERSION };

extern const struct command_option args_global_options[];

/* Fills c's socket and format, clears c->colour for --no-color, and fills a. CLI_OK, or CLI_USAGE after saying
 * what is wrong. a->command is NULL only with ARGS_HELP, ARGS_HELP_GROUP and ARGS_VERSION. Free a with args_free either way. */
int args_parse(struct cli *c, int argc, const char *const *argv, struct command_args *a, enum args_wish *ret_wish);
void args_free(struct command_args *a);
