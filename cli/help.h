/* SPDX-License-Identifier: Apache-2.0 */
/* Help texts, all from the commands' own tables. */
#pragma once

#include "cli/command.h"

void help_usage(FILE *f, const struct command *c); /* "usage: weft apply FILE|- [--dry-run] ..." */
void help_command(FILE *f, const struct command *c);
void help_all(FILE *f);
