/* SPDX-License-Identifier: Apache-2.0 */
/* How things look: colours, numbers for people, tables, JSON and YAML, words that may come from anywhere. */
#pragma once

#include <stdint.h>

#include <jansson.h>

#include "base/str.h"
#include "cli/command.h"

/* Zeroed memory; ends the program when there is none, so that no caller has to ask. */
void *cli_alloc(size_t size);
/* str_take with the same promise. The caller frees. */
char *cli_take(struct str *s);

enum style { STYLE_PLAIN, STYLE_GOOD, STYLE_BAD, STYLE_CHANGE, STYLE_FAINT, STYLE_STRONG };
/* The escape sequence that turns a style on, "" where there are no colours; style_off ends any. */
const char *style_on(const struct cli *c, enum style s);
const char *style_off(const struct cli *c);

/* Adds text with control characters replaced, so that no name reaches the terminal as an escape sequence. */
void text_add(struct str *s, const char *text);
/* Any JSON value on one line: strings bare, [a, b], {k: v}. */
void text_add_json(struct str *s, const json_t *value);
/* The same as a new string; the caller frees. NULL and null give "-". */
char *text_of_json(const json_t *value);

#define NUMBER_TEXT_SIZE 24
/* 12345678 -> "12345678", or "12.3M" for people. */
const char *number_format(uint64_t value, bool human, char buf[static NUMBER_TEXT_SIZE]);
/* Seconds -> "45s", "3m20s", "5h03m", "12d04h". */
const char *duration_format(uint64_t seconds, char buf[static NUMBER_TEXT_SIZE]);
/* Milliseconds since 1970 -> local "2026-03-01 14:03:22". */
#define TIME_TEXT_SIZE 32
const char *time_format(uint64_t wall_ms, char buf[static TIME_TEXT_SIZE]);

/* Prints json as -o json or -o yaml asks; false: the format is neither, nothing was printed. */
bool output_data(struct cli *c, const json_t *json);
