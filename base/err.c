/* SPDX-License-Identifier: Apache-2.0 */
/* Filling and printing struct err. Text too long for it is cut: an error about an error helps nobody. */
#include "base/err.h"

#include <stdio.h>
#include <string.h>

int err_set(struct err *e, int code, const char *path, const char *fmt, ...)
{
	if (e) {
		va_list args;

		/* The arguments may point into e itself (a caller adding to what an inner call said). */
		struct err next;
		snprintf(next.path, sizeof(next.path), "%s", path ? path : "");
		va_start(args, fmt);
		vsnprintf(next.text, sizeof(next.text), fmt, args);
		va_end(args);
		*e = next;
	}
	return -code;
}

void err_prefix(struct err *e, const char *fmt, ...)
{
	if (!e)
		return;

	char prefix[sizeof(e->path)], path[sizeof(e->path)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(prefix, sizeof(prefix), fmt, args);
	va_end(args);
	memcpy(path, e->path, sizeof(path));

	const char *joint = !path[0] || path[0] == '[' || !prefix[0] ? "" : ".";
	size_t at = strlen(prefix), dot = strlen(joint);
	memcpy(e->path, prefix, at + 1);
	snprintf(e->path + at, sizeof(e->path) - at, "%s", joint);
	if (at + dot < sizeof(e->path))
		snprintf(e->path + at + dot, sizeof(e->path) - at - dot, "%s", path);
}

const char *err_format(const struct err *e, char *buf, unsigned long size)
{
	snprintf(buf, size, "%s%s%s", e->path, e->path[0] ? ": " : "", e->text);
	return buf;
}
