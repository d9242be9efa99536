/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User-facing errors. A function that can fail on the user's behalf returns 0 or -errno and, on
 * failure, fills a struct err: which object and field, what was wrong, what would be right.
 * Nothing has changed when an err is shown.
 */
#pragma once

#include <stdarg.h>

struct err {
	char path[160]; /* "adapters[3].vlan.id"; empty when the error concerns no one field */
	char text[480]; /* one sentence without a full stop: "4095 is reserved; use 0-4094" */
};

/* Fills e (NULL ok) and returns -code, so that callers write `return err_set(e, EINVAL, path, ...)`.
 * path NULL leaves the path empty. */
int err_set(struct err *e, int code, const char *path, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Puts "prefix." (or "prefix" before a '[') in front of the path that e has already. */
void err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "path: text", or the text alone. Returns a pointer into buf. */
const char *err_format(const struct err *e, char *buf, unsigned long size);
