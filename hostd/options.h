/* SPDX-License-Identifier: Apache-2.0 */
/* weftd's command line. */
#pragma once

#include "base/log.h"
#include "core/runtime/eal.h"
#include "core/runtime/worker.h"

struct err;

enum options_mode {
	OPTIONS_RUN,
	OPTIONS_GUARD, /* --guard FOLDER: this process guards an unconfirmed change (weftd starts it so) */
	OPTIONS_RESTORE, /* --restore: give interfaces back to the host and end */
	OPTIONS_HELP,
	OPTIONS_VERSION,
};

struct options {
	enum options_mode mode;
	const char *socket; /* all strings: the caller's argv, environment, or static */
	const char *state;
	unsigned cores[WORKERS_MAX];
	unsigned n_cores; /* 0: one worker that runs wherever the scheduler puts it */
	struct eal_options eal;
	enum log_level log_level;
};

extern const char options_help[];

/* -EINVAL: e says what is wrong and what would be right; *ret untouched. */
int options_parse(int argc, char **argv, struct options *ret, struct err *e);
