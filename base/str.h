/* SPDX-License-Identifier: Apache-2.0 */
/* A growing string. Allocation failure is remembered in `failed`; str_take then returns NULL. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct str {
	char *text; /* NUL-terminated once anything was added */
	size_t len, cap;
	bool failed;
};

void str_add(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_add_bytes(struct str *s, const void *data, size_t len);
char *str_take(struct str *s); /* the text, "" if empty, NULL on failure; the caller frees; s is reset */
void str_free(struct str *s);

/* strdup that keeps NULL as NULL. */
char *str_dup(const char *text);
bool str_equal(const char *a, const char *b); /* NULL equals NULL only */

/* 0 to 15, or -1: no hexadecimal digit. */
int str_hex_digit(char c);

/* Text from outside made fit for one line of an error: cut with "..." when long, control characters as '?'. */
#define STR_SHOW_SIZE 56
const char *str_show(const char *text, char buf[static STR_SHOW_SIZE]);
