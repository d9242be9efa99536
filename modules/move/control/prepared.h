/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which adapters were prepared here and have not been active yet, kept over restarts: what a record says alone does
 * not tell a guest that is to come from one that has gone.
 */
#pragma once

#include <stdbool.h>

struct err;
typedef struct json_t json_t;

void move_prepared_load(void);
void move_prepared_unload(void);
/* The records that came with it, array of what identifies them; NULL: it was not prepared here. Borrowed. */
const json_t *move_prepared_get(const char *adapter);
/* More records of it, or of a new one. -errno: not kept, nothing has changed. */
int move_prepared_add(const char *adapter, const json_t *records, struct err *e);
void move_prepared_forget(const char *adapter);
/* Forgets those of which is_over says so. */
void move_prepared_sweep(bool (*is_over)(const char *adapter));
