/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened to which object. Libraries never print: they hand lines to the sink that the program
 * installed (stderr, the journal, the event ring). Never called on the packet path.
 */
#pragma once

#include <stdarg.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* object: "adapter vm1", "switch lab", "host"; text: one line, no newline. Called from any thread. */
typedef void log_sink_fn(enum log_level level, const char *object, const char *text);

void log_set_sink(log_sink_fn *sink); /* NULL: silence (the default) */
void log_set_level(enum log_level level); /* lines above it are not handed on; default INFO */
int log_level_parse(const char *name, enum log_level *ret_level); /* error|warning|info|debug; -EINVAL */
const char *log_level_name(enum log_level level);

void log_write(enum log_level level, const char *object, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
#define log_error(object, ...) log_write(LOG_LEVEL_ERROR, object, __VA_ARGS__)
#define log_warning(object, ...) log_write(LOG_LEVEL_WARNING, object, __VA_ARGS__)
#define log_info(object, ...) log_write(LOG_LEVEL_INFO, object, __VA_ARGS__)
#define log_debug(object, ...) log_write(LOG_LEVEL_DEBUG, object, __VA_ARGS__)
