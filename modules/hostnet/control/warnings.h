/* SPDX-License-Identifier: Apache-2.0 */
/* What the administrator should know before an interface is taken over. */
#pragma once

struct api_document;
struct takeover;
typedef struct json_t json_t;

/* Appends to `warnings` (an array of strings). tap: the adapter that carries on; "": none. */
void warn_of_takeover(const struct takeover *t, const char *tap, const struct api_document *doc, json_t *warnings);
