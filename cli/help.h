/* SPDX-License-Identifier: Apache-2.0 */
/* Help texts, all from the commands' own tables. */
#pragma once

#include "cli/command.h"

void help_usage(FILE *f, const struct command *c); /* "usage: weft apply FILE|- [--dry-run] ..." */
void help_command(FILE *f, const struct command *c);
/* The commands that begin with that word, how each is used. */
void help_group(FILE *f, const char *word);
void help_all(FILE *f);
