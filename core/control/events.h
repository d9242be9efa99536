/* SPDX-License-Identifier: Apache-2.0 */
/* The last few thousand things that happened, for `weft events`; fed by log_write. Any thread. */
#pragma once

#include <stdint.h>

#include "base/log.h"

typedef struct json_t json_t;

#define EVENTS_KEPT 4096

void events_add(enum log_level level, const char *object, const char *text);
/* So many frames ended under a reason (static), a warning that is in no log. */
void events_add_drop(const char *object, const char *text, const char *reason, uint64_t frames);
/* Events with a number above `after`: array of {number, time (ms since 1970), level, object, text}, of drops with
 * {reason, frames} as well. New reference. */
json_t *events_since(uint64_t after);
/* From now on fn(arg) is called on the control thread soon after events came, once for all that came
 * meanwhile; it asks events_since what is new. Both on the control thread, inside fn too. -ENOMEM. */
int events_subscribe(void (*fn)(void *arg), void *arg);
void events_unsubscribe(void (*fn)(void *arg), void *arg);

/* Forgets everything and counts from 1 again. Before the first thread starts. */
void events_init(void);
