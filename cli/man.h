/* SPDX-License-Identifier: Apache-2.0 */
/* The little Markdown that schema_manual() writes, as a man page. */
#pragma once

#include <stdio.h>

/* Headings, paragraphs, lists, tables (first cell: term, the rest: its text), code blocks, `code`, **bold**.
 * The page is weft.yaml(5). */
void man_from_markdown(FILE *f, const char *markdown);
