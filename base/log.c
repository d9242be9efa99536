/* SPDX-License-Identifier: Apache-2.0 */
/* Lines to the installed sink. Level and sink may change while other threads log. */
#include "base/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static _Atomic(log_sink_fn *) log_sink;
static _Atomic int log_level = LOG_LEVEL_INFO;

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};
enum { LEVELS = sizeof(level_names) / sizeof(level_names[0]) };

void log_set_sink(log_sink_fn *sink) { atomic_store(&log_sink, sink); }

void log_set_level(enum log_level level) { atomic_store(&log_level, (int)level); }

int log_level_parse(const char *name, enum log_level *ret_level)
{
	for (int i = 0; i < LEVELS; i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*ret_level = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *log_level_name(enum log_level level) { return (unsigned)level < LEVELS ? level_names[level] : "unknown"; }

void log_write(enum log_level level, const char *object, const char *fmt, ...)
{
	log_sink_fn *sink = atomic_load(&log_sink);
	if (!sink || (int)level > atomic_load(&log_level))
		return;

	char text[1024];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);

	/* One event is one line, whatever names and messages from outside hold. */
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	sink(level, object, text);
}
