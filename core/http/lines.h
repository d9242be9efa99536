/* SPDX-License-Identifier: Apache-2.0 */
/* An answer of JSON lines that are made one after the other, such as the results of a ping. Control thread. */
#pragma once

#include <jansson.h>

struct http_lines;
struct http_response;

/* Makes ret such an answer. gone(arg) is called if the client leaves before http_lines_end; there are no lines then any
 * more. NULL: no memory, and ret says so. */
struct http_lines *http_lines_begin(struct http_response *ret, void (*gone)(void *arg), void *arg);
void http_lines_add(struct http_lines *l, json_t *line); /* takes the reference */
void http_lines_end(struct http_lines *l); /* the last was added; l is the server's from here on */
